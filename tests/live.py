"""What live tests share: the sample site, a tracker that reads it, and days that go by."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from daemons import ROOT, own_process, rows, until

from tickertrack import Tracker
from tickertrack.collect import collect
from tickertrack.config import load_config
from tickertrack.daemon import Daemon
from tickertrack.errors import SourceError
from tickertrack.logs import Logging, speak
from tickertrack.models import Outcome
from tickertrack.shift import Shift, StoppedError
from tickertrack.site import Fault, SampleSite, SiteClock
from tickertrack.sources.files import Given, captures_in
from tickertrack.store.runs import RunBook

KARACHI = ZoneInfo("Asia/Karachi")
MONDAY = date(2024, 5, 6)
# Before the open, three times in the session, after the close, in the evening.
LOOKS = (time(8, 45), time(10, 5), time(12, 20), time(14, 50), time(17, 35), time(21, 10))


@dataclass
class SimulatedShift(Shift):
    """A shift that waits in the site's time."""

    now: SiteClock

    def wait(self, seconds: float) -> None:
        """Let the time go by."""
        if self.is_over():
            raise StoppedError
        self.now.advance(timedelta(seconds=seconds))


@dataclass
class World:
    """A site and a folder with a tracker that reads it."""

    site: SampleSite
    folder: Path

    def tracker(self) -> Tracker:
        """Open the tracker."""
        return Tracker(load_config(self.folder / "config.toml", {}))

    def collect(self, seconds: float = 600.0) -> Outcome:
        """Run one round in this process, whose waits move the site's clock instead of ours."""
        with self.tracker() as tracker:
            return collect(SimulatedShift(tracker, self.site.clock, seconds))

    def daemon(self) -> Daemon:
        """Make a daemon that goes by the site's clock."""
        return Daemon(load_config(self.folder / "config.toml", {}), self.site.clock, tick=0.2)

    def request(self, job: str = "collect") -> None:
        """Ask the daemon, or the next one, for a run."""
        with self.tracker() as tracker:
            RunBook(tracker.writer(), tracker.path).request(job, self.site.clock())

    def process(self) -> AbstractContextManager[subprocess.Popen[str]]:
        """Run a daemon that goes by the site's clock as a process of its own."""
        return own_process([sys.executable, __file__, str(self.folder)])

    def look(self, day: date, at: time) -> None:
        """Move the clock to a time of a day, and wait until a running daemon has collected."""
        moment = datetime.combine(day, at, KARACHI)
        self.site.clock.move_to(moment)
        stamp = moment.astimezone(UTC).isoformat()
        done = f"SELECT 1 FROM runs WHERE job = 'collect' AND finished_at >= '{stamp}'"
        until(lambda: rows(self.folder, done))

    def requests(self, path: str = "") -> list[Any]:
        """List the requests to all paths that begin so."""
        return [request for request in self.site.log if request.path.startswith(path)]


@contextmanager
def world(
    folder: Path, start: time = time(8), *, jobs: tuple[str, ...] = ("collect",)
) -> Iterator[World]:
    """Open a site on a Monday morning, with a tracker that knows it and has these jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    with SampleSite(folder, datetime.combine(MONDAY, start, KARACHI)) as site:
        site.write_tracker(folder)
        (folder / "jobs").mkdir()
        for name in jobs:
            shutil.copy(ROOT / "jobs" / f"{name}.py", folder / "jobs")
        yield World(site, folder)


def sessions(count: int) -> list[date]:
    """List the first weekdays from the Monday on."""
    days = (MONDAY + timedelta(days=number) for number in range(count * 2))
    return [day for day in days if day.weekday() < 5][:count]


def crowded(here: World, count: int) -> dict[str, Fault]:
    """Have the site list many articles and the tracker read them without a pause."""
    faults = here.site.list_crowd(count)
    here.site.write_tracker(here.folder, ["/feeds/crowd"])
    config = here.folder / "config.toml"
    config.write_text(config.read_text().replace("per_host_delay = 0.05", "per_host_delay = 0"))
    return faults


def kept(here: World) -> list[str]:
    """List the addresses of the pages in the archive; a torn end is no page."""
    files = sorted((here.folder / "archive").glob("*.warc.gz"))
    captures = [capture for file in files for capture in captures_in(file, Given())]
    return [one.url or "" for one in captures if not isinstance(one, SourceError)]


def stored(here: World) -> list[str]:
    return [row["url"] for row in rows(here.folder, "SELECT url FROM pages")]


if __name__ == "__main__":
    own = Path(sys.argv[1])
    said = Logging(logging.INFO, "text")
    speak(said)
    daemon = Daemon(load_config(own / "config.toml", {}), SiteClock(own / "clock"), said, tick=0.1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    daemon.run()
