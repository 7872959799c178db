"""
Nodes, what joins them, and what they tell each other, as far as an update has to know it.

What an earlier drawing left is asked for when it is needed, node by node, and what becomes
different is noted: one more day reads and writes what it touches, whatever is stored besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tickertrack.dating.keys import Keys
from tickertrack.dating.nodes import CROWD, BoardVector
from tickertrack.dating.past import LIKELY, SURE, Joint, JointKey, Node, Part, Past, Seat
from tickertrack.models import Board, Member

__all__ = ["Graph"]


@dataclass(slots=True)
class Touched:
    """What an update made, changed and took away, to be stored."""

    seats: list[Seat] = field(default_factory=list)
    vectors: set[int] = field(default_factory=set)
    nodes: set[int] = field(default_factory=set)
    joints: set[JointKey] = field(default_factory=set)
    gone_nodes: set[int] = field(default_factory=set)
    gone_joints: set[JointKey] = field(default_factory=set)


class Graph:
    """The part of all nodes and joints that an update has asked for, and what it made of it."""

    def __init__(self, past: Past) -> None:
        """Begin with nothing known."""
        self.past = past
        self.facts = past.facts
        self.touched = Touched()
        # By which numbers vectors are found; and by which those that are in no node.
        self.keys, self.slight_keys = Keys(), Keys()
        self.seats: dict[Seat, int] = {}
        self.vectors: dict[int, BoardVector] = {}
        self.nodes: dict[int, Node] = {}
        self._before: dict[int, tuple[int, float]] = {}
        self._joints_before: dict[JointKey, tuple[float, bool]] = {}
        self.joints: dict[JointKey, Joint] = {}
        self._strips_of: dict[int, list[int]] = defaultdict(list)
        self._vectors_of: dict[int, tuple[int, ...]] = defaultdict(tuple)
        self._near: dict[int, set[JointKey]] = defaultdict(set)
        self._asked: dict[str, set[int]] = defaultdict(set)

    # ---- strips and their boards

    def know_strips(self, strips: Iterable[int]) -> None:
        """Ask for the pages of strips and for the vectors of their boards."""
        new = self._unasked("strips", strips)
        if not new:
            return
        self.facts.know_members(new)
        self.seats.update(self.past.seats(new))
        self.know_vectors(self.seats[seat] for seat in self._seats_on(new))

    def vector_at(self, seat: Seat) -> BoardVector | None:
        """Give the vector of a strip's board; None where it has no such board."""
        self.know_strips([seat[0]])
        return self.vectors[self.seats[seat]] if seat in self.seats else None

    def node_at(self, seat: Seat) -> int | None:
        """Give the node of a strip's board, if it is in any."""
        vector = self.vector_at(seat)
        return vector.node if vector else None

    def sit(self, seat: Seat, vector: BoardVector) -> BoardVector:
        """Note what a new strip's board shows; give the vector as it is known."""
        self.know_vectors([vector.id])
        known = self.vectors.setdefault(vector.id, vector)
        if known is vector:
            self.touched.vectors.add(vector.id)
        self.strips_of([vector.id])
        self._strips_of[vector.id].append(seat[0])
        self.seats[seat] = vector.id
        self.touched.seats.append(seat)
        return known

    # ---- vectors

    def know_vectors(self, ids: Iterable[int]) -> None:
        """Ask for vectors."""
        for vector in self.past.vectors(self._unasked("vectors", ids)):
            self.vectors.setdefault(vector.id, vector)

    def strips_of(self, vectors: Iterable[int]) -> set[int]:
        """Give the strips that show vectors."""
        asked = list(vectors)
        for (strip, _), vector in self.past.strips(self._unasked("strips of", asked)):
            self._strips_of[vector].append(strip)
        return {strip for vector in asked for strip in self._strips_of[vector]}

    def vectors_of(self, nodes: Iterable[int]) -> list[BoardVector]:
        """Give the vectors of nodes."""
        asked = list(nodes)
        for vector in self.past.vectors_of(self._unasked("vectors of", asked)):
            known = self.vectors.setdefault(vector.id, vector)
            if known.node is not None:
                self._enter(known)
        return [self.vectors[one] for node in asked for one in self._vectors_of[node]]

    def move(self, vector: BoardVector, node: int) -> None:
        """Put a vector into a node."""
        self.vectors_of([node])
        if vector.node is not None:
            held = self._vectors_of[vector.node]
            self._vectors_of[vector.node] = tuple(one for one in held if one != vector.id)
        vector.node = node
        self._enter(vector)
        self.touched.vectors.add(vector.id)

    def _enter(self, vector: BoardVector) -> None:
        node = vector.node or 0
        self._vectors_of[node] = tuple(sorted({*self._vectors_of[node], vector.id}))

    # ---- the numbers by which vectors are found

    def know_keys(self, keys: Iterable[int]) -> None:
        """Ask who has keys."""
        self.keys.know(self.past.keys(self._unasked("keys", keys)))

    def having(self, key: int) -> list[tuple[Part, int]]:
        """Give part and vector of all that have a key, unless these are a crowd."""
        return self.keys.having(key, CROWD)

    def is_crowded_now(self) -> bool:
        """Say whether new vectors make a crowd of those that were found by a number before."""
        return any(0 < before <= CROWD < now for before, now in self.keys.grown())

    # ---- nodes and joints

    def know_nodes(self, ids: Iterable[int]) -> None:
        """Ask for nodes and for what they are made of."""
        asked = list(ids)
        self._know(asked)
        vectors = self.vectors_of(asked)
        self.know_strips(self.strips_of(vector.id for vector in vectors))

    def node(self, own_id: int) -> Node:
        """Give a node."""
        self._know([own_id])
        return self.nodes[own_id]

    def _know(self, ids: Iterable[int]) -> None:
        for node in self.past.nodes(self._unasked("nodes", ids)):
            self.nodes[node.id] = node
            self._before[node.id] = (node.best, node.peak)

    def turned(self, seats: Iterable[Seat]) -> set[int]:
        """Give the days that nodes came to or left, surely or not, and those of boards."""
        nodes = (self.node_at(seat) for seat in seats)
        found = {self.node(own_id).best for own_id in nodes if own_id is not None}
        for own_id in self.touched.nodes | self.touched.gone_nodes:
            before, node = self._before.get(own_id), self.nodes.get(own_id)
            now = (node.best, node.peak) if node else None
            if _certainty(before) != _certainty(now):
                found |= {one[0] for one in (before, now) if one}
        return found

    def face(self, node: int) -> BoardVector:
        """Give the vector that a node is named by."""
        self.know_vectors([node])
        return self.vectors[node]

    def strips_in(self, node: int) -> list[int]:
        """List the strips of a node."""
        return sorted(self.strips_of(vector.id for vector in self.vectors_of([node])))

    def members_in(self, node: int) -> list[Member]:
        """List the pages of a node, in an order of its own."""
        strips = self.strips_in(node)
        self.know_strips(strips)
        found = (member for strip in strips for member in self.facts.members(strip))
        return sorted(found, key=lambda one: (one.strip_id, one.page_id))

    def know_joints(self, nodes: Iterable[int]) -> None:
        """Ask for all that joins nodes to any."""
        for joint in self.past.joints(self._unasked("joints", nodes)):
            self._joints_before.setdefault(joint.key, (joint.weight, joint.chosen))
            if joint.key not in self.touched.gone_joints:
                self._lay(self.joints.setdefault(joint.key, joint))

    def know_around(self, nodes: Iterable[int], steps: int) -> None:
        """Ask at once for what lies so many joints around nodes, rather than one by one."""
        edge, seen = set(nodes), set[int]()
        for _ in range(steps):
            self._know(edge)
            self.know_joints(edge)
            seen |= edge
            edge = {end for node in edge for key in self._near[node] for end in key[:2]} - seen
        self._know(edge)

    def joints_of(self, node: int) -> list[Joint]:
        """List what joins a node to any."""
        self.know_joints([node])
        return [self.joints[key] for key in sorted(self._near[node])]

    def chosen_of(self, node: int) -> list[Joint]:
        """List what joins a node in the forest."""
        return [joint for joint in self.joints_of(node) if joint.chosen]

    def weight_before(self, key: JointKey) -> float | None:
        """Give what a joint weighed; None where it is new."""
        before = self._joints_before.get(key)
        return before[0] if before else None

    def was_chosen(self, key: JointKey) -> bool:
        """Say whether a joint was of the forest."""
        before = self._joints_before.get(key)
        return before is not None and before[1]

    def add_joint(self, joint: Joint) -> None:
        """Lay a joint, or another one in its place."""
        self.joints[joint.key] = joint
        self._lay(joint)
        self.touched.joints.add(joint.key)
        self.touched.gone_joints.discard(joint.key)

    def drop_joint(self, joint: Joint) -> None:
        """Take a joint away."""
        del self.joints[joint.key]
        for end in (joint.one, joint.two):
            self._near[end].discard(joint.key)
        self.touched.joints.discard(joint.key)
        self.touched.gone_joints.add(joint.key)

    def drop_node(self, own_id: int) -> None:
        """Take a node away, whose vectors have gone to another one."""
        self._know([own_id])
        self.nodes.pop(own_id, None)
        self.touched.nodes.discard(own_id)
        self.touched.gone_nodes.add(own_id)

    def weights(self) -> dict[JointKey, tuple[float, bool]]:
        """Give of every joint, known or not, its weight, and whether it is of the forest."""
        found = {key: (weight, chosen) for key, weight, chosen in self.past.weights()}
        for key in self.touched.gone_joints:
            found.pop(key, None)
        found.update((key, (one.weight, one.chosen)) for key, one in self.joints.items())
        return found

    def _lay(self, joint: Joint) -> None:
        for end in (joint.one, joint.two):
            self._near[end].add(joint.key)

    def _seats_on(self, strips: Iterable[int]) -> list[Seat]:
        boards: tuple[Board, Board] = ("stocks", "index")
        seats: Iterable[Seat] = ((strip, board) for strip in strips for board in boards)
        return [seat for seat in seats if seat in self.seats]

    def _unasked(self, what: str, ids: Iterable[int]) -> list[int]:
        if self.past.is_blank:
            return []
        new = set(ids) - self._asked[what]
        self._asked[what] |= new
        return sorted(new)


def _certainty(of: tuple[int, float] | None) -> tuple[int, bool, bool] | None:
    return (of[0], of[1] >= SURE, of[1] >= LIKELY) if of else None
