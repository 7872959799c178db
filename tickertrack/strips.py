"""A page's lines to its strip: quotes, repeats and refused lines, with nothing lost between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from tickertrack.checks import check, direction_of
from tickertrack.dialects.grammar import FURNITURE_LIMIT, LINE_LIMIT, REPLACEMENT, Dialect, Reading
from tickertrack.models import Board, Quarantined, Quote, Strip, Verdict

if TYPE_CHECKING:
    from tickertrack.markets import Market
    from tickertrack.publishers import Publisher

__all__ = [
    "NO_STRIP",
    "HeaderBlock",
    "find_block",
    "fold",
    "fold_lines",
    "fold_seen",
    "read_strip",
    "read_text",
]

NO_STRIP = Strip(dialect="", quotes=(), quarantined=(), repeats=0)

# White space that a reader cannot see apart, and marks that nobody can see at all. Two prints of
# one line must fold to one text; no figure may change by it.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# White space of ASCII that may stand within a line and is no single blank: others end a line.
_TO_FOLD = ("  ", "\t", "\x1f")
# How many empty lines may stand inside a strip, between its boards or its copies.
_GAP = 2
# No exchange lists more; a page with more different lines was made to fill a database.
_STRIP_LIMIT = 5_000
# The table of quotes takes no longer one, whatever a dialect's pattern lets through.
_SYMBOL_LIMIT = 40
# A quarantined line is shown to people: enough of it to know it by.
_RAW_LIMIT = LINE_LIMIT
# A strip stands on some ten pages (DESIGN.md, fact 9): what was read of the last ones is known. No
# strip of a real page is longer than that.
_REMEMBERED, _LONGEST = 4_096, 16_384

# Number, text, and what it reads.
Lines = tuple[tuple[int, str, Reading | None], ...]


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The strip's lines as a dialect finds them, and where the rest of the page goes on."""

    lines: Lines
    end: int
    page_date: date | None
    furniture: tuple[str, ...]


def fold(line: str) -> str:
    """Fold white space to single blanks and take out what cannot be seen."""
    return " ".join((line if line.isascii() else _INVISIBLE.sub("", line)).split())


def _marked_until(text: str, dialects: Iterable[Dialect]) -> int:
    """Give where the line with the last marker ends; 0 where there is none, or it is far down."""
    markers = {marker for dialect in dialects for marker in dialect.markers}
    last = max(map(text.rfind, markers), default=-1)
    end = text.find("\n", last) + 1
    return end if last >= 0 and end <= _LONGEST else 0


def fold_lines(text: str) -> list[str]:
    """Fold each line of a text; ASCII with single blanks is folded but for its ends."""
    lines = text.splitlines()
    if any(one in text for one in _TO_FOLD):
        return [*map(fold, lines)]
    return [line.strip() if line.isascii() else fold(line) for line in lines]


def fold_seen(text: str) -> list[str]:
    """Fold the lines of a text, and leave out those in which nothing is seen."""
    seen = text if text.isascii() else _INVISIBLE.sub("", text)
    return [" ".join(words) for line in seen.split("\n") if (words := line.split())]


def read_text(
    text: str, dialects: Sequence[Dialect], market: Market
) -> tuple[list[str], Strip, HeaderBlock]:
    """Read the strip of a page of text as `read_strip` does; give its lines too, folded."""
    end = _marked_until(text, dialects)
    top = _top(text[:end], tuple(dialects), market) if end else _NO_TOP
    lines = [*top.lines, *fold_lines(text[end:])]
    block = top.block_in(lines, dialects)
    if block is None:
        return lines, *read_strip(lines, (), dialects, market)
    return lines, _with_strays(top.strip, lines[block.end :], dialects, block), block


def read_strip(
    header: Sequence[str],
    body: Iterable[str],
    dialects: Sequence[Dialect],
    market: Market,
) -> tuple[Strip, HeaderBlock]:
    """
    Read the strip of a page's header; ticker lines of the body are refused, never read.

    Of the dialects, the one that reads most lines wins; of equals one in use on the page's date,
    and of those the first. A dialect whose place is the article finds its strip also there.
    """
    whole = [*header, *body]
    dialect, block = _best(_Page(header, whole), dialects)
    strip = _collect(block.lines, dialect, market)
    return _with_strays(strip, whole[block.end :], dialects, block), block


def _with_strays(
    strip: Strip, rest: Sequence[str], dialects: Sequence[Dialect], block: HeaderBlock
) -> Strip:
    strays = tuple(_strays(rest, dialects, first=block.end + 1))
    return replace(strip, quarantined=strip.quarantined + strays) if strays else strip


@dataclass(frozen=True, slots=True)
class _Page:
    """A page's lines: those of the header, and all of them."""

    header: Sequence[str]
    whole: Sequence[str]

    def lines_for(self, dialect: Dialect) -> Sequence[str]:
        """Give the lines among which a dialect's strip may stand."""
        return self.header if dialect.place == "header" else self.whole


def dialects_for(publisher: Publisher, captured_at: datetime | None) -> list[Dialect]:
    """List a publisher's dialects, those in use at the capture first."""
    if captured_at is None:
        return [period.dialect for period in publisher.periods]
    day = captured_at.astimezone(publisher.zone).date()
    ordered = sorted(publisher.periods, key=lambda period: not period.covers(day))
    return [period.dialect for period in ordered]


def find_block(header: Sequence[str], dialect: Dialect) -> HeaderBlock:
    """
    Find the first unbroken run of ticker lines; it must stand before any other text.

    Where it is broken off by the page's furniture, only its own lines may stand there once more.
    A strip of an article stands below any text, and furniture (its headings) does not end it.
    """
    # Each line ends, the last one too: in markup nothing may follow it.
    joined = "\n".join((*header, ""))
    marked = joined.count("\n", 0, _marked_until(joined, (dialect,)))
    search = _begun(tuple(header[:marked]), dialect).copy()
    search.go_on(header[marked:])
    return search.block()


@lru_cache(_REMEMBERED)
def _begun(header: tuple[str, ...], dialect: Dialect) -> _Search:
    search = _Search(dialect)
    search.go_on(header)
    return search


@dataclass(slots=True)
class _Search:
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

    def copy(self) -> _Search:
        """Give a search that goes on from here and leaves this one as it is."""
        return _Search(
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
        reading = known[text] if text in known else dialect.read(text)
        if reading is None and text not in known and not dialect.looks_like_line(text):
            self._take_furniture(text)
            return
        torn = self.gap > _GAP or len(self.furniture) > self.above
        self.broken = bool(self.found) and (self.broken or torn) and dialect.place == "header"
        if (self.broken and text not in known) or len(known) > _STRIP_LIMIT:
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


@dataclass(frozen=True, slots=True)
class _Top:
    """
    A text down to its last marker: its lines, and the strip where the first dialect reads them all.

    `search` has come down so far; it is None where more is to be tried than to go on.
    """

    lines: tuple[str, ...] = ()
    search: _Search | None = None
    found: Lines = ()
    strip: Strip = NO_STRIP

    def block_in(self, lines: Sequence[str], dialects: Iterable[Dialect]) -> HeaderBlock | None:
        """Give the block of a page that begins so; None where the lines below may add to it."""
        if self.search is None:
            return None
        search = self.search.copy()
        search.go_on(lines[len(self.lines) :])
        same = (search.end, search.page_date) == (self.search.end, self.search.page_date)
        if not same or _goes_on(lines, search.end, dialects):
            return None
        return HeaderBlock(self.found, search.end, search.page_date, tuple(search.furniture))


_NO_TOP = _Top()


@lru_cache(_REMEMBERED)
def _top(text: str, dialects: tuple[Dialect, ...], market: Market) -> _Top:
    lines, dialect = tuple(fold_lines(text)), dialects[0]
    search = _begun(lines, dialect)
    block = search.block()
    if dialect.place != "header" or search.over or not _is_whole(block, dialect):
        return _Top(lines)
    return _Top(lines, search, block.lines, _collect(block.lines, dialect, market))


def _goes_on(header: Sequence[str], end: int, dialects: Iterable[Dialect]) -> bool:
    """Say whether below a block stands what any dialect may read."""
    after = next(filter(None, islice(header, end, None)), "")
    return any(one.looks_like_line(after) or one.read(after) for one in dialects)


def _best(page: _Page, dialects: Sequence[Dialect]) -> tuple[Dialect, HeaderBlock]:
    blocks: list[tuple[Dialect, HeaderBlock]] = []
    for dialect in dialects:
        lines = page.lines_for(dialect)
        block = find_block(lines, dialect)
        blocks.append((dialect, block))
        if _is_whole(block, dialect) and not _goes_on(lines, block.end, dialects):
            # It has read all there is to read.
            break
    return max(blocks, key=_rank)


def _rank(pair: tuple[Dialect, HeaderBlock]) -> tuple[int, bool]:
    dialect, block = pair
    return _lines_read(block), _in_period(block, dialect)


def _is_whole(block: HeaderBlock, dialect: Dialect) -> bool:
    return _lines_read(block) == len(block.lines) > 0 and _in_period(block, dialect)


def _in_period(block: HeaderBlock, dialect: Dialect) -> bool:
    return block.page_date is None or dialect.valid_on(block.page_date)


def _lines_read(block: HeaderBlock) -> int:
    return sum(reading is not None for _, _, reading in block.lines)


@lru_cache(_REMEMBERED)
def _collect(lines: Lines, dialect: Dialect, market: Market) -> Strip:
    quotes: dict[str, Quote] = {}
    refused: list[Quarantined] = []
    seen: set[str] = set()
    repeats = 0
    disputed = _disputed(lines)
    judge = _judge(dialect, market)
    for number, raw, reading in lines:
        fault = _fault(reading, disputed) if reading else _unread(raw, dialect)
        if raw in seen:
            repeats += 1
        elif fault or reading is None:
            refused.append(Quarantined(number, fault, raw[:_RAW_LIMIT]))
        else:
            board = market.board_of(reading.symbol)
            quotes[raw] = _quote(len(quotes) + 1, raw, reading, board, judge(reading, board))
        seen.add(raw)
    if len(seen) > _STRIP_LIMIT:
        crowd = (Quarantined(one.line, "too_many_lines", one.raw) for one in quotes.values())
        return Strip("", (), (*crowd, *refused), repeats)
    name = dialect.name if quotes else ""
    return Strip(name, tuple(quotes.values()), tuple(refused), repeats)


def _unread(raw: str, dialect: Dialect) -> str:
    """Say why a line that was meant as a ticker line is none."""
    unreadable = "replacement_character" if REPLACEMENT in raw else "unreadable"
    return dialect.refusal_of(raw) or unreadable


def _fault(reading: Reading, disputed: set[str]) -> str:
    """Name what keeps a line from being a quote; empty where nothing does."""
    if reading.price <= 0:
        return "impossible_price"
    if len(reading.symbol) > _SYMBOL_LIMIT:
        return "impossible_symbol"
    return "conflicting_lines" if reading.symbol in disputed else ""


def _disputed(lines: Lines) -> set[str]:
    # Two lines of one symbol that differ: nothing on the page says which is the market's.
    first: dict[str, str] = {}
    readings = ((raw, reading.symbol) for _, raw, reading in lines if reading)
    return {symbol for raw, symbol in readings if first.setdefault(symbol, raw) != raw}


def _judge(dialect: Dialect, market: Market) -> Callable[[Reading, Board], Verdict]:
    # A strip does not say its day, so its lines are held against the widest limit of its period.
    limit = market.widest_limit(dialect.since, dialect.until)

    def judge(reading: Reading, board: Board) -> Verdict:
        return check(
            reading,
            exact=board == "stocks",
            limit=limit if board == "stocks" else None,
            percent_off=dialect.percent_off,
        )

    return judge


def _quote(line: int, raw: str, reading: Reading, board: Board, verdict: Verdict) -> Quote:
    return Quote(
        line=line,
        board=board,
        symbol=reading.symbol,
        price=reading.price,
        change=reading.change,
        percent=reading.percent,
        direction=direction_of(reading),
        verdict=verdict,
        raw=raw,
    )


def _strays(
    lines: Sequence[str], dialects: Sequence[Dialect], *, first: int
) -> Iterator[Quarantined]:
    # Most pages have none: a search of all at once is a tenth of the work of one a line.
    joined = "\n".join(lines)
    able = [dialect for dialect in dialects if dialect.could_read(joined)]
    for number, line in enumerate(lines if able else (), start=first):
        reasons = (_stray(line, dialect) for dialect in able if line and dialect.could_read(line))
        reason = next(filter(None, reasons), None)
        if reason:
            yield Quarantined(number, reason, line[:_RAW_LIMIT])


def _stray(line: str, dialect: Dialect) -> str | None:
    text, _ = dialect.without_prefix(dialect.cut(line)[0])
    return "outside_header" if dialect.read(text) else dialect.refusal_of(text)
