"""Backfills in processes that can be killed, each forked from one that has loaded all.

python tests/pastruns.py SOURCE    # forks a run for each line on standard input
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from past import MONDAY

from tickertrack.closing import Closing
from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between
from tickertrack.sources.warc import Archive


class Runs(Closing):
    """Backfills in processes of their own, which are forked from one that has loaded all."""

    def __init__(self, folder: Path, source: str) -> None:
        """Begin the process that forks; `folder` holds the trackers."""
        words = [sys.executable, __file__, source]
        self._parent = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
        )

    def begin(self, folder: Path, die_after: int = 0) -> int:
        """Begin a run, and give its process; it may kill itself after so many records kept."""
        return int(self._ask(f"{folder} {die_after}"))

    def end(self) -> int:
        """Wait for the run's end, and give its exit code."""
        return int(self._ask("end"))

    def close(self) -> None:
        """End the process that forks."""
        self._parent.communicate(timeout=60)

    def _ask(self, line: str) -> str:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        print(line, file=self._parent.stdin, flush=True)
        return self._parent.stdout.readline()


def serve_runs(source: str) -> None:
    """Fork a run for each line on standard input, and tell its process, then its exit code."""
    # Loaded once, before the forks.
    from tickertrack.cli import main, past as command  # noqa: F401, PLC0415
    from tickertrack.store import schema  # noqa: F401, PLC0415

    load_market("psx")
    sessions_between(load_market("psx"), MONDAY, MONDAY)
    child = 0
    for line in sys.stdin:
        if line.strip() == "end":
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201
            continue
        folder, die_after = line.split()
        child = os.fork()
        if child == 0:
            if int(die_after):
                die_after_keeping(int(die_after))
            words = ["--config", f"{folder}/config.toml", "-q", "backfill", "--from", source]
            main([*words, "--publisher", "courier", "-s", "2024-05-01", "-e", "2024-05-31"])
        print(child, flush=True)  # noqa: T201


def die_after_keeping(number: int) -> None:
    """Let this process be killed when so many records are on the disk, and one is not stored."""
    sync, left = Archive.sync, [number]

    def dying(archive: Archive) -> None:
        sync(archive)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Archive.sync = dying  # type: ignore[method-assign]


if __name__ == "__main__":
    serve_runs(sys.argv[1])
