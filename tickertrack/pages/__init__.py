"""A captured copy to a Page: text, title, byline, published, page date, strip."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tickertrack.dialects import Dialect
from tickertrack.models import Article, CaptureBasis, Locator, Page, Quarantined, Strip
from tickertrack.pages.dates import iso_published
from tickertrack.pages.decode import decode
from tickertrack.pages.plain import Parts, page_date_of, parts_of
from tickertrack.publishers import Publisher, canonical_url, publisher_of
from tickertrack.strips import HeaderBlock, dialects_for, fold, read_strip

if TYPE_CHECKING:
    from tickertrack.markets import Market
    from tickertrack.pages.markup import Markup

__all__ = ["Capture", "Desk", "decode", "read_page"]

_HTML_SIGNS = ("<!doctype html", "<html", "<head", "<body", "<?xml", "<!--")
_SNIFF = 1024


@dataclass(frozen=True, slots=True)
class Capture:
    """A captured copy that nobody has read yet, with what its source says about it."""

    text: str
    locator: Locator
    html: bool
    url: str | None = None
    captured_at: datetime | None = None
    captured_on: date | None = None
    capture_basis: CaptureBasis = "unknown"
    title: str | None = None
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Who reads: whose the pages may be, and the market of whose prices they speak."""

    publishers: tuple[Publisher, ...]
    market: Market
    named: Publisher | None = None

    def publisher_of(self, url: str | None) -> Publisher | None:
        """Find whose page an address names, unless the caller has said whose it is."""
        return self.named or publisher_of(url, self.publishers)

    def dialects_of(self, publisher: Publisher | None, at: datetime | None) -> list[Dialect]:
        """List the dialects to try; a page that names no publisher may be anyone's."""
        asked = (publisher,) if publisher else self.publishers
        return [dialect for one in asked for dialect in dialects_for(one, at)]

    def owner_of(self, dialect: str) -> Publisher | None:
        """Find the publisher who prints a dialect."""
        owners = (
            one
            for one in self.publishers
            if any(period.dialect.name == dialect for period in one.periods)
        )
        return next(owners, None)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What stands on a page: its strip, its article, its date."""

    strip: Strip
    parts: Parts
    page_date: date | None
    url: str | None = None


def read_page(capture: Capture, desk: Desk) -> Page:
    """Read one captured copy; whatever it holds, this gives a Page and raises nothing."""
    read = _read_markup if capture.html else _read_lines
    publisher = desk.publisher_of(capture.url)
    reading = read(capture, desk, publisher)
    url = capture.url or reading.url
    publisher = publisher or desk.publisher_of(url)
    if url and publisher is None:
        reading = replace(reading, strip=_refused(reading.strip))
    publisher = publisher or desk.owner_of(reading.strip.dialect)
    return Page(
        url=url,
        publisher=publisher.name if publisher else None,
        captured_at=capture.captured_at,
        capture_basis=capture.capture_basis,
        page_date=reading.page_date or capture.captured_on,
        article=_article(capture, reading, publisher, _zone(publisher, desk)),
        strip=reading.strip,
        sha256=hashlib.sha256(capture.text.encode("utf-8", "surrogatepass")).hexdigest(),
        locator=capture.locator,
    )


def looks_like_html(text: str) -> bool:
    """Tell markup from plain text by its first words."""
    return text[:_SNIFF].lstrip().lower().startswith(_HTML_SIGNS)


def _read_lines(capture: Capture, desk: Desk, publisher: Publisher | None) -> _Reading:
    lines = [fold(line) for line in capture.text.splitlines()]
    dialects = desk.dialects_of(publisher, capture.captured_at)
    strip, block = read_strip(lines, (), dialects, desk.market)
    dialect = _named(dialects, strip.dialect)
    rest = lines[block.end :]
    parts = parts_of(rest, dialect, _zone(publisher, desk))
    stamp = (
        block.page_date or page_date_of(rest, dialect) or _page_date_above(lines, block, dialect)
    )
    return _Reading(strip, parts, stamp)


def _read_markup(capture: Capture, desk: Desk, publisher: Publisher | None) -> _Reading:
    # Imported where it is used: reading plain text needs no parser of markup.
    from tickertrack.pages.markup import read_markup  # noqa: PLC0415

    dialects = desk.dialects_of(publisher, capture.captured_at)
    markup = read_markup(capture.text, lambda text: any(one.read(text) for one in dialects))
    header, body = _split(markup, dialects)
    strip, block = read_strip(header, body, dialects, desk.market)
    dialect = _named(dialects, strip.dialect)
    rest = body if markup.bounded else tuple(header[block.end :])
    parts = _markup_parts(capture, markup, rest, dialect, _zone(publisher, desk))
    stamps = (page_date_of([line], dialect) for line in markup.header)
    stamp = block.page_date or next((day for day in stamps if day), None)
    return _Reading(strip, parts, stamp, markup.url)


def _split(markup: Markup, dialects: list[Dialect]) -> tuple[list[str], tuple[str, ...]]:
    if not markup.bounded:
        return list(markup.header), ()
    # The markup says where the header ends, so menus between its ticker lines do not matter.
    ticker = [line for line in markup.header if any(one.looks_like_line(line) for one in dialects)]
    return ticker, markup.body


def _markup_parts(
    capture: Capture,
    markup: Markup,
    rest: tuple[str, ...],
    dialect: Dialect | None,
    zone: ZoneInfo,
) -> Parts:
    plain = parts_of(rest, dialect, zone)
    published = iso_published(markup.published, zone) if markup.published else None
    return Parts(
        title=markup.title or plain.title,
        byline=markup.byline or plain.byline,
        published=published or plain.published,
        text=_main_text(capture.text) or plain.text,
        tags=markup.tags or plain.tags,
    )


def _main_text(html: str) -> str:
    from trafilatura import bare_extraction  # noqa: PLC0415  (280 ms)

    try:
        found = bare_extraction(html, include_comments=False, include_tables=False)
    except (ValueError, RecursionError, TypeError, AttributeError):
        # The library stumbles over some markup; the page's own lines are then the text.
        return ""
    text = getattr(found, "text", None)
    return text if isinstance(text, str) else ""


def _article(
    capture: Capture, reading: _Reading, publisher: Publisher | None, zone: ZoneInfo
) -> Article:
    url = capture.url or reading.url
    stated = iso_published(capture.published, zone) if capture.published else None
    return Article(
        url=canonical_url(url, publisher) if url else None,
        title=fold(capture.title) if capture.title else reading.parts.title,
        byline=reading.parts.byline,
        published=stated or reading.parts.published,
        publisher=publisher.name if publisher else None,
        text=reading.parts.text,
        tags=reading.parts.tags,
    )


def _refused(strip: Strip) -> Strip:
    # A strip on somebody else's page may be a copy of any age, changed by anybody.
    foreign = (Quarantined(quote.line, "foreign_host", quote.raw) for quote in strip.quotes)
    return Strip("", (), (*foreign, *strip.quarantined), strip.repeats)


def _page_date_above(lines: list[str], block: HeaderBlock, dialect: Dialect | None) -> date | None:
    first = block.lines[0][0] - 1 if block.lines else 0
    return page_date_of(lines[:first], dialect)


def _named(dialects: list[Dialect], name: str) -> Dialect | None:
    return next((one for one in dialects if one.name == name), dialects[0] if dialects else None)


def _zone(publisher: Publisher | None, desk: Desk) -> ZoneInfo:
    return publisher.zone if publisher else desk.market.zone
