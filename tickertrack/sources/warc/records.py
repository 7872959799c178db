"""A WARC file to its records; one that is cut off, damaged or hostile costs only itself."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from fastwarc.warc import HeaderMap

from tickertrack.errors import SourceError

__all__ = ["LIMIT", "Record", "UnsoundError", "ends_whole", "field", "record_at", "records_in"]

# A page's record unpacks to a hundredth of it. What is more is gone through, but not kept.
LIMIT = 16 * 1024 * 1024
_HEAD = 64 * 1024
# How far to unpack in search of a member's end: an honest film, or a second's worth of a bomb.
_PATIENCE = 512 * 1024 * 1024
# A file made of nothing but false beginnings would be searched for ever.
_MOST_FAULTS = 5_000
_MOST_PLACES = 100

_START = b"WARC/"
_GAP = b"\r\n\r\n"
_MEMBER = b"\x1f\x8b\x08"
_MEMBERS = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_LINES = re.compile(rb"WARC/[01]\.[0-9]{1,2}\r\n")
_CHUNK = 16 * 1024
_STEP = 1024 * 1024
_BLOCK = 64 * 1024
_OVERLAP = 64
_TAIL = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """
    A record as it lies in its file; `length` is the next one's offset less its own.

    Of a block of more than LIMIT only the beginning is kept, and it is not `whole`.
    """

    offset: int
    length: int
    headers: HeaderMap
    block: bytes
    whole: bool


class UnsoundError(Exception):
    """Bytes that are no record, or no page: the text ends a sentence on `the record here`."""

    def at(self, path: Path, offset: int) -> SourceError:
        """Say where."""
        return SourceError(f"the record here {self}", path=path, line=offset)


def records_in(path: Path, start: int = 0) -> Iterator[Record | SourceError]:
    """Yield a file's records from an offset on, and an error for each stretch that is none."""
    with path.open("rb") as file:
        size, at, faults = _size(file), start, 0
        if size == 0:
            yield SourceError("is empty", path=path)
        packed = _is_packed(file)
        while at < size:
            try:
                record = _read(file, at, packed=packed)
            except UnsoundError as fault:
                faults += 1
                yield fault.at(path, at)
                if faults == _MOST_FAULTS:
                    yield SourceError("is so damaged that the rest is not read", path=path)
                    return
                at = _find(file, at + 1, packed=packed) or size
            else:
                yield record
                at += record.length


def record_at(path: Path, offset: int, length: int) -> Record:
    """Read again the one record of a place; raises SourceError where it is not there."""
    try:
        with path.open("rb") as file:
            record = _read(file, offset, packed=_is_packed(file))
    except UnsoundError as fault:
        raise fault.at(path, offset) from fault
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", path=path) from error
    if record.length != length:
        raise UnsoundError(f"is {record.length} bytes long, not {length}").at(path, offset)
    return record


def field(headers: HeaderMap, name: str) -> str:
    """Give a header's value; what is not there is empty."""
    return (headers.get(name) or "").strip()


def ends_whole(file: BinaryIO) -> bool:
    """Say whether a packed file ends where its last record does, by its end alone."""
    size = _size(file)
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    place = tail.rfind(_MEMBER)
    while place >= 0:
        at = size - len(tail) + place
        if _begins_member(file, at):
            try:
                return at + _read(file, at, packed=True).length == size
            except UnsoundError:
                return False
        place = tail.rfind(_MEMBER, 0, place)
    return False


def _read(file: BinaryIO, at: int, *, packed: bool) -> Record:
    return _read_member(file, at) if packed else _read_plain(file, at)


def _find(file: BinaryIO, at: int, *, packed: bool) -> int | None:
    """Find the next place that looks like a record's beginning."""
    if not packed:
        return next(_places(file, _LINES, at), None)
    # Its bytes stand by chance in every 16 MB; where they crowd, one is taken for a beginning.
    for number, place in enumerate(_places(file, _MEMBERS, at), start=1):
        if number == _MOST_PLACES or _begins_member(file, place):
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
        if len(block) < _BLOCK:
            return
        # A block begins before the last one's end, lest a match is cut in two.
        base += _BLOCK - _OVERLAP


def _begins_member(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    try:
        begun = zlib.decompressobj(wbits=31).decompress(file.read(_CHUNK), len(_START))
    except zlib.error:
        return False
    return begun == _START


def _is_packed(file: BinaryIO) -> bool:
    # Names lie; only where the beginning is damaged they are all there is.
    file.seek(0)
    begun = file.read(len(_START))
    return begun.startswith(_MEMBER) or (begun != _START and file.name.endswith(".gz"))


# ---- one gzip member a record


def _read_member(file: BinaryIO, at: int) -> Record:
    content, length, whole = _unpack(file, at)
    headers, start, size = _head(content)
    rest = content[start + size :]
    if rest.lstrip(b"\r\n").startswith(_START):
        raise UnsoundError("shares its gzip member with others: unpack the file with gunzip")
    if whole and (len(content) < start + size or rest.strip(b"\r\n")):
        raise UnsoundError("is not as long as it says")
    return Record(at, length, headers, content[start : start + size], whole)


def _unpack(file: BinaryIO, at: int) -> tuple[bytes, int, bool]:
    """Give what a gzip member holds, its packed length, and whether that is all it holds."""
    file.seek(at)
    unpacker = zlib.decompressobj(wbits=31)
    kept: list[bytes] = []
    size = 0
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(_CHUNK)
        try:
            part = unpacker.decompress(packed, _STEP)
        except zlib.error as error:
            raise UnsoundError(f"is damaged ({error})") from error
        if not (packed or part):
            raise UnsoundError("is cut off")
        size += len(part)
        if size <= LIMIT + _HEAD:
            kept.append(part)
        elif size > _PATIENCE:
            raise UnsoundError(f"unpacks to more than {_PATIENCE >> 20} MiB")
    length = file.tell() - len(unpacker.unused_data) - at
    return b"".join(kept), length, size <= LIMIT + _HEAD


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
    ends = not follows or follows.startswith(_START)
    whole = len(block) == size
    swallows = _LINES.search(block) and (not ends or (whole and _is_denied(headers, block)))
    if swallows or not (ends or after.startswith(_GAP)):
        raise UnsoundError("is not as long as it says")
    return Record(at, start + size + gap, headers, block, whole)


def _is_denied(headers: HeaderMap, block: bytes) -> bool:
    """Say whether a block is not what its digest says; one of another form says nothing."""
    form, _, stated = field(headers, "WARC-Block-Digest").partition(":")
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    return form.lower() == "sha1" and len(stated) == len(digest) and stated.upper() != digest


def _head(content: bytes) -> tuple[HeaderMap, int, int]:
    """Give a record's headers, where its block begins, and the block's size as stated."""
    if not content.startswith(_START):
        raise UnsoundError("does not begin with WARC/")
    end = content.find(_GAP, 0, _HEAD) + len(_GAP)
    if end < len(_GAP):
        raise UnsoundError("has no end of its header")
    if _LINES.search(content, len(_START), end):
        raise UnsoundError("has a header that runs into the next one's")
    headers = HeaderMap("utf-8")
    try:
        headers.parse(BytesIO(content[:end]))
    except OSError as error:
        raise UnsoundError(f"has a header that cannot be read ({error})") from error
    stated = field(headers, "Content-Length")
    if not (stated.isascii() and stated.isdigit() and len(stated) <= len(str(1 << 60))):
        raise UnsoundError("does not say how long it is")
    return headers, end, int(stated)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
