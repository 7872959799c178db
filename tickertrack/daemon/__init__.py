"""The scheduler daemon: jobs when they are due, for years; the only room that knows APScheduler."""

from tickertrack.daemon.once import run_once
from tickertrack.daemon.supervisor import Daemon

__all__ = ["Daemon", "run_once"]
