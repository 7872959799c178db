"""What resolve keeps between two calls, so that one more day costs what one more day costs."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Basis",
    "Memory",
    "asked",
    "basis",
    "count_damaged",
    "forget_memory",
    "is_waiting",
    "store_memory",
    "unpacked",
    "unpacked_or_none",
    "waiting_pages",
]

Row = tuple[Any, ...]
Logs = NDArray[np.int16]

_SUM, _HEAD = struct.Struct("<I"), struct.Struct("<IIhh")
_FIT = " WHERE verdict IN ('ok', 'out_of_range') AND price > 0 AND reference_price > 0"
_LINES = (
    " JOIN vectors ON node = nodes.id JOIN vector_strips ON vector = vectors.id"
    " JOIN quotes ON quotes.strip_id = vector_strips.strip_id"
    " AND quotes.board = vector_strips.board"
    " JOIN pages ON pages.strip_id = quotes.strip_id" + _FIT
)
_SLIGHT = (
    "SELECT pages.id, board FROM json_each(?) AS asked CROSS JOIN vector_keys"
    " ON vector_keys.key = asked.value AND part = '{part}'"
    " JOIN vector_strips USING (vector) JOIN pages USING (strip_id)"
)
# Each asked for by the ids or sessions that it joins to.
_ASKED = {
    "members": "SELECT pages.id, strip_id, captured_at, page_date, published_at,"
    " published_precision FROM json_each(?) CROSS JOIN pages ON strip_id = value",
    "boards": "SELECT strip_id, board, symbol, price, reference_price"
    " FROM json_each(?) CROSS JOIN quotes ON strip_id = value"
    f"{_FIT} ORDER BY strip_id, line",
    "seats": "SELECT strip_id, board, vector FROM json_each(?)"
    " CROSS JOIN vector_strips ON strip_id = value",
    "strips": "SELECT strip_id, board, vector FROM json_each(?)"
    " CROSS JOIN vector_strips ON vector = value",
    "vectors": "SELECT vectors.id, board, flat, prices, node FROM json_each(?) AS asked"
    " CROSS JOIN vectors ON vectors.id = asked.value",
    "vectors_of": "SELECT vectors.id, board, flat, prices, node FROM json_each(?) AS asked"
    " CROSS JOIN vectors ON node = asked.value",
    "keys": "SELECT vector_keys.key, part, vector FROM json_each(?) AS asked"
    " CROSS JOIN vector_keys ON vector_keys.key = asked.value"
    " AND part IN ('telling', 'reference', 'price')",
    "nodes": "SELECT nodes.id, own, best, peak, witnessed FROM json_each(?) AS asked"
    " CROSS JOIN nodes ON nodes.id = asked.value",
    "ahead": "SELECT one, two, kind, bits, weight, chosen, forward, backward FROM json_each(?)"
    " CROSS JOIN joints ON one = value",
    "behind": "SELECT one, two, kind, bits, weight, chosen, forward, backward FROM json_each(?)"
    " CROSS JOIN joints ON two = value",
    "sittings": "SELECT page_id, board, session, method, confidence, evidence FROM json_each(?)"
    " CROSS JOIN sittings ON page_id = value",
    "prices": "SELECT prices.* FROM json_each(?) CROSS JOIN prices ON session = value",
    "actions": "SELECT * FROM actions WHERE session IN (SELECT value FROM json_each(?))",
    "chains": "SELECT chains.session, publisher, held, compared FROM json_each(?)"
    " CROSS JOIN chains ON chains.session = value",
    # Boards in no node: those that have numbers ...
    "slight": _SLIGHT.format(part="slight"),
    "still": _SLIGHT.format(part="still"),
    # ... stand beside nodes ...
    "beside": "SELECT pages.id, other.board FROM json_each(?) CROSS JOIN vectors"
    " ON vectors.node = value JOIN vector_strips ON vector_strips.vector = vectors.id"
    " JOIN vector_strips AS other ON other.strip_id = vector_strips.strip_id"
    " JOIN vectors AS slight ON slight.id = other.vector AND slight.node IS NULL"
    " JOIN pages ON pages.strip_id = other.strip_id",
    "looking": "SELECT page_id, board FROM json_each(?) CROSS JOIN slight_days ON place = value",
    "looked": "SELECT page_id, board, place FROM json_each(?)"
    " CROSS JOIN slight_days ON page_id = value",
    "found": "SELECT page_id, board, first, alone, together FROM json_each(?)"
    " CROSS JOIN slight_boards ON page_id = value",
    # ... and what they are held against: lines on days, and the days that numbers are of.
    "at": "SELECT symbol, price, reference_price, flat, pages.id, quotes.board, best, peak"
    " FROM json_each(?) CROSS JOIN nodes ON best = value" + _LINES,
    "at_first": "SELECT symbol, price, reference_price, flat, pages.id, quotes.board, first,"
    " NULL FROM json_each(?) CROSS JOIN slight_boards ON first = value"
    " JOIN pages ON pages.id = page_id JOIN vector_strips ON"
    " vector_strips.strip_id = pages.strip_id AND vector_strips.board = slight_boards.board"
    " JOIN vectors ON vectors.id = vector JOIN quotes ON quotes.strip_id = pages.strip_id"
    " AND quotes.board = slight_boards.board" + _FIT,
    "places": "SELECT DISTINCT best FROM json_each(?) AS asked CROSS JOIN vector_keys"
    " ON vector_keys.key = asked.value AND part IN ('telling', 'reference')"
    " JOIN vectors ON vectors.id = vector JOIN nodes ON nodes.id = node",
    "first_places": "SELECT DISTINCT first FROM json_each(?) AS asked CROSS JOIN vector_keys"
    " ON vector_keys.key = asked.value AND part = 'slight' JOIN vector_strips USING (vector)"
    " JOIN pages USING (strip_id) JOIN slight_boards ON page_id = pages.id"
    " AND slight_boards.board = vector_strips.board WHERE first IS NOT NULL",
    # A price that stands still may be any last price of a day: each of the symbol's is looked at.
    "still_places": "SELECT DISTINCT coalesce(best, first) FROM json_each(?) AS asked"
    " CROSS JOIN quotes ON symbol = asked.value ->> 0 AND abs(price - (asked.value ->> 1)) < 1e-5"
    " JOIN vector_strips USING (strip_id, board) JOIN vectors ON vectors.id = vector"
    " JOIN pages USING (strip_id) LEFT JOIN nodes ON nodes.id = node LEFT JOIN slight_boards"
    " ON page_id = pages.id AND slight_boards.board = quotes.board"
    " WHERE coalesce(best, first) IS NOT NULL",
}
_TABLES = (
    "vectors",
    "vector_strips",
    "vector_keys",
    "nodes",
    "joints",
    "slight_boards",
    "slight_days",
    "chains",
)


@dataclass(frozen=True, slots=True)
class Basis:
    """
    What a drawing rests on besides its pages.

    `rules`: the digest of code, market and calendar; `first` and `last`: the days that pages and
    series name; `boards`: how many distinct ones there are.
    """

    rules: str
    first: date
    last: date
    boards: int


@dataclass(slots=True)
class Memory:
    """Rows of what a drawing leaves for the next one: those that differ, and those to be gone."""

    vectors: Iterable[Row] = ()
    vector_strips: Iterable[Row] = ()
    vector_keys: Iterable[Row] = ()
    nodes: Iterable[tuple[int, Logs, int, float, bool]] = ()
    joints: Iterable[tuple[int, int, str, float, float, bool, Logs | None, Logs | None]] = ()
    slight_boards: Sequence[Row] = ()
    slight_days: Iterable[Row] = ()
    chains: Iterable[Row] = ()
    gone_nodes: Iterable[int] = ()
    gone_joints: Iterable[tuple[int, int, str]] = ()
    gone_chains: Iterable[str] = field(default=())


def asked(connection: sqlite3.Connection, what: str, ids: Iterable[object]) -> Iterator[Row]:
    """Read rows by their ids, sessions or symbols."""
    return connection.execute(_ASKED[what], (json.dumps(list(ids), default=str),))


def weights(connection: sqlite3.Connection) -> Iterator[Row]:
    """Read one, two, kind, weight and whether it is chosen, of every joint."""
    return connection.execute("SELECT one, two, kind, weight, chosen FROM joints")


def any_slight(connection: sqlite3.Connection) -> bool:
    """Say whether there is a board in no node."""
    return connection.execute("SELECT 1 FROM slight_boards LIMIT 1").fetchone() is not None


def basis(connection: sqlite3.Connection) -> Basis | None:
    """Read what the stored conclusions rest on; None where all are to be drawn anew."""
    row = connection.execute("SELECT rules, first, last, boards FROM drawn_by").fetchone()
    if row is None:
        return None
    return Basis(row[0], date.fromisoformat(row[1]), date.fromisoformat(row[2]), row[3])


def is_waiting(connection: sqlite3.Connection) -> bool:
    """Say whether any page waits to be dated."""
    return connection.execute("SELECT 1 FROM undrawn_pages LIMIT 1").fetchone() is not None


def count_waiting(connection: sqlite3.Connection) -> tuple[int, int]:
    """Count the pages that wait to be dated, and all that there are."""
    sql = "SELECT (SELECT count(*) FROM undrawn_pages), (SELECT count(*) FROM pages)"
    waiting, stored = connection.execute(sql).fetchone()
    return waiting, stored


def waiting_pages(connection: sqlite3.Connection) -> list[int]:
    """List the pages that wait to be dated."""
    return [row[0] for row in connection.execute("SELECT page_id FROM undrawn_pages ORDER BY 1")]


def chains_of(
    connection: sqlite3.Connection, sessions: Iterable[date]
) -> dict[tuple[date, str], tuple[int, int]]:
    """Read, by session and publisher, how many last prices were the next references, of all."""
    return _chains(asked(connection, "chains", sessions))


def chains_between(
    connection: sqlite3.Connection, start: date, end: date
) -> dict[tuple[date, str], tuple[int, int]]:
    """Read the same of all sessions from `start` to before `end`."""
    sql = "SELECT * FROM chains WHERE session >= ? AND session < ?"
    return _chains(connection.execute(sql, (start.isoformat(), end.isoformat())))


def _chains(rows: Iterable[Row]) -> dict[tuple[date, str], tuple[int, int]]:
    return {(date.fromisoformat(row[0]), row[1]): (row[2], row[3]) for row in rows}


def replace_chains(
    connection: sqlite3.Connection,
    sessions: Iterable[date],
    chains: Mapping[tuple[date, str], tuple[int, int]],
) -> None:
    """Replace the same for sessions."""
    gone = [day.isoformat() for day in sessions]
    rows = [(day.isoformat(), name, *counts) for (day, name), counts in sorted(chains.items())]
    store_memory(connection, Memory(chains=rows, gone_chains=gone))


def store_basis(connection: sqlite3.Connection, own: Basis | None) -> None:
    """Note what all conclusions now rest on; no page waits any more."""
    connection.execute("DELETE FROM undrawn_pages")
    connection.execute("DELETE FROM drawn_by")
    if own is not None:
        row = (own.rules, own.first.isoformat(), own.last.isoformat(), own.boards)
        connection.execute("INSERT INTO drawn_by VALUES (?, ?, ?, ?)", row)


def forget_memory(connection: sqlite3.Connection) -> None:
    """Forget what earlier drawings left."""
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table}")


def store_memory(connection: sqlite3.Connection, memory: Memory) -> None:
    """Store the rows that differ, and take out those that are gone."""
    many = connection.executemany
    many("DELETE FROM joints WHERE (one, two, kind) = (?, ?, ?)", memory.gone_joints)
    many("DELETE FROM nodes WHERE id = ?", ((own_id,) for own_id in memory.gone_nodes))
    many("DELETE FROM chains WHERE session = ?", ((day,) for day in memory.gone_chains))
    many("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", memory.vectors)
    many("INSERT OR REPLACE INTO vector_strips VALUES (?, ?, ?)", memory.vector_strips)
    many("INSERT OR REPLACE INTO vector_keys VALUES (?, ?, ?)", memory.vector_keys)
    many(
        "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?)",
        ((own_id, packed(own), *rest) for own_id, own, *rest in memory.nodes),
    )
    many(
        "INSERT OR REPLACE INTO joints VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((*rest, packed(one), packed(two)) for *rest, one, two in memory.joints),
    )
    many("INSERT OR REPLACE INTO slight_boards VALUES (?, ?, ?, ?, ?)", memory.slight_boards)
    many(
        "DELETE FROM slight_days WHERE (page_id, board) = (?, ?)",
        (row[:2] for row in memory.slight_boards),
    )
    many("INSERT INTO slight_days VALUES (?, ?, ?)", memory.slight_days)
    many("INSERT OR REPLACE INTO chains VALUES (?, ?, ?, ?)", memory.chains)


def count_damaged(connection: sqlite3.Connection) -> int:
    """Count what is kept and cannot be what was stored; SQLite's own check passes over it."""
    texts = (("vectors", "prices"), ("slight_boards", "alone"), ("slight_boards", "together"))
    wrong = 0
    for table, column in texts:
        sql = f"SELECT count(*) FROM {table} WHERE NOT json_valid({column})"
        wrong += connection.execute(sql).fetchone()[0]
    for table, column in (("nodes", "own"), ("joints", "forward"), ("joints", "backward")):
        sql = f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
        wrong += sum(not _is_whole(row[0]) for row in connection.execute(sql))
    return wrong


def _is_whole(data: bytes) -> bool:
    lacks = len(data) < _SUM.size + _HEAD.size
    return not lacks and _SUM.unpack_from(data)[0] == zlib.crc32(data[_SUM.size :])


def packed(logs: Logs | None) -> bytes | None:
    """Pack likelihoods of days: their number, where they begin and end to differ, and between."""
    if logs is None:
        return None
    steps = np.flatnonzero(logs[1:] != logs[:-1])
    low, high = (int(steps[0]) + 1, int(steps[-1]) + 1) if len(steps) else (0, 0)
    # What lies between is mostly the same week after week.
    between = zlib.compress(logs[low:high].tobytes(), 1)
    body = _HEAD.pack(len(logs), low, int(logs[0]), int(logs[-1])) + between
    return _SUM.pack(zlib.crc32(body)) + body


def unpacked_or_none(data: bytes | None) -> Logs | None:
    """Unpack likelihoods of days, if there are any."""
    return None if data is None else unpacked(data)


def unpacked(data: bytes) -> Logs:
    """Unpack likelihoods of days; raises ValueError for what is damaged."""
    if not _is_whole(data):
        raise ValueError("damaged")
    count, low, first, last = _HEAD.unpack_from(data, _SUM.size)
    body = np.frombuffer(zlib.decompress(data[_SUM.size + _HEAD.size :]), dtype=np.int16)
    logs = np.full(count, last, dtype=np.int16)
    logs[:low] = first
    logs[low : low + len(body)] = body
    return logs
