"""
Reference vectors, and how they are told to be of one session.

All captures of a session share their reference prices, symbol by symbol, and no other session
has them all: that is what makes a node. A flat board (every stock `No Change`, before the open)
has no reference prices of its own; its prices are the last ones of the session before.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from tickertrack.dating.evidence import INDEX_ROUNDING
from tickertrack.models import Board, content_id

__all__ = [
    "CROWD",
    "Agreement",
    "BoardVector",
    "Packed",
    "Prices",
    "agreement",
    "are_one",
    "around",
    "bits_of",
    "keys_of",
    "named",
    "same_symbols",
    "telling",
    "threshold",
    "tolerance_of",
    "vector_of",
]

_SCALE = 10_000
_PAISA = _SCALE // 100
# How much one agreeing number tells sessions apart, in bits: a stock moves some 3 % between two
# sessions in steps of a paisa, so a cheap one says little; none says more than five.
_STOCK_MOVE, _STOCK_BITS = 0.03, (0.5, 5.0)
# An index moves 1 % a day against a rounding of a point; the others move with the first one.
_INDEX_MOVE, _FOLLOWER_MOVE, _NORMAL_WIDTH = 0.01, 0.0025, 2.5
# Chance must make less than one false match in a thousand boards.
_SAFETY_BITS = 10
# Of the numbers that two boards share, so many must agree: a site mends one now and then.
_MOST = 0.9
# Vectors are found by the numbers of theirs that tell most, unless so many have the same one, as
# of a stock that is suspended.
_TELLING, CROWD = 8, 200
_PRICE_BITS = 32

Prices = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Packed:
    """Prices by symbol, in a fifth of the room; boards of the same symbols share these."""

    symbols: tuple[str, ...]
    values: array[int]

    @classmethod
    def of(cls, prices: Prices) -> Self:
        """Pack prices."""
        return cls(same_symbols(tuple(prices)), array("q", prices.values()))

    def unpacked(self) -> dict[str, int]:
        """Give the prices."""
        return dict(zip(self.symbols, self.values, strict=True))


@dataclass(slots=True)
class BoardVector:
    """A board's reference prices, as some strips show them; `node`: whose, if it tells enough."""

    id: int
    board: Board
    flat: bool
    packed: Packed
    node: int | None = None

    @property
    def references(self) -> dict[str, int]:
        """The reference prices by symbol."""
        return self.packed.unpacked()


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two vectors of prices agree on the symbols that they share."""

    bits: float
    agreeing: int
    shared: int

    @property
    def share(self) -> float:
        """Give the share of agreeing symbols."""
        return self.agreeing / self.shared if self.shared else 0.0


def vector_of(board: Board, references: Prices, *, flat: bool) -> BoardVector:
    """Name a board's reference prices by what they are: the same ones are one vector."""
    named = [f"{symbol} {references[symbol]}" for symbol in sorted(references)]
    own_id = content_id("vector", board, "flat" if flat else "", *named)
    return BoardVector(own_id, board, flat, Packed.of(references))


@lru_cache(maxsize=4096)
def same_symbols(symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Give for equal symbols the same ones: thousands of boards print those of the day before."""
    return symbols


def threshold(boards: int) -> int:
    """
    Give the bits that an agreement needs not to be chance among so many boards.

    In whole bits: it changes, and all is drawn anew, where their number has doubled.
    """
    return (max(boards, 2) - 1).bit_length() + _SAFETY_BITS


def bits_of(board: Board, prices: Prices, tolerance: int) -> float:
    """Give the bits that a vector of prices carries."""
    # Exact: else the last digit would hang on the order in which a set gives its symbols.
    return math.fsum(_symbol_bits(board, prices, tolerance).values())


def agreement(board: Board, one: Prices, other: Prices) -> Agreement:
    """Compare two vectors of prices in 1/10,000, within the rounding of both together."""
    tolerance = tolerance_of(board)
    shared = one.keys() & other.keys()
    equal = {
        symbol: one[symbol] for symbol in shared if abs(one[symbol] - other[symbol]) <= tolerance
    }
    return Agreement(bits_of(board, equal, tolerance), len(equal), len(shared))


def are_one(one: BoardVector, other: BoardVector, need: float) -> bool:
    """Say whether two vectors must be of one session."""
    if (one.board, one.flat) != (other.board, other.flat):
        return False
    found = agreement(one.board, *sorted((one.references, other.references), key=_in_order))
    return found.bits >= need and found.share >= _MOST


def tolerance_of(board: Board) -> int:
    """Give the rounding between two printed references of a board: stocks print in full."""
    return 2 * INDEX_ROUNDING if board == "index" else 0


def keys_of(board: Board, prices: Prices) -> list[int]:
    """Give a number for each price of a vector, by which others that have it are found."""
    step = tolerance_of(board) or 1
    return [_key(board, symbol, price // step) for symbol, price in sorted(prices.items())]


def telling(board: Board, prices: Prices) -> list[int]:
    """Give the keys of the few prices that tell sessions apart best."""
    bits = _symbol_bits(board, prices, tolerance_of(board) or 1)
    best = sorted(prices, key=lambda symbol: (-bits[symbol], symbol))[:_TELLING]
    return keys_of(board, {symbol: prices[symbol] for symbol in best})


def around(board: Board, keys: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Pair each key with those of prices as near; an index's also in the buckets beside its own."""
    reach = (0,) if board == "stocks" else (-1, 0, 1)
    pairs = ((key, key + step) for key in keys for step in reach)
    return ((key, near) for key, near in pairs if named(key) == named(near))


def named(key: int) -> int:
    """Give the part of a key that stands for its symbol."""
    return key >> _PRICE_BITS


def _in_order(prices: Prices) -> list[tuple[str, int]]:
    return sorted(prices.items())


@lru_cache(maxsize=4096)
def _base(board: Board, symbol: str) -> int:
    return (zlib.crc32(f"{board} {symbol}".encode()) & 0x7FFFFFFF) << _PRICE_BITS


def _key(board: Board, symbol: str, bucket: int) -> int:
    return _base(board, symbol) + (bucket & ((1 << _PRICE_BITS) - 1))


def _symbol_bits(board: Board, prices: Prices, tolerance: int) -> dict[str, float]:
    if board == "stocks":
        low, high = _STOCK_BITS
        return {
            symbol: min(max(math.log2(max(price / _PAISA * _STOCK_MOVE, 1.0)), low), high)
            for symbol, price in prices.items()
        }
    largest = max(prices.values(), default=0)
    return {
        symbol: _index_bits(price, _INDEX_MOVE if price == largest else _FOLLOWER_MOVE, tolerance)
        for symbol, price in prices.items()
    }


def _index_bits(price: int, move: float, tolerance: int) -> float:
    return max(math.log2(max(price * move * _NORMAL_WIDTH / (2 * tolerance), 1.0)), 0.0)
