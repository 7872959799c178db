"""The words for which a move was linked to an article, marked in its title and in a passage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tickertrack.harmless import safe_term

__all__ = ["Pieces", "marked_link", "pieces_of"]

Span = tuple[int, int]
Pieces = list[tuple[bool, str]]
Row = dict[str, Any]

_LONGEST_TITLE = 300
# How much of the text stands before and after the first word that matched.
_BEFORE, _AFTER = 60, 140


def marked_link(link: Row, found: Row) -> Row:
    """Add to a link its title and a passage of its article in pieces, the matching ones marked."""
    title, lead = (link["title"] or "untitled")[:_LONGEST_TITLE], found["lead"]
    spans = {"title": list(found["title"]), "text": list(found["text"])}
    if not (spans["title"] or spans["text"]):
        # Of a sector or the market no place is kept, only the words that tell of it.
        sought = list(_strings(link["evidence"].get("words")))
        spans = {"title": _found(sought, title), "text": _found(sought, lead)}
    passage = _passage(lead, spans["text"], title)
    return {**link, "title_pieces": pieces_of(title, spans["title"]), "passage": passage}


def pieces_of(text: str, spans: Iterable[Span]) -> Pieces:
    """Cut a text into pieces, each marked or not, and harmless."""
    pieces: Pieces = []
    at = 0
    for start, end in sorted(spans):
        if at <= start < end <= len(text):
            pieces += [(False, text[at:start]), (True, text[start:end])]
            at = end
    whole = [*pieces, (False, text[at:])]
    return [(is_marked, safe_term(part)) for is_marked, part in whole if part]


def _passage(lead: str, spans: Sequence[Span], title: str) -> Pieces:
    """Cut the surroundings of the first match out of a text, from word to word."""
    begun = len(title) if lead.startswith(title) else 0
    inside = [span for span in spans if begun <= span[0] and span[1] <= len(lead)]
    first = inside[0] if inside else (begun, begun)
    start = _word_from(lead, max(first[0] - _BEFORE, begun))
    end = min(first[1] + _AFTER, len(lead))
    end = len(lead) if end == len(lead) else max(lead.rfind(" ", start, end), first[1])
    shifted = [(low - start, high - start) for low, high in inside if low >= start and high <= end]
    pieces = pieces_of(lead[start:end].rstrip(), shifted)
    before = [(False, "… ")] if start > begun else []
    after = [(False, " …")] if pieces and end < len(lead) else []
    return [*before, *pieces, *after]


def _word_from(text: str, at: int) -> int:
    while 0 < at < len(text) and not text[at - 1].isspace():
        at += 1
    return at


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _found(sought: Sequence[str], text: str) -> list[Span]:
    if not sought:
        return []
    listed = "|".join(re.escape(word) for word in sorted(sought, key=len, reverse=True))
    return [one.span() for one in re.finditer(rf"\b(?:{listed})\b", text, re.IGNORECASE)]
