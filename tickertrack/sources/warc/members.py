"""The members of a packed file, gzip or zstd, each by itself: where one ends the next begins."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from struct import Struct
from typing import BinaryIO, Protocol, cast

import zstandard
from ahocorasick_rs import BytesAhoCorasick
from deflate import DeflateError, gzip_decompress
from isal import isal_zlib

__all__ = ["LIMIT", "RECORD", "Members", "Run", "UnsoundError", "members_of"]

RECORD = b"WARC/"
# A page's record unpacks to a hundredth of it. What is more is gone through, but not kept.
LIMIT = 16 * 1024 * 1024
_HEAD = 64 * 1024
# How far to unpack in search of a member's end: an honest film, or a second's worth of a bomb.
_PATIENCE = 512 * 1024 * 1024
# Members of plain text are of 2 KB, so that most end within the first piece; of pages, of 20 KB.
_FIRST, _PIECE = 3 * 1024, 16 * 1024
_STEP = 1024 * 1024
# Three times as much when it is unpacked: what is larger the system takes for large, and makes room
# for it anew each time.
_BLOCK, _GROWTH = 32 * 1024, 4
# Its own types call this class an error that it is not one of.
_DAMAGE = (cast("type[Exception]", isal_zlib.error), zstandard.ZstdError)

_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_BEGINNINGS = BytesAhoCorasick([_GZIP]).find_matches_as_indexes
# RFC 1952, 2.3: a head of 10 bytes at least, and at the end the check sum and the size.
_TRAILER, _TRAILER_SIZE, _LEAST = Struct("<LL").unpack_from, 8, 18
# A file of zstd may begin with the words that its members share:
# https://iipc.github.io/warc-specifications/specifications/warc-zstd/
_DICTIONARY = b"\x5d\x2a\x4d\x18"
_SIZES = 8


class UnsoundError(Exception):
    """Bytes that are no record, or no page: the text ends a sentence on `the record here`."""


@dataclass(frozen=True, slots=True)
class Run:
    """
    Members that follow one another, unpacked.

    `content` is that of all of them, of which each begins at one of `starts`; in the file they are
    at `places`, the last of which is where the run ends. One of more than LIMIT is not `whole`: of
    that the beginning is kept.
    """

    content: bytes
    starts: list[int]
    places: list[int]
    whole: bool = True


class _Unpacker(Protocol):
    """What unpacks one member, as zlib's does."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


class Members:
    """
    Unpacks members of an open file, wherever they begin; quick where one follows another.

    `beginning` is what each begins with, `first` where the first one does.
    """

    def __init__(
        self,
        file: BinaryIO,
        unpacker: Callable[[], _Unpacker],
        beginning: re.Pattern[bytes],
        first: int = 0,
    ) -> None:
        """Unpack nothing yet."""
        self.beginning, self.first = beginning, first
        self._file, self._unpacker = file, unpacker
        self._base, self._block, self._ahead = 0, memoryview(b""), _PIECE
        self._last = -1

    def unpack(self, at: int) -> tuple[bytes, int, bool]:
        """
        Give what a member holds, its packed length, and whether that is all it holds.

        Raises UnsoundError.
        """
        unpacker, start = self._unpacker(), at - self._base
        # Nearly always the block that was read last holds it: this is the busiest line there is.
        near = 0 <= start <= self._last
        piece = self._block[start : start + _FIRST] if near else self._piece(at, _FIRST)
        try:
            content = unpacker.decompress(piece, _STEP)
            if unpacker.eof:
                return content, len(piece) - len(unpacker.unused_data), True
            return self._unpack_on(unpacker, content, at, at + len(piece))
        except _DAMAGE as error:
            raise UnsoundError(f"is damaged ({error})") from error

    def run(self, at: int, stop: int) -> Run:  # noqa: ARG002  (for those that can)
        """
        Unpack the member at a place, and those after it that begin before `stop` and lie near.

        Raises UnsoundError.
        """
        content, length, whole = self.unpack(at)
        return Run(content, [0], [at, at + length], whole)

    def begins(self, at: int) -> bool:
        """Say whether a member that holds a record begins at a place."""
        unpacker, begun = self._unpacker(), b""
        with suppress(*_DAMAGE):
            begun = unpacker.decompress(self._piece(at, _PIECE), len(RECORD))
        return begun.startswith(RECORD)

    def _unpack_on(
        self, unpacker: _Unpacker, content: bytes, at: int, end: int
    ) -> tuple[bytes, int, bool]:
        kept, size = [content], len(content)
        while not unpacker.eof:
            packed: bytes | memoryview = unpacker.unconsumed_tail
            if not packed:
                packed = piece = self._piece(end, _PIECE)
                end += len(piece)
            part = unpacker.decompress(packed, _STEP)
            if not (packed or part):
                raise UnsoundError("is cut off")
            size += len(part)
            if size <= LIMIT + _HEAD:
                kept.append(part)
            elif size > _PATIENCE:
                raise UnsoundError(f"unpacks to more than {_PATIENCE >> 20} MiB")
        length = end - len(unpacker.unused_data) - at
        return b"".join(kept), length, size <= LIMIT + _HEAD

    def _piece(self, at: int, size: int) -> memoryview:
        """Give the bytes at a place, out of the block that was read last where that holds them."""
        start = at - self._base
        if start < 0 or start + size > len(self._block):
            # More and more of a file that is read on, little of one for a record here and there.
            reads_on = 0 <= start <= len(self._block)
            self._ahead = min(self._ahead * _GROWTH, _BLOCK) if reads_on else _PIECE
            self._file.seek(at)
            self._block = memoryview(self._file.read(max(size, self._ahead)))
            self._base, start, self._last = at, 0, len(self._block) - _FIRST
        return self._block[start : start + size]


class _GzipMembers(Members):
    """
    Unpacks many members of gzip at once.

    Each is unpacked from one beginning to the next, into as much as it says at its end that it
    holds (RFC 1952, 2.3.1): then nobody has to look for the end step by step. Where bytes only look
    like a beginning that fails, and the rest of the block goes member by member.
    """

    _tried = 0

    def run(self, at: int, stop: int) -> Run:
        """Unpack members as any do."""
        # Who comes back into a run has found a fault in it.
        several = self._several(at, stop) if at >= self._tried else None
        return several or super().run(at, stop)

    def _several(self, at: int, stop: int) -> Run | None:
        self._piece(at, _FIRST)
        packed = bytes(self._block[at - self._base :])
        begins = [begin for _, begin, _ in _BEGINNINGS(packed)]
        # The last may be cut off where the block ends.
        count = bisect_left(begins, stop - at, hi=max(len(begins) - 1, 0))
        if not count or begins[0] > 0:
            return None
        self._tried = at + begins[count]
        contents = list(_unpacked(packed, begins[: count + 1]))
        starts = list(accumulate(map(len, contents), initial=0))
        places = [at + begin for begin in begins[: len(starts)]]
        return Run(b"".join(contents), starts[:-1], places) if contents else None


def _unpacked(packed: bytes, begins: Sequence[int]) -> Iterator[bytearray]:
    """Unpack members of gzip from each beginning to the next, as long as that is what they are."""
    for begin, end in pairwise(begins):
        check, size = _TRAILER(packed, end - _TRAILER_SIZE) if end - begin > _LEAST else (0, 0)
        # What is said to hold nothing, the library does not look at.
        if not 0 < size <= LIMIT:
            return
        try:
            content = gzip_decompress(packed[begin:end], size)
        except DeflateError:
            return
        if len(content) != size or isal_zlib.crc32(content) != check:
            return
        # Nor does it at what follows a member, which may end as the member does: it is a copy then.
        if packed.rfind(packed[end - _TRAILER_SIZE : end], begin, end - 1) >= 0:
            return
        yield content


class _Zstd:
    """Unpacks a member of zstd in bounded steps, which the library's object does not."""

    # Four bytes may say 128 KiB.
    _STEP = 512

    def __init__(self, shared: zstandard.ZstdCompressionDict | None) -> None:
        self._object = zstandard.ZstdDecompressor(dict_data=shared).decompressobj()
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data + self.unconsumed_tail if self.eof else b""

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        view, parts, size, at = memoryview(data), list[bytes](), 0, 0
        while at < len(view) and size < max_length and not self.eof:
            parts.append(self._object.decompress(view[at : at + self._STEP]))
            size += len(parts[-1])
            at += self._STEP
        self.unconsumed_tail = bytes(view[at:])
        return b"".join(parts)


def members_of(file: BinaryIO) -> Members | None:
    """Tell how a file is packed, by its first bytes; None where it is not."""
    # Names lie; only where the beginning is damaged they are all there is.
    file.seek(0)
    begun = file.read(len(RECORD))
    if begun.startswith((_ZSTD, _DICTIONARY)):
        return _zstd(file, begun)
    if begun.startswith(_GZIP) or (begun != RECORD and file.name.endswith(".gz")):
        beginning = re.compile(re.escape(_GZIP) + rb"[\x00-\x1f]")
        return _GzipMembers(file, partial(isal_zlib.decompressobj, wbits=31), beginning)
    return _zstd(file, begun) if begun != RECORD and file.name.endswith(".zst") else None


def _zstd(file: BinaryIO, begun: bytes) -> Members:
    shared, first = None, 0
    if begun.startswith(_DICTIONARY):
        file.seek(0)
        size = int.from_bytes(file.read(_SIZES)[len(_DICTIONARY) :], "little")
        shared, first = _dictionary(file.read(min(size, LIMIT))), _SIZES + size
    return Members(file, partial(_Zstd, shared), re.compile(re.escape(_ZSTD)), first)


def _dictionary(content: bytes) -> zstandard.ZstdCompressionDict | None:
    try:
        if content.startswith(_ZSTD):
            unpacker = zstandard.ZstdDecompressor()
            content = unpacker.decompress(content, max_output_size=LIMIT)
        return zstandard.ZstdCompressionDict(content)
    except zstandard.ZstdError:
        # Each member then tells of its own damage.
        return None
