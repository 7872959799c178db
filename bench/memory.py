"""How the memory and the time of an ingest grow with its input (docs/performance.md).

python -m bench.memory        prints its rows; some minutes, and 8 GB of disk
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from bench.speed import say
from bench.webtext import Corpus, members, text_pages

__all__ = ["main"]

UNIT, SIZES = 100_000_000, (1, 4, 16, 40)
_FILES, _WORKERS = 4, 2
# Of a hundred pages one shows a strip; what shows none is passed over before anybody looks at it,
# so that the same will do again and again.
_EVERY = 100
_CORPORA = {
    "the same pages": Corpus(pages=200, strips=200),
    "all different": Corpus(pages=30_000, strips=3_000),
    "all strips too": Corpus(pages=30_000, strips=30_000),
}
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Taken:
    """What an ingest took: pages stored, seconds of all its processes, peak MiB of two of them."""

    pages: int
    seconds: float
    writer: int
    reader: int


def main() -> None:
    """Print rows of the same pages again, then of pages that each are another, and their strips."""
    for what, corpus in _CORPORA.items():
        with tempfile.TemporaryDirectory() as name:
            taken = {units: _measured(Path(name), units, corpus) for units in SIZES}
        _say(what, taken)


def _say(what: str, taken: dict[int, Taken]) -> None:
    for units, one in taken.items():
        say(f"| {units * UNIT // 1_000_000:,} MB, {what} | {one.pages:,} | {one.seconds:.1f} s"
            f" | {one.writer} MiB | {one.reader} MiB |")  # fmt: skip
    one, four, sixteen, forty = (taken[units] for units in SIZES)
    line = one.seconds + 5 * (four.seconds - one.seconds)
    say(f"time of 16 units against a line through 1 and 4: {sixteen.seconds / line:.2f}")
    say(f"memory of 40 units against 4: writer {forty.writer / four.writer:.2f}, "
        f"reader {forty.reader / four.reader:.2f}")  # fmt: skip


def _measured(folder: Path, units: int, corpus: Corpus) -> Taken:
    sources = folder / "sources"
    sources.mkdir()
    _fill(sources, units * UNIT, corpus)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    peaks = _peaks(sources, folder / f"{units}.db")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    for path in sources.iterdir():
        path.unlink()
    sources.rmdir()
    with closing(sqlite3.connect(folder / f"{units}.db")) as connection:
        (pages,) = connection.execute("SELECT count(*) FROM pages").fetchone()
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(pages, seconds, peaks[0], max(peaks[1:]))


def _fill(folder: Path, size: int, corpus: Corpus) -> None:
    """Write archives of so many bytes together, which show the pages of a corpus by turns."""
    none = text_pages(Corpus(_EVERY, 1, strip_every=_EVERY))
    passed_over = b"".join(islice(members(none, "conversion"), 1, None))
    shown = cycle(members(text_pages(corpus), "conversion"))
    for number in range(_FILES):
        with (folder / f"{number}.warc.wet.gz").open("wb") as file:
            while file.tell() < size // _FILES:
                file.write(next(shown))
                file.write(passed_over)


def _peaks(sources: Path, database: Path) -> list[int]:
    """Ingest, and give the peak memory of each process in MiB, the one that stores first."""
    words = ["--db", database, "ingest", sources, "--workers", _WORKERS]
    running = subprocess.Popen(  # noqa: S603  (our own words)
        [sys.executable, "-m", "tickertrack", *map(str, words)], stderr=subprocess.DEVNULL
    )
    peaks: dict[int, int] = {running.pid: 0}
    while running.poll() is None:
        for process in (running.pid, *_children(running.pid)):
            # It only rises, but for a process just begun: that shows its parent's for a moment.
            peaks[process] = _peak(process) or peaks.get(process, 0)
        time.sleep(_LOOK)
    if running.returncode:
        sys.exit("the ingest that was to be measured failed")
    return list(peaks.values())


def _children(process: int) -> list[int]:
    with suppress(OSError):
        own = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        return [int(number) for number in own.split()]
    return []


def _peak(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()
