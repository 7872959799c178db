"""The lines of a strip to its quotes, repeats and refused lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from tickertrack.checks import check, direction_of
from tickertrack.dialects.grammar import LINE_LIMIT, REPLACEMENT, Dialect, Reading
from tickertrack.models import Board, Quarantined, Quote, Strip, Verdict
from tickertrack.strips.search import STRIP_LIMIT, Lines

if TYPE_CHECKING:
    from tickertrack.markets import Market, PriceLimit

__all__ = ["RAW_LIMIT", "collect"]

# The table of quotes takes no longer one, whatever a dialect's pattern lets through.
_SYMBOL_LIMIT = 40
# A quarantined line is shown to people: enough of it to know it by.
RAW_LIMIT = LINE_LIMIT


def collect(lines: Lines, dialect: Dialect, market: Market) -> Strip:
    """Make a strip of lines as a dialect reads them, each checked; none is lost."""
    quotes: dict[str, Quote] = {}
    refused: list[Quarantined] = []
    seen: set[str] = set()
    repeats = 0
    disputed = _disputed(lines)
    limits, percent_off = _limits(dialect, market), dialect.percent_off
    for number, raw, reading in lines:
        if raw in seen:
            repeats += 1
            continue
        seen.add(raw)
        fault = _fault(reading, disputed) if reading else _unread(raw, dialect)
        if fault or reading is None:
            refused.append(Quarantined(number, fault, raw[:RAW_LIMIT]))
            continue
        board = market.board_of(reading.symbol)
        exact, limit = board == "stocks", limits[board]
        verdict = check(reading, exact=exact, limit=limit, percent_off=percent_off)
        quotes[raw] = _quote(len(quotes) + 1, raw, reading, board, verdict)
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
    symbols = Counter({raw: reading.symbol for _, raw, reading in lines if reading}.values())
    return {symbol for symbol, count in symbols.items() if count > 1}


@lru_cache(maxsize=64)
def _limits(dialect: Dialect, market: Market) -> Mapping[Board, PriceLimit | None]:
    # A strip does not say its day, so its lines are held against the widest limit of its period.
    return {"stocks": market.widest_limit(dialect.since, dialect.until), "index": None}


def _quote(line: int, raw: str, reading: Reading, board: Board, verdict: Verdict) -> Quote:
    symbol, price, change, percent, *_ = reading
    return Quote(line, board, symbol, price, change, percent, direction_of(reading), verdict, raw)
