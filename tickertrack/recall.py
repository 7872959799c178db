"""What is stored of earlier drawings, as dating asks for it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

from tickertrack.dating.knowledge import Known, Line
from tickertrack.dating.nodes import BoardVector, Packed, Prices, around, keys_of
from tickertrack.dating.past import LIKELY, Joint, JointKey, Node, Part, Seat
from tickertrack.dating.slight import BoardKey, Found
from tickertrack.models import Board, Member, Sighting
from tickertrack.store.drawn import any_slight, asked, unpacked, unpacked_or_none, weights
from tickertrack.store.stored import SCALE, member_of, sightings_on

__all__ = ["Recall"]


class RecalledFacts:
    """Pages and boards of strips: asked for a few at a time, and kept."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Know none yet."""
        self._connection = connection
        self._members: dict[int, list[Member]] = {}
        self._boards: dict[int, dict[Board, tuple[dict[str, int], dict[str, int]]]] = {}

    def know_members(self, strips: Iterable[int]) -> None:
        """Ask for the pages of strips."""
        new = sorted(set(strips) - self._members.keys())
        self._members.update((strip, []) for strip in new)
        for member in map(member_of, asked(self._connection, "members", new) if new else ()):
            self._members[member.strip_id].append(member)

    def know_boards(self, strips: Iterable[int]) -> None:
        """Ask for the prices of strips' boards."""
        new = sorted(set(strips) - self._boards.keys())
        self._boards.update((strip, {}) for strip in new)
        rows = asked(self._connection, "boards", new) if new else ()
        for strip, board, symbol, price, reference in rows:
            prices, references = self._boards[strip].setdefault(board, ({}, {}))
            prices[symbol] = round(price * SCALE)
            references[symbol] = round(reference * SCALE)

    def members(self, strip: int) -> list[Member]:
        """Give the pages that show a strip."""
        self.know_members([strip])
        return self._members[strip]

    def board(self, seat: Seat) -> tuple[Prices, Prices]:
        """Give the last prices and the reference prices of a board."""
        self.know_boards([seat[0]])
        return self._boards[seat[0]][seat[1]]


class Recall:
    """The past of an update: asks the database, a few ids at a time."""

    is_blank = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Ask by a connection."""
        self._connection = connection
        self.facts = RecalledFacts(connection)

    def _asked(self, what: str, ids: Iterable[object]) -> Iterator[Any]:
        listed = list(ids)
        return asked(self._connection, what, listed) if listed else iter(())

    def seats(self, strips: Iterable[int]) -> Iterator[tuple[Seat, int]]:
        """Give the vectors that strips' boards show."""
        return (((row[0], row[1]), row[2]) for row in self._asked("seats", strips))

    def strips(self, vectors: Iterable[int]) -> Iterator[tuple[Seat, int]]:
        """Give the strips whose boards show vectors."""
        return (((row[0], row[1]), row[2]) for row in self._asked("strips", vectors))

    def vectors(self, ids: Iterable[int]) -> Iterator[BoardVector]:
        """Give vectors by their ids."""
        return map(_vector, self._asked("vectors", ids))

    def vectors_of(self, nodes: Iterable[int]) -> Iterator[BoardVector]:
        """Give the vectors of nodes."""
        return map(_vector, self._asked("vectors_of", nodes))

    def keys(self, keys: Iterable[int]) -> Iterator[tuple[int, Part, int]]:
        """Give key, part and vector of all that have one of these keys."""
        return map(tuple, self._asked("keys", keys))

    def nodes(self, ids: Iterable[int]) -> Iterator[Node]:
        """Give nodes by their ids."""
        for own_id, own, best, peak, witnessed in self._asked("nodes", ids):
            yield Node(own_id, unpacked(own), best, peak, bool(witnessed))

    def joints(self, nodes: Iterable[int]) -> Iterator[Joint]:
        """Give all that joins these nodes to any."""
        listed = list(nodes)
        for what in ("ahead", "behind"):
            for *key, bits, weight, chosen, forward, backward in self._asked(what, listed):
                told = (unpacked_or_none(forward), unpacked_or_none(backward))
                yield Joint(key[0], key[1], key[2], bits, weight, bool(chosen), *told)

    def weights(self) -> Iterator[tuple[JointKey, float, bool]]:
        """Give of every joint its weight, and whether it is of the forest."""
        for one, two, kind, weight, chosen in weights(self._connection):
            yield (one, two, kind), weight, bool(chosen)

    # ---- boards in no node

    def any_slight(self) -> bool:
        """Say whether there is a board in no node."""
        return any_slight(self._connection)

    def at(self, places: Collection[int]) -> Iterator[Known]:
        """Give all lines of boards that are taken to be of these days, however sure."""
        rows = chain(self._asked("at", places), self._asked("at_first", places))
        for symbol, price, reference, flat, page_id, board, place, peak in rows:
            both = (round(price * SCALE), round(reference * SCALE))
            line = Line(symbol, *both, bool(flat), page_id, board)
            yield Known(line, place, LIKELY if peak is None else peak)

    def like(self, boards: Collection[Sighting]) -> set[int]:
        """Give the days that may have any of these boards' numbers."""
        own = ((one.board, keys_of(one.board, one.references)) for one in boards)
        keys = {near for board, listed in own for _, near in around(board, listed)}
        still = {
            (symbol, price / SCALE)
            for one in boards
            for symbol, price in one.prices.items()
            if price == one.references[symbol]
        }
        asked_for = (("places", keys), ("first_places", keys), ("still_places", still))
        return {row[0] for what, ids in asked_for for row in self._asked(what, ids)}

    def having(self, lines: Iterable[Line]) -> Iterator[Sighting]:
        """Give the boards in no node that may have a number of these lines."""
        listed = list(lines)
        prices = {(line.board, line.symbol, line.price) for line in listed}
        references = {(one.board, one.symbol, one.reference) for one in listed if not one.flat}
        still = {key for board, symbol, price in prices for key in keys_of(board, {symbol: price})}
        slight = {
            near
            for board, symbol, price in references
            for _, near in around(board, keys_of(board, {symbol: price}))
        }
        asked_for = (("slight", slight), ("still", still))
        return self._sightings(
            {(row[0], row[1]) for what, keys in asked_for for row in self._asked(what, keys)}
        )

    def looking(self, places: Collection[int]) -> Iterator[Sighting]:
        """Give the boards in no node whose pages name these days otherwise."""
        return self._sightings({(row[0], row[1]) for row in self._asked("looking", places)})

    def beside(self, nodes: Iterable[int]) -> Iterator[Sighting]:
        """Give the boards in no node that pages show beside nodes."""
        return self._sightings({(row[0], row[1]) for row in self._asked("beside", nodes)})

    def found(self, boards: Iterable[BoardKey]) -> dict[BoardKey, Found]:
        """Give what was found of boards; nothing for new ones."""
        asked_for = set(boards)
        pages = {page_id for page_id, _ in asked_for}
        found = {
            (row[0], row[1]): Found(set(), _numbers(row[3]), _numbers(row[4]), row[2])
            for row in self._asked("found", pages)
            if (row[0], row[1]) in asked_for
        }
        for page_id, board, place in self._asked("looked", pages):
            if (page_id, board) in found:
                found[page_id, board].looked.add(place)
        return found

    def _sightings(self, keys: set[BoardKey]) -> Iterator[Sighting]:
        pages = sorted({page_id for page_id, _ in keys})
        found = sightings_on(self._connection, pages) if pages else ()
        return (one for one in found if (one.page_id, one.board) in keys)


def _numbers(text: str) -> dict[int, float]:
    return {int(place): bits for place, bits in json.loads(text).items()}


def _vector(row: Any) -> BoardVector:
    own_id, board, flat, prices, node = row
    return BoardVector(own_id, board, bool(flat), Packed.of(json.loads(prices)), node)
