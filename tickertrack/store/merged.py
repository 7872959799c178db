"""Which parts of scans are merged: their facts are stored, and they need not be read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial

from tickertrack.store.write import Note

__all__ = ["merged_parts", "noting_merged"]


def merged_parts(connection: sqlite3.Connection) -> frozenset[str]:
    """Give the digests of the notes of all parts that are merged."""
    return frozenset(row[0] for row in connection.execute("SELECT note FROM merged_parts"))


def noting_merged(parts: Mapping[str, str]) -> Note:
    """Give what writes down, together with the last of their facts, inputs by their notes."""
    return partial(_write, rows=sorted(parts.items()))


def _write(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
    connection.executemany("INSERT OR IGNORE INTO merged_parts VALUES (?, ?)", rows)
