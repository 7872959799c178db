"""The days that a board may be of, and how likely the market traded on each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tickertrack.models import TradingDay

__all__ = ["FIRST_MINUTES", "Axis", "Vector", "build_axis"]

Vector = NDArray[np.float64]

# How sure a calendar is. XKAR was wrong on 3 of 2,500 days (DESIGN.md, fact 12), more in years
# whose lunar holidays it does not know yet.
_LISTED, _CLOSED_WEEKDAY, _WEEKEND = 0.99, 0.01, 0.0005
# A daily series names its days itself. The one that was measured lacks 12 of 1,586 sessions.
_IN_SERIES, _MISSING_LISTED, _MISSING_CLOSED = 0.9999, 0.44, 0.0001
# The longest time without trading that is thought possible, in days.
REACH = 16
# After the open the site does not refresh its boards at once, nor together (fact 3).
FIRST_MINUTES = timedelta(minutes=45)
_SATURDAY = 5


@dataclass(frozen=True)
class Axis:
    """
    A run of days from `start`; every vector of dating has one number for each of them.

    `open_probability` says how likely the market traded, `opens` when trading began.
    """

    start: date
    zone: ZoneInfo
    open_probability: Vector
    opens: Mapping[date, datetime]

    def __len__(self) -> int:
        """Count the days."""
        return len(self.open_probability)

    def vectors_in(self, size: int) -> int:
        """Count the vectors that take so many bytes."""
        return size // max(self.open_probability.nbytes, 1)

    def day(self, index: int) -> date:
        """Give the day at a place."""
        return self.start + timedelta(days=index)

    def index(self, day: date) -> int:
        """Give the place of a day; it may lie outside."""
        return (day - self.start).days

    def inside(self, day: date) -> bool:
        """Say whether a day lies on the axis."""
        return 0 <= self.index(day) < len(self)

    def is_early(self, moment: datetime) -> bool:
        """Say whether a moment is of the first minutes after an open."""
        opens = self.opens.get(moment.astimezone(self.zone).date())
        return opens is not None and opens <= moment < opens + FIRST_MINUTES

    @cached_property
    def steps(self) -> list[Vector]:
        """
        Give, for k = 1..16, how likely no session lies between day x and day x + k.

        The probability of x + k itself to be one belongs to the prior of whom it is asked for.
        """
        closed = 1.0 - self.open_probability
        steps, between = [], np.ones(len(self))
        for k in range(1, REACH + 1):
            steps.append(between[: max(len(self) - k, 0)].copy())
            between = between * np.append(closed[k:], np.zeros(min(k, len(self))))
        return steps

    def following(self, weights: Vector) -> Vector:
        """Carry weights from each day to the session after it."""
        result = np.zeros(len(self))
        for k, step in enumerate(self.steps, start=1):
            result[k:] += weights[: len(self) - k] * step
        return result

    def preceding(self, weights: Vector) -> Vector:
        """Carry weights from each day to the session before it."""
        result = np.zeros(len(self))
        for k, step in enumerate(self.steps, start=1):
            result[: len(self) - k] += weights[k:] * step
        return result

    def shown_at(self, moment: datetime) -> Vector:
        """Give, for each day, how likely no later session had opened by the moment."""
        local = moment.astimezone(self.zone)
        today = min(self.index(local.date()), len(self) - 1)
        if today < 0:
            return np.zeros(len(self))
        opened = self.open_probability.copy()
        opens = self.opens.get(local.date())
        if opens is not None and moment < opens and self.inside(local.date()):
            opened[today] = 0.0
        return self._last_until(today, opened)

    def shown_on(self, day: date) -> Vector:
        """Give the same for the end of a day."""
        return self._last_until(min(self.index(day), len(self) - 1), self.open_probability)

    def shown_before(self, day: date) -> Vector:
        """Give the same for the morning of a day, before any trading."""
        opened = self.open_probability.copy()
        today = min(self.index(day), len(self) - 1)
        if self.inside(day):
            opened[today] = 0.0
        return self._last_until(today, opened)

    def _last_until(self, today: int, opened: Vector) -> Vector:
        result = np.zeros(len(self))
        first = max(today - 2 * REACH, 0)
        later = 1.0
        for index in range(today, first - 1, -1):
            # A day that cannot have opened by then was not shown.
            possible = opened[index] > 0
            result[index] = later if possible else 0.0
            later *= 1.0 - opened[index]
        return result

    def earlier(self, shown: Vector) -> Vector:
        """Give how likely each day is the session before the one that was shown."""
        return self.preceding(shown * self.open_probability)


def build_axis(
    start: date,
    end: date,
    zone: ZoneInfo,
    sessions: Sequence[TradingDay],
    series: Sequence[Mapping[date, int]],
) -> Axis:
    """Lay the axis from `start` to `end`: the calendar's word, corrected by imported series."""
    opens = {day.session: day.open_at for day in sessions if start <= day.session <= end}
    days = np.arange((end - start).days + 1)
    listed = np.isin(days, [(day - start).days for day in opens])
    chances = np.where((start.weekday() + days) % 7 >= _SATURDAY, _WEEKEND, _CLOSED_WEEKDAY)
    chances = np.where(listed, _LISTED, chances)
    covered, known = np.zeros_like(listed), np.zeros_like(listed)
    for closes in series:
        places = [(day - start).days for day in closes]
        known |= np.isin(days, places)
        covered |= (days >= min(places, default=0)) & (days <= max(places, default=-1))
    missing = np.where(listed, _MISSING_LISTED, _MISSING_CLOSED)
    chances = np.where(known, _IN_SERIES, np.where(covered, missing, chances))
    return Axis(start, zone, chances, opens)


def normal(weights: Vector) -> Vector:
    """Scale weights to a sum of one."""
    total = float(weights.sum())
    return weights / total if total > 0 else np.full(len(weights), 1.0 / max(len(weights), 1))
