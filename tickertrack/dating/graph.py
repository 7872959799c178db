"""
Nodes, what joins them, and what they tell each other, as far as an update has to know it.

What an earlier drawing left is asked for when it is needed, node by node, and what becomes
different is noted: one more day reads and writes what it touches, whatever is stored besides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tickertrack.dating.nodes import CROWD, BoardVector, Prices
from tickertrack.models import Board, Member, Sighting

__all__ = [
    "LIKELY",
    "SURE",
    "Blank",
    "Graph",
    "Joint",
    "JointKey",
    "Kind",
    "Logs",
    "Node",
    "Part",
    "Past",
    "Redraw",
    "Seat",
]

Kind = Literal["next", "same", "page"]
# Whose number a key stands for: a reference that tells much, another reference, a last price; of
# a board in no node, a reference, or a price that stands still.
Part = Literal["telling", "reference", "price", "slight", "still"]
JointKey = tuple[int, int, Kind]
Seat = tuple[int, Board]
# A likelihood of each day, as steps of 1/512 bit below the likeliest.
Logs = NDArray[np.int16]


# How sure the day of boards must be that slight ones are held against: of nodes, and then of all.
SURE, LIKELY = 0.99, 0.95


class Redraw(Exception):  # noqa: N818  (no error: it says that more has changed than new pages)
    """What is new changes what was drawn from all the rest."""


@dataclass(slots=True)
class Node:
    """
    Boards of one session, named by the least of their vectors.

    `own`: what its pages' dates and imported series say; `best` and `peak`: the place of the day
    that it is taken to be of, and how sure; `witnessed`: numbers other than its own speak for it.
    """

    id: int
    own: Logs
    best: int = -1
    peak: float = 0.0
    witnessed: bool = False


@dataclass(slots=True)
class Joint:
    """
    Two nodes and how their sessions stand to each other.

    `next`: the second is the session after the first; `same`: one session by its prices; `page`:
    shown together, by so many pages (`bits`) more than with a neighbour of the first. A chosen
    one is of the forest, and carries what each side of it tells the other.
    """

    one: int
    two: int
    kind: Kind
    bits: float
    weight: float = 0.0
    chosen: bool = False
    forward: Logs | None = None
    backward: Logs | None = None

    @property
    def key(self) -> JointKey:
        """Name it by its ends."""
        return (self.one, self.two, self.kind)

    def other(self, node: int) -> int:
        """Give the end that is not this one."""
        return self.two if node == self.one else self.one

    def told(self, node: int) -> Logs | None:
        """Give what the other side tells a node."""
        return self.forward if node == self.two else self.backward


class Past(Protocol):
    """What is stored: facts of strips and pages, and what an earlier drawing left."""

    def members(self, strips: Iterable[int]) -> Iterator[Member]:
        """Give the pages that show strips."""

    def boards(self, strips: Iterable[int]) -> Iterator[tuple[Seat, Prices, Prices]]:
        """Give the last prices and the reference prices of strips' boards."""

    def seats(self, strips: Iterable[int]) -> Iterator[tuple[Seat, int]]:
        """Give the vectors that strips' boards show."""

    def strips(self, vectors: Iterable[int]) -> Iterator[tuple[Seat, int]]:
        """Give the strips whose boards show vectors."""

    def vectors(self, ids: Iterable[int]) -> Iterator[BoardVector]:
        """Give vectors by their ids."""

    def vectors_of(self, nodes: Iterable[int]) -> Iterator[BoardVector]:
        """Give the vectors of nodes."""

    def keys(self, keys: Iterable[int]) -> Iterator[tuple[int, Part, int]]:
        """Give key, part and vector of all that have one of these keys."""

    def nodes(self, ids: Iterable[int]) -> Iterator[Node]:
        """Give nodes by their ids."""

    def joints(self, nodes: Iterable[int]) -> Iterator[Joint]:
        """Give all that joins these nodes to any."""

    def weights(self) -> Iterator[tuple[JointKey, float, bool]]:
        """Give of every joint its weight, and whether it is of the forest."""


class Blank:
    """The past of a drawing from scratch: the facts, and of all else nothing is known."""

    def __init__(self, sightings: Iterable[Sighting]) -> None:
        """Lay out the facts by strip."""
        self._members: dict[int, dict[int, Member]] = defaultdict(dict)
        self._boards: dict[int, dict[Seat, tuple[Prices, Prices]]] = defaultdict(dict)
        for one in sightings:
            self._members[one.strip_id][one.page_id] = one.member
            seat = (one.strip_id, one.board)
            self._boards[one.strip_id][seat] = (one.prices, one.references)

    def members(self, strips: Iterable[int]) -> Iterator[Member]:
        """Give the pages that show strips."""
        return (member for strip in strips for member in self._members[strip].values())

    def boards(self, strips: Iterable[int]) -> Iterator[tuple[Seat, Prices, Prices]]:
        """Give the last prices and the reference prices of strips' boards."""
        return ((seat, *both) for strip in strips for seat, both in self._boards[strip].items())

    def seats(self, strips: Iterable[int]) -> Iterator[tuple[Seat, int]]:  # noqa: ARG002
        """Know nothing."""
        return iter(())

    def vectors(self, ids: Iterable[int]) -> Iterator[BoardVector]:  # noqa: ARG002
        """Know nothing."""
        return iter(())

    def keys(self, keys: Iterable[int]) -> Iterator[tuple[int, Part, int]]:  # noqa: ARG002
        """Know nothing."""
        return iter(())

    def nodes(self, ids: Iterable[int]) -> Iterator[Node]:  # noqa: ARG002
        """Know nothing."""
        return iter(())

    def joints(self, nodes: Iterable[int]) -> Iterator[Joint]:  # noqa: ARG002
        """Know nothing."""
        return iter(())

    def weights(self) -> Iterator[tuple[JointKey, float, bool]]:
        """Know nothing."""
        return iter(())

    strips, vectors_of = seats, vectors


@dataclass(slots=True)
class Touched:
    """What an update made, changed and took away, to be stored."""

    seats: dict[Seat, int] = field(default_factory=dict)
    vectors: set[int] = field(default_factory=set)
    keys: list[tuple[int, Part, int]] = field(default_factory=list)
    nodes: set[int] = field(default_factory=set)
    joints: set[JointKey] = field(default_factory=set)
    gone_nodes: set[int] = field(default_factory=set)
    gone_joints: set[JointKey] = field(default_factory=set)


class Graph:
    """The part of all nodes and joints that an update has asked for, and what it made of it."""

    def __init__(self, past: Past) -> None:
        """Begin with nothing known."""
        self.past = past
        self.touched = Touched()
        self.seats: dict[Seat, int] = {}
        self.vectors: dict[int, BoardVector] = {}
        self.nodes: dict[int, Node] = {}
        self._before: dict[int, tuple[int, float]] = {}
        self._joints_before: dict[JointKey, tuple[float, bool]] = {}
        self.joints: dict[JointKey, Joint] = {}
        self._members: dict[int, dict[int, Member]] = defaultdict(dict)
        self._boards: dict[Seat, tuple[Prices, Prices]] = {}
        self._strips_of: dict[int, set[int]] = defaultdict(set)
        self._vectors_of: dict[int, set[int]] = defaultdict(set)
        self._keys: dict[int, set[tuple[Part, int]]] = defaultdict(set)
        self._near: dict[int, set[JointKey]] = defaultdict(set)
        self._asked: dict[str, set[int]] = defaultdict(set)

    # ---- strips and their boards

    def know_strips(self, strips: Iterable[int]) -> None:
        """Ask for the pages of strips and for the vectors of their boards."""
        new = self._unasked("strips", strips)
        if not new:
            return
        for member in self.past.members(new):
            self._members[member.strip_id][member.page_id] = member
        self.seats.update(self.past.seats(new))
        self.know_vectors(self.seats[seat] for seat in self._seats_on(new))

    def know_boards(self, strips: Iterable[int]) -> None:
        """Ask for the prices of strips' boards."""
        for seat, prices, references in self.past.boards(self._unasked("boards", strips)):
            self._boards[seat] = (prices, references)

    def board(self, seat: Seat) -> tuple[Prices, Prices]:
        """Give the last prices and the reference prices of a board."""
        self.know_boards([seat[0]])
        return self._boards[seat]

    def members(self, strip: int) -> Iterable[Member]:
        """Give the pages that show a strip."""
        self.know_strips([strip])
        return self._members[strip].values()

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
        self._strips_of[vector.id].add(seat[0])
        self.seats[seat] = self.touched.seats[seat] = vector.id
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
            self._strips_of[vector].add(strip)
        return {strip for vector in asked for strip in self._strips_of[vector]}

    def vectors_of(self, nodes: Iterable[int]) -> list[BoardVector]:
        """Give the vectors of nodes."""
        asked = list(nodes)
        for vector in self.past.vectors_of(self._unasked("vectors of", asked)):
            known = self.vectors.setdefault(vector.id, vector)
            if known.node is not None:
                self._vectors_of[known.node].add(vector.id)
        return [self.vectors[one] for node in asked for one in sorted(self._vectors_of[node])]

    def move(self, vector: BoardVector, node: int) -> None:
        """Put a vector into a node."""
        self.vectors_of([node])
        if vector.node is not None:
            self._vectors_of[vector.node].discard(vector.id)
        vector.node = node
        self._vectors_of[node].add(vector.id)
        self.touched.vectors.add(vector.id)

    # ---- the numbers by which vectors are found

    def know_keys(self, keys: Iterable[int]) -> None:
        """Ask who has keys."""
        for key, part, vector in self.past.keys(self._unasked("keys", keys)):
            self._keys[key].add((part, vector))

    def add_key(self, key: int, part: Part, vector: int) -> None:
        """Note that a vector has a key."""
        held = self._keys[key]
        if (part, vector) in held:
            return
        held.add((part, vector))
        self.touched.keys.append((key, part, vector))

    def note_key(self, key: int, part: Part, vector: int) -> None:
        """Note a number of a board that is in no node."""
        self.touched.keys.append((key, part, vector))

    def having(self, key: int) -> set[tuple[Part, int]]:
        """Give part and vector of all that have a key, unless these are a crowd."""
        held = self._keys.get(key, set())
        return held if len(held) <= CROWD else set()

    def is_crowded_now(self) -> bool:
        """Say whether new vectors make a crowd of those that were found by a number before."""
        added = Counter(key for key, _, _ in self.touched.keys)
        return any(
            0 < len(self._keys[key]) - count <= CROWD < len(self._keys[key])
            for key, count in added.items()
        )

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
        found = (member for strip in strips for member in self._members[strip].values())
        return sorted(found, key=lambda one: (one.strip_id, one.page_id))

    def know_joints(self, nodes: Iterable[int]) -> None:
        """Ask for all that joins nodes to any."""
        for joint in self.past.joints(self._unasked("joints", nodes)):
            self._joints_before.setdefault(joint.key, (joint.weight, joint.chosen))
            if joint.key not in self.touched.gone_joints:
                self._lay(self.joints.setdefault(joint.key, joint))

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
        new = set(ids) - self._asked[what]
        self._asked[what] |= new
        return sorted(new)


def _certainty(of: tuple[int, float] | None) -> tuple[int, bool, bool] | None:
    return (of[0], of[1] >= SURE, of[1] >= LIKELY) if of else None
