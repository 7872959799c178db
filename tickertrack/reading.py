"""One part of a file to facts, batch by batch: what a process of an ingest does."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tickertrack.errors import SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Page
from tickertrack.pages import Capture, Desk
from tickertrack.sources.files import (
    STDIN,
    Given,
    captures_in,
    captures_of,
    stdin_bytes,
    stretch_in,
)
from tickertrack.sources.remote import File
from tickertrack.sources.warc import Stretch
from tickertrack.store.facts import Facts, facts_of

__all__ = [
    "LETTERS",
    "Batch",
    "Done",
    "Order",
    "Part",
    "captures_in_part",
    "pages_in",
    "read_part",
    "seldom_collected",
]

# Of slow pages a batch is handed on after so many seconds, however few they are.
_SECONDS = 1.0
# Long pages make a batch before they are many: some of them wait to be stored at any time.
LETTERS = 4_000_000
_UNCOLLECTED = 500_000


@dataclass(frozen=True, slots=True)
class Part:
    """
    A file, or what begins in it from `start` to `stop`; `size` is what it counts for in bytes.

    With `near`, it begins at the first record from `start` on.
    """

    path: File
    size: int
    start: int = 0
    stop: int | None = None
    near: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What a reader is told: who reads, what the caller says, and how many pages make a batch."""

    desk: Desk
    given: Given
    pages: int


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Facts of some pages, what could not be read beside them, and the bytes that it took.

    `refusals` are errors that were told before, on whatever machine: they are only kept. `merged`
    are the parts of scans that end here, inputs by the digests of their notes.
    """

    facts: Facts = field(default_factory=lambda: Facts([], {}))
    errors: tuple[SourceError, ...] = ()
    size: int = 0
    refusals: tuple[SourceError, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)

    @property
    def letters(self) -> int:
        """Count the letters of its pages' articles: most of what it takes in memory."""
        return sum(page.letters for page in self.facts.pages)


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a part: where it really began and ended, and the bytes not yet counted."""

    begun: int
    reached: int
    size: int


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let records pile up: they are no circles, and looked through for such they cost a tenth."""
    before = gc.get_threshold()
    gc.set_threshold(_UNCOLLECTED, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def read_part(
    part: Part, order: Order, reader: IsolatedReader, told: set[int]
) -> Iterator[Batch | Done]:
    """
    Yield what a part holds, and at last where it began and ended.

    Its strips come once: those that are not in `told`, which grows.
    """
    stretch = Stretch(part.start, part.stop, part.near)
    counted, handed = part.start, time.monotonic()
    pages: list[Page] = []
    errors: list[SourceError] = []
    letters = 0
    for found in _found(part, order.given, reader, stretch):
        (errors if isinstance(found, SourceError) else pages).append(found)  # type: ignore[arg-type]
        letters += 0 if isinstance(found, SourceError) else len(found.article.text)
        is_full = len(pages) + len(errors) >= order.pages or letters >= LETTERS
        if is_full or time.monotonic() > handed + _SECONDS:
            yield Batch(facts_of(pages, told), tuple(errors), max(stretch.reached - counted, 0))
            counted, handed = max(stretch.reached, counted), time.monotonic()
            pages, errors, letters = [], [], 0
    if pages or errors:
        yield Batch(facts_of(pages, told), tuple(errors))
    rest = part.start + part.size - counted
    yield Done(stretch.begun, stretch.reached, max(rest, 0))


def pages_in(part: Part, given: Given, reader: IsolatedReader) -> Iterator[Page | SourceError]:
    """Yield the pages of a part, and an error for what cannot be read."""
    return _found(part, given, reader, Stretch(part.start, part.stop, part.near))


def _found(
    part: Part, given: Given, reader: IsolatedReader, stretch: Stretch
) -> Iterator[Page | SourceError]:
    for capture in captures_in_part(part, given, stretch):
        yield capture if isinstance(capture, SourceError) else reader.read(capture)


def captures_in_part(part: Part, given: Given, stretch: Stretch) -> Iterator[Capture | SourceError]:
    """Yield the copies of a part before anybody reads them."""
    if str(part.path) == STDIN:
        return captures_of(stdin_bytes(), given)
    if part.stop is not None:
        return stretch_in(part.path, given, stretch)
    return captures_in(part.path, given)
