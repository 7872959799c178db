"""Symbols, days and times as they are typed or passed, in questions and of pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from tickertrack.errors import QueryError
from tickertrack.store.read import Span
from tickertrack.suggest import likely_day

__all__ = ["Day", "Symbols", "capture_of", "day_of", "moment_of", "names_of", "span_of"]

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
        raise QueryError(f"no date: {str(value)[:40]!r}", advice=_right_form(value)) from error


def moment_of(value: str | date) -> datetime:
    """
    Give a time in UTC: it is UTC where it does not say, and of a bare day the midnight.

    Raises QueryError for what is none.
    """
    try:
        stamp = _stamp(value)
        return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_time(value) from error


def capture_of(value: str | date | None) -> date | None:
    """
    Give when pages were captured: a time in whole seconds of UTC, or a bare day.

    Raises QueryError for what is neither, and for days on which no page was captured.
    """
    if value is None:
        return None
    # Imported where it is used: questions need no reader of pages.
    from tickertrack.pages.dates import captured_of  # noqa: PLC0415

    try:
        return captured_of(value)
    except ValueError as error:
        raise QueryError(f"no time of capture: {error}") from error


def _right_form(value: object) -> str:
    form = "write it YYYY-MM-DD"
    likely = likely_day(str(value)[:40], datetime.now().astimezone().date())
    return f"{form}: did you mean {likely}?" if likely else form


def _stamp(value: str | date) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())


def _no_time(value: object) -> QueryError:
    advice = "write it YYYY-MM-DDTHH:MM:SS+00:00, or just the day"
    return QueryError(f"no time: {str(value)[:40]!r}", advice=advice)
