"""What is read: captured pages, their strips, quotes and articles; what servers answered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

__all__ = [
    "Article",
    "Board",
    "CaptureBasis",
    "Direction",
    "HostState",
    "Locator",
    "Page",
    "Precision",
    "Published",
    "Quarantined",
    "Quote",
    "Response",
    "Strip",
    "Verdict",
    "content_id",
]

Board = Literal["stocks", "index"]
CaptureBasis = Literal["http", "warc", "stated", "given", "unknown"]
Direction = Literal["up", "down", "flat"]
Precision = Literal["second", "minute", "day"]
Verdict = Literal[
    "ok",
    "percent_mismatch",
    "sign_conflict",
    "impossible_reference",
    "out_of_range",
    "unchecked",
]

_ID_BYTES = 8
_POSITIVE = (1 << 63) - 1


def content_id(*parts: str | None) -> int:
    """
    Give the same positive 63-bit number for the same parts, on any machine and in any order.

    Ids that come from content, not from arrival, are what makes ingest independent of order.
    """
    # None and "" differ, and no join of parts equals another one.
    joined = "\x1f".join(["\x00" if part is None else part for part in parts])
    digest = hashlib.sha256(joined.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:_ID_BYTES], "big") & _POSITIVE


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a page's bytes lie: file, byte offset and length (in Parquet: row and 1)."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """
    What a server answered, whole: `body` is decoded, `headers` stand as received.

    `url` is where it came from in the end, after redirects; names of headers keep their case.
    """

    url: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    received_at: datetime
    wire_bytes: int

    def header(self, name: str) -> str | None:
        """Give the first header of a name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class HostState:
    """
    What is remembered of a host between runs, so that manners survive a restart.

    `not_before` is the earliest time of the next request, by Retry-After or an open circuit;
    `failures` counts runs that ended without an answer, one after the other; `skew` is the
    server's clock less ours, in seconds.
    """

    host: str
    last_request_at: datetime | None = None
    not_before: datetime | None = None
    failures: int = 0
    robots: bytes | None = None
    robots_status: int | None = None
    robots_fetched_at: datetime | None = None
    skew: float | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """When an article says that it appeared: a UTC time, or only a day of the publisher's."""

    at: datetime | date
    precision: Precision


class Quote(NamedTuple):
    """
    One ticker line, read; `line` counts the quotes of its strip from 1.

    Of change and percent one may not be printed: the quote's verdict is `unchecked` then. A tuple:
    there are more of them than of all other records.
    """

    line: int
    board: Board
    symbol: str
    price: Decimal
    change: Decimal | None
    percent: Decimal | None
    direction: Direction
    verdict: Verdict
    raw: str

    @property
    def reference_price(self) -> Decimal | None:
        """The price that the change is measured from: price - change."""
        return None if self.change is None else self.price - self.change


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line, or with `line` 0 a whole page, that was refused, and why."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The block of ticker lines in a page's header; `dialect` is empty where no line was read."""

    dialect: str
    quotes: tuple[Quote, ...]
    quarantined: tuple[Quarantined, ...]
    repeats: int
    digest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute `digest`: SHA-256 over the dialect and the lines as printed."""
        # Once: one strip stands on many pages, and each asks for it.
        lines = "\n".join((self.dialect, *(quote.raw for quote in self.quotes)))
        object.__setattr__(
            self, "digest", hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()
        )

    @property
    def found(self) -> int:
        """Lines that look like ticker lines: quotes + repeats + quarantined, always."""
        return len(self.quotes) + self.repeats + len(self.quarantined)


@dataclass(frozen=True, slots=True)
class Article:
    """A piece of news; one article may stand on many pages."""

    url: str | None
    title: str | None
    byline: str | None
    published: Published | None
    publisher: str | None
    text: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """
    One captured copy of a web page, read; the same article captured twice is two pages.

    `id` comes from what its source gave, not from how it was read: the same copy of the same
    address at the same time is the same page. `undated_id` is what it would be if the page did not
    print its day, as it is to a dialect that does not know where.
    """

    id: int
    undated_id: int
    url: str | None
    publisher: str | None
    captured_at: datetime | None
    capture_basis: CaptureBasis
    page_date: date | None
    article: Article
    strip: Strip
    sha256: str
    locator: Locator
