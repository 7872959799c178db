"""Every due job once, without a daemon: for cron, for timers, for trying a job."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tickertrack.daemon.child import Child, Order, prepare
from tickertrack.daemon.ledger import Ledger
from tickertrack.daemon.triggers import planned, zone_of
from tickertrack.errors import QueryError
from tickertrack.lock import Lock
from tickertrack.logs import Logging
from tickertrack.models import Outcome
from tickertrack.schedule import Roster, find_jobs
from tickertrack.shift import Clock, utc_now
from tickertrack.suggest import meant

if TYPE_CHECKING:
    from tickertrack.config import Config

__all__ = ["run_once"]

log = logging.getLogger("tickertrack.daemon")


def run_once(
    config: Config,
    job: str | None = None,
    clock: Clock = utc_now,
    logging: Logging | None = None,
) -> dict[str, Outcome]:
    """
    Run the jobs that are due, or the one that is named, one after the other; give what came of it.

    A file that was refused counts as a run that failed. Raises LockedError where a daemon runs
    on the database, QueryError for a job that is not there.
    """
    roster, plans = planned(find_jobs(config.jobs_path), zone_of(config))
    with Lock(config.database_path):
        ledger = Ledger(config.database_path, plans, clock)
        ledger.declare({name: (roster.jobs[name].plan, None) for name in plans}, {})
        names = [checked(job, roster)] if job else [name for name in plans if ledger.is_due(name)]
        outcomes = {
            name: Outcome(faults=(f"refused: {why}",)) for name, why in _refused(roster, job)
        }
        fork = prepare()
        for name in names:
            run = ledger.begin(name, "once")
            seconds = roster.jobs[name].deadline.total_seconds()
            order = Order(name, config, clock, seconds, logging or Logging())
            outcomes[name] = Child(fork, order).outcome()
            ledger.end(run, outcomes[name])
    return outcomes


def checked(job: str, roster: Roster) -> str:
    """Give a job's name back; raises QueryError, with a near name, where there is none."""
    if job in roster.jobs:
        return job
    if job in roster.refused:
        raise QueryError(f"job {job} is refused: {roster.refused[job]}")
    raise QueryError(f"no job named {job!r}", advice=meant(job, roster.jobs))


def _refused(roster: Roster, job: str | None) -> list[tuple[str, str]]:
    return [] if job else list(roster.refused.items())
