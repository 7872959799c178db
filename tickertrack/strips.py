"""A page's lines to its strip: quotes, repeats and refused lines, with nothing lost between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from tickertrack.checks import check, direction_of
from tickertrack.dialects.grammar import LINE_LIMIT, REPLACEMENT, Dialect, Reading
from tickertrack.models import Quarantined, Quote, Strip

if TYPE_CHECKING:
    from tickertrack.markets import Market
    from tickertrack.publishers import Publisher

__all__ = ["NO_STRIP", "HeaderBlock", "find_block", "fold", "read_strip"]

NO_STRIP = Strip(dialect="", quotes=(), quarantined=(), repeats=0)

# White space that a reader cannot see apart, and marks that nobody can see at all. Two prints of
# one line must fold to one text; no figure may change by it.
_SPACES = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# How many empty lines may stand inside a strip, between its boards or its copies.
_GAP = 2
# A quarantined line is shown to people: enough of it to know it by.
_RAW_LIMIT = LINE_LIMIT


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The strip's lines as a dialect finds them, and where the rest of the page goes on."""

    lines: tuple[tuple[int, str, Reading | None], ...]
    end: int
    page_date: date | None


def fold(line: str) -> str:
    """Fold white space to single blanks and take out what cannot be seen."""
    return _SPACES.sub(" ", _INVISIBLE.sub("", line)).strip()


def read_strip(
    header: Sequence[str],
    body: Iterable[str],
    dialects: Sequence[Dialect],
    market: Market,
) -> tuple[Strip, HeaderBlock]:
    """
    Read the strip of a page's header; ticker lines of the body are refused, never read.

    Of the dialects, the one that reads most lines wins; of equals the first.
    """
    blocks = [(dialect, find_block(header, dialect)) for dialect in dialects]
    dialect, block = max(blocks, key=lambda pair: _lines_read(pair[1]))
    rest = [*header[block.end :], *body]
    strays = _strays(rest, dialects, first=block.end + 1)
    strip = _collect(block, dialect, market)
    return replace(strip, quarantined=(*strip.quarantined, *strays)), block


def dialects_for(publisher: Publisher, captured_at: datetime | None) -> list[Dialect]:
    """List a publisher's dialects, those in use at the capture first."""
    if captured_at is None:
        return [period.dialect for period in publisher.periods]
    day = captured_at.astimezone(publisher.zone).date()
    ordered = sorted(publisher.periods, key=lambda period: not period.covers(day))
    return [period.dialect for period in ordered]


def find_block(header: Sequence[str], dialect: Dialect) -> HeaderBlock:
    """Find the first unbroken run of ticker lines; it must stand before any other text."""
    found: list[tuple[int, str, Reading | None]] = []
    end = gap = 0
    page_date: date | None = None
    for number, line in enumerate(header, start=1):
        if not line:
            gap += 1
            if found and gap > _GAP:
                break
            continue
        text, stamp = (line, None) if found else _without_prefix(line, dialect)
        reading = dialect.read(text)
        if reading is None and not dialect.looks_like_line(text):
            if found or not _furniture(text, dialect):
                break
            continue
        found.append((number, text, reading))
        end, gap, page_date = number, 0, page_date or stamp
    return HeaderBlock(tuple(found), end, page_date)


def _without_prefix(line: str, dialect: Dialect) -> tuple[str, date | None]:
    found = dialect.prefix.match(line) if dialect.prefix else None
    if found is None:
        return line, None
    try:
        stamp = date.fromisoformat(found["date"])
    except ValueError:
        stamp = None
    return line[found.end() :].strip(), stamp


def _furniture(line: str, dialect: Dialect) -> bool:
    patterns = (dialect.stop, dialect.masthead)
    return len(line) <= LINE_LIMIT and any(one and one.fullmatch(line) for one in patterns)


def _lines_read(block: HeaderBlock) -> int:
    return sum(reading is not None for _, _, reading in block.lines)


def _collect(block: HeaderBlock, dialect: Dialect, market: Market) -> Strip:
    quotes: dict[str, Quote] = {}
    refused: list[Quarantined] = []
    seen: set[str] = set()
    repeats = 0
    disputed = _disputed(block)
    for number, raw, reading in block.lines:
        if raw in seen:
            repeats += 1
        elif reading is None:
            reason = "replacement_character" if REPLACEMENT in raw else "unreadable"
            refused.append(Quarantined(number, reason, raw[:_RAW_LIMIT]))
        elif reading.price <= 0:
            refused.append(Quarantined(number, "impossible_price", raw))
        elif reading.symbol in disputed:
            refused.append(Quarantined(number, "conflicting_lines", raw))
        else:
            quotes[raw] = _quote(len(quotes) + 1, raw, reading, dialect, market)
        seen.add(raw)
    name = dialect.name if quotes else ""
    return Strip(name, tuple(quotes.values()), tuple(refused), repeats)


def _disputed(block: HeaderBlock) -> set[str]:
    # Two lines of one symbol that differ: nothing on the page says which is the market's.
    first: dict[str, str] = {}
    readings = ((raw, reading.symbol) for _, raw, reading in block.lines if reading)
    return {symbol for raw, symbol in readings if first.setdefault(symbol, raw) != raw}


def _quote(line: int, raw: str, reading: Reading, dialect: Dialect, market: Market) -> Quote:
    board = market.board_of(reading.symbol)
    stocks = board == "stocks"
    # A strip does not say its day, so its line is held against the widest limit of its period.
    limit = market.widest_limit(dialect.since, dialect.until) if stocks else None
    return Quote(
        line=line,
        board=board,
        symbol=reading.symbol,
        price=reading.price,
        change=reading.change,
        percent=reading.percent,
        direction=direction_of(reading),
        verdict=check(reading, exact=stocks, limit=limit),
        raw=raw,
    )


def _strays(
    lines: Iterable[str], dialects: Sequence[Dialect], *, first: int
) -> Iterator[Quarantined]:
    for number, line in enumerate(lines, start=first):
        candidates = (dialect for dialect in dialects if dialect.could_read(line))
        if any(dialect.read(_without_prefix(line, dialect)[0]) for dialect in candidates):
            yield Quarantined(number, "outside_header", line)
