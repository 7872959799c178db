"""The search for a strip in the lines of a page, down to where other text begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from tickertrack.dialects.grammar import FURNITURE_LIMIT, Dialect, Reading

__all__ = [
    "REMEMBERED",
    "STRIP_LIMIT",
    "HeaderBlock",
    "Lines",
    "Search",
    "begun",
    "find_block",
    "marked_until",
]

# How many empty lines may stand inside a strip, between its boards or its copies.
_GAP = 2
# No exchange lists more; a page with more different lines was made to fill a database.
STRIP_LIMIT = 5_000
# A strip stands on some ten pages (DESIGN.md, fact 9): what was read of the last ones is known. No
# strip of a real page is longer than that.
REMEMBERED, _LONGEST = 4_096, 16_384

# Number, text, and what it reads.
Lines = tuple[tuple[int, str, Reading | None], ...]


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The strip's lines as a dialect finds them, and where the rest of the page goes on."""

    lines: Lines
    end: int
    page_date: date | None
    furniture: tuple[str, ...]


def marked_until(text: str, dialects: tuple[Dialect, ...]) -> int:
    """Give where the line with the last marker ends; 0 where there is none, or it is far down."""
    last = max(map(text.rfind, _markers(dialects)), default=-1)
    if last < 0:
        return 0
    end = text.find("\n", last) + 1
    return end if end <= _LONGEST else 0


@lru_cache(maxsize=64)
def _markers(dialects: tuple[Dialect, ...]) -> frozenset[str]:
    return frozenset(marker for dialect in dialects for marker in dialect.markers)


def find_block(header: Sequence[str], dialect: Dialect) -> HeaderBlock:
    """
    Find the first unbroken run of ticker lines; it must stand before any other text.

    Where it is broken off by the page's furniture, only its own lines may stand there once more.
    A strip of an article stands below any text, and furniture (its headings) does not end it.
    """
    # Each line ends, the last one too: in markup nothing may follow it.
    joined = "\n".join((*header, ""))
    marked = joined.count("\n", 0, marked_until(joined, (dialect,)))
    search = begun(tuple(header[:marked]), dialect).copy()
    search.go_on(header[marked:])
    return search.block()


@lru_cache(REMEMBERED)
def begun(header: tuple[str, ...], dialect: Dialect) -> Search:
    """Begin a search, down the lines to a dialect's last marker; who goes on takes a copy."""
    search = Search(dialect)
    search.go_on(header)
    return search


@dataclass(slots=True)
class Search:
    """The search for a strip's block, as far as it has come down a header."""

    dialect: Dialect
    found: list[tuple[int, str, Reading | None]] = field(default_factory=list)
    known: dict[str, Reading | None] = field(default_factory=dict)
    furniture: list[str] = field(default_factory=list)
    page_date: date | None = None
    number: int = 0
    above: int = 0
    end: int = 0
    gap: int = 0
    broken: bool = False
    over: bool = False

    def copy(self) -> Search:
        """Give a search that goes on from here and leaves this one as it is."""
        return Search(
            self.dialect,
            self.found.copy(),
            self.known.copy(),
            self.furniture.copy(),
            self.page_date,
            self.number,
            self.above,
            self.end,
            self.gap,
            self.broken,
            self.over,
        )

    def go_on(self, lines: Iterable[str]) -> None:
        """Go down further lines, until the block is over."""
        between = self.dialect.between
        for line in lines:
            if self.over:
                return
            self.number += 1
            if not line:
                self.gap += 1
            elif between is None:
                self._take(line)
            else:
                self._take_each(self.dialect.cut(line))

    def ends_at(self, line: str) -> bool:
        """Say whether a line, the next one but for empty ones, is other text and no furniture."""
        dialect = self.dialect
        if not line or line in self.known or dialect.between:
            return False
        text, stamp = dialect.without_prefix(line)
        meant = text != line or stamp or dialect.looks_like_line(line) or dialect.read(line)
        return not (meant or dialect.is_furniture(line))

    def block(self) -> HeaderBlock:
        """Give what was found."""
        return HeaderBlock(tuple(self.found), self.end, self.page_date, tuple(self.furniture))

    def _take_each(self, parts: list[str]) -> None:
        for part in parts:
            if not self.over:
                self._take(part)

    def _take(self, line: str) -> None:
        known, dialect = self.known, self.dialect
        text, stamp = (line, None) if line in known else dialect.without_prefix(line)
        self.page_date = self.page_date or stamp
        new = text not in known
        reading = dialect.read(text) if new else known[text]
        if reading is None and new and not dialect.looks_like_line(text):
            self._take_furniture(text)
            return
        torn = self.gap > _GAP or len(self.furniture) > self.above
        self.broken = bool(self.found) and (self.broken or torn) and dialect.place == "header"
        if (self.broken and new) or len(known) > STRIP_LIMIT:
            self.over = True
            return
        self.above = self.above if self.found else len(self.furniture)
        self.found.append((self.number, text, reading))
        known[text] = reading
        self.end, self.gap = self.number, 0

    def _take_furniture(self, text: str) -> None:
        if not self.found and self.dialect.place == "article":
            # What stands above an article's list is not for a strip to know.
            return
        full = len(self.furniture) == FURNITURE_LIMIT
        self.over = full or bool(text and not self.dialect.is_furniture(text))
        if not self.over:
            self.furniture.append(text)
