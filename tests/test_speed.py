"""What keeps questions fast: late imports, answers in batches, and a measurement that is fair."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from bench import queries
from tickertrack import open_tracker
from tickertrack.store import read

DAYS = 2
# Each takes from one to five hundred milliseconds, which a question would have to wait.
HEAVY = ("dataclasses", "decimal", "json", "logging", "numpy", "pandas", "rich", "sqlite_utils")
NAMES_WHAT_IT_IMPORTED = """
import sys
from tickertrack.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("queries") / "queries.db"
    with open_tracker(path) as tracker:
        assert queries.build(tracker, DAYS) == (DAYS * 8910, DAYS * 891)
    return path


def imported_by(database: Path, *words: str) -> set[str]:
    line = [sys.executable, "-c", NAMES_WHAT_IT_IMPORTED, "--db", str(database), *words]
    done = subprocess.run(line, check=True, capture_output=True, text=True, cwd=database.parent)
    return set(done.stderr.split())


def test_a_question_imports_nothing_that_it_does_not_need(database: Path):
    imported = imported_by(database, "history", "ANL", "-f", "csv")
    assert imported & {*HEAVY, "tickertrack.models"} == set()
    # The control: others need them.
    assert imported_by(database, "doctor", "-f", "table") >= {*HEAVY[:4], "rich"}


def test_help_imports_no_question_and_no_database(database: Path):
    imported = imported_by(database, "--help")
    rooms = {"tickertrack.tracker", "tickertrack.store", "tickertrack.config"}
    assert imported & {*HEAVY, *rooms, "sqlite3", "tomllib"} == set()
    # The control: a question needs them.
    assert imported_by(database, "history", "ANL") >= {*rooms, "sqlite3", "tomllib"}


def test_the_measured_database_is_what_the_tracker_would_have_stored(database: Path):
    with open_tracker(database) as tracker:
        assert not [one for one in tracker.history("ANL")["status"] if one != "final"]
        assert len(tracker.quotes("ANL")) == DAYS * queries.SEEN
        assert set(tracker.coverage("ANL")["coverage"]) <= {"captured"}


def test_a_history_is_what_sql_by_hand_gives(database: Path):
    with open_tracker(database) as tracker, closing(sqlite3.connect(database)) as connection:
        by_hand = queries.frame_by_hand(connection)
        pd.testing.assert_frame_equal(tracker.history("ANL"), by_hand)


def test_an_export_is_what_pyarrow_writes_by_hand(database: Path, tmp_path: Path):
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    with open_tracker(database) as tracker, closing(sqlite3.connect(database)) as connection:
        assert tracker.export("prices", ours) == DAYS * 891
        queries.parquet_by_hand(connection, theirs)
    assert pq.read_table(ours) == pq.read_table(theirs)


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet", ".feather"])
@pytest.mark.parametrize("what", ["prices", "quotes", "coverage"])
def test_an_export_in_batches_is_the_export_of_the_whole(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, ending: str
):
    whole, parts = tmp_path / f"whole{ending}", tmp_path / f"parts{ending}"
    with open_tracker(database) as tracker:
        count = tracker.export(what, whole)
        monkeypatch.setattr(read, "_BATCH", count // 3)
        assert tracker.export(what, parts) == count > 0
    reader = {".parquet": pd.read_parquet, ".feather": pd.read_feather}.get(ending)
    if reader:
        pd.testing.assert_frame_equal(reader(parts), reader(whole))
    else:
        assert parts.read_bytes() == whole.read_bytes()


def test_the_measurement_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(queries, "RUNS", 1)
    queries.main(1)
    out = capsys.readouterr().out
    assert "8,910 quotes, 891 prices" in out
    assert len([line for line in out.splitlines() if line.startswith("|")]) == 8
