"""What is known of each session's prices, as boards of a few lines are held against it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tickertrack.dating.nodes import bits_of, tolerance_of
from tickertrack.models import Board, Sighting, is_flat

__all__ = ["Knowledge", "Known", "Line", "Numbers", "lines_of"]

# Of a session that has one of a board's numbers: how often a true board agrees, and how often a
# false one does beyond chance.
_AGREES, _DIFFERS = 0.98, 0.001
# Stands for the page where more than one shows a price: ids are positive.
_SEVERAL = -1
_DIGITS = 6

_Whole = NDArray[np.int64]
_Key = TypeVar("_Key")
# By the place of a day: the bits that the numbers of a board speak for it, beyond chance.
Numbers = dict[int, float]


class Line(NamedTuple):
    """A price and a reference price of a symbol, and the page and board that show them."""

    symbol: str
    price: int
    reference: int
    flat: bool
    page_id: int
    board: Board


class Known(NamedTuple):
    """A line of a board that is taken to be of a day, and how sure that is."""

    line: Line
    place: int
    peak: float


class _Shown:
    """
    What sessions showed of a symbol, and on which page: no board is its own witness.

    As arrays, prices in order: each of a crawl's thousands of slight boards asks it, and must not
    go through what all others showed.
    """

    def __init__(self, seen: Mapping[tuple[int, int], int]) -> None:
        """Lay out which price was seen at which place, and the only page that shows it."""
        rows = sorted((price, place, page_id) for (place, price), page_id in seen.items())
        self._prices, self._places, self._pages = _columns(rows, 3)
        self._days: dict[int, int] = {}
        for _, place, page_id in rows:
            _note(self._days, place, page_id)

    def is_known(self, place: int, page_id: int) -> bool:
        """Say whether anything is known of a place beside what this page shows."""
        return self._days.get(place, page_id) != page_id

    def places_of(self, price: int, tolerance: int, page_id: int) -> set[int]:
        """Give the places at which another page shows a price as near as that."""
        low, high = np.searchsorted(self._prices, (price - tolerance, price + tolerance + 1))
        near = self._places[low:high][self._pages[low:high] != page_id]
        return set(np.unique(near).tolist())


class Knowledge:
    """Reference prices and last prices of sessions that are surely dated, by symbol."""

    def __init__(self, known: Iterable[tuple[Line, int]]) -> None:
        """Learn lines, each with the place of its board's session on the axis."""
        references: defaultdict[str, dict[tuple[int, int], int]] = defaultdict(dict)
        prices: defaultdict[str, dict[tuple[int, int], int]] = defaultdict(dict)
        for line, place in known:
            _note(prices[line.symbol], (place, line.price), line.page_id)
            if not line.flat:
                _note(references[line.symbol], (place, line.reference), line.page_id)
        self._references = {symbol: _Shown(seen) for symbol, seen in references.items()}
        self._prices = {symbol: _Shown(seen) for symbol, seen in prices.items()}
        self._none = _Shown({})

    def numbers(self, sighting: Sighting, looked: Collection[int]) -> Numbers:
        """
        Give, for each day that has any of a board's numbers or is looked at for another reason,
        what all of its numbers say, in bits.

        What only this page shows does not count: no board is its own witness. All other days are
        alike, so that one more of them changes nothing of what was said of these.
        """
        agreeing = {symbol: self._agreeing(sighting, symbol) for symbol in sighting.references}
        found = {}
        for place in sorted(set().union(looked, *agreeing.values())):
            bits = (
                self._bits(sighting, symbol, place, agrees=place in agreeing[symbol])
                for symbol in sorted(agreeing)
            )
            found[place] = round(math.fsum(bits), _DIGITS)
        return {place: bits for place, bits in found.items() if bits}

    def _agreeing(self, sighting: Sighting, symbol: str) -> set[int]:
        reference, price = sighting.references[symbol], sighting.prices[symbol]
        tolerance, page_id = tolerance_of(sighting.board), sighting.page_id
        shown = self._references.get(symbol, self._none)
        found = shown.places_of(reference, tolerance, page_id)
        if reference == price:
            # No change: perhaps before the open, when the last prices of the session stand there.
            found |= self._prices.get(symbol, self._none).places_of(price, 0, page_id)
        return found

    def _bits(self, sighting: Sighting, symbol: str, place: int, *, agrees: bool) -> float:
        if agrees:
            own = {symbol: sighting.references[symbol]}
            own_bits = bits_of(sighting.board, own, tolerance_of(sighting.board) or 1)
            return math.log2(_AGREES) + own_bits
        shown = self._references.get(symbol, self._none)
        return math.log2(_DIFFERS) if shown.is_known(place, sighting.page_id) else 0.0


def lines_of(sighting: Sighting, symbols: Collection[str]) -> Iterator[Line]:
    """Give the lines of a board that are of some symbols."""
    flat = is_flat(sighting)
    for symbol in sighting.references.keys() & symbols:
        both = (sighting.prices[symbol], sighting.references[symbol])
        yield Line(symbol, *both, flat, sighting.page_id, sighting.board)


def _note(pages: dict[_Key, int], key: _Key, page_id: int) -> None:
    if pages.setdefault(key, page_id) != page_id:
        pages[key] = _SEVERAL


def _columns(rows: Sequence[tuple[int, ...]], count: int) -> _Whole:
    return np.array(rows, dtype=np.int64).reshape(-1, count).T.copy()
