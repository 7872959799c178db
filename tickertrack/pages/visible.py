"""The markup of a page that a reader sees: without scripts, comments and hidden elements."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape

__all__ = [
    "ATTRIBUTES",
    "NOTHING",
    "TAG",
    "VOID",
    "end_of",
    "tag_around",
    "visible",
    "without_code",
]

# As a parser writes it out, markup has one form: values stand in quotes, and neither in them nor
# in text stands a bare `<` or `>`. So a tag is told from text by its pattern alone.
ATTRIBUTES = r'(?: =?[^ \t\n\f\r/>=]++="[^"]*+")*+'
TAG = re.compile(rf"<(/?)([a-zA-Z][^ \t\n\f\r/>]*+){ATTRIBUTES}>")
# Stands where something was taken out, and shows nothing: what holds it is not empty.
NOTHING = "<wbr>"
VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr".split()
)
# What is inside them is no markup; of the first ones it is text to be seen.
_SHOWN_AS_IS = frozenset({"plaintext", "xmp"})
_CODE = re.compile(
    "<(?:!--|!|\\?|(?P<name>script|style|iframe|noembed|noframes|plaintext|xmp)"
    rf"(?P<attributes>{ATTRIBUTES})>)"
)
_JSON_LD = ' type="application/ld+json"'
_UNSEEN = frozenset(
    "audio canvas datalist dialog head math noscript object select svg template textarea title "
    "video".split()
)
# Two patterns, as one that begins in two ways is tried at each letter.
_MAY_HIDE = (
    re.compile(rf"<(?:{'|'.join(sorted(_UNSEEN))})(?=[ >])"),
    re.compile(r' (?:hidden|style)="'),
)
_STYLE = re.compile(r' style="([^"]*)"')
_NOTHING = r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:[a-z]+|%)?\s*(?:;|!|$)"
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    rf"|(?:opacity|font-size)\s*:\s*{_NOTHING}",
    re.IGNORECASE,
)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)


def without_code(html: str) -> tuple[str, list[str]]:
    """Take out comments, scripts and styles; give what is left, and what JSON-LD there was."""
    kept: list[str] = []
    linked: list[str] = []
    done = 0
    while found := _CODE.search(html, done):
        kept.append(html[done : found.start()])
        inside, done = _inside(html, found)
        if found["name"] in _SHOWN_AS_IS:
            kept.append(escape(inside, quote=False))
            continue
        kept.append(NOTHING)
        if found["name"] == "script" and _JSON_LD in found["attributes"]:
            linked.append(inside)
    kept.append(html[done:])
    return "".join(kept), linked


def _inside(html: str, found: re.Match[str]) -> tuple[str, int]:
    """Give what stands between a mark and its end, and where the text goes on."""
    mark = {"<!--": "-->"}.get(found[0], ">")
    close = f"</{found['name']}>" if found["name"] else mark
    end = html.find(close, found.end())
    end = len(html) if end < 0 else end
    return html[found.end() : end], end + len(close)


def visible(html: str) -> str:
    """Take out of markup without code the elements that are not shown."""
    kept: list[str] = []
    done = at = 0
    for place in sorted(found.start() for one in _MAY_HIDE for found in one.finditer(html)):
        if place < at:
            continue
        tag = tag_around(html, place, at)
        if tag is None or _is_shown(tag):
            at = tag.end() if tag else place
        else:
            kept += html[done : tag.start()], NOTHING
            done = at = end_of(html, tag)
    kept.append(html[done:])
    return "".join(kept)


def tag_around(html: str, place: int, since: int) -> re.Match[str] | None:
    """Find the tag in which a place is; None for a place in a text."""
    start = html.rfind("<", since, place + 1)
    tag = TAG.match(html, start) if start >= 0 else None
    # An attribute may be named `<b`: that is no tag.
    return tag if tag and tag.end() > place and '"' not in tag[2] else None


def _is_shown(tag: re.Match[str]) -> bool:
    if tag[2] in VOID or tag.string.startswith("</", tag.end()):
        return True
    if tag[2] in _UNSEEN or ' hidden="' in tag[0]:
        return False
    style = _STYLE.search(tag[0])
    return style is None or not _HIDING.search(_CSS_COMMENT.sub(" ", unescape(style[1])))


def end_of(html: str, tag: re.Match[str]) -> int:
    """Give where an element ends."""
    depth = 1
    for found in _tags(tag[2]).finditer(html, tag.end()):
        depth += -1 if found[1] else 1
        if depth == 0:
            return found.end()
    return len(html)


@lru_cache(maxsize=64)
def _tags(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?){re.escape(name)}(?:>|(?= ))")
