"""Collect: every five minutes around the trading hours, else once an hour."""

from datetime import timedelta

from tickertrack.collect import collect
from tickertrack.schedule import Job

JOB = Job(
    schedule=("*/5 9-17 * * mon-fri", "20 * * * *"),
    run=collect,
    deadline=timedelta(minutes=20),
)
