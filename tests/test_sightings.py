"""Boards, pages and numbers laid out in arrays: what comes out is what went in, in less room."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from tickertrack.dating import Sightings
from tickertrack.dating.keys import KeyRow, Keys
from tickertrack.models import Board, Published, Sighting

BOARDS: tuple[Board, ...] = ("index", "stocks")
ids = st.integers(1, (1 << 63) - 1)
moments = st.datetimes(datetime(1999, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
published = st.one_of(
    st.builds(Published, moments, st.sampled_from(["second", "minute"])),
    st.builds(Published, st.dates(), st.just("day")),
)
prices = st.dictionaries(
    st.sampled_from(["ANL", "BOP", "KEL", "786"]), st.integers(1, 10**16), min_size=1
)


@st.composite
def sightings(draw: st.DrawFn) -> list[Sighting]:
    """Draw pages, each of one of a few strips, with or without any date."""
    strips = {
        strip: {board: draw(prices) for board in draw(st.sets(st.sampled_from(BOARDS), min_size=1))}
        for strip in draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    }
    found = []
    for page in draw(st.lists(ids, max_size=6, unique=True)):
        strip = draw(st.sampled_from(sorted(strips)))
        dates = (draw(st.none() | moments), draw(st.none() | st.dates()))
        appeared = draw(st.none() | published)
        for board, shown in strips[strip].items():
            references = {symbol: price + 1 for symbol, price in shown.items()}
            source = ("brecorder", "brecorder-2022")
            found.append(Sighting(page, strip, board, *source, shown, references, *dates, appeared))
    return found


@given(sightings(), st.randoms())
def test_what_is_laid_out_comes_out_in_the_order_of_its_pages(
    shown: list[Sighting], chance: random.Random
):
    chance.shuffle(shown)
    laid = Sightings.of(shown)
    assert list(laid) == sorted(shown, key=lambda one: (one.page_id, one.board))
    for one in shown:
        assert laid.at(one.page_id, one.board) == one
        assert one.member in list(laid.members(one.strip_id))
        assert laid.board((one.strip_id, one.board)) == (one.prices, one.references)
    assert set(laid.seats()) == {(one.strip_id, one.board) for one in shown}


def made(pages: int) -> Iterator[Sighting]:
    """Make up pages that show one strip after the other, of forty lines."""
    begin = datetime(2024, 5, 13, tzinfo=UTC)
    for page in range(1, pages + 1):
        strip = page // 20 + 1
        shown = {f"S{line}": 10_000 * (strip + line) for line in range(40)}
        when = (begin + timedelta(minutes=page), date(2024, 5, 13), None)
        yield Sighting(page, strip, "stocks", "brecorder", "brecorder-2022", shown, shown, *when)


def taken(lay: Callable[[Iterator[Sighting]], object], pages: int) -> int:
    """Measure the bytes that so many pages take, once they are laid out."""
    tracemalloc.start()
    kept = lay(made(pages))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size if kept else 0


# Of pages and of strips of forty lines.
PAGES, ROOM = 2_000, 2_000 * 200 + 100 * 2_000


def test_a_page_takes_some_dozens_of_bytes_and_a_strip_some_hundreds():
    assert taken(Sightings.of, PAGES) < ROOM


def test_as_records_they_take_many_times_as_much():
    # The control.
    assert taken(list, PAGES) > 10 * ROOM


@pytest.mark.parametrize(
    ("stored", "new", "left", "grown"),
    [
        ([], [(7, "price", 1)], [(7, "price", 1)], [(0, 1)]),
        ([(7, "price", 1)], [(7, "price", 1)], [], []),
        ([(7, "price", 1)], [(7, "telling", 1), (7, "telling", 1)], [(7, "telling", 1)], [(1, 2)]),
        ([(7, "price", 1), (9, "price", 1)], [(7, "price", 2)], [(7, "price", 2)], [(1, 2)]),
    ],
)
def test_a_number_is_new_once_unless_it_is_stored(
    stored: list[KeyRow], new: list[KeyRow], left: list[KeyRow], grown: list[tuple[int, int]]
):
    keys = Keys()
    keys.add(new)
    keys.know(stored)
    assert list(keys.new()) == left
    assert list(keys.grown()) == grown


def test_a_number_that_too_many_have_finds_none():
    keys = Keys()
    keys.add((7, "reference", vector) for vector in (3, 1, 2))
    assert keys.having(7, most=3) == [("reference", 1), ("reference", 2), ("reference", 3)]
    assert keys.having(7, most=2) == []
    assert keys.having(8, most=3) == []
