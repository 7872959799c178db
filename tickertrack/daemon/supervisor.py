"""The daemon itself: it watches APScheduler's loop, the clock, and what others ask for."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from tickertrack.daemon.child import Child, Order, prepare
from tickertrack.daemon.guard import Guard, Jump
from tickertrack.daemon.ledger import Ledger
from tickertrack.daemon.notify import keep_alive_seconds, notify
from tickertrack.daemon.triggers import Trigger, planned, zone_of
from tickertrack.errors import TickertrackError
from tickertrack.lock import Lock
from tickertrack.logs import Logging
from tickertrack.models import Cause, Outcome
from tickertrack.schedule import find_jobs
from tickertrack.shift import Clock, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from tickertrack.config import Config

__all__ = ["Daemon"]

log = logging.getLogger("tickertrack.daemon")

# How often the supervisor looks around, and in which glances it waits for a signal.
_TICK = 1.0
_GLANCE = 0.1
# A stopped daemon's jobs come to an end by themselves within this, or are ended; then their
# rows are written. Together below the ten seconds after which service managers lose patience.
_GRACE, _CLOSING = 6.0, 2.0
_MOST_AT_ONCE = 20


class Daemon:
    """
    Runs a folder's jobs by their schedules until it is stopped; `run` blocks.

    Three kinds of threads: the supervisor (`run` itself), APScheduler's loop, and one for each
    run, which waits for the process that does the work.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock = utc_now,
        logging: Logging | None = None,
        tick: float = _TICK,
    ) -> None:
        """Load the jobs; raises ConfigError for settings that cannot be meant."""
        self.config = config
        self.zone = zone_of(config)
        self.roster, self.plans = planned(find_jobs(config.jobs_path), self.zone)
        self._clock = clock
        self._logging = logging or Logging()
        self._tick = tick
        self._stopped = False
        self._fork = prepare()
        self._at_work: set[str] = set()
        self._children: dict[str, Child] = {}
        self._causes: dict[str, Cause] = {}
        self._owed: set[str] = set()
        self._declared: dict[str, tuple[str, datetime | None]] = {}
        self._trouble = ""
        self._told = 0.0

    # ---- the supervisor

    def run(self) -> None:
        """
        Run until `stop` is called; every run is ended and accounted for by then.

        Raises LockedError where another daemon runs on the database.
        """
        with Lock(self.config.database_path):
            self.ledger = Ledger(self.config.database_path, self.plans, self._clock)
            self._greet()
            guard = Guard(self._clock)
            self._start_loop()
            notify("READY=1")
            try:
                while not self._stopped:
                    self._look_around(guard)
                    self._rest()
            finally:
                notify("STOPPING=1")
                self._come_to_an_end()

    def stop(self) -> None:
        """Ask the daemon to come to an end; safe in a signal's handler, as it only sets a flag."""
        self._stopped = True

    @property
    def is_idle(self) -> bool:
        """Say that no job is at work: what is due now would not be skipped for one."""
        return not self._at_work

    def _greet(self) -> None:
        for name, why in self.roster.refused.items():
            log.error("job %s is refused: %s", name, why)
        if self.ledger.aborted:
            log.warning("%d runs were cut short when the last daemon ended", self.ledger.aborted)
        names = ", ".join(self.roster.jobs) or "none"
        log.info("jobs on %s: %s", self.config.database_path.absolute(), names)

    def _look_around(self, guard: Guard) -> None:
        try:
            jump = guard.look()
            if jump:
                self._recover(jump)
            if not self._thread.is_alive():
                log.error("the scheduler's loop had ended; it is started again")
                self._start_loop()
            self._catch_up()
            self._grant_requests()
            self._declare()
            self._keep_alive()
        except TickertrackError as error:
            self._say_once(str(error))
        else:
            self._say_once("")

    def _rest(self) -> None:
        until = time.monotonic() + self._tick
        while not self._stopped and time.monotonic() < until:
            time.sleep(_GLANCE)

    def _come_to_an_end(self) -> None:
        self._scheduler.shutdown(wait=False)
        self._end_runs(Child.stop, _GRACE)
        self._end_runs(Child.kill, _CLOSING)
        try:
            self.ledger.close("the daemon was stopped before the run had ended")
        except TickertrackError as error:
            # The next daemon closes the rows that a full disk leaves open.
            self._say_once(str(error))
        log.info("stopped")

    def _end_runs(self, end: Callable[[Child], None], seconds: float) -> None:
        # Again and again: a run that was just beginning has its process a moment later.
        until = time.monotonic() + seconds
        while self._at_work and time.monotonic() < until:
            for child in list(self._children.values()):
                end(child)
            time.sleep(_GLANCE)

    # ---- what it looks after

    def _start_loop(self) -> None:
        self._scheduler = BlockingScheduler(
            timezone=self.zone,
            executors={"default": ThreadPoolExecutor(_MOST_AT_ONCE)},
            # Whether a run still goes on we know ourselves: the scheduler lets go of one a moment
            # later, and what is asked for in that moment would be refused.
            job_defaults={
                "misfire_grace_time": None,
                "coalesce": True,
                # One that runs or has just ended, one to be skipped: more would queue where all
                # threads are taken, and then run one after the other.
                "max_instances": 2,
            },
        )
        for name, plan in self.plans.items():
            self._scheduler.add_job(
                self._run_job, Trigger(plan, self._clock), args=[name], id=name, **self._due(name)
            )
        self._thread = threading.Thread(target=self._scheduler.start, daemon=True, name="loop")
        self._thread.start()

    def _due(self, name: str) -> dict[str, datetime]:
        if not self.ledger.is_due(name):
            return {}
        self._causes[name] = "start" if name in self.ledger.never_run else "catch-up"
        return {"next_run_time": datetime.now(self.zone)}

    def _recover(self, jump: Jump) -> None:
        """Have the loop, which sleeps by the old clock, run once what was passed over (A-02)."""
        log.warning("the clock was set by %+.0f s, %.0f s unseen", jump.step, jump.asleep)
        if jump.step < 0:
            self.ledger.set_back()
        for name, plan in self.plans.items():
            if jump.step < 0 or self.ledger.is_due(name):
                self._owed.add(name)
                continue
            now = datetime.now(self.zone)
            due = Trigger(plan, self._clock).get_next_fire_time(None, now)
            self._scheduler.modify_job(name, next_run_time=due)
        self._scheduler.wakeup()

    def _catch_up(self) -> None:
        """Have run what was passed over; a run that began before that is let come to its end."""
        for name in self._owed - self._at_work:
            self._owed.discard(name)
            self._run_now(name, "catch-up")

    def _run_now(self, name: str, cause: Cause) -> None:
        self._causes[name] = cause
        self._scheduler.modify_job(name, next_run_time=datetime.now(self.zone))

    def _grant_requests(self) -> None:
        for name, request in self.ledger.requests().items():
            if request.run_requested and name in self.plans and name not in self._at_work:
                self.ledger.grant(name)
                self._run_now(name, "request")

    def _declare(self) -> None:
        known = {
            job.id: (self.roster.jobs[job.id].plan, self._own_time(job.next_run_time))
            for job in self._scheduler.get_jobs()
            if hasattr(job, "next_run_time")
        }
        if known != self._declared:
            self.ledger.declare(known, self.roster.refused)
            self._declared = known

    def _own_time(self, moment: datetime | None) -> datetime | None:
        # APScheduler's times are the machine's; ours may be a sample site's.
        apart = self._clock() - datetime.now(self.zone)
        own = moment + apart if moment and abs(apart.total_seconds()) > 1 else moment
        return own.replace(microsecond=0) if own else None

    def _keep_alive(self) -> None:
        period = keep_alive_seconds()
        if period is not None and time.monotonic() - self._told >= min(period, self._tick):
            # Only where the loop lives and the database has just answered (faults A-11).
            notify("WATCHDOG=1", f"STATUS={self._status()}")
            self._told = time.monotonic()

    def _status(self) -> str:
        running = ", ".join(sorted(self._at_work)) or "waiting"
        return f"{len(self.plans)} jobs; {running}" + (f"; {self._trouble}" * bool(self._trouble))

    def _say_once(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.error("%s", trouble)
        self._trouble = trouble

    # ---- a run, in a thread of APScheduler's pool

    def _run_job(self, name: str) -> None:
        begun, cause = name in self._at_work, self._causes.pop(name, "schedule")
        self._at_work.add(name)
        try:
            if not begun:
                self._account_for(name, cause)
            elif name not in self._owed:
                # What is owed runs after this one, and is accounted for then.
                self.ledger.skip(name, "the run before is still going on")
        except TickertrackError as error:
            log.error("job %s: %s", name, error)  # noqa: TRY400  (one line, no traceback)
        finally:
            if not begun:
                self._at_work.discard(name)

    def _account_for(self, name: str, cause: Cause) -> None:
        if self._stopped:
            return
        if cause != "request" and self._is_paused(name):
            self.ledger.skip(name, "paused")
            return
        run = self.ledger.begin(name, cause)
        log.info("job %s begins (%s)", name, cause)
        outcome = self._work(name)
        self.ledger.end(run, outcome)
        _tell(name, outcome)

    def _work(self, name: str) -> Outcome:
        seconds = self.roster.jobs[name].deadline.total_seconds()
        order = Order(name, self.config, self._clock, seconds, self._logging)
        try:
            child = Child(self._fork, order)
        except (OSError, EOFError) as error:
            return Outcome(faults=(f"no process could be begun ({error})",), ended="error")
        self._children[name] = child
        try:
            return child.outcome()
        finally:
            del self._children[name]

    def _is_paused(self, name: str) -> bool:
        request = self.ledger.requests().get(name)
        return request is not None and request.paused


def _tell(name: str, outcome: Outcome) -> None:
    for fault in outcome.faults:
        log.warning("job %s: %s", name, fault)
    level = logging.INFO if outcome.status == "ok" else logging.WARNING
    log.log(level, "job %s ended: %s", name, outcome.told)
