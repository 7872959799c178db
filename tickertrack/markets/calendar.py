"""A market's trading days: exchange_calendars' sessions, corrected, with hours by era."""

from __future__ import annotations

from datetime import UTC, date
from functools import lru_cache
from typing import TYPE_CHECKING

from tickertrack.models import TradingDay

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["sessions_between", "trading_day"]


def sessions_between(market: Market, start: date, end: date) -> list[TradingDay]:
    """List the trading days from `start` to `end`, both included, earliest first."""
    return list(_between(market, start, end))


@lru_cache(maxsize=32)
def _between(market: Market, start: date, end: date) -> tuple[TradingDay, ...]:
    listed = {day for day in _listed(market.calendar, start.year, end.year) if start <= day <= end}
    corrected = {day: is_open for day, is_open in market.corrections.items() if start <= day <= end}
    opened = {day for day, is_open in corrected.items() if is_open}
    closed = corrected.keys() - opened
    return tuple(
        trading_day(market, day, "correction" if day in opened else "calendar")
        for day in sorted((listed | opened) - closed)
    )


@lru_cache(maxsize=32)
def _listed(calendar: str, first_year: int, last_year: int) -> frozenset[date]:
    # Imported where it is used: it imports pandas, half a second.
    import exchange_calendars  # noqa: PLC0415

    start, end = date(first_year, 1, 1), date(last_year, 12, 31)
    sessions = exchange_calendars.get_calendar(calendar, start=start, end=end).sessions
    return frozenset(stamp.date() for stamp in sessions)


def trading_day(market: Market, day: date, source: str) -> TradingDay:
    """Give a day its hours, in UTC; `source` says who calls it a trading day."""
    hours = market.hours_on(day)
    return TradingDay(
        session=day,
        open_at=market.local(day, hours.open).astimezone(UTC),
        close_at=market.local(day, hours.final).astimezone(UTC),
        source=source,
    )
