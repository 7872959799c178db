"""Alert: soon after each collect, messages for what the rules of config.toml name."""

from tickertrack.alerts import alert
from tickertrack.schedule import Job

JOB = Job(schedule=("4-59/5 9-17 * * mon-fri", "27 * * * *"), run=alert)
