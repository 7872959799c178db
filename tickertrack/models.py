"""The records that cross a boundary between rooms: frozen, slotted, typed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

__all__ = [
    "Action",
    "ActionKind",
    "Alignment",
    "Article",
    "Basis",
    "Board",
    "CaptureBasis",
    "Cause",
    "DatedBoard",
    "Direction",
    "Field",
    "Fires",
    "HostState",
    "IngestReport",
    "Link",
    "LinkReport",
    "Locator",
    "Member",
    "Mention",
    "MentionKind",
    "Method",
    "Outcome",
    "Page",
    "Precision",
    "Price",
    "Published",
    "Quarantined",
    "Quote",
    "Reading",
    "Relation",
    "Response",
    "RunStatus",
    "Scored",
    "Sighting",
    "Sitting",
    "Status",
    "Story",
    "Strip",
    "Topic",
    "TradingDay",
    "Verdict",
    "added",
    "content_id",
    "is_flat",
]

ActionKind = Literal["bonus", "split", "dividend", "right", "unexplained"]
Basis = Literal["before_open", "in_session", "after_close", "closed_day", "day"]
Board = Literal["stocks", "index"]
CaptureBasis = Literal["http", "warc", "stated", "given", "unknown"]
Cause = Literal["schedule", "start", "catch-up", "request", "once"]
Direction = Literal["up", "down", "flat"]
Field = Literal["title", "lead", "body", "tags"]
MentionKind = Literal["name", "alias", "short", "ticker", "abbreviation"]
Method = Literal["matched", "captured", "stated"]
Precision = Literal["second", "minute", "day"]
Relation = Literal["about", "mention", "sector", "market"]
RunStatus = Literal["ok", "partial", "error", "missed", "skipped", "aborted"]
Status = Literal["final", "intraday", "implied", "provisional"]
Verdict = Literal[
    "ok",
    "percent_mismatch",
    "sign_conflict",
    "impossible_reference",
    "out_of_range",
    "unchecked",
]

# A board is flat when so many stocks all stand still: fewer may do so in any session.
FLAT_STOCKS = 4
_ID_BYTES = 8
_POSITIVE = (1 << 63) - 1


def content_id(*parts: str | None) -> int:
    """
    Give the same positive 63-bit number for the same parts, on any machine and in any order.

    Ids that come from content, not from arrival, are what makes ingest independent of order.
    """
    # None and "" differ, and no join of parts equals another one.
    joined = "\x1f".join("\x00" if part is None else part for part in parts)
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


@dataclass(frozen=True, slots=True)
class Quote:
    """
    One ticker line, read; `line` counts the quotes of its strip from 1.

    Of change and percent one may not be printed: the quote's verdict is `unchecked` then.
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


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What was new in one call: counts, and seconds of wall time."""

    pages: int = 0
    strips: int = 0
    quotes: int = 0
    duplicates: int = 0
    quarantined: int = 0
    articles: int = 0
    seconds: float = 0.0


def added(one: IngestReport, other: IngestReport) -> IngestReport:
    """Add up two reports."""
    return replace(
        one,
        pages=one.pages + other.pages,
        strips=one.strips + other.strips,
        quotes=one.quotes + other.quotes,
        duplicates=one.duplicates + other.duplicates,
        quarantined=one.quarantined + other.quarantined,
        articles=one.articles + other.articles,
    )


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What one call did: articles read for names, sessions linked, links that these have now."""

    articles: int = 0
    sessions: int = 0
    links: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job's run: counts of what it did, a line for each fault, how it ended."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    ended: RunStatus | None = None

    @property
    def status(self) -> RunStatus:
        """Say how it ended: with faults it is an error, or partial where something was done."""
        if self.ended or not self.faults:
            return self.ended or "ok"
        return "partial" if any(self.counts.values()) else "error"

    @property
    def told(self) -> str:
        """Say in a few words how it ended, with the counts that are any."""
        counts = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
        return f"{self.status} ({counts})" if counts else self.status


@dataclass(frozen=True, slots=True)
class Fires:
    """How many times of a schedule lie in a span (at most a bound), and the last of them."""

    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class TradingDay:
    """One session of a market; times are UTC; `last` is when prices stand still."""

    session: date
    open_at: datetime
    close_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Member:
    """A page that shows a strip, with every date that it offers."""

    page_id: int
    strip_id: int
    captured_at: datetime | None
    page_date: date | None
    published: Published | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    A board as one page shows it, with every date that the page offers: the input of dating.

    Prices and reference prices are integers of 1/10,000, by symbol, of quotes fit to witness.
    """

    page_id: int
    strip_id: int
    board: Board
    publisher: str
    dialect: str
    prices: dict[str, int]
    references: dict[str, int]
    captured_at: datetime | None
    page_date: date | None
    published: Published | None

    @property
    def member(self) -> Member:
        """Give the page that shows it."""
        dates = (self.captured_at, self.page_date, self.published)
        return Member(self.page_id, self.strip_id, *dates)


def is_flat(sighting: Sighting) -> bool:
    """
    Say whether every stock of a board stands still, as before the open (DESIGN.md, fact 3).

    Its prices are the last ones of the session before, and so are its "reference prices".
    """
    still = sighting.prices == sighting.references
    return still and sighting.board == "stocks" and len(sighting.prices) >= FLAT_STOCKS


@dataclass(frozen=True, slots=True)
class Sitting:
    """A board of a page placed on a session, or, with `session` None, left undated."""

    page_id: int
    board: Board
    session: date | None
    method: Method | None
    confidence: float | None
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class DatedBoard:
    """A sighting together with the sitting that dates it: the input of the price series."""

    sighting: Sighting
    sitting: Sitting


@dataclass(frozen=True, slots=True)
class Price:
    """The resolved row of the time series: one per symbol and session; prices in 1/10,000."""

    symbol: str
    session: date
    price: int
    reference_price: int | None
    first: int | None
    high: int | None
    low: int | None
    status: Status
    quotes: int
    method: Method
    first_seen: datetime | None
    last_seen: datetime | None
    conflict: str | None


@dataclass(frozen=True, slots=True)
class Alignment:
    """The session of an article, and why it is that one; `day`: no time of day was known."""

    session: date
    basis: Basis


@dataclass(frozen=True, slots=True)
class Action:
    """
    A chain break and the corporate action that would explain it.

    `session` is the first one at the new terms; prices before it times `factor` are comparable
    with those after it. `amount` is a dividend per share; status is proposed, confirmed or denied.
    """

    symbol: str
    session: date
    kind: ActionKind
    factor: float
    amount: float | None
    status: str
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class Mention:
    """
    A place in an article that names an instrument, by the symbol it had on the article's day.

    `start` and `end` count characters of the field as stored: of the title, of the text (both for
    its lead and for its body), or of the tags joined by ", ".
    """

    symbol: str
    field: Field
    start: int
    end: int
    text: str
    kind: MentionKind


@dataclass(frozen=True, slots=True)
class Scored:
    """A symbol that an article is about: score from 0 to 1, and what speaks for it."""

    symbol: str
    score: float
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class Topic:
    """What else an article is news of: a sector by its name, or `market`; and by which words."""

    name: str
    score: float
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class Reading:
    """Who and what an article is about, as far as its words show."""

    about: tuple[Scored, ...]
    mentions: tuple[Mention, ...]
    sectors: tuple[Topic, ...]
    market_wide: Topic | None


@dataclass(frozen=True, slots=True)
class Story:
    """An article as linking sees it: when it could be traded, how it begins, what it is about."""

    article_id: int
    alignment: Alignment
    published: Published
    title: str
    lead: str
    about: tuple[Scored, ...]
    mentions: tuple[Mention, ...]
    sectors: tuple[Topic, ...]
    market_wide: Topic | None


@dataclass(frozen=True, slots=True)
class Link:
    """A move with evidence for an article; `score` is from 0 to 1, the best relation highest."""

    symbol: str
    session: date
    article_id: int
    relation: Relation
    score: float
    evidence: dict[str, object]
