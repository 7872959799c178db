"""One price per symbol and session: which quote it is, how sure, and what contradicts it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from tickertrack.markets import load_market
from tickertrack.markets.calendar import trading_day
from tickertrack.models import DatedBoard, Method, Price, Sighting, Sitting
from tickertrack.prices import resolve_prices

PSX = load_market("psx")
MON, TUE, WED, THU = (date(2024, 5, day) for day in (13, 14, 15, 16))


def board(  # noqa: PLR0913
    session: date,
    quotes: dict[str, tuple[float, float]],
    *,
    page: int = 1,
    hour: int | None = None,
    page_date: date | None = None,
    method: Method = "matched",
) -> DatedBoard:
    """Show `quotes` (symbol to price and reference price) on a page of a session."""
    seen = datetime.combine(session, datetime.min.time(), PSX.zone) + timedelta(hours=hour or 0)
    sighting = Sighting(
        page_id=page,
        strip_id=page,
        board="index" if "KSE100" in quotes else "stocks",
        publisher="brecorder",
        dialect="brecorder-2022",
        prices={symbol: round(price * 10_000) for symbol, (price, _) in quotes.items()},
        references={symbol: round(before * 10_000) for symbol, (_, before) in quotes.items()},
        captured_at=seen.astimezone(UTC) if hour is not None else None,
        page_date=page_date,
        published=None,
    )
    return DatedBoard(sighting, Sitting(page, sighting.board, session, method, 0.999, {}))


def resolved(*boards: DatedBoard) -> dict[tuple[str, date], Price]:
    days = [trading_day(PSX, day, "calendar") for day in (MON, TUE, WED, THU)]
    return {(price.symbol, price.session): price for price in resolve_prices(boards, days, PSX)}


def scaled(*prices: float) -> list[int]:
    return [round(price * 10_000) for price in prices]


def test_the_latest_witness_is_the_price_and_all_of_them_are_its_range():
    found = resolved(
        board(MON, {"ANL": (33.3, 33.1)}, page=2, hour=14),
        board(MON, {"ANL": (32.9, 33.1)}, page=1, hour=11),
        board(MON, {"ANL": (33.0, 33.1)}, page=3, hour=15),
    )
    price = found["ANL", MON]
    assert [price.price, price.reference_price] == scaled(33.0, 33.1)
    assert [price.first, price.high, price.low] == scaled(32.9, 33.3, 32.9)
    assert (price.quotes, price.status, price.conflict) == (3, "intraday", None)


@pytest.mark.parametrize(
    ("boards", "status"),
    [
        ([board(MON, {"ANL": (33.3, 33.1)}, hour=14)], "intraday"),
        ([board(MON, {"ANL": (33.3, 33.1)}, hour=18)], "final"),
        ([board(MON, {"ANL": (33.3, 33.1)}, page_date=TUE)], "final"),
        ([board(MON, {"ANL": (33.3, 33.1)}, page_date=MON, method="stated")], "provisional"),
        (
            [
                board(MON, {"ANL": (33.3, 33.1)}, hour=14),
                board(TUE, {"ANL": (33.5, 33.3)}, page=2, hour=14),
            ],
            "final",
        ),
        (
            [
                board(MON, {"ANL": (33.3, 33.1)}, hour=14),
                board(TUE, {"ANL": (33.5, 33.4)}, page=2, hour=14),
            ],
            "intraday",
        ),
    ],
    ids=[
        "in session",
        "after close",
        "page of tomorrow",
        "page date",
        "confirmed",
        "not confirmed",
    ],
)
def test_status_says_how_last_the_price_is(boards: Sequence[DatedBoard], status: str):
    assert resolved(*boards)["ANL", MON].status == status


def test_a_flat_board_confirms_last_prices_and_is_no_reference():
    last = {"AAA": 50.1, "BBB": 121.3, "CCC": 33.4, "DDD": 88.0}
    flat = {symbol: (price, price) for symbol, price in last.items()}
    moved = {symbol: (price, price - 1) for symbol, price in last.items()}
    found = resolved(board(MON, moved, page=1, hour=14), board(MON, flat, page=2))
    assert found["AAA", MON].status == "final"
    assert found["AAA", MON].reference_price == scaled(49.1)[0]
    alone = resolved(board(MON, flat))["AAA", MON]
    assert (alone.price, alone.reference_price) == (scaled(50.1)[0], None)


def test_witnesses_that_cannot_all_be_right_are_told_and_not_averaged():
    after = [
        board(MON, {"ANL": (33.3, 33.1)}, page=1, hour=18),
        board(MON, {"ANL": (33.6, 33.1)}, page=2, hour=20),
    ]
    price = resolved(*after)["ANL", MON]
    assert price.price == scaled(33.6)[0]
    assert price.conflict == "prices after the close 33.3 and 33.6"
    references = [
        board(MON, {"ANL": (33.3, 33.1)}, page=1, hour=11),
        board(MON, {"ANL": (33.4, 33.2)}, page=2, hour=12),
    ]
    assert resolved(*references)["ANL", MON].conflict == "reference prices 33.1 and 33.2"


def test_index_prices_that_differ_by_their_rounding_agree():
    shown = [
        board(MON, {"KSE100": (74_531.0, 73_798.9)}, page=1, hour=18),
        board(MON, {"KSE100": (74_531.0, 73_799.1)}, page=2, hour=19),
    ]
    assert resolved(*shown)["KSE100", MON].conflict is None


def chain(count: int, *, breaks: int = 0) -> list[DatedBoard]:
    """Show `count` stocks settled on Monday and moving on Tuesday; some references do not join."""
    names = [f"S{n:02}" for n in range(count)]
    monday = {name: (10.0 + n, 9.5 + n) for n, name in enumerate(names)}
    tuesday = {name: (10.4 + n, (10.1 if n < breaks else 10.0) + n) for n, name in enumerate(names)}
    return [
        board(MON, monday, page=1, hour=20),
        board(TUE, tuesday, page=2, hour=20),
        board(THU, {"S00": (11.0, 10.7), "NEW": (5.0, 4.8)}, page=3, hour=20),
    ]


def test_a_gap_is_implied_only_where_references_are_proven_to_be_last_prices():
    proven = resolved(*chain(30))
    implied = proven["S00", WED]
    assert (implied.price, implied.status, implied.quotes) == (scaled(10.7)[0], "implied", 0)
    assert implied.reference_price == scaled(10.4)[0]
    assert (implied.first, implied.high, implied.low) == (None, None, None)


@pytest.mark.parametrize("boards", [chain(30, breaks=5), chain(10)], ids=["broken", "too few"])
def test_nothing_is_implied_where_the_chain_is_not_proven(boards: list[DatedBoard]):
    assert ("S00", WED) not in resolved(*boards)


def test_the_order_of_boards_changes_nothing():
    boards = [*chain(30), board(MON, {"S00": (9.9, 9.5)}, page=9)]
    assert resolved(*boards) == resolved(*reversed(boards))
