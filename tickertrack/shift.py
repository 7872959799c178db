"""A job's time at work: its tracker, its clock, and when it must be done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickertrack.tracker import Tracker

__all__ = ["Clock", "Shift", "StoppedError", "utc_now"]

Clock = Callable[[], datetime]

# How soon a wait notices that it is to end. A signal's handler may only set a flag, so it is asked.
_GLANCE = 0.1


class StoppedError(Exception):
    """The shift ended while a job waited: no fault, only a reason to come to an end."""


def utc_now() -> datetime:
    """Tell the time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Shift:
    """What a job's `run` is given; each run has a tracker of its own (SQLite minds its threads)."""

    tracker: Tracker
    now: Clock = utc_now
    seconds: float = float("inf")
    begun: float = field(default_factory=time.monotonic)
    stopped: bool = False

    def stop(self) -> None:
        """Ask the job to come to an end; safe in a signal's handler."""
        self.stopped = True

    def left(self) -> float:
        """Give the seconds that are left, 0.0 where the job was asked to stop."""
        return 0.0 if self.stopped else max(0.0, self.begun + self.seconds - time.monotonic())

    def is_over(self) -> bool:
        """Say whether it is time to come to an end."""
        return self.left() <= 0

    def wait(self, seconds: float) -> None:
        """Wait, in glances; raises StoppedError where the shift is over before the wait is."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            if rest > self.left():
                raise StoppedError
            time.sleep(min(rest, _GLANCE))
