"""The lines below a strip to an article's parts: title, byline, published, text, tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

from tickertrack.dialects import Dialect
from tickertrack.dialects.grammar import FURNITURE_LIMIT
from tickertrack.models import Published
from tickertrack.pages.dates import BYLINE, printed_date, published_from

__all__ = ["NO_PARTS", "Parts", "page_date_of", "parts_of"]

_TITLE_LIMIT = 250
# The byline stands between headline and text: below title and bullets, not deep in the text.
_BYLINE_DEPTH = 14
# A byline stands on many articles of its day.
_REMEMBERED = 1_024
# Every date has a year in it (YEARS).
_CENTURY = re.compile("19|2[01]")
_YEAR = re.compile("[0-9]{4}")
_BULLETS = "•·*-–"
_PROSE_END = re.compile(r"[.!?:;…”\"'’)\]]$")
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Parts:
    """An article's parts, as far as the page shows them."""

    title: str | None
    byline: str | None
    published: Published | None
    text: str
    tags: tuple[str, ...]


NO_PARTS = Parts(title=None, byline=None, published=None, text="", tags=())


def page_date_of(furniture: Iterable[str], dialect: Dialect | None) -> date | None:
    """Read the day that the masthead calls today; where it names two, it names none."""
    patterns = dialect.masthead if dialect else ()
    found = (one.fullmatch(line) for line in furniture for one in patterns)
    days = {printed_date(match["date"]) for match in found if match} - {None}
    return days.pop() if len(days) == 1 else None


def parts_of(lines: Sequence[str], dialect: Dialect | None, zone: ZoneInfo) -> Parts:
    """Take an article apart; `lines` are what follows the strip, white space folded."""
    rest = list(lines[_headline(lines, dialect) :])
    title = rest.pop(0) if rest and _is_title(rest) else None
    byline, published = _take_byline(rest, zone)
    tags = _take_tags(rest)
    return Parts(title, byline, published, "\n".join(rest).strip(), tags)


def _headline(lines: Sequence[str], dialect: Dialect | None) -> int:
    """Find the first line that is neither empty nor the page's furniture."""
    seen = 0
    for number, line in enumerate(lines):
        if not line:
            continue
        seen += 1
        if dialect is None or seen > FURNITURE_LIMIT or not dialect.is_furniture(line):
            return number
    return len(lines)


def _is_title(rest: Sequence[str]) -> bool:
    line = rest[0]
    if len(line) > _TITLE_LIMIT or line[0] in _BULLETS or not _WORD.search(line):
        return False
    if _YEAR.search(line) and BYLINE.fullmatch(line):
        return False
    # A headline stands apart or above bullets and byline; a paragraph's first line ends in a stop.
    return not line.endswith(".") or len(rest) == 1


def _take_byline(rest: list[str], zone: ZoneInfo) -> tuple[str | None, Published | None]:
    for number, line in enumerate(rest[:_BYLINE_DEPTH]):
        if len(line) > _TITLE_LIMIT or not _CENTURY.search(line):
            continue
        byline, published = _byline(line, zone)
        if published is not None:
            del rest[number]
            return byline, published
    return None, None


@lru_cache(_REMEMBERED)
def _byline(line: str, zone: ZoneInfo) -> tuple[str | None, Published | None]:
    found = BYLINE.fullmatch(line)
    if found is None:
        return None, None
    return found["name"].strip(" ,-|•") or None, published_from(found, zone)


def _take_tags(rest: list[str]) -> tuple[str, ...]:
    """Take the last line where it is a row of names: set apart, and no sentence."""
    while rest and not rest[-1]:
        rest.pop()
    apart = len(rest) > 1 and not rest[-2]
    if not apart or _PROSE_END.search(rest[-1]) or not _looks_like_tags(rest[-1]):
        return ()
    # A text page runs its tags together; where one ends and the next begins is not printed.
    return tuple(tag for tag in (part.strip() for part in rest.pop().split(",")) if tag)


def _looks_like_tags(line: str) -> bool:
    words = _WORD.findall(line)
    capitals = sum(word[0].isupper() for word in words)
    return len(line) <= _TITLE_LIMIT and bool(words) and 2 * capitals >= len(words)
