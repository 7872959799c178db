"""Rows on a terminal: points below points, heads whole or left out by name, addresses to copy."""

from __future__ import annotations

from typing import Any

import pytest

from tickertrack.cli.table import table
from tickertrack.store.read import HISTORY

URL = "https://www.harbour-courier.example/news/50133"
TITLE = "Cooperative bakery moves to larger ovens and keeps the old ones"


def shown(rows: list[dict[str, Any]], width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Show rows on a terminal of a width; give the lines."""
    monkeypatch.setenv("COLUMNS", str(width))
    return table(rows, list(rows[0])).splitlines()


def test_points_stand_below_points_whatever_the_symbol(monkeypatch: pytest.MonkeyPatch):
    prices = [("BOP", 5.07), ("BOP", 5.1), ("HUBC", 135.84), ("KSE100", 74531.0), ("KSE30", 9.5)]
    rows = [{"symbol": symbol, "price": price, "quotes": 2} for symbol, price in prices]
    assert shown(rows, 80, monkeypatch) == [
        "symbol     price  quotes",
        "────────────────────────",
        "BOP         5.07       2",
        "BOP         5.10       2",
        "HUBC      135.84       2",
        "KSE100  74531          2",
        "KSE30       9.5        2",
    ]


@pytest.mark.parametrize("width", [40, 57, 80, 100, 160])
def test_a_head_is_whole_or_its_column_is_left_out_by_name(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    move = dict.fromkeys(HISTORY, 0.25) | {"news_status": "no_news_found", "top_news": TITLE}
    head, *_ = "\n".join(shown([move], width, monkeypatch)).partition("─")
    pieces = {piece for name in move for piece in (name, *name.replace("_", "_ ").split())}
    assert {*head.split()} <= pieces
    assert (width < 160) == ("no room for first, high" in capsys.readouterr().err)


@pytest.mark.parametrize(("width", "times"), [(80, 0), (100, 1)])
def test_an_address_is_whole_where_there_is_room(
    width: int, times: int, monkeypatch: pytest.MonkeyPatch
):
    lines = shown([{"title": TITLE, "because": "BOP in the body", "url": URL}], width, monkeypatch)
    assert sum(line.endswith(URL) for line in lines) == times
