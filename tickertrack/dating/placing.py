"""What each node is taken to be of, and what speaks for it, once it has heard the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from tickertrack.dating.axis import Axis, Vector, normal
from tickertrack.dating.belief import Beliefs
from tickertrack.dating.edges import logs, message
from tickertrack.dating.evidence import (
    AxisSeries,
    date_evidence,
    own_evidence,
    series_evidence,
)
from tickertrack.dating.graph import Graph
from tickertrack.dating.nodes import bits_of, tolerance_of
from tickertrack.dating.past import Joint, Logs, Node
from tickertrack.models import Board, Member

__all__ = [
    "Judged",
    "Placed",
    "Setting",
    "hear_evidence",
    "judge",
    "other_board",
    "placed",
    "points_to",
]

# Evidence other than the page's own dates that is worth the name.
_SUPPORT = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """The days that there are, the imported series, and the bits that make a node."""

    axis: Axis
    laid: Mapping[str, AxisSeries]
    need: float


@dataclass(frozen=True, slots=True)
class Placed:
    """
    What is believed of a board, and what spoke for it.

    `supported`: numbers of other boards or of an imported series speak for the likeliest day;
    `votes`: the pages whose own dates do.
    """

    belief: Vector
    supported: bool
    votes: frozenset[int]
    evidence: Mapping[str, object]

    @property
    def best(self) -> int:
        """Give the likeliest day's place."""
        return int(self.belief.argmax())


@dataclass(frozen=True, slots=True)
class Judged:
    """The nodes of which anything else is to be said than before, and what nodes believe."""

    nodes: Collection[int]
    beliefs: Beliefs


# ---- what a node says by itself


def hear_evidence(graph: Graph, setting: Setting, nodes: Iterable[int]) -> set[int]:
    """Hear what the dates and numbers of nodes say by themselves; give those that say else."""
    asked = sorted(nodes)
    graph.know_nodes(asked)
    changed = set()
    # Nodes of one day mostly hear the same.
    alike: dict[bytes, Logs] = {}
    for own_id in asked:
        face = graph.face(own_id)
        dates = date_evidence(setting.axis, _speakers(graph, own_id), flat=face.flat)
        own = logs(dates * _closes(graph, setting, own_id) * setting.axis.open_probability)
        own = alike.setdefault(blake2b(own.data, digest_size=16).digest(), own)
        known = graph.nodes.get(own_id)
        if known is None:
            graph.nodes[own_id] = Node(own_id, own)
        elif np.array_equal(known.own, own):
            continue
        else:
            known.own = own
        graph.touched.nodes.add(own_id)
        graph.touched.gone_nodes.discard(own_id)
        changed.add(own_id)
    return changed


def _speakers(graph: Graph, node: int) -> Sequence[Member]:
    """Let the dates of each page speak once, through the first of its boards that has a node."""
    members = graph.members_in(node)
    if graph.face(node).board == "stocks":
        return members
    return [one for one in members if graph.node_at((one.strip_id, "stocks")) is None]


def _closes(graph: Graph, setting: Setting, node: int) -> Vector:
    """Give what a series says of a node, or of a page's other board where that has no node."""
    ones = np.ones(len(setting.axis))
    if not setting.laid:
        return ones
    board, strips = graph.face(node).board, [one.strip_id for one in graph.members_in(node)]
    shown = graph.facts.board((strips[0], board))
    told = series_evidence(setting.axis, board, shown, setting.laid)
    return told * _beside(graph, setting, [(strip, other_board(board)) for strip in strips])


def _beside(graph: Graph, setting: Setting, seats: Iterable[tuple[int, Board]]) -> Vector:
    for seat in seats:
        vector = graph.vector_at(seat)
        if vector and vector.node is None and vector.references.keys() & setting.laid.keys():
            told = series_evidence(setting.axis, seat[1], graph.facts.board(seat), setting.laid)
            belief = normal(told * setting.axis.open_probability)
            return message(setting.axis, "page", 1.0, belief, forward=True)
    return np.ones(len(setting.axis))


# ---- what it is taken to be of


def judge(graph: Graph, setting: Setting, heard: Collection[int]) -> Judged:
    """Take nodes that heard something new to be of a day; give all that are to be placed anew."""
    beliefs = Beliefs(graph, setting.axis)
    graph.know_around(heard, 2)
    near = {one.other(node) for node in heard for one in graph.joints_of(node) if _shakes(one)}
    near |= set(heard)
    moved = {node for node in sorted(near) if _is_moved(graph, node, beliefs.of(node))}
    graph.know_joints(moved)
    held = {one.other(node) for node in moved for one in graph.joints_of(node) if _counts(one)}
    turned = {node for node in near | held if _is_turned(graph, setting, node)}
    graph.know_around(turned, 2)
    stars = {one for node in {*heard, *moved, *turned} for one in _star(graph, node)}
    found = near | turned | stars
    graph.know_nodes(found)
    return Judged(found, beliefs)


def _shakes(joint: Joint) -> bool:
    return not joint.chosen and joint.kind != "page"


def _counts(joint: Joint) -> bool:
    return joint.kind != "page"


def _is_moved(graph: Graph, own_id: int, belief: Vector) -> bool:
    node = graph.node(own_id)
    before, best = node.best, int(belief.argmax())
    if (node.best, node.peak) != (best, float(belief[best])):
        node.best, node.peak = best, float(belief[best])
        graph.touched.nodes.add(own_id)
    return before != best


def _is_turned(graph: Graph, setting: Setting, own_id: int) -> bool:
    """Hear again whether numbers other than its own speak for a node's likeliest day."""
    node = graph.node(own_id)
    before = node.witnessed
    node.witnessed = _by_series(graph, setting, node) or any(
        _holds(graph, setting.axis, joint) for joint in graph.joints_of(own_id) if _counts(joint)
    )
    if node.witnessed != before:
        graph.touched.nodes.add(own_id)
    return node.witnessed != before


def _by_series(graph: Graph, setting: Setting, node: Node) -> bool:
    return bool(setting.laid) and points_to(
        setting.axis, _closes(graph, setting, node.id), node.best
    )


def _holds(graph: Graph, axis: Axis, joint: Joint) -> bool:
    one, two = graph.node(joint.one).best, graph.node(joint.two).best
    if joint.kind == "same":
        return one == two
    step = two - one
    return 0 < step <= len(axis.steps) and bool(axis.steps[step - 1][one] >= _SUPPORT)


def points_to(axis: Axis, likelihood: Vector, place: int) -> bool:
    """Say whether a likelihood speaks for a day rather than for all others together."""
    return bool(normal(likelihood * axis.open_probability)[place] >= _SUPPORT)


# ---- what speaks for it


def placed(graph: Graph, setting: Setting, node: int, belief: Vector) -> Placed:
    """Say what is believed of a node, and what spoke for it."""
    votes = frozenset(
        member.page_id
        for member in graph.members_in(node)
        if _votes(setting.axis, member, graph.face(node).flat, int(belief.argmax()))
    )
    return Placed(belief, _is_supported(graph, node), votes, _told(graph, node))


def _votes(axis: Axis, member: Member, flat: bool, best: int) -> bool:  # noqa: FBT001
    own = own_evidence(axis, member, flat=flat)
    return own is not None and points_to(axis, own, best)


def _is_supported(graph: Graph, node: int) -> bool:
    """Say whether numbers speak for a node, or for one shown beside it that is of its day."""
    star = [graph.node(one) for one in _star(graph, node)]
    best = star[0].best
    if graph.node(node).best != best:
        return graph.node(node).witnessed
    return any(one.witnessed for one in star if one.best == best)


def _star(graph: Graph, node: int) -> list[int]:
    """List a node of stocks and the nodes of index lines that pages show beside it."""
    beside = [joint.one for joint in graph.joints_of(node) if joint.kind == "page"]
    centre = beside[0] if beside else node
    return [centre, *(one.two for one in graph.joints_of(centre) if one.kind == "page")]


def _told(graph: Graph, node: int) -> dict[str, object]:
    face = graph.face(node)
    kinds = Counter(joint.kind for joint in graph.joints_of(node))
    bits = bits_of(face.board, face.references, tolerance_of(face.board))
    return {
        "lines": len(face.references),
        "pages": len(graph.members_in(node)),
        "bits": round(bits, 1),
        "neighbours": kinds["next"] + kinds["same"],
        "flat": face.flat,
    }


def other_board(board: Board) -> Board:
    """Give a strip's other board."""
    return "index" if board == "stocks" else "stocks"
