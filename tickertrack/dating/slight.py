"""Boards of a few lines: held against what is known of each session, never against chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tickertrack.dating.axis import Axis, Vector
from tickertrack.dating.nodes import bits_of, tolerance_of
from tickertrack.models import Sighting, is_flat

__all__ = ["Knowledge", "slight_evidence"]

# Of a session whose reference price is known: how often a true board agrees, and how often a
# false one does beyond chance.
_AGREES, _DIFFERS = 0.98, 0.001
# Stands for the page where more than one shows a price: ids are positive.
_SEVERAL = -1

# (place on the axis, price) → the page that shows it
_Seen = dict[tuple[int, int], int]
_Whole = NDArray[np.int64]
_Key = TypeVar("_Key")


class Shown:
    """
    What sessions showed of a symbol, and on which page: no board is its own witness.

    As arrays, prices in order: each of a crawl's thousands of slight boards asks it, and must not
    go through what all others showed.
    """

    def __init__(self, seen: Mapping[tuple[int, int], int]) -> None:
        """Lay out which price was seen at which place, and the only page that shows it."""
        rows = sorted((price, place, page_id) for (place, price), page_id in seen.items())
        self._prices, self._places, self._pages = _columns(rows, 3)
        days: dict[int, int] = {}
        for _, place, page_id in rows:
            _note(days, place, page_id)
        self._days, self._day_pages = _columns(list(days.items()), 2)

    def places(self, page_id: int) -> _Whole:
        """Give the places of which anything is known beside what this page shows."""
        known: _Whole = self._days[self._day_pages != page_id]
        return known

    def places_of(self, price: int, tolerance: int, page_id: int) -> _Whole:
        """Give the places at which another page shows a price as near as that."""
        ends = (price - tolerance, price + tolerance + 1)
        near = slice(*np.searchsorted(self._prices, ends))
        known: _Whole = self._places[near][self._pages[near] != page_id]
        return known


class Knowledge:
    """Reference prices and last prices of sessions that are surely dated, by symbol."""

    def __init__(self, placed: Iterable[tuple[Sighting, int]]) -> None:
        """Learn boards, each with the place of its session on the axis."""
        references: defaultdict[str, _Seen] = defaultdict(dict)
        prices: defaultdict[str, _Seen] = defaultdict(dict)
        for sighting, place in placed:
            for symbol, price in sighting.prices.items():
                _note(prices[symbol], (place, price), sighting.page_id)
            if is_flat(sighting):
                continue
            for symbol, reference in sighting.references.items():
                _note(references[symbol], (place, reference), sighting.page_id)
        self._references = {symbol: Shown(seen) for symbol, seen in references.items()}
        self._prices = {symbol: Shown(seen) for symbol, seen in prices.items()}

    def references(self, symbol: str) -> Shown:
        """Give what is known of a symbol's reference prices."""
        return self._references.get(symbol) or Shown({})

    def prices(self, symbol: str) -> Shown:
        """Give what is known of a symbol's last prices."""
        return self._prices.get(symbol) or Shown({})


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
    shown = known.references(symbol)
    result[shown.places(sighting.page_id)] = _DIFFERS * chance
    result[shown.places_of(reference, tolerance, sighting.page_id)] = _AGREES
    if reference == price:
        # No change: perhaps before the open, when the last prices of the session stand there.
        still = known.prices(symbol).places_of(price, 0, sighting.page_id)
        result[still] = np.maximum(result[still], _AGREES)
    return result


def _note(pages: dict[_Key, int], key: _Key, page_id: int) -> None:
    if pages.setdefault(key, page_id) != page_id:
        pages[key] = _SEVERAL


def _columns(rows: Sequence[tuple[int, ...]], count: int) -> _Whole:
    return np.array(rows, dtype=np.int64).reshape(-1, count).T.copy()
