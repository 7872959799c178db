"""Pages to facts: what was read as rows of the tables, each distinct strip once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from tickertrack.models import Article, Page, Published, Quote, Strip, content_id

__all__ = [
    "Facts",
    "PageFacts",
    "PageRow",
    "Refusal",
    "Row",
    "StripFacts",
    "facts_of",
    "in_float",
    "stamp_of",
    "storable",
]

Row = tuple[object, ...]
Refusal = tuple[int, str, str | None]

# Of so many strips it is known that they were told of, some megabytes; the rest is told again.
_TOLD = 50_000
# A strip stands on some ten pages (DESIGN.md, fact 9).
_REMEMBERED = 4_096


class PageRow(NamedTuple):
    """A row of `pages` but for `stored_at`, column by column."""

    id: int
    url: str | None
    publisher: str | None
    captured_at: str | None
    capture_basis: str
    page_date: str | None
    published_at: str | None
    published_precision: str | None
    article_id: int
    strip_id: int | None
    sha256: str
    file: str
    offset: int
    length: int


class PageFacts(NamedTuple):
    """
    A page as rows of `pages` (but for `stored_at`) and `articles`, and its refused lines.

    `found` counts the lines that look like ticker lines; `refused` gives line, reason and text.
    A tuple, which goes from one process to another at a fifth of what a record takes.
    """

    undated_id: int
    row: PageRow
    article: Row
    found: int
    refused: tuple[Refusal, ...]

    @property
    def id(self) -> int:
        """The page's own id."""
        return self.row.id

    @property
    def url(self) -> str | None:
        """Its address."""
        return self.row.url

    @property
    def page_date(self) -> str | None:
        """The day that the page prints."""
        return self.row.page_date

    @property
    def article_id(self) -> int:
        """The id of its article."""
        return self.row.article_id

    @property
    def letters(self) -> int:
        """The length of its article's text."""
        return len(str(self.article[7]))

    @property
    def strip_id(self) -> int | None:
        """The id of its strip."""
        return self.row.strip_id

    @property
    def file(self) -> str:
        """The file that it was read from."""
        return self.row.file


class StripFacts(NamedTuple):
    """A strip as a row of `strips` and rows of `quotes`."""

    row: Row
    quotes: list[Row]


@dataclass(frozen=True, slots=True)
class Facts:
    """Pages, and by their ids the strips that were not told of before."""

    pages: list[PageFacts]
    strips: dict[int, StripFacts]


def facts_of(pages: Iterable[Page], told: set[int]) -> Facts:
    """Turn pages into facts; of the strips only those whose ids are not in `told`, which grows."""
    found = Facts([], {})
    if len(told) > _TOLD:
        told.clear()
    for page in pages:
        strip_id = _strip_id(page.strip)
        found.pages.append(_page_facts(page, strip_id))
        if strip_id is not None and strip_id not in told:
            told.add(strip_id)
            found.strips[strip_id] = _strip_facts(page.strip, strip_id)
    return found


def stamp_of(moment: datetime) -> str:
    """Write a moment as the tables do: UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def in_float(number: Decimal | None) -> float | None:
    """Give a number as the tables keep it; what is not printed is NULL."""
    return None if number is None else float(number)


def storable(text: str | None) -> str | None:
    """Replace halves of surrogate pairs, which are no text to SQLite."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def _strip_id(strip: Strip) -> int | None:
    return _id_of_strip(strip.digest) if strip.quotes else None


@lru_cache(_REMEMBERED)
def _id_of_strip(digest: str) -> int:
    return content_id("strip", digest)


def _page_facts(page: Page, strip_id: int | None) -> PageFacts:
    article_id = _article_id(page.article)
    published_at, precision = _published(page.article.published)
    row = PageRow(
        id=page.id,
        url=storable(page.url),
        publisher=page.publisher,
        captured_at=stamp_of(page.captured_at) if page.captured_at else None,
        capture_basis=page.capture_basis,
        page_date=page.page_date.isoformat() if page.page_date else None,
        published_at=published_at,
        published_precision=precision,
        article_id=article_id,
        strip_id=strip_id,
        sha256=page.sha256,
        file=storable(page.locator.file) or "",
        offset=page.locator.offset,
        length=page.locator.length,
    )
    refused = tuple((one.line, one.reason, storable(one.raw)) for one in page.strip.quarantined)
    article = _article_row(page.article, article_id)
    return PageFacts(page.undated_id, row, article, page.strip.found, refused)


def _strip_facts(strip: Strip, strip_id: int) -> StripFacts:
    row = (strip_id, strip.digest, strip.dialect, len(strip.quotes))
    return StripFacts(row, [_quote_row(strip_id, quote) for quote in strip.quotes])


def _quote_row(strip_id: int, quote: Quote) -> Row:
    line, board, symbol, price, change, percent, direction, verdict, raw = quote
    return (
        strip_id,
        line,
        board,
        symbol,
        float(price),
        in_float(change),
        in_float(percent),
        direction,
        in_float(quote.reference_price),
        verdict,
        raw,
    )


def _article_row(article: Article, article_id: int) -> Row:
    tags = json.dumps(article.tags, ensure_ascii=False) if article.tags else "[]"
    words = "\x1f".join((article.title or "", article.byline or "", article.text, tags))
    return (
        article_id,
        storable(article.url),
        storable(article.title),
        storable(article.byline),
        *_published(article.published),
        article.publisher,
        storable(article.text) or "",
        storable(tags),
        hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def _article_id(article: Article) -> int:
    """Give an article's id: its canonical URL, or its words where it has none."""
    if article.url:
        return content_id("article", article.url)
    return content_id("article", None, article.text or article.title)


def _published(published: Published | None) -> tuple[str | None, str | None]:
    if published is None:
        return None, None
    if isinstance(published.at, datetime):
        return stamp_of(published.at), published.precision
    return published.at.isoformat(), published.precision
