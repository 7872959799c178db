"""A captured copy to a Page: text, title, byline, published, page date, strip."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tickertrack.dialects import Dialect
from tickertrack.models import (
    Article,
    CaptureBasis,
    Locator,
    Page,
    Quarantined,
    Strip,
    content_id,
)
from tickertrack.pages.bounds import cut_address, cut_tags, cut_words, excess_of
from tickertrack.pages.dates import iso_published
from tickertrack.pages.decode import decode
from tickertrack.pages.plain import NO_PARTS, Parts, page_date_of, parts_of
from tickertrack.pages.telling import Telling, telling_of
from tickertrack.publishers import Publisher, canonical_url, publisher_of
from tickertrack.strips import NO_STRIP, HeaderBlock, dialects_for, fold, read_strip, read_text

if TYPE_CHECKING:
    from tickertrack.markets import Market
    from tickertrack.pages.markup import Markup

__all__ = ["Capture", "Desk", "decode", "read_page"]

_HTML_SIGNS = ("<!doctype html", "<html", "<head", "<body", "<?xml", "<!--")
_SNIFF = 1024
_SHOWN = 200


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
    page_date = reading.page_date or capture.captured_on
    digest = _digest(capture.text)
    undated = _identity(capture, capture.captured_on, desk, digest)
    dated = page_date != capture.captured_on
    return Page(
        id=_identity(capture, page_date, desk, digest) if dated else undated,
        undated_id=undated,
        url=cut_address(url) if url else None,
        publisher=publisher.name if publisher else None,
        captured_at=capture.captured_at,
        capture_basis=capture.capture_basis,
        page_date=page_date,
        article=_article(capture, reading, publisher, _zone(publisher, desk)),
        strip=reading.strip,
        sha256=digest,
        locator=capture.locator,
    )


def _identity(capture: Capture, page_date: date | None, desk: Desk, digest: str) -> int:
    # All that source and caller say of the page's time is part of it: of one text with two dates,
    # the first to arrive must not decide.
    stamp = capture.captured_at.isoformat() if capture.captured_at else None
    day = page_date.isoformat() if page_date else None
    named = desk.named.name if desk.named else None
    kind = "html" if capture.html else "text"
    said = (kind, capture.url, stamp, day, capture.capture_basis, capture.published)
    return content_id("page", *said, named, digest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def looks_like_html(text: str) -> bool:
    """Tell markup from plain text by its first words."""
    return text[:_SNIFF].lstrip().lower().startswith(_HTML_SIGNS)


def _read_lines(capture: Capture, desk: Desk, publisher: Publisher | None) -> _Reading:
    dialects = desk.dialects_of(publisher, capture.captured_at)
    lines, strip, block = read_text(capture.text, dialects, desk.market)
    dialect = _named(dialects, strip.dialect)
    parts = parts_of(_below(lines, block, dialect), dialect, _zone(publisher, desk))
    return _Reading(strip, parts, block.page_date or page_date_of(block.furniture, dialect))


def _read_markup(capture: Capture, desk: Desk, publisher: Publisher | None) -> _Reading:
    excess = excess_of(capture.text)
    if excess is not None:
        whole = Quarantined(0, excess, fold(capture.text[:_SHOWN]))
        return _Reading(replace(NO_STRIP, quarantined=(whole,)), NO_PARTS, None)
    # Imported where it is used: reading plain text needs no parser of markup.
    from tickertrack.pages.markup import read_markup  # noqa: PLC0415

    dialects = desk.dialects_of(publisher, capture.captured_at)
    telling = telling_of(tuple(dialects))
    markup = read_markup(capture.text, telling)
    header, others = _split(markup, telling)
    strip, block = read_strip(header, others, dialects, desk.market)
    dialect = _named(dialects, strip.dialect)
    zone = _zone(publisher, desk)

    def plain() -> Parts:
        lines = telling.lines_of(markup.rest) if markup.bounded else _below(header, block, dialect)
        return parts_of(lines, dialect, zone)

    above = (*markup.above, *markup.header, *markup.between)
    head = above if markup.bounded else block.furniture
    page_date = block.page_date or page_date_of(head, dialect)
    return _Reading(strip, _markup_parts(capture, markup, plain, zone), page_date, markup.url)


def _split(markup: Markup, telling: Telling) -> tuple[list[str], tuple[str, ...]]:
    """Give the lines in which the strip may stand, and those others that may be ticker lines."""
    # The markup says what is a menu, so menus between the ticker lines do not matter. Other words
    # do: below them stands no strip, as on a page of text.
    header = [
        line
        for line, menu in zip(markup.header, markup.menus, strict=True)
        if not menu or telling.is_meant_as_line(line)
    ]
    rest = telling.lines_of(markup.rest) if telling.could_hold_line(markup.rest) else ()
    return header, (*markup.above, *markup.between, *rest)


def _below(lines: list[str], block: HeaderBlock, dialect: Dialect | None) -> list[str]:
    # A strip that stands in the article has the headline above it.
    return lines if dialect and dialect.place == "article" else lines[block.end :]


def _markup_parts(
    capture: Capture, markup: Markup, plain: Callable[[], Parts], zone: ZoneInfo
) -> Parts:
    from tickertrack.pages.extract import main_text  # noqa: PLC0415  (likewise)

    published = iso_published(markup.published, zone) if markup.published else None
    text = main_text(markup.story, capture.text)
    told = _without_head(text, markup.title, markup.byline)
    # Where the markup leaves nothing open, the lines need not be taken apart.
    whole = all((markup.title, markup.byline, published, told, markup.tags))
    lines = NO_PARTS if whole else plain()
    title, byline = markup.title or lines.title, markup.byline or lines.byline
    return Parts(
        title=title,
        byline=byline,
        published=published or lines.published,
        text=_without_head(text, title, byline) or lines.text,
        tags=markup.tags or lines.tags,
    )


def _without_head(text: str, *parts: str | None) -> str:
    """Take off what the extractor leaves above an article: its title, then its byline."""
    for part in parts:
        rest = text.removeprefix(part or "")
        # Followed by a letter, it is but the beginning of the first sentence.
        text = rest.lstrip() if rest[:1].isspace() else text
    return text


def _article(
    capture: Capture, reading: _Reading, publisher: Publisher | None, zone: ZoneInfo
) -> Article:
    url = capture.url or reading.url
    stated = iso_published(capture.published, zone) if capture.published else None
    return Article(
        url=_address(url, publisher) if url else None,
        title=cut_words(fold(capture.title) if capture.title else reading.parts.title),
        byline=cut_words(reading.parts.byline),
        published=stated or reading.parts.published,
        publisher=publisher.name if publisher else None,
        text=reading.parts.text,
        tags=cut_tags(reading.parts.tags),
    )


def _address(url: str, publisher: Publisher | None) -> str:
    try:
        return cut_address(canonical_url(url, publisher))
    except ValueError:
        # `http://[x` is no address, but it is what the page is called.
        return cut_address(url)


def _refused(strip: Strip) -> Strip:
    # A strip on somebody else's page may be a copy of any age, changed by anybody.
    foreign = (Quarantined(quote.line, "foreign_host", quote.raw) for quote in strip.quotes)
    return Strip("", (), (*foreign, *strip.quarantined), strip.repeats)


def _named(dialects: list[Dialect], name: str) -> Dialect | None:
    return next((one for one in dialects if one.name == name), dialects[0] if dialects else None)


def _zone(publisher: Publisher | None, desk: Desk) -> ZoneInfo:
    return publisher.zone if publisher else desk.market.zone
