"""How long things take, as ratios against yardsticks of the same run (docs/performance.md).

python -m bench.speed ../shared        prints the tables of docs/performance.md
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.crawl import simulate
from tickertrack import open_tracker
from tickertrack.ingest import Sources, read_sources
from tickertrack.models import Page

__all__ = ["main", "row", "say"]

RUNS = 5
SESSIONS, CAPTURES = 250, 4


def main(shared: Path) -> None:
    """Print the machine, then a row for each measurement: medians of five runs."""
    say(f"\n{os.cpu_count()} cores, Python {platform.python_version()}, "
         f"SQLite {sqlite3.sqlite_version}, medians of {RUNS}\n")  # fmt: skip
    say("| what | figure | yardstick | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = _crawl(shared / "reference", folder / "crawl.jsonl")
        reading = _median(lambda: _read(folder / "crawl.jsonl"))
        row("read pages of a full strip", f"{pages / reading:,.0f} pages/s")
        storing = _median(lambda: _ingest(folder))
        row("ingest: read, store, date, resolve", f"{pages / storing:,.0f} pages/s",
             "reading alone", storing / reading)  # fmt: skip
        resolving = _median(lambda: _resolve(folder))
        row(
            f"resolve {pages} pages from scratch",
            f"{resolving:.2f} s",
            "ingest",
            resolving / storing,
        )
        _rows_of_growth(shared / "reference", folder)


def _rows_of_growth(reference: Path, folder: Path) -> None:
    """Say how much longer dating takes, in one core's time, where a session has more pages."""
    few, many = (_resolving(reference, folder, captures) for captures in (5, 20))
    row(f"resolve {many[0]:,} pages, 20 a session", f"{many[1]:.1f} s",
         f"resolve {few[0]:,}, 5 a session", many[1] / few[1])  # fmt: skip


def _resolving(reference: Path, folder: Path, captures: int) -> tuple[int, float]:
    path = folder / f"{captures}.jsonl"
    pages = _crawl(reference, path, sessions=745, captures=captures)
    with open_tracker(path.with_suffix(".db")) as tracker:
        tracker.store(one for one in read_sources(Sources((path,)), tracker.desk())
                      if isinstance(one, Page))  # fmt: skip
        begun = time.process_time()
        tracker.resolve()
        return pages, time.process_time() - begun


def _crawl(
    reference: Path, path: Path, *, sessions: int = SESSIONS, captures: int = CAPTURES
) -> int:
    crawl = simulate(reference, seed=1, sessions=sessions, captures=captures)
    path.write_text("".join(json.dumps(page.record) + "\n" for page in crawl), encoding="utf-8")
    return len(crawl)


def _read(path: Path) -> None:
    with open_tracker("unused.db") as tracker:
        for _ in read_sources(Sources((path,)), tracker.desk()):
            pass


def _ingest(folder: Path) -> None:
    for part in folder.glob("crawl.db*"):
        part.unlink()
    with open_tracker(folder / "crawl.db") as tracker:
        tracker.ingest(folder / "crawl.jsonl")


def _resolve(folder: Path) -> None:
    with open_tracker(folder / "crawl.db") as tracker:
        tracker.resolve(afresh=True)


def _median(work: Callable[[], None]) -> float:
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def row(what: str, figure: str, yardstick: str = "", ratio: float | None = None) -> None:
    """Print a row of a table."""
    shown = "" if ratio is None else f"{ratio:.2f}"
    say(f"| {what} | {figure} | {yardstick} | {shown} |")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
