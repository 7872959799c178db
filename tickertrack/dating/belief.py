"""Exact beliefs on a forest: what each node thinks of every day, all evidence weighed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tickertrack.dating.axis import Axis, Vector, normal
from tickertrack.dating.edges import Edge, adjacency, message

__all__ = ["beliefs", "shaken"]

# What an edge outside of the forest may weigh at most, in bits: it closes a circle, so part of
# what it carries has been heard already.
_SHAKES = 7.0


def beliefs(axis: Axis, evidence: Sequence[Vector], forest: Sequence[Edge]) -> list[Vector]:
    """
    Give each node's posterior over the days: sum-product on a forest (Pearl 1982).

    `evidence` holds each node's own likelihoods; the prior of a day is that the market traded.
    """
    joined = adjacency(forest)
    order, parents = _walk(len(evidence), joined)
    up: dict[int, Vector] = {}
    own = [vector * axis.open_probability for vector in evidence]
    inward = [vector.copy() for vector in own]
    for node in reversed(order):
        edge = parents.get(node)
        if edge is not None:
            up[node] = _sent(axis, edge, node, inward[node])
            parent = _other(edge, node)
            inward[parent] = _scaled(inward[parent] * up[node])
    final: dict[int, Vector] = {}
    for node in order:
        edge = parents.get(node)
        if edge is None:
            final[node] = normal(inward[node])
            continue
        parent = _other(edge, node)
        without = final[parent] / np.maximum(up[node], 1e-300)
        final[node] = normal(inward[node] * _sent(axis, edge, parent, without))
    return [final[node] for node in range(len(evidence))]


def shaken(
    axis: Axis, believed: Sequence[Vector], edges: Sequence[Edge], forest: Sequence[Edge]
) -> list[Vector]:
    """Let the edges that closed circles shake what the forest believes, and never confirm it."""
    in_forest = set(forest)
    result = [belief.copy() for belief in believed]
    for edge in edges:
        if edge in in_forest or edge.kind == "page":
            continue
        weak = replace(edge, bits=min(edge.bits, _SHAKES))
        result[edge.two] *= message(axis, weak, believed[edge.one], forward=True)
        result[edge.one] *= message(axis, weak, believed[edge.two], forward=False)
    return [_no_surer(*pair) for pair in zip(believed, map(normal, result), strict=True)]


def _no_surer(before: Vector, after: Vector) -> Vector:
    """Give what is believed after, but no surer of the same day: that would be hearing twice."""
    same = int(before.argmax()) == int(after.argmax())
    return before if same and after.max() > before.max() else after


def _sent(axis: Axis, edge: Edge, sender: int, belief: Vector) -> Vector:
    return _scaled(message(axis, edge, belief, forward=edge.one == sender))


def _scaled(vector: Vector) -> Vector:
    top = float(vector.max())
    return vector / top if top > 0 else np.ones(len(vector))


def _other(edge: Edge, node: int) -> int:
    return edge.two if edge.one == node else edge.one


def _walk(count: int, joined: Mapping[int, list[Edge]]) -> tuple[list[int], dict[int, Edge]]:
    order: list[int] = []
    parents: dict[int, Edge] = {}
    seen = [False] * count
    for root in range(count):
        waiting = [] if seen[root] else [root]
        seen[root] = True
        while waiting:
            node = waiting.pop()
            order.append(node)
            for edge in joined.get(node, ()):
                other = _other(edge, node)
                if not seen[other]:
                    seen[other] = True
                    parents[other] = edge
                    waiting.append(other)
    return order, parents
