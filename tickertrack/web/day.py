"""A day: all its moves beside all its news, also by sector and by what news was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tickertrack.store import browse, news
from tickertrack.store.connect import told
from tickertrack.tracker import Tracker
from tickertrack.web.parts import NEWS_STATUS, move_rows, news_rows
from tickertrack.web.showing import Asked, Page, Row, Turn, missing

__all__ = ["day", "latest"]


def latest(tracker: Tracker, asked: Asked) -> Page | Turn:
    """Turn to the day that was typed, or to the latest session."""
    with told(tracker.path):
        session = asked.choice("of") or browse.latest_session(tracker.reader())
    if session is None:
        return missing("no session has a price yet", "Read some pages: tickertrack ingest PATH")
    return Turn(lambda links: links.to("day", session))


def day(tracker: Tracker, asked: Asked) -> Page:
    """Show a day's moves and news."""
    session = asked.day()
    with told(tracker.path):
        connection = tracker.reader()
        before, after = browse.neighbours(connection, session.isoformat())
        moves = move_rows(tracker, session.isoformat())
        context = {
            "title": f"{session:%-d %B %Y}",
            "session": session.isoformat(),
            "before": before,
            "after": after,
            "hours": browse.session_row(
                connection, tracker.config.market.name, session.isoformat()
            ),
            "coverage": news.coverage_of(connection, session),
            "news": news_rows(tracker, session),
        }
    return Page("day.html", {**context, **_chosen(moves, asked)})


def _chosen(moves: Sequence[Row], asked: Asked) -> Row:
    """Give the moves that the form lets through, and what it offers."""
    form = {name: asked.choice(name) for name in ("sector", "news", "status", "order")}
    tests = ("sector", "sector"), ("news", "news_status"), ("status", "status")
    shown = [row for row in moves if all(form[one] in {"", row[key]} for one, key in tests)]
    if form["order"] == "symbol":
        shown.sort(key=lambda row: row["symbol"])
    else:
        # The indices lead, and stay where they are.
        shown.sort(key=_place)
    stocks = [row for row in moves if not row["is_index"]]
    return {
        "moves": shown,
        "all": len(moves),
        "form": form,
        "sectors": sorted({row["sector"] for row in moves if row["sector"]}),
        "statuses": sorted({row["status"] for row in moves}),
        "news_statuses": list(_news_statuses(stocks)),
        "significant": sum(row["significant"] for row in stocks),
    }


def _place(row: Row) -> tuple[bool, float]:
    return not row["is_index"], 0.0 if row["is_index"] else -abs(row["change_percent"] or 0.0)


def _news_statuses(stocks: Sequence[Row]) -> Iterator[tuple[str, int]]:
    counts = Counter(row["news_status"] for row in stocks)
    yield from ((name, counts[name]) for name in NEWS_STATUS if counts[name])
