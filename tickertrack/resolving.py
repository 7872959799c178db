"""New pages to conclusions: only what they can change is drawn again; all of it, where need be."""

from __future__ import annotations

import hashlib
import logging
import platform
import sqlite3
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tickertrack import dating
from tickertrack.actions import propose_actions
from tickertrack.conclude import Facts, conclude, memory_of, sessions_of
from tickertrack.dating import Graph, Redraw, Sightings, days_of, reach_of, setting_of
from tickertrack.dating.slight import Slight, place_again
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import TradingDay
from tickertrack.prices import (
    Chains,
    Proofs,
    Series,
    by_session,
    first_day,
    is_proven,
    proofs_of,
    quarter_of,
)
from tickertrack.recall import Recall
from tickertrack.store import drawn, linked, near, stored
from tickertrack.store.conclusions import (
    Conclusions,
    replace_actions,
    replace_prices,
    replace_sessions,
    replace_sittings,
    store_conclusions,
)
from tickertrack.store.connect import told, transaction
from tickertrack.store.drawn import Basis

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["forget", "is_drawn", "redraw", "resolve"]

log = logging.getLogger("tickertrack")

# The code that conclusions rest on: whatever of it changes, all are drawn anew.
_CODE = ("dating", "markets", "store")
_MODULES = ("actions", "conclude", "models", "prices", "recall", "resolving")

# More new pages than these, and than this part of all: to draw all of them at once is quicker then.
_MANY, _MOST = 100, 4


def resolve(connection: sqlite3.Connection, path: Path, market: Market) -> None:
    """
    Date new boards, and draw again what they change.

    Drawn by other rules than are in force, or where more has changed than that pages are new, all
    is drawn from scratch: the tables are the same, whatever came in which order.
    """
    if is_drawn(connection, path, market):
        return
    rules = _rules(market)
    try:
        with transaction(connection, path):
            update(connection, market, rules)
    except Redraw:
        redraw(connection, path, market, rules)
    except (LookupError, ValueError):
        # What is kept between calls follows from the facts, which mend whatever is wrong with it.
        log.warning("what was kept of earlier dating is damaged; all is dated anew")
        redraw(connection, path, market, rules)


def is_drawn(connection: sqlite3.Connection, path: Path, market: Market) -> bool:
    """Say whether all is dated that is stored, by the rules that are in force."""
    with told(path):
        known = drawn.basis(connection)
        waits = drawn.is_waiting(connection)
    return known is not None and known.rules == _rules(market) and not waits


def update(connection: sqlite3.Connection, market: Market, rules: str) -> None:
    """Draw what new pages change; raises Redraw where more has changed."""
    _Update(connection, market, rules).run()


def redraw(connection: sqlite3.Connection, path: Path, market: Market, rules: str = "") -> None:
    """Draw all conclusions from scratch."""

    def draw() -> Conclusions:
        sightings = Sightings(stored.boards(connection), stored.showers(connection))
        return conclude(Facts(sightings, stored.series(connection)), market, rules)

    store_conclusions(connection, path, market.name, draw)


def forget(connection: sqlite3.Connection, path: Path) -> None:
    """Forget what conclusions rest on, so that the next call draws them from scratch."""
    with transaction(connection, path):
        connection.execute("DELETE FROM drawn_by")


class _Update:
    """What new pages change, drawn and stored inside of one transaction."""

    def __init__(self, connection: sqlite3.Connection, market: Market, rules: str) -> None:
        """Read what is new; raises Redraw where it is more than pages."""
        basis = drawn.basis(connection)
        if basis is None or basis.rules != rules or _is_much(drawn.count_waiting(connection)):
            raise Redraw
        self.connection = connection
        self.market = market
        self.new = list(stored.sightings_on(connection, drawn.waiting_pages(connection)))
        series = stored.series(connection)
        days = days_of((one.member for one in self.new), {}, market.zone)
        bounds = [basis.first, basis.last, *(days or ())]
        self.days = (min(bounds), max(bounds))
        reach = reach_of(self.days)
        if reach != reach_of((basis.first, basis.last)):
            raise Redraw
        self.basis = basis
        self.calendar = sessions_between(market, *reach)
        self.setting = setting_of(reach, self.calendar, series, market.zone, basis.boards)

    def run(self) -> None:
        """Draw and store."""
        past, setting = Recall(self.connection), self.setting
        graph = Graph(past)
        judged = dating.update(graph, setting, ((one.strip_id, one.board) for one in self.new))
        boards = self.basis.boards + len(graph.touched.seats)
        if dating.threshold(boards) != setting.need:
            raise Redraw
        drawn.store_memory(self.connection, memory_of(graph, {}, {}))
        slight = Slight(setting, graph, judged)
        place_again(slight, past, self.new)
        drawn.store_memory(self.connection, memory_of(Graph(past), slight.found, {}))
        sittings = [*dating.sittings_of(graph, setting, judged), *slight.sittings()]
        moved = replace_sittings(self.connection, sittings)
        if moved:
            _Repricing(self.connection, self.market, self.calendar).run(moved)
        drawn.store_basis(self.connection, Basis(self.basis.rules, *self.days, boards))


class _Repricing:
    """What boards that came to sessions, or left them, change of prices and actions."""

    def __init__(
        self, connection: sqlite3.Connection, market: Market, calendar: Sequence[TradingDay]
    ) -> None:
        """Begin with the calendar's sessions."""
        self.connection = connection
        self.market = market
        self.calendar = calendar
        self.sessions: list[TradingDay] = []
        self.listed: list[date] = []

    def run(self, moved: set[date]) -> None:
        """Resolve the sessions that boards moved to or from, and those beside them, anew."""
        witnessed = frozenset(linked.witnessed(self.connection, self.market.name))
        changed = moved | self._shift(moved)
        self._look_around(changed)
        days = self._beside(changed)
        series = self._series(days)
        turned = self._chain(days, series.chains())
        if turned:
            days |= self._of_quarters(turned)
            series = self._series(days)
        before = linked.priced(self.connection, self.market.name, days)
        prices = series.prices(self.market, self._proofs({quarter_of(day) for day in days}))
        replace_prices(self.connection, days, (one for one in prices if one.session in days))
        self._propose(days)
        after = linked.priced(self.connection, self.market.name, days)
        linked.mark_changed(self.connection, replace(before, witnessed=witnessed), after)

    def _shift(self, moved: set[date]) -> set[date]:
        """Let the sessions reach as far as boards are dated now; give those that came or went."""
        before = near.session_span(self.connection, self.market.name)
        span = near.dated_span(self.connection)
        ends = sorted({*before, *span})
        known = sessions_of(ends, self.calendar, self.market) if before != span else ()
        asked = moved | {day.session for day in known if not _within(day.session, before, span)}
        dated = near.dated_among(self.connection, asked)
        listed = sessions_of({*span, *dated}, self.calendar, self.market)
        return replace_sessions(
            self.connection,
            self.market.name,
            asked,
            (day for day in listed if day.session in asked),
        )

    def _look_around(self, days: Iterable[date]) -> None:
        """Read the sessions from some before the first of these days to some after the last."""
        span = (min(days), max(days))
        self.sessions = near.sessions_around(self.connection, self.market.name, span)
        self.listed = [one.session for one in self.sessions]

    def _of_quarters(self, quarters: set[int]) -> set[date]:
        """Read the sessions of quarters as well, and give them."""
        first, last = first_day(min(quarters)), first_day(max(quarters) + 1)
        self._look_around([first, last, *self.listed])
        return {day for day in self.listed if quarter_of(day) in quarters}

    def _beside(self, days: Iterable[date]) -> set[date]:
        """Give days with the sessions before and after them."""
        found = set(days)
        for day in tuple(found):
            low, high = bisect_left(self.listed, day), bisect_right(self.listed, day)
            found.update([*self.listed[max(low - 1, 0) : low], *self.listed[high : high + 1]])
        return found

    def _series(self, days: Iterable[date]) -> Series:
        boards = near.dated_boards(self.connection, self._beside(days))
        return Series(by_session(boards), self.sessions)

    def _chain(self, days: set[date], chains: Chains) -> set[int]:
        """Replace what proves references to be last prices; give the quarters proven otherwise."""
        after = {key: counts for key, counts in chains.items() if key[0] in days}
        changed = drawn.chains_of(self.connection, days).items() ^ after.items()
        quarters = {quarter_of(day) + step for (day, _), _ in changed for step in (-1, 0, 1)}
        publishers = {publisher for (_, publisher), _ in changed}
        eras = sorted(product(publishers, quarters))
        proofs = self._proofs(quarters)
        before = [is_proven(proofs, *era) for era in eras]
        drawn.replace_chains(self.connection, days, after)
        proofs = self._proofs(quarters)
        turned = (is_proven(proofs, *era) != was for era, was in zip(eras, before, strict=True))
        return {quarter for (_, quarter), is_turned in zip(eras, turned, strict=True) if is_turned}

    def _proofs(self, quarters: set[int]) -> Proofs:
        """Add up what proves references to be last prices in quarters and those beside them."""
        if not quarters:
            return {}
        span = (first_day(min(quarters) - 1), first_day(max(quarters) + 2))
        return proofs_of(drawn.chains_between(self.connection, *span))

    def _propose(self, days: set[date]) -> None:
        """Propose the actions of sessions whose prices, or those before them, are new."""
        asked = self._beside(days)
        prices = near.prices_in(self.connection, self._beside(asked))
        found = propose_actions(prices, self.sessions, self.market)
        replace_actions(self.connection, asked, (one for one in found if one.session in asked))


def _is_much(counts: tuple[int, int]) -> bool:
    waiting, stored = counts
    return waiting > _MANY and waiting * _MOST > stored


def _within(day: date, *spans: tuple[date, ...]) -> bool:
    return all(span and span[0] <= day <= span[1] for span in spans)


@lru_cache(maxsize=16)
def _rules(market: Market) -> str:
    """Digest all that conclusions rest on but the facts: code, market, calendar, arithmetic."""
    versions = (metadata.version("exchange-calendars"), np.__version__, platform.machine())
    digest = hashlib.sha256(" ".join((sys.version, *versions)).encode())
    here = Path(__file__).parent
    own = [here / f"{name}.py" for name in _MODULES]
    own += [path for name in _CODE for path in sorted((here / name).glob("*.py"))]
    for path in [*own, *sorted(market.folder.iterdir())]:
        if path.is_file():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
