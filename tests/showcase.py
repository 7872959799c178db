"""A season of the invented newspaper in a database, for pages to show: gaps and all.

python tests/showcase.py FOLDER [SESSIONS]      # makes FOLDER/tickertrack.db
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from tickertrack import Tracker
from tickertrack.config import load_config
from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import Outcome
from tickertrack.site.newsroom import Newsroom
from tickertrack.site.strip import strip_at
from tickertrack.site.telling import Told, tell
from tickertrack.site.walk import Walk
from tickertrack.store.runs import RunBook, Times

FIRST, LAST = date(2024, 1, 1), date(2024, 5, 8)
SITE = "https://www.harbour-courier.example"
# When the paper is looked at: before the open, in the session, after the close, in the evening.
LOOKS = (time(8, 45), time(10, 50), time(14, 50), time(17, 45), time(21, 45))
# Sessions, counted from the first one, of which no strip was kept, nor of the morning after.
UNSEEN = {1, 2, 3, 19, 31, 32, 46, 59, 73}

_CONFIG = """\
[database]
path = "tickertrack.db"

[collect]
publishers = ["courier"]
"""
_PUBLISHER = """\
name = "courier"
title = "The Harbour Courier, an invented newspaper"
hosts = ["www.harbour-courier.example"]
timezone = "Asia/Karachi"
market = "psx"
article = '^/news/(?P<id>[0-9]{5,})(?:/|$)'

[[dialects]]
name = "brecorder-2022"
from = 2021-11-01
"""


def make(folder: Path, sessions: int = 80, more: Sequence[dict[str, Any]] = ()) -> Path:
    """Ingest the last so many sessions, with more pages if given; give the settings' path."""
    (folder / "publishers").mkdir(parents=True)
    config = folder / "config.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    (folder / "publishers" / "courier.toml").write_text(_PUBLISHER, encoding="utf-8")
    pages = folder / "pages.jsonl"
    records = (json.dumps(page, ensure_ascii=False) for page in (*season(sessions), *more))
    pages.write_text("\n".join(records), encoding="utf-8")
    with Tracker(load_config(config, environ={})) as tracker:
        tracker.ingest(pages)
        keep_runs(tracker)
    return config


def season(sessions: int) -> Iterator[dict[str, Any]]:
    """Yield what was captured: at each look all that is new since the last one."""
    market = load_market("psx")
    newsroom = Newsroom(market, FIRST)
    walk = Walk(market, FIRST, newsroom.pushes)
    days = [day.session for day in sessions_between(market, FIRST, LAST)][-sessions:]
    before = datetime.combine(days[0], time(6), market.zone)
    for place, day in enumerate(days):
        for look in LOOKS:
            at = datetime.combine(day, look, market.zone)
            new = [one for one in newsroom.newest(at) if before < one.published]
            # Without their strip, as feeds have them.
            lines = () if _is_unseen(place, look) else strip_at(walk.at(at)).lines
            shown = [page(tell(piece, walk), at, lines) for piece in reversed(new)]
            # Of the first session only a day is known.
            yield from (
                one | {"captured_at": day.isoformat()} if not place else one for one in shown
            )
            before = at


def _is_unseen(place: int, look: time) -> bool:
    return place in UNSEEN or (place - 1 in UNSEEN and look == LOOKS[0])


def page(told: Told, at: datetime, strip: Sequence[str]) -> dict[str, Any]:
    """Lay out one captured copy of an article as a line of JSON."""
    text = "\n\n".join((told.title, *told.paragraphs))
    return {
        "url": f"{SITE}{told.path}",
        "captured_at": at.astimezone(UTC).isoformat(),
        "published_at": told.published.isoformat(),
        "title": told.title,
        "text": "\n".join([*strip, text]),
    }


def keep_runs(tracker: Tracker) -> None:
    """Write a short history of the daemon's jobs."""
    book = RunBook(tracker.writer(), tracker.path)
    end = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=24)
    nightly = end - timedelta(hours=9)
    jobs = {
        "collect": ("every 10 minutes", end + timedelta(minutes=30)),
        "link": ("every 30 minutes", end + timedelta(minutes=40)),
        "backup": ("cron 02:30", nightly + timedelta(days=1)),
        "backfill": ("cron 03:00", nightly + timedelta(days=1)),
    }
    book.declare(jobs, {})
    outcomes = [
        ("backup", nightly, Outcome({"pages copied": 812})),
        ("backfill", nightly, Outcome({}, ("index out of reach",))),
        (
            "collect",
            end - timedelta(minutes=10),
            Outcome({"pages": 3, "articles": 2, "quotes": 62}),
        ),
        ("link", end - timedelta(minutes=5), Outcome({"articles": 2, "links": 41})),
        ("collect", end, Outcome({"pages": 2, "articles": 1, "quotes": 31})),
    ]
    for name, at, outcome in outcomes:
        run = book.begin(name, "schedule", Times(at, at))
        book.end(run, outcome, at + timedelta(seconds=20))


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), *map(int, sys.argv[2:])))  # noqa: T201
