"""What a scan of many files costs, and what its merge bears (docs/scale.md).

python -m bench.scale [PRICE]    prints its tables; PRICE is that of a core for an hour, in dollars
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import duckdb
from fastwarc.warc import ArchiveIterator

from bench.speed import row, say
from bench.webtext import Corpus, text_pages, write_archive
from tickertrack import open_tracker
from tickertrack.ingest import Sources, gathered, reading_of
from tickertrack.scan import Listening, Machines, Target, scan
from tickertrack.tracker import BATCH

__all__ = ["main"]

RUNS, PRICE = 5, 0.04
# Bytes a second that one worker is given of what it reads, which nobody measures here.
LINE = 50e6
# A month of Common Crawl: its WET files, and their bytes.
FILES, BYTES = 90_000, 9e12
WORKERS = (8, 64, 512)
# Pages of other hosts in a file, inputs of one each; and scans of pages of ours, each of so many.
FOREIGN, INPUTS, SCANS, PAGES = 15_000, 300, 10, 10_000
_SIZE, _WORDS, _SENTENCE = 4_900, 20_000, 14
_NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
_HISTORY = (
    "SELECT DISTINCT id, captured_at, price FROM '{0}/ours-*/pages/*.parquet'"
    " JOIN '{0}/ours-*/quotes/*.parquet' USING (strip_id) WHERE symbol = 'BKL'"
)


def main(price: float = PRICE) -> None:
    """Print a row for each measurement, of one core's time, then what a month would take."""
    say("| what | figure | yardstick | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speed, each = _row_of_text(folder), _row_of_inputs(folder)
        _rows_of_ours(folder)
    _plan(BYTES / speed + FILES * each, price)


def _plan(seconds: float, price: float) -> None:
    """Say what a month takes where reading bounds it, and where each worker's line does."""
    waiting = max(seconds, BYTES / LINE)
    say(f"\n{FILES:,} files, {BYTES / 1e12:g} TB: {seconds / 3600:,.0f} core-hours, or at"
        f" {LINE / 1e6:g} MB/s a worker {waiting / 3600:,.0f}\n")  # fmt: skip
    say("| workers | time | at that line | read, all together | dollars |\n|---|---|---|---|---|")
    for workers in WORKERS:
        fast, slow = (60 * one / workers / 3600 for one in (seconds, waiting))
        read = BYTES / (60 * slow) / 1e9
        say(f"| {workers} | {fast:,.1f} min | {slow:,.1f} min | {read:.1f} GB/s |"
            f" {price * waiting / 3600:.2f} |")  # fmt: skip


def _row_of_text(folder: Path) -> float:
    """Read a file of a crawl of all the web, in which no page is ours; give packed bytes/s."""
    path = folder / "crawl.warc.wet.gz"
    size = write_archive(path, _web(), "conversion")
    packed = path.stat().st_size
    ours, theirs = _medians(lambda: _scan(path, folder / "parts"), lambda: _iterate(path))
    what = f"scan text of other hosts, packed {size / packed:.1f} times"
    row(what, f"{packed / ours / 1e6:.1f} MB/s packed", "`fastwarc`, bodies read", ours / theirs)
    return packed / ours


def _row_of_inputs(folder: Path) -> float:
    """Read inputs of one page each, to see what an input costs besides its bytes; in seconds."""
    inputs = folder / "inputs"
    inputs.mkdir()
    write_archive(inputs / "0.warc.wet.gz", islice(_web(), 1), "conversion")
    for number in range(1, INPUTS):
        shutil.copy(inputs / "0.warc.wet.gz", inputs / f"{number}.warc.wet.gz")
    parts = folder / "parts"
    first, again = _medians(lambda: _scan(inputs, parts), lambda: _scan(inputs, parts, again=False))
    row("an input, besides its bytes", f"{1e3 * first / INPUTS:.2f} ms",
        "the same when its part is there", first / again)  # fmt: skip
    (merging,) = _medians(lambda: _merge(parts, folder / "none.db"))
    row("merge a part of no page", f"{1e3 * merging / INPUTS:.2f} ms")
    return first / INPUTS


def _rows_of_ours(folder: Path) -> None:
    """Read pages that each show a strip, each strip on two of them; merge them, and ask them."""
    reading, merging, asking = [], [], []
    path, database = folder / "ours.warc.wet.gz", folder / "merged.db"
    for number in range(SCANS):
        corpus = Corpus(PAGES, strips=PAGES // 2, seed=number, first=number * PAGES)
        write_archive(path, text_pages(corpus), "conversion")
        parts = folder / f"ours-{number}"
        reading.append(_taken(lambda parts=parts: _scan(path, parts)))
        merging.append(_taken(lambda parts=parts: _merge(parts, database)))
        asking.append(_taken(lambda: _ask(folder)))
    pages = SCANS * PAGES
    row("scan pages of 34 lines", f"{pages / sum(reading):,.0f} pages/s")
    row(
        "their parts",
        f"{sum(_size(one) for one in folder.glob('ours-*')) / pages:,.0f} bytes a page",
    )
    row("merge them into tables", f"{pages / sum(merging):,.0f} pages/s", "scan them",
        sum(merging) / sum(reading))  # fmt: skip
    row(f"the last {PAGES:,} of {pages:,}", f"{PAGES / merging[-1]:,.0f} pages/s",
        "the first", merging[-1] / merging[0])  # fmt: skip
    row("the tables", f"{database.stat().st_size / pages:,.0f} bytes a page")
    row("a symbol's history from the parts", f"{1e3 * asking[-1]:,.0f} ms",
        "from a tenth of them", asking[-1] / asking[0])  # fmt: skip


def _web() -> Iterator[tuple[str, datetime, str]]:
    """Yield pages of many hosts, of words as uneven as a language's, which pack as text does."""
    chance = random.Random(1)  # noqa: S311  (the same pages again, not a secret)
    letters = "aaaeeeiioutnrslhdcmpgbfkvwyz"
    words = ["".join(chance.choices(letters, k=chance.randrange(1, 11))) for _ in range(_WORDS)]
    weights = [1 / (3 + rank) for rank in range(_WORDS)]
    for number in range(FOREIGN):
        text, size = [], 0
        while size < _SIZE:
            text.append(" ".join(chance.choices(words, weights, k=_SENTENCE)).capitalize() + ".")
            size += len(text[-1]) + 1
        yield f"https://www.site-{number % 997}.example/{number}", _NOON, "\n".join(text)


def _medians(*works: Callable[[], object]) -> list[float]:
    """Give the seconds of one core that each takes, by turns."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(RUNS):
        for work, times in zip(works, taken, strict=True):
            times.append(_taken(work))
    return [statistics.median(times) for times in taken]


def _taken(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _scan(path: Path, parts: Path, *, again: bool = True) -> None:
    quiet = Listening(lambda _: None, lambda _: None)
    with open_tracker(parts.with_name("unused.db")) as tracker:
        target = Target(str(parts), again)
        scan(Sources((path,)), tracker.desk(), target, Machines(), quiet)


def _iterate(path: Path) -> int:
    with path.open("rb") as file:
        return sum(len(record.reader.read()) for record in ArchiveIterator(file))


def _merge(parts: Path, database: Path) -> None:
    with open_tracker(database) as tracker:
        reading = reading_of(Sources((), scans=(str(parts),)), tracker.desk())
        # Dating and linking are measured apart.
        with tracker.intake(reading.patience) as intake:
            for batch in gathered(reading.batches(), BATCH):
                intake.store(batch.facts)


def _ask(folder: Path) -> None:
    if not duckdb.sql(_HISTORY.format(folder)).fetchall():
        raise LookupError(folder)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else PRICE)
