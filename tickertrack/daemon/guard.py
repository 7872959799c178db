"""A look at two clocks: one that people set, one that only counts (faults A-02)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tickertrack.shift import Clock

__all__ = ["Guard", "Jump", "seconds_since_boot"]

# Slews and slow looks stay below this; nothing that matters to a schedule does.
_STEP = 2.0
# A look that comes so late means that the machine or the process was asleep.
_ASLEEP = 5.0


def seconds_since_boot() -> float:
    """Count the seconds, those of a suspended machine included, that nobody can set."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@dataclass(frozen=True, slots=True)
class Jump:
    """What a look found: by how many seconds the clock was set, and how long nobody looked."""

    step: float
    asleep: float


class Guard:
    """Compares the two clocks from look to look."""

    def __init__(self, clock: Clock, steady: Callable[[], float] = seconds_since_boot) -> None:
        """Take the first look."""
        self._clock = clock
        self._steady = steady
        self._last: tuple[datetime, float] = (clock(), steady())

    def look(self) -> Jump | None:
        """Give what happened since the last look, if it matters to a schedule."""
        before, counted = self._last
        self._last = now, steady = self._clock(), self._steady()
        asleep = steady - counted
        step = (now - before).total_seconds() - asleep
        if abs(step) < _STEP and asleep < _ASLEEP:
            return None
        return Jump(step, asleep)
