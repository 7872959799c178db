"""The HTTP response in a record: its status, its kind, and its body with the codings undone."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from io import BytesIO

from fastwarc.stream_io import ChunkedReader
from fastwarc.warc import HeaderMap

from tickertrack.sources.warc.records import LIMIT, Fields, UnsoundError, field, fields_of

__all__ = ["Message", "body_of", "message_of"]

_GZIP = {"gzip", "x-gzip"}
_GZIP_START = b"\x1f\x8b"
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8} *(?:;[^\r\n]*)?\r\n")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:\-]{2,40})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """A response; `kind` is its content type in small letters, `body` is as it lies there."""

    status: int | None
    kind: str
    charset: str | None
    headers: Fields
    body: bytes


def message_of(block: bytes) -> Message:
    """Take a record's block apart; raises UnsoundError."""
    # Not by the library's records: they make room for whatever length a header claims, and where
    # there is none they end the process.
    read = HeaderMap("latin1")
    try:
        start = read.parse(BytesIO(block))
    except OSError as error:
        raise UnsoundError(f"has an HTTP header that cannot be read ({error})") from error
    headers = fields_of(read)
    stated = field(headers, "Content-Type")
    charset = _CHARSET.search(stated)
    return Message(
        status=read.status_code,
        kind=stated.partition(";")[0].strip().lower(),
        charset=charset[1] if charset else None,
        headers=headers,
        body=block[start:],
    )


def body_of(message: Message) -> bytes:
    """Give the body, its chunks joined and its content coding undone; raises UnsoundError."""
    coding = field(message.headers, "Content-Encoding").lower()
    body = _joined(message)
    # Most archives undo the coding, and leave the header that tells of it.
    if coding in {"", "identity"} or body.lstrip().startswith(b"<"):
        return body
    if coding not in _GZIP:
        raise UnsoundError(f"has a content coding that is not read: {coding[:20]!r}")
    return _unpacked(body) if body.startswith(_GZIP_START) else body


def _joined(message: Message) -> bytes:
    chunked = field(message.headers, "Transfer-Encoding").lower() == "chunked"
    if not (chunked and _CHUNK.match(message.body)):
        return message.body
    try:
        return ChunkedReader(BytesIO(message.body)).read(LIMIT)
    except OSError as error:
        raise UnsoundError(f"has chunks that cannot be joined ({error})") from error


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, LIMIT + 1)
    except zlib.error as error:
        raise UnsoundError(f"holds a page that is damaged ({error})") from error
    if len(unpacked) > LIMIT:
        raise UnsoundError(f"unpacks to a page of more than {LIMIT >> 20} MiB")
    if not unpacker.eof:
        raise UnsoundError("holds a page that is cut off")
    return unpacked
