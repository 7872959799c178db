"""Backups that were proved, checks that find, and a history that does not grow for ever."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import digests, made_pages, write_pages

from tickertrack import Tracker, open_tracker
from tickertrack.errors import StoreError
from tickertrack.models import Outcome
from tickertrack.shift import Shift
from tickertrack.store.runs import RunBook, Times
from tickertrack.upkeep import backup, check, resolve

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    (tmp_path / "config.toml").write_text("[backup]\nkeep = 3\n")
    with open_tracker(config=tmp_path / "config.toml") as opened:
        opened.ingest(write_pages(tmp_path / "pages.jsonl", made_pages(42)))
        yield opened


def backups(tracker: Tracker) -> list[Path]:
    return sorted(tracker.config.backup_path.glob("*.db"))


def test_a_backup_is_a_database_that_answers_alike(tracker: Tracker):
    outcome = backup(Shift(tracker, lambda: NOW))
    assert outcome.status == "ok"
    (copy,) = backups(tracker)
    assert copy.name == "tickertrack-20240506T120000Z.db"
    assert digests(copy) == digests(tracker.path)
    with open_tracker(copy) as restored:
        assert restored.history_rows(["ANL"]) == tracker.history_rows(["ANL"]) != []


def test_as_many_as_the_settings_say_are_kept(tracker: Tracker):
    foreign = tracker.config.backup_path / "tickertrack-mine.db"
    foreign.parent.mkdir()
    foreign.touch()
    for day in range(5):
        backup(Shift(tracker, lambda day=day: NOW + timedelta(days=day)))
    names = [path.name[12:20] for path in backups(tracker) if path != foreign]
    assert names == ["20240508", "20240509", "20240510"]
    assert foreign.exists()


def test_a_damaged_database_gives_no_backup(tracker: Tracker):
    tracker.writer().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with tracker.path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(8192))
    with pytest.raises(StoreError):
        backup(Shift(tracker, lambda: NOW))
    assert backups(tracker) == []


@contextmanager
def busy(path: Path) -> Iterator[None]:
    """Write to a database all the while, and have it copy its log back as it does."""
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 10")
            rows = ((str(number), "x" * 3000, "2024-05-06") for number in range(3000))
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO alerts VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
            # All over the file, and back into it at once: what is read meanwhile is of two times.
            while not stop.is_set():
                connection.execute("DELETE FROM alerts WHERE abs(random()) % 30 = 0")
                connection.execute(
                    "INSERT OR IGNORE INTO alerts SELECT 'n' || abs(random()), subject, since"
                    " FROM alerts ORDER BY random() LIMIT 100"
                )

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as copy:
            return copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError:
        return False


def test_backups_of_a_busy_database_are_whole(tracker: Tracker):
    with busy(tracker.path):
        for minute in range(3):
            backup(Shift(tracker, lambda minute=minute: NOW + timedelta(minutes=minute)))
    assert [is_whole(path) for path in backups(tracker)] == [True] * 3


def test_a_copy_of_its_file_is_not(tracker: Tracker, tmp_path: Path):
    # The control: what `cp` makes of a live database that is written to half way through.
    rows = [(str(number), "x" * 3000, "2024-05-06") for number in range(3000)]
    writer = tracker.writer()
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO alerts VALUES (?, ?, ?)", rows)
    writer.execute("COMMIT")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    half = tracker.path.stat().st_size // 2
    with tracker.path.open("rb") as file, (tmp_path / "copy.db").open("wb") as copy:
        copy.write(file.read(half))
        writer.execute("DELETE FROM alerts WHERE abs(random()) % 3 = 0")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy.write(file.read())
    assert not is_whole(tmp_path / "copy.db")
    assert is_whole(tracker.path)


def test_check_is_content_with_a_sound_database(tracker: Tracker):
    outcome = check(Shift(tracker, lambda: NOW))
    assert outcome.status == "ok"
    assert outcome.counts["pages read again"] >= 42


def test_check_finds_a_page_that_no_longer_says_the_same(tracker: Tracker, tmp_path: Path):
    pages = tmp_path / "pages.jsonl"
    pages.write_text(pages.read_text().replace("33.", "34."))
    outcome = check(Shift(tracker, lambda: NOW))
    assert outcome.status == "partial"
    assert any("the page's text has changed" in fault for fault in outcome.faults)


def test_check_forgets_old_runs_but_the_last_success(tracker: Tracker):
    book = RunBook(tracker.writer(), tracker.path)
    for days in (200, 150, 100, 1):
        at = NOW - timedelta(days=days)
        run = book.begin("collect", "schedule", Times(at, at))
        book.end(run, Outcome(ended="error" if days < 150 else "ok"), at)
    assert check(Shift(tracker, lambda: NOW)).counts["runs forgotten"] == 2
    kept = tracker.writer().execute("SELECT status FROM runs ORDER BY id").fetchall()
    assert [row[0] for row in kept] == ["ok", "error"]


def test_resolve_tells_what_it_dated(tracker: Tracker):
    counts = resolve(Shift(tracker, lambda: NOW)).counts
    assert counts["boards"] > counts["undated"]
