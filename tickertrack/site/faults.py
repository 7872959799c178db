"""How the site misbehaves when it is told to: one short function for each fault."""

from __future__ import annotations

import inspect
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tickertrack.site.wire import Answer, Wire, http_date

__all__ = ["POISON", "Fault", "Misdeed", "misdeed"]

_MIB = 1024 * 1024


class Fault(StrEnum):
    """What can be wrong with an answer; each takes the details of its function below."""

    ERROR = "error"
    TOO_MANY = "too many"
    MISSING = "missing"
    UNASKED_304 = "unasked 304"
    EMPTY = "empty"
    BINARY = "binary"
    WRONG_CHARSET = "wrong charset"
    UNKNOWN_CODING = "unknown coding"
    GZIP_BOMB = "gzip bomb"
    HUGE_PAGE = "huge page"
    SHORT_BODY = "short body"
    MALFORMED_FEED = "malformed feed"
    FEED_WITH_DTD = "feed with dtd"
    REDIRECT_LOOP = "redirect loop"
    REDIRECT_ELSEWHERE = "redirect elsewhere"
    DRIP_BODY = "drip body"
    DRIP_HEADERS = "drip headers"
    ENDLESS_HEADERS = "endless headers"
    ENDLESS_INTERIM = "endless interim"
    ENDLESS_BODY = "endless body"
    HANG = "hang"


# What costs one address its page, at once and for good, and nothing else on its host.
POISON = (
    *(Fault.MISSING, Fault.UNKNOWN_CODING, Fault.GZIP_BOMB, Fault.HUGE_PAGE, Fault.SHORT_BODY),
    *(Fault.REDIRECT_LOOP, Fault.REDIRECT_ELSEWHERE, Fault.ENDLESS_HEADERS, Fault.ENDLESS_BODY),
)


@dataclass(slots=True)
class Misdeed:
    """A fault with its details; `left` counts the answers that it still spoils, None for all."""

    fault: Fault
    details: dict[str, Any]
    left: int | None = None

    def commit(self, wire: Wire, answer: Answer) -> None:
        """Spoil an answer; the connection is of no use afterwards."""
        _FUNCTIONS[self.fault](wire, answer, **self.details)


def misdeed(fault: Fault, details: dict[str, Any], times: int | None) -> Misdeed:
    """Put a misdeed together; raises TypeError for a detail that its fault does not have."""
    inspect.signature(_FUNCTIONS[fault]).bind(None, None, **details)
    return Misdeed(fault, details, times)


# ---- answers that are whole, and wrong


def _error(wire: Wire, _: Answer, *, status: int = 500, body: bytes = b"Out of ink.\n") -> None:
    wire.answer(Answer(status, (_TEXT,), body))


def _too_many(
    wire: Wire, _: Answer, *, retry_after: str | datetime | None = "120", status: int = 429
) -> None:
    said = http_date(retry_after) if isinstance(retry_after, datetime) else retry_after
    headers = (("Retry-After", said),) if said is not None else ()
    wire.answer(Answer(status, (_TEXT, *headers), b"One reader at a time, please.\n"))


def _missing(wire: Wire, _: Answer, *, status: int = 404) -> None:
    wire.answer(Answer(status, (_TEXT,), b"No such page.\n"))


def _unasked_304(wire: Wire, answer: Answer) -> None:
    wire.answer(Answer(304, answer.headers))


def _empty(wire: Wire, answer: Answer) -> None:
    wire.answer(Answer(answer.status, answer.headers))


def _binary(wire: Wire, answer: Answer, *, size: int = 4_096) -> None:
    noise = random.Random(size).randbytes(size)  # noqa: S311  (noise, no secret)
    wire.answer(Answer(answer.status, answer.headers, noise))


def _wrong_charset(
    wire: Wire, answer: Answer, *, label: str = "iso-8859-1", encoding: str = "utf-8"
) -> None:
    """Write in one charset and name another one, in the header alone."""
    text = answer.body.decode().replace('<meta charset="utf-8">', "")
    media, _, _ = answer.header("Content-Type").partition(";")
    changed = answer.with_headers(("Content-Type", f"{media}; charset={label}"))
    wire.answer(replace(changed, body=text.encode(encoding, "xmlcharrefreplace")))


def _unknown_coding(wire: Wire, answer: Answer, *, coding: str = "x-shorthand") -> None:
    wire.answer(replace(answer.with_headers(("Content-Encoding", coding)), strip=None))


def _malformed_feed(wire: Wire, answer: Answer) -> None:
    half = answer.body[: len(answer.body) * 2 // 3]
    wire.answer(Answer(answer.status, answer.headers, half + b"<item><oops>&nbsp;</item>"))


def _feed_with_dtd(wire: Wire, answer: Answer, *, dtd: str = "") -> None:
    """Put a document type before the feed, by default one that would grow to a billion words."""
    declaration, _, rest = answer.body.partition(b"?>")
    body = declaration + b"?>\n" + (dtd or _laughs()).encode() + rest
    wire.answer(Answer(answer.status, answer.headers, body.replace(b"<title>", b"<title>&l9;", 1)))


def _laughs() -> str:
    larger = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">\n' for n in range(1, 10))
    return f'<!DOCTYPE feed [\n<!ENTITY l0 "ha">\n{larger}]>\n'


# ---- too much, or too little


def _gzip_bomb(wire: Wire, answer: Answer, *, size: int = 1024 * _MIB) -> None:
    """Send so many bytes of nothing (in whole MiB), packed a thousand times smaller."""
    pieces = size // _MIB
    packed = _packed_mebibyte()
    length = len(_GZIP_HEAD) + pieces * len(packed) + len(_GZIP_END) + 8
    bomb = answer.with_headers(("Content-Encoding", "gzip"), ("Content-Length", str(length)))
    wire.head(bomb.status, bomb.headers)
    wire.body(_GZIP_HEAD)
    crc, block = 0, bytes(_MIB)
    for _ in range(pieces):
        wire.body(packed)
        crc = zlib.crc32(block, crc)
    size = pieces * _MIB % 2**32
    wire.body(_GZIP_END + crc.to_bytes(4, "little") + size.to_bytes(4, "little"))


_GZIP_HEAD = bytes.fromhex("1f8b08000000000000ff")
# A last, empty block.
_GZIP_END = b"\x03\x00"


@lru_cache(maxsize=1)
def _packed_mebibyte() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # Flushed whole, a piece stands for itself, and may stand as often as one likes.
    return packer.compress(bytes(_MIB)) + packer.flush(zlib.Z_FULL_FLUSH)


def _huge_page(wire: Wire, answer: Answer, *, size: int = 32 * _MIB) -> None:
    """Fill the page up to a size, in front of its end."""
    end = b"</body>\n</html>\n"
    start = answer.body.removesuffix(end)
    missing = max(size - len(answer.body), 0)
    wire.head(answer.status, (*answer.headers, ("Content-Length", str(len(answer.body) + missing))))
    wire.body(start)
    for length in _portions(missing):
        wire.body((_FILLING * (length // len(_FILLING) + 1))[:length])
    wire.body(answer.body[len(start) :])


_FILLING = b"<p>And so on, and so on, and so on.</p>\n"


def _portions(size: int) -> Iterator[int]:
    while size > 0:
        yield min(size, _MIB)
        size -= _MIB


def _short_body(wire: Wire, answer: Answer, *, share: float = 0.5) -> None:
    wire.head(answer.status, (*answer.headers, ("Content-Length", str(len(answer.body)))))
    wire.body(answer.body[: int(len(answer.body) * share)])


# ---- somewhere else


def _redirect_loop(
    wire: Wire, answer: Answer, *, hops: int | None = None, status: int = 302
) -> None:
    """Send on and on, each time to a new address; with `hops`, in the end to the page itself."""
    parts = urlsplit(wire.request.path)
    hop = int(parse_qs(parts.query).get("hop", ["0"])[0])
    if hops is not None and hop >= hops:
        wire.answer(answer)
    else:
        wire.answer(Answer(status, (("Location", f"{parts.path}?hop={hop + 1}"),)))


def _redirect_elsewhere(
    wire: Wire, _: Answer, *, to: str = "http://elsewhere.example/", status: int = 302
) -> None:
    wire.answer(Answer(status, (("Location", to),)))


# ---- never done


def _drip_body(wire: Wire, answer: Answer, *, seconds: float = 0.3) -> None:
    """Send the body a byte at a time."""
    wire.head(answer.status, (*answer.headers, ("Content-Length", str(len(answer.body)))))
    for place, _ in zip(range(len(answer.body)), wire.beats(seconds), strict=False):
        wire.body(answer.body[place : place + 1])


def _drip_headers(wire: Wire, answer: Answer, *, seconds: float = 0.3) -> None:
    """Send the headers a byte at a time."""
    head = wire.written(answer)
    for place, _ in zip(range(len(head)), wire.beats(seconds), strict=False):
        wire.raw(head[place : place + 1])


def _endless_headers(
    wire: Wire, answer: Answer, *, seconds: float = 0.0, count: int | None = None
) -> None:
    """Send header after header; with `count`, so many and then the page."""
    start, _, _ = wire.written(answer).partition(b"\r\n\r\n")
    wire.raw(start + b"\r\n")
    numbers = range(count) if count is not None else range(10**9)
    for number, _ in zip(numbers, wire.beats(seconds), strict=False):
        wire.raw(b"X-Errand-%d: %s\r\n" % (number, b"to and fro " * 8))
    wire.raw(b"\r\n")
    wire.body(answer.body)


def _endless_interim(wire: Wire, _: Answer, *, seconds: float = 0.05) -> None:
    """Promise again and again that there will be an answer."""
    for _beat in wire.beats(seconds):
        wire.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")


def _endless_body(wire: Wire, answer: Answer, *, seconds: float = 0.0) -> None:
    """Send the page, and then more of it for ever, in chunks."""
    wire.head(answer.status, (*answer.headers, ("Transfer-Encoding", "chunked")))
    wire.body(_chunk(answer.body))
    for _ in wire.beats(seconds):
        wire.body(_chunk(_FILLING * 400))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _hang(wire: Wire, _: Answer) -> None:
    """Say nothing at all."""
    for _beat in wire.beats(1.0):
        pass


_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_FUNCTIONS: dict[Fault, Callable[..., None]] = {
    Fault.ERROR: _error,
    Fault.TOO_MANY: _too_many,
    Fault.MISSING: _missing,
    Fault.UNASKED_304: _unasked_304,
    Fault.EMPTY: _empty,
    Fault.BINARY: _binary,
    Fault.WRONG_CHARSET: _wrong_charset,
    Fault.UNKNOWN_CODING: _unknown_coding,
    Fault.GZIP_BOMB: _gzip_bomb,
    Fault.HUGE_PAGE: _huge_page,
    Fault.SHORT_BODY: _short_body,
    Fault.MALFORMED_FEED: _malformed_feed,
    Fault.FEED_WITH_DTD: _feed_with_dtd,
    Fault.REDIRECT_LOOP: _redirect_loop,
    Fault.REDIRECT_ELSEWHERE: _redirect_elsewhere,
    Fault.DRIP_BODY: _drip_body,
    Fault.DRIP_HEADERS: _drip_headers,
    Fault.ENDLESS_HEADERS: _endless_headers,
    Fault.ENDLESS_INTERIM: _endless_interim,
    Fault.ENDLESS_BODY: _endless_body,
    Fault.HANG: _hang,
}
