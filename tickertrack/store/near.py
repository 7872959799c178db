"""What prices hang on near a session: boards, sessions and prices beside it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import date, datetime

from tickertrack.models import DatedBoard, Price, Sitting, TradingDay
from tickertrack.store.stored import SCALE, sightings_on

__all__ = [
    "dated_among",
    "dated_boards",
    "dated_span",
    "prices_in",
    "session_span",
    "sessions_around",
]

# Sessions read beside those that are asked for: more than any price hangs on.
_AROUND = 8


def dated_span(connection: sqlite3.Connection) -> tuple[date, ...]:
    """Give the first and the last session that any board is placed on, if there are any."""
    rows = connection.execute(
        "SELECT (SELECT min(session) FROM sittings WHERE session > ''),"
        " (SELECT max(session) FROM sittings)"
    )
    return tuple(date.fromisoformat(day) for day in next(rows) if day)


def session_span(connection: sqlite3.Connection, market: str) -> tuple[date, ...]:
    """Give the first and the last stored session of a market, if there are any."""
    rows = connection.execute(
        "SELECT (SELECT min(session) FROM sessions WHERE market = ?1),"
        " (SELECT max(session) FROM sessions WHERE market = ?1)",
        (market,),
    )
    return tuple(date.fromisoformat(day) for day in next(rows) if day)


def dated_among(connection: sqlite3.Connection, days: Iterable[date]) -> set[date]:
    """Give those of these days that any board is placed on."""
    rows = connection.execute(
        "SELECT value FROM json_each(?)"
        " WHERE EXISTS (SELECT 1 FROM sittings WHERE session = value)",
        (json.dumps(list(days), default=str),),
    )
    return {date.fromisoformat(row[0]) for row in rows}


def sessions_around(
    connection: sqlite3.Connection, market: str, span: tuple[date, date]
) -> list[TradingDay]:
    """Read the stored sessions of a range, and some before and after it."""
    rows = connection.execute(
        "SELECT session, open_at, close_at, source FROM sessions WHERE market = ?1"
        " AND session >= coalesce((SELECT session FROM sessions WHERE market = ?1 AND session < ?2"
        " ORDER BY session DESC LIMIT 1 OFFSET ?4), '')"
        " AND session <= coalesce((SELECT session FROM sessions WHERE market = ?1 AND session > ?3"
        " ORDER BY session LIMIT 1 OFFSET ?4), '9999') ORDER BY session",
        (market, span[0].isoformat(), span[1].isoformat(), _AROUND),
    )
    return [
        TradingDay(
            session=date.fromisoformat(row["session"]),
            open_at=datetime.fromisoformat(row["open_at"]),
            close_at=datetime.fromisoformat(row["close_at"]),
            source=row["source"],
        )
        for row in rows
    ]


def dated_boards(connection: sqlite3.Connection, sessions: Iterable[date]) -> list[DatedBoard]:
    """Read the boards that are placed on these sessions, without what speaks for it."""
    rows = connection.execute(
        "SELECT page_id, board, session, method FROM json_each(?)"
        " CROSS JOIN sittings ON session = value",
        (json.dumps(list(sessions), default=str),),
    )
    found = {(row[0], row[1]): (date.fromisoformat(row[2]), row[3]) for row in rows}
    shown = sightings_on(connection, sorted({page_id for page_id, _ in found}))
    return [
        DatedBoard(one, Sitting(*key, *found[key], None, {}))
        for one in shown
        if (key := (one.page_id, one.board)) in found
    ]


def prices_in(connection: sqlite3.Connection, sessions: Iterable[date]) -> list[Price]:
    """Read the prices of these sessions, without the times at which they were seen."""
    rows = connection.execute(
        "SELECT symbol, session, price, reference_price, first, high, low, status, quotes, method,"
        " conflict FROM json_each(?) CROSS JOIN prices ON session = value",
        (json.dumps(list(sessions), default=str),),
    )
    return [
        Price(
            symbol=row["symbol"],
            session=date.fromisoformat(row["session"]),
            price=round(row["price"] * SCALE),
            reference_price=_scaled(row["reference_price"]),
            first=_scaled(row["first"]),
            high=_scaled(row["high"]),
            low=_scaled(row["low"]),
            status=row["status"],
            quotes=row["quotes"],
            method=row["method"],
            first_seen=None,
            last_seen=None,
            conflict=row["conflict"],
        )
        for row in rows
    ]


def _scaled(price: float | None) -> int | None:
    return None if price is None else round(price * SCALE)
