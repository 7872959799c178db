"""New boards to nodes: those of one session are gathered, whatever came in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tickertrack.dating.graph import Graph
from tickertrack.dating.keys import KeyRow
from tickertrack.dating.nodes import (
    BoardVector,
    Prices,
    are_one,
    around,
    bits_of,
    keys_of,
    named,
    telling,
    tolerance_of,
    vector_of,
)
from tickertrack.dating.past import Redraw, Seat
from tickertrack.models import Board, stands_still

__all__ = ["Gathered", "gather", "is_enough", "near_rows", "root_of"]


@dataclass(slots=True)
class Gathered:
    """
    What new boards did to nodes.

    `grown`: nodes with new boards; `rebuilt`: those of them that are new or were several;
    `fresh`: vectors that new strips show.
    """

    grown: set[int] = field(default_factory=set)
    rebuilt: set[int] = field(default_factory=set)
    fresh: set[int] = field(default_factory=set)


def gather(graph: Graph, seats: Iterable[Seat], need: float) -> Gathered:
    """
    Gather new boards into nodes where their references carry `need` bits.

    Raises Redraw where so many have a number now that nothing is found by it any more.
    """
    shown = set(seats)
    graph.know_strips(strip for strip, _ in shown)
    new = sorted(seat for seat in shown if seat not in graph.seats)
    graph.facts.know_boards(strip for strip, _ in new)
    fresh = _seated(graph, new)
    heavy = [one for one in fresh if one.id in graph.touched.vectors and _tells(one, need)]
    for vector in heavy:
        vector.node = vector.id
    _index(graph, heavy, new)
    if graph.is_crowded_now():
        raise Redraw
    found = Gathered(fresh={vector.id for vector in fresh if vector.node is not None})
    _join(graph, heavy, need, found)
    nodes = {graph.node_at(seat) for seat in shown}
    found.grown |= {node for node in nodes if node is not None}
    return found


def _vector(graph: Graph, seat: Seat) -> BoardVector:
    prices, references = graph.facts.board(seat)
    return vector_of(seat[1], references, flat=stands_still(seat[1], prices, references))


def _seated(graph: Graph, new: Iterable[Seat]) -> list[BoardVector]:
    found: dict[int, BoardVector] = {}
    vectors = []
    for seat in new:
        vector = _vector(graph, seat)
        vectors.append((seat, found.setdefault(vector.id, vector)))
    graph.know_vectors(found)
    graph.strips_of(found)
    for seat, vector in vectors:
        found[vector.id] = graph.sit(seat, vector)
    return [found[own_id] for own_id in sorted(found)]


def _tells(vector: BoardVector, need: float) -> bool:
    return bits_of(vector.board, vector.references, tolerance_of(vector.board)) >= need


def _index(graph: Graph, heavy: Iterable[BoardVector], new: Iterable[Seat]) -> None:
    """Note by which numbers new vectors are found, and ask who else has numbers as near."""
    for vector in heavy:
        _enter(graph, vector.board, _references(vector))
    for seat in new:
        owner = graph.vectors[graph.seats[seat]]
        prices, references = graph.facts.board(seat)
        if owner.node is None:
            graph.slight_keys.add(_slight(owner, prices, references))
        else:
            keys = telling(owner.board, prices)
            _enter(graph, owner.board, [(key, "price", owner.id) for key in keys])


def _enter(graph: Graph, board: Board, rows: Sequence[KeyRow]) -> None:
    graph.know_keys(near for _, near in around(board, (key for key, _, _ in rows)))
    graph.keys.add(rows)


def _references(vector: BoardVector) -> list[KeyRow]:
    references = vector.references
    best = set(telling(vector.board, references))
    return [
        (key, "telling" if key in best else "reference", vector.id)
        for key in keys_of(vector.board, references)
    ]


def _slight(vector: BoardVector, prices: Prices, references: Prices) -> Iterator[KeyRow]:
    """Give by which numbers a board that tells too little may be touched by what others show."""
    for key in keys_of(vector.board, references):
        yield key, "slight", vector.id
    still = {symbol: price for symbol, price in prices.items() if price == references[symbol]}
    for key in keys_of(vector.board, still):
        yield key, "still", vector.id


def _join(graph: Graph, heavy: Iterable[BoardVector], need: float, found: Gathered) -> None:
    """Let new vectors join the nodes that they are one with, and these each other."""
    parents: dict[int, int] = {}
    for vector in heavy:
        parents.setdefault(vector.id, vector.id)
        others = _alike(graph, vector)
        graph.know_vectors(others)
        for other in (graph.vectors[own_id] for own_id in others):
            if other.node is None or not are_one(vector, other, need):
                continue
            parents.setdefault(other.node, other.node)
            one, two = sorted((root_of(parents, vector.id), root_of(parents, other.node)))
            parents[two] = one
    groups: dict[int, set[int]] = defaultdict(set)
    for node in parents:
        groups[root_of(parents, node)].add(node)
    new = {vector.id for vector in heavy}
    for root, group in groups.items():
        old = group - new
        if root in new or len(old) > 1:
            found.rebuilt.add(root)
        found.grown.add(root)
        _merge(graph, root, group, old)


def _merge(graph: Graph, root: int, group: set[int], old: set[int]) -> None:
    for node in sorted(group):
        for vector in graph.vectors_of([node]) if node in old else [graph.vectors[node]]:
            graph.move(vector, root)
        if node in old and node != root:
            for joint in graph.joints_of(node):
                graph.drop_joint(joint)
            graph.drop_node(node)


def _alike(graph: Graph, vector: BoardVector) -> list[int]:
    """List the vectors that share numbers which tell much of either."""
    references = vector.references
    best = set(telling(vector.board, references))
    shared: dict[int, set[int]] = defaultdict(set)
    for key, part, other in near_rows(graph, vector.board, keys_of(vector.board, references)):
        if part == "telling" or (part == "reference" and key in best):
            shared[other].add(named(key))
    return sorted(own_id for own_id in shared if is_enough(shared[own_id]) and own_id != vector.id)


def near_rows(graph: Graph, board: Board, keys: Iterable[int]) -> Iterator[KeyRow]:
    """Give part and vector of all that have numbers near these, each with the number asked for."""
    for key, near in around(board, keys):
        held = graph.having(key)
        if held:
            for part, other in held if near == key else graph.having(near):
                yield key, part, other


def is_enough(symbols: set[int]) -> bool:
    """Say whether so many shared numbers are worth a closer look: one alone is chance."""
    return len(symbols) > 1


def root_of(parents: dict[int, int], place: int) -> int:
    """Find whom a node is joined to (union-find, paths halved on the way)."""
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
