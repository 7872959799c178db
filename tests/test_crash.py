"""kill -9 at any moment of an ingest: nothing acknowledged is lost, nothing stands there twice."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import Digests, command, digests, faults, made_pages, own_process, write_pages

import tickertrack as tt
from tickertrack.store.connect import open_writing

PAGES, BATCH = 100, 3
# Of five kills: one while the database is made, three between pages, one while dating.
STAGES = ("opening", "storing", "storing", "storing", "dating")
OPENING, STORING, DATING = 0.06, 0.03, 0.9
STORED = "stored https://"

Rows = dict[str, set[tuple[object, ...]]]


@dataclass(frozen=True)
class Calm:
    """An undisturbed run, to hold the others against."""

    source: Path
    empty: Path
    acknowledged: int
    digests: Digests
    rows: Rows


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    source = write_pages(folder / "pages.jsonl", made_pages(PAGES))
    empty, database = folder / "empty.db", folder / "x.db"
    open_writing(empty).close()
    with started(ingest_of(source, database)) as running:
        lines = running.stderr.readlines()
    stored = [line for line in lines if line.startswith(STORED)]
    assert running.returncode == 0
    assert len(stored) > PAGES
    return Calm(source, empty, len(stored), digests(database), rows_of(database))


def ingest_of(source: Path, database: Path) -> list[str]:
    return command("-vv", "--db", database, "ingest", source, batch=BATCH)


def started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def killed(
    calm: Calm, database: Path, stage: str, rng: random.Random, words: Sequence[str] = ()
) -> list[str]:
    """Start an ingest, kill it in one of its stages; give the addresses that it acknowledged."""
    awaited = {"opening": 0, "storing": rng.randint(1, calm.acknowledged)}
    seen: list[str] = []
    if stage != "opening":
        # Made before, for speed: the tables' own import takes as long as all the rest.
        shutil.copy(calm.empty, database)
    with started([*words] or ingest_of(calm.source, database)) as running:
        if stage == "opening":
            while not database.exists() and running.poll() is None:
                time.sleep(0.001)
        while len(seen) < awaited.get(stage, calm.acknowledged):
            if not (line := running.stderr.readline()):
                break
            seen += acknowledged([line])
        latest = {"opening": OPENING, "storing": STORING, "dating": DATING}[stage]
        time.sleep(rng.uniform(0, latest))
        running.kill()
        seen += acknowledged(running.stderr.readlines())
    assert running.returncode in {-signal.SIGKILL, 0}
    return seen


def acknowledged(lines: list[str]) -> list[str]:
    """Pick the addresses out of log lines that were written to their ends."""
    ends = (line for line in lines if line.startswith(STORED) and line.endswith("\n"))
    return [line.split()[1] for line in ends]


def rows_of(database: Path) -> Rows:
    """Read the facts that no later page may change, each page's with what it holds."""
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            return {}
        return {table: set(connection.execute(sql)) for table, sql in HELD.items()}


_PAGE = "id, url, captured_at, capture_basis, page_date, published_at, article_id, strip_id, sha256"
HELD = {
    "pages": f"SELECT {_PAGE} FROM pages",
    "strips": "SELECT * FROM strips",
    "quotes": "SELECT * FROM quotes",
    "quarantine": "SELECT page_id, line, reason, raw FROM quarantine",
}


def losses(database: Path, seen: list[str]) -> list[str]:
    """Name what was acknowledged and is not there, and what is there twice."""
    with closing(sqlite3.connect(database)) as connection:
        stored = {row[0] for row in connection.execute("SELECT url FROM pages")}
        twice = connection.execute(
            "SELECT url FROM pages GROUP BY url, captured_at, page_date, published_at, sha256"
            " HAVING count(*) > 1"
        )
        return sorted(set(seen) - stored) + [row[0] for row in twice]


def torn(rows: Rows, calm: Calm) -> Iterator[object]:
    """Give what is not whole: a page lacks a line that it was refused, or has one too many."""
    for table, found in rows.items():
        yield from found - calm.rows[table]
    pages = {row[0] for row in rows.get("pages", ())}
    expected = {row for row in calm.rows["quarantine"] if row[0] in pages}
    yield from expected - rows.get("quarantine", set())


def survive(calm: Calm, folder: Path, rounds: int) -> int:
    """Kill so many ingests, and finish each; give the number of pages acknowledged in all."""
    total = 0
    for number in range(rounds):
        rng = random.Random(number)  # noqa: S311
        database = folder / f"{number}.db"
        seen = killed(calm, database, STAGES[number % len(STAGES)], rng)
        total += len(seen)
        rows = rows_of(database)
        if rows:
            assert losses(database, seen) == []
            assert faults(database) == []
            assert list(torn(rows, calm)) == []
        assert bool(rows) or not seen
        with tt.open(database) as tracker:
            tracker.ingest(calm.source)
        assert digests(database) == calm.digests
        assert faults(database) == []
        for left in folder.glob(f"{number}.db*"):
            left.unlink()
    return total


@pytest.mark.parametrize(
    "rounds", [5, pytest.param(1_000, marks=pytest.mark.slow)], ids="{} kills".format
)
def test_kills_lose_nothing_acknowledged(calm: Calm, tmp_path: Path, rounds: int) -> None:
    assert survive(calm, tmp_path, rounds) > rounds * PAGES // 10


def test_an_ingest_that_acknowledges_before_it_commits_is_found_out(
    calm: Calm, tmp_path: Path
) -> None:
    database = tmp_path / "x.db"
    words = own_process("ingest_boasting", "-vv", "--db", database, "ingest", calm.source)
    seen = killed(calm, database, "storing", random.Random(1), words)  # noqa: S311
    assert losses(database, seen) != []
