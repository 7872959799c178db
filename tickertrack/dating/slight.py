"""Boards of a few lines: held against what is known of each session, never against chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from tickertrack.dating.axis import Axis, Vector
from tickertrack.dating.nodes import bits_of, tolerance_of
from tickertrack.models import Sighting, is_flat

__all__ = ["Knowledge", "slight_evidence"]

# Of a session whose reference price is known: how often a true board agrees, and how often a
# false one does beyond chance.
_AGREES, _DIFFERS = 0.98, 0.001

# symbol → place on the axis → price → the pages that show it
_Shown = defaultdict[str, defaultdict[int, defaultdict[int, set[int]]]]


class Knowledge:
    """Reference prices and last prices of sessions that are surely dated, and who showed them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.references: _Shown = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
        self.prices: _Shown = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))

    def add(self, sighting: Sighting, place: int) -> None:
        """Learn a board of the session at a place on the axis."""
        flat = is_flat(sighting)
        for symbol, reference in sighting.references.items():
            price = sighting.prices[symbol]
            self.prices[symbol][place][price].add(sighting.page_id)
            if not flat:
                self.references[symbol][place][reference].add(sighting.page_id)


def slight_evidence(axis: Axis, sighting: Sighting, known: Knowledge) -> Vector:
    """
    Give the likelihood of each day by the sessions' known prices of the board's symbols.

    What only this page shows does not count: no board is its own witness.
    """
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
    for place, shown in known.references[symbol].items():
        values = _of_others(shown, sighting.page_id)
        if values:
            agrees = any(abs(value - reference) <= tolerance for value in values)
            result[place] = _AGREES if agrees else _DIFFERS * chance
    if reference == price:
        # No change: perhaps before the open, when the last prices of the session stand there.
        for place, shown in known.prices[symbol].items():
            if price in _of_others(shown, sighting.page_id):
                result[place] = max(result[place], _AGREES)
    return result


def _of_others(shown: Mapping[int, set[int]], page_id: int) -> list[int]:
    return [value for value, pages in shown.items() if pages != {page_id}]
