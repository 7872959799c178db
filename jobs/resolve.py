"""Resolve: all boards dated anew once a night, by what the calendar and all pages say by then."""

from datetime import timedelta

from tickertrack.schedule import Job
from tickertrack.upkeep import resolve

JOB = Job(schedule="40 1 * * *", run=resolve, deadline=timedelta(hours=1))
