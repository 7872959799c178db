"""One input to its part: what a process of a scan does, on whatever machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tickertrack.errors import OutOfReachError, SourceError, StoreError
from tickertrack.isolation import IsolatedReader
from tickertrack.parts import Folder, Head, Note, name_of, note_of, write_part
from tickertrack.reading import Batch, Order, Part, read_part
from tickertrack.sources.remote import File, info_of

__all__ = ["Outcome", "Work", "do", "lost"]

# What stores say of an object that changes with it, the surest first.
_SIGNS = (
    *("ETag", "etag", "md5Hash", "mtime", "LastModified", "Last-Modified", "last_modified"),
    "updated",
)


@dataclass(frozen=True, slots=True)
class Work:
    """What each process is told: the order with its digest, where parts go, if done ones count."""

    order: Order
    digest: str
    folder: Folder
    again: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an input: the note of its part, whether it was read now, or a fault, or both."""

    part: Part
    note: Note | None = None
    read: bool = False
    fault: SourceError | None = None


def do(part: Part, work: Work, reader: IsolatedReader) -> Outcome:
    """
    Read an input into its part, unless that is there.

    Raises StoreError where parts cannot be written, TickertrackError where no reader can be begun.
    """
    head, before = _head(part, work), _before(part, work)
    if before and before.stands(head) and not work.again:
        return Outcome(part, before)
    try:
        note = write_part(work.folder, head, _batches(part, work.order, reader), before)
    except OutOfReachError as error:
        return Outcome(part, before, fault=error)
    except OSError as error:
        # Of the folder itself it would be StoreError: this is where tables are made.
        what = f"cannot be written ({error.strerror or error})"
        raise StoreError(what, path=tempfile.gettempdir()) from error
    return Outcome(part, note, read=True)


def lost(part: Part, work: Work, death: str) -> Outcome:
    """Tell of an input that kills whoever reads it, unless its part was there before."""
    before = _before(part, work)
    if before and before.stands(_head(part, work)):
        return Outcome(part, before, read=True)
    return Outcome(part, fault=SourceError(f"crashes its reader ({death})", path=part.path))


def _head(part: Part, work: Work) -> Head:
    return Head(str(part.path), _state(part.path), work.digest)


def _before(part: Part, work: Work) -> Note | None:
    return note_of(work.folder, name_of(str(part.path)))


def _batches(part: Part, order: Order, reader: IsolatedReader) -> Iterator[Batch]:
    return (told for told in read_part(part, order, reader, set()) if isinstance(told, Batch))


def _state(file: File) -> str:
    """Say by size and time, or by what its store says, which version of an input it is."""
    try:
        if isinstance(file, Path):
            told = file.stat()
            return f"{told.st_size} {told.st_mtime_ns}"
        info = info_of(file)
    except (OSError, SourceError):
        # Who reads it will say so.
        return ""
    sign = next((info[key] for key in _SIGNS if info.get(key)), "")
    return f"{info.get('size')} {sign}"
