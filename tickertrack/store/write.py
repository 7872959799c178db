"""What goes into the database: facts batch by batch, conclusions as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from tickertrack.errors import SourceError
from tickertrack.models import (
    Action,
    IngestReport,
    Page,
    Price,
    Sitting,
    TradingDay,
)
from tickertrack.store.batch import marks, refusal_row, refuse, store_batch
from tickertrack.store.connect import drawn, transaction
from tickertrack.store.facts import Facts, facts_of, stamp_of
from tickertrack.store.linked import mark_changed, priced, store_actions

__all__ = [
    "Conclusions",
    "forget_after",
    "remove_series",
    "store_conclusions",
    "store_facts",
    "store_pages",
    "store_refusals",
    "store_series",
]

SCALE = 10_000

Note = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Conclusions:
    """All that follows from the facts, to be stored as a whole."""

    sittings: Sequence[Sitting]
    prices: Sequence[Price]
    sessions: Sequence[TradingDay]
    actions: Sequence[Action] = ()


def store_pages(
    connection: sqlite3.Connection,
    path: Path,
    pages: Sequence[Page],
    notes: Sequence[Note] = (),
) -> IngestReport:
    """
    Store a batch of pages, each with all that it holds, in one transaction; count the new.

    Notes of what became of their addresses go with them: a page is fetched and stored, or neither.
    """
    return store_facts(connection, path, facts_of(pages, set()), notes)


def store_facts(
    connection: sqlite3.Connection, path: Path, facts: Facts, notes: Sequence[Note] = ()
) -> IngestReport:
    """Store pages that are facts already, as `store_pages` does."""
    with transaction(connection, path):
        report = store_batch(connection, facts)
        for note in notes:
            note(connection)
    return report


def store_refusals(
    connection: sqlite3.Connection, path: Path, errors: Iterable[SourceError]
) -> int:
    """Keep what a source could not read, by file and record or by address; count the new."""
    rows = [
        refusal_row(None, str(error.path), (error.line, error.reason, error.what))
        for error in errors
    ]
    if not rows:
        return 0
    with transaction(connection, path):
        return refuse(connection, rows)


def store_series(
    connection: sqlite3.Connection, path: Path, symbol: str, closes: Iterable[tuple[date, float]]
) -> int:
    """
    Store a daily series of closes as evidence for dating; a day given again is replaced.

    What was known already keeps its time: a question as of then must find it.
    """
    now = stamp_of(datetime.now(UTC))
    rows = [(symbol, day.isoformat(), close, now) for day, close in closes]
    with transaction(connection, path):
        connection.executemany(
            "INSERT INTO reference_closes VALUES (?, ?, ?, ?) ON CONFLICT (symbol, session)"
            " DO UPDATE SET close = excluded.close, stored_at = excluded.stored_at"
            " WHERE close <> excluded.close",
            rows,
        )
    return len(rows)


def remove_series(connection: sqlite3.Connection, path: Path, symbol: str) -> int:
    """Forget an imported series; give the count of its closes."""
    with transaction(connection, path):
        sql = "DELETE FROM reference_closes WHERE symbol = ?"
        return connection.execute(sql, (symbol,)).rowcount


def store_conclusions(
    connection: sqlite3.Connection, path: Path, market: str, draw: Callable[[], Conclusions]
) -> None:
    """Replace all conclusions of pages, in one transaction, by those that `draw` gives."""
    with drawn(connection, path, draw) as conclusions:
        before = priced(connection, market)
        connection.execute("DELETE FROM sittings")
        connection.execute("DELETE FROM prices")
        connection.execute("DELETE FROM sessions WHERE market = ?", (market,))
        connection.executemany(
            "INSERT INTO sittings VALUES (?, ?, ?, ?, ?, ?)",
            map(_sitting_row, conclusions.sittings),
        )
        connection.executemany(
            f"INSERT INTO prices VALUES ({marks(15)})", map(_price_row, conclusions.prices)
        )
        connection.executemany(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
            (_session_row(market, session) for session in conclusions.sessions),
        )
        store_actions(connection, conclusions.actions)
        mark_changed(connection, before, priced(connection, market))


def forget_after(connection: sqlite3.Connection, path: Path, moment: datetime) -> None:
    """Take out the facts that were stored after a moment; for copies in memory only."""
    later = (stamp_of(moment),)
    with transaction(connection, path):
        connection.execute("DELETE FROM pages WHERE stored_at > ?", later)
        connection.execute("DELETE FROM reference_closes WHERE stored_at > ?", later)


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


def added(one: IngestReport, other: IngestReport) -> IngestReport:
    """Add up two reports."""
    return replace(
        one,
        pages=one.pages + other.pages,
        strips=one.strips + other.strips,
        quotes=one.quotes + other.quotes,
        duplicates=one.duplicates + other.duplicates,
        quarantined=one.quarantined + other.quarantined,
        articles=one.articles + other.articles,
    )


def _unscaled(value: int | None) -> float | None:
    return None if value is None else value / SCALE
