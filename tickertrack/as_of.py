"""A database as it was at a time: the facts that were stored by then, and what follows of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tickertrack import linking, resolving
from tickertrack.store import past as facts
from tickertrack.store.connect import data_version, told

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["AsOf"]

# What a copy holds in memory, in KiB; the rest of a large one lies in a file that nobody else sees.
_CACHE = 65_536


class Then(NamedTuple):
    """A copy of a version of a database, as it was at a moment."""

    connection: sqlite3.Connection
    moment: datetime
    version: int


class AsOf:
    """
    Draws what was known in a database at a time, in copies.

    The last one is kept: what is asked as of its time needs no other, and to a later one it goes
    on at the cost of what was stored between.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, market: Market) -> None:
        """Draw from what a connection reads."""
        self._now = connection
        self._path = path
        self._market = market
        self._kept: Then | None = None

    def close(self) -> None:
        """Give back the copy that is kept."""
        if self._kept is not None:
            self._kept.connection.close()
        self._kept = None

    @contextmanager
    def at(self, moment: datetime) -> Iterator[sqlite3.Connection]:
        """
        Give the database as it was at a moment: itself, where nothing came later, or a copy.

        Dates and prices are drawn; of what rests on links, what changed waits to be linked.
        """
        with self._reading():
            if self._is_now(moment):
                yield self._now
                return
            then = self._drawn(moment)
        # Not kept while it is in use: a question within this one, of another time, has its own.
        try:
            yield then.connection
        except BaseException:
            then.connection.close()
            raise
        self.close()
        self._kept = then

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read one version of the database, whoever writes meanwhile."""
        if self._now.in_transaction:
            yield
            return
        with told(self._path):
            self._now.execute("BEGIN")
        try:
            yield
        finally:
            with told(self._path):
                self._now.execute("COMMIT")

    def _is_now(self, moment: datetime) -> bool:
        with told(self._path):
            grown = facts.has_grown(self._now, moment)
        asked = (self._now, self._path, self._market)
        return not grown and resolving.is_drawn(*asked) and linking.is_drawn(*asked)

    def _drawn(self, moment: datetime) -> Then:
        with told(self._path):
            version = data_version(self._now)
            kept = self._kept
            if kept and kept.version == version and kept.moment <= moment:
                past, span = kept.connection, (kept.moment, moment)
                facts.add_between(past, self._now, self._path, span)
            else:
                past = self._copy()
                facts.forget_after(past, self._path, moment)
        resolving.resolve(past, self._path, self._market)
        self._kept = None
        return Then(past, moment, version)

    def _copy(self) -> sqlite3.Connection:
        self.close()
        past = sqlite3.connect("", isolation_level=None)
        past.row_factory = sqlite3.Row
        past.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._now.backup(past)
        return past
