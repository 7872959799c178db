"""Records of an archive to captured copies: the pages among its responses, decoded."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from fastwarc.warc import HeaderMap, WarcRecord

from tickertrack.dialects.grammar import YEARS
from tickertrack.errors import SourceError
from tickertrack.models import Locator
from tickertrack.pages import Capture, decode, looks_like_html
from tickertrack.publishers import host_of
from tickertrack.sources.warc.records import LIMIT, Record, UnsoundError, record_at, records_in

__all__ = ["MARK", "MOST_HEADERS", "captures_after", "captures_in", "read_at"]

# A field of our own says of a record that we fetched it, at the time that it states.
MARK = "X-Tickertrack-Basis"
MOST_HEADERS = 1024 * 1024

_OK = 200
_MARKUP = {"text/html", "application/xhtml+xml"}
_PLAIN = "text/plain"
# Servers that do not know say nothing, or this.
_UNSAID = {"", "application/octet-stream", "unknown/unknown"}
_FEED = re.compile(
    r"\s*(?:<[?!][^>]*>\s*)*<(?:rss|feed|rdf:rdf|urlset|sitemapindex)\b", re.IGNORECASE
)
_SNIFF = 1024
_BINARY = "\x00"
_GZIP = {"gzip", "x-gzip"}
_GZIP_START = b"\x1f\x8b"
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8} *(?:;[^\r\n]*)?\r\n")
_LABEL = re.compile(r"[A-Za-z0-9_.:\-]{2,40}")

Found = Iterator[Capture | SourceError]


def captures_in(path: Path, hosts: frozenset[str] | None = None) -> Found:
    """
    Yield the pages of an archive, and an error for each record that cannot be read.

    With `hosts`, records of all others are passed over unread.
    """
    return _captures(records_in(path), path, hosts)


def captures_after(path: Path, offset: int) -> Found:
    """Yield the pages of our own archive from an offset on."""
    return _captures(records_in(path, offset), path, None)


def read_at(locator: Locator) -> Capture | SourceError:
    """Read again the one page that lies at a place, by seeking there."""
    path = Path(locator.file)
    try:
        capture = _capture(record_at(path, locator.offset, locator.length), path)
    except SourceError as error:
        return error
    return capture or UnsoundError("is no page").at(path, locator.offset)


def _captures(
    records: Iterable[Record | SourceError], path: Path, hosts: frozenset[str] | None
) -> Found:
    for record in records:
        if isinstance(record, SourceError):
            yield record
        elif _field(record.headers, "WARC-Type") == "response" and _is_of(record, hosts):
            try:
                capture = _capture(record, path)
            except SourceError as error:
                yield error
            else:
                if capture is not None:
                    yield capture


def _is_of(record: Record, hosts: frozenset[str] | None) -> bool:
    return hosts is None or (host_of(_target(record)) or "").removesuffix(".") in hosts


def _capture(record: Record, path: Path) -> Capture | None:
    """Read a response; None where it is no page. Raises SourceError."""
    try:
        return _read(record, path)
    except UnsoundError as fault:
        raise fault.at(path, record.offset) from fault
    except (ValueError, OSError, zlib.error) as error:
        raise UnsoundError(f"cannot be read ({error})").at(path, record.offset) from error


def _read(record: Record, path: Path) -> Capture | None:
    message = _message(record)
    kind = _kind(record, message)
    if kind is None:
        return None
    if not record.whole:
        raise UnsoundError(f"is a page of more than {LIMIT >> 20} MiB")
    body = _unpacked(_joined(message, record), message.http_headers)
    text = decode(body, _charset(message))
    html = _is_html(kind, text)
    if html is None:
        return None
    return Capture(
        text=text,
        locator=Locator(str(path.absolute()), record.offset, record.length),
        html=html,
        url=_target(record),
        captured_at=_date(record),
        capture_basis="http" if _field(record.headers, MARK) == "http" else "warc",
    )


def _target(record: Record) -> str:
    # Some writers of WARC 1.0 put it in brackets, as its grammar asks.
    return _field(record.headers, "WARC-Target-URI").strip("<>")


def _date(record: Record) -> datetime:
    text = _field(record.headers, "WARC-Date")
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        stamp = None
    # WARC 1.1 allows a bare day, which is no time.
    if stamp is None or stamp.year not in YEARS or "T" not in text:
        raise UnsoundError(f"has a capture time that is none: {text[:40]!r}")
    aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)


def _field(headers: HeaderMap, name: str) -> str:
    return (headers.get(name) or "").strip()


# ---- what kind of thing it is


def _kind(record: Record, message: WarcRecord) -> str | None:
    """Give the content type of what may be a page; None for all else."""
    # Its stubs deny it, but a record without HTTP has no such headers.
    answered = getattr(message.http_headers, "status_code", None) == _OK
    kind = (message.http_content_type or "").strip().lower() if answered else None
    if kind == _PLAIN and urlsplit(_target(record)).path == "/robots.txt":
        return None
    return kind if kind in _MARKUP | _UNSAID | {_PLAIN} else None


def _is_html(kind: str, text: str) -> bool | None:
    """Tell markup from plain text, by the content type and the first words; None for neither."""
    head = text[:_SNIFF]
    if not head.strip() or _BINARY in head or _FEED.match(head):
        return None
    if kind in _MARKUP:
        return True
    return looks_like_html(text) or (False if kind == _PLAIN else None)


# ---- the message in the record


def _message(record: Record, decoding: Literal["none", "transfer"] = "none") -> WarcRecord:
    message = WarcRecord.from_bytes(record.content)
    message.parse_http(auto_decode=decoding, max_header_len=MOST_HEADERS)
    return message


def _joined(message: WarcRecord, record: Record) -> bytes:
    """Give the body, put together where it still lies in chunks."""
    body = message.reader.read(LIMIT)
    chunked = _field(message.http_headers, "Transfer-Encoding").lower() == "chunked"
    # Most archives take the chunks apart and leave the header.
    if not (chunked and _CHUNK.match(body)):
        return body
    return _message(record, "transfer").reader.read(LIMIT)


def _unpacked(body: bytes, headers: HeaderMap) -> bytes:
    """Undo the content coding, in bounds. Raises UnsoundError or zlib.error."""
    coding = _field(headers, "Content-Encoding").lower()
    # Here too the header may tell of what was undone long ago.
    if coding in {"", "identity"} or body.lstrip().startswith(b"<"):
        return body
    if coding not in _GZIP:
        raise UnsoundError(f"has a content coding that is not read: {coding[:20]!r}")
    if not body.startswith(_GZIP_START):
        return body
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(body, LIMIT + 1)
    if len(unpacked) > LIMIT:
        raise UnsoundError(f"unpacks to a page of more than {LIMIT >> 20} MiB")
    if not unpacker.eof:
        raise UnsoundError("holds a page that is cut off")
    return unpacked


def _charset(message: WarcRecord) -> str | None:
    label = (message.http_charset or "").strip("\"' ")
    return label if _LABEL.fullmatch(label) else None
