"""The forest of the surest joints: what closes a circle with surer ones is left out of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from tickertrack.dating.axis import Axis, Vector
from tickertrack.dating.edges import likely, message
from tickertrack.dating.gathering import root_of
from tickertrack.dating.graph import Graph
from tickertrack.dating.past import Joint, JointKey

__all__ = ["choose_forest", "weigh"]

# Before any joint by prices: an index board is dated by the stocks beside it rather than by the
# index boards of other sessions, and news of one session stays near it.
_PAGE_WEIGHT = 60.0
# So many nodes are looked through on either side of a change, for so many changes; where that does
# not tell what they change, the forest is chosen among all joints again: the outcome is the same.
_FAR, _MANY = 48, 64
# What is kept of what nodes believe by themselves, for their other joints.
_KEPT = 4 * 1024 * 1024


class _TooFarError(Exception):
    """More nodes would have to be looked through than is worth it."""


def weigh(graph: Graph, axis: Axis, changed: Iterable[int]) -> None:
    """Weigh the joints of nodes whose own evidence or whose joints are different."""
    ends = sorted(changed)
    graph.know_joints(ends)
    joints = {joint.key: joint for node in ends for joint in graph.joints_of(node)}
    graph.know_nodes(end for key in joints for end in key[:2])
    beliefs: dict[int, Vector] = {}
    for key in sorted(joints):
        joint = joints[key]
        if len(beliefs) > axis.vectors_in(_KEPT):
            beliefs.clear()
        weight = _weight(graph, axis, joint, beliefs)
        if weight != joint.weight:
            joint.weight = weight
            graph.touched.joints.add(key)


def _weight(graph: Graph, axis: Axis, joint: Joint, beliefs: dict[int, Vector]) -> float:
    """
    Give the logarithm of how much likelier the data is with a joint than without.

    In whole bits, so that a little more evidence leaves the forest as it is; of equals those
    that more prices speak for come first.
    """
    if joint.kind == "page":
        return _PAGE_WEIGHT + joint.bits
    for end in (joint.one, joint.two):
        if end not in beliefs:
            beliefs[end] = likely(graph.node(end).own.astype(np.int32))
    told = message(axis, joint.kind, joint.bits, beliefs[joint.one], forward=True)
    gain = math.log2(max(float(np.sum(told * beliefs[joint.two])), 1e-300))
    return round(gain) + joint.bits * 1e-6


# ---- which of them are chosen


def choose_forest(graph: Graph) -> set[int]:
    """Choose the joints that the data speaks for most, and no circle; give the ends of others."""
    out, tried = _changes(graph)
    if len(out) + len(tried) > _MANY or not _is_chosen_near(graph, out, tried):
        _choose_all(graph)
    changed = [one for one in graph.joints.values() if one.chosen != graph.was_chosen(one.key)]
    for joint in changed:
        joint.forward = joint.backward = None
        graph.touched.joints.add(joint.key)
    return {end for joint in changed for end in joint.key[:2]}


def _is_chosen_near(graph: Graph, out: set[JointKey], tried: set[JointKey]) -> bool:
    try:
        _choose_near(graph, out, tried)
    except _TooFarError:
        return False
    return True


def _choose_all(graph: Graph) -> None:
    weighed = graph.weights()
    parents: dict[int, int] = {}
    chosen = set()
    for key, (weight, _) in sorted(weighed.items(), key=lambda item: (-item[1][0], item[0])):
        for end in key[:2]:
            parents.setdefault(end, end)
        one, two = root_of(parents, key[0]), root_of(parents, key[1])
        if weight > 0 and one != two:
            parents[two] = one
            chosen.add(key)
    changed = {key for key, (_, before) in weighed.items() if before != (key in chosen)}
    graph.know_joints(end for key in changed for end in key[:2])
    for key in changed:
        graph.joints[key].chosen = key in chosen


def _changes(graph: Graph) -> tuple[set[JointKey], set[JointKey]]:
    """Give the joints to be taken out first, and those that may then come in."""
    out, tried = set(), set()
    for key in graph.touched.joints | graph.touched.gone_joints:
        joint, before = graph.joints.get(key), graph.weight_before(key)
        chosen = graph.was_chosen(key)
        if joint is None or before is None:
            out |= {key} if chosen else set()
            tried |= {key} if joint else set()
        elif chosen and (joint.weight < before or not joint.chosen):
            out.add(key)
            tried.add(key)
        elif not chosen and joint.weight > before:
            tried.add(key)
    return out, tried


def _choose_near(graph: Graph, out: set[JointKey], tried: set[JointKey]) -> None:
    """Mend the forest where joints left it, then let new and surer ones in, one by one."""
    for key in out & graph.joints.keys():
        graph.joints[key].chosen = False
    _mend(graph, {end for key in out for end in key[:2]} - graph.touched.gone_nodes, tried)
    for key in sorted(tried):
        joint = graph.joints[key]
        if joint.weight <= 0:
            continue
        path = _path(graph, joint)
        joint.chosen = not path or _rank(joint) < max(map(_rank, path))
        if path and joint.chosen:
            max(path, key=_rank).chosen = False


def _mend(graph: Graph, loose: set[int], tried: set[JointKey]) -> None:
    """Join what fell apart by the surest joints between the parts; those to be tried come later."""
    waiting, far = sorted(loose), frozenset[int]()
    while waiting:
        node = waiting.pop()
        if node in far:
            continue
        part = _part(graph, node)
        if part is None:
            # Of what is far on all sides only one part may be loose: others cannot be told apart.
            if far:
                raise _TooFarError
            far = frozenset(_reached(graph, node))
            continue
        best = min(_leaving(graph, part, tried), key=_rank, default=None)
        if best is not None:
            best.chosen = True
            waiting.append(node)


def _leaving(graph: Graph, part: set[int], tried: set[JointKey]) -> list[Joint]:
    joints = (joint for node in part for joint in graph.joints_of(node))
    return [
        joint
        for joint in joints
        if joint.weight > 0 and joint.key not in tried and not {joint.one, joint.two} <= part
    ]


def _part(graph: Graph, node: int) -> set[int] | None:
    """Give all nodes that the forest joins to one; None where they are too many."""
    reached = _reached(graph, node)
    return reached if len(reached) <= _FAR else None


def _reached(graph: Graph, node: int) -> set[int]:
    reached, edge = {node}, {node}
    while edge and len(reached) <= _FAR:
        graph.know_joints(edge)
        near = {joint.other(one) for one in edge for joint in graph.chosen_of(one)}
        edge = near - reached
        reached |= edge
    return reached


def _path(graph: Graph, joint: Joint) -> list[Joint]:
    """Give the joints of the forest between the ends of another; none where these lie apart."""
    came: tuple[dict[int, Joint | None], ...] = ({joint.one: None}, {joint.two: None})
    edges = [{joint.one}, {joint.two}]
    while len(came[0]) + len(came[1]) <= 2 * _FAR:
        side = 0 if len(came[0]) <= len(came[1]) else 1
        edges[side] = _further(graph, edges[side], came[side])
        met = sorted(edges[side] & came[1 - side].keys())
        if met:
            return [*_back(came[0], met[0]), *_back(came[1], met[0])]
        if not edges[side]:
            return []
    raise _TooFarError


def _further(graph: Graph, edge: set[int], came: dict[int, Joint | None]) -> set[int]:
    graph.know_joints(edge)
    found = set()
    for node in sorted(edge):
        for joint in graph.chosen_of(node):
            other = joint.other(node)
            if other not in came:
                came[other] = joint
                found.add(other)
    return found


def _back(came: Mapping[int, Joint | None], node: int) -> list[Joint]:
    path = []
    while joint := came[node]:
        path.append(joint)
        node = joint.other(node)
    return path


def _rank(joint: Joint) -> tuple[float, JointKey]:
    return (-joint.weight, joint.key)
