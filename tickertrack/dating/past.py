"""
What is known of nodes and joints before an update: the records, and whom they are asked of.

Nothing here is stored: the tracker's own past asks a database, a drawing from scratch knows none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tickertrack.dating.nodes import BoardVector, Prices
from tickertrack.models import Board, Member

__all__ = [
    "LIKELY",
    "SURE",
    "Blank",
    "Facts",
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
# A likelihood of each day, as steps of 1/64 bit below the likeliest.
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


class Facts(Protocol):
    """The pages and the boards of strips; those that are known are given at once."""

    def know_members(self, strips: Iterable[int]) -> None:
        """Ask for the pages of strips."""

    def know_boards(self, strips: Iterable[int]) -> None:
        """Ask for the prices of strips' boards."""

    def members(self, strip: int) -> Iterable[Member]:
        """Give the pages that show a strip."""

    def board(self, seat: Seat) -> tuple[Prices, Prices]:
        """Give the last prices and the reference prices of a board."""


class Past(Protocol):
    """What is stored: facts of strips and pages, and what an earlier drawing left."""

    @property
    def is_blank(self) -> bool:
        """Say whether there was no earlier drawing: then nothing but facts is to be asked for."""

    @property
    def facts(self) -> Facts:
        """The facts of strips and pages."""

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

    is_blank = True

    def __init__(self, facts: Facts) -> None:
        """Know the facts."""
        self.facts = facts

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
