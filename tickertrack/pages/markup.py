"""HTML to lines and an article's parts: the header's strip stands apart from the article's text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from resiliparse.parse.html import HTMLTree

from tickertrack.pages.story import Story, story_of
from tickertrack.pages.telling import Telling
from tickertrack.pages.visible import ATTRIBUTES, VOID, tag_around, visible, without_code
from tickertrack.strips import fold

__all__ = ["Markup", "read_markup"]

# The library types a node as the least of its kinds; what is asked of one is checked first.
DOMNode = Any
_EVENT = re.compile(rf"<(?P<end>/?)(?P<name>article|h1|header|nav){ATTRIBUTES}>")
_ITEM = re.compile(r' itemprop="(?:headline|articleBody)"')
# A heading is told by where it stands.
_NO_ITEM = VOID | {"h1"}
_META = re.compile(rf"<meta({ATTRIBUTES})>")
_ATTRIBUTE = re.compile(r' (=?[^ \t\n\f\r/>=]+)="([^"]*)"')
_LD_DEPTH = 8
_LD_ARTICLE = ("Article", "NewsArticle", "ReportageNewsArticle", "BlogPosting", "WebPage")


@dataclass(frozen=True, slots=True)
class Markup:
    """
    A page's visible lines and its meta data.

    `header` holds the strip's lines if any do, `menus` says of each line whether it stands in a
    header or a menu; `above` precedes, `between` follows to where the article begins; `rest` is
    the visible markup from there on, and `story` what the article's text is to be taken from.
    """

    above: tuple[str, ...]
    header: tuple[str, ...]
    menus: tuple[bool, ...]
    between: tuple[str, ...]
    rest: str
    bounded: bool
    story: Story
    url: str | None
    title: str | None
    byline: str | None
    published: str | None
    tags: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """The state of one walk down visible markup: the lines so far, and where we are."""

    html: str
    telling: Telling
    lines: list[str] = field(default_factory=list)
    menus: list[bool] = field(default_factory=list)
    headers: int = 0
    navs: int = 0
    # Where the outermost header begins, in lines and in the markup; and the one with the strip.
    opened: tuple[int, int] = (0, 0)
    header: slice | None = None
    strip: slice = field(default_factory=lambda: slice(0, 0))
    at: int = 0

    def go(self) -> None:
        """Walk down to where the article begins, or to the end."""
        item = _first_item(self.html)
        for event in _EVENT.finditer(self.html, 0, item):
            self._take(event.start())
            self.at = event.end()
            if self._begins_article(event):
                return
            self._pass(event)
        self._take(item)

    @property
    def begun(self) -> bool:
        """Whether an article has begun."""
        return self.at < len(self.html)

    @property
    def rest(self) -> str:
        """The markup from the article on, or, where none begins, below the strip's header."""
        below = self.header is not None and not self.begun
        return self.html[self.strip.stop if below else self.at :]

    def _take(self, end: int) -> None:
        lines = self.telling.known_lines_of(self.html[self.at : end])
        self.lines += lines
        self.menus += [self.headers + self.navs > 0] * len(lines)
        self.at = end

    def _begins_article(self, event: re.Match[str]) -> bool:
        if event["end"] or event["name"] in {"header", "nav"} or _is_empty(self.html, event):
            return False
        # A site's name may be a first-rank heading too; then it stands in the page's header.
        return event["name"] == "article" or self.headers == 0

    def _pass(self, event: re.Match[str]) -> None:
        step = -1 if event["end"] else 1
        if event["name"] == "nav":
            self.navs += step
        elif event["name"] == "header":
            if not event["end"] and self.headers == 0:
                self.opened = len(self.lines), event.start()
            self.headers += step
            if event["end"] and self.headers == 0 and self.header is None:
                self._note_header(event.end())

    def _note_header(self, end: int) -> None:
        line, start = self.opened
        if any(map(self.telling.is_line, self.lines[line:])):
            self.header, self.strip = slice(line, len(self.lines)), slice(start, end)


def read_markup(text: str, telling: Telling) -> Markup:
    """
    Read an HTML page.

    The strip stands in the page's `<header>`, or, where that holds none, above the article's
    headline or body and any other text but menus; hidden elements, scripts and comments are no
    text.
    """
    tree = HTMLTree.parse(text)
    # What the parser has made of it, whose tags can be told by a pattern: a walk over the
    # library's nodes takes ten times as long as the parsing.
    html, scripts = without_code(_document(tree).html)
    walk = _Walk(visible(html), telling)
    walk.go()
    header = walk.header or slice(0, len(walk.lines))
    meta, found = _meta(html), _json_ld(scripts)
    return Markup(
        above=tuple(walk.lines[: header.start]),
        header=tuple(walk.lines[header]),
        menus=tuple(walk.menus[header]),
        # What follows a header where no article begins may be the article.
        between=tuple(walk.lines[header.stop :] if walk.begun else ()),
        rest=walk.rest,
        bounded=walk.begun or walk.header is not None,
        story=story_of(walk.html[: walk.strip.start] + walk.html[walk.strip.stop :]),
        url=_canonical(tree) or _absolute(meta.get("og:url")),
        title=found.get("headline") or meta.get("og:title") or _headline(tree),
        byline=found.get("author") or meta.get("author") or meta.get("article:author"),
        published=found.get("published") or _first(meta, _PUBLISHED) or _time(tree),
        tags=_tags(meta, found),
    )


_PUBLISHED = (
    "article:published_time",
    "datepublished",
    "og:article:published_time",
    "publish_date",
    "pubdate",
    "parsely-pub-date",
    "dc.date.issued",
)


def _first_item(html: str) -> int:
    """Give where the first element begins that says of itself that it is the article."""
    since = 0
    for found in _ITEM.finditer(html):
        tag = tag_around(html, found.start(), since)
        if tag and tag[2] not in _NO_ITEM and not _is_empty(html, tag):
            return tag.start()
        since = found.end()
    return len(html)


def _is_empty(html: str, tag: re.Match[str]) -> bool:
    return html.startswith("</", tag.end())


def _meta(html: str) -> dict[str, str]:
    meta: dict[str, str] = {}
    for found in _META.finditer(html):
        said = {key: unescape(value) for key, value in _ATTRIBUTE.findall(found[1])}
        key = said.get("property") or said.get("name") or said.get("itemprop")
        value = fold(said.get("content") or "")
        if key and value:
            meta.setdefault(key.lower(), value)
    return meta


def _document(tree: HTMLTree) -> DOMNode:
    return tree.document


def _canonical(tree: HTMLTree) -> str | None:
    node = _document(tree).query_selector('link[rel="canonical"]')
    return _absolute(node.getattr("href")) if node else None


def _absolute(url: str | None) -> str | None:
    # A relative address names no host, so it says nothing of whose page this is.
    return url.strip() if url and url.strip().lower().startswith(("http://", "https://")) else None


def _headline(tree: HTMLTree) -> str | None:
    for selector in ("article h1", "article h2", '[itemprop="headline"]', "h1", "title"):
        node = _document(tree).query_selector(selector)
        text = fold(node.text) if node else ""
        if text:
            return text
    return None


def _time(tree: HTMLTree) -> str | None:
    node = _document(tree).query_selector("article time[datetime], time[pubdate]")
    return (node.getattr("datetime") or None) if node else None


def _first(meta: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return next((meta[key] for key in keys if key in meta), None)


def _tags(meta: dict[str, str], found: dict[str, Any]) -> tuple[str, ...]:
    listed = found.get("tags") or meta.get("keywords") or meta.get("news_keywords") or ""
    parts = listed if isinstance(listed, list) else str(listed).split(",")
    return tuple(dict.fromkeys(tag for tag in (fold(str(part)) for part in parts) if tag))


def _json_ld(scripts: list[str]) -> dict[str, Any]:
    for script in scripts:
        try:
            value = json.loads(script)
        except (ValueError, RecursionError):
            continue
        for item in _objects(value, _LD_DEPTH):
            kinds = item.get("@type")
            named = kinds if isinstance(kinds, list) else [kinds]
            if any(kind in _LD_ARTICLE for kind in named) and item.get("datePublished"):
                return _ld_parts(item)
    return {}


def _objects(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, depth - 1)
    elif isinstance(value, dict):
        yield value
        yield from _objects(value.get("@graph"), depth - 1)


def _ld_parts(item: dict[str, Any]) -> dict[str, Any]:
    keywords = item.get("keywords")
    return {
        "headline": _text(item.get("headline")),
        "author": _author(item.get("author")),
        "published": _text(item.get("datePublished")),
        "tags": keywords if isinstance(keywords, list | str) else None,
    }


def _author(value: Any) -> str | None:
    people = value if isinstance(value, list) else [value]
    names = (person.get("name") if isinstance(person, dict) else person for person in people)
    return ", ".join(name for name in map(_text, names) if name) or None


def _text(value: Any) -> str | None:
    return fold(value) or None if isinstance(value, str) else None
