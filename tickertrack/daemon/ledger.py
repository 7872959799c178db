"""Which times of each schedule are accounted for: as a run, as missed or as skipped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tickertrack.daemon.triggers import Plan
from tickertrack.models import Cause, Fires, Outcome
from tickertrack.shift import Clock
from tickertrack.store.connect import open_writing
from tickertrack.store.runs import Request, RunBook, Times

__all__ = ["Ledger"]

# A run that starts so much later than its time was caught up with.
_LATE = timedelta(seconds=30)


class Ledger:
    """Accounts for every time of every schedule; used by several threads."""

    def __init__(self, database: Path, plans: Mapping[str, Plan], clock: Clock) -> None:
        """Read how far the history goes; close what a killed daemon left open."""
        self._database = database
        self._plans = plans
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, datetime] = {}
        self.never_run: set[str] = set()
        with self._book() as book:
            self.aborted = book.abort_dangling(clock())
            for name in plans:
                self._open(book, name)

    def is_due(self, name: str) -> bool:
        """Say whether a job never ran, or a time of its schedule has passed without it."""
        passed = self._plans[name].between(self._until[name], self._clock())
        return name in self.never_run or passed is not None

    def begin(self, name: str, cause: Cause) -> int:
        """Open a row for a run that begins now, and one for the times that it comes late for."""
        now = self._clock()
        with self._lock:
            fires = self._take(name, now)
            missed = replace(fires, count=fires.count - 1) if fires and fires.count > 1 else None
            if cause == "schedule" and fires and (missed or now - fires.last > _LATE):
                cause = "catch-up"
            with self._book() as book:
                return book.begin(name, cause, Times(fires.last if fires else None, now), missed)

    def end(self, run: int, outcome: Outcome) -> None:
        """Close a run's row."""
        with self._book() as book:
            book.end(run, outcome, self._clock())

    def skip(self, name: str, why: str) -> None:
        """Account for the times of a schedule at which nothing is to be done."""
        with self._lock:
            fires = self._take(name, self._clock())
            if fires:
                with self._book() as book:
                    book.skip(name, why, fires)

    def set_back(self) -> None:
        """Count from now where the clock was set back: what comes again is new."""
        with self._lock:
            now = self._clock()
            self._until = {name: min(until, now) for name, until in self._until.items()}

    def requests(self) -> dict[str, Request]:
        """Read what other processes ask for."""
        with self._book() as book:
            return book.requests()

    def grant(self, name: str) -> None:
        """Take down a request for a run."""
        with self._book() as book:
            book.take(name)

    def declare(
        self, known: Mapping[str, tuple[str, datetime | None]], refused: Mapping[str, str]
    ) -> None:
        """Tell other processes which jobs there are."""
        with self._book() as book:
            book.declare(known, refused)

    def close(self, why: str) -> None:
        """Close the rows of runs that were ended with the daemon."""
        with self._book() as book:
            book.abort_dangling(self._clock(), why)

    def _open(self, book: RunBook, name: str) -> None:
        now = self._clock()
        last = book.last_scheduled(name)
        if not book.has_run(name):
            self.never_run.add(name)
        # A history from the future is one of before the clock was set back.
        self._until[name] = min(last, now) if last else now

    def _take(self, name: str, now: datetime) -> Fires | None:
        self.never_run.discard(name)
        fires = self._plans[name].between(self._until[name], now)
        if fires:
            self._until[name] = fires.last
        return fires

    @contextmanager
    def _book(self) -> Iterator[RunBook]:
        # A connection for each use: threads must not share one, and each use is rare and short.
        connection = open_writing(self._database)
        try:
            yield RunBook(connection, self._database)
        finally:
            connection.close()
