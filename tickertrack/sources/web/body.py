"""A body off the wire: whole or not at all, of one known coding, and never larger than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from tickertrack.sources.web.network import Answer

__all__ = ["read_body"]

# What comes out of a step of decoding, at most: a bomb is noticed long before it is large (F-05).
STEP = 64 * 1024
# Text packs four to twenty times; beyond a megabyte, what packs a hundred times is none.
RATIO = 100
RATIO_FROM = 1024 * 1024
_PLAIN = {"", "identity"}
_GZIP = {"gzip", "x-gzip"}
# To zlib: a gzip header and trailer, and the largest window.
_WINDOW = 16 + zlib.MAX_WBITS


def read_body(answer: Answer, limit: int) -> bytes:
    """Read and decode a body of at most `limit` bytes; raises FetchError if it is not all there."""
    packed = _is_packed(answer)
    lengths = answer.values("content-length")
    if any(length.isdigit() and int(length[:20]) > limit for length in lengths):
        raise answer.fault("too_large", f"announces more than {limit:,} bytes")
    if not (packed or lengths or answer.values("transfer-encoding")):
        # It ends where the connection does: nobody can tell whether that is all of it (F-06).
        raise answer.fault("no_length", "says nowhere how long it is")
    body = bytearray()
    for piece in _unpacked(answer) if packed else answer.chunks:
        body += piece
        if len(body) > limit:
            raise answer.fault("too_large", f"is larger than {limit:,} bytes")
    return bytes(body)


def _is_packed(answer: Answer) -> bool:
    named = ",".join(answer.values("content-encoding")).lower().split(",")
    codings = [coding for coding in map(str.strip, named) if coding not in _PLAIN]
    if len(codings) > 1 or not _GZIP.issuperset(codings):
        raise answer.fault("coding", f"is coded as {', '.join(codings)[:80]}, not as gzip")
    return bool(codings)


def _unpacked(answer: Answer) -> Iterator[bytes]:
    gzip = zlib.decompressobj(_WINDOW)
    packed = size = 0
    try:
        for chunk in answer.chunks:
            packed += len(chunk)
            for piece in _steps(gzip, chunk):
                size += len(piece)
                if size > RATIO_FROM and size > RATIO * packed:
                    raise answer.fault("too_large", f"unpacks to over {RATIO} times its size")
                yield piece
            if gzip.unused_data:
                raise answer.fault("undecodable", "goes on where its gzip ends")
    except zlib.error as error:
        raise answer.fault("undecodable", f"is no gzip ({error})") from error
    if not gzip.eof:
        raise answer.fault("broken", "ends before its gzip does")


def _steps(gzip: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    while chunk:
        yield gzip.decompress(chunk, STEP)
        chunk = gzip.unconsumed_tail
