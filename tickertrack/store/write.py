"""What goes into the database: facts, batch by batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from tickertrack.errors import SourceError
from tickertrack.models import IngestReport, Page
from tickertrack.store.batch import refusal_row, refuse, store_batch
from tickertrack.store.connect import transaction
from tickertrack.store.facts import Row, facts_of, stamp_of

__all__ = ["error_rows", "remove_series", "store_pages", "store_refusals", "store_series"]


Note = Callable[[sqlite3.Connection], None]


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
    facts = facts_of(pages, set())
    with transaction(connection, path):
        report = store_batch(connection, facts, {})
        for note in notes:
            note(connection)
    return report


def store_refusals(
    connection: sqlite3.Connection, path: Path, errors: Iterable[SourceError]
) -> int:
    """Keep what a source could not read, by file and record or by address; count the new."""
    rows = error_rows(errors)
    if not rows:
        return 0
    with transaction(connection, path):
        return refuse(connection, rows)


def error_rows(errors: Iterable[SourceError]) -> list[Row]:
    """Make rows of `quarantine` of what a source could not read."""
    return [
        refusal_row(None, str(error.path), (error.line, error.reason, error.what))
        for error in errors
    ]


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
