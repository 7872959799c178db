"""How the daemon does: jobs, hosts, backlog, log and clock, each as a finding for `doctor`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tickertrack.store.connect import told
from tickertrack.store.fetches import backlog, host_rows
from tickertrack.store.runs import failures_in_a_row, job_rows

if TYPE_CHECKING:
    from tickertrack.models import HostState
    from tickertrack.tracker import Tracker

__all__ = ["health"]

Row = dict[str, Any]

# A log that no checkpoint empties has a reader that never ends (faults S-11).
_LARGE_LOG = 64 * 1024 * 1024
_MIB = 1024 * 1024
# Servers set their clocks; so far from several of them it is ours that is wrong.
_SKEW = 120.0
_SEVERAL_FAILURES = 3


def health(tracker: Tracker, now: datetime, daemon: int | None) -> list[Row]:
    """Give a finding for each job, host and resource of a daemon; `daemon` is its process."""
    with told(tracker.path):
        connection = tracker.reader()
        jobs = job_rows(connection)
        return [
            *_daemon(jobs, daemon),
            *(_job(connection, row, now) for row in jobs),
            *(_host(state, now) for state in host_rows(connection)),
            _backlog(connection),
            _log(tracker.path),
            _clock(host_rows(connection)),
        ]


def _daemon(jobs: list[Row], daemon: int | None) -> Iterator[Row]:
    if not jobs:
        yield _finding("daemon", "ok", None, "never started on this database")
    elif daemon:
        yield _finding("daemon", "ok", daemon, f"runs as process {daemon}")
    else:
        yield _finding("daemon", "note", None, "does not run; `tickertrack run` starts it")


def _job(connection: sqlite3.Connection, row: Row, now: datetime) -> Row:
    name = f"job {row['job']}"
    if row["state"].startswith("refused"):
        return _finding(name, "problem", None, row["state"])
    if row["last_ok_at"] is None:
        failed = row["last_status"] in {"error", "aborted"}
        detail = f"no success yet; last: {row['last_status'] or 'never run'}"
        return _finding(name, "problem" if failed else "ok", None, detail)
    age = now - datetime.fromisoformat(row["last_ok_at"])
    failures = failures_in_a_row(connection, row["job"])
    state = "problem" if failures >= _SEVERAL_FAILURES else "note" if failures else "ok"
    detail = f"last success {_ago(age)} ago, {failures} failures since, {row['state']}"
    due = f", next {row['next_run_at']}" if row["next_run_at"] else ""
    return _finding(name, state, round(age.total_seconds()), detail + due)


def _host(state: HostState, now: datetime) -> Row:
    name = f"host {state.host}"
    if state.not_before and state.not_before > now:
        why = f"{state.failures} failed rounds" if state.failures else "it asked for it"
        until = state.not_before.isoformat(timespec="seconds")
        return _finding(name, "note", state.failures, f"left alone until {until}: {why}")
    asked = state.last_request_at
    when = f"last asked {_ago(now - asked)} ago" if asked else "not asked yet"
    return _finding(name, "ok", state.failures, when)


def _backlog(connection: sqlite3.Connection) -> Row:
    counts = backlog(connection)
    waiting, refused = counts.get("waiting", 0), counts.get("refused", 0)
    detail = f"{counts.get('done', 0)} pages fetched, {waiting} waiting, {refused} given up"
    return _finding("fetching", "ok", waiting, detail)


def _log(path: Path) -> Row:
    log = path.with_name(f"{path.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    state = "ok" if size <= _LARGE_LOG else "problem"
    advice = "" if state == "ok" else "; some program reads the database without an end"
    return _finding("write-ahead log", state, size, f"{size // _MIB} MiB{advice}")


def _clock(hosts: list[HostState]) -> Row:
    skews = sorted(state.skew for state in hosts if state.skew is not None)
    if not skews:
        return _finding("clock", "ok", None, "no server's clock to compare it with yet")
    middle = skews[len(skews) // 2]
    state = "ok" if abs(middle) <= _SKEW else "problem"
    return _finding("clock", state, round(middle, 1), f"servers' clocks differ by {middle:+.0f} s")


def _ago(age: timedelta) -> str:
    minutes = max(0, round(age.total_seconds() / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    return f"{days} d {hours} h" if days else f"{hours} h {left} min" if hours else f"{left} min"


def _finding(check: str, state: str, value: float | None, detail: str) -> Row:
    return {"check": check, "state": state, "value": value, "detail": detail}
