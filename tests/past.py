"""What tests of backfilling share: a newspaper's past, and a tracker that asks for it."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from daemons import rows
from warcs import http, record

from tickertrack import Tracker
from tickertrack.backfill import Order, Plan, Report, backfill, plan
from tickertrack.config import load_config
from tickertrack.markets import load_market
from tickertrack.shift import Shift
from tickertrack.site.newsroom import Newsroom
from tickertrack.site.paper import Paper
from tickertrack.site.telling import tell
from tickertrack.site.walk import Walk
from tickertrack.sources.warc import copies_after
from tickertrack.sources.warc.captures import Copy as Kept

KARACHI = ZoneInfo("Asia/Karachi")
SITE = "https://www.harbour-courier.example"
MONDAY = date(2024, 5, 6)
# Five captures of each session: before the open (which shows the one before), three in it, after.
LOOKS = (time(8, 0), time(10, 5), time(12, 20), time(14, 50), time(17, 35))


# --- the past ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A page of the newspaper as it was captured once."""

    url: str
    captured_at: datetime
    body: bytes

    @property
    def digest(self) -> str:
        """SHA-1 of the body, as archives write it."""
        return base64.b32encode(hashlib.sha1(self.body, usedforsecurity=False).digest()).decode()

    @property
    def stamp(self) -> str:
        """The time in 14 digits."""
        return f"{self.captured_at:%Y%m%d%H%M%S}"

    def record(self, **more: str | None) -> bytes:
        """Lay it out as a WARC record."""
        named = {
            "WARC_Target_URI": self.url,
            "WARC_Date": f"{self.captured_at:%Y-%m-%dT%H:%M:%SZ}",
            "WARC_Payload_Digest": f"sha1:{self.digest}",
        }
        length = ("Content-Length", str(len(self.body)))
        block = http(self.body, ("Content-Type", "text/html; charset=utf-8"), length)
        return record(block, **named | more)


@cache
def copies(sessions: int = 5) -> tuple[Copy, ...]:
    """Capture the newspaper five times a day; each article is captured several times."""
    market = load_market("psx")
    newsroom = Newsroom(market, MONDAY - timedelta(days=30))
    paper = Paper(newsroom, Walk(market, newsroom.first, newsroom.pushes))
    moments = [
        datetime.combine(MONDAY + timedelta(days=number + number // 5 * 2), look, KARACHI)
        for number in range(sessions)
        for look in LOOKS
    ]
    return tuple(_copy(paper, moment, number) for number, moment in enumerate(moments))


def _copy(paper: Paper, moment: datetime, number: int) -> Copy:
    piece = next(islice(paper.newsroom.newest(moment), number % 3, None))
    path = tell(piece, paper.walk).path
    content = paper.at(path, moment)
    assert content is not None
    return Copy(f"{SITE}{path}", moment.astimezone(UTC), content.body)


# --- a tracker that asks for it ------------------------------------------------------------------


def tracker_folder(folder: Path, port: int) -> Path:
    """Lay out a tracker of the newspaper that may ask an archive on this machine."""
    (folder / "publishers").mkdir(parents=True, exist_ok=True)
    shutil.copy(shipped_publisher(), folder / "publishers")
    (folder / "config.toml").write_text(
        '[collect]\npublishers = ["courier"]\nper_host_delay = 0\n'
        f'allow_private = ["127.0.0.1:{port}"]\n'
    )
    return folder


def shipped_publisher() -> Path:
    return Path(__file__).parents[1] / "tickertrack" / "sample" / "publishers" / "courier.toml"


class Clock:
    """A clock that goes on only when somebody waits."""

    def __init__(self, moment: datetime = datetime(2024, 6, 1, tzinfo=UTC)) -> None:
        """Stand at a time."""
        self.moment = moment

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.moment

    def advance(self, **by: float) -> None:
        """Go on."""
        self.moment += timedelta(**by)


@dataclass
class IdleShift(Shift):
    """A shift whose waits take no time but its clock's."""

    now: Clock

    def wait(self, seconds: float) -> None:
        """Let the time go by."""
        self.now.advance(seconds=seconds)


def fetched(folder: Path, source: str, clock: Clock | None = None, **more: Any) -> Report:
    """Run one backfill in this process."""
    order = Order(source, **{"publisher": "courier"} | more)
    with opened(folder) as tracker:
        return backfill(IdleShift(tracker, clock or Clock()), order)


def planned(folder: Path, source: str, **more: Any) -> Plan:
    """Ask what there is to fetch, in this process."""
    with opened(folder) as tracker:
        return plan(IdleShift(tracker, Clock()), Order(source, "courier", **more))


def opened(folder: Path) -> Tracker:
    """Open the tracker of a folder."""
    return Tracker(load_config(folder / "config.toml", {}))


def kept(folder: Path) -> list[str]:
    """List what the archive's files of a folder hold, by time and address."""
    files = sorted((folder / "archive").glob("backfill-*.warc.gz"))
    found = [one for file in files for one in copies_after(file, 0)]
    return [f"{one.captured_at:%Y%m%d%H%M%S} {one.url}" for one in found if isinstance(one, Kept)]


def states(folder: Path) -> Counter[str]:
    """Count the captures by what became of them."""
    return Counter(row["state"] for row in rows(folder, "SELECT state FROM captures"))
