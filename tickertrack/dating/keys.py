"""By which numbers vectors are found: rows in order, as arrays, for there are forty a vector."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

import numpy as np

from tickertrack.dating.past import Part

__all__ = ["KeyRow", "Keys"]

KeyRow = tuple[int, Part, int]

# In the order of the alphabet, as sorted rows have them.
_PARTS: tuple[Part, ...] = ("price", "reference", "slight", "still", "telling")


class Keys:
    """Rows of key, part and vector: those that were stored before, and those that are new."""

    def __init__(self) -> None:
        """Begin with none."""
        self._keys, self._parts = memoryview(array("q")), memoryview(array("b"))
        self._vectors, self._is_new = memoryview(array("q")), memoryview(array("b"))
        self._added = (array("q"), array("b"), array("q"), array("b"))

    def know(self, rows: Iterable[KeyRow]) -> None:
        """Note rows that are stored."""
        for row in rows:
            self._add(row, 0)

    def add(self, rows: Iterable[KeyRow]) -> None:
        """Note rows that are new, unless they are known."""
        for row in rows:
            self._add(row, 1)

    def _add(self, row: KeyRow, is_new: int) -> None:
        for column, value in zip(
            self._added, (row[0], _PARTS.index(row[1]), row[2], is_new), strict=True
        ):
            column.append(value)

    def having(self, key: int, most: int) -> list[tuple[Part, int]]:
        """Give part and vector of all rows that have a key, unless there are more than so many."""
        first, last = self._span(key)
        if last - first > most:
            return []
        return [(_PARTS[self._parts[place]], self._vectors[place]) for place in range(first, last)]

    def new(self) -> Iterator[KeyRow]:
        """Give the rows that are new, in order."""
        self._lay()
        for place, is_new in enumerate(self._is_new):
            if is_new:
                yield self._keys[place], _PARTS[self._parts[place]], self._vectors[place]

    def grown(self) -> Iterator[tuple[int, int]]:
        """Give, of each key that has new rows, how many there were and how many there are."""
        self._lay()
        keys, is_new = np.asarray(self._keys), np.asarray(self._is_new)
        for key in np.unique(keys[is_new > 0]).tolist():
            first, last = self._span(key)
            yield last - first - int(is_new[first:last].sum()), last - first

    def _span(self, key: int) -> tuple[int, int]:
        self._lay()
        first = bisect_left(self._keys, key)
        # Of a crowd there may be thousands: they are not gone through one by one.
        return first, bisect_right(self._keys, key, first)

    def _lay(self) -> None:
        """Put what was added into order, each row once: as a known one where it is known."""
        if not self._added[0]:
            return
        laid = (self._keys, self._parts, self._vectors, self._is_new)
        keys, parts, vectors, is_new = (
            np.concatenate([np.asarray(before), np.asarray(added)])
            for before, added in zip(laid, self._added, strict=True)
        )
        self._added = (array("q"), array("b"), array("q"), array("b"))
        order = np.lexsort((is_new, vectors, parts, keys))
        keys, parts, vectors = keys[order], parts[order], vectors[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (
            (keys[1:] != keys[:-1]) | (parts[1:] != parts[:-1]) | (vectors[1:] != vectors[:-1])
        )
        self._keys, self._parts = keys[first].data, parts[first].data
        self._vectors, self._is_new = vectors[first].data, is_new[order][first].data
