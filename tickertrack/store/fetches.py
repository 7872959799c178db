"""Which addresses were found, fetched or refused, and how a host wants to be treated."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tickertrack.models import HostState
from tickertrack.store.connect import transaction

__all__ = ["Fetch", "FetchBook", "StoredHosts", "backlog", "host_rows", "write_fetch"]

Row = dict[str, Any]
Kind = Literal["feed", "page"]
State = Literal["waiting", "done", "refused"]


@dataclass(frozen=True, slots=True)
class Fetch:
    """An address of a publisher's, with its validators exactly as received."""

    url: str
    address: str
    publisher: str
    kind: Kind
    state: State
    found_at: datetime
    fetched_at: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    failures: int = 0
    not_before: datetime | None = None
    reason: str | None = None


class FetchBook:
    """The addresses of a publisher's pages and feeds, and what became of each."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Keep the connection to write with."""
        self._connection = connection
        self._path = path

    def feed(self, url: str, publisher: str, now: datetime) -> Fetch:
        """Give what is known of a feed, which for a new one is nothing."""
        rows = _fetches(self._connection, "url = ?", url)
        return rows[0] if rows else Fetch(url, url, publisher, "feed", "waiting", now)

    def find_pages(self, publisher: str, found: Mapping[str, str], now: datetime) -> int:
        """Note pages that are not known yet as waiting, by url and address; give their number."""
        sql = (
            "INSERT OR IGNORE INTO fetches (url, address, publisher, kind, state, found_at)"
            " VALUES (?, ?, ?, 'page', 'waiting', ?)"
        )
        with transaction(self._connection, self._path):
            before = self._connection.total_changes
            self._connection.executemany(
                sql, ((url, asked, publisher, _time(now)) for url, asked in found.items())
            )
            return self._connection.total_changes - before

    def page(self, url: str) -> Fetch | None:
        """Give what is known of a page."""
        return next(iter(_fetches(self._connection, "url = ? AND kind = 'page'", url)), None)

    def waiting(self, publisher: str, now: datetime, limit: int) -> list[Fetch]:
        """List a publisher's pages that may be fetched by now, newest found first."""
        where = (
            "publisher = ? AND kind = 'page' AND state = 'waiting'"
            " AND coalesce(not_before, '') <= ?"
            f" ORDER BY failures, found_at DESC, url DESC LIMIT {limit:d}"
        )
        return _fetches(self._connection, where, publisher, _time(now))

    def newest_done(self, publisher: str) -> Fetch | None:
        """Give the page of a publisher that was found last of those that were fetched."""
        where = (
            "publisher = ? AND kind = 'page' AND state = 'done'"
            " ORDER BY found_at DESC, url DESC LIMIT 1"
        )
        return next(iter(_fetches(self._connection, where, publisher)), None)

    def put(self, fetch: Fetch) -> None:
        """Store what became of an address."""
        with transaction(self._connection, self._path):
            write_fetch(self._connection, fetch)


def write_fetch(connection: sqlite3.Connection, fetch: Fetch) -> None:
    """Write what became of an address, inside the transaction that the caller has begun."""
    connection.execute(
        "INSERT OR REPLACE INTO fetches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fetch.url,
            fetch.address,
            fetch.publisher,
            fetch.kind,
            fetch.state,
            _time(fetch.found_at),
            _time(fetch.fetched_at),
            fetch.etag,
            fetch.last_modified,
            fetch.failures,
            _time(fetch.not_before),
            fetch.reason,
        ),
    )


class StoredHosts:
    """The hosts' states in the database: what `Fetcher` takes for its book."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Keep the connection to write with."""
        self._connection = connection
        self._path = path

    def load(self, host: str) -> HostState:
        """Give what is remembered of a host."""
        row = self._connection.execute("SELECT * FROM hosts WHERE host = ?", (host,)).fetchone()
        return _host(row) if row else HostState(host)

    def save(self, state: HostState) -> None:
        """Remember a host's state."""
        values = (
            state.host,
            _time(state.last_request_at),
            _time(state.not_before),
            state.failures,
            state.robots,
            state.robots_status,
            _time(state.robots_fetched_at),
            state.skew,
        )
        with transaction(self._connection, self._path):
            self._connection.execute(
                "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
            )


def host_rows(connection: sqlite3.Connection) -> list[HostState]:
    """Read the state of every host that was ever asked."""
    return [_host(row) for row in connection.execute("SELECT * FROM hosts ORDER BY host")]


def backlog(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the pages by what became of them."""
    rows = connection.execute(
        "SELECT state, count(*) FROM fetches WHERE kind = 'page' GROUP BY state"
    )
    return {row[0]: row[1] for row in rows}


def _fetches(connection: sqlite3.Connection, where: str, *values: object) -> list[Fetch]:
    rows = connection.execute(f"SELECT * FROM fetches WHERE {where}", values)
    return [_fetch(row) for row in rows]


def _fetch(row: sqlite3.Row) -> Fetch:
    return Fetch(
        url=row["url"],
        address=row["address"],
        publisher=row["publisher"],
        kind=row["kind"],
        state=row["state"],
        found_at=datetime.fromisoformat(row["found_at"]),
        fetched_at=_moment(row["fetched_at"]),
        etag=row["etag"],
        last_modified=row["last_modified"],
        failures=row["failures"],
        not_before=_moment(row["not_before"]),
        reason=row["reason"],
    )


def _host(row: sqlite3.Row) -> HostState:
    return HostState(
        host=row["host"],
        last_request_at=_moment(row["last_request_at"]),
        not_before=_moment(row["not_before"]),
        failures=row["failures"],
        robots=row["robots"],
        robots_status=row["robots_status"],
        robots_fetched_at=_moment(row["robots_fetched_at"]),
        skew=row["skew"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _time(stamp: datetime | None) -> str | None:
    # With fractions: the delay between two requests is finer than a second.
    return stamp.astimezone(UTC).isoformat() if stamp else None
