"""What tests of the daemon share: folders of small jobs, daemons in threads and in processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tickertrack.config import load_config
from tickertrack.daemon import Daemon
from tickertrack.shift import utc_now

ROOT = Path(__file__).parents[1]

# Seconds given to what must come; only where it does not come do they pass.
PATIENCE = 90.0
# Seconds within which a daemon that was told to end has ended, on a machine with much else to do;
# the jobs of these tests would go on for longer.
ENDED = 40.0

# Every job of these tests tells in a file when it ran; some then do worse.
JOB = """
import os, time
from datetime import timedelta
from pathlib import Path
from tickertrack.models import Outcome
from tickertrack.schedule import Job

def run(shift):
    told = Path(__file__).parents[1] / "told"
    with told.open("a") as file:
        file.write(f"{{Path(__file__).stem}} {{os.getpid()}}\\n")
    {body}
    return Outcome({{"told": 1}})

JOB = Job(schedule={schedule!r}, run=run, deadline=timedelta(seconds={deadline}))
"""


def folder_of(path: Path, zone: str = "Asia/Karachi", **jobs: dict[str, Any]) -> Path:
    """Lay out a tracker with jobs; each is given as its `schedule`, `body` and `deadline`."""
    (path / "jobs").mkdir(parents=True, exist_ok=True)
    (path / "config.toml").write_text(f'[daemon]\ntimezone = "{zone}"\n')
    for name, piece in jobs.items():
        known = {"schedule": "0 0 1 1 *", "body": "pass", "deadline": 60} | piece
        (path / "jobs" / f"{name}.py").write_text(JOB.format(**known))
    return path


def daemon_of(folder: Path, **options: Any) -> Daemon:
    return Daemon(load_config(folder / "config.toml", {}), **options)


@dataclass(frozen=True)
class Shifted:
    """A clock that differs from the machine's."""

    by: timedelta

    def __call__(self) -> datetime:
        """Tell the time."""
        return utc_now() + self.by


def shortly_before_a_minute() -> Shifted:
    """A clock by which a full minute comes in three seconds."""
    now = utc_now()
    return Shifted(now.replace(second=57, microsecond=0) - now)


@contextmanager
def running(daemon: Daemon) -> Iterator[Daemon]:
    """Run a daemon in a thread; leave when it has ended."""
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def told(folder: Path) -> list[str]:
    """List the names of the jobs that ran, in order."""
    path = folder / "told"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def rows(folder: Path, sql: str = "SELECT * FROM runs ORDER BY id") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "tickertrack.db", timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for a condition; give what it gave, or fail."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = condition()
        except sqlite3.OperationalError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "tickertrack", "--config", str(folder / "config.toml"), *words]


def cli(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *words), capture_output=True, text=True, check=False)


def process(folder: Path, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run `tickertrack run` as a process of its own; it is killed if it has not ended by itself."""
    return own_process(command(folder, "run", *words))


def stubborn_process(folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run `tickertrack run` as a process of its own that gives its jobs an hour to end."""
    return own_process([sys.executable, "-c", _STUBBORN, *command(folder, "run")[3:]])


_STUBBORN = """
import sys
from tickertrack.cli import main
from tickertrack.daemon import supervisor

supervisor._GRACE = 3600
main(sys.argv[1:])
"""


def minute_process(folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a daemon as a process of its own, to which a full minute soon comes."""
    return own_process([sys.executable, __file__, str(folder)])


@contextmanager
def own_process(words: list[str], **streams: int) -> Iterator[subprocess.Popen[str]]:
    """Run a process; it is killed with its children if it has not ended by itself."""
    streams = streams or {"stderr": subprocess.PIPE}
    running = subprocess.Popen(words, text=True, start_new_session=True, **streams)
    try:
        yield running
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        for stream in filter(None, (running.stdout, running.stderr)):
            stream.close()


if __name__ == "__main__":
    daemon_of(Path(sys.argv[1]), clock=shortly_before_a_minute()).run()
