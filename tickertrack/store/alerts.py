"""Which alerts hold, so that each is sent once; and the prices that they are about."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tickertrack.store.connect import transaction

__all__ = ["AlertBook", "latest_prices"]

Row = dict[str, Any]
Key = tuple[str, str]


class AlertBook:
    """The alerts that held when it was last looked, by rule and subject."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Keep the connection to write with."""
        self._connection = connection
        self._path = path

    def holding(self) -> set[Key]:
        """Read which held."""
        return {(row[0], row[1]) for row in self._connection.execute("SELECT * FROM alerts")}

    def replace(self, keys: Iterable[Key], now: datetime) -> None:
        """Note which hold now."""
        since = now.astimezone(UTC).isoformat(timespec="seconds")
        held = self.holding()
        kept = set(keys)
        with transaction(self._connection, self._path):
            self._connection.executemany(
                "DELETE FROM alerts WHERE rule = ? AND subject = ?", held - kept
            )
            self._connection.executemany(
                "INSERT INTO alerts VALUES (?, ?, ?)", ((*key, since) for key in kept - held)
            )


def latest_prices(connection: sqlite3.Connection) -> list[Row]:
    """Read the observed prices of the last session, by symbol."""
    rows = connection.execute(
        "SELECT symbol, session, price, change_percent FROM prices WHERE quotes > 0"
        " AND session = (SELECT max(session) FROM prices WHERE quotes > 0) ORDER BY symbol"
    )
    return [dict(row) for row in rows]
