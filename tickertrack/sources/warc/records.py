"""A WARC file to its records; one that is cut off, damaged or hostile costs only itself."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from io import BytesIO, UnsupportedOperation
from typing import BinaryIO

from fastwarc.warc import HeaderMap

from tickertrack.errors import SourceError
from tickertrack.models import Locator
from tickertrack.sources.remote import File, opened
from tickertrack.sources.warc.members import LIMIT, RECORD, Members, Run, UnsoundError, members_of

__all__ = [
    "LIMIT",
    "Fields",
    "Record",
    "UnsoundError",
    "ends_whole",
    "field",
    "fields_of",
    "record_of",
    "records_at",
    "records_in",
    "said",
]

# A file made of nothing but false beginnings would be searched for ever.
_MOST_FAULTS = 5_000
_MOST_PLACES = 100

_GZIP = b"\x1f\x8b\x08"
_GAP = b"\r\n\r\n"
_LINES = re.compile(rb"WARC/[01]\.[0-9]{1,2}\r\n")
_HEAD = 64 * 1024
_BLOCK = 64 * 1024
_OVERLAP = 64
_TAIL = 4 * 1024 * 1024


@dataclass(slots=True)
class Stretch:
    """
    The part of a file that is read: whatever begins between `start` and `stop`, whole.

    With `near`, it begins at the first record from `start` on. Reading moves `begun` to where that
    is, and `reached` to where the first record beyond begins.
    """

    start: int = 0
    stop: int | None = None
    near: bool = False
    begun: int = 0
    reached: int = 0


# Of records that follow one another, and begin where it is said, the numbers of those wanted.
Wanted = Callable[[bytes, Sequence[int]], Iterable[int]]
# Headers by their names in small letters; of two of one name the first.
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """
    A record as it lies in its file; `length` is the next one's offset less its own.

    Of a block of more than LIMIT only the beginning is kept, and it is not `whole`.
    """

    offset: int
    length: int
    headers: Fields
    block: bytes
    whole: bool


def records_in(
    path: File, stretch: Stretch | None = None, wanted: Wanted | None = None
) -> Iterator[Record | SourceError]:
    """
    Yield a file's records, or those of a stretch, and an error for each run that is none.

    Of a record whose bytes, headers and all, are not `wanted`, no more is read.
    """
    stretch = stretch or Stretch()
    with opened(path) as file:
        if _size(file) == 0:
            yield SourceError("is empty", path=path)
        members, faults = members_of(file), 0
        stop = min(_size(file), stretch.stop or _size(file))
        stretch.begun = stretch.reached = _first(file, members, stretch)
        read = partial(_plain, file) if members is None else partial(_unpacked, members)
        while stretch.reached < stop:
            try:
                yield from read(stretch, stop, wanted or _anything)
            except UnsoundError as fault:
                at = stretch.reached
                faults += 1
                yield said(fault, path, at)
                if faults == _MOST_FAULTS:
                    stretch.reached = _size(file)
                    yield SourceError("is so damaged that the rest is not read", path=path)
                    return
                stretch.reached = _find(file, at + 1, members) or _size(file)


def _anything(_: bytes, starts: Sequence[int]) -> Iterable[int]:
    return range(len(starts))


def _unpacked(members: Members, stretch: Stretch, stop: int, wanted: Wanted) -> Iterator[Record]:
    """Yield the records wanted, up to a place, or to where UnsoundError is raised."""
    while stretch.reached < stop:
        run = members.run(stretch.reached, stop)
        # Most of an archive ends here, hundreds of records at a time.
        for number in wanted(run.content, run.starts):
            stretch.reached = run.places[number]
            record = _taken(run, number)
            stretch.reached = run.places[number + 1]
            yield record
        stretch.reached = run.places[-1]


def _taken(run: Run, number: int) -> Record:
    """Take one record out of a run of members."""
    end = run.starts[number + 1] if number + 1 < len(run.starts) else len(run.content)
    at, after = run.places[number : number + 2]
    content = run.content[run.starts[number] : end]
    return _packed(content, at, after - at, whole=run.whole)


def _plain(file: BinaryIO, stretch: Stretch, stop: int, wanted: Wanted) -> Iterator[Record]:
    while stretch.reached < stop:
        record = _read_plain(file, stretch.reached)
        stretch.reached += record.length
        if wanted(record.block, [0]):
            yield record


def _first(file: BinaryIO, members: Members | None, stretch: Stretch) -> int:
    if stretch.near:
        return _find(file, stretch.start, members) or _size(file)
    return max(stretch.start, members.first) if members else stretch.start


def records_at(path: File, places: Iterable[Locator]) -> Iterator[Record | SourceError]:
    """Read again the records at places of one file; yield an error for each that is not there."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(path))
            members = members_of(file)
        except (OSError, SourceError) as error:
            yield from (_unreadable(path, error) for _ in places)
            return
        for place in places:
            try:
                yield _record_at(file, place, members)
            except UnsoundError as fault:
                yield said(fault, path, place.offset)
            except (OSError, SourceError) as error:
                yield _unreadable(path, error)


def _record_at(file: BinaryIO, place: Locator, members: Members | None) -> Record:
    record = _read(file, place.offset, members)
    if record.length != place.length:
        raise UnsoundError(f"is {record.length} bytes long, not {place.length}")
    return record


def _unreadable(path: File, error: OSError | SourceError) -> SourceError:
    if isinstance(error, SourceError):
        return error
    return SourceError(f"cannot be read ({error.strerror})", path=path)


def record_of(member: bytes) -> Record:
    """Read a gzip member that is one record, and nothing else; raises UnsoundError."""
    if not member.startswith(_GZIP):
        raise UnsoundError("is no gzip member")
    file = BytesIO(member)
    record = _read(file, 0, members_of(file))
    if record.length != len(member):
        raise UnsoundError("ends before its bytes do")
    return record


def said(fault: UnsoundError, path: File, offset: int) -> SourceError:
    """Say of a record that is none where it is."""
    return SourceError(f"the record here {fault}", path=path, line=offset)


def fields_of(headers: HeaderMap) -> Fields:
    """Take headers out of a map of the library, which decodes one anew each time it is asked."""
    return {name.lower(): value for name, value in reversed(list(headers.items()))}


def field(headers: Fields, name: str) -> str:
    """Give a header's value; what is not there is empty."""
    return headers.get(name.lower(), "").strip()


def ends_whole(file: BinaryIO) -> bool:
    """Say whether a packed file ends where its last record does, by its end alone."""
    size, members = _size(file), members_of(file)
    if members is None:
        return False
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    for found in reversed(list(members.beginning.finditer(tail))):
        at = size - len(tail) + found.start()
        if members.begins(at):
            try:
                return at + _read(file, at, members).length == size
            except UnsoundError:
                return False
    return False


def _read(file: BinaryIO, at: int, members: Members | None) -> Record:
    if members is None:
        return _read_plain(file, at)
    content, length, whole = members.unpack(at)
    return _packed(content, at, length, whole=whole)


def _find(file: BinaryIO, at: int, members: Members | None) -> int | None:
    """Find the next place that looks like a record's beginning."""
    if members is None:
        return next(_places(file, _LINES, at), None)
    # Its bytes stand by chance in every 16 MB; where they crowd, one is taken for a beginning.
    for number, place in enumerate(_places(file, members.beginning, at), start=1):
        if number == _MOST_PLACES or members.begins(place):
            return place
    return None


def _places(file: BinaryIO, pattern: re.Pattern[bytes], at: int) -> Iterator[int]:
    base, last = at, at - 1
    while True:
        file.seek(base)
        block = file.read(_BLOCK)
        for found in pattern.finditer(block):
            if base + found.start() > last:
                last = base + found.start()
                yield last
        # Where less comes than was asked for, a connection may have broken: reading on tells.
        if len(block) < _BLOCK and not file.read(1):
            return
        # A block begins before the last one's end, lest a match is cut in two.
        base += _BLOCK - _OVERLAP


def _packed(content: bytes, at: int, length: int, *, whole: bool) -> Record:
    """Take a record out of its member, which must hold it and no other."""
    headers, start, size = _head(content)
    rest = content[start + size :]
    if rest.lstrip(b"\r\n").startswith(RECORD):
        raise UnsoundError("shares its member with others: unpack the file first")
    if whole and (len(content) < start + size or rest.strip(b"\r\n")):
        raise UnsoundError("is not as long as it says")
    return Record(at, length, headers, content[start : start + size], whole)


# ---- not packed


def _read_plain(file: BinaryIO, at: int) -> Record:
    file.seek(at)
    headers, start, size = _head(file.read(_HEAD))
    end = at + start + size
    if end > _size(file):
        raise UnsoundError("is cut off")
    file.seek(at + start)
    block = file.read(min(size, LIMIT))
    file.seek(end)
    after = file.read(len(_GAP) + _OVERLAP)
    follows = after.lstrip(b"\r\n")
    gap = len(after) - len(follows)
    # Where the next record is damaged this one need not be; but it may have swallowed it.
    ends = not follows or follows.startswith(RECORD)
    whole = len(block) == size
    swallows = _LINES.search(block) and (not ends or (whole and _is_denied(headers, block)))
    if swallows or not (ends or after.startswith(_GAP)):
        raise UnsoundError("is not as long as it says")
    return Record(at, start + size + gap, headers, block, whole)


def _is_denied(headers: Fields, block: bytes) -> bool:
    """Say whether a block is not what its digest says; one of another form says nothing."""
    form, _, stated = field(headers, "WARC-Block-Digest").partition(":")
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    return form.lower() == "sha1" and len(stated) == len(digest) and stated.upper() != digest


def _head(content: bytes) -> tuple[Fields, int, int]:
    """Give a record's headers, where its block begins, and the block's size as stated."""
    if not content.startswith(RECORD):
        raise UnsoundError("does not begin with WARC/")
    end = content.find(_GAP, 0, _HEAD) + len(_GAP)
    if end < len(_GAP):
        raise UnsoundError("has no end of its header")
    if _LINES.search(content, len(RECORD), end):
        raise UnsoundError("has a header that runs into the next one's")
    read = HeaderMap("utf-8")
    try:
        read.parse(BytesIO(content[:end]))
    except OSError as error:
        raise UnsoundError(f"has a header that cannot be read ({error})") from error
    headers = fields_of(read)
    stated = field(headers, "Content-Length")
    if not (stated.isascii() and stated.isdigit() and len(stated) <= len(str(1 << 60))):
        raise UnsoundError("does not say how long it is")
    return headers, end, int(stated)


def _size(file: BinaryIO) -> int:
    try:
        return os.fstat(file.fileno()).st_size
    except UnsupportedOperation:
        # It is on no disk.
        return file.seek(0, os.SEEK_END)
