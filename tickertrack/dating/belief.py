"""Exact beliefs on a forest: what each node thinks of every day, all evidence weighed once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tickertrack.dating.axis import Axis, Vector
from tickertrack.dating.edges import likely, logs, message
from tickertrack.dating.graph import Graph
from tickertrack.dating.past import Joint

__all__ = ["Beliefs", "believed", "shaken", "tell"]

# What a joint outside of the forest may weigh at most, in bits: it closes a circle, so part of
# what it carries has been heard already.
_SHAKES = 7.0
# So far news mostly reaches.
_STEPS = 4

# What is kept of beliefs, which are eight bytes a day and node; what is not is added up again.
_KEPT = 8 * 1024 * 1024

_Total = NDArray[np.int32]
_Sender = tuple[Joint, int]


def tell(graph: Graph, axis: Axis, changed: Iterable[int]) -> set[int]:
    """
    Let what changed be told on along the forest: sum-product (Pearl 1982); give who hears of it.

    Each side of a joint tells the other what it knows from all its other joints. Sums of whole
    numbers are the same in any order, so what is told depends on the forest alone.
    """
    heard = set(changed)
    graph.know_around(heard, _STEPS)
    waiting = deque(_leaves_first(graph, heard))
    queued = {(joint.key, sender) for joint, sender in waiting}
    while waiting:
        joint, sender = waiting.popleft()
        queued.discard((joint.key, sender))
        if not _retold(graph, axis, joint, sender):
            continue
        other = joint.other(sender)
        heard.add(other)
        for further in graph.chosen_of(other):
            if further.key != joint.key and (further.key, other) not in queued:
                queued.add((further.key, other))
                waiting.append((further, other))
    return heard


def _retold(graph: Graph, axis: Axis, joint: Joint, sender: int) -> bool:
    """Tell what a node knows over a joint; say whether that is anything else than before."""
    total = _total(graph, sender, without=joint)
    forward = joint.one == sender
    told = logs(message(axis, joint.kind, joint.bits, likely(total), forward=forward))
    before = joint.forward if forward else joint.backward
    if before is not None and np.array_equal(before, told):
        return False
    if forward:
        joint.forward = told
    else:
        joint.backward = told
    graph.touched.joints.add(joint.key)
    return True


def _total(graph: Graph, node: int, without: Joint | None = None) -> _Total:
    total = graph.node(node).own.astype(np.int32)
    for joint in graph.chosen_of(node):
        told = joint.told(node)
        if told is not None and joint is not without:
            total += told
    return total


def _leaves_first(graph: Graph, nodes: Iterable[int]) -> Iterator[_Sender]:
    """Order what changed nodes tell so that each is told once where all are new."""
    own = set(nodes)
    seen: set[int] = set()
    down: list[_Sender] = []
    for root in sorted(own):
        waiting = [root] if root not in seen else []
        seen.add(root)
        while waiting:
            node = waiting.pop()
            for joint in graph.chosen_of(node):
                other = joint.other(node)
                if other not in seen:
                    down.append((joint, node))
                    if other in own:
                        seen.add(other)
                        waiting.append(other)
    yield from ((joint, joint.other(sender)) for joint, sender in reversed(down)
                if joint.other(sender) in own)  # fmt: skip
    yield from down


def believed(graph: Graph, node: int) -> Vector:
    """Give a node's posterior over the days, by all that the forest tells it."""
    return likely(_total(graph, node))


def shaken(graph: Graph, axis: Axis, node: int) -> Vector:
    """Let the joints that closed circles shake what a node believes, and never confirm it."""
    total = _total(graph, node)
    before = likely(total)
    others = [one for one in graph.joints_of(node) if not one.chosen and one.kind != "page"]
    if not others:
        return before
    for joint in others:
        bits = min(joint.bits, _SHAKES)
        told = believed(graph, joint.other(node))
        total += logs(message(axis, joint.kind, bits, told, forward=joint.two == node))
    return _no_surer(before, likely(total))


def _no_surer(before: Vector, after: Vector) -> Vector:
    """Give what is believed after, but no surer of the same day: that would be hearing twice."""
    same = int(before.argmax()) == int(after.argmax())
    return before if same and after.max() > before.max() else after


class Beliefs:
    """What nodes believe when all has been told; of the first that are asked for it is kept."""

    def __init__(self, graph: Graph, axis: Axis) -> None:
        """Begin with none."""
        self._graph, self._axis = graph, axis
        self._kept: dict[int, Vector] = {}
        self._room = axis.vectors_in(_KEPT)

    def of(self, node: int) -> Vector:
        """Give what a node believes, shaken."""
        belief = self._kept.get(node)
        if belief is None:
            belief = shaken(self._graph, self._axis, node)
            if len(self._kept) < self._room:
                self._kept[node] = belief
        return belief
