"""Where boards are placed: by numbers first, then by captures, then by page dates; or nowhere."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from bench.dating import Outcome, date_crawl, date_real, judged, reliability, tally
from tests.crawl import simulate
from tickertrack.dating import date_boards, span
from tickertrack.dating.nodes import bits_of
from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import Board, Published, Sighting, Sitting

SHARED = Path(__file__).parents[1].parent / "shared"
REFERENCE = SHARED / "reference"
KARACHI = ZoneInfo("Asia/Karachi")
PSX = load_market("psx")

needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the reference series lie outside of this repository"
)

# Six stocks of a made-up week, Monday 2024-05-13 to Friday: last prices, session by session.
WEEK = [date(2024, 5, day) for day in (13, 14, 15, 16, 17)]
FRIDAY_BEFORE = {
    "AAA": 50.10,
    "BBB": 121.35,
    "CCC": 33.47,
    "DDD": 88.02,
    "EEE": 15.93,
    "FFF": 240.6,
}
LAST = [
    {symbol: round(price * (1 + 0.013 * (step + 1)), 2) for symbol, price in FRIDAY_BEFORE.items()}
    for step in range(5)
]


def prices_of(quotes: dict[str, float]) -> dict[str, int]:
    return {symbol: round(price * 10_000) for symbol, price in quotes.items()}


def sighting(
    page: int, now: dict[str, float], before: dict[str, float], **known: object
) -> Sighting:
    board: Board = "index" if "KSE100" in now else "stocks"
    fields = {"captured_at": None, "page_date": None, "published": None, **known}
    return Sighting(
        page_id=page,
        strip_id=zlib.crc32(repr((sorted(now.items()), sorted(before.items()))).encode()),
        board=board,
        publisher="brecorder",
        dialect="brecorder-2022",
        prices=prices_of(now),
        references=prices_of(before),
        **fields,  # type: ignore[arg-type]
    )


def dated(
    sightings: list[Sighting], series: dict[str, dict[date, int]] | None = None
) -> list[Sitting]:
    series = series or {}
    bounds = span(sightings, series, KARACHI)
    sessions = sessions_between(PSX, *bounds) if bounds else []
    return sorted(date_boards(sightings, sessions, series, KARACHI), key=lambda one: one.page_id)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=KARACHI).astimezone(UTC)


def test_a_capture_in_the_session_places_its_board_there():
    (only,) = dated([sighting(1, LAST[0], FRIDAY_BEFORE, captured_at=at(WEEK[0], 14))])
    assert (only.session, only.method) == (WEEK[0], "captured")
    assert only.confidence < 0.99


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        (at(WEEK[1], 8), WEEK[0]),  # before the open
        (at(WEEK[1], 9, 31), WEEK[0]),  # a minute before
        (at(WEEK[1], 11), WEEK[1]),
        (at(WEEK[1], 23, 59), WEEK[1]),
        (datetime(2024, 5, 14, 21, tzinfo=UTC), WEEK[1]),  # 02:00 of the 15th in Karachi
        (at(date(2024, 5, 18), 12), WEEK[4]),  # Saturday
        (at(date(2024, 5, 19), 12), WEEK[4]),  # Sunday
        (at(date(2024, 4, 11), 12), date(2024, 4, 9)),  # Eid-ul-Fitr: closed from the 10th
        (at(date(2024, 5, 1), 12), date(2024, 4, 30)),  # Labour Day
    ],
)
def test_a_capture_shows_the_last_session_that_had_opened(moment: datetime, session: date):
    (only,) = dated([sighting(1, LAST[1], LAST[0], captured_at=moment)])
    assert only.session == session


def test_a_page_date_alone_places_provisionally_with_the_measured_confidence():
    (only,) = dated([sighting(1, {"AAA": 50.75}, {"AAA": 50.1}, page_date=WEEK[0])])
    assert (only.session, only.method) == (WEEK[0], "stated")
    assert 0.72 < only.confidence < 0.79


def test_a_page_date_on_a_sunday_means_friday():
    (only,) = dated([sighting(1, LAST[4], LAST[3], page_date=date(2024, 5, 19))])
    assert only.session == WEEK[4]


def test_published_alone_never_dates_a_board():
    published = Published(WEEK[0], "day")
    anchor = sighting(2, LAST[4], LAST[3], captured_at=at(WEEK[4], 14))
    lone, _ = dated([sighting(1, LAST[0], FRIDAY_BEFORE, published=published), anchor])
    assert lone.session is None


def test_nothing_at_all_leaves_every_board_undated():
    assert [one.session for one in dated([sighting(1, LAST[0], FRIDAY_BEFORE)])] == [None]


def test_an_undated_board_is_placed_by_the_chain_to_its_neighbours():
    boards = [
        sighting(1, LAST[0], FRIDAY_BEFORE, captured_at=at(WEEK[0], 20)),
        sighting(2, LAST[1], LAST[0]),
        sighting(3, LAST[2], LAST[1], captured_at=at(WEEK[2], 20)),
    ]
    found = dated(boards)
    assert [one.session for one in found] == WEEK[:3]
    assert [one.method for one in found] == ["matched"] * 3
    assert all(one.confidence > 0.99 for one in found)


def test_a_later_capture_dates_an_earlier_strip():
    early = sighting(1, LAST[1], LAST[0])
    anchor = sighting(9, LAST[4], LAST[3], captured_at=at(WEEK[4], 20))
    assert dated([early, anchor])[0].session is None
    later = [
        sighting(2, LAST[2], LAST[1]),
        sighting(3, LAST[3], LAST[2]),
    ]
    found = dated([early, *later, anchor])
    assert [one.session for one in found] == [WEEK[1], WEEK[2], WEEK[3], WEEK[4]]


def test_a_cached_copy_is_of_the_session_whose_numbers_it_shows():
    boards = [
        sighting(1, LAST[0], FRIDAY_BEFORE, captured_at=at(WEEK[0], 20)),
        sighting(2, LAST[1], LAST[0], captured_at=at(WEEK[1], 20)),
        sighting(3, LAST[0], FRIDAY_BEFORE, captured_at=at(WEEK[4], 20)),
    ]
    assert [one.session for one in dated(boards)] == [WEEK[0], WEEK[1], WEEK[0]]


def test_a_flat_board_before_the_open_is_a_witness_of_the_session_before():
    boards = [
        sighting(1, LAST[0], FRIDAY_BEFORE, captured_at=at(WEEK[0], 20)),
        sighting(2, LAST[0], LAST[0], captured_at=at(WEEK[1], 9)),
        sighting(3, LAST[1], LAST[0], captured_at=at(WEEK[1], 20)),
    ]
    assert [one.session for one in dated(boards)] == [WEEK[0], WEEK[0], WEEK[1]]


def test_a_flat_board_of_a_page_date_is_of_the_session_before():
    (only,) = dated([sighting(1, LAST[0], LAST[0], page_date=WEEK[1])])
    assert only.session == WEEK[0]


def test_two_cheap_flat_symbols_prove_nothing():
    cheap = {"WTL": 1.27, "SILK": 0.97}
    boards = [
        sighting(1, cheap, cheap, captured_at=at(WEEK[0], 14)),
        sighting(2, cheap, cheap),
    ]
    assert dated(boards)[1].session is None


def test_an_index_board_is_placed_by_an_imported_series():
    closes = {day: round((74_000 + 311 * n) * 10_000) for n, day in enumerate(WEEK)}
    now, before = {"KSE100": 74_700.0}, {"KSE100": 74_311.4}
    (only,) = dated([sighting(1, now, before, page_date=date(2024, 5, 20))], {"KSE100": closes})
    assert (only.session, only.method) == (WEEK[2], "matched")


def test_one_point_off_the_series_is_another_session_or_none():
    closes = {day: round((74_000 + 311 * n) * 10_000) for n, day in enumerate(WEEK)}
    now, before = {"KSE100": 74_700.0}, {"KSE100": 74_315.4}
    (only,) = dated([sighting(1, now, before, page_date=WEEK[2])], {"KSE100": closes})
    assert only.method != "matched"


@pytest.mark.parametrize("mask", [0, 0xFFFFFFFF, 0x55555555, 0x0F0F0F0F])
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_boards_of_one_page_may_be_of_two_sessions_whatever_their_ids(
    mask: int, order: tuple[int, int, int]
):
    index = [{"KSE100": 74_000.0 + 411 * n, "KSE30": 23_800.0 + 97 * n, "BR30": 24_900.0 + 171 * n}
             for n in range(4)]  # fmt: skip
    tuesday, open_, wednesday = order
    boards = [
        sighting(tuesday, LAST[1], LAST[0], captured_at=at(WEEK[1], 20)),
        sighting(tuesday, index[2], index[1], captured_at=at(WEEK[1], 20)),
        # On Wednesday the stocks have moved on and the index lines have not.
        sighting(open_, LAST[2], LAST[1], captured_at=at(WEEK[2], 9, 50)),
        sighting(open_, index[2], index[1], captured_at=at(WEEK[2], 9, 50)),
        sighting(wednesday, LAST[2], LAST[1], captured_at=at(WEEK[2], 20)),
        sighting(wednesday, index[3], index[2], captured_at=at(WEEK[2], 20)),
    ]
    boards = [replace(one, strip_id=one.strip_id ^ mask) for one in boards]
    found = {(one.page_id, one.board): one.session for one in dated(boards)}
    assert found[open_, "stocks"] == WEEK[2]
    assert found[open_, "index"] in {WEEK[1], None}


@given(st.permutations([12_700, 23_100, 34_700, 59_300, 73_100, 90_200]))
def test_bits_are_the_same_to_the_last_digit_in_any_order(order: list[int]):
    # A set of symbols comes in another order in every process.
    def bits(prices: list[int]) -> float:
        return bits_of("stocks", {str(price): price for price in prices}, 0)

    assert bits(order) == bits(sorted(order))


def one_line_boards(count: int) -> list[Sighting]:
    """Show KSE100's line alone, too little for a node, on so many pages of 25 sessions."""
    days = [day.session for day in sessions_between(PSX, date(2024, 5, 13), date(2024, 6, 14))]
    boards = []
    for page in range(count):
        place = page % len(days)
        before = {"KSE100": 72_000.0 + 311 * place + page / 10_000}
        now = {"KSE100": 72_200.0 + 311 * place + page}
        boards.append(sighting(page, now, before, captured_at=at(days[place], 11, page % 60)))
    return boards


def test_four_times_the_slight_boards_take_four_times_the_time():
    def seconds(count: int) -> float:
        boards = one_line_boards(count)
        begun = process_time()
        dated(boards)
        return process_time() - begun

    # Ten times or more, where each board goes through what all others show.
    assert seconds(8_000) < 7 * seconds(2_000)


@pytest.mark.parametrize("day", [date.min, date(1980, 1, 1), date.max])
def test_a_stored_day_that_no_calendar_reaches_costs_no_other_board(day: date):
    # An earlier version stored such days; nothing that is stored may keep the rest from its dates.
    good = sighting(1, LAST[0], FRIDAY_BEFORE, captured_at=at(WEEK[0], 20))
    found = dated([good, sighting(2, LAST[2], LAST[1], page_date=day)], {"KSE100": {day: 440_000}})
    assert [one.session for one in found] == [WEEK[0], None]


@given(st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_arrival_changes_nothing(order: list[int]):
    chain = [FRIDAY_BEFORE, *LAST]
    boards = [
        sighting(n, chain[n + 1], chain[n], captured_at=at(WEEK[n], 20) if n % 2 else None)
        for n in range(5)
    ]
    boards.append(sighting(5, LAST[1], LAST[1], page_date=WEEK[2]))
    assert dated([boards[place] for place in order]) == dated(boards)


@pytest.fixture(
    scope="module",
    params=[200, pytest.param(745, marks=pytest.mark.slow)],
    ids="{} sessions".format,
)
def sessions(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def crawl(sessions: int) -> list[Outcome]:
    return date_crawl(REFERENCE, seed=1, sessions=sessions)


@needs_reference
def test_a_simulated_crawl_is_dated_right(crawl: list[Outcome], sessions: int):
    row = tally(crawl)["all"]
    assert row["boards"] > 9 * sessions
    assert row["right"] >= 0.99 * row["boards"]
    assert row["wrong"] <= 0.001 * row["boards"]


@needs_reference
def test_no_published_day_is_too_old_to_be_judged(crawl: list[Outcome], sessions: int):
    # Those left out would be the worst ones: articles from before the first day of a crawl.
    pages = simulate(REFERENCE, seed=1, sessions=sessions)
    dated = sum(2 for page in pages if "published_at" in page.record)
    assert sum(one.by_published is not None for one in crawl) == dated


@needs_reference
def test_naive_ways_fail_on_the_same_crawl(crawl: list[Outcome]):
    # The control: the measure can tell right from wrong.
    for way in ("by_published", "by_page_date"):
        judgements = [judged(getattr(one, way), one.truth) for one in crawl if getattr(one, way)]
        assert judgements.count("wrong") > 0.2 * len(judgements)


@needs_reference
def test_real_index_boards_are_dated_right_by_an_imported_series():
    found = date_real(SHARED / "real/strips.jsonl", REFERENCE / "kse100_daily.csv")
    index = [one for one in found if one.board == "index"]
    verdicts = [one.verdict for one in index]
    assert len(verdicts) >= 76
    assert "wrong" not in verdicts
    assert verdicts.count("right") >= 0.99 * len(verdicts)


@needs_reference
def test_real_index_boards_without_a_series_are_right_where_they_are_sure():
    found = date_real(SHARED / "real/strips.jsonl", None)
    sure = [one for one in found if one.confidence >= 0.99]
    assert all(one.verdict == "right" for one in sure)
    # Without a series the page date decides, and its measured quarter of wrong ones is no secret.
    for band, (right, of) in reliability(found).items():
        assert right >= (float(band[:4]) - 0.1) * of, band


@pytest.mark.slow
@needs_reference
def test_a_chain_with_one_cached_copy_for_a_clock_is_not_sure_of_itself():
    # 745 sessions seen once each: what closes a circle has heard the same copy (docs/dating.md).
    found = date_crawl(REFERENCE, seed=3, captures=1)
    sure = [one.verdict for one in found if one.confidence >= 0.99]
    assert len(sure) > 100
    assert sure.count("right") >= 0.99 * len(sure)


@pytest.mark.slow
@needs_reference
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("captures", [1, 5])
def test_confidence_means_what_it_says(seed: int, captures: int):
    found = date_crawl(REFERENCE, seed=seed, sessions=200, captures=captures)
    sure = [one for one in found if one.confidence >= 0.99]
    assert sum(one.verdict == "right" for one in sure) >= 0.99 * len(sure)
