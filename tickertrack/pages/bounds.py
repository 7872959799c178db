"""Markup that no page has, told before a parser is let at it."""

from __future__ import annotations

import re

__all__ = ["TAGS_TO_EXTRACT", "excess_of"]

# A news page has some thousand tags. Above the first bound its own lines are its text, as the
# extractor needs seconds for a megabyte of nothing but tags; above the second it is no page.
TAGS_TO_EXTRACT, _TAGS_TO_READ = 10_000, 30_000
# A tag has a dozen; the parser compares each with all before it, and 90,000 cost it a minute.
_ATTRIBUTES = 500
_BLANK = r"[ \t\n\f\r]"
_VALUE = r"\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>]*+"
_ATTRIBUTE = (
    rf"(?:{_BLANK}|/)*+[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+(?:{_BLANK}*+={_BLANK}*+(?:{_VALUE}))?+"
)
# Tried at whatever may begin a tag, so that no comment or quote around one hides it. It gives back
# nothing that it has read, so its work is so many attributes for each of so many tags at most.
_CROWDED = re.compile(
    rf"</?[a-zA-Z][^ \t\n\f\r/>]*+(?:{_ATTRIBUTE}){{{_ATTRIBUTES + 1}}}",
)


def excess_of(html: str) -> str | None:
    """Name what a page of markup has too many of; None for a page that may be read."""
    if html.count("<") > _TAGS_TO_READ:
        return "too_many_tags"
    return "too_many_attributes" if _CROWDED.search(html) else None
