"""Link: every move beside its news, soon after each collect."""

from tickertrack.schedule import Job
from tickertrack.upkeep import link

JOB = Job(schedule=("3-58/5 9-17 * * mon-fri", "25 * * * *"), run=link)
