"""What questions are asked by: symbols, days and times, as they are typed or passed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from tickertrack.errors import QueryError
from tickertrack.store.read import Span

__all__ = ["Day", "Symbols", "day_of", "moment_of", "names_of", "span_of"]

Day = str | date | None
Symbols = str | Iterable[str]


def names_of(symbols: Symbols) -> list[str]:
    """Give one symbol or several as a list, in capitals."""
    listed = [symbols] if isinstance(symbols, str) else symbols
    return [symbol.upper() for symbol in listed]


def span_of(start: Day, end: Day) -> Span:
    """Give a range of days, both included. Raises QueryError for one that cannot be meant."""
    span = Span(day_of(start), day_of(end))
    if span.start and span.end and span.start > span.end:
        raise QueryError(
            f"the start {span.start} is after the end {span.end}", advice="both are included"
        )
    return span


def day_of(value: Any) -> date | None:
    """Give a day as it was typed or passed. Raises QueryError for what is none."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, datetime):
        return value.date()
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise QueryError(f"no date: {str(value)[:40]!r}", advice="write it YYYY-MM-DD") from error


def moment_of(value: str | datetime) -> datetime:
    """Give a time, UTC where it does not say. Raises QueryError for what is none."""
    try:
        stamp = value if isinstance(value, datetime) else datetime.fromisoformat(value.strip())
    except ValueError as error:
        advice = "write it YYYY-MM-DDTHH:MM:SS+00:00"
        raise QueryError(f"no time: {str(value)[:40]!r}", advice=advice) from error
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
