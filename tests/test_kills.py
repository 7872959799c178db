"""The daemon killed at any moment: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from live import World, crowded, kept, stored, world

_STORED = re.compile(r"stored (\S+) \(")


def killed(here: World, seconds: float) -> list[str]:
    """Run the daemon, kill it and its jobs after a while; list what it said that it had stored."""
    here.request()
    with here.process() as daemon:
        # From when it has said its first word: before that it is only being imported.
        assert daemon.stderr is not None
        daemon.stderr.readline()
        time.sleep(seconds)
        os.killpg(daemon.pid, signal.SIGKILL)
        _, said = daemon.communicate()
    return _STORED.findall(said)


def until_it_stores(here: World) -> tuple[float, str]:
    """Give the seconds from its first word until it says that it has stored a page, and which."""
    here.request()
    with here.process() as daemon:
        assert daemon.stderr is not None
        daemon.stderr.readline()
        begun = time.monotonic()
        while not (stored := _STORED.search(daemon.stderr.readline())):
            assert daemon.poll() is None
        os.killpg(daemon.pid, signal.SIGKILL)
        return time.monotonic() - begun, stored[1]


@pytest.mark.parametrize(
    "moments", [4, pytest.param(1000, marks=pytest.mark.slow)], ids="{} kills".format
)
def test_no_page_is_lost_or_doubled_by_a_kill(tmp_path: Path, moments: int):
    rng = random.Random(20240506)  # noqa: S311  (the same moments again, not a secret)
    with world(tmp_path / "own") as here:
        poisoned = crowded(here, 10 * moments)
        took, first = until_it_stores(here)
        acknowledged = [first]
        for _ in range(moments):
            acknowledged += killed(here, rng.uniform(0.0, 2 * took))
        archived = kept(here)
        # What the kills left, the next round fetches.
        here.collect()
        assert len(stored(here)) >= 10 * moments - len(poisoned)
        assert set(acknowledged) | set(archived) <= set(stored(here))
        assert max(Counter(stored(here)).values()) == 1
        assert Counter(kept(here)) == Counter(stored(here))
    assert whole(here.folder / "tickertrack.db")


def whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
    return found == [("ok",)] and not dangling


def test_a_page_that_is_stored_before_it_is_kept_would_be_lost(tmp_path: Path):
    # The control: the same check, where the archive has lost its last pages.
    with world(tmp_path / "own") as here:
        crowded(here, 300)
        until_it_stores(here)
        (file,) = (here.folder / "archive").glob("*.warc.gz")
        os.truncate(file, file.stat().st_size // 2)
        assert Counter(kept(here)) != Counter(stored(here))
