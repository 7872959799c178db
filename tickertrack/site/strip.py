"""The walk's prices as Business Recorder prints them: dialect brecorder-2022."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from tickertrack.site.walk import INDICES, STOCKS, Moment

__all__ = ["Showing", "printed_price", "strip_at"]

_POINT, _TENTH, _PAISA = Decimal(1), Decimal("0.1"), Decimal("0.01")


@dataclass(frozen=True, slots=True, eq=False)
class Showing:
    """A strip as it stands on pages: whose session it shows, since when, its lines and prices."""

    session: date
    since: datetime
    lines: tuple[str, ...]
    prices: dict[str, Decimal]


@lru_cache(maxsize=1024)
def strip_at(moment: Moment) -> Showing:
    """Print the strip of a moment: the stocks board, then the index board."""
    prices, references = moment.prices, moment.course.references
    before = prices if moment.reset else references
    printed = {
        **{one: _stock(one, prices[one], before[one]) for one in sorted(STOCKS)},
        **{one: _index(one, prices[one], references[one]) for one in sorted(INDICES)},
    }
    return Showing(
        session=moment.course.session,
        since=moment.since,
        lines=tuple(line for line, _ in printed.values()),
        prices={symbol: price for symbol, (_, price) in printed.items()},
    )


def printed_price(symbol: str, price: int) -> Decimal:
    """Give a price as it is printed: stocks to the paisa, indices to the point."""
    return _rounded(_units(price), _POINT) if symbol in INDICES else _units(price)


def _stock(symbol: str, price: int, reference: int) -> tuple[str, Decimal]:
    printed, change = printed_price(symbol, price), price - reference
    if not change:
        return f"{symbol} {printed:,} No Change ▼ 0.00 (0%)", printed
    word, arrow = ("Increased By", "▲") if change > 0 else ("Decreased By", "▼")
    percent = _percent(change, reference)
    return f"{symbol} {printed:,} {word} {arrow} {_units(change)} ({percent}%)", printed


def _index(symbol: str, price: int, reference: int) -> tuple[str, Decimal]:
    printed, change = printed_price(symbol, price), price - reference
    word = "Increased By" if change > 0 else "Decreased By" if change < 0 else "No Change"
    points = _bare(_rounded(_units(change), _TENTH))
    return f"{symbol} {printed:,} {word} {points} ({_percent(change, reference)}%)", printed


def _percent(change: int, reference: int) -> str:
    return _bare(_rounded(Decimal(100 * change) / reference, _PAISA))


def _units(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)


def _rounded(number: Decimal, to: Decimal) -> Decimal:
    return number.quantize(to, ROUND_HALF_UP)


def _bare(number: Decimal) -> str:
    """Print a number without the zeros at its end."""
    return f"{number.normalize() + 0:f}"
