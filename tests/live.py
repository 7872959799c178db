"""What live tests share: the sample site, a tracker that reads it, and days that go by."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from daemons import ROOT, rows, until

from tickertrack import Tracker
from tickertrack.collect import collect
from tickertrack.config import load_config
from tickertrack.daemon import Daemon
from tickertrack.models import Outcome
from tickertrack.shift import Shift
from tickertrack.site import SampleSite

KARACHI = ZoneInfo("Asia/Karachi")
MONDAY = date(2024, 5, 6)
# Before the open, three times in the session, after the close, in the evening.
LOOKS = (time(8, 45), time(10, 5), time(12, 20), time(14, 50), time(17, 35), time(21, 10))


@dataclass
class World:
    """A site and a folder with a tracker that reads it."""

    site: SampleSite
    folder: Path

    def tracker(self) -> Tracker:
        """Open the tracker."""
        return Tracker(load_config(self.folder / "config.toml", {}))

    def collect(self, seconds: float = 600.0) -> Outcome:
        """Run one round in this process."""
        with self.tracker() as tracker:
            return collect(Shift(tracker, self.site.clock, seconds))

    def daemon(self) -> Daemon:
        """Make a daemon that goes by the site's clock."""
        return Daemon(load_config(self.folder / "config.toml", {}), self.site.clock, tick=0.2)

    def look(self, day: date, at: time) -> None:
        """Move the clock to a time of a day, and wait until a running daemon has collected."""
        moment = datetime.combine(day, at, KARACHI)
        self.site.clock.move_to(moment)
        stamp = moment.astimezone(UTC).isoformat()
        done = f"SELECT 1 FROM runs WHERE job = 'collect' AND finished_at >= '{stamp}'"
        until(lambda: rows(self.folder, done), 30)

    def requests(self, path: str = "") -> list[Any]:
        """List the requests to all paths that begin so."""
        return [request for request in self.site.log if request.path.startswith(path)]


@contextmanager
def world(
    folder: Path, start: time = time(8), *, jobs: tuple[str, ...] = ("collect",)
) -> Iterator[World]:
    """Open a site on a Monday morning, with a tracker that knows it and has these jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    with SampleSite(folder, datetime.combine(MONDAY, start, KARACHI)) as site:
        site.write_tracker(folder)
        (folder / "jobs").mkdir()
        for name in jobs:
            shutil.copy(ROOT / "jobs" / f"{name}.py", folder / "jobs")
        yield World(site, folder)


def sessions(count: int) -> list[date]:
    """List the first weekdays from the Monday on."""
    days = (MONDAY + timedelta(days=number) for number in range(count * 2))
    return [day for day in days if day.weekday() < 5][:count]
