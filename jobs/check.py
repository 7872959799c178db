"""Check: once a night, is the database whole, and does a sample of pages still say the same?"""

from datetime import timedelta

from tickertrack.schedule import Job
from tickertrack.upkeep import check

JOB = Job(schedule="10 2 * * *", run=check, deadline=timedelta(hours=1))
