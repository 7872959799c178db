"""
What joins nodes: neighbouring sessions, and boards of one page.

Last prices of one session are the reference prices of the next (DESIGN.md, fact 5), so a price
vector that is another node's reference vector makes the two neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from tickertrack.dating.axis import Axis, Vector, normal
from tickertrack.dating.gathering import Gathered, is_enough, near_rows
from tickertrack.dating.graph import Graph
from tickertrack.dating.nodes import BoardVector, agreement, around, keys_of, named, telling
from tickertrack.dating.past import Joint, JointKey, Kind, Logs

__all__ = ["join", "likely", "logs", "message"]

# Fewer agreeing bits are not worth a joint; more than these are not worth more.
_WORTH, _ENOUGH = 8.0, 40.0
# Where a site keeps its own last prices, all of them are the next references; where it takes
# official closes, fewer are. Below half it is no chain.
_CHAINED = 0.5
# Boards of one page are of one session but for the minutes in which one refreshes first (fact 3):
# even odds where as many pages say otherwise, 1 % by the first page more.
_TORN, _OUT_OF_PHASE = 0.5, 0.02
# What a page of those first minutes says of its boards, of what another page says.
_EARLY = 0.25
# Likelihoods are kept in steps of 1/64 bit, down to what is as good as never: what is told from
# node to node then stops exactly where it makes no difference.
_STEPS, _LEAST = 64, -63 * 64


def logs(weights: Vector) -> Logs:
    """Round the likelihoods of days to steps of 1/64 bit below the greatest."""
    top = float(weights.max())
    if top <= 0:
        return np.zeros(len(weights), dtype=np.int16)
    bits = np.log2(np.maximum(weights / top, 2.0**-63))
    return np.asarray(np.maximum(np.rint(bits * _STEPS), _LEAST), dtype=np.int16)


def likely(total: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Vector:
    """Give the probability of each day by a sum of rounded likelihoods."""
    return normal(np.exp2((total - total.max()) / _STEPS))


def message(axis: Axis, kind: Kind, bits: float, belief: Vector, *, forward: bool) -> Vector:
    """Carry what one node believes over a joint, as a likelihood for the other node."""
    strength: float = 2.0 ** min(bits, _ENOUGH)
    if kind == "next":
        carried = axis.following(belief) if forward else axis.preceding(belief)
        return 1.0 + strength * carried
    if kind == "same":
        return 1.0 + strength * belief
    beside = axis.following(belief) + axis.preceding(belief)
    # That each of several pages was caught in such minutes is less likely with every page.
    astray: float = max(_TORN * _OUT_OF_PHASE**bits, 1e-6)
    together = belief / np.maximum(axis.open_probability, 1e-6)
    return (1.0 - astray) * together + 0.5 * astray * beside + 1e-7


# ---- which joints there are


def join(graph: Graph, axis: Axis, gathered: Gathered) -> set[int]:
    """Lay the joints of new and grown nodes; give the ends of all that became different."""
    found: dict[JointKey, float] = {}
    for key, bits in [*_ahead(graph, gathered), *_back(graph, gathered)]:
        found[key] = max(found.get(key, 0.0), bits)
    graph.know_joints(end for key in found for end in key[:2])
    for key, bits in sorted(found.items()):
        known = graph.joints.get(key)
        if known is None or known.bits < bits:
            graph.add_joint(_joint(key, bits, known))
    _join_pages(graph, axis, gathered)
    changed = graph.touched.joints | graph.touched.gone_joints
    return {end for key in changed for end in key[:2]} - graph.touched.gone_nodes


def _joint(key: JointKey, bits: float, known: Joint | None) -> Joint:
    return replace(known, bits=bits) if known else Joint(*key, bits)


def _ahead(graph: Graph, gathered: Gathered) -> Iterator[tuple[JointKey, float]]:
    """Find the nodes whose references are the last prices of these."""
    vectors = {one.id: one for one in graph.vectors_of(sorted(gathered.rebuilt))}
    vectors |= {own_id: graph.vectors[own_id] for own_id in sorted(gathered.fresh)}
    graph.facts.know_boards(graph.strips_of(vectors))
    graph.know_keys(
        near
        for vector in vectors.values()
        for _, near in around(vector.board, _last_prices(graph, vector))
    )
    for vector in vectors.values():
        yield from _compared(graph, vector, _faces(graph, vector))


def _last_prices(graph: Graph, vector: BoardVector) -> set[int]:
    """Give the keys of the last prices that a vector's strips show, of those that tell most."""
    strips = graph.strips_of([vector.id])
    shown = (graph.facts.board((strip, vector.board))[0] for strip in strips)
    return {key for prices in shown for key in telling(vector.board, prices)}


def _faces(graph: Graph, vector: BoardVector) -> set[int]:
    shared: dict[int, set[int]] = defaultdict(set)
    for key, part, other in near_rows(graph, vector.board, _last_prices(graph, vector)):
        if part != "price":
            shared[other].add(named(key))
    return {own_id for own_id, symbols in shared.items() if is_enough(symbols)}


def _back(graph: Graph, gathered: Gathered) -> Iterator[tuple[JointKey, float]]:
    """Find the nodes whose last prices are the references of these, where they are new."""
    sources: dict[int, set[int]] = defaultdict(set)
    faces = [graph.face(node) for node in sorted(gathered.rebuilt)]
    graph.know_keys(
        near
        for face in faces
        for _, near in around(face.board, keys_of(face.board, face.references))
    )
    for face in faces:
        for other in _holders(graph, face):
            sources[other].add(face.id)
    graph.know_vectors(sources)
    graph.facts.know_boards(graph.strips_of(sources))
    for own_id, targets in sorted(sources.items()):
        yield from _compared(graph, graph.vectors[own_id], targets)


def _holders(graph: Graph, face: BoardVector) -> set[int]:
    shared: dict[int, set[int]] = defaultdict(set)
    for key, part, other in near_rows(graph, face.board, keys_of(face.board, face.references)):
        if part == "price":
            shared[other].add(named(key))
    return {own_id for own_id, symbols in shared.items() if is_enough(symbols)}


def _compared(
    graph: Graph, source: BoardVector, targets: Iterable[int]
) -> Iterator[tuple[JointKey, float]]:
    """Hold the last prices that strips of a vector show against other nodes' references."""
    graph.know_vectors(targets)
    for target in (graph.vectors[own_id] for own_id in sorted(targets)):
        kind: Kind = "same" if target.flat else "next"
        # A flat board repeats the last prices of its session.
        fits = target.node == target.id != source.node and not (target.flat and source.flat)
        if not fits or source.node is None:
            continue
        references = target.references
        for strip in sorted(graph.strips_of([source.id])):
            prices, _ = graph.facts.board((strip, source.board))
            found = agreement(source.board, prices, references)
            if found.bits >= _WORTH and found.share >= _CHAINED:
                bits = found.bits - (found.shared - found.agreeing)
                yield (source.node, target.id, kind), bits


# ---- boards of one page


def _join_pages(graph: Graph, axis: Axis, gathered: Gathered) -> None:
    for node in sorted(_beside(graph, gathered)):
        partner = _partner(graph, axis, node)
        known = [one for one in graph.joints_of(node) if one.kind == "page"]
        for joint in known:
            if partner is None or joint.one != partner[0]:
                graph.drop_joint(joint)
        if partner is None:
            continue
        kept = next((one for one in known if one.one == partner[0]), None)
        if kept is None or kept.bits != partner[1]:
            graph.add_joint(_joint((partner[0], node, "page"), partner[1], kept))


def _beside(graph: Graph, gathered: Gathered) -> set[int]:
    """List the index nodes whose partner may be another one now, or surer."""
    changed = graph.touched.joints | graph.touched.gone_joints
    ends = {end for key in changed for end in key[:2]} | gathered.grown
    ends -= graph.touched.gone_nodes
    graph.know_nodes(ends)
    found = set()
    for node in ends:
        if graph.face(node).board == "index":
            found.add(node)
            continue
        beside = (graph.node_at((strip, "index")) for strip in graph.strips_in(node))
        found |= {other for other in beside if other is not None}
    return found


def _partner(graph: Graph, axis: Axis, node: int) -> tuple[int, float] | None:
    """Give the partner that most pages of an index node show, and by how much."""
    said = _said(graph, axis, node)
    first = min(said, key=lambda partner: (-said[partner], partner), default=None)
    if first is None:
        return None
    # Two partners may be one session, of other stocks; neighbours by price are two.
    near = {one.other(first) for one in graph.joints_of(first) if one.kind == "next"}
    rivals = (said[other] for other in said.keys() & near)
    return first, said[first] - max(rivals, default=0.0)


def _said(graph: Graph, axis: Axis, node: int) -> Mapping[int, float]:
    said: dict[int, float] = defaultdict(float)
    graph.know_nodes([node])
    for member in graph.members_in(node):
        partner = graph.node_at((member.strip_id, "stocks"))
        if partner is not None:
            early = member.captured_at is not None and axis.is_early(member.captured_at)
            said[partner] += _EARLY if early else 1.0
    return said
