"""Backup: once a night, proved by a restore."""

from datetime import timedelta

from tickertrack.schedule import Job
from tickertrack.upkeep import backup

JOB = Job(schedule="30 2 * * *", run=backup, deadline=timedelta(hours=1))
