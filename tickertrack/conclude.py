"""Facts to conclusions: sightings to sittings, prices and sessions, by pure functions alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

from tickertrack.actions import propose_actions
from tickertrack.dating import Sightings, days_of, draw, reach_of, setting_of
from tickertrack.dating.graph import Graph
from tickertrack.dating.sitting import undated
from tickertrack.dating.slight import BoardKey, Found
from tickertrack.markets import renames_of
from tickertrack.markets.calendar import sessions_between, trading_day
from tickertrack.models import Action, DatedBoard, Sitting, TradingDay
from tickertrack.prices import Chains, Series, proofs_of
from tickertrack.store.conclusions import Conclusions
from tickertrack.store.drawn import Basis, Memory
from tickertrack.store.read import Row, Span, history, rows

if TYPE_CHECKING:
    import sqlite3

    from tickertrack.markets import Market, Rename

__all__ = [
    "Facts",
    "conclude",
    "follow",
    "last_names",
    "memory_of",
    "sessions_of",
    "under_last_names",
]


@dataclass(frozen=True, slots=True)
class Facts:
    """All boards that pages show, and the imported series, by symbol and day."""

    sightings: Sightings
    series: Mapping[str, Mapping[date, int]]


def conclude(facts: Facts, market: Market, rules: str = "") -> Conclusions:
    """Draw every conclusion from the facts; the same facts in any order give the same ones."""
    sightings, series = facts.sightings, facts.series
    days = days_of(sightings.pages(), series, market.zone)
    if days is None:
        return Conclusions([undated(one.page_id, one.board, {}) for one in sightings], (), ())
    boards = sum(1 for _ in sightings.seats())
    calendar = sessions_between(market, *reach_of(days))
    drawing = draw(sightings, setting_of(reach_of(days), calendar, series, market.zone, boards))
    sittings = sorted(drawing.sittings, key=lambda one: (one.page_id, one.board))
    sessions = sessions_of({one.session for one in sittings if one.session}, calendar, market)
    resolved = Series(_Dated(sightings, sittings), sessions)
    chains = resolved.chains()
    prices = resolved.prices(market, proofs_of(chains))
    actions = propose_actions(prices, sessions, market)
    memory = memory_of(drawing.graph, drawing.slight.found, chains)
    basis = Basis(rules, *days, boards)
    return Conclusions(sittings, prices, sessions, actions, memory, basis)


class _Dated(Mapping[date, Iterator[DatedBoard]]):
    """Dated boards by session, read out when they are asked for."""

    def __init__(self, sightings: Sightings, sittings: Iterable[Sitting]) -> None:
        """Lay out which sittings are of which session."""
        self._sightings = sightings
        self._sittings: dict[date, list[Sitting]] = defaultdict(list)
        for sitting in sittings:
            if sitting.session is not None:
                self._sittings[sitting.session].append(sitting)

    def __getitem__(self, session: date) -> Iterator[DatedBoard]:
        """Give the boards of a session."""
        return (
            DatedBoard(self._sightings.at(sitting.page_id, sitting.board), sitting)
            for sitting in self._sittings[session]
        )

    def __iter__(self) -> Iterator[date]:
        """Give the sessions that boards are of."""
        return iter(self._sittings)

    def __len__(self) -> int:
        """Count them."""
        return len(self._sittings)


def memory_of(graph: Graph, found: Mapping[BoardKey, Found], chains: Chains) -> Memory:
    """Lay out what a drawing leaves for the next one."""
    touched = graph.touched
    vectors = (graph.vectors[own_id] for own_id in sorted(touched.vectors))
    nodes = (graph.nodes[own_id] for own_id in sorted(touched.nodes))
    joints = (graph.joints[key] for key in sorted(touched.joints))
    return Memory(
        vectors=((one.id, one.board, one.flat, _json(one.references), one.node) for one in vectors),
        vector_strips=((*seat, graph.seats[seat]) for seat in sorted(touched.seats)),
        vector_keys=chain(graph.keys.new(), graph.slight_keys.new()),
        nodes=[(one.id, one.own, one.best, one.peak, one.witnessed) for one in nodes],
        joints=(
            (*one.key, one.bits, one.weight, one.chosen, one.forward, one.backward)
            for one in joints
        ),
        slight_boards=[(*key, *_found_row(one)) for key, one in sorted(found.items())],
        slight_days=(
            (place, *key) for key, one in sorted(found.items()) for place in sorted(one.looked)
        ),
        chains=[(day.isoformat(), name, *counts) for (day, name), counts in sorted(chains.items())],
        gone_nodes=sorted(touched.gone_nodes),
        gone_joints=sorted(touched.gone_joints),
    )


def _found_row(found: Found) -> tuple[int | None, str, str]:
    return found.first, _json(found.alone), _json(found.together)


def _json(prices: Mapping[str, int] | Mapping[int, float]) -> str:
    return json.dumps(prices, ensure_ascii=False, sort_keys=True)


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


def sessions_of(
    dated: Collection[date], calendar: Sequence[TradingDay], market: Market
) -> list[TradingDay]:
    """Keep the calendar's sessions in the range that boards were dated to, and witnessed ones."""
    if not dated:
        return []
    first, last = min(dated), max(dated)
    listed = {day.session: day for day in calendar if first <= day.session <= last}
    witnessed = {day: trading_day(market, day, "witnessed") for day in dated if day not in listed}
    known = listed | witnessed
    return [known[day] for day in sorted(known)]
