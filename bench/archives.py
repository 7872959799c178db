"""How fast archives are read, against what only unpacks them (docs/performance.md).

python -m bench.archives        prints its rows
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

from fastwarc.warc import ArchiveIterator

from bench.speed import RUNS, row
from bench.webtext import Corpus, text_pages, write_archive, write_sparse
from tickertrack import open_tracker
from tickertrack.ingest import Sources, gathered, reading_of
from tickertrack.tracker import BATCH

__all__ = ["by_turns", "main", "read"]

# A strip stands on ten pages (DESIGN.md, fact 9). Two processes begin in half a second, which must
# not be much of what they take.
_SPARSE = Corpus(pages=400_000, strips=400, strip_every=100)
_DENSE = Corpus(pages=20_000, strips=2_000)
_TABLES = ("articles", "strips", "quotes", "pages")


def main() -> None:
    """Print a row for each measurement, by turns with its yardstick: medians of five runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sparse = [folder / f"sparse-{number}.warc.wet.gz" for number in range(2)]
        write_sparse(sparse[0], _SPARSE)
        sparse[1].hardlink_to(sparse[0])
        dense = folder / "dense.warc.wet.gz"
        write_archive(dense, text_pages(_DENSE), "conversion")
        _rows_of_sparse(folder, sparse)
        _row_of_dense(folder, dense)


def _rows_of_sparse(folder: Path, paths: list[Path]) -> None:
    size = _iterate(paths[0])
    ours, theirs = by_turns(lambda: read(folder, paths[:1]), lambda: _iterate(paths[0]))
    row("read text, a strip on 1 page of 100, one process", f"{size / ours / 1e6:.0f} MB/s",
        "`fastwarc`, bodies read", ours / theirs)  # fmt: skip
    if shutil.which("rg"):
        ours, theirs = by_turns(lambda: read(folder, paths[:1]), lambda: _search(paths[0]))
        row("the same", f"{size / ours / 1e6:.0f} MB/s", "`zcat`, then `rg -c`", ours / theirs)
    two, one = by_turns(lambda: read(folder, paths, 2), lambda: read(folder, paths[:1]))
    row("two such files, two processes", f"{2 * size / two / 1e6:.0f} MB/s",
        "one file, one process", 2 * one / two)  # fmt: skip


def _row_of_dense(folder: Path, path: Path) -> None:
    rows = _stored_rows(folder, path)
    ours, theirs = by_turns(
        lambda: _store(folder, path), lambda: (_iterate(path), _insert(folder, rows))
    )
    row("read text, a strip on every page, into the tables", f"{_DENSE.pages / ours:,.0f} pages/s",
        "`fastwarc`, then `executemany` of the same rows", ours / theirs)  # fmt: skip
    worked = statistics.median(
        _seconds_apart(lambda: _store(folder, path), _worked) for _ in range(RUNS)
    )
    row("the same, work of all processes", f"{worked / _DENSE.pages * 1e6:.0f} µs a page")


def by_turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Do two things in turn, five times each; give the median seconds of either."""
    times = [(_seconds_apart(ours), _seconds_apart(theirs)) for _ in range(RUNS)]
    return statistics.median(ours for ours, _ in times), statistics.median(one for _, one in times)


def _seconds_apart(
    work: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Do a thing in a process of its own, which remembers nothing of the runs before."""
    forking = multiprocessing.get_context("fork")
    receiver, sender = forking.Pipe(duplex=False)
    process = forking.Process(target=_timed, args=(work, clock, sender))
    process.start()
    sender.close()
    seconds: float = receiver.recv()
    process.join()
    return seconds


def _timed(work: Callable[[], object], clock: Callable[[], float], sender: Connection) -> None:
    begun = clock()
    work()
    sender.send(clock() - begun)


def _worked() -> float:
    """Give the seconds that this process and those that it began and ended have worked."""
    return sum(os.times()[:4])


def _iterate(path: Path) -> int:
    with path.open("rb") as file:
        return sum(len(record.reader.read()) for record in ArchiveIterator(file))


def _search(path: Path) -> int:
    zcat = subprocess.Popen(["zcat", str(path)], stdout=subprocess.PIPE)  # noqa: S603, S607
    with zcat:
        words = ["rg", "-c", "creased By|No Change"]
        found = subprocess.run(words, stdin=zcat.stdout, capture_output=True, check=True)  # noqa: S603
    return int(found.stdout)


def read(folder: Path, paths: list[Path], workers: int = 1) -> int:
    """Read archives to facts, and store none; count the pages."""
    with open_tracker(folder / "unused.db") as tracker:
        reading = reading_of(Sources(tuple(paths), workers=workers), tracker.desk())
        return sum(len(batch.facts.pages) for batch in reading.batches())


def _store(folder: Path, path: Path, workers: int = 2) -> Path:
    for part in folder.glob("stored.db*"):
        part.unlink()
    with open_tracker(folder / "stored.db") as tracker:
        reading = reading_of(Sources((path,), workers=workers), tracker.desk(), 500)
        # Dating and linking are measured apart.
        with tracker.intake(reading.patience) as intake:
            for batch in gathered(reading.batches(), BATCH):
                intake.store(batch.facts)
    return folder / "stored.db"


def _stored_rows(folder: Path, path: Path) -> dict[str, tuple[str, list[tuple[object, ...]]]]:
    with closing(sqlite3.connect(_store(folder, path))) as connection:
        return {
            table: (
                connection.execute(
                    "SELECT sql FROM sqlite_schema WHERE name = ?", (table,)
                ).fetchone()[0],
                connection.execute(f"SELECT * FROM {table}").fetchall(),
            )
            for table in _TABLES
        }


def _insert(folder: Path, rows: dict[str, tuple[str, list[tuple[object, ...]]]]) -> None:
    path = folder / "by-hand.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, (schema, lines) in rows.items():
            connection.execute(schema)
            marks = ", ".join("?" * len(lines[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", lines)


if __name__ == "__main__":
    main()
