"""New articles to readings, changed sessions to links: only what waits is done again."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tickertrack import alignment, links, mentions
from tickertrack.alignment import align
from tickertrack.links import Session, link_session
from tickertrack.markets import symbols_of
from tickertrack.markets.calendar import sessions_between
from tickertrack.markets.talk import themes_of
from tickertrack.mentions import read_article, spotter_of
from tickertrack.models import Link, LinkReport
from tickertrack.store import linked
from tickertrack.store.connect import drawn, told, transaction
from tickertrack.store.linked import ReadArticle, Waiting

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["forget", "is_drawn", "link"]

# So much in one transaction: enough to make the disk's work small, little enough to let others in.
_ARTICLES, _SESSIONS, _SEARCHED = 200, 20, 2_000
_WAITING = ("unsearched_articles", "unlinked_articles", "unlinked_sessions")
# No closure of a market is longer than so many days.
_AHEAD = timedelta(days=30)


def link(connection: sqlite3.Connection, path: Path, market: Market) -> LinkReport:
    """
    Read the articles that wait, then link the sessions that they or new prices change.

    Stored by other names, hours or rules than are in force, everything waits. Killed at any
    moment, what was done stays done and the rest waits on; the tables are those of one call from
    scratch, whatever came in which order.
    """
    room = _Room(connection, path, market)
    room.search()
    room.renew()
    report = LinkReport()
    while count := room.read():
        report = replace(report, articles=report.articles + count)
    while counts := room.link():
        sessions, found = report.sessions + len(counts), report.links + sum(counts)
        report = replace(report, sessions=sessions, links=found)
    return report


def is_drawn(connection: sqlite3.Connection, path: Path, market: Market) -> bool:
    """Say whether all that is stored is linked, by the rules that are in force."""
    room = _Room(connection, path, market)
    return room.is_current() and not any(map(room.waits, _WAITING))


def forget(connection: sqlite3.Connection, path: Path) -> None:
    """Forget all readings and links, so that the next call draws them from scratch."""
    with transaction(connection, path):
        linked.forget_links(connection, "")


@dataclass(frozen=True, slots=True)
class _Room:
    """One database and the market whose moves are linked in it."""

    connection: sqlite3.Connection
    path: Path
    market: Market

    def search(self) -> None:
        """Let full-text search find what was stored since."""
        while self.waits("unsearched_articles"):
            with transaction(self.connection, self.path):
                linked.search_waiting(self.connection, _SEARCHED)

    def renew(self) -> None:
        """Let everything wait where stored links were drawn by other rules."""
        if not self.is_current():
            with transaction(self.connection, self.path):
                linked.forget_links(self.connection, _rules(self.market))

    def is_current(self) -> bool:
        """Say whether what is linked was linked by the rules that are in force."""
        with told(self.path):
            return linked.linked_by(self.connection) == _rules(self.market)

    def read(self) -> int:
        """Read the next articles for names; give their count."""

        def draw() -> list[ReadArticle]:
            witnessed = linked.witnessed(self.connection, self.market.name)
            waiting = linked.waiting_articles(self.connection, _ARTICLES)
            return _read(waiting, self.market, witnessed)

        if not self.waits("unlinked_articles"):
            return 0
        with drawn(self.connection, self.path, draw) as articles:
            linked.store_readings(self.connection, articles)
        return len(articles)

    def link(self) -> list[int]:
        """Link the next sessions; give each one's count of links."""

        def draw() -> list[tuple[date, list[Link]]]:
            waiting = linked.waiting_sessions(self.connection, _SESSIONS)
            return [(day, self._links_of(day)) for day in waiting]

        if not self.waits("unlinked_sessions"):
            return []
        with drawn(self.connection, self.path, draw) as found:
            return [linked.store_links(self.connection, *one) for one in found]

    def waits(self, table: str) -> bool:
        """Say whether anything waits in a table of what waits."""
        with told(self.path):
            return linked.is_waiting(self.connection, table)

    def _links_of(self, day: date) -> list[Link]:
        of, names = _sectors(self.market), linked.symbols_on(self.connection, day)
        close_at = self.market.local(day, self.market.hours_on(day).close)
        session = Session(day, close_at, {name: of.get(name, frozenset()) for name in names})
        before = linked.session_before(self.connection, day)
        earlier = linked.stories(self.connection, before) if before else []
        return link_session(session, linked.stories(self.connection, day), earlier)


def _read(
    waiting: Sequence[Waiting], market: Market, witnessed: Sequence[date]
) -> list[ReadArticle]:
    spotter = spotter_of(market)
    sessions = _sessions(waiting, market, witnessed)
    return [
        ReadArticle(
            one.id,
            align(one.published, sessions, market) if one.published else None,
            read_article(spotter, one.title, one.text, one.tags, _day(one, market)),
        )
        for one in waiting
    ]


def _day(one: Waiting, market: Market) -> date | None:
    at = one.published.at if one.published else None
    return at.astimezone(market.zone).date() if isinstance(at, datetime) else at


def _sessions(waiting: Sequence[Waiting], market: Market, witnessed: Sequence[date]) -> list[date]:
    """List the trading days that articles may belong to, also those that only strips know."""
    days = [day for one in waiting if (day := _day(one, market))]
    if not days:
        return []
    first, last = min(days), max(days) + _AHEAD
    listed = {day.session for day in sessions_between(market, first, last)}
    return sorted(listed | {day for day in witnessed if first <= day <= last})


@lru_cache(maxsize=16)
def _sectors(market: Market) -> dict[str, frozenset[str]]:
    """Give each symbol the sectors that it belongs to, by the names that news gives them."""
    themes = themes_of(market).sectors
    return {
        symbol: frozenset(theme.name for theme in themes if listed.sector in theme.sectors)
        for symbol, listed in symbols_of(market).items()
    }


@lru_cache(maxsize=16)
def _rules(market: Market) -> str:
    """Digest all that readings and links rest on but the articles and prices themselves."""
    own = [Path(links.__file__), Path(alignment.__file__)]
    own += sorted(Path(mentions.__file__).parent.glob("*.py"))
    digest = hashlib.sha256(metadata.version("exchange-calendars").encode())
    for path in [*own, *sorted(market.folder.iterdir())]:
        if path.is_file():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
