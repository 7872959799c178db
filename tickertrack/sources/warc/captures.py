"""Records of an archive to captured copies: the pages among its responses, decoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from tickertrack.dialects.grammar import YEARS
from tickertrack.errors import SourceError
from tickertrack.models import Locator
from tickertrack.pages import Capture, decode, looks_like_html
from tickertrack.publishers import host_of
from tickertrack.sources.remote import File, file_of
from tickertrack.sources.warc.gate import Gate
from tickertrack.sources.warc.message import Message, body_of, message_of
from tickertrack.sources.warc.records import (
    LIMIT,
    Record,
    Stretch,
    UnsoundError,
    field,
    records_at,
    records_in,
    said,
)

__all__ = [
    "MARK",
    "Copy",
    "Stretch",
    "captures_after",
    "captures_in",
    "copies_after",
    "date_of",
    "read_at",
    "read_each",
    "target_of",
]

# A field of our own says of a record that we fetched it, at the time that it states.
MARK = "X-Tickertrack-Basis"

# What the first record of each file that we write says of it.
SOFTWARE = b"software: tickertrack/"

# A page as it was served, and the text that an archive made of it.
_RESPONSE, _TEXT = "response", "conversion"
_KINDS = {_RESPONSE, _TEXT}
_OK = 200
_MARKUP = {"text/html", "application/xhtml+xml"}
_PLAIN = "text/plain"
# Servers that do not know say nothing, or this.
_UNSAID = {"", "application/octet-stream", "unknown/unknown"}
_FEED = re.compile(
    r"\s*(?:<[?!][^>]*>\s*)*<(?:rss|feed|rdf:rdf|urlset|sitemapindex)\b", re.IGNORECASE
)
_ROBOTS = re.compile(r"[a-z]+://[^/]+/robots\.txt(?:[?#].*)?", re.IGNORECASE)
_SNIFF = 1024
_BINARY = "\x00"

Found = Iterator[Capture | SourceError]


@dataclass(frozen=True, slots=True)
class Copy:
    """A response in an archive, unread: where it lies, of which address, and from when."""

    locator: Locator
    url: str
    captured_at: datetime


def captures_in(
    path: File,
    hosts: frozenset[str] | None = None,
    markers: frozenset[str] | None = None,
    stretch: Stretch | None = None,
) -> Found:
    """
    Yield the pages of an archive, or a stretch of it, and an error for what cannot be read.

    With `hosts`, records of all others are passed over unread; with `markers`, those that hold none
    of them, but for what we fetched ourselves: whose articles are news, strip or no strip.
    """
    gate = Gate(markers, MARK) if markers and not _is_ours(path) else None
    return _captures(records_in(path, stretch, gate), path, hosts)


def captures_after(path: File, offset: int) -> Found:
    """Yield the pages of our own archive from an offset on."""
    return _captures(records_in(path, Stretch(offset)), path, None)


def copies_after(path: File, offset: int) -> Iterator[Copy | SourceError]:
    """Yield the responses of our own archive from an offset on, whatever they hold."""
    for record in records_in(path, Stretch(offset)):
        if isinstance(record, SourceError):
            yield record
        elif field(record.headers, "WARC-Type") == _RESPONSE:
            place = Locator(_whole_path(path), record.offset, record.length)
            try:
                yield Copy(place, target_of(record), date_of(record))
            except UnsoundError as fault:
                yield said(fault, path, record.offset)


def read_at(locator: Locator) -> Capture | SourceError:
    """Read again the one page that lies at a place, by seeking there."""
    return next(read_each(file_of(locator.file), [locator]))


def read_each(path: File, places: Iterable[Locator]) -> Found:
    """Read again the pages at places of one file, in the order that they are asked for."""
    for record in records_at(path, places):
        if isinstance(record, SourceError):
            yield record
            continue
        try:
            capture = _capture(record, path)
        except SourceError as error:
            yield error
        else:
            yield capture or said(UnsoundError("is no page"), path, record.offset)


def _captures(
    records: Iterable[Record | SourceError], path: File, hosts: frozenset[str] | None
) -> Found:
    for record in records:
        if isinstance(record, SourceError):
            yield record
        elif field(record.headers, "WARC-Type") in _KINDS and _is_of(record, hosts):
            try:
                capture = _capture(record, path)
            except SourceError as error:
                yield error
            else:
                if capture is not None:
                    yield capture


def _is_ours(path: File) -> bool:
    """Say whether we wrote a file, by its first record: it may hold records as others made them."""
    first = next(records_in(path), None)
    return isinstance(first, Record) and SOFTWARE in first.block


def _is_of(record: Record, hosts: frozenset[str] | None) -> bool:
    return hosts is None or (host_of(target_of(record)) or "").removesuffix(".") in hosts


def _capture(record: Record, path: File) -> Capture | None:
    """Read a record; None where it is no page. Raises SourceError."""
    read = _read if field(record.headers, "WARC-Type") == _RESPONSE else _read_text
    try:
        return read(record, path)
    except UnsoundError as fault:
        raise said(fault, path, record.offset) from fault


def _read(record: Record, path: File) -> Capture | None:
    message = message_of(record.block)
    if not _may_be_page(message, target_of(record)):
        return None
    if not record.whole:
        raise UnsoundError(f"is a page of more than {LIMIT >> 20} MiB")
    text = decode(body_of(message), message.charset)
    html = _is_html(message.kind, text)
    return None if html is None else _captured(record, path, text, html=html)


def _read_text(record: Record, path: File) -> Capture | None:
    if not record.whole:
        raise UnsoundError(f"is a text of more than {LIMIT >> 20} MiB")
    text = decode(record.block)
    return _captured(record, path, text, html=False) if text.strip() else None


def _captured(record: Record, path: File, text: str, *, html: bool) -> Capture:
    return Capture(
        text=text,
        locator=Locator(_whole_path(path), record.offset, record.length),
        html=html,
        url=target_of(record),
        captured_at=date_of(record),
        capture_basis="http" if field(record.headers, MARK) == "http" else "warc",
    )


@lru_cache(maxsize=16)
def _whole_path(path: File) -> str:
    return str(path.absolute())


def target_of(record: Record) -> str:
    """Give the address that a record is a copy of."""
    # Some writers of WARC 1.0 put it in brackets, as its grammar asks.
    return field(record.headers, "WARC-Target-URI").strip("<>")


def date_of(record: Record) -> datetime:
    """Give the time at which a record was captured; raises UnsoundError."""
    text = field(record.headers, "WARC-Date")
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        stamp = None
    # WARC 1.1 allows a bare day, which is no time.
    if stamp is None or stamp.year not in YEARS or "T" not in text:
        raise UnsoundError(f"has a capture time that is none: {text[:40]!r}")
    aware = stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return aware.replace(microsecond=0) if aware.microsecond else aware


def _may_be_page(message: Message, url: str) -> bool:
    if message.status != _OK or message.kind not in _MARKUP | _UNSAID | {_PLAIN}:
        return False
    return not (message.kind == _PLAIN and _ROBOTS.fullmatch(url))


def _is_html(kind: str, text: str) -> bool | None:
    """Tell markup from plain text, by the content type and the first words; None for neither."""
    head = text[:_SNIFF]
    if not head.strip() or _BINARY in head or _FEED.match(head):
        return None
    if kind in _MARKUP:
        return True
    return looks_like_html(text) or (False if kind == _PLAIN else None)
