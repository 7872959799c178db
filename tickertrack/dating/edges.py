"""
What joins nodes: neighbouring sessions, boards of one page, and the forest of what is surest.

Last prices of one session are the reference prices of the next (DESIGN.md, fact 5), so a price
vector that is another node's reference vector makes the two neighbours.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tickertrack.dating.axis import Axis, Vector, normal
from tickertrack.dating.nodes import Node, PriceIndex, agreement, root_of, tolerance_of

__all__ = ["Edge", "Kind", "find_edges", "message", "spanning_forest"]

Kind = Literal["next", "same", "page"]

# Fewer agreeing bits are not worth an edge; more than these are not worth more.
_WORTH, _ENOUGH = 8.0, 40.0
# Where a site keeps its own last prices, all of them are the next references; where it takes
# official closes, fewer are. Below half it is no chain.
_CHAINED = 0.5
# Boards of one page are of one session but for the minutes in which one refreshes first (fact 3):
# even odds where as many pages say otherwise, 1 % by the first page more.
_TORN, _OUT_OF_PHASE = 0.5, 0.02
_PAGE_WEIGHT = 12.0
# What a page of those first minutes says of its boards, of what another page says.
_EARLY = 0.25


@dataclass(frozen=True, slots=True)
class Edge:
    """
    Two nodes and how their sessions stand to each other.

    `next`: the second is the session after the first; `same`: one session by its prices; `page`:
    shown together, by so many pages (`bits`) more than with a neighbour of the first.
    """

    one: int
    two: int
    kind: Kind
    bits: float


def find_edges(axis: Axis, nodes: Sequence[Node]) -> list[Edge]:
    """List the edges between nodes, each pair and kind once, by the strongest evidence."""
    best: dict[tuple[int, int, Kind], float] = {}
    for edge in _neighbours(nodes):
        key = (edge.one, edge.two, edge.kind)
        best[key] = max(best.get(key, 0.0), edge.bits)
    apart = {frozenset((one, two)) for one, two, kind in best if kind == "next"}
    best.update(((edge.one, edge.two, edge.kind), edge.bits) for edge in _pages(axis, nodes, apart))
    return [Edge(*key, bits) for key, bits in sorted(best.items())]


def spanning_forest(axis: Axis, evidence: Sequence[Vector], edges: Sequence[Edge]) -> list[Edge]:
    """Choose the edges that the data speaks for most, and no circle of them."""
    own = [normal(vector * axis.open_probability) for vector in evidence]
    weighed = [(weight(axis, own, edge), edge) for edge in edges]
    surest = sorted(weighed, key=lambda pair: (-pair[0], pair[1].one, pair[1].two, pair[1].kind))
    parents = list(range(len(evidence)))
    forest = []
    for gain, edge in surest:
        one, two = root_of(parents, edge.one), root_of(parents, edge.two)
        if gain <= 0 or one == two:
            continue
        parents[two] = one
        forest.append(edge)
    return forest


def weight(axis: Axis, own: Sequence[Vector], edge: Edge) -> float:
    """Give the logarithm of how much likelier the data is with the edge than without."""
    if edge.kind == "page":
        return _PAGE_WEIGHT + edge.bits
    joint = float(np.sum(message(axis, edge, own[edge.one], forward=True) * own[edge.two]))
    return math.log2(max(joint, 1e-300)) + edge.bits * 1e-6


def message(axis: Axis, edge: Edge, belief: Vector, *, forward: bool) -> Vector:
    """Carry what one node believes over an edge, as a likelihood for the other node."""
    belief = normal(belief)
    strength: float = 2.0 ** min(edge.bits, _ENOUGH)
    if edge.kind == "next":
        carried = axis.following(belief) if forward else axis.preceding(belief)
        return 1.0 + strength * carried
    if edge.kind == "same":
        return 1.0 + strength * belief
    beside = axis.following(belief) + axis.preceding(belief)
    # That each of several pages was caught in such minutes is less likely with every page.
    astray: float = max(_TORN * _OUT_OF_PHASE**edge.bits, 1e-6)
    together = belief / np.maximum(axis.open_probability, 1e-6)
    return (1.0 - astray) * together + 0.5 * astray * beside + 1e-7


def _neighbours(nodes: Sequence[Node]) -> Iterator[Edge]:
    for board in ("stocks", "index"):
        own = [place for place, node in enumerate(nodes) if node.board == board]
        moving = [place for place in own if not nodes[place].flat]
        still = [place for place in own if nodes[place].flat]
        yield from _matches(nodes, own, moving, "next")
        # A flat board repeats the last prices of its session.
        yield from _matches(nodes, moving, still, "same")


def _matches(
    nodes: Sequence[Node], sources: list[int], targets: list[int], kind: Kind
) -> Iterator[Edge]:
    if not sources or not targets:
        return
    board = nodes[targets[0]].board
    tolerance = tolerance_of(board)
    index = PriceIndex(board, (nodes[place].references for place in targets))
    for source in sources:
        for prices in nodes[source].seen:
            for near in index.near(prices):
                target = targets[near]
                found = agreement(board, prices, nodes[target].references, tolerance)
                if target != source and found.bits >= _WORTH and found.share >= _CHAINED:
                    missed = found.shared - found.agreeing
                    yield Edge(source, target, kind, found.bits - missed)


def _pages(axis: Axis, nodes: Sequence[Node], apart: Collection[frozenset[int]]) -> Iterator[Edge]:
    """Join the boards of a page; a node keeps the partner that most of its pages show."""
    stocks: dict[int, int] = {}
    for place, node in enumerate(nodes):
        if node.board == "stocks":
            stocks.update((member.page_id, place) for member in node.members)
    for place, node in enumerate(nodes):
        if node.board != "index":
            continue
        said = _partners(axis, node, stocks)
        first = min(said, key=lambda partner: (-said[partner], partner), default=None)
        if first is not None:
            # Two partners may be one session, of other stocks; neighbours by price are two.
            rivals = (said[other] for other in said if frozenset((first, other)) in apart)
            yield Edge(first, place, "page", said[first] - max(rivals, default=0.0))


def _partners(axis: Axis, node: Node, stocks: Mapping[int, int]) -> Mapping[int, float]:
    said: dict[int, float] = defaultdict(float)
    for member in node.members:
        partner = stocks.get(member.page_id)
        if partner is not None:
            early = member.captured_at is not None and axis.is_early(member.captured_at)
            said[partner] += _EARLY if early else 1.0
    return said


def adjacency(edges: Sequence[Edge]) -> Mapping[int, list[Edge]]:
    """List the edges of each node."""
    result: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        result[edge.one].append(edge)
        result[edge.two].append(edge)
    return result
