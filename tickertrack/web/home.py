"""The first page: the latest session, its movers and news, what is new, and how the jobs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from tickertrack.health import health
from tickertrack.lock import holder
from tickertrack.shift import utc_now
from tickertrack.store import browse, news
from tickertrack.store.connect import told
from tickertrack.store.runs import run_rows
from tickertrack.tracker import Tracker
from tickertrack.web.parts import move_rows, news_rows
from tickertrack.web.render import way
from tickertrack.web.showing import Asked, Page, Row

__all__ = ["home"]

_MOVERS, _HEADLINES, _RUNS, _SPARK = 8, 8, 5, 60


def home(tracker: Tracker, _asked: Asked) -> Page:
    """Show the latest session that has a price."""
    with told(tracker.path):
        connection = tracker.reader()
        session = browse.latest_session(connection)
        shown = {
            "title": "Latest session",
            "findings": health(tracker, utc_now(), holder(tracker.path)),
            "freshness": browse.freshness(connection),
            "runs": run_rows(connection, None, _RUNS),
        }
        if session is None:
            return Page("empty.html", shown)
        return Page("home.html", {**shown, **_session(tracker, session)})


def _session(tracker: Tracker, session: str) -> Row:
    moves = move_rows(tracker, session)
    stocks = [row for row in moves if not row["is_index"]]
    connection = tracker.reader()
    return {
        "session": session,
        "before": browse.neighbours(connection, session)[0],
        "up": _movers(stocks, 1),
        "down": _movers(stocks, -1),
        "breadth": Counter(way(row["change"]) for row in stocks if row["change"] is not None),
        "indices": _indices(tracker, moves),
        "statuses": Counter(row["status"] for row in moves),
        "coverage": news.coverage_of(connection, date.fromisoformat(session)),
        "headlines": news_rows(tracker, session)[::-1][:_HEADLINES],
        "significant": sum(row["significant"] for row in stocks),
        "news_statuses": Counter(row["news_status"] for row in stocks),
    }


def _movers(stocks: Sequence[Row], sign: int) -> list[Row]:
    moved = [row for row in stocks if sign * (row["change_percent"] or 0) > 0]
    return sorted(moved, key=lambda row: -sign * row["change_percent"])[:_MOVERS]


def _indices(tracker: Tracker, moves: Sequence[Row]) -> list[Row]:
    """Give the indices with their last closes."""
    listed = (row for row in moves if row["is_index"])
    return [{**row, "closes": _closes(tracker, row)} for row in listed]


def _closes(tracker: Tracker, row: Row) -> list[float]:
    connection = tracker.reader()
    closes = browse.closes_before(connection, row["symbol"], row["session"], _SPARK)
    return [price for _, price in closes]
