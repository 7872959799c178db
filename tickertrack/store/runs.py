"""Job history, and what another process asks of the daemon: the tables `runs` and `jobs`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tickertrack.models import Cause, Fires, Outcome, RunStatus
from tickertrack.store.connect import transaction
from tickertrack.store.facts import stamp_of

__all__ = [
    "JOBS",
    "RUNS",
    "Request",
    "RunBook",
    "Times",
    "failures_in_a_row",
    "job_rows",
    "run_rows",
]

Row = dict[str, Any]

JOBS = ("job", "state", "schedule", "next_run_at", "last_status", "last_run_at", "last_ok_at")
RUNS = (
    *("id", "job", "cause", "scheduled_for", "started_at", "finished_at"),
    *("status", "fires", "counts", "error"),
)
# A dead daemon's open runs carry this; the next daemon closes them.
_RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a live daemon about one job."""

    paused: bool
    run_requested: bool


@dataclass(frozen=True, slots=True)
class Times:
    """When something was due, if it was, and when it happens."""

    scheduled: datetime | None
    now: datetime


class RunBook:
    """The history of runs, and what another process asks of the daemon."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Keep the connection to write with."""
        self._connection = connection
        self._path = path

    def begin(self, job: str, cause: Cause, at: Times, missed: Fires | None = None) -> int:
        """Open a run's row, after one for the times that were missed before it; give its id."""
        with transaction(self._connection, self._path):
            if missed:
                self._note(job, "missed", "nobody was there, or the clock was set", missed)
            cursor = self._connection.execute(
                "INSERT INTO runs (job, cause, scheduled_for, started_at, status)"
                " VALUES (?, ?, ?, ?, ?)",
                (job, cause, _time(at.scheduled), _time(at.now), _RUNNING),
            )
        return int(cursor.lastrowid or 0)

    def end(self, run: int, outcome: Outcome, now: datetime) -> None:
        """Close a run's row with what came of it."""
        with transaction(self._connection, self._path):
            self._connection.execute(
                "UPDATE runs SET finished_at = ?, status = ?, counts = ?, error = ? WHERE id = ?",
                (_time(now), outcome.status, _counts(outcome.counts), _faults(outcome), run),
            )

    def skip(self, job: str, why: str, fires: Fires) -> None:
        """Keep a row of the times of a schedule at which no run was to take place."""
        with transaction(self._connection, self._path):
            self._note(job, "skipped", why, fires)

    def abort_dangling(
        self, now: datetime, why: str = "the daemon ended before the run did"
    ) -> int:
        """Close the rows that a daemon left open when it was killed; give their number."""
        with transaction(self._connection, self._path):
            return self._connection.execute(
                "UPDATE runs SET status = 'aborted', finished_at = ?, error = ? WHERE status = ?",
                (_time(now), why, _RUNNING),
            ).rowcount

    def has_run(self, job: str) -> bool:
        """Say whether a job ever ran."""
        sql = "SELECT 1 FROM runs WHERE job = ? AND started_at IS NOT NULL LIMIT 1"
        return self._connection.execute(sql, (job,)).fetchone() is not None

    def last_scheduled(self, job: str) -> datetime | None:
        """Give the time of a job's schedule that its history accounts for last."""
        row = self._connection.execute(
            "SELECT scheduled_for FROM runs WHERE job = ? AND scheduled_for IS NOT NULL"
            " ORDER BY id DESC LIMIT 1",
            (job,),
        ).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def forget(self, before: datetime) -> int:
        """Forget the history before a time, but the last success of each job; give the count."""
        with transaction(self._connection, self._path):
            return self._connection.execute(
                "DELETE FROM runs WHERE coalesce(finished_at, scheduled_for) < ? AND id NOT IN"
                " (SELECT max(id) FROM runs WHERE status = 'ok' GROUP BY job)"
                " AND id NOT IN (SELECT max(id) FROM runs GROUP BY job)",
                (_time(before),),
            ).rowcount

    def declare(
        self,
        known: Mapping[str, tuple[str, datetime | None]],
        refused: Mapping[str, str],
    ) -> None:
        """Keep which jobs there are, with schedule and next run, and which files were refused."""
        rows = [(name, plan, _time(due)) for name, (plan, due) in known.items()]
        names = json.dumps([*known, *refused])
        with transaction(self._connection, self._path):
            self._connection.execute(
                "DELETE FROM jobs WHERE paused = 0 AND run_requested_at IS NULL"
                " AND job NOT IN (SELECT value FROM json_each(?))",
                (names,),
            )
            self._connection.executemany(
                "INSERT INTO jobs (job, schedule, next_run_at) VALUES (?, ?, ?)"
                " ON CONFLICT (job) DO UPDATE SET schedule = excluded.schedule,"
                " next_run_at = excluded.next_run_at, refused = NULL",
                rows,
            )
            self._connection.executemany(
                "INSERT INTO jobs (job, refused) VALUES (?, ?) ON CONFLICT (job) DO"
                " UPDATE SET refused = excluded.refused, next_run_at = NULL",
                list(refused.items()),
            )

    def pause(self, job: str) -> None:
        """Ask that a job does not run by its schedule until it is resumed."""
        self._ask("paused = 1", job)

    def resume(self, job: str) -> None:
        """Take back a pause."""
        self._ask("paused = 0", job)

    def request(self, job: str, now: datetime) -> None:
        """Ask for a run at once."""
        self._ask("run_requested_at = ?", job, _time(now))

    def take(self, job: str) -> None:
        """Take down a run request, as it is being granted."""
        self._ask("run_requested_at = NULL", job)

    def requests(self) -> dict[str, Request]:
        """Read what is asked of the daemon, by job."""
        rows = self._connection.execute("SELECT job, paused, run_requested_at FROM jobs")
        return {row[0]: Request(bool(row[1]), row[2] is not None) for row in rows}

    def _note(self, job: str, status: RunStatus, why: str, fires: Fires) -> None:
        self._connection.execute(
            "INSERT INTO runs (job, cause, scheduled_for, status, error, fires)"
            " VALUES (?, 'schedule', ?, ?, ?, ?)",
            (job, _time(fires.last), status, why, fires.count),
        )

    def _ask(self, change: str, job: str, *values: Any) -> None:
        with transaction(self._connection, self._path):
            self._connection.execute("INSERT OR IGNORE INTO jobs (job) VALUES (?)", (job,))
            self._connection.execute(f"UPDATE jobs SET {change} WHERE job = ?", (*values, job))


def job_rows(connection: sqlite3.Connection) -> list[Row]:
    """Read the jobs that the daemon declared, with their last runs."""
    rows = connection.execute(
        "SELECT jobs.job, CASE WHEN refused IS NOT NULL THEN 'refused: ' || refused"
        " WHEN paused THEN 'paused' WHEN open.id IS NOT NULL THEN 'running' ELSE 'waiting' END"
        " AS state, schedule, next_run_at, last.status AS last_status,"
        " last.finished_at AS last_run_at, good.finished_at AS last_ok_at FROM jobs"
        " LEFT JOIN runs AS last ON last.id = (SELECT max(id) FROM runs WHERE job = jobs.job"
        "   AND finished_at IS NOT NULL)"
        " LEFT JOIN runs AS good ON good.id = (SELECT max(id) FROM runs WHERE job = jobs.job"
        "   AND status = 'ok')"
        " LEFT JOIN runs AS open ON open.id = (SELECT max(id) FROM runs WHERE job = jobs.job"
        f"   AND status = '{_RUNNING}')"
        " ORDER BY jobs.job"
    )
    return [dict(row) for row in rows]


def run_rows(connection: sqlite3.Connection, job: str | None, limit: int) -> list[Row]:
    """Read the last runs, of one job or of all, newest first."""
    columns = ", ".join(RUNS)
    rows = connection.execute(
        f"SELECT {columns} FROM runs WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2",
        (job, limit),
    )
    return [{**dict(row), "counts": json.loads(row["counts"] or "{}")} for row in rows]


def failures_in_a_row(connection: sqlite3.Connection, job: str) -> int:
    """Count a job's runs that failed since its last good one."""
    row = connection.execute(
        "SELECT count(*) FROM runs WHERE job = ?1 AND status IN ('error', 'aborted')"
        " AND id > (SELECT coalesce(max(id), 0) FROM runs WHERE job = ?1"
        " AND status IN ('ok', 'partial'))",
        (job,),
    ).fetchone()
    return int(row[0])


def _counts(counts: Mapping[str, int]) -> str:
    return json.dumps({name: count for name, count in counts.items() if count})


def _faults(outcome: Outcome) -> str | None:
    return "\n".join(outcome.faults) or None


def _time(stamp: datetime | None) -> str | None:
    return stamp_of(stamp) if stamp else None
