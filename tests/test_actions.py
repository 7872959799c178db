"""Chain breaks and what would explain them; what a user's file says of it; adjusted histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

import tickertrack as tt
from tickertrack.actions import adjust, decided, propose_actions, read_decisions
from tickertrack.markets import load_market
from tickertrack.markets.calendar import trading_day
from tickertrack.models import Action, Price

PSX = load_market("psx")
MON, TUE, THU = (date(2024, 5, day) for day in (13, 14, 16))
DAYS = [trading_day(PSX, MON + timedelta(days=n), "calendar") for n in range(5)]


def price(symbol: str, session: date, last: float, reference: float | None) -> Price:
    return Price(
        symbol=symbol,
        session=session,
        price=round(last * 10_000),
        reference_price=None if reference is None else round(reference * 10_000),
        first=None,
        high=None,
        low=None,
        status="final",
        quotes=1,
        method="matched",
        first_seen=None,
        last_seen=None,
        conflict=None,
    )


MONDAYS = price("ANL", MON, 60.0, 59.0)


def chain(count: int = 10, broken: int = 0) -> list[Price]:
    """Show other stocks, settled on Monday; on Tuesday most are measured from their last price."""
    others = []
    for n in range(count):
        last = 20.0 + n
        others.append(price(f"O{n}", MON, last, last - 1))
        others.append(price(f"O{n}", TUE, last + 1, last + (0.07 if n < broken else 0.0)))
    return others


def proposed(last: float, reference: float, others: Sequence[Price] = ()) -> Action | None:
    own = [price("ANL", MON, last, last - 1), price("ANL", TUE, reference + 1, reference)]
    found = propose_actions([*own, *others], DAYS, PSX)
    return next((action for action in found if action.symbol == "ANL"), None)


@pytest.mark.parametrize(
    ("last", "reference", "kind", "factor", "amount"),
    [
        (60.0, 50.0, "bonus", 1 / 1.2, None),
        (61.37, 53.37, "bonus", 1 / 1.15, None),
        (120.0, 60.0, "bonus", 0.5, None),
        (500.0, 100.0, "split", 0.2, None),
        (6.0, 60.0, "split", 10.0, None),
        (60.0, 56.5, "dividend", 56.5 / 60, 3.5),
        (60.07, 48.52, "right", 48.52 / 60.07, None),
        (60.0, 51.13, "unexplained", 51.13 / 60, None),
    ],
)
def test_a_chain_break_is_explained_by_a_clean_ratio_or_a_whole_amount(
    last: float, reference: float, kind: str, factor: float, amount: float | None
):
    action = proposed(last, reference)
    assert action is not None
    assert (action.symbol, action.session, action.kind) == ("ANL", TUE, kind)
    assert action.factor == pytest.approx(factor)
    assert action.amount == amount
    assert (action.evidence["last_price"], action.evidence["reference_price"]) == (last, reference)
    assert action.status == "proposed"


def test_what_else_would_explain_it_is_told():
    action = proposed(110.0, 100.0)
    assert action is not None
    assert action.evidence["fits"] == ["bonus of 10 %", "dividend of 10 a share"]


def test_a_chain_that_holds_is_no_break():
    assert proposed(60.0, 60.0, chain()) is None


@pytest.mark.parametrize(
    ("others", "count"),
    [(chain(), 1), (chain(broken=1), 1), (chain(broken=6), 0), (chain(3), 0)],
    ids=["holds", "mostly holds", "does not hold", "too few to tell"],
)
def test_a_small_gap_counts_only_where_the_chain_of_its_session_holds(
    others: list[Price], count: int
):
    # Before mid-2024 a reference is the site's own last trade: a paisa or two off is no dividend.
    action = proposed(60.0, 59.0, others)
    assert [action.kind for action in [action] if action] == ["dividend"] * count
    assert proposed(60.0, 59.87, others) is None


@pytest.mark.parametrize(
    "own",
    [
        [replace(MONDAYS, status="intraday"), price("ANL", TUE, 57.0, 56.5)],
        [replace(MONDAYS, status="implied", quotes=0), price("ANL", TUE, 51.0, 50.0)],
        [MONDAYS, price("ANL", THU, 51.0, 50.0)],
        [MONDAYS, price("ANL", TUE, 51.0, None)],
        [replace(MONDAYS, conflict="prices differ"), price("ANL", TUE, 51.0, 50.0)],
        [replace(MONDAYS, symbol="KSE100"), price("KSE100", TUE, 51.0, 50.0)],
    ],
    ids="moved-since not-witnessed no-neighbours no-reference conflict index".split(),
)
def test_what_is_not_known_to_break_is_not_proposed(own: list[Price]):
    assert propose_actions([*own, *chain()], DAYS, PSX) == []


def test_beyond_what_trades_can_do_a_last_quote_before_the_close_will_do():
    own = [replace(MONDAYS, status="intraday"), price("ANL", TUE, 31.0, 30.0)]
    (action,) = propose_actions(own, DAYS, PSX)
    assert (action.kind, action.evidence["last_price_is_final"]) == ("bonus", False)


def written(folder: Path, *lines: str) -> Path:
    header = "symbol,session,kind,factor,amount,status"
    (folder / "actions.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return folder


def test_a_file_confirms_denies_corrects_and_adds(tmp_path: Path):
    (action,) = propose_actions(
        [price("ANL", MON, 110.0, 109.0), price("ANL", TUE, 101.0, 100.0)], DAYS, PSX
    )
    cases = {
        "anl,2024-05-14,,,,confirmed": ("bonus", 1 / 1.1, "confirmed"),
        "ANL,2024-05-14,bonus,0.909,,denied": ("bonus", 1 / 1.1, "denied"),
        "ANL,2024-05-14,dividend,,10,confirmed": ("dividend", 1 - 10 / 110, "confirmed"),
        "ANL,2024-05-14,right,0.95,,confirmed": ("right", 0.95, "confirmed"),
        "ANL,2024-05-14,bonus,0.909,,proposed": ("bonus", 1 / 1.1, "proposed"),
        "OGDC,2024-05-14,,,,denied": ("bonus", 1 / 1.1, "proposed"),
    }
    for line, (kind, factor, status) in cases.items():
        (found,) = decided([action], read_decisions(written(tmp_path, line)))
        assert (found.kind, found.factor, found.status) == (kind, pytest.approx(factor), status)
    own = decided([], read_decisions(written(tmp_path, "OGDC,2024-05-14,split,0.2,,confirmed")))
    assert [(one.symbol, one.kind, one.factor) for one in own] == [("OGDC", "split", 0.2)]
    assert read_decisions(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ANL,14 May 2024,,,,confirmed", "no date"),
        ("ANL,2024-05-14,,,,yes", "no status 'yes'"),
        ("ANL,2024-05-14,gift,,,confirmed", "no kind 'gift'"),
        ("ANL,2024-05-14,,-1,,confirmed", "no number above zero"),
        ("ANL,2024-05-14,,nan,,confirmed", "no number above zero"),
        ("ANL,2024-05-14,,,inf,confirmed", "no number above zero"),
        (",2024-05-14,,,,confirmed", "needs symbol"),
        ("ANL", "needs symbol"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_by_its_number(tmp_path: Path, line: str, says: str):
    with pytest.raises(tt.ConfigError, match=r"actions\.csv:3: ") as refused:
        read_decisions(written(tmp_path, "OGDC,2024-05-14,,,,denied", line))
    assert says in str(refused.value)


def test_an_action_of_the_user_needs_its_factor(tmp_path: Path):
    with pytest.raises(tt.ConfigError, match="give its factor"):
        decided([], read_decisions(written(tmp_path, "ANL,2024-05-14,,,2,confirmed")))


def test_confirmed_actions_alone_adjust_what_lies_before_them():
    def row(session: date, last: float) -> dict[str, object]:
        figures = dict.fromkeys(("price", "reference_price", "change", "first", "high"), last)
        return {"symbol": "ANL", "session": session.isoformat(), "low": None, **figures}

    rows = [row(MON, 60.0), row(TUE, 50.0), row(THU, 51.0)]
    split = Action("ANL", TUE, "bonus", 1 / 1.2, None, "confirmed", {})
    other = Action("OGDC", TUE, "bonus", 0.5, None, "confirmed", {})
    later = Action("ANL", THU, "split", 0.1, None, "proposed", {})
    found = adjust(rows, [split, other, later])
    assert [one["price"] for one in found] == [50.0, 50.0, 51.0]
    assert found[0]["low"] is None
    assert adjust(rows, [later]) == rows
