"""A page's lines to its strip: quotes, repeats and refused lines, with nothing lost between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from tickertrack.dialects.grammar import LINE_LIMIT, Dialect
from tickertrack.dialects.markers import finder, markers_of
from tickertrack.models import Quarantined, Strip
from tickertrack.strips.collecting import RAW_LIMIT, collect
from tickertrack.strips.folding import fold, fold_lines, fold_seen
from tickertrack.strips.search import (
    REMEMBERED,
    HeaderBlock,
    Lines,
    Search,
    begun,
    find_block,
    marked_until,
)

if TYPE_CHECKING:
    from tickertrack.markets import Market
    from tickertrack.publishers import Publisher

__all__ = [
    "NO_STRIP",
    "HeaderBlock",
    "dialects_for",
    "find_block",
    "fold",
    "fold_lines",
    "fold_seen",
    "read_strip",
    "read_text",
]

# By so many of its first letters, a line and a half, a strip is known from nearly all others.
_BEGINNING = 64

NO_STRIP = Strip(dialect="", quotes=(), quarantined=(), repeats=0)


def read_text(
    text: str, dialects: Sequence[Dialect], market: Market
) -> tuple[list[str], Strip, HeaderBlock]:
    """Read the strip of a page of text as `read_strip` does; give its lines too, folded."""
    dialects = tuple(dialects)
    top = _top_of(text, dialects, market)
    lines = [*top.lines, *fold_lines(text[len(top.text) :])]
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
    strip = _known(block.lines, dialect, market)
    return _with_strays(strip, whole[block.end :], dialects, block), block


def _with_strays(
    strip: Strip, rest: Sequence[str], dialects: Sequence[Dialect], block: HeaderBlock
) -> Strip:
    # Most pages have none: a search of all lines at once is a tenth of the work of one a line.
    able = _able("\n".join(rest), tuple(dialects))
    strays = tuple(_strays(rest, able, first=block.end + 1)) if able else ()
    return replace(strip, quarantined=strip.quarantined + strays) if strays else strip


@lru_cache(REMEMBERED)
def _known(lines: Lines, dialect: Dialect, market: Market) -> Strip:
    return collect(lines, dialect, market)


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


@dataclass(frozen=True, slots=True)
class _Top:
    """
    A text down to its last marker: its lines, and the strip where the first dialect reads them all.

    `search` has come down so far; it is None where more is to be tried than to go on.
    """

    text: str = ""
    lines: tuple[str, ...] = ()
    search: Search | None = None
    found: Lines = ()
    strip: Strip = NO_STRIP

    def block_in(self, lines: Sequence[str], dialects: Iterable[Dialect]) -> HeaderBlock | None:
        """Give the block of a page that begins so; None where the lines below may add to it."""
        if self.search is None:
            return None
        search = self.search
        if not search.ends_at(_first(lines, len(self.lines))):
            search = search.copy()
            search.go_on(lines[len(self.lines) :])
        same = (search.end, search.page_date) == (self.search.end, self.search.page_date)
        if not same or _goes_on(lines, search.end, dialects):
            return None
        return HeaderBlock(self.found, search.end, search.page_date, tuple(search.furniture))


_NO_TOP = _Top()


def _top_of(text: str, dialects: tuple[Dialect, ...], market: Market) -> _Top:
    """Give the top of a text, which is often that of the last text that began so."""
    last = _tops_beginning(text[:_BEGINNING], dialects, market)
    if last and text.startswith(last[0].text):
        # Of a longer strip it is but the beginning.
        below = len(last[0].text)
        if not marked_until(text[below : below + LINE_LIMIT], dialects):
            return last[0]
    end = marked_until(text, dialects)
    last[:] = [_top(text[:end], dialects, market)] if end else ()
    return last[0] if last else _NO_TOP


@lru_cache(REMEMBERED)
def _tops_beginning(_beginning: str, _dialects: tuple[Dialect, ...], _market: Market) -> list[_Top]:
    """Give the place for the last top of a beginning; it is empty at first."""
    return []


@lru_cache(REMEMBERED)
def _top(text: str, dialects: tuple[Dialect, ...], market: Market) -> _Top:
    lines, dialect = tuple(fold_lines(text)), dialects[0]
    search = begun(lines, dialect)
    block = search.block()
    if dialect.place != "header" or search.over or not _is_whole(block, dialect):
        return _Top(text, lines)
    return _Top(text, lines, search, block.lines, collect(block.lines, dialect, market))


def _goes_on(header: Sequence[str], end: int, dialects: Iterable[Dialect]) -> bool:
    """Say whether below a block stands what any dialect may read."""
    after = _first(header, end)
    return any(one.looks_like_line(after) or one.read(after) for one in dialects)


def _first(lines: Sequence[str], start: int) -> str:
    """Give the first line from a place on that is not empty, or one that is."""
    return next(filter(None, islice(lines, start, None)), "")


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


def _able(text: str, dialects: tuple[Dialect, ...]) -> list[Dialect]:
    """List the dialects that may read a line of a text."""
    may_hold = _finder(dialects)
    if may_hold and not may_hold(text.encode("utf-8", "surrogatepass")):
        return []
    return [dialect for dialect in dialects if dialect.could_read(text)]


@lru_cache(maxsize=64)
def _finder(dialects: tuple[Dialect, ...]) -> Callable[[bytes], bool] | None:
    markers = markers_of(dialects)
    return finder(markers) if markers else None


def _strays(
    lines: Sequence[str], dialects: Sequence[Dialect], *, first: int
) -> Iterator[Quarantined]:
    for number, line in enumerate(lines, start=first):
        reasons = (
            _stray(line, dialect) for dialect in dialects if line and dialect.could_read(line)
        )
        reason = next(filter(None, reasons), None)
        if reason:
            yield Quarantined(number, reason, line[:RAW_LIMIT])


def _stray(line: str, dialect: Dialect) -> str | None:
    text, _ = dialect.without_prefix(dialect.cut(line)[0])
    return "outside_header" if dialect.read(text) else dialect.refusal_of(text)
