"""The site's clock: a small file that every process can read, set by hand or running."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["SiteClock"]

_SETTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class SiteClock:
    """
    A clock that stands still until it is moved; pickled, it is the same clock elsewhere.

    It can be called, and so be given wherever a `now` is wanted.
    """

    path: Path

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now()

    def now(self) -> datetime:
        """Tell the time, aware, in UTC; raises FileNotFoundError before it was ever set."""
        moment, speed, since = self._read()
        return moment + timedelta(seconds=speed * (time.monotonic() - since))

    def move_to(self, moment: datetime) -> None:
        """Set the clock, forward or back; one that runs runs on from there."""
        with _SETTING:
            self._write(moment, self._read()[1] if self.path.exists() else 0.0)

    def advance(self, by: timedelta) -> None:
        """Move the clock by a span from where it stands."""
        with _SETTING:
            self._write(self.now() + by, self._read()[1])

    def run(self, speed: float = 1.0) -> None:
        """Let the clock run so many times as fast as the world's; 0 makes it stand still."""
        with _SETTING:
            self._write(self.now(), speed)

    def _read(self) -> tuple[datetime, float, float]:
        moment, speed, since = self.path.read_text(encoding="ascii").split()
        return datetime.fromisoformat(moment), float(speed), float(since)

    def _write(self, moment: datetime, speed: float) -> None:
        if moment.tzinfo is None:
            raise ValueError(f"{moment} says no zone, so it is no moment")
        # The monotonic clock is one for all processes of a machine, and nobody can set it.
        line = f"{moment.astimezone(UTC).isoformat()} {speed!r} {time.monotonic()!r}\n"
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        draft.write_text(line, encoding="ascii")
        draft.replace(self.path)
