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
from daemons import rows
from live import World, crowded, world

from tickertrack.errors import SourceError
from tickertrack.sources.files import Given, captures_in

_STORED = re.compile(r"stored (\S+) \(")


def killed(here: World, seconds: float) -> list[str]:
    """Run the daemon, kill it and its jobs after a while; list what it said that it had stored."""
    here.request()
    with here.process() as daemon:
        time.sleep(seconds)
        os.killpg(daemon.pid, signal.SIGKILL)
        _, said = daemon.communicate()
    return _STORED.findall(said)


def kept(here: World) -> list[str]:
    """List the addresses of the pages in the archive; a torn end is no page."""
    files = sorted((here.folder / "archive").glob("*.warc.gz"))
    captures = [capture for file in files for capture in captures_in(file, Given())]
    return [one.url or "" for one in captures if not isinstance(one, SourceError)]


def stored(here: World) -> list[str]:
    return [row["url"] for row in rows(here.folder, "SELECT url FROM pages")]


@pytest.mark.parametrize(
    "moments", [50, pytest.param(1000, marks=pytest.mark.slow)], ids="{} kills".format
)
def test_no_page_is_lost_or_doubled_by_a_kill(tmp_path: Path, moments: int):
    rng = random.Random(20240506)  # noqa: S311  (the same moments again, not a secret)
    acknowledged: list[str] = []
    with world(tmp_path / "own") as here:
        crowded(here, 10 * moments)
        for _ in range(moments):
            acknowledged += killed(here, rng.uniform(0.2, 2.5))
        archived = kept(here)
        assert here.collect().counts["pages"] > 0
        assert len(acknowledged) > 0
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
        killed(here, 5)
        (file,) = (here.folder / "archive").glob("*.warc.gz")
        os.truncate(file, file.stat().st_size // 2)
        assert Counter(kept(here)) != Counter(stored(here))


@pytest.mark.parametrize(
    "moments", [50, pytest.param(500, marks=pytest.mark.slow)], ids="{} ends".format
)
def test_sigterm_at_any_moment_is_0_within_ten_seconds(tmp_path: Path, moments: int):
    rng = random.Random(20240507)  # noqa: S311
    slowest = 0.0
    with world(tmp_path / "own") as here:
        crowded(here, 10 * moments)
        for _ in range(moments):
            here.request()
            with here.process() as daemon:
                # From when it has said its first word: before that it is only being imported.
                assert daemon.stderr is not None
                daemon.stderr.readline()
                time.sleep(rng.uniform(0.0, 1.0))
                begun = time.monotonic()
                os.killpg(daemon.pid, signal.SIGTERM)
                assert daemon.wait(11) == 0
                slowest = max(slowest, time.monotonic() - begun)
        assert slowest < 10
        assert not rows(here.folder, "SELECT 1 FROM runs WHERE status = 'running'")
        assert Counter(kept(here)) == Counter(stored(here))
        assert len(stored(here)) > 0
