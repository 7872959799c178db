"""A job's run in a process of its own, which can be ended whatever the job does."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from tickertrack.errors import TickertrackError
from tickertrack.logs import Logging, speak
from tickertrack.models import Outcome
from tickertrack.shift import Clock, Shift, StoppedError

if TYPE_CHECKING:
    from tickertrack.config import Config

__all__ = ["Child", "Order", "prepare"]

log = logging.getLogger("tickertrack.daemon")

# Imported once, in the process that all others are forked from: a run then starts in milliseconds.
_PRELOADED = [
    "tickertrack.daemon.deaf",
    "tickertrack.collect",
    "tickertrack.conclude",
    "tickertrack.markets.calendar",
    "tickertrack.upkeep",
    "exchange_calendars",
]
# A job is asked to come to an end so long before it is made to.
_NOTICE = 10.0
_GONE = 2.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to run: the job's name, the settings, the clock, and how long it may take."""

    job: str
    config: Config
    clock: Clock
    seconds: float
    logging: Logging


def prepare() -> Any:
    """
    Give the way in which children are started; call it before there are threads.

    Not plain forks: a fork of a process with threads and open databases is a trap.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


class Child:
    """One run of a job; made to end by `stop`, or else by `kill`."""

    def __init__(self, context: Any, order: Order) -> None:
        """Start the process."""
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(order, theirs), name=order.job)
        self._until = time.monotonic() + order.seconds
        self._process.start()
        theirs.close()

    def outcome(self) -> Outcome:
        """Wait for what comes of the run; at its deadline, make it end."""
        left = max(0.0, self._until - time.monotonic())
        if wait([self._ours, self._process.sentinel], left):
            outcome = self._received() or self._died()
        else:
            outcome = Outcome(
                faults=("took longer than its deadline and was ended",), ended="error"
            )
        self._process.join(_GONE)
        self.kill()
        self._ours.close()
        return outcome

    def stop(self) -> None:
        """Ask the job to come to an end."""
        if self._process.is_alive():
            self._process.terminate()

    def kill(self) -> None:
        """Make the job end; what it had not committed is rolled back when it is next opened."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _received(self) -> Outcome | None:
        try:
            received = self._ours.recv() if self._ours.poll() else None
        except (EOFError, OSError):
            return None
        return received if isinstance(received, Outcome) else None

    def _died(self) -> Outcome:
        self._process.join(_GONE)
        code = self._process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"code {code}"
        return Outcome(faults=(f"its process ended by {how}",), ended="aborted")


def _work(order: Order, result: Connection) -> None:
    # A terminal's Ctrl-C goes to all; who ends us is the daemon.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    _die_with_parent()
    speak(order.logging)
    result.send(_outcome(order, asked))


def _outcome(order: Order, asked: list[int]) -> Outcome:
    """Run a job in this process, and give what came of it: also of what it raised."""
    from tickertrack.schedule import load_job  # noqa: PLC0415  (job files are the child's affair)
    from tickertrack.tracker import Tracker  # noqa: PLC0415

    try:
        job = load_job(order.config.jobs_path / f"{order.job}.py")
        with Tracker(order.config) as tracker:
            shift = Shift(tracker, order.clock, max(order.seconds - _NOTICE, order.seconds / 2))
            signal.signal(signal.SIGTERM, lambda *_: shift.stop())
            if asked:
                raise StoppedError  # noqa: TRY301  (before it began is as good as while it waits)
            return _checked(job.run(shift))
    except StoppedError:
        return Outcome(faults=("was asked to stop",), ended="aborted")
    except TickertrackError as error:
        return Outcome(faults=(str(error),))
    except BaseException as error:
        # The one place that takes all: whatever a job raises is a row of `runs`.
        log.debug("%s failed", order.job, exc_info=True)
        return Outcome(faults=(f"{type(error).__name__}: {error}",), ended="error")


def _checked(outcome: object) -> Outcome:
    if isinstance(outcome, Outcome):
        return outcome
    raise TypeError(f"its run gave {type(outcome).__name__}, not an Outcome")


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
