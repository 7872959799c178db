"""Questions about prices and quotes, and their answers: as rows, or as values in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

__all__ = [
    "COVERAGE",
    "HISTORY",
    "LATEST",
    "QUARANTINE",
    "QUOTES",
    "Question",
    "Span",
    "batches",
    "coverage",
    "coverage_counts",
    "history",
    "holdings",
    "known_symbols",
    "latest",
    "quarantine",
    "quotes",
    "rows",
]

Row = dict[str, Any]
Values = tuple[Any, ...]

HISTORY = (
    "symbol",
    "session",
    "price",
    "reference_price",
    "change",
    "change_percent",
    "first",
    "high",
    "low",
    "status",
    "quotes",
    "method",
)
LATEST = (*HISTORY, "last_seen")
QUOTES = (
    "symbol",
    "session",
    "method",
    "confidence",
    "captured_at",
    "page_date",
    "published_at",
    "price",
    "reference_price",
    "change",
    "percent",
    "direction",
    "verdict",
    "url",
    "raw",
)
COVERAGE = ("symbol", "session", "coverage", "status", "quotes", "conflict")
QUARANTINE = ("url", "file", "line", "reason", "raw")

# Rows that are read at one time.
_BATCH = 2_000
# A page that has no URL of its own is named by its file, so that every row can be traced.
_ADDRESS = (
    "coalesce(url, CASE file WHEN '-' THEN NULL ELSE 'file://' || file"
    " || CASE offset WHEN 0 THEN '' ELSE '#' || offset END END)"
)


class Span(NamedTuple):
    """A range of sessions, both ends included; None is open."""

    start: date | None = None
    end: date | None = None

    def where(self, column: str) -> tuple[str, list[str]]:
        """Give the range as SQL and its parameters; of an open one NULL is part too."""
        if self.start is None and self.end is None:
            # Not from 0000 to 9999: SQLite would look every row up in the index of sessions.
            return "1", []
        low = self.start.isoformat() if self.start else "0000"
        high = self.end.isoformat() if self.end else "9999"
        return f"{column} BETWEEN ? AND ?", [low, high]


class Question(NamedTuple):
    """A question in SQL, its values, and the columns of its answer."""

    sql: str
    values: Sequence[object]
    columns: Sequence[str]


def rows(connection: sqlite3.Connection, question: Question) -> list[Row]:
    """Read an answer as rows."""
    names = question.columns
    return [dict(zip(names, row, strict=True)) for row in _answer(connection, question)]


def batches(connection: sqlite3.Connection, question: Question) -> Iterator[list[Values]]:
    """Read an answer in batches of bare values, so that none is too large to be held."""
    answer = _answer(connection, question)
    while batch := answer.fetchmany(_BATCH):
        yield batch


def history(symbols: Sequence[str], span: Span) -> Question:
    """Ask for rows of `prices`; no symbols means all of them."""
    where, values = span.where("session")
    chosen, names = _any_of("symbol", symbols)
    columns = ", ".join(HISTORY)
    sql = f"SELECT {columns} FROM prices WHERE {chosen} AND {where} ORDER BY symbol, session"
    return Question(sql, [*names, *values], HISTORY)


def latest(symbols: Sequence[str]) -> Question:
    """Ask for the last row of `prices` of each symbol, and when a page last showed it."""
    chosen, names = _any_of("symbol", symbols)
    last = f"SELECT symbol, max(session) AS session FROM prices WHERE {chosen} GROUP BY symbol"
    columns = ", ".join(LATEST)
    sql = f"SELECT {columns} FROM ({last}) JOIN prices USING (symbol, session) ORDER BY symbol"
    return Question(sql, names, LATEST)


def quotes(symbols: Sequence[str], span: Span) -> Question:
    """Ask for every observed line, a row per page that shows it; undated ones outside of ranges."""
    where, values = span.where("sittings.session")
    chosen, names = _any_of("quotes.symbol", symbols)
    return Question(
        "SELECT symbol, session, method, confidence, captured_at, page_date, published_at, price,"
        f" reference_price, change, percent, direction, verdict, {_ADDRESS} AS url, raw"
        " FROM quotes JOIN pages ON pages.strip_id = quotes.strip_id"
        " LEFT JOIN sittings ON sittings.page_id = pages.id AND sittings.board = quotes.board"
        f" WHERE {chosen} AND {where}"
        " ORDER BY symbol, session IS NULL, session, captured_at, pages.id, quotes.line",
        [*names, *values],
        QUOTES,
    )


def coverage(symbols: Sequence[str], span: Span) -> Question:
    """
    Ask for sessions by symbols: captured, implied, missing or conflicting.

    Missing are the sessions between a symbol's first and last price that have none.
    """
    where, values = span.where("sessions.session")
    chosen, names = _any_of("symbol", symbols)
    return Question(
        "WITH ranges AS (SELECT symbol, min(session) AS since, max(session) AS until FROM prices"
        f" WHERE {chosen} GROUP BY symbol)"
        " SELECT ranges.symbol, sessions.session, CASE WHEN prices.price IS NULL THEN 'missing'"
        " WHEN conflict IS NOT NULL THEN 'conflicting' WHEN quotes = 0 THEN 'implied'"
        " ELSE 'captured' END AS coverage, status, coalesce(quotes, 0) AS quotes, conflict"
        " FROM ranges JOIN sessions ON sessions.session BETWEEN since AND until"
        " LEFT JOIN prices ON prices.symbol = ranges.symbol AND prices.session = sessions.session"
        f" WHERE {where} ORDER BY ranges.symbol, sessions.session",
        [*names, *values],
        COVERAGE,
    )


def coverage_counts(
    connection: sqlite3.Connection, symbols: Sequence[str], span: Span
) -> dict[str, int]:
    """
    Count the prices of symbols in a range that were captured and implied, and sessions without one.

    Missing are the sessions between a symbol's first and last price in the range that have none.
    """
    where, values = span.where("session")
    chosen, names = _any_of("symbol", symbols)
    series = (
        "SELECT count(*) AS prices, sum(quotes = 0) AS implied, min(session) AS since,"
        f" max(session) AS until FROM prices WHERE {chosen} AND {where} GROUP BY symbol"
    )
    between = "(SELECT count(*) FROM sessions WHERE session BETWEEN since AND until)"
    captured, implied, missing = connection.execute(
        "SELECT coalesce(sum(prices - implied), 0), coalesce(sum(implied), 0),"
        f" coalesce(sum(max({between} - prices, 0)), 0) FROM ({series})",
        [*names, *values],
    ).fetchone()
    return {"captured": captured, "implied": implied, "missing": missing}


def quarantine() -> Question:
    """Ask for what was refused, and why."""
    return Question(
        "SELECT url, quarantine.file, line, reason, raw FROM quarantine"
        " LEFT JOIN pages ON pages.id = page_id ORDER BY reason, quarantine.file, url, line",
        [],
        QUARANTINE,
    )


def dating(connection: sqlite3.Connection) -> tuple[int, int]:
    """Count the boards, and the undated among them."""
    boards, undated = connection.execute(
        "SELECT count(*), coalesce(sum(session IS NULL), 0) FROM sittings"
    ).fetchone()
    return boards, undated


def holdings(connection: sqlite3.Connection, market: str) -> Row:
    """Count what is held: pages, symbols, the sessions with a price; and the first and last."""
    (pages,) = connection.execute("SELECT count(*) FROM pages").fetchone()
    # By the sessions, which are few, and the index of prices by session.
    sessions, first, last = connection.execute(
        "SELECT count(*), min(session), max(session) FROM sessions WHERE market = ?"
        " AND EXISTS (SELECT 1 FROM prices WHERE prices.session = sessions.session)",
        (market,),
    ).fetchone()
    held = {"pages": pages, "symbols": len(known_symbols(connection)), "sessions": sessions}
    return {**held, "first session": first, "last session": last}


def series_fit(connection: sqlite3.Connection, symbol: str) -> tuple[int, int]:
    """Count a symbol's distinct reference prices, and those that an imported close explains."""
    known, explained = connection.execute(
        "SELECT count(*), coalesce(sum(EXISTS (SELECT 1 FROM reference_closes AS r"
        " WHERE r.symbol = ?1 AND abs(r.close - q.reference_price) <= 0.6)), 0)"
        " FROM (SELECT DISTINCT reference_price FROM quotes WHERE symbol = ?1) AS q",
        (symbol,),
    ).fetchone()
    return known, explained


def known_symbols(connection: sqlite3.Connection) -> list[str]:
    """List the symbols that any quote names."""
    # From one to the next by the index: DISTINCT would read each of millions of its entries.
    rows = connection.execute(
        "WITH RECURSIVE known (symbol) AS (SELECT min(symbol) FROM quotes UNION ALL"
        " SELECT (SELECT min(symbol) FROM quotes WHERE symbol > known.symbol) FROM known"
        " WHERE symbol IS NOT NULL)"
        " SELECT symbol FROM known WHERE symbol IS NOT NULL ORDER BY symbol"
    )
    return [row[0] for row in rows]


def _any_of(column: str, symbols: Iterable[str]) -> tuple[str, list[str]]:
    names = list(symbols)
    return (f"{column} IN ({', '.join('?' * len(names))})", names) if names else ("1", [])


def _answer(connection: sqlite3.Connection, question: Question) -> sqlite3.Cursor:
    cursor = connection.cursor()
    # Of plain tuples: what is made of a sqlite3.Row takes half as long again.
    cursor.row_factory = None
    return cursor.execute(question.sql, question.values)
