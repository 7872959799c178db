"""RSS, Atom and sitemaps to the addresses they name; a DTD is refused before anything is read."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import struct_time
from typing import Any
from urllib.parse import urljoin
from xml.etree.ElementTree import ParseError

import feedparser
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from tickertrack.dialects.grammar import YEARS
from tickertrack.pages.decode import decode
from tickertrack.sources.web.faults import fault

__all__ = ["Entry", "Feed", "read_feed"]

# A feed of ten thousand articles is three megabytes of eighty thousand elements, a full sitemap
# (of fifty thousand) twice as many. What is deeper, or has more attributes, is an attack: with
# forty thousand of them feedparser takes eleven seconds, with ten times as many a quarter of an
# hour (F-15).
LARGEST = 5 * 1024 * 1024
MOST_ELEMENTS, MOST_IN_SITEMAPS = 100_000, 250_000
MOST_ATTRIBUTES = 100
DEEPEST = 100
MOST_MENDED = 10_000
# No article is longer; and no tag, as `<` cannot stand in one.
_RUN = re.compile("<[^<]{262144}")
_TITLE = 500
_SITEMAPS = {"urlset", "sitemapindex"}
_FEEDS = {"rss", "rdf", "feed"}
_DECLARATION = re.compile(r"<\?xml\b[^>]{0,200}\?>")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# The commonest fault of feeds that are no XML: an ampersand or a name of HTML, outside of CDATA.
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)"
    r"(?:[A-Za-z][A-Za-z0-9]{1,31};)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What a feed says of an article.

    `published` is when it appeared or, where only that is said, was last changed; a time without
    a zone is taken for UTC, which will do to tell news from archives and for nothing finer.
    """

    url: str
    title: str | None
    published: datetime | None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed's articles, in its order, and the further sitemaps that it names."""

    entries: tuple[Entry, ...]
    sitemaps: tuple[str, ...] = ()


def read_feed(body: bytes, url: str) -> Feed:
    """Read a feed or sitemap; raises FetchError with its reason for what is none, or hostile."""
    if len(body) > LARGEST:
        raise fault("too_large", f"is a feed of more than {LARGEST:,} bytes", url)
    text = _text(body)
    if _RUN.search(text):
        raise fault("too_large", "has a piece of more than 256 KiB in it", url)
    content, outline = _checked(text, url)
    if outline.root in _SITEMAPS:
        return _sitemap(outline, url)
    if outline.root in _FEEDS:
        return Feed(tuple(_entries(content, url)))
    raise fault("not_a_feed", f"is no feed or sitemap, but <{outline.root[:40]}>", url)


def _text(body: bytes) -> str:
    # All who read it later must read the same: one encoding, and nothing said about it.
    text = _NO_XML.sub("", decode(body)).lstrip()
    declared = _DECLARATION.match(text)
    return text[declared.end() :].lstrip() if declared else text


def _checked(text: str, url: str) -> tuple[bytes, _Outline]:
    """Read a text once for what is forbidden and where it goes; mend it once, if need be."""
    try:
        content = text.encode()
        return content, _outline(content, url)
    except ParseError:
        content = _AMPERSAND.sub(_escaped, text, count=MOST_MENDED).encode()
    try:
        return content, _outline(content, url)
    except ParseError as error:
        raise fault("not_a_feed", f"is no XML ({error})", url) from error


def _escaped(found: re.Match[str]) -> str:
    if found[0].startswith("<"):
        return found[0]
    return html.escape(html.unescape(found[0]), quote=False)


def _outline(content: bytes, url: str) -> _Outline:
    outline = _Outline(url)
    parser = DefusedXMLParser(target=outline, forbid_dtd=True)
    try:
        parser.feed(content)
        parser.close()
    except DefusedXmlException as error:
        raise fault("dtd", "has a DTD, which no feed needs", url) from error
    return outline


@dataclass(slots=True)
class _Outline:
    """What the XML reader tells: root, depth, number of elements, and a sitemap's own fields."""

    url: str
    root: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _elements: int = 0
    _text: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        self._path.append(tag.rpartition("}")[2].lower())
        self._elements += 1
        self.root = self.root or self._path[0]
        in_sitemap = self.root in _SITEMAPS
        if len(self._path) > DEEPEST:
            raise fault("too_deep", f"is nested deeper than {DEEPEST} elements", self.url)
        if self._elements > (MOST_IN_SITEMAPS if in_sitemap else MOST_ELEMENTS):
            raise fault("too_many", f"has more than {self._elements - 1:,} elements", self.url)
        if len(attributes) > MOST_ATTRIBUTES:
            raise fault("too_many", f"has an element of {len(attributes):,} attributes", self.url)
        if in_sitemap and len(self._path) == _ROW:
            self.rows.append({})
        self._text.clear()

    def data(self, text: str) -> None:
        """Take in text."""
        if self.root in _SITEMAPS:
            self._text.append(text)

    def end(self, _: str) -> None:
        """Leave an element."""
        name = self._path.pop()
        if self.root in _SITEMAPS and self.rows and len(self._path) + 1 in _DEPTHS.get(name, ()):
            self.rows[-1].setdefault(name, "".join(self._text).strip())

    def close(self) -> None:
        """Leave the document."""


# How deep in a sitemap a row stands, and its fields; an image has a `loc` too, deeper.
_ROW = 2
_DEPTHS = {"loc": (3,), "lastmod": (3,), "publication_date": (4,), "title": (4,)}


def _sitemap(outline: _Outline, url: str) -> Feed:
    rows = [row for row in outline.rows if row.get("loc")]
    if outline.root == "sitemapindex":
        return Feed((), tuple(_joined(url, row["loc"]) for row in rows))
    return Feed(
        tuple(
            Entry(
                url=_joined(url, row["loc"]),
                title=_title(row.get("title")),
                published=_iso(row.get("publication_date") or row.get("lastmod")),
            )
            for row in rows
        )
    )


def _entries(content: bytes, url: str) -> Iterator[Entry]:
    # A stream, as feedparser opens what looks like an address or a path; the headers say what
    # `_text` has made of it.
    headers = {"content-location": url, "content-type": "application/xml; charset=utf-8"}
    try:
        parsed = feedparser.parse(
            io.BytesIO(content),
            response_headers=headers,
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
        # A `gml:pos` without its `where` is enough for 6.0.14.
        raise fault("not_a_feed", f"cannot be read ({error!r:.80})", url) from error
    for entry in parsed.entries:
        if link := entry.get("link"):
            # Not its own `get`, which warns of what it does for others.
            stamp = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
            yield Entry(_joined(url, link), _title(entry.get("title")), _utc(stamp))


def _joined(base: str, link: str) -> str:
    link = link.strip().replace(" ", "%20")
    try:
        return urljoin(base, link)
    except ValueError:
        return link


def _title(text: Any) -> str | None:
    return " ".join(str(text).split())[:_TITLE] or None if text else None


def _utc(stamp: struct_time | None) -> datetime | None:
    try:
        return _plausible(datetime(*stamp[:6], tzinfo=UTC)) if stamp else None
    except (ValueError, TypeError):
        return None


def _iso(text: str | None) -> datetime | None:
    try:
        stamp = datetime.fromisoformat(text or "")
        return _plausible(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def _plausible(stamp: datetime) -> datetime | None:
    return stamp.astimezone(UTC) if stamp.year in YEARS else None
