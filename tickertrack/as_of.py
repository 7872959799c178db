"""A database as it was at a time: the facts that were stored by then, and what follows of them."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tickertrack import linking, resolving
from tickertrack.store import past as facts
from tickertrack.store.connect import told

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["dated_as_of", "is_as_of"]


def is_as_of(connection: sqlite3.Connection, path: Path, market: Market, moment: datetime) -> bool:
    """Say whether a database is as it was at a time: nothing came later, and nothing waits."""
    with told(path):
        grown = facts.has_grown(connection, moment)
    drawn = (resolving.is_drawn, linking.is_drawn)
    return not grown and all(one(connection, path, market) for one in drawn)


def dated_as_of(
    connection: sqlite3.Connection, path: Path, market: Market, moment: datetime
) -> sqlite3.Connection:
    """
    Copy a database, in memory, as it was at a time, with dates and prices drawn again.

    What rests on links waits to be linked: most questions need none.
    """
    past = sqlite3.connect(":memory:", isolation_level=None)
    past.row_factory = sqlite3.Row
    with told(path):
        connection.backup(past)
    facts.forget_after(past, path, moment)
    resolving.resolve(past, path, market)
    return past
