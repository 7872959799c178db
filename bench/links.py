"""Linking a day into five days and into five years; how often null moves are called unusual.

python -m bench.links        prints the tables of docs/links.md
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from bench.speed import say
from tickertrack import Tracker, open_tracker
from tickertrack.markets import symbols_of
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import content_id
from tickertrack.returns import Returns, abnormal_returns
from tickertrack.store.batch import let_wait
from tickertrack.store.connect import transaction

__all__ = ["main"]

RUNS = 5
ARTICLES, SYMBOLS = 160, 600
FEW, MANY = 5, 1_250
DRAWS, LEVEL = 200_000, 0.05
_CHUNK = 10_000
_COMPANIES = 25
_WORDS = (
    "harbour kites lemon orchard paint ferry clock gravel violin teapot ladder moss lantern path"
    " window river garden bridge market morning evening letter school stone summer"
).split()


def main() -> None:
    """Print both tables."""
    say(f"\nLinking a day of {ARTICLES} articles and {SYMBOLS} prices, median of {RUNS}\n")
    say("| days stored | articles stored | linking one more | all from scratch |")
    say("|---|---|---|---|")
    few, many = (_measured(days) for days in (FEW, MANY))
    say(f"\nfive years against five days: {many / few:.2f}")
    say("\n| past sessions | null moves | rejected at 5 % |\n|---|---|---|")
    for past in (20, 60, 250):
        say(f"| {past} | {DRAWS:,} | {100 * _rejected(past):.2f} % |")


def _measured(stored: int) -> float:
    with tempfile.TemporaryDirectory() as folder, open_tracker(Path(folder) / "x.db") as tracker:
        days = _days(tracker, stored + RUNS)
        for day in days[:stored]:
            _add(tracker, day)
        begun = time.perf_counter()
        tracker.link()
        scratch = time.perf_counter() - begun
        times = []
        for day in days[stored:]:
            _add(tracker, day)
            begun = time.perf_counter()
            report = tracker.link()
            times.append(time.perf_counter() - begun)
            if (report.articles, report.sessions) != (ARTICLES, 1):
                sys.exit(f"not one day's work: {report}")
    median = statistics.median(times)
    say(f"| {stored:,} | {stored * ARTICLES:,} | {1000 * median:.0f} ms | {scratch:.1f} s |")
    return median


def _days(tracker: Tracker, count: int) -> list[date]:
    listed = sessions_between(tracker.market(), date(2016, 1, 1), date(2025, 12, 31))
    return [day.session for day in listed][:count]


def _add(tracker: Tracker, day: date) -> None:
    """Store a day's articles and prices as ingest and resolve would, without their work."""
    names = [row for row in symbols_of(tracker.market()).values() if row.sector][:SYMBOLS]
    articles = list(_articles(day, [row.name for row in names]))
    with transaction(tracker.writer(), tracker.path):
        tracker.writer().executemany(
            "INSERT INTO articles VALUES (?, ?, ?, NULL, ?, 'minute', 'brecorder', ?, '[]', '')",
            articles,
        )
        let_wait(tracker.writer(), "unlinked_articles", [row[0] for row in articles])
        tracker.writer().executemany(
            "INSERT INTO prices VALUES (?, ?, 10, 10, 0, 0, 10, 10, 10, 'final', 1, 'matched',"
            " NULL, NULL, NULL)",
            ((row.symbol, day.isoformat()) for row in names),
        )
        tracker.writer().execute("INSERT INTO unlinked_sessions VALUES (?)", (day.isoformat(),))


def _articles(day: date, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
    rng = random.Random(day.toordinal())  # noqa: S311
    morning = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    for number in range(ARTICLES):
        words = rng.choices(_WORDS, k=400)
        who = [*rng.sample(names, 2), "Somebody"][: 3 if number < _COMPANIES else 0]
        what = ("Policy rate of the State Bank of Pakistan", "Cement prices")[number % 2]
        title = " ".join([*who[:1], *([what] if number % 40 < 2 else []), *words[:7]])  # noqa: PLR2004
        text = ". ".join(" ".join([*who[1:2], *words[at : at + 12]]) for at in range(0, 400, 12))
        url = f"https://www.brecorder.com/news/{day:%Y%m%d}{number:03}"
        stamp = (morning + timedelta(minutes=number)).isoformat(timespec="seconds")
        yield content_id("article", url), url, title, stamp, text


def _rejected(past: int) -> float:
    wrong = 0
    for seed in range(DRAWS // _CHUNK):
        rng = np.random.default_rng(seed)
        index = rng.normal(0.0004, 0.01, past + _CHUNK)
        stock = 0.0005 + 1.2 * index + rng.normal(0, 0.02, past + _CHUNK)
        asked = np.arange(past, past + _CHUNK)
        found = abnormal_returns(Returns(stock, index), asked, np.zeros_like(asked), past)
        wrong += sum(one.p is not None and one.p <= LEVEL for one in found)
    return wrong / DRAWS


if __name__ == "__main__":
    main()
