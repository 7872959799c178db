"""Boards of a few lines: held against what is known of each session, never against chance."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tickertrack.dating.axis import Axis, Vector
from tickertrack.dating.nodes import bits_of, tolerance_of
from tickertrack.models import Sighting

__all__ = ["Knowledge", "slight_evidence"]

# Of a session whose reference price is known: how often a true board agrees, and how often a
# false one does beyond chance.
_AGREES, _DIFFERS = 0.98, 0.001


class Knowledge:
    """Reference prices and last prices of sessions that are surely dated."""

    def __init__(self, axis: Axis) -> None:
        """Begin with nothing."""
        self.axis = axis
        self.references: dict[str, dict[int, int]] = defaultdict(dict)
        self.prices: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))

    def add(self, sighting: Sighting, place: int) -> None:
        """Learn a board of the session at a place on the axis."""
        flat = sighting.prices == sighting.references
        for symbol, reference in sighting.references.items():
            if not flat:
                self.references[symbol].setdefault(place, reference)
            self.prices[symbol][place].add(sighting.prices[symbol])


def slight_evidence(axis: Axis, sighting: Sighting, known: Knowledge) -> Vector:
    """Give the likelihood of each day by the sessions' known prices of the board's symbols."""
    joint = np.ones(len(axis))
    for symbol in sorted(sighting.references):
        joint = joint * _symbol_evidence(axis, sighting, symbol, known)
        joint /= joint.max() or 1.0
    return joint


def _symbol_evidence(axis: Axis, sighting: Sighting, symbol: str, known: Knowledge) -> Vector:
    reference, price = sighting.references[symbol], sighting.prices[symbol]
    tolerance = tolerance_of(sighting.board)
    chance = 2.0 ** -bits_of(sighting.board, {symbol: reference}, tolerance or 1)
    result = np.full(len(axis), chance)
    for place, value in known.references[symbol].items():
        agrees = abs(value - reference) <= tolerance
        result[place] = _AGREES if agrees else _DIFFERS * chance
    if reference == price:
        # No change: perhaps before the open, when the last prices of the session stand there.
        for place, prices in known.prices[symbol].items():
            if price in prices:
                result[place] = max(result[place], _AGREES)
    return result
