"""An ingest of archives by several processes, ended at any moment: begun again it ends the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import warcs
from daemons import PATIENCE, until
from support import Digests, digests, faults, made_pages, run, schema_of, write_pages
from warcs import page, record, write

PARTS, BATCH, WORKERS = 10_000, 20, 2
SIGNALS = [signal.SIGINT, signal.SIGKILL]


@dataclass(frozen=True)
class Calm:
    """What is read, and an undisturbed run: its tables, and how long it took."""

    sources: Path
    digests: Digests
    seconds: float


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    sources = folder / "sources"
    sources.mkdir()
    write(sources / "a.warc.gz", *map(page, range(60)))
    write(sources / "b.warc.wet.gz", *map(text, made_pages(150)))
    write_pages(sources / "c.jsonl", made_pages(60, seed=2))
    running = begun(sources, folder / "t.db")
    started = time.monotonic()
    _, said = running.communicate()
    assert running.returncode == 0, said
    return Calm(sources, digests(folder / "t.db"), time.monotonic() - started)


def text(made: dict[str, str]) -> bytes:
    """Lay out a made page as an archive's text of it."""
    kinds = {"WARC_Type": "conversion", "Content_Type": "text/plain"}
    where = {"WARC_Target_URI": made.get("url", "https://www.brecorder.com/news/1")}
    return record(made["text"].encode(), **kinds, **where)


def begun(sources: Path, database: Path) -> subprocess.Popen[str]:
    """Begin an ingest, in a session of its own, and wait until it has said its first word."""
    words = [PARTS, BATCH, "--db", database, "ingest", sources, "--workers", WORKERS]
    running = subprocess.Popen(
        [sys.executable, warcs.__file__, "ingest_in_parts", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    assert running.stderr.readline() == "begun\n"
    return running


def ended(calm: Calm, database: Path, number: signal.Signals, moment: float) -> bool:
    """End an ingest at a moment, as a terminal or the system does; say whether it was at work."""
    running = begun(calm.sources, database)
    time.sleep(moment)
    if number == signal.SIGKILL:
        running.kill()
    else:
        os.killpg(running.pid, number)
    _, said = running.communicate(timeout=PATIENCE)
    # A signal that comes when all is done, and only Python's own end is left, is its default's.
    assert running.returncode in {0, 130, -number}, said
    assert "Traceback" not in said
    # Whoever read for it has gone with it.
    until(lambda: not alive(running.pid))
    return running.returncode != 0


def alive(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def survive(calm: Calm, folder: Path, number: signal.Signals, moments: int) -> int:
    """End ingests until so many were at work, and begin each again; give how many were."""
    rng = random.Random(20240506 + number)  # noqa: S311  (the same moments again, not a secret)
    met = 0
    # How many are at work still depends on how much slower the machine was when it was calm.
    for trial in range(3 * moments):
        if met == moments:
            break
        database = folder / f"{trial}.db"
        met += ended(calm, database, number, rng.uniform(0, calm.seconds))
        # Of one that was ended before its tables were made there is nothing to look at.
        assert not (database.exists() and schema_of(database)[0]) or faults(database) == []
        again = begun(calm.sources, database)
        _, said = again.communicate()
        assert again.returncode == 0, said
        assert digests(database) == calm.digests
        assert faults(database) == []
    return met


@pytest.mark.parametrize(
    "moments", [1, pytest.param(20, marks=pytest.mark.slow)], ids="{} moments".format
)
@pytest.mark.parametrize("number", SIGNALS)
def test_ended_at_a_random_moment_and_begun_again_it_ends_the_same(
    calm: Calm, tmp_path: Path, number: signal.Signals, moments: int
):
    assert survive(calm, tmp_path, number, moments) >= moments // 2


def test_what_was_ended_and_not_begun_again_is_not_the_same(calm: Calm, tmp_path: Path):
    # The control: the moments fall where something is left to do.
    database = tmp_path / "t.db"
    while not ended(calm, database, signal.SIGKILL, calm.seconds / 2):
        database.unlink()
    assert not schema_of(database)[0] or digests(database) != calm.digests


LET_GO = """
import os, signal, sys, time, weakref
from tickertrack import cli

class Lock: pass

def let_go(_):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)

def work(**_):
    lock = Lock()
    kept = weakref.ref(lock, let_go)
    del lock
    until = time.monotonic() + {seconds}
    while time.monotonic() < until:
        time.sleep(0.01)

cli.cli.main = work
{begin}
"""


@pytest.mark.parametrize(
    ("begin", "seconds", "code"),
    [("cli.main()", 60, 130), ("work()", 0.5, 0)],
    ids=["heeded", "the control"],
)
def test_a_ctrl_c_is_heeded_where_none_can_be_raised(begin: str, seconds: float, code: int):
    # As where an import's lock is let go: Python tells of it on stderr, and goes on.
    done = run([sys.executable, "-c", LET_GO.format(begin=begin, seconds=seconds)])
    assert (done.returncode, "ignored" in done.stderr) == (code, code == 0)
