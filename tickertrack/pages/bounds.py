"""What no page has: markup told before a parser is let at it, and words cut that never end."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

__all__ = ["TAGS_TO_EXTRACT", "cut_address", "cut_tags", "cut_words", "excess_of"]

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


# A headline has some hundred letters; each move of its day may carry it. Browsers and servers take
# no longer address than this, crawls list none.
_WORDS, _ADDRESS, _TAGS = 1_000, 4_000, 200
_DIGEST = 16


def cut_words(text: str | None) -> str | None:
    """Cut a headline or byline that is none."""
    return text if text is None or len(text) <= _WORDS else f"{text[: _WORDS - 1]}…"


def cut_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Cut tags that are none, and leave out what is more than any article has."""
    return tuple(cut_words(tag) or "" for tag in tags[:_TAGS])


def cut_address(url: str) -> str:
    """Cut an address that is none; it still names its host, and no two become the same."""
    if len(url) <= _ADDRESS:
        return url
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{url[:_ADDRESS]}…{digest}"
