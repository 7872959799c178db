"""All boards that pages show, laid out in arrays: some hundred bytes a strip, forty a page."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Self

import numpy as np

from tickertrack.dating.nodes import Prices, same_symbols
from tickertrack.dating.past import Seat
from tickertrack.models import Board, Member, Precision, Published, Shower, Sighting

__all__ = ["Sightings"]

_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# Stands for a time that is not known.
_NEVER = -(1 << 63)
# How a page says when its article appeared: not at all, by a time, or by a day.
_PRECISIONS: tuple[Precision, ...] = ("second", "minute", "day")
_BY_DAY = len(_PRECISIONS) + 1
_BOARDS: tuple[Board, Board] = ("index", "stocks")
# Boards that are kept as they were unpacked, a few kilobytes each.
_UNPACKED = 1_024


class Sightings:
    """
    Sightings in the order of their pages; also the facts that dating asks for, strip by strip.

    A record and two dictionaries for each would take ten times as much.
    """

    def __init__(
        self, boards: Iterable[tuple[Seat, Prices, Prices]], pages: Iterable[Shower]
    ) -> None:
        """
        Lay out boards, with last prices and reference prices, and the pages that show them.

        Both come in the order of their ids.
        """
        self._boards = _Boards(boards)
        self._pages = _Pages(one for one in pages if one[0].strip_id in self._boards)
        self._unpacked = lru_cache(_UNPACKED)(self._boards.unpacked)

    @classmethod
    def of(cls, sightings: Iterable[Sighting]) -> Self:
        """Lay out sightings that come in any order."""
        boards: dict[Seat, tuple[Prices, Prices]] = {}
        pages: dict[tuple[int, int], Shower] = {}
        for one in sightings:
            boards[one.strip_id, one.board] = (one.prices, one.references)
            pages[one.page_id, one.strip_id] = (one.member, one.publisher, one.dialect)
        return cls(
            ((seat, *boards[seat]) for seat in sorted(boards)),
            (pages[key] for key in sorted(pages)),
        )

    def __iter__(self) -> Iterator[Sighting]:
        """Give every board of every page."""
        for number in range(len(self._pages)):
            yield from self._shown_by(number)

    def at(self, page_id: int, board: Board) -> Sighting:
        """Give a board of a page."""
        shown = (one for number in self._pages.find(page_id) for one in self._shown_by(number))
        return next(one for one in shown if one.board == board)

    def _shown_by(self, number: int) -> Iterator[Sighting]:
        shower = self._pages.shower(number)
        for place in self._boards.on(shower[0].strip_id):
            yield Sighting.of(shower, self._boards.board(place), *self._unpacked(place))

    def pages(self) -> Iterator[Member]:
        """Give every page that shows a board."""
        return (self._pages.shower(number)[0] for number in range(len(self._pages)))

    def seats(self) -> Iterator[Seat]:
        """Give every board that a page shows, once."""
        for strip in self._pages.strips():
            yield from ((strip, self._boards.board(place)) for place in self._boards.on(strip))

    # ---- strip by strip

    def know_members(self, strips: Iterable[int]) -> None:
        """Know them already."""

    def know_boards(self, strips: Iterable[int]) -> None:
        """Know them already."""

    def members(self, strip: int) -> Iterator[Member]:
        """Give the pages that show a strip."""
        return (self._pages.shower(number)[0] for number in self._pages.showing(strip))

    def board(self, seat: Seat) -> tuple[Prices, Prices]:
        """Give the last prices and the reference prices of a board."""
        return self._unpacked(self._boards.find(seat))


class _Boards:
    """Prices and reference prices of boards, one after the other."""

    def __init__(self, boards: Iterable[tuple[Seat, Prices, Prices]]) -> None:
        """Lay them out; they come in the order of their strips."""
        self._strips, self._kinds = array("q"), bytearray()
        self._symbols: list[tuple[str, ...]] = []
        self._ends = array("q", [0])
        self._prices, self._references = array("q"), array("q")
        for (strip, board), prices, references in boards:
            self._strips.append(strip)
            self._kinds.append(_BOARDS.index(board))
            self._symbols.append(same_symbols(tuple(prices)))
            self._prices.extend(prices.values())
            self._references.extend(references[symbol] for symbol in prices)
            self._ends.append(len(self._prices))

    def __contains__(self, strip: int) -> bool:
        """Say whether a strip has any board."""
        return bool(self.on(strip))

    def on(self, strip: int) -> range:
        """Give the places of a strip's boards."""
        first = last = bisect_left(self._strips, strip)
        while last < len(self._strips) and self._strips[last] == strip:
            last += 1
        return range(first, last)

    def find(self, seat: Seat) -> int:
        """Give the place of a board."""
        return next(place for place in self.on(seat[0]) if self.board(place) == seat[1])

    def board(self, place: int) -> Board:
        """Say which board of its strip it is."""
        return _BOARDS[self._kinds[place]]

    def unpacked(self, place: int) -> tuple[dict[str, int], dict[str, int]]:
        """Give the last prices and the reference prices of a board."""
        symbols, own = self._symbols[place], slice(self._ends[place], self._ends[place + 1])
        prices = dict(zip(symbols, self._prices[own], strict=True))
        return prices, dict(zip(symbols, self._references[own], strict=True))


class _Pages:
    """Pages and every date that they offer, a column each."""

    def __init__(self, pages: Iterable[Shower]) -> None:
        """Lay them out; they come in the order of their ids."""
        self._ids, self._strips, self._captured = array("q"), array("q"), array("q")
        self._stated, self._published, self._basis = array("i"), array("q"), bytearray()
        self._sources = array("i")
        known: dict[tuple[str, str], int] = {}
        for member, *source in pages:
            self._add(member)
            self._sources.append(known.setdefault((source[0], source[1]), len(known)))
        self._source = list(known)
        strips = np.frombuffer(self._strips, dtype=np.int64)
        order = np.argsort(strips, kind="stable")
        self._by_strip = array("q", strips[order].tobytes())
        self._order = array("i", order.astype(np.int32).tobytes())

    def _add(self, member: Member) -> None:
        self._ids.append(member.page_id)
        self._strips.append(member.strip_id)
        self._captured.append(_ticks(member.captured_at))
        self._stated.append(member.page_date.toordinal() if member.page_date else 0)
        ticks, basis = _packed(member.published)
        self._published.append(ticks)
        self._basis.append(basis)

    def __len__(self) -> int:
        """Count the pages."""
        return len(self._ids)

    def find(self, page_id: int) -> range:
        """Give the numbers under which a page stands: one for each strip that it shows."""
        low = bisect_left(self._ids, page_id)
        return range(low, bisect_right(self._ids, page_id, low))

    def strips(self) -> Iterator[int]:
        """Give every strip that they show, once."""
        return (strip for strip, _ in groupby(self._by_strip))

    def showing(self, strip: int) -> array[int]:
        """Give the numbers of the pages that show a strip."""
        low = bisect_left(self._by_strip, strip)
        return self._order[low : bisect_right(self._by_strip, strip, low)]

    def shower(self, number: int) -> Shower:
        """Give a page, its publisher and its strip's dialect."""
        stated = self._stated[number]
        member = Member(
            page_id=self._ids[number],
            strip_id=self._strips[number],
            captured_at=_moment(self._captured[number]),
            page_date=date.fromordinal(stated) if stated else None,
            published=_unpacked(self._published[number], self._basis[number]),
        )
        return (member, *self._source[self._sources[number]])


def _ticks(moment: datetime | None) -> int:
    return _NEVER if moment is None else (moment - _EPOCH) // _TICK


def _moment(ticks: int) -> datetime | None:
    return None if ticks == _NEVER else _EPOCH + timedelta(microseconds=ticks)


def _packed(published: Published | None) -> tuple[int, int]:
    if published is None:
        return 0, 0
    basis = _PRECISIONS.index(published.precision) + 1
    if isinstance(published.at, datetime):
        return _ticks(published.at), basis
    return published.at.toordinal(), basis + _BY_DAY


def _unpacked(ticks: int, basis: int) -> Published | None:
    if not basis:
        return None
    precision = _PRECISIONS[basis % _BY_DAY - 1]
    at = date.fromordinal(ticks) if basis > _BY_DAY else _EPOCH + timedelta(microseconds=ticks)
    return Published(at, precision)
