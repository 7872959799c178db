"""Backfill: a little of the past each night, as [backfill] says; off until you say otherwise."""

from datetime import timedelta

from tickertrack.backfill import backfill_by_settings
from tickertrack.schedule import Job

JOB = Job(
    schedule="50 3 * * *",
    run=backfill_by_settings,
    deadline=timedelta(hours=2),
    enabled=False,
)
