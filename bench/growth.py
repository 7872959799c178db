"""Resolving and linking one more day: into five days, and into five years (docs/performance.md).

python -m bench.growth        prints its rows of docs/performance.md
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from bench.speed import say
from tests.crawl import PRINTED, simulate
from tickertrack import open_tracker
from tickertrack.ingest import Sources, read_sources
from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import Page

__all__ = ["CAPTURES", "made_up", "main", "shown"]

RUNS, DAYS = 5, 5
CAPTURES = 5
FEW, MANY = 5, 1_250
_YEARS = date(2020, 2, 3), date(2026, 6, 30)
_MOVE = 0.02


@dataclass(frozen=True, slots=True)
class Day:
    """One more day into so many: seconds of resolving and of linking it, and of all anew."""

    stored: int
    resolving: float
    linking: float
    scratch: float


def main() -> None:
    """Print a row for each number of days, and what the longer history costs."""
    with tempfile.TemporaryDirectory() as name:
        reference = made_up(Path(name), MANY + 30)
        few, many = (_measured(Path(name), reference, days) for days in (FEW, MANY))
    for one in (few, many):
        what = f"resolve and link a day of {CAPTURES} pages into {one.stored:,}"
        day, scratch = shown(one.resolving + one.linking), shown(one.scratch)
        say(f"| {what} | {day} | all from scratch | {scratch} |")
    ratio = (many.resolving + many.linking) / (few.resolving + few.linking)
    say(f"| five years against five days |  |  | {ratio:.2f} |")


def _measured(folder: Path, reference: Path, stored: int) -> Day:
    """Add the days after those that are stored, one by one, to fresh copies; medians."""
    crawl = simulate(reference, seed=1, sessions=stored + DAYS, captures=CAPTURES)
    path, database = folder / f"{stored}.jsonl", folder / f"{stored}.db"
    path.write_text("".join(json.dumps(page.record) + "\n" for page in crawl), encoding="utf-8")
    with open_tracker(database) as tracker:
        found = read_sources(Sources((path,)), tracker.desk())
        pages = [one for one in found if isinstance(one, Page)]
        tracker.store(pages[: stored * CAPTURES])
        begun = time.perf_counter()
        tracker.resolve()
        scratch = time.perf_counter() - begun
        tracker.link()
    days = [pages[(stored + day) * CAPTURES :][:CAPTURES] for day in range(DAYS)]
    times = [one for _ in range(RUNS) for one in _added(database, days)]
    resolving, linking = (statistics.median(column) for column in zip(*times, strict=True))
    return Day(stored, resolving, linking, scratch)


def _added(database: Path, days: Sequence[Sequence[Page]]) -> Iterator[tuple[float, float]]:
    copy = Path(shutil.copy(database, database.with_suffix(".copy.db")))
    with open_tracker(copy) as tracker:
        for pages in days:
            tracker.store(pages)
            begun = time.perf_counter()
            tracker.resolve()
            between = time.perf_counter()
            tracker.link()
            yield between - begun, time.perf_counter() - between


def made_up(folder: Path, sessions: int) -> Path:
    """Write daily series of made-up prices as the real ones lie, as many days as asked for."""
    days = [one.session for one in sessions_between(load_market("psx"), *_YEARS)]
    days = days[:sessions]
    rng = np.random.default_rng(1)
    pd.concat(_bars(symbol, days, rng) for symbol in PRINTED).to_parquet(
        folder / "psx_daily_2020_2023.parquet"
    )
    closes = 40_000 * np.exp(rng.normal(0, _MOVE / 2, len(days)).cumsum())
    index = pd.DataFrame({"date": days, "close": closes.round(2)})
    index.to_csv(folder / "kse100_daily.csv", index=False)
    return folder


def _bars(symbol: str, days: Sequence[date], rng: np.random.Generator) -> pd.DataFrame:
    close = rng.uniform(5, 300) * np.exp(rng.normal(0, _MOVE, len(days)).cumsum())
    low, high = close * (1 - _MOVE / 2), close * (1 + _MOVE / 2)
    bars = pd.DataFrame({"low": low, "high": high, "close": close}).round(2).clip(lower=0.5)
    return bars.assign(date=pd.to_datetime(days), symbol=symbol, volume=1)


def shown(seconds: float) -> str:
    """Write a time as people read it."""
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
