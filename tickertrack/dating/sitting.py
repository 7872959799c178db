"""What is believed of a board to a sitting: where it is placed and how, or that it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from tickertrack.dating.axis import Axis, Vector
from tickertrack.dating.placing import Placed
from tickertrack.models import Board, Member, Method, Sitting

__all__ = ["Told", "undated"]

# Below these a board stays undated. Its own dates may place it provisionally; another board's
# numbers may not guess.
_ACCEPT: Mapping[Method, float] = {"matched": 0.9, "captured": 0.5, "stated": 0.5}
# Nothing is certain.
_SUREST = 0.999999
_SHOWN_ALTERNATIVES, _SHOWN_CHANCE = 3, 0.001


class Told:
    """What is believed of boards of one session, as it is shown to users."""

    def __init__(self, axis: Axis, placed: Placed) -> None:
        """Keep what was found."""
        self.axis = axis
        self.placed = placed

    def sitting(self, member: Member, board: Board) -> Sitting:
        """Place the board of one of the pages."""
        confidence = float(self.placed.belief[self.placed.best])
        methods = (one for one in self._methods(member) if confidence >= _ACCEPT[one])
        method = next(methods, None)
        if method is None:
            return undated(member.page_id, board, self._evidence)
        return Sitting(
            page_id=member.page_id,
            board=board,
            session=self.axis.day(self.placed.best),
            method=method,
            confidence=min(round(confidence, 6), _SUREST),
            evidence=self._evidence,
        )

    def _methods(self, member: Member) -> Iterator[Method]:
        """Yield the methods that a board's evidence allows, the strongest first."""
        if self.placed.supported or self.placed.votes - {member.page_id}:
            yield "matched"
        if member.page_id in self.placed.votes:
            yield "captured" if member.captured_at else "stated"

    @cached_property
    def _evidence(self) -> dict[str, object]:
        return {**self.placed.evidence, "candidates": _candidates(self.axis, self.placed.belief)}


def undated(page_id: int, board: Board, evidence: dict[str, object]) -> Sitting:
    """Leave a board undated."""
    return Sitting(page_id, board, None, None, None, evidence)


def _candidates(axis: Axis, belief: Vector) -> dict[str, float]:
    places = np.flatnonzero(belief >= _SHOWN_CHANCE)
    order = places[np.argsort(-belief[places], kind="stable")][:_SHOWN_ALTERNATIVES]
    return {axis.day(int(place)).isoformat(): round(float(belief[place]), 4) for place in order}
