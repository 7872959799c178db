"""What comes out of the database: facts for the conclusions, rows for the questions."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tickertrack.models import Member, Published, Sighting, Sitting

__all__ = [
    "COVERAGE",
    "HISTORY",
    "QUARANTINE",
    "QUOTES",
    "coverage",
    "history",
    "known_symbols",
    "member_of",
    "quarantine",
    "quotes",
    "series",
    "sightings",
    "sightings_on",
    "sittings",
]

Row = dict[str, Any]

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

SCALE = 10_000
# A page that has no URL of its own is named by its file, so that every row can be traced.
_ADDRESS = (
    "coalesce(url, CASE file WHEN '-' THEN NULL ELSE 'file://' || file"
    " || CASE offset WHEN 0 THEN '' ELSE '#' || offset END END)"
)
_FIT = "('ok', 'out_of_range')"


@dataclass(frozen=True, slots=True)
class Span:
    """A range of sessions, both ends included; None is open."""

    start: date | None = None
    end: date | None = None

    def where(self, column: str) -> tuple[str, list[str]]:
        """Give the range as SQL and its parameters."""
        low = self.start.isoformat() if self.start else "0000"
        high = self.end.isoformat() if self.end else "9999"
        return f"{column} BETWEEN ? AND ?", [low, high]


def sightings(connection: sqlite3.Connection) -> Iterator[Sighting]:
    """Read every board that a page shows, of quotes fit to witness, with the page's dates."""
    yield from _sightings(connection, "pages", "quotes", ())


def sightings_on(connection: sqlite3.Connection, pages: Iterable[int]) -> Iterator[Sighting]:
    """Read the boards that these pages show."""
    shown = "json_each(?) AS asked CROSS JOIN pages ON pages.id = asked.value"
    lines = (
        f"(SELECT DISTINCT pages.strip_id AS own FROM {shown}) AS shown"
        " CROSS JOIN quotes ON quotes.strip_id = own"
    )
    yield from _sightings(connection, shown, lines, (json.dumps(list(pages)),))


def _sightings(
    connection: sqlite3.Connection, pages: str, lines: str, values: Sequence[str]
) -> Iterator[Sighting]:
    boards = _boards(connection, lines, values)
    rows = connection.execute(
        "SELECT pages.id, strip_id, captured_at, page_date, published_at, published_precision,"
        f" publisher, strips.dialect FROM {pages} JOIN strips ON strips.id = strip_id"
        " ORDER BY pages.id",
        values,
    )
    for row in rows:
        member = member_of(row[:6])
        for board, prices, references in boards.get(member.strip_id, ()):
            yield Sighting(
                page_id=member.page_id,
                strip_id=member.strip_id,
                board=board,
                publisher=row["publisher"] or "",
                dialect=row["dialect"],
                prices=prices,
                references=references,
                captured_at=member.captured_at,
                page_date=member.page_date,
                published=member.published,
            )


def member_of(row: Sequence[Any]) -> Member:
    """Give a page by its id, strip, capture time, page date, and when it was published."""
    page_id, strip_id, captured_at, page_date, published_at, precision = row
    return Member(
        page_id=page_id,
        strip_id=strip_id,
        captured_at=_moment(captured_at),
        page_date=date.fromisoformat(page_date) if page_date else None,
        published=_published(published_at, precision),
    )


def sittings(connection: sqlite3.Connection) -> Iterator[Sitting]:
    """Read where each board of each page was placed."""
    for row in connection.execute("SELECT * FROM sittings ORDER BY page_id, board"):
        yield Sitting(
            page_id=row["page_id"],
            board=row["board"],
            session=date.fromisoformat(row["session"]) if row["session"] else None,
            method=row["method"],
            confidence=row["confidence"],
            evidence=json.loads(row["evidence"]),
        )


def series(connection: sqlite3.Connection) -> dict[str, dict[date, int]]:
    """Read the imported daily closes, in 1/10,000, by symbol and day."""
    found: dict[str, dict[date, int]] = defaultdict(dict)
    for symbol, session, close in connection.execute(
        "SELECT symbol, session, close FROM reference_closes ORDER BY symbol, session"
    ):
        found[symbol][date.fromisoformat(session)] = round(close * SCALE)
    return dict(found)


def history(connection: sqlite3.Connection, symbols: Sequence[str], span: Span) -> list[Row]:
    """Read rows of `prices`; no symbols means all of them."""
    where, values = span.where("session")
    chosen, names = _any_of("symbol", symbols)
    columns = ", ".join(HISTORY)
    sql = f"SELECT {columns} FROM prices WHERE {chosen} AND {where} ORDER BY symbol, session"
    return _rows(connection, sql, [*names, *values])


def quotes(connection: sqlite3.Connection, symbols: Sequence[str], span: Span) -> list[Row]:
    """Read every observed line, a row per page that shows it; undated ones outside of ranges."""
    where, values = span.where("sittings.session")
    if span.start is None and span.end is None:
        where, values = "1", []
    chosen, names = _any_of("quotes.symbol", symbols)
    return _rows(
        connection,
        "SELECT symbol, session, method, confidence, captured_at, page_date, published_at, price,"
        f" reference_price, change, percent, direction, verdict, {_ADDRESS} AS url, raw"
        " FROM quotes JOIN pages ON pages.strip_id = quotes.strip_id"
        " LEFT JOIN sittings ON sittings.page_id = pages.id AND sittings.board = quotes.board"
        f" WHERE {chosen} AND {where}"
        " ORDER BY symbol, session IS NULL, session, captured_at, pages.id, quotes.line",
        [*names, *values],
    )


def coverage(connection: sqlite3.Connection, symbols: Sequence[str], span: Span) -> list[Row]:
    """
    Read sessions by symbols: captured, implied, missing or conflicting.

    Missing are the sessions between a symbol's first and last price that have none.
    """
    where, values = span.where("sessions.session")
    chosen, names = _any_of("symbol", symbols)
    return _rows(
        connection,
        "WITH ranges AS (SELECT symbol, min(session) AS since, max(session) AS until FROM prices"
        f" WHERE {chosen} GROUP BY symbol)"
        " SELECT ranges.symbol, sessions.session, CASE WHEN prices.price IS NULL THEN 'missing'"
        " WHEN conflict IS NOT NULL THEN 'conflicting' WHEN quotes = 0 THEN 'implied'"
        " ELSE 'captured' END AS coverage, status, coalesce(quotes, 0) AS quotes, conflict"
        " FROM ranges JOIN sessions ON sessions.session BETWEEN since AND until"
        " LEFT JOIN prices ON prices.symbol = ranges.symbol AND prices.session = sessions.session"
        f" WHERE {where} ORDER BY ranges.symbol, sessions.session",
        [*names, *values],
    )


def quarantine(connection: sqlite3.Connection) -> list[Row]:
    """Read what was refused, and why."""
    return _rows(
        connection,
        "SELECT url, quarantine.file, line, reason, raw FROM quarantine"
        " LEFT JOIN pages ON pages.id = page_id ORDER BY reason, quarantine.file, url, line",
        [],
    )


def dating(connection: sqlite3.Connection) -> tuple[int, int]:
    """Count the boards, and the undated among them."""
    boards, undated = connection.execute(
        "SELECT count(*), coalesce(sum(session IS NULL), 0) FROM sittings"
    ).fetchone()
    return boards, undated


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
    return [row[0] for row in connection.execute("SELECT DISTINCT symbol FROM quotes ORDER BY 1")]


def stored_pages(connection: sqlite3.Connection) -> Iterator[Row]:
    """Read where each page lies, with the hash of its text and its strip's digest."""
    rows = connection.execute(
        "SELECT pages.id, url, publisher, file, offset, length, sha256, captured_at, digest,"
        " capture_basis FROM pages LEFT JOIN strips ON strips.id = strip_id"
        " ORDER BY file, offset, pages.id"
    )
    return (dict(row) for row in rows)


def kept_until(connection: sqlite3.Connection, folder: Path) -> dict[str, int]:
    """Give for each file of a folder where the last page ends that is stored from it."""
    rows = connection.execute(
        "SELECT file, max(offset + length) FROM pages WHERE file >= ?1 AND file < ?1 || '\uffff'"
        " GROUP BY file",
        (f"{folder.absolute()}/",),
    )
    return {row[0]: row[1] for row in rows}


def refused_places(connection: sqlite3.Connection) -> set[tuple[str, int]]:
    """Give file and offset of the archived pages that could not be read."""
    rows = connection.execute(
        "SELECT file, line FROM quarantine WHERE page_id IS NULL AND line IS NOT NULL"
    )
    return {(row[0], row[1]) for row in rows}


def quote_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Read every stored line with its strip's digest, strip by strip."""
    rows = connection.execute(
        "SELECT digest, dialect, line, symbol, price, change, percent, direction, reference_price,"
        " verdict, raw FROM quotes JOIN strips ON strips.id = strip_id ORDER BY strip_id, line"
    )
    return (dict(row) for row in rows)


def _boards(
    connection: sqlite3.Connection, lines: str, values: Sequence[str]
) -> dict[int, list[tuple[Any, ...]]]:
    prices: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    references: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for strip, board, symbol, price, reference in connection.execute(
        f"SELECT strip_id, board, symbol, price, reference_price FROM {lines}"
        f" WHERE verdict IN {_FIT} AND price > 0 AND reference_price > 0 ORDER BY strip_id, line",
        values,
    ):
        prices[strip, board][symbol] = round(price * SCALE)
        references[strip, board][symbol] = round(reference * SCALE)
    boards: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for strip, board in sorted(prices):
        boards[strip].append((board, prices[strip, board], references[strip, board]))
    return boards


def _any_of(column: str, symbols: Iterable[str]) -> tuple[str, list[str]]:
    names = list(symbols)
    return (f"{column} IN ({', '.join('?' * len(names))})", names) if names else ("1", [])


def _rows(connection: sqlite3.Connection, sql: str, values: Sequence[object]) -> list[Row]:
    return [dict(row) for row in connection.execute(sql, values)]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _published(text: str | None, precision: Any) -> Published | None:
    if text is None:
        return None
    stamp = date.fromisoformat(text) if precision == "day" else datetime.fromisoformat(text)
    return Published(stamp, precision)
