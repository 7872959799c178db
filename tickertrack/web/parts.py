"""What several pages show: rows with the names of their symbols, and the news of a session."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tickertrack.asking import is_significant
from tickertrack.markets import symbols_of
from tickertrack.store import browse, news
from tickertrack.tracker import Tracker
from tickertrack.web.showing import Row

__all__ = ["NEWS_STATUS", "is_lower", "is_symbol", "move_rows", "named", "news_rows"]

# What a move's news may be, the closest relation first.
NEWS_STATUS = (
    *("about_found", "mention_found", "sector_only", "market_only"),
    *("no_news_found", "no_source_read"),
)


def move_rows(tracker: Tracker, session: str) -> list[Row]:
    """Read a session's moves, judged and named: the index that they are measured by first."""
    indices, first = tracker.market().indices, tracker.config.market.index
    rows = named(tracker, tracker.move_rows((), session, session))
    for row in rows:
        row["significant"] = is_significant(row)
        row["is_index"] = row["symbol"] in indices
        if row["is_index"]:
            # Of an index no news is sought: the market's is every stock's.
            row["news_status"] = None
    return sorted(
        rows, key=lambda row: (row["symbol"] != first, not row["is_index"], row["symbol"])
    )


def named(tracker: Tracker, rows: Iterable[Row]) -> list[Row]:
    """Add the name and the sector of each row's symbol, where the market lists it."""
    listed = symbols_of(tracker.market())
    found = []
    for row in rows:
        one = listed.get(row["symbol"])
        found.append({**row, "name": one.name if one else "", "sector": one.sector if one else ""})
    return found


def is_symbol(tracker: Tracker, name: str) -> bool:
    """Say whether a page shows a symbol, or the market lists it."""
    return name in symbols_of(tracker.market()) or name in tracker.symbols()


def is_lower(tracker: Tracker, name: str) -> bool:
    """Say whether a name is a symbol only in capitals, as all of them are stored and listed."""
    return name != name.upper() and is_symbol(tracker, name.upper())


def news_rows(tracker: Tracker, session: str | date) -> list[Row]:
    """Read a session's articles with what each is about."""
    connection = tracker.reader()
    about = browse.about_of_session(connection, str(session))
    rows = news.news_of_session(connection, str(session))
    return [{**row, "about": about.get(row["article_id"], [])} for row in rows]
