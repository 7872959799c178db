"""Sources to facts, on one core or several: whatever reads, one writer stores."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime

from tickertrack.crew import Crew
from tickertrack.dialects import Dialect
from tickertrack.dialects.markers import markers_of
from tickertrack.errors import SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Page
from tickertrack.pages import Capture, Desk
from tickertrack.parts import Merge, merge_of
from tickertrack.reading import (
    LETTERS,
    Batch,
    Order,
    Part,
    captures_in_part,
    pages_in,
    read_part,
    seldom_collected,
)
from tickertrack.sources.files import STDIN, Given, given_of, is_archive, list_files
from tickertrack.sources.remote import File, Remote, size_in_pieces, size_of
from tickertrack.sources.warc import Stretch
from tickertrack.store.facts import Facts

__all__ = [
    "Batch",
    "Reading",
    "Sources",
    "captures_for",
    "gathered",
    "read_sources",
    "reading_of",
]

# A large archive is read by all; what less there is, one reads before others have begun. What is
# read of a part waits until those before it are done, the longer the larger they are. Where each
# reads several, all come to an end at about the same time.
_PART, _SMALL = 8 * 1024 * 1024, 1024 * 1024
_EACH = 8
# From the net its first bytes take as long as many more.
_FAR_PART, _ASKED_AT_ONCE = 4 * _PART, 16
# Slow pages are stored after so many seconds: nobody is to lose more.
_SECONDS = 5.0
# Who reads says by an empty batch when nothing comes; so long a transaction may wait for more.
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Sources:
    """
    What an ingest is told: the paths, and what the caller says of their pages.

    `scans` are folders that a scan has written, or addresses of them; `merged` are the digests of
    notes whose parts are stored, and passed over.
    """

    paths: tuple[File, ...]
    captured_at: datetime | date | None = None
    workers: int = 1
    scans: tuple[str, ...] = ()
    merged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What is to be read: parts of files, what is not there, and how many bytes there are.

    With a merge, what scans have read is handed on as it stands.
    """

    order: Order
    parts: tuple[Part, ...]
    errors: tuple[SourceError, ...]
    size: int
    workers: int
    merge: Merge | None = None

    @property
    def patience(self) -> float:
        """
        Say for how many seconds a transaction may wait for another batch.

        For none where nobody would say that nothing comes: whoever else writes is held up by it.
        """
        return 0.0 if self._is_alone or self.merge else _PATIENCE

    @property
    def _is_alone(self) -> bool:
        return self.workers == 1 or self.size < _SMALL

    def batches(self) -> Generator[Batch, None, None]:
        """Yield what was read, as it comes; whoever stores it may take their time."""
        if self.errors:
            yield Batch(errors=self.errors)
        if self.merge:
            yield from self.merge.batches()
        if self._is_alone:
            yield from self._alone()
            return
        with seldom_collected(), Crew(self.order, self.workers) as crew:
            yield from crew.read(self.parts)

    def _alone(self) -> Iterator[Batch]:
        known: set[int] = set()
        with seldom_collected(), IsolatedReader(self.order.desk) as reader:
            for part in self.parts:
                for told in read_part(part, self.order, reader, known):
                    yield told if isinstance(told, Batch) else Batch(size=told.size)


def gathered(batches: Iterable[Batch], pages: int) -> Iterator[Batch]:
    """
    Join batches to larger ones: of so many pages or letters, or of what some seconds brought.

    An empty one says that nothing comes, and goes ahead.
    """
    held: list[Batch] = []
    count, letters, since = 0, 0, time.monotonic()
    for batch in batches:
        if batch == Batch():
            yield batch
            continue
        held.append(batch)
        count, letters = count + len(batch.facts.pages), letters + batch.letters
        if count >= pages or letters >= LETTERS or time.monotonic() > since + _SECONDS:
            yield _joined(held)
            held, count, letters, since = [], 0, 0, time.monotonic()
    if held:
        yield _joined(held)


def _joined(batches: Sequence[Batch]) -> Batch:
    facts = Facts([], {})
    for batch in batches:
        facts.pages.extend(batch.facts.pages)
        facts.strips.update(batch.facts.strips)
    errors = tuple(error for batch in batches for error in batch.errors)
    refusals = tuple(error for batch in batches for error in batch.refusals)
    merged = {note: place for batch in batches for note, place in batch.merged.items()}
    return Batch(facts, errors, sum(batch.size for batch in batches), refusals, merged)


def read_sources(sources: Sources, desk: Desk) -> Iterator[Page | SourceError]:
    """Yield every page of the sources, and an error for each that cannot be read, in order."""
    reading = reading_of(sources, desk)
    yield from reading.errors
    with IsolatedReader(desk) as reader:
        for part in reading.parts:
            yield from pages_in(part, reading.order.given, reader)


def captures_for(paths: Iterable[File]) -> Iterator[Capture | SourceError]:
    """Yield all that stands in files, passing over nothing, before anybody reads it."""
    files, errors = _files(paths)
    yield from errors
    for file in files:
        yield from captures_in_part(Part(file, 0), Given(), Stretch())


def reading_of(sources: Sources, desk: Desk, pages: int = 200) -> Reading:
    """Lay out what is to be read, in batches of so many pages."""
    given = replace(
        given_of(sources.captured_at), hosts=_hosts(desk), markers=markers_of(_dialects(desk))
    )
    files, errors = _files(sources.paths)
    sizes = _sizes(files, sources.workers)
    parts = tuple(
        part
        for file, size in zip(files, sizes, strict=True)
        for part in _parts(file, size, sources.workers)
    )
    merge = merge_of(sources.scans, sources.merged) if sources.scans else None
    size = sum(part.size for part in parts) + (merge.size if merge else 0)
    return Reading(Order(desk, given, pages), parts, tuple(errors), size, sources.workers, merge)


def _files(paths: Iterable[File]) -> tuple[list[File], list[SourceError]]:
    files: list[File] = []
    errors: list[SourceError] = []
    for path in paths:
        try:
            listed = [path] if str(path) == STDIN else list_files(path)
        except SourceError as error:
            errors.append(error)
            continue
        if not listed:
            errors.append(SourceError("holds no page", path=path))
        files.extend(listed)
    # Named twice is read once.
    return list(dict.fromkeys(files)), errors


def _sizes(files: Sequence[File], workers: int) -> list[int]:
    """Give the sizes of files, 0 for what has none; who reads them will say why."""
    # What one reads is not cut, so that nobody needs to know whether it could be.
    asking = size_of if workers == 1 else size_in_pieces
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        return list(threads.map(asking, files))


def _parts(file: File, size: int, workers: int) -> Iterator[Part]:
    """Cut a large archive into parts, for several to read; any other file is one."""
    cut = _FAR_PART
    if not isinstance(file, Remote):
        cut = min(_PART, max(size // (_EACH * workers), _PART // _EACH))
    if workers == 1 or not is_archive(file) or size <= cut:
        yield Part(file, size)
        return
    for start in range(0, size, cut):
        yield Part(file, min(cut, size - start), start, start + cut, near=start > 0)


def _hosts(desk: Desk) -> frozenset[str] | None:
    # An archive is of all the web; whose pages are named, they are wanted whatever their host.
    if desk.named:
        return None
    return frozenset(host for one in desk.publishers for host in one.hosts)


def _dialects(desk: Desk) -> Iterator[Dialect]:
    return (period.dialect for one in desk.publishers for period in one.periods)
