"""Sources and coverage: a year of sessions at a glance, a month of them by symbols."""

from __future__ import annotations

from calendar import Calendar, monthrange
from collections.abc import Mapping
from datetime import date

from tickertrack.errors import QueryError
from tickertrack.store import browse, news
from tickertrack.store.connect import told
from tickertrack.store.fetches import host_rows
from tickertrack.store.read import Span
from tickertrack.tracker import Tracker
from tickertrack.web.parts import named
from tickertrack.web.showing import Asked, Page, Row

__all__ = ["coverage"]

_SYMBOLS = 60
_STEPS = 4
_WEEKDAYS = 5

Counts = Mapping[str, int]


def coverage(tracker: Tracker, asked: Asked) -> Page:
    """Show a year's sessions by how many symbols have a price, and one month by symbols."""
    with told(tracker.path):
        connection = tracker.reader()
        reach = browse.reach(connection)
        shown = {"title": "Sources and coverage", "hosts": host_rows(connection)}
        if reach is None:
            return Page("coverage.html", {**shown, "month": None})
        month = _month(asked.choice("month") or reach[1][:7])
        span = Span(month, month.replace(day=monthrange(month.year, month.month)[1]))
        context = {
            **shown,
            "month": month.isoformat()[:7],
            "month_name": f"{month:%B %Y}",
            "years": range(int(reach[0][:4]), int(reach[1][:4]) + 1),
            "sources": browse.sources(connection, span),
            **_year(tracker, month.year),
            **_grid(tracker, span, asked),
        }
    return Page("coverage.html", context)


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text[:7]}-01")
    except ValueError as error:
        raise QueryError(f"no month: {text[:20]!r}", advice="write it YYYY-MM") from error


def _year(tracker: Tracker, year: int) -> Row:
    """Lay out a year's months by weeks, with how full each session is."""
    span, connection = Span(date(year, 1, 1), date(year, 12, 31)), tracker.reader()
    prices = browse.prices_by_session(connection, span)
    articles = news.articles_by_session(connection, span)
    sessions = browse.sessions_in(connection, tracker.config.market.name, span)
    full = max(prices.values(), default=1)
    months = [
        {
            "key": f"{year}-{number:02}",
            "name": f"{date(year, number, 1):%B}",
            "weeks": [
                [
                    _cell(day, prices, articles, full) if day and str(day) in sessions else day
                    for day in week
                ]
                for week in _weeks(year, number, sessions)
            ],
        }
        for number in range(1, 13)
    ]
    return {"year": year, "months": months, "fullest": full}


def _weeks(year: int, month: int, sessions: set[str]) -> list[list[date | None]]:
    """List a month's weeks, Monday to Friday, or to Sunday where that was traded on."""
    weeks = Calendar().monthdatescalendar(year, month)
    last = max((day.weekday() for week in weeks for day in week if str(day) in sessions), default=4)
    days = max(_WEEKDAYS, last + 1)
    return [
        [day if day.month == month else None for day in week[:days]]
        for week in weeks
        if any(day.month == month for day in week[:days])
    ]


def _cell(day: date, prices: Counts, articles: Counts, full: int) -> Row:
    count = prices.get(str(day), 0)
    # An empty session is no step of its own: that nothing is known is what matters most.
    step = min(1 + (_STEPS * count - 1) // full, _STEPS) if count else 0
    return {"day": day, "prices": count, "articles": articles.get(str(day), 0), "step": step}


def _grid(tracker: Tracker, span: Span, asked: Asked) -> Row:
    """Lay out a month: a row of letters for each of some symbols."""
    connection = tracker.reader()
    sector = asked.choice("sector")
    known = named(tracker, ({"symbol": name} for name in browse.priced_symbols(connection)))
    chosen = [row for row in known if sector in {"", row["sector"]}]
    first = _place(asked.choice("from"), len(chosen))
    part = chosen[first : first + _SYMBOLS]
    cells = browse.coverage_cells(connection, [row["symbol"] for row in part], span)
    sessions = browse.sessions_in(connection, tracker.config.market.name, span)
    return {
        "sessions": sorted(sessions),
        "grid": [{**row, "cells": cells.get(row["symbol"], {})} for row in part],
        "sector": sector,
        "sectors": sorted({row["sector"] for row in known if row["sector"]}),
        "first": first,
        "per_page": _SYMBOLS,
        "chosen": len(chosen),
    }


def _place(text: str, count: int) -> int:
    """Give where a part of a list begins, within the list."""
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
    return min(asked, max(count - 1, 0)) // _SYMBOLS * _SYMBOLS
