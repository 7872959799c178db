"""A job's crontab lines as a trigger of APScheduler's, and as times to count."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from tickertrack.config import Config
from tickertrack.errors import ConfigError
from tickertrack.models import Fires
from tickertrack.schedule import Roster
from tickertrack.shift import Clock, utc_now

__all__ = ["Plan", "Trigger", "planned", "zone_of"]

# A clock that jumps ten years has a million times of a five-minute job behind it (faults A-14):
# they are counted so far, and the last one is looked for from the end.
_MOST = 10_000
_BACK = (timedelta(hours=2), timedelta(days=8), timedelta(days=400), timedelta(days=2000))
_MOMENT = timedelta(microseconds=1)
_TENTH = 0.1


class Plan:
    """The times at which any of a job's crontab lines is due, in one zone."""

    def __init__(self, lines: tuple[str, ...], zone: tzinfo) -> None:
        """Compile the lines; raises ConfigError for one that is none."""
        try:
            self._crons = [CronTrigger.from_crontab(line, zone) for line in lines]
        except ValueError as error:
            raise ConfigError(f"is no schedule ({error})", key="schedule") from error

    def after(self, moment: datetime) -> datetime | None:
        """Give the first time after a moment."""
        later = moment + _MOMENT
        times = (cron.get_next_fire_time(None, later) for cron in self._crons)
        return min((time for time in times if time), default=None)

    def between(self, after: datetime, until: datetime) -> Fires | None:
        """Count the times after one moment up to another, with the last; None where none is."""
        count, last, moment = 0, None, self.after(after)
        while moment and moment <= until:
            count, last = count + 1, moment
            if count == _MOST:
                return Fires(count, self._last(until) or last)
            moment = self.after(moment)
        return Fires(count, last) if last else None

    def _last(self, until: datetime) -> datetime | None:
        for back in _BACK:
            moment, last = self.after(until - back), None
            while moment and moment <= until:
                moment, last = self.after(moment), moment
            if last:
                return last
        return None


class Trigger(BaseTrigger):  # type: ignore[misc]  # it ships no types
    """
    A plan for APScheduler: the next time is always still to come.

    So one late wake-up is one run, however many times it is late by; the daemon counts those.
    Our clock may not be the machine's: what APScheduler is told is how long to wait.
    """

    def __init__(self, plan: Plan, clock: Clock) -> None:
        """Keep the plan, and the clock by which it is meant."""
        self.plan = plan
        self._clock = clock

    def get_next_fire_time(
        self,
        previous_fire_time: datetime | None,  # noqa: ARG002  (what is past is counted, not run)
        now: datetime,
    ) -> datetime | None:
        """Give the next time, by APScheduler's clock."""
        own = self._clock()
        due = self.plan.after(own)
        if due is None:
            return None
        apart = round((now - own).total_seconds(), 1)
        # Rather late by a tenth than early: an early one would be due again at once.
        return due + timedelta(seconds=apart + _TENTH) if apart else due

    def __getstate__(self) -> Any:
        """Refuse to be stored: jobs are declared anew at each start (faults A-15)."""
        raise TypeError("a trigger lives in memory only")


def planned(roster: Roster, zone: ZoneInfo) -> tuple[Roster, dict[str, Plan]]:
    """Compile every job's schedule; one that cannot be is refused, and the others run."""
    plans: dict[str, Plan] = {}
    refused = dict(roster.refused)
    for name, job in roster.jobs.items():
        try:
            plans[name] = Plan(job.lines, zone)
        except ConfigError as error:
            refused[name] = f"schedule: {error.what}"
    return Roster({name: roster.jobs[name] for name in plans}, refused), plans


def zone_of(config: Config) -> ZoneInfo:
    """Give the zone that schedules are meant in; raises ConfigError for one with summer time."""
    name, key = config.daemon.timezone, "daemon.timezone"
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(f"no time zone {name!r}", key=key) from error
    offsets = {
        datetime(utc_now().year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)
    }
    if len(offsets) > 1:
        # A daily job between 0:00 and 0:59 skips a whole day there (faults A-03).
        advice = "take UTC, or the market's zone if it has none"
        raise ConfigError(f"{name} has summer time", key=key, advice=advice)
    return zone
