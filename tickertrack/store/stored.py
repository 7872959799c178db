"""Facts out of the database: what conclusions are drawn from, and where each page lies."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from tickertrack.models import Board, Member, Published, Shower, Sighting, Sitting

__all__ = [
    "SCALE",
    "boards",
    "kept_until",
    "lines_of",
    "member_of",
    "pages_by_place",
    "published_of",
    "refused_places",
    "series",
    "showers",
    "sightings_on",
    "sittings",
    "stored_page",
]

Row = dict[str, Any]
# Strip and board, last prices, reference prices.
ShownBoard = tuple[tuple[int, Board], dict[str, int], dict[str, int]]

SCALE = 10_000
_FIT = "('ok', 'out_of_range')"


def boards(connection: sqlite3.Connection) -> Iterator[ShownBoard]:
    """Read strip and board, prices and reference prices, of quotes fit to witness, in order."""
    return _boards(connection, "quotes", ())


def showers(connection: sqlite3.Connection) -> Iterator[Shower]:
    """Read the pages that show a strip, with publisher and dialect, in the order of their ids."""
    return _showers(connection, "pages", ())


def sightings_on(connection: sqlite3.Connection, pages: Iterable[int]) -> Iterator[Sighting]:
    """Read the boards that these pages show."""
    shown = "json_each(?) AS asked CROSS JOIN pages ON pages.id = asked.value"
    lines = (
        f"(SELECT DISTINCT pages.strip_id AS own FROM {shown}) AS shown"
        " CROSS JOIN quotes ON quotes.strip_id = own"
    )
    values = (json.dumps(list(pages)),)
    found: dict[int, list[ShownBoard]] = defaultdict(list)
    for one in _boards(connection, lines, values):
        found[one[0][0]].append(one)
    for shower in _showers(connection, shown, values):
        for (_, board), prices, references in found.get(shower[0].strip_id, ()):
            yield Sighting.of(shower, board, prices, references)


def _showers(connection: sqlite3.Connection, pages: str, values: Sequence[str]) -> Iterator[Shower]:
    rows = connection.execute(
        "SELECT pages.id, strip_id, captured_at, page_date, published_at, published_precision,"
        f" publisher, strips.dialect FROM {pages} JOIN strips ON strips.id = strip_id"
        " ORDER BY pages.id",
        values,
    )
    return ((member_of(row[:6]), row["publisher"] or "", row["dialect"]) for row in rows)


def member_of(row: Sequence[Any]) -> Member:
    """Give a page by its id, strip, capture time, page date, and when it was published."""
    page_id, strip_id, captured_at, page_date, published_at, precision = row
    return Member(
        page_id=page_id,
        strip_id=strip_id,
        captured_at=_moment(captured_at),
        page_date=date.fromisoformat(page_date) if page_date else None,
        published=published_of(published_at, precision),
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


def pages_by_place(connection: sqlite3.Connection) -> array[int]:
    """List the ids of all pages, file by file, in the order in which they lie there."""
    rows = connection.execute("SELECT id FROM pages ORDER BY file, offset, id")
    return array("q", (row[0] for row in rows))


def stored_page(connection: sqlite3.Connection, page_id: int) -> Row | None:
    """Read where a page lies, with the hash of its text and its strip's digest."""
    row = connection.execute(
        "SELECT url, publisher, file, offset, length, sha256, captured_at, digest, capture_basis"
        " FROM pages LEFT JOIN strips ON strips.id = strip_id WHERE pages.id = ?",
        (page_id,),
    ).fetchone()
    return dict(row) if row else None


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


def lines_of(connection: sqlite3.Connection, digest: str | None) -> list[Row]:
    """Read the stored lines of a strip."""
    rows = connection.execute(
        "SELECT line, symbol, price, change, percent, direction, reference_price, verdict, raw"
        " FROM quotes JOIN strips ON strips.id = strip_id WHERE digest = ? ORDER BY line",
        (digest,),
    )
    return [dict(row) for row in rows]


def _boards(
    connection: sqlite3.Connection, lines: str, values: Sequence[str]
) -> Iterator[ShownBoard]:
    rows = connection.execute(
        f"SELECT strip_id, board, symbol, price, reference_price FROM {lines}"
        f" WHERE verdict IN {_FIT} AND price > 0 AND reference_price > 0 ORDER BY strip_id, line",
        values,
    )
    for strip, own in groupby(rows, itemgetter(0)):
        shown: dict[Board, tuple[dict[str, int], dict[str, int]]] = {}
        for _, board, symbol, price, reference in own:
            prices, references = shown.setdefault(board, ({}, {}))
            prices[symbol] = round(price * SCALE)
            references[symbol] = round(reference * SCALE)
        for board in sorted(shown):
            yield ((strip, board), *shown[board])


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def published_of(text: str | None, precision: Any) -> Published | None:
    """Read when an article appeared, as the tables write it."""
    if text is None:
        return None
    stamp = date.fromisoformat(text) if precision == "day" else datetime.fromisoformat(text)
    return Published(stamp, precision)
