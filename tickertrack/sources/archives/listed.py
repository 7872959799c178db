"""Lines of a CDX answer to the captures that they list; hostile input, a line at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from tickertrack.dialects.grammar import YEARS
from tickertrack.publishers import Publisher, host_of

__all__ = [
    "FIELDS",
    "Fields",
    "Listed",
    "Span",
    "State",
    "fields_of_json",
    "fields_of_text",
    "listed_in",
    "stamp_of",
    "time_of",
]

State = Literal["listed", "done", "refused"]

# What is asked of a Wayback Machine, in the order in which its lines bring it. Without `urlkey`
# some make their resumption keys of nothing: https://github.com/internetarchive/wayback/issues/121
FIELDS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
_NAMES = {"original": "url", "mimetype": "mime", "statuscode": "status"}
_LONGEST_LINE = 8192
_LONGEST_URL = 2048
_STAMP = re.compile(r"[0-9]{14}")
_FORM = "%Y%m%d%H%M%S"
# A capture of tomorrow is a clock that errs; later ones are no captures.
_AHEAD = timedelta(days=1)
_MARKUP = re.compile(r"(?:text/html|application/xhtml\+xml)\s*(?:;.*)?", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\x9f]")
_DIGEST = re.compile(r"[A-Za-z0-9:+/=_-]{8,128}")
_NUMBER = re.compile(r"[0-9]{1,13}")
# A path below the place of files, whatever a hostile index would like it to be.
_FILE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._=+-]*(?:/[A-Za-z0-9_][A-Za-z0-9._=+-]*)*")
_LONGEST_FILE = 400
# A page's record is a hundredth of it; one of a film is no page's.
_MOST_BYTES = 4 * 1024 * 1024

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """A record's place: the bytes of a file from an offset on."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A capture that an archive's index lists, and what became of it.

    `length` is the record's, packed, as far as the index says; `span` is where it lies, None where
    it can only be replayed.
    """

    url: str
    captured_at: datetime
    digest: str | None
    length: int | None
    span: Span | None
    state: State = "listed"
    failures: int = 0
    not_before: datetime | None = None
    reason: str | None = None

    @property
    def content(self) -> str:
        """What tells its content from others': the index's digest, or else its own key."""
        return self.digest or f"{stamp_of(self.captured_at)} {self.url}"


def stamp_of(moment: datetime) -> str:
    """Write a time as archives do, in 14 digits of UTC."""
    return moment.astimezone(UTC).strftime(_FORM)


def time_of(stamp: object) -> datetime | None:
    """Read 14 digits as a time; None for what is none, or is of no page's year."""
    if not isinstance(stamp, str) or not _STAMP.fullmatch(stamp):
        return None
    try:
        moment = datetime.strptime(stamp, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment.year in YEARS else None


def listed_in(
    lines: list[bytes], read: Callable[[str], Fields | None], publisher: Publisher, now: datetime
) -> Iterator[Listed]:
    """Yield the captures that are pages of a publisher's articles; other lines cost themselves."""
    for line in lines:
        if len(line) > _LONGEST_LINE:
            continue
        fields = read(line.decode("utf-8", "replace"))
        found = _listed(fields, now) if fields else None
        if found is not None and _is_wanted(found, publisher):
            yield found


def fields_of_json(line: str) -> Fields | None:
    """Read a line of JSON, as pywb and Common Crawl write them."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def fields_of_text(line: str) -> Fields | None:
    """Read a line of fields between blanks, as the Wayback Machine writes them."""
    values = line.split(" ")
    if len(values) != len(FIELDS):
        return None
    return {_NAMES.get(name, name): value for name, value in zip(FIELDS, values, strict=True)}


def _listed(fields: Fields, now: datetime) -> Listed | None:
    url, moment = fields.get("url"), time_of(fields.get("timestamp"))
    if moment is None or moment > now + _AHEAD or not isinstance(url, str):
        return None
    is_page = str(fields.get("status")) == "200" and _MARKUP.fullmatch(str(fields.get("mime")))
    if not is_page or len(url) > _LONGEST_URL or _UNSEEN.search(url):
        return None
    length = _number(fields.get("length"))
    if length is not None and not 0 < length <= _MOST_BYTES:
        return None
    digest = str(fields.get("digest") or "")
    return Listed(
        url=url,
        captured_at=moment,
        digest=digest if _DIGEST.fullmatch(digest) else None,
        length=length,
        span=_span(fields, length),
    )


def _span(fields: Fields, length: int | None) -> Span | None:
    file, offset = fields.get("filename"), _number(fields.get("offset"))
    if length is None or offset is None or not isinstance(file, str):
        return None
    if len(file) > _LONGEST_FILE or not _FILE.fullmatch(file):
        return None
    return Span(file, offset, length)


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if _NUMBER.fullmatch(text) and text.isascii() else None


def _is_wanted(found: Listed, publisher: Publisher) -> bool:
    """Say whether a capture is of the publisher's host, and of an article where that shows."""
    if (host_of(found.url) or "").removesuffix(".") not in publisher.hosts:
        return False
    try:
        path = urlsplit(found.url).path
    except ValueError:
        return False
    return publisher.article is None or publisher.article.search(path) is not None
