"""A price series as a picture shows it: a point for every session, what is missing among them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from tickertrack.markets import Market

__all__ = ["SYMBOLS", "Course", "Kind", "Point", "courses", "spark"]

Row = Mapping[str, Any]
Kind = Literal["seen", "implied", "provisional", "missing"]

# So many charts are looked at together.
SYMBOLS = 12
_MARKED: dict[str, Kind] = {"implied": "implied", "provisional": "provisional"}


class Point(NamedTuple):
    """A session of a course; without a price it is missing, and without a quote it has no range."""

    session: str
    price: float | None
    low: float | None
    high: float | None
    kind: Kind


class Course(NamedTuple):
    """A symbol's points, session by session, from its first price to its last, and their unit."""

    symbol: str
    unit: str | None
    points: Sequence[Point]

    def prices(self) -> list[float]:
        """List the prices that are known."""
        return [point.price for point in self.points if point.price is not None]

    def title(self) -> str:
        """Name the symbol, what its prices are in, and how many sessions have one."""
        known, first, last = self.prices(), self.points[0].session, self.points[-1].session
        unit = f" ({self.unit})" if self.unit else ""
        sessions = f"{len(known)} session{'' if len(known) == 1 else 's'}"
        days = first if first == last else f"{first} to {last}"
        return f"{self.symbol}{unit}, {days}: {sessions}, last {known[-1]:,.2f}"


def courses(rows: Iterable[Row], sessions: Sequence[str], market: Market) -> list[Course]:
    """
    Make the courses of rows of `prices`, which are sorted by symbol and session.

    `sessions` are the market's, sorted; those between a symbol's first and last price that have
    none become points without a price.
    """
    found: dict[str, dict[str, Point]] = {}
    for row in rows:
        found.setdefault(row["symbol"], {})[row["session"]] = _point(row)
    return [
        Course(symbol, _unit(symbol, market), _filled(points, sessions))
        for symbol, points in found.items()
    ]


def spark(priced: Mapping[str, float], window: Sequence[str], letters: str) -> str:
    """
    Draw the prices of a window of sessions, a letter for each.

    The first letter is for a session without a price, the others go from low to high; prices that
    are all the same stand at half height.
    """
    known = [priced[session] for session in window if session in priced]
    low, high = min(known, default=0.0), max(known, default=0.0)
    gap, levels = letters[0], letters[1:]
    return "".join(
        levels[round(_share(priced[session], low, high) * (len(levels) - 1))]
        if session in priced
        else gap
        for session in window
    )


def _share(price: float, low: float, high: float) -> float:
    return (price - low) / (high - low) if high > low else 0.5


def _unit(symbol: str, market: Market) -> str | None:
    # An index is no sum of money.
    return "points" if market.board_of(symbol) == "index" else market.currency


def _point(row: Row) -> Point:
    kind = _MARKED.get(row["status"], "seen")
    return Point(row["session"], row["price"], row["low"], row["high"], kind)


def _filled(points: Mapping[str, Point], sessions: Sequence[str]) -> list[Point]:
    low = bisect_left(sessions, min(points))
    between = sessions[low : bisect_right(sessions, max(points))]
    days = sorted({*points, *between})
    return [points.get(day) or Point(day, None, None, None, "missing") for day in days]
