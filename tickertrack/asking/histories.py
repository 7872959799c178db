"""
Price series as they are, through renames, adjusted for corporate actions, or both.

What each needs is imported where it is used: most histories are as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tickertrack.store import read

if TYPE_CHECKING:
    from tickertrack.markets import Market
    from tickertrack.models import Action

__all__ = ["Histories"]


class Histories(NamedTuple):
    """
    The price series of a database.

    With `renames`, the market whose they are, a symbol's also has what it traded as before;
    with `actions`, prices before a confirmed one are made comparable with those after it.
    """

    connection: sqlite3.Connection
    renames: Market | None = None
    actions: Sequence[Action] = ()

    def rows(self, symbols: Sequence[str], span: read.Span) -> list[read.Row]:
        """Read the rows of symbols; of none, those of all."""
        if self.renames is None:
            found = read.rows(self.connection, read.history(symbols, span))
            own = [one for one in self.actions if not symbols or one.symbol in symbols]
            return _adjusted(found, own)
        from tickertrack.conclude import follow, under_last_names  # noqa: PLC0415

        names = symbols or self.names()
        found = follow(self.connection, names, span, self.renames)
        return _adjusted(found, under_last_names(self.actions, names, self.renames))

    def batches(self, span: read.Span) -> Iterator[list[read.Values]]:
        """Read the rows of all symbols as bare values, of one symbol after the other."""
        for name in self.names():
            found = self.rows([name], span)
            yield [tuple(row[column] for column in read.HISTORY) for row in found]

    def names(self) -> list[str]:
        """List whose series there are; of a renamed one its last name."""
        known = read.known_symbols(self.connection)
        if self.renames is None:
            return known
        from tickertrack.conclude import last_names  # noqa: PLC0415

        return last_names(known, self.renames)


def _adjusted(rows: list[read.Row], actions: Sequence[Action]) -> list[read.Row]:
    if not actions:
        return rows
    from tickertrack.actions import adjust  # noqa: PLC0415

    return adjust(rows, actions)
