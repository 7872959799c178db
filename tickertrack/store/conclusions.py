"""What goes into the database of conclusions: all of them, or those rows that differ."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tickertrack.models import Action, Price, Sitting, TradingDay
from tickertrack.store.batch import marks
from tickertrack.store.connect import drawn
from tickertrack.store.drawn import (
    Basis,
    Memory,
    asked,
    forget_memory,
    store_basis,
    store_memory,
)
from tickertrack.store.facts import stamp_of
from tickertrack.store.linked import action_row, mark_changed, priced, store_actions
from tickertrack.store.stored import SCALE

__all__ = [
    "Conclusions",
    "replace_actions",
    "replace_prices",
    "replace_sessions",
    "replace_sittings",
    "store_conclusions",
]

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Conclusions:
    """All that follows from the facts, to be stored as a whole; with what it rests on."""

    sittings: Sequence[Sitting]
    prices: Sequence[Price]
    sessions: Sequence[TradingDay]
    actions: Sequence[Action] = ()
    memory: Memory = field(default_factory=Memory)
    basis: Basis | None = None


def store_conclusions(
    connection: sqlite3.Connection, path: Path, market: str, draw: Callable[[], Conclusions]
) -> None:
    """Replace all conclusions of pages, in one transaction, by those that `draw` gives."""
    with drawn(connection, path, draw) as conclusions:
        before = priced(connection, market)
        for table in ("sittings", "prices", "actions"):
            connection.execute(f"DELETE FROM {table}")
        forget_memory(connection)
        connection.executemany(_INTO_SITTINGS, map(_sitting_row, conclusions.sittings))
        connection.executemany(_INTO_PRICES, map(_price_row, conclusions.prices))
        connection.execute("DELETE FROM sessions WHERE market = ?", (market,))
        _insert_sessions(connection, market, conclusions.sessions)
        store_actions(connection, conclusions.actions)
        store_memory(connection, conclusions.memory)
        store_basis(connection, conclusions.basis)
        mark_changed(connection, before, priced(connection, market))


def replace_sessions(
    connection: sqlite3.Connection,
    market: str,
    days: Iterable[date],
    sessions: Iterable[TradingDay],
) -> set[date]:
    """Replace those of these days that came or went as sessions of a market; give them."""
    rows = connection.execute(
        "SELECT sessions.session, source FROM json_each(?1)"
        " CROSS JOIN sessions ON market = ?2 AND sessions.session = value",
        (json.dumps(sorted(days), default=str), market),
    )
    before = set(map(tuple, rows))
    after = {(day.session.isoformat(), day.source): day for day in sessions}
    connection.executemany(
        "DELETE FROM sessions WHERE (market, session) = (?, ?)",
        ((market, row[0]) for row in sorted(before - after.keys())),
    )
    _insert_sessions(connection, market, (after[row] for row in sorted(after.keys() - before)))
    return {date.fromisoformat(row[0]) for row in before ^ after.keys()}


def _insert_sessions(
    connection: sqlite3.Connection, market: str, sessions: Iterable[TradingDay]
) -> None:
    connection.executemany(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
        (_session_row(market, day) for day in sessions),
    )


def replace_sittings(connection: sqlite3.Connection, sittings: Iterable[Sitting]) -> set[date]:
    """Replace sittings that are others now; give the sessions of which a board came or went."""
    rows = [_sitting_row(sitting) for sitting in sittings]
    before = {row[:2]: row for row in _tuples(connection, "sittings", {row[0] for row in rows})}
    changed = [row for row in rows if before.get(row[:2]) != row]
    connection.executemany(_INTO_SITTINGS.replace("INSERT", "INSERT OR REPLACE"), changed)
    pairs = ((before.get(row[:2], (None,) * 4)[2:4], row[2:4]) for row in changed)
    moved = (both for both in pairs if both[0] != both[1])
    return {date.fromisoformat(str(one[0])) for both in moved for one in both if one[0]}


def replace_prices(
    connection: sqlite3.Connection, sessions: Iterable[date], prices: Iterable[Price]
) -> None:
    """Replace those prices of sessions that are others now."""
    after = set(map(_price_row, prices))
    _replace(connection, "prices", sessions, after)


def replace_actions(
    connection: sqlite3.Connection, sessions: Iterable[date], actions: Iterable[Action]
) -> None:
    """Replace those proposed actions of sessions that are others now."""
    _replace(connection, "actions", sessions, set(map(action_row, actions)))


def _replace(
    connection: sqlite3.Connection, table: str, sessions: Iterable[date], after: set[Row]
) -> None:
    before = set(_tuples(connection, table, sessions))
    connection.executemany(
        f"DELETE FROM {table} WHERE (symbol, session) = (?, ?)",
        sorted(row[:2] for row in before - after),
    )
    new = sorted(after - before, key=lambda row: row[:2])
    if new:
        connection.executemany(f"INSERT INTO {table} VALUES ({marks(len(new[0]))})", new)


def _tuples(
    connection: sqlite3.Connection, what: str, ids: Iterable[object]
) -> Iterator[tuple[object, ...]]:
    return map(tuple, asked(connection, what, ids))


_INTO_SITTINGS = "INSERT INTO sittings VALUES (?, ?, ?, ?, ?, ?)"
_INTO_PRICES = f"INSERT INTO prices VALUES ({', '.join('?' * 15)})"


def _sitting_row(sitting: Sitting) -> tuple[object, ...]:
    session = sitting.session.isoformat() if sitting.session else None
    evidence = json.dumps(sitting.evidence, ensure_ascii=False, sort_keys=True)
    return (
        sitting.page_id,
        sitting.board,
        session,
        sitting.method,
        sitting.confidence,
        evidence,
    )


def _price_row(price: Price) -> tuple[object, ...]:
    change = None if price.reference_price is None else price.price - price.reference_price
    percent = None
    if change is not None and price.reference_price:
        percent = round(100 * change / price.reference_price, 2)
    return (
        price.symbol,
        price.session.isoformat(),
        _unscaled(price.price),
        _unscaled(price.reference_price),
        _unscaled(change),
        percent,
        _unscaled(price.first),
        _unscaled(price.high),
        _unscaled(price.low),
        price.status,
        price.quotes,
        price.method,
        stamp_of(price.first_seen) if price.first_seen else None,
        stamp_of(price.last_seen) if price.last_seen else None,
        price.conflict,
    )


def _session_row(market: str, day: TradingDay) -> tuple[object, ...]:
    return (
        market,
        day.session.isoformat(),
        stamp_of(day.open_at),
        stamp_of(day.close_at),
        day.source,
    )


def _unscaled(value: int | None) -> float | None:
    return None if value is None else value / SCALE
