"""Boards of a few lines: held against what is known of each session, never against chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol

import numpy as np

from tickertrack.dating.axis import Vector, normal
from tickertrack.dating.edges import message
from tickertrack.dating.evidence import date_evidence, own_evidence, series_evidence
from tickertrack.dating.graph import Graph
from tickertrack.dating.knowledge import Knowledge, Known, Line, Numbers, lines_of
from tickertrack.dating.past import LIKELY, SURE
from tickertrack.dating.placing import (
    Judged,
    Placed,
    Setting,
    other_board,
    placed,
    points_to,
)
from tickertrack.dating.sightings import Sightings
from tickertrack.dating.sitting import Told
from tickertrack.models import Board, Sighting, Sitting, is_flat

__all__ = [
    "BoardKey",
    "Found",
    "Others",
    "Slight",
    "place_again",
    "place_slight",
]

# A day that a page names with so much of its belief is looked at, also where no number agrees.
_LOOKED_AT = 0.01
# What is kept of what pages say beside such boards, eight bytes a day; the rest is heard again.
_KEPT = 8 * 1024 * 1024
_NONE = np.empty(0)

BoardKey = tuple[int, Board]


@dataclass(slots=True)
class Found:
    """
    What was found of a board in no node: by nodes alone, and with others of its kind.

    `looked`: the days that its page names otherwise, of which it also counts that numbers differ.
    """

    looked: set[int] = field(default_factory=set)
    alone: Numbers = field(default_factory=dict)
    together: Numbers = field(default_factory=dict)
    first: int | None = None


class Others(Protocol):
    """What is stored of boards in no node, and of those that these are held against."""

    def any_slight(self) -> bool:
        """Say whether there is a board in no node."""

    def at(self, places: Collection[int]) -> Iterable[Known]:
        """Give all lines of boards that are taken to be of these days, however sure."""

    def like(self, boards: Collection[Sighting]) -> set[int]:
        """Give the days that may have any of these boards' numbers."""

    def having(self, lines: Iterable[Line]) -> Iterable[Sighting]:
        """Give the boards in no node that may have a number of these lines."""

    def looking(self, places: Collection[int]) -> Iterable[Sighting]:
        """Give the boards in no node whose pages name these days otherwise."""

    def beside(self, nodes: Iterable[int]) -> Iterable[Sighting]:
        """Give the boards in no node that pages show beside nodes."""

    def found(self, boards: Iterable[BoardKey]) -> Mapping[BoardKey, Found]:
        """Give what was found of boards; nothing for new ones."""


class Slight:
    """
    Boards that carry too little to form nodes, placed by what is known of each session.

    Twice: by nodes alone, and then by each other too.
    """

    def __init__(self, setting: Setting, graph: Graph, judged: Judged) -> None:
        """Begin with the nodes that were placed."""
        self.setting = setting
        self.graph = graph
        self.nodes = set(judged.nodes)
        self.found: dict[BoardKey, Found] = defaultdict(Found)
        self._sittings: dict[BoardKey, Sitting] = {}
        self._beside: dict[BoardKey, Vector] = {}
        self._beliefs = judged.beliefs
        self._partners: dict[int, Placed] = {}

    def sittings(self) -> Iterable[Sitting]:
        """Give where they were placed."""
        return self._sittings.values()

    def look(self, sighting: Sighting) -> set[int]:
        """Give the days that a board's page names, by its dates or by its other board."""
        likely = normal(self.beside(sighting) * self.setting.axis.open_probability)
        return set(np.flatnonzero(likely >= _LOOKED_AT).tolist())

    def beside(self, sighting: Sighting) -> Vector:
        """Give the likelihood of each day by all of a board's page but the board."""
        key = _key(sighting)
        found = self._beside.get(key)
        if found is None:
            found = self._heard_beside(sighting)
            if len(self._beside) < self.setting.axis.vectors_in(_KEPT):
                self._beside[key] = found
        return found

    def _heard_beside(self, sighting: Sighting) -> Vector:
        axis, partner = self.setting.axis, self._partner(sighting)
        if partner is None:
            return date_evidence(axis, [sighting.member], flat=is_flat(sighting))
        # The page's other board, where it has a node, has heard the page's dates already.
        return message(axis, "page", 1.0, partner.belief, forward=True)

    def place_first(self, sighting: Sighting) -> None:
        """Place a board by nodes; note where it then is, where that is likely enough."""
        found = self.found[_key(sighting)]
        by_nodes = self._placed(sighting, found.alone)
        found.first = by_nodes.best if by_nodes.belief.max() >= LIKELY else None

    def place(self, sighting: Sighting) -> None:
        """Place a board by nodes and by others of its kind."""
        found = self._placed(sighting, self.found[_key(sighting)].together)
        told = Told(self.setting.axis, found)
        self._sittings[_key(sighting)] = told.sitting(sighting.member, sighting.board)

    def _placed(self, sighting: Sighting, by_day: Numbers) -> Placed:
        axis = self.setting.axis
        numbers = self._numbers(sighting, by_day)
        partner = self._partner(sighting)
        belief = normal(numbers * self.beside(sighting) * axis.open_probability)
        best = int(belief.argmax())
        supported = points_to(axis, numbers, best)
        if partner is not None and partner.best == best:
            supported = supported or partner.supported
        votes = self._votes(sighting, best) if partner is None else partner.votes
        return Placed(belief, supported, votes, {"lines": len(sighting.prices)})

    def _numbers(self, sighting: Sighting, by_day: Numbers) -> Vector:
        bits = np.zeros(len(self.setting.axis))
        for place, own in by_day.items():
            bits[place] = own
        shown = (sighting.prices, sighting.references)
        told = series_evidence(self.setting.axis, sighting.board, shown, self.setting.laid)
        return np.asarray(np.exp2(bits - bits.max()) * told)

    def _votes(self, sighting: Sighting, best: int) -> frozenset[int]:
        own = own_evidence(self.setting.axis, sighting.member, flat=is_flat(sighting))
        votes = own is not None and points_to(self.setting.axis, own, best)
        return frozenset({sighting.page_id} if votes else ())

    def _partner(self, sighting: Sighting) -> Placed | None:
        node = self.graph.node_at((sighting.strip_id, other_board(sighting.board)))
        if node is None:
            return None
        belief = self._beliefs.of(node)
        if node not in self._partners:
            self.nodes.add(node)
            own = placed(self.graph, self.setting, node, belief)
            self._partners[node] = replace(own, belief=_NONE)
        return replace(self._partners[node], belief=belief)


# ---- all of them


def place_slight(slight: Slight, sightings: Sightings) -> None:
    """Place all boards that are in no node."""
    keys, symbols = [], set[str]()
    for one in sightings:
        if _is_slight(slight.graph, one):
            keys.append(_key(one))
            symbols.update(one.references)
    if not keys:
        return
    by_nodes = Knowledge(_lines(slight, sightings, symbols, SURE))
    for one in (sightings.at(*key) for key in keys):
        found = slight.found[_key(one)]
        found.looked = slight.look(one)
        found.alone = by_nodes.numbers(one, found.looked)
        slight.place_first(one)
    by_all = Knowledge(_lines(slight, sightings, symbols, LIKELY))
    for one in (sightings.at(*key) for key in keys):
        found = slight.found[_key(one)]
        found.together = by_all.numbers(one, found.looked)
        slight.place(one)


def _lines(
    slight: Slight, sightings: Iterable[Sighting], symbols: Collection[str], sure: float
) -> Iterator[tuple[Line, int]]:
    for one in sightings:
        place = _place(slight, one, sure)
        if place is not None:
            for line in lines_of(one, symbols):
                yield line, place


def _place(slight: Slight, sighting: Sighting, sure: float) -> int | None:
    own_id = slight.graph.node_at((sighting.strip_id, sighting.board))
    if own_id is None:
        return slight.found[_key(sighting)].first if sure <= LIKELY else None
    node = slight.graph.node(own_id)
    return node.best if node.peak >= sure else None


# ---- those that new boards may place elsewhere


def place_again(slight: Slight, others: Others, new: Iterable[Sighting]) -> None:
    """Place those boards in no node again that new boards may place elsewhere."""
    listed = list(new)
    fresh = {_key(one): one for one in listed if _is_slight(slight.graph, one)}
    if fresh or others.any_slight():
        turned = slight.graph.turned({(one.strip_id, one.board) for one in listed})
        _Again(slight, others, fresh, turned).run()


@dataclass(slots=True)
class _Again:
    """New boards in no node, the days of which something else is known now, and whom it touches."""

    slight: Slight
    others: Others
    fresh: dict[BoardKey, Sighting]
    places: set[int]
    boards: dict[BoardKey, Sighting] = field(default_factory=dict)
    looked: set[int] = field(default_factory=set)
    lines: dict[int, list[Known]] = field(default_factory=dict)

    def run(self) -> None:
        """Place by nodes alone, then by each other."""
        self._touch(self.places)
        self._add(chain(self.others.beside(self.slight.nodes), self.fresh.values()))
        before = {key: self.slight.found[key].first for key in self.boards}
        self._hold(SURE)
        for one in self._in_order():
            self.slight.place_first(one)
        turned = {
            key
            for key in self.boards
            if key in self.fresh or before[key] != self.slight.found[key].first
        }
        moves = (first for key in turned for first in (before[key], self.slight.found[key].first))
        places = {place for place in moves if place is not None}
        self._touch(places)
        self._add(self.others.having(self._own_lines(turned)))
        self.places |= places
        self._hold(LIKELY)
        for one in self._in_order():
            self.slight.place(one)

    def _touch(self, places: set[int]) -> None:
        """Add the boards that look at days, or may have numbers of these."""
        self._add(self.others.looking(places))
        self._add(self.others.having(known.line for known in self._at(places)))

    def _at(self, places: set[int]) -> Iterator[Known]:
        for known in self.others.at(places - self.lines.keys()):
            self.lines.setdefault(known.place, []).append(known)
        for place in places:
            yield from self.lines.setdefault(place, [])

    def _add(self, boards: Iterable[Sighting]) -> None:
        added = {_key(one): one for one in boards if _key(one) not in self.boards}
        self.boards |= added
        self.slight.found.update(self.others.found(added))
        for key, one in added.items():
            found, looked = self.slight.found[key], self.slight.look(one)
            self.looked |= found.looked ^ looked
            found.looked = looked

    def _own_lines(self, keys: Iterable[BoardKey]) -> list[Line]:
        shown = [self.boards[key] for key in keys]
        return [line for one in shown for line in lines_of(one, one.references)]

    def _in_order(self) -> list[Sighting]:
        return [self.boards[key] for key in sorted(self.boards)]

    def _hold(self, sure: float) -> None:
        """Hold boards against what is known of the days that changed, new ones against all."""
        places = self.places | self.looked | self.others.like(list(self.fresh.values()))
        knowledge = Knowledge(self._known(places, sure))
        for key, one in self.boards.items():
            found = self.slight.found[key]
            before = found.alone if sure > LIKELY else found.together
            kept = {place: bits for place, bits in before.items() if place not in places}
            numbers = knowledge.numbers(one, found.looked & places)
            now = kept | {place: bits for place, bits in numbers.items() if place in places}
            if sure > LIKELY:
                found.alone = now
            else:
                found.together = now

    def _known(self, places: set[int], sure: float) -> Iterator[tuple[Line, int]]:
        symbols = {symbol for one in self.boards.values() for symbol in one.references}
        for known in self._at(places):
            line = known.line
            other = (line.page_id, line.board) not in self.boards
            if other and line.symbol in symbols and known.peak >= sure:
                yield line, known.place
        if sure > LIKELY:
            return
        for key, one in self.boards.items():
            first = self.slight.found[key].first
            if first is not None:
                for line in lines_of(one, one.references):
                    yield line, first


def _is_slight(graph: Graph, sighting: Sighting) -> bool:
    return graph.node_at((sighting.strip_id, sighting.board)) is None


def _key(sighting: Sighting) -> BoardKey:
    return (sighting.page_id, sighting.board)
