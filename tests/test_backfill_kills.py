"""Backfills killed at any moment: begun again they end the same, and ask for no record twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemons import rows, until
from netarchive import Library, library
from past import Clock, copies, fetched, kept, tracker_folder
from pastruns import Runs
from support import Digests, digests, faults

from tickertrack import backfill as rounds
from tickertrack.errors import LockedError
from tickertrack.lock import Lock

# Between two requests lies a page's reading and storing; a kill falls somewhere in it.
BETWEEN = 0.06
KILLS, SLOW_KILLS = 4, 20
RECORDS = 18


@dataclass(frozen=True)
class Calm:
    """An archive, an undisturbed run of it, and what begins others."""

    archive: Library
    runs: Runs
    digests: Digests
    captures: list[dict[str, object]]
    requests: int


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    folder = tmp_path_factory.mktemp("calm")
    past = copies()[:RECORDS]
    with library(folder / "archive", past) as archive, Runs(folder, archive.collinfo) as runs:
        own = tracker_folder(folder / "own", archive.port)
        runs.begin(own)
        assert runs.end() == 0
        assert set(archive.records().values()) == {1}
        yield Calm(archive, runs, state(own), captures(own), len(archive.log))


def state(folder: Path) -> Digests:
    return digests(folder / "tickertrack.db")


def captures(folder: Path) -> list[dict[str, object]]:
    return rows(folder, "SELECT captured_at, url, state FROM captures ORDER BY 1, 2")


def killed(calm: Calm, folder: Path, rng: random.Random, steps: int) -> bool:
    """Begin a run, and kill it some requests on; say whether it was killed before its end."""
    seen = len(calm.archive.log) + rng.randint(0, steps)
    process = calm.runs.begin(folder)
    until(lambda: len(calm.archive.log) > seen or ended(process))
    time.sleep(rng.uniform(0, BETWEEN))
    os.kill(process, signal.SIGKILL)
    return calm.runs.end() == -signal.SIGKILL


def ended(process: int) -> bool:
    # Not waited for yet, it is a zombie.
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def in_flight(archive: Library, folder: Path) -> set[str]:
    """Give the records that were asked for and are not on the disk."""
    held = set(kept(folder))
    by_place = {
        f"/{line['filename']} bytes={line['offset']}-"
        f"{int(line['offset']) + int(line['length']) - 1}": f"{line['timestamp']} {line['url']}"
        for line in archive.lines
    }
    return {asked for asked in archive.records() if by_place[asked] not in held}


def survive(calm: Calm, folder: Path, kills: int, rng: random.Random) -> int:
    """Kill a backfill so often, then let it end; give the number of kills that met it at work."""
    own = tracker_folder(folder / "own", calm.archive.port)
    calm.archive.log.clear()
    flying: Counter[str] = Counter()
    met = 0
    for number in range(kills):
        # So that the last kills find some work left.
        steps = 2 * (calm.requests - len(set(calm.archive.records()))) // (kills - number + 1)
        before = flying.total()
        met += killed(calm, own, rng, steps)
        flying.update(in_flight(calm.archive, own))
        # One at a time.
        assert flying.total() - before <= 1
    calm.runs.begin(own)
    assert calm.runs.end() == 0
    # What was on the disk was never asked for again, only what was still on its way.
    for asked, count in calm.archive.records().items():
        assert count <= 1 + flying[asked], asked
    assert len(calm.archive.records()) == len(kept(own)) == RECORDS
    assert state(own) == calm.digests
    assert captures(own) == calm.captures
    assert faults(own / "tickertrack.db") == []
    return met


@pytest.mark.parametrize(
    "kills", [KILLS, pytest.param(SLOW_KILLS, marks=pytest.mark.slow)], ids="{} kills".format
)
def test_killed_at_random_moments_it_ends_the_same_and_asks_for_no_record_twice(
    calm: Calm, tmp_path: Path, kills: int
):
    rng = random.Random(20240506 + kills)  # noqa: S311  (the same moments again, not a secret)
    assert survive(calm, tmp_path, kills, rng) >= kills // 2


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_asked_to_stop_it_ends_after_the_record_and_asks_for_none_twice(
    calm: Calm, tmp_path: Path, number: signal.Signals
):
    own = tracker_folder(tmp_path / "own", calm.archive.port)
    calm.archive.log.clear()
    process = calm.runs.begin(own)
    until(lambda: len(calm.archive.records()) > 3)
    os.kill(process, number)
    assert calm.runs.end() == 130
    assert 3 < len(kept(own)) < RECORDS
    calm.runs.begin(own)
    assert calm.runs.end() == 0
    assert set(calm.archive.records().values()) == {1}
    assert state(own) == calm.digests


def test_a_second_one_on_the_same_database_is_told_to_come_later(calm: Calm, tmp_path: Path):
    own = tracker_folder(tmp_path / "own", calm.archive.port)
    with Lock(own / "tickertrack.db.backfill"), pytest.raises(LockedError):
        fetched(own, calm.archive.collinfo)


@pytest.fixture
def torn(calm: Calm, tmp_path: Path) -> Path:
    """Leave a tracker whose backfill ended when a record was on the disk, and not stored."""
    own = tracker_folder(tmp_path / "own", calm.archive.port)
    calm.archive.log.clear()
    calm.runs.begin(own, die_after=3)
    assert calm.runs.end() == -signal.SIGKILL
    assert len(kept(own)) == len(rows(own, "SELECT 1 FROM pages")) + 1 == 3
    return own


def test_what_was_kept_and_not_stored_is_stored_and_not_asked_for_again(calm: Calm, torn: Path):
    fetched(torn, calm.archive.collinfo, Clock(), limit=1)
    assert set(calm.archive.records().values()) == {1}
    assert len(rows(torn, "SELECT 1 FROM pages")) == len(kept(torn)) == 4


def test_one_that_does_not_look_into_its_archive_asks_twice(
    calm: Calm, torn: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rounds, "_store_kept", lambda _: None)
    fetched(torn, calm.archive.collinfo, Clock(), limit=1)
    assert max(calm.archive.records().values()) == 2
