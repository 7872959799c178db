"""Facts to conclusions: sightings to sittings, prices and sessions, by pure functions alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from tickertrack.actions import propose_actions
from tickertrack.dating import date_boards, span
from tickertrack.markets import renames_of
from tickertrack.markets.calendar import sessions_between, trading_day
from tickertrack.models import Action, DatedBoard, Sighting, Sitting, TradingDay
from tickertrack.prices import resolve_prices
from tickertrack.store.read import Row, Span, history, rows
from tickertrack.store.write import Conclusions

if TYPE_CHECKING:
    import sqlite3

    from tickertrack.markets import Market, Rename

__all__ = ["conclude", "follow", "last_names", "under_last_names"]


def conclude(
    sightings: Sequence[Sighting], series: Mapping[str, Mapping[date, int]], market: Market
) -> Conclusions:
    """Draw every conclusion from the facts; the same facts in any order give the same ones."""
    bounds = span(sightings, series, market.zone)
    calendar = sessions_between(market, *bounds) if bounds else []
    sittings = date_boards(sightings, calendar, series, market.zone)
    sessions = _sessions(sittings, calendar, market)
    by_key = {(one.page_id, one.board): one for one in sightings}
    boards = [DatedBoard(by_key[sitting.page_id, sitting.board], sitting) for sitting in sittings]
    prices = resolve_prices(boards, sessions, market)
    actions = propose_actions(prices, sessions, market)
    return Conclusions(sittings, prices, sessions, actions)


def follow(
    connection: sqlite3.Connection, symbols: Sequence[str], span: Span, market: Market
) -> list[Row]:
    """Read histories through renames: the old symbol's rows under the name that was asked for."""
    found: list[Row] = []
    for symbol in symbols:
        chain = _chain(symbol, renames_of(market))
        for row in rows(connection, history([old for old, _, _ in chain], span)):
            since, until = next((s, u) for old, s, u in chain if old == row["symbol"])
            if (since or "") <= row["session"] < (until or "9999"):
                found.append({**row, "symbol": symbol})
    return sorted(found, key=lambda row: (row["symbol"], row["session"]))


def last_names(symbols: Iterable[str], market: Market) -> list[str]:
    """List the instruments that symbols name, each once, by the name that it had last."""
    names = set(symbols)
    for rename in renames_of(market):
        if rename.old in names:
            names = names - {rename.old} | {rename.new}
    return sorted(names)


def under_last_names(
    actions: Iterable[Action], symbols: Sequence[str], market: Market
) -> list[Action]:
    """Give the actions of every name that the asked symbols had, under the names asked for."""
    asked = {old: symbol for symbol in symbols for old, _, _ in _chain(symbol, renames_of(market))}
    return [
        replace(action, symbol=asked[action.symbol]) for action in actions if action.symbol in asked
    ]


def _chain(symbol: str, renames: Sequence[Rename]) -> list[tuple[str, str | None, str | None]]:
    """List the names that one instrument had, each with the sessions from and before which."""
    names: list[tuple[str, str | None, str | None]] = []
    until: str | None = None
    current = symbol
    for rename in sorted(renames, key=lambda one: one.session, reverse=True):
        if rename.new == current and (until is None or rename.session.isoformat() < until):
            names.append((current, rename.session.isoformat(), until))
            current, until = rename.old, rename.session.isoformat()
    return [*names, (current, None, until)]


def _sessions(
    sittings: Sequence[Sitting], calendar: Sequence[TradingDay], market: Market
) -> list[TradingDay]:
    """Keep the calendar's sessions in the range that boards were dated to, and witnessed ones."""
    dated = {sitting.session for sitting in sittings if sitting.session}
    if not dated:
        return []
    listed = {day.session: day for day in calendar if min(dated) <= day.session <= max(dated)}
    witnessed = {day: trading_day(market, day, "witnessed") for day in dated if day not in listed}
    known = listed | witnessed
    return [known[day] for day in sorted(known)]
