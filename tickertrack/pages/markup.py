"""HTML to lines and an article's parts: the header's strip stands apart from the article's text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from resiliparse.parse.html import DOMContext, HTMLTree, NodeType, traverse_dom

from tickertrack.strips import fold

__all__ = ["Markup", "read_markup"]

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol option p pre "
    "section select summary table tbody td tfoot th thead tr ul".split()
)
_UNSEEN = frozenset(
    "audio canvas datalist dialog head iframe math noembed noframes noscript object script select "
    "style svg template textarea title video".split()
)
# The library types a node as the least of its kinds; what is asked of one is checked first.
DOMNode = Any
# A ticker line is a handful of words in a handful of elements; more is no line.
_PIECES, _LENGTH = 16, 512
_NOTHING = r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:[a-z]+|%)?\s*(?:;|!|$)"
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    rf"|(?:opacity|font-size)\s*:\s*{_NOTHING}",
    re.IGNORECASE,
)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_LD_DEPTH = 8
_LD_ARTICLE = ("Article", "NewsArticle", "ReportageNewsArticle", "BlogPosting", "WebPage")


@dataclass(frozen=True, slots=True)
class Markup:
    """
    A page's visible lines and its meta data.

    `header` holds the strip's lines if any do, `menus` says of each line whether it stands in a
    header or a menu; `above` precedes, `between` follows to where the article begins.
    """

    above: tuple[str, ...]
    header: tuple[str, ...]
    menus: tuple[bool, ...]
    between: tuple[str, ...]
    body: tuple[str, ...]
    bounded: bool
    url: str | None
    title: str | None
    byline: str | None
    published: str | None
    tags: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """The state of one walk over the tree: lines so far, and the line being put together."""

    is_line: Callable[[str], bool]
    lines: list[str] = field(default_factory=list)
    menus: list[bool] = field(default_factory=list)
    buffer: list[str] = field(default_factory=list)
    open: list[_Frame] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    length: int = 0
    skipping: int = 0
    articles: int = 0
    headers: int = 0
    navs: int = 0
    header: slice | None = None
    boundary: int | None = None

    def add(self, text: str) -> None:
        """Go on with the line."""
        self.buffer.append(text)
        self.length += len(text)

    def flush(self) -> None:
        """End the line."""
        text = fold("".join(self.buffer))
        self.buffer.clear()
        self.length = 0
        if text:
            self.put(text)

    def put(self, text: str) -> None:
        """Take a whole line."""
        self.lines.append(text)
        self.menus.append(self.headers + self.navs > 0)

    def cut(self, number: int) -> None:
        """Take back the lines from a number on."""
        del self.lines[number:], self.menus[number:]

    def break_softly(self) -> None:
        """Take a line break of the markup for white space, unless it ends a ticker line."""
        if not self.buffer or self.buffer[-1] == " ":
            return
        if self.length <= _LENGTH and self.is_line(fold("".join(self.buffer))):
            self.flush()
        else:
            self.add(" ")


@dataclass(slots=True)
class _Frame:
    """An element that is open: where its lines begin, and its text while it is short."""

    lines: int
    buffered: int
    pieces: list[str] | None


def read_markup(text: str, is_line: Callable[[str], bool]) -> Markup:
    """
    Read an HTML page; `is_line` says whether a text is a whole ticker line.

    The strip stands in the page's `<header>`, or, where that holds none, above the article's
    headline or body and any other text but menus; hidden elements, scripts and comments are no
    text.
    """
    tree = HTMLTree.parse(text)
    walk = _Walk(is_line)
    traverse_dom(_document(tree), _enter(walk), _leave(walk))
    walk.flush()
    count = len(walk.lines)
    # A header that holds the strip ends before the article begins, where both are.
    header = walk.header or slice(0, count if walk.boundary is None else walk.boundary)
    article = header.stop if walk.boundary is None else walk.boundary
    meta, found = walk.meta, _json_ld(walk.scripts)
    return Markup(
        above=tuple(walk.lines[: header.start]),
        header=tuple(walk.lines[header]),
        menus=tuple(walk.menus[header]),
        between=tuple(walk.lines[header.stop : article]),
        body=tuple(walk.lines[article:]),
        bounded=walk.header is not None or walk.boundary is not None,
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


def _enter(walk: _Walk) -> Callable[[DOMContext], None]:
    def enter(context: DOMContext) -> None:
        node: DOMNode = context.node
        if node.type == NodeType.TEXT:
            _take_text(walk, node)
            return
        if node.type != NodeType.ELEMENT:
            return
        tag = node.tag
        if tag in {"meta", "script"}:
            _gather(walk, node)
        if node.first_child is None:
            # The library tells of no leaving where nothing is inside.
            _pass_empty(walk, tag)
            return
        walk.open.append(_Frame(len(walk.lines), len(walk.buffer), []))
        if walk.skipping or tag in _UNSEEN or _is_hidden(node):
            walk.skipping += 1
            return
        _open_element(walk, node)

    return enter


def _pass_empty(walk: _Walk, tag: str) -> None:
    if not walk.skipping and (tag in _BLOCKS or tag == "br"):
        walk.flush()


def _open_element(walk: _Walk, node: DOMNode) -> None:
    tag = node.tag
    walk.articles += tag == "article"
    if tag in _BLOCKS or tag == "br":
        walk.flush()
        walk.open[-1].lines, walk.open[-1].buffered = len(walk.lines), 0
    walk.headers += tag == "header"
    walk.navs += tag == "nav"
    if walk.boundary is None and _starts_article(walk, node):
        walk.flush()
        walk.boundary = len(walk.lines)


def _leave(walk: _Walk) -> Callable[[DOMContext], None]:
    def leave(context: DOMContext) -> None:
        node: DOMNode = context.node
        if node.type != NodeType.ELEMENT:
            return
        frame = walk.open.pop()
        if walk.skipping:
            walk.skipping -= 1
            return
        _close_element(walk, node.tag, frame)

    return leave


def _close_element(walk: _Walk, tag: str, frame: _Frame) -> None:
    walk.articles -= tag == "article"
    text = fold(" ".join(frame.pieces)) if frame.pieces else ""
    if text and walk.is_line(text):
        # However the pieces are boxed, an element that says one ticker line is that line.
        walk.cut(frame.lines)
        del walk.buffer[frame.buffered :]
        walk.flush()
        walk.put(text)
        frame.pieces = None
    elif tag in _BLOCKS:
        walk.flush()
    walk.headers -= tag == "header"
    walk.navs -= tag == "nav"
    if tag == "header":
        _note_header(walk, frame)
    _hand_up(walk, frame.pieces)


def _note_header(walk: _Walk, frame: _Frame) -> None:
    outermost = walk.headers == 0 and walk.boundary is None and walk.header is None
    if outermost and any(map(walk.is_line, walk.lines[frame.lines :])):
        walk.header = slice(frame.lines, len(walk.lines))


def _take_text(walk: _Walk, node: DOMNode) -> None:
    if walk.skipping:
        return
    value = node.value or ""
    for number, part in enumerate(value.split("\n")):
        if number:
            walk.break_softly()
        if part:
            walk.add(part)
    if walk.open:
        walk.open[-1].pieces = _with(walk.open[-1].pieces, [value] if value.strip() else [])


def _hand_up(walk: _Walk, pieces: list[str] | None) -> None:
    if walk.open:
        walk.open[-1].pieces = _with(walk.open[-1].pieces, pieces)


def _with(pieces: list[str] | None, more: list[str] | None) -> list[str] | None:
    if pieces is None or more is None:
        return None
    joined = [*pieces, *more]
    long = len(joined) > _PIECES or sum(map(len, joined)) > _LENGTH
    return None if long else joined


def _is_hidden(node: DOMNode) -> bool:
    if node.hasattr("hidden"):
        return True
    style = node.getattr("style")
    return bool(style) and _HIDING.search(_CSS_COMMENT.sub(" ", style)) is not None


def _starts_article(walk: _Walk, node: DOMNode) -> bool:
    if node.tag == "article":
        return True
    if node.tag == "h1":
        # A site's name may be a first-rank heading too; then it stands in the page's header.
        return walk.articles > 0 or walk.headers == 0
    return (node.getattr("itemprop") or "") in {"headline", "articleBody"}


def _document(tree: HTMLTree) -> DOMNode:
    return tree.document


def _gather(walk: _Walk, node: DOMNode) -> None:
    # On the way, as the library's own collections cost the square of their length.
    if node.tag == "script":
        if node.getattr("type") == "application/ld+json":
            walk.scripts.append(node.text)
        return
    key = node.getattr("property") or node.getattr("name") or node.getattr("itemprop")
    value = fold(node.getattr("content") or "")
    if key and value:
        walk.meta.setdefault(key.lower(), value)


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
