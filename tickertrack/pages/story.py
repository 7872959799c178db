"""The part of a page's markup in which its article stands."""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tickertrack.pages.visible import ATTRIBUTES, NOTHING, TAG, end_of

__all__ = ["Story", "story_of"]

_ARTICLE = re.compile(r"<article(?=[ >])")
_PARAGRAPH = re.compile(rf"<p{ATTRIBUTES}>")
_WHOLE = "<html><body>{}</body></html>"


@dataclass(frozen=True, slots=True)
class Story:
    """A document with an article in it, and whether it holds that `alone`."""

    html: str
    alone: bool


def story_of(html: str) -> Story:
    """
    Cut out of visible markup the `<article>` in which most of its paragraphs stand.

    Where most stand in none, that is all of it. What surrounds an article, the strip and other
    news, differs between two captures of it; the article does not.
    """
    articles = list(_articles(html))
    begins = [article.start for article in articles]
    sizes: Counter[int] = Counter()
    for start, size in _paragraphs(html):
        # The last one that begins before it; -1 is none.
        number = bisect(begins, start) - 1
        sizes[number if number >= 0 and start < articles[number].stop else -1] += size
    most = max(sizes, key=lambda number: sizes[number], default=-1)
    markup = html if most < 0 else html[articles[most]]
    return Story(_WHOLE.format(markup.replace(NOTHING, "")), alone=most >= 0)


def _articles(html: str) -> Iterator[slice]:
    """Yield where the outermost articles stand."""
    at = 0
    while found := _ARTICLE.search(html, at):
        tag = TAG.match(html, found.start())
        at = end_of(html, tag) if tag else found.end()
        yield slice(found.start(), at)


def _paragraphs(html: str) -> Iterator[tuple[int, int]]:
    """Yield where the paragraphs begin, and how long they are."""
    for found in _PARAGRAPH.finditer(html):
        end = html.find("</p>", found.end())
        yield found.start(), end - found.end()
