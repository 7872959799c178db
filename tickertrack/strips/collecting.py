"""The lines of a strip to its quotes, repeats and refused lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from tickertrack.checks import check, direction_of
from tickertrack.dialects.grammar import LINE_LIMIT, REPLACEMENT, Dialect, Reading
from tickertrack.models import Board, Quarantined, Quote, Strip, Verdict
from tickertrack.strips.search import REMEMBERED, STRIP_LIMIT, Lines

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["RAW_LIMIT", "collect"]

# The table of quotes takes no longer one, whatever a dialect's pattern lets through.
_SYMBOL_LIMIT = 40
# A quarantined line is shown to people: enough of it to know it by.
RAW_LIMIT = LINE_LIMIT


@lru_cache(REMEMBERED)
def collect(lines: Lines, dialect: Dialect, market: Market) -> Strip:
    """Make a strip of lines as a dialect reads them, each checked; none is lost."""
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
            refused.append(Quarantined(number, fault, raw[:RAW_LIMIT]))
        else:
            board = market.board_of(reading.symbol)
            quotes[raw] = _quote(len(quotes) + 1, raw, reading, board, judge(reading, board))
        seen.add(raw)
    if len(seen) > STRIP_LIMIT:
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
