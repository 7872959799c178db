"""HTML to lines and an article's parts: the header's strip stands apart from the article's text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from resiliparse.parse.html import DOMContext, DOMNode, HTMLTree, NodeType, traverse_dom

from tickertrack.strips import fold

__all__ = ["Markup", "read_markup"]

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol option p pre section select "
    "summary table tbody td tfoot th thead tr ul".split()
)
_UNSEEN = frozenset(
    "head iframe math noscript object script select style svg template textarea title".split()
)
# A ticker line is a handful of words in a handful of elements; more is no line.
_PIECES, _LENGTH = 16, 512
_LD_DEPTH = 8
_LD_ARTICLE = ("Article", "NewsArticle", "ReportageNewsArticle", "BlogPosting", "WebPage")


@dataclass(frozen=True, slots=True)
class Markup:
    """A page's visible lines, above and below the start of its article, and its meta data."""

    header: tuple[str, ...]
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
    buffer: list[str] = field(default_factory=list)
    open: list[_Frame] = field(default_factory=list)
    skipping: int = 0
    articles: int = 0
    headers: int = 0
    boundary: int | None = None

    def flush(self) -> None:
        """End the line."""
        text = fold("".join(self.buffer))
        self.buffer.clear()
        if text:
            self.lines.append(text)


@dataclass(slots=True)
class _Frame:
    """An element that is open: where its lines begin, and its text while it is short."""

    lines: int
    buffered: int
    pieces: list[str] | None


def read_markup(text: str, is_line: Callable[[str], bool]) -> Markup:
    """
    Read an HTML page; `is_line` says whether a text is a whole ticker line.

    Lines of the header stand before the article's headline or body begins; hidden elements,
    scripts and comments are no text.
    """
    tree = HTMLTree.parse(text)
    walk = _Walk(is_line)
    if tree.body is not None:
        traverse_dom(tree.body, _enter(walk), _leave(walk), _Context())
        walk.flush()
    boundary = len(walk.lines) if walk.boundary is None else walk.boundary
    meta = _meta(tree)
    found = _json_ld(tree)
    return Markup(
        header=tuple(walk.lines[:boundary]),
        body=tuple(walk.lines[boundary:]),
        bounded=walk.boundary is not None,
        url=_canonical(tree) or meta.get("og:url"),
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


class _Context(DOMContext):  # type: ignore[misc]
    """The walk's state is held by the callbacks; the library wants a context of its own."""


def _enter(walk: _Walk) -> Callable[[DOMContext], None]:
    def enter(context: DOMContext) -> None:
        node = context.node
        if node.type == NodeType.TEXT:
            _take_text(walk, node)
            return
        if node.type != NodeType.ELEMENT:
            return
        walk.open.append(_Frame(len(walk.lines), len(walk.buffer), []))
        if walk.skipping or _is_hidden(node):
            walk.skipping += 1
            return
        _open_element(walk, node)

    return enter


def _open_element(walk: _Walk, node: DOMNode) -> None:
    tag = node.tag
    walk.articles += tag == "article"
    walk.headers += tag == "header"
    if tag in _BLOCKS or tag == "br":
        walk.flush()
        walk.open[-1].lines, walk.open[-1].buffered = len(walk.lines), 0
    if walk.boundary is None and _starts_article(walk, node):
        walk.flush()
        walk.boundary = len(walk.lines)


def _leave(walk: _Walk) -> Callable[[DOMContext], None]:
    def leave(context: DOMContext) -> None:
        node = context.node
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
    walk.headers -= tag == "header"
    text = fold(" ".join(frame.pieces)) if frame.pieces else ""
    if text and walk.is_line(text):
        # However the pieces are boxed, an element that says one ticker line is that line.
        del walk.lines[frame.lines :]
        del walk.buffer[frame.buffered :]
        walk.flush()
        walk.lines.append(text)
        frame.pieces = None
    elif tag in _BLOCKS:
        walk.flush()
    elif tag == "td":
        walk.buffer.append(" ")
    _hand_up(walk, frame.pieces)


def _take_text(walk: _Walk, node: DOMNode) -> None:
    if walk.skipping:
        return
    value = node.value or ""
    parts = value.split("\n")
    walk.buffer.append(parts[0])
    for part in parts[1:]:
        # A line break in the markup is white space, unless it ends a ticker line.
        if walk.is_line(fold("".join(walk.buffer))):
            walk.flush()
        walk.buffer.append(" " + part)
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
    if node.tag in _UNSEEN or node.hasattr("hidden"):
        return True
    style = (node.getattr("style") or "").replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style


def _starts_article(walk: _Walk, node: DOMNode) -> bool:
    if node.tag == "article":
        return True
    if node.tag == "h1":
        # A site's name may be a first-rank heading too; then it stands in the page's header.
        return walk.articles > 0 or walk.headers == 0
    return (node.getattr("itemprop") or "") in {"headline", "articleBody"}


def _meta(tree: HTMLTree) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in tree.document.get_elements_by_tag_name("meta"):
        key = (node.getattr("property") or node.getattr("name") or node.getattr("itemprop")) or ""
        value = fold(node.getattr("content") or "")
        if key and value:
            found.setdefault(key.lower(), value)
    return found


def _canonical(tree: HTMLTree) -> str | None:
    node = tree.document.query_selector('link[rel="canonical"]')
    return (node.getattr("href") or None) if node else None


def _headline(tree: HTMLTree) -> str | None:
    for selector in ("article h1", "article h2", '[itemprop="headline"]', "h1", "title"):
        node = tree.document.query_selector(selector)
        text = fold(node.text) if node else ""
        if text:
            return text
    return None


def _time(tree: HTMLTree) -> str | None:
    node = tree.document.query_selector("article time[datetime], time[pubdate]")
    return (node.getattr("datetime") or None) if node else None


def _first(meta: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return next((meta[key] for key in keys if key in meta), None)


def _tags(meta: dict[str, str], found: dict[str, Any]) -> tuple[str, ...]:
    listed = found.get("tags") or meta.get("keywords") or meta.get("news_keywords") or ""
    parts = listed if isinstance(listed, list) else str(listed).split(",")
    return tuple(dict.fromkeys(tag for tag in (fold(str(part)) for part in parts) if tag))


def _json_ld(tree: HTMLTree) -> dict[str, Any]:
    for node in tree.document.query_selector_all('script[type="application/ld+json"]'):
        try:
            value = json.loads(node.text)
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
