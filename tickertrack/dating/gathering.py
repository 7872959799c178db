"""New boards to nodes: those of one session are gathered, whatever came in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tickertrack.dating.graph import Graph
from tickertrack.dating.nodes import (
    BoardVector,
    are_one,
    around,
    bits_of,
    keys_of,
    named,
    telling,
    tolerance_of,
    vector_of,
)
from tickertrack.dating.past import Part, Redraw, Seat
from tickertrack.models import Board, Sighting, is_flat

__all__ = ["Gathered", "gather", "is_enough", "root_of"]


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


def gather(graph: Graph, sightings: Iterable[Sighting], need: float) -> Gathered:
    """
    Gather new boards into nodes where their references carry `need` bits.

    Raises Redraw where so many have a number now that nothing is found by it any more.
    """
    shown = {(one.strip_id, one.board): one for one in sightings}
    graph.know_strips(strip for strip, _ in shown)
    new = {seat: _vector(one) for seat, one in shown.items() if seat not in graph.seats}
    fresh = _seated(graph, new)
    heavy = [one for one in fresh if one.id in graph.touched.vectors and _tells(one, need)]
    for vector in heavy:
        vector.node = vector.id
    _index(graph, heavy, {seat: shown[seat] for seat in new})
    if graph.is_crowded_now():
        raise Redraw
    found = Gathered(fresh={vector.id for vector in fresh if vector.node is not None})
    _join(graph, heavy, need, found)
    nodes = {graph.node_at(seat) for seat in shown}
    found.grown |= {node for node in nodes if node is not None}
    return found


def _vector(sighting: Sighting) -> BoardVector:
    return vector_of(sighting.board, sighting.references, flat=is_flat(sighting))


def _seated(graph: Graph, new: dict[Seat, BoardVector]) -> list[BoardVector]:
    graph.know_vectors(vector.id for vector in new.values())
    graph.strips_of(vector.id for vector in new.values())
    found = {vector.id: graph.sit(seat, vector) for seat, vector in sorted(new.items())}
    return [found[own_id] for own_id in sorted(found)]


def _tells(vector: BoardVector, need: float) -> bool:
    return bits_of(vector.board, vector.references, tolerance_of(vector.board)) >= need


def _index(graph: Graph, heavy: Iterable[BoardVector], new: dict[Seat, Sighting]) -> None:
    """Note by which numbers new vectors are found, and ask who else has numbers as near."""
    rows: list[tuple[Board, int, Part, int]] = []
    for vector in heavy:
        best = set(telling(vector.board, vector.references))
        for key in keys_of(vector.board, vector.references):
            part: Part = "telling" if key in best else "reference"
            rows.append((vector.board, key, part, vector.id))
    for seat, one in new.items():
        owner = graph.vectors[graph.seats[seat]]
        if owner.node is not None:
            keys = telling(one.board, one.prices)
            rows += [(one.board, key, "price", owner.id) for key in keys]
        else:
            _note(graph, one, owner.id)
    by_board: dict[Board, set[int]] = defaultdict(set)
    for board, key, _, _ in rows:
        by_board[board].add(key)
    for board, own in by_board.items():
        graph.know_keys(near for _, near in around(board, own))
    for _, key, part, own_id in rows:
        graph.add_key(key, part, own_id)


def _note(graph: Graph, sighting: Sighting, own_id: int) -> None:
    """Note by which numbers a board that tells too little may be touched by what others show."""
    for key in keys_of(sighting.board, sighting.references):
        graph.note_key(key, "slight", own_id)
    still = {
        symbol: price
        for symbol, price in sighting.prices.items()
        if price == sighting.references[symbol]
    }
    for key in keys_of(sighting.board, still):
        graph.note_key(key, "still", own_id)


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
    best = set(telling(vector.board, vector.references))
    shared: dict[int, set[int]] = defaultdict(set)
    for key, near in around(vector.board, keys_of(vector.board, vector.references)):
        if not graph.having(key):
            continue
        for part, other in graph.having(near):
            if part == "telling" or (part == "reference" and key in best):
                shared[other].add(named(key))
    return sorted(own_id for own_id in shared if is_enough(shared[own_id]) and own_id != vector.id)


def is_enough(symbols: set[int]) -> bool:
    """Say whether so many shared numbers are worth a closer look: one alone is chance."""
    return len(symbols) > 1


def root_of(parents: dict[int, int], place: int) -> int:
    """Find whom a node is joined to (union-find, paths halved on the way)."""
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
