"""
Boards that must be of one session, gathered into nodes.

All captures of a session share their reference prices, symbol by symbol, and no other session
has them all: that is what makes a node. A flat board (every stock `No Change`, before the open)
has no reference prices of its own; its prices are the last ones of the session before.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tickertrack.dating.evidence import INDEX_ROUNDING
from tickertrack.models import Board, Sighting, is_flat

__all__ = ["Agreement", "Node", "agreement", "bits_of", "gather", "threshold"]

_SCALE = 10_000
_PAISA = _SCALE // 100
# How much one agreeing number tells sessions apart, in bits: a stock moves some 3 % between two
# sessions in steps of a paisa, so a cheap one says little; none says more than five.
_STOCK_MOVE, _STOCK_BITS = 0.03, (0.5, 5.0)
# An index moves 1 % a day against a rounding of a point; the others move with the first one.
_INDEX_MOVE, _FOLLOWER_MOVE, _NORMAL_WIDTH = 0.01, 0.0025, 2.5
# Chance must make less than one false match in a thousand boards.
_SAFETY_BITS = 10.0
# Of the numbers that two boards share, so many must agree: a site mends one now and then.
_MOST = 0.9
_KEYS_TRIED, _COMMON = 8, 200

Prices = Mapping[str, int]


@dataclass(slots=True)
class Node:
    """Boards of one session: who shows them, and the prices that were seen."""

    board: Board
    flat: bool
    references: Prices
    bits: float
    members: list[Sighting] = field(default_factory=list)
    seen: list[Prices] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, int]:
        """Give the same node the same place in any order of arrival."""
        return min((one.strip_id, one.page_id) for one in self.members)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two vectors of prices agree on the symbols that they share."""

    bits: float
    agreeing: int
    shared: int

    @property
    def share(self) -> float:
        """Give the share of agreeing symbols."""
        return self.agreeing / self.shared if self.shared else 0.0


def threshold(boards: int) -> float:
    """Give the bits that an agreement needs not to be chance among so many boards."""
    return math.log2(max(boards, 2)) + _SAFETY_BITS


def bits_of(board: Board, prices: Prices, tolerance: int) -> float:
    """Give the bits that a vector of prices carries."""
    # Exact: else the last digit would hang on the order in which a set gives its symbols.
    return math.fsum(_symbol_bits(board, prices, tolerance).values())


def agreement(board: Board, one: Prices, other: Prices, tolerance: int) -> Agreement:
    """Compare two vectors of prices in 1/10,000; `tolerance` is the rounding of both together."""
    shared = one.keys() & other.keys()
    equal = {
        symbol: one[symbol] for symbol in shared if abs(one[symbol] - other[symbol]) <= tolerance
    }
    return Agreement(bits_of(board, equal, tolerance), len(equal), len(shared))


def tolerance_of(board: Board) -> int:
    """Give the rounding between two printed references of a board: stocks print in full."""
    return 2 * INDEX_ROUNDING if board == "index" else 0


def gather(sightings: Sequence[Sighting], need: float) -> list[Node]:
    """Gather sightings whose references carry `need` bits into nodes, in an order of their own."""
    nodes: list[Node] = []
    for kind in _kinds(sightings):
        nodes.extend(_merged(kind, need))
    return sorted(nodes, key=lambda node: (node.board, node.flat, node.key))


def vector_of(sighting: Sighting) -> Prices:
    """Give what places a board: its references, or, where it is flat, the prices it repeats."""
    return sighting.references


class PriceIndex:
    """Finds the vectors that share numbers with a given one, rarest numbers first."""

    def __init__(self, board: Board, vectors: Iterable[Prices]) -> None:
        """Index vectors by (symbol, price); an index's price also in the buckets beside its own."""
        self.board = board
        self.step = tolerance_of(board) or 1
        self.vectors = list(vectors)
        self.places: dict[tuple[str, int], list[int]] = defaultdict(list)
        for place, vector in enumerate(self.vectors):
            for symbol, price in vector.items():
                self.places[symbol, price // self.step].append(place)

    def near(self, vector: Prices) -> list[int]:
        """List the vectors that may agree with this one."""
        found: set[int] = set()
        rarest = sorted(vector.items(), key=lambda item: (len(self._at(*item)), item))
        for symbol, price in rarest[:_KEYS_TRIED]:
            places = self._at(symbol, price)
            if len(places) <= _COMMON or not found:
                found.update(places)
        return sorted(found)

    def _at(self, symbol: str, price: int) -> list[int]:
        bucket = price // self.step
        around = (bucket,) if self.board == "stocks" else (bucket - 1, bucket, bucket + 1)
        return [place for one in around for place in self.places.get((symbol, one), ())]


def _kinds(sightings: Sequence[Sighting]) -> Iterator[list[Sighting]]:
    kinds: dict[tuple[Board, bool], list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        kinds[sighting.board, is_flat(sighting)].append(sighting)
    yield from (kinds[key] for key in sorted(kinds))


def _merged(sightings: list[Sighting], need: float) -> list[Node]:
    board, flat = sightings[0].board, is_flat(sightings[0])
    tolerance = tolerance_of(board)
    alike = _alike(sightings)
    keys = sorted(key for key in alike if bits_of(board, dict(key), tolerance) >= need)
    vectors = [dict(key) for key in keys]
    parents = _joined(board, vectors, need)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(vectors)):
        groups[root_of(parents, place)].append(place)
    return [
        _node(board, flat, [alike[keys[place]] for place in places], vectors[places[0]])
        for places in groups.values()
    ]


def _alike(sightings: Iterable[Sighting]) -> dict[tuple[tuple[str, int], ...], list[Sighting]]:
    alike: dict[tuple[tuple[str, int], ...], list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        alike[tuple(sorted(vector_of(sighting).items()))].append(sighting)
    return alike


def _joined(board: Board, vectors: list[dict[str, int]], need: float) -> list[int]:
    parents = list(range(len(vectors)))
    index = PriceIndex(board, vectors)
    tolerance = tolerance_of(board)
    for place, vector in enumerate(vectors):
        for other in index.near(vector):
            if other <= place:
                continue
            found = agreement(board, vector, vectors[other], tolerance)
            if found.bits >= need and found.share >= _MOST:
                one, two = sorted((root_of(parents, place), root_of(parents, other)))
                parents[two] = one
    return parents


def root_of(parents: list[int], place: int) -> int:
    """Find whom a place is joined to (union-find, paths halved on the way)."""
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place


def _node(board: Board, flat: bool, groups: list[list[Sighting]], references: Prices) -> Node:  # noqa: FBT001
    members = sorted(
        (sighting for group in groups for sighting in group),
        key=lambda one: (one.strip_id, one.page_id),
    )
    seen = {one.strip_id: one.prices for one in members}
    bits = bits_of(board, references, tolerance_of(board))
    return Node(board, flat, references, bits, members, [seen[key] for key in sorted(seen)])


def _symbol_bits(board: Board, prices: Prices, tolerance: int) -> dict[str, float]:
    if board == "stocks":
        low, high = _STOCK_BITS
        return {
            symbol: min(max(math.log2(max(price / _PAISA * _STOCK_MOVE, 1.0)), low), high)
            for symbol, price in prices.items()
        }
    largest = max(prices.values(), default=0)
    return {
        symbol: _index_bits(price, _INDEX_MOVE if price == largest else _FOLLOWER_MOVE, tolerance)
        for symbol, price in prices.items()
    }


def _index_bits(price: int, move: float, tolerance: int) -> float:
    return max(math.log2(max(price * move * _NORMAL_WIDTH / (2 * tolerance), 1.0)), 0.0)
