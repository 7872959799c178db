"""What a dialect is: a reader of ticker lines, which tickertrack.dialects.compiling makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from tickertrack.models import Direction

__all__ = ["NOTHING", "PIECES", "REPLACEMENT", "Dialect", "Place", "Reading", "Sign", "Token"]

# A ticker line is short. The bound keeps every pattern's work small, whatever a page holds.
LINE_LIMIT = 512
# ... and one that holds a whole strip, as the text of a table may, is no longer than this.
_RUN_LIMIT = 16_384
# How many lines of masthead, sections and boxes may stand between a page's top and its headline.
FURNITURE_LIMIT = 500
# A page of a web site is of such a year; a date far outside is a misprint or a trap.
YEARS = range(1990, 2200)
# A headline is asked about twice, a section on page after page.
_REMEMBERED = 1_024
# What a decoder leaves where bytes were no text.
REPLACEMENT = "\ufffd"
# The pattern that fits no text.
NOTHING = r"(?!)"
# What is read of a line; a pattern has a group of each name.
PIECES = ("symbol", "price", "word", "arrow", "change", "percent")

Place = Literal["header", "article"]
Sign = Literal["number", "word", "arrow"]


class Reading(NamedTuple):
    """
    A ticker line taken apart: what is printed, not yet what is true.

    The symbol is in capitals, however it is printed. Of change and percent one may not be printed.
    A tuple, which is made in a third of the time of a record, for each line that is read.
    """

    symbol: str
    price: Decimal
    change: Decimal | None
    percent: Decimal | None
    word: Direction | None
    arrow: Direction | None


class Token(NamedTuple):
    """A part of a form: a piece by its name in braces, or what stands between two pieces."""

    shown: str
    pattern: str


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """
    How a publisher prints a ticker line in one period; compiled once, so itself.

    Every line has one of the `markers`, where there are any. `others` are further forms of a line,
    `forms` all of them, part by part; `refusals` are known forms that cannot be read safely, by the
    reason why. `between` is where a printed line is cut that holds several ticker lines.
    `percent_off` is how far a printed percent may be from the exact one.
    """

    name: str
    title: str
    since: date | None
    until: date | None
    sign: Sign
    place: Place
    marks: tuple[tuple[str, str], ...]
    percent_off: Decimal
    words: Mapping[str, Direction]
    arrows: Mapping[str, Direction]
    pattern: re.Pattern[str]
    others: tuple[re.Pattern[str], ...]
    forms: tuple[tuple[Token, ...], ...]
    refusals: tuple[tuple[str, re.Pattern[str]], ...]
    marker: re.Pattern[str]
    markers: tuple[str, ...]
    between: re.Pattern[str] | None
    prefix: tuple[re.Pattern[str], ...]
    stop: re.Pattern[str] | None
    masthead: tuple[re.Pattern[str], ...]

    @property
    def reads(self) -> bool:
        """Say whether it reads any line, or only knows what is to be refused."""
        return self.pattern.pattern != NOTHING

    def valid_on(self, day: date) -> bool:
        """Say whether the publisher printed so on that day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )

    def could_read(self, line: str) -> bool:
        """Say, at the price of a search for a word, whether reading a line is worth a try."""
        return not self.markers or any(marker in line for marker in self.markers)

    def looks_like_line(self, line: str) -> bool:
        """Say whether a line of the strip's block was meant as a ticker line, read or not."""
        if len(line) > LINE_LIMIT:
            return False
        return self.marker.match(line) is not None or self.refusal_of(line) is not None

    def refusal_of(self, line: str) -> str | None:
        """Give the reason why a line of a known form cannot be read; None for any other line."""
        if not self.refusals or len(line) > LINE_LIMIT:
            return None
        return next((why for why, pattern in self.refusals if pattern.fullmatch(line)), None)

    def is_furniture(self, line: str) -> bool:
        """Say whether a line belongs to the page's head: its masthead, a section, a box."""
        return len(line) <= LINE_LIMIT and _is_furniture(self, line)

    def without_prefix(self, line: str) -> tuple[str, date | None]:
        """Take off what may stand before a line's symbol; give the day that it stamps, if any."""
        for pattern in self.prefix:
            found = pattern.match(line)
            if found is not None:
                return line[found.end() :].strip(), _stamp(found)
        return line, None

    def cut(self, line: str) -> list[str]:
        """Cut a printed line into the ticker lines that it holds, if it begins with one."""
        if self.between is None or len(line) > _RUN_LIMIT:
            return [line]
        parts = [part for part in self.between.split(line) if part]
        return parts if parts and self.read(self.without_prefix(parts[0])[0]) else [line]

    def read(self, line: str) -> Reading | None:
        """Read one whole line, white space already folded; None where it is no ticker line."""
        if len(line) > LINE_LIMIT or REPLACEMENT in line:
            return None
        found = self.pattern.fullmatch(line)
        if found is None and self.others:
            found = self._other(line)
        if found is None or (self.refusals and self.refusal_of(line)):
            return None
        symbol, price, word, arrow, change, percent = found.group(*PIECES)
        said, shown = self.words.get(word), self.arrows.get(arrow)
        moved = self._number if self.sign == "number" else self._turned(said, shown)
        return Reading(
            # Names are symbols too, and questions are asked in any case.
            symbol.upper(),
            self._number(price),
            None if change is None else moved(change),
            None if percent is None else moved(percent),
            said,
            shown,
        )

    def _other(self, line: str) -> re.Match[str] | None:
        return next(filter(None, (pattern.fullmatch(line) for pattern in self.others)), None)

    def _turned(self, word: Direction | None, arrow: Direction | None) -> Callable[[str], Decimal]:
        deciding = word if self.sign == "word" else arrow
        # "down -0.90%" is one negation, so a sign of its own does not turn it round.
        return (lambda text: -abs(self._number(text))) if deciding == "down" else self._number

    def _number(self, text: str) -> Decimal:
        for mark, plain in self.marks:
            text = text.replace(mark, plain)
        return Decimal(text)


@lru_cache(_REMEMBERED)
def _is_furniture(dialect: Dialect, line: str) -> bool:
    patterns = (dialect.stop, *dialect.masthead)
    return any(one and one.fullmatch(line) for one in patterns)


def _stamp(found: re.Match[str]) -> date | None:
    try:
        day = date.fromisoformat(found.groupdict().get("date") or "")
    except ValueError:
        return None
    return day if day.year in YEARS else None
