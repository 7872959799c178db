"""What comes fast is stored together, told of once, and safe before anybody is told so."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from support import made_pages, write_pages

import tickertrack as tt
from tickertrack import crew, ingest, workers
from tickertrack.errors import StoreError
from tickertrack.ingest import Reading, Sources, gathered, read_sources, reading_of
from tickertrack.models import Page
from tickertrack.reading import Batch
from tickertrack.store.facts import Facts, facts_of
from tickertrack.workers import Lines, LostWorkerError, begin

PAGES = 30


@pytest.fixture
def batches(tmp_path: Path) -> list[Facts]:
    """Read made-up pages, ten to a batch."""
    sources = Sources((write_pages(tmp_path / "pages.jsonl", made_pages(PAGES)),))
    with tt.open(tmp_path / "unused.db") as tracker:
        pages = [one for one in read_sources(sources, tracker.desk()) if isinstance(one, Page)]
    told: set[int] = set()
    return [facts_of(pages[start : start + 10], told) for start in range(0, len(pages), 10)]


def seen(path: Path) -> int:
    """Count the pages that another connection sees."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM pages").fetchone()[0])


@pytest.mark.parametrize("seconds", [60.0, 0.0])
def test_batches_wait_for_the_next_until_none_comes(
    tmp_path: Path, batches: list[Facts], seconds: float
):
    path = tmp_path / "t.db"
    with tt.open(path) as tracker, tracker.intake(seconds) as intake:
        for facts in batches[:2]:
            intake.store(facts)
            assert (seen(path) == 0) == (seconds > 0)
        intake.store(Facts([], {}))
        stored = seen(path)
        assert stored > 10
        intake.store(batches[2])
    # The end of the block commits the last.
    assert seen(path) > stored


def test_who_interrupts_keeps_what_waits(tmp_path: Path, batches: list[Facts]):
    path = tmp_path / "t.db"
    with tt.open(path) as tracker, suppress(KeyboardInterrupt), tracker.intake(60) as intake:
        intake.store(batches[0])
        raise KeyboardInterrupt
    assert seen(path) > 0


def store(tracker: tt.Tracker, seconds: float, batches: Iterable[Facts]) -> None:
    with tracker.intake(seconds) as intake:
        for facts in batches:
            intake.store(facts)


@pytest.mark.parametrize("seconds", [60.0, 0.0])
def test_a_batch_that_cannot_be_stored_undoes_what_waits_and_no_more(
    tmp_path: Path, batches: list[Facts], caplog: pytest.LogCaptureFixture, seconds: float
):
    caplog.set_level("DEBUG", "tickertrack")
    path, torn = tmp_path / "t.db", Facts(batches[1].pages, {})
    with tt.open(path) as tracker:
        with pytest.raises(StoreError, match="FOREIGN KEY"):
            store(tracker, seconds, [batches[0], torn])
        kept = seconds == 0
        assert (seen(path) > 0, "stored" in caplog.text) == (kept, kept)
        # The same connection goes on.
        store(tracker, 0, batches)
    assert seen(path) > PAGES // 2


# --- from several readers ------------------------------------------------------------------------


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Lay out the same strips in four files, for two to read."""
    monkeypatch.setattr(ingest, "_SMALL", 0)
    pages = made_pages(PAGES)
    files = [
        write_pages(tmp_path / f"{number}.jsonl", pages[number:] + pages[:number])
        for number in range(4)
    ]
    with tt.open(tmp_path / "unused.db") as tracker:
        return reading_of(Sources(tuple(files), workers=2), tracker.desk(), pages=7)


def strips_told(batches: Iterable[Batch]) -> list[int]:
    """List the strips that come with batches; each is there before a page shows it."""
    told: list[int] = []
    for batch in batches:
        told += batch.facts.strips
        assert {page.strip_id for page in batch.facts.pages} <= {None, *told}
    return told


def test_a_strip_comes_once_whoever_reads_it(reading: Reading, monkeypatch: pytest.MonkeyPatch):
    told = strips_told(reading.batches())
    assert len(told) == len(set(told)) > 5
    # The control: two who read the same strip both tell of it.
    monkeypatch.setattr(crew.Strips, "joined", lambda _, batch: batch)
    monkeypatch.setattr(crew.Strips, "apart", lambda _, batch: batch)
    assert len(strips_told(reading.batches())) > len(told)


def test_a_strip_goes_with_the_first_page_that_is_handed_on(batches: list[Facts]):
    strips = crew.Strips()
    early, late = (strips.apart(Batch(facts)) for facts in batches[:2])
    # What was read first is held back: what it told of is needed by another.
    shared = early.facts.pages[0].strip_id
    other = Batch(Facts([*late.facts.pages, early.facts.pages[0]], {}))
    assert shared in strips.joined(other).facts.strips
    assert shared not in strips.joined(early).facts.strips


def test_readers_say_when_nothing_comes(reading: Reading, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(crew, "_PAUSE", 0)
    pauses = [batch for batch in gathered(reading.batches(), 1_000) if batch == Batch()]
    assert pauses
    assert reading.patience > 0


def test_where_nobody_would_say_so_nothing_waits(tmp_path: Path):
    with tt.open(tmp_path / "unused.db") as tracker:
        assert reading_of(Sources((), workers=1), tracker.desk()).patience == 0


# --- while the writer stores ---------------------------------------------------------------------


def test_a_worker_is_heard_though_nobody_asks_yet():
    worker = begin("warcs", "talk", None)
    with Lines() as lines:
        # The control: it waits, until somebody hears it.
        with pytest.raises(subprocess.TimeoutExpired):
            worker.process.wait(0.2)
        lines.add(worker)
        assert worker.process.wait(60) == 0
        heard = [lines.next(60) for _ in range(4)]
        assert [said[0] for _, said in filter(None, heard)] == [0, 1, 2, 3]
        with pytest.raises(LostWorkerError):
            lines.next(60)
        assert lines.next(0) is None
    worker.end()


def test_lines_are_closed_though_nobody_asks_any_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "_AHEAD", 1)
    others = threading.active_count()
    talking = [begin("warcs", "talk", None) for _ in range(2)]
    with Lines() as lines:
        for worker in talking:
            lines.add(worker)
        assert lines.next(60) is not None
        for worker in talking:
            worker.process.kill()
    for worker in talking:
        worker.end()
    assert threading.active_count() == others


def test_a_strip_that_was_told_once_is_there_for_a_later_page(tmp_path: Path, batches: list[Facts]):
    first, other = batches[0].pages[:2]
    strip = first.row.strip_id
    # The copy reads otherwise by now, so that nobody shows its strip; then another page does.
    renewed = first._replace(row=first.row._replace(strip_id=None))
    later = other._replace(row=other.row._replace(strip_id=strip))
    told = [
        Facts([first], {strip: batches[0].strips[strip]}),
        Facts([renewed], {}),
        Facts([later], {}),
    ]
    with tt.open(tmp_path / "t.db") as tracker, tracker.intake() as intake:
        for facts in told:
            intake.store(facts)
    with tt.open(tmp_path / "by-itself.db") as tracker, tracker.intake() as intake:
        intake.store(Facts([renewed, later], told[0].strips))
    assert tables(tmp_path / "t.db") == tables(tmp_path / "by-itself.db")
    # The control: who keeps nothing from batch to batch is refused by the database.
    with tt.open(tmp_path / "u.db") as tracker, pytest.raises(tt.StoreError):
        each_by_itself(tracker, told)


def each_by_itself(tracker: tt.Tracker, batches: list[Facts]) -> None:
    for facts in batches:
        with tracker.intake() as intake:
            intake.store(facts)


def tables(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        asked = ("SELECT id, strip_id FROM pages ORDER BY id", "SELECT * FROM strips",
                 "SELECT * FROM quotes ORDER BY line")  # fmt: skip
        return [connection.execute(one).fetchall() for one in asked]


def letters_of_batches(path: Path) -> list[int]:
    """Read made-up pages, joined to batches of thirty; count the letters of each batch."""
    sources = Sources((write_pages(path / "pages.jsonl", made_pages(PAGES)),))
    with tt.open(path / "unused.db") as tracker:
        read = reading_of(sources, tracker.desk(), PAGES).batches()
        return [batch.letters for batch in gathered(read, PAGES) if batch.facts.pages]


def test_long_pages_make_a_batch_before_they_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for room in ("reading", "ingest"):
        monkeypatch.setattr(f"tickertrack.{room}.LETTERS", 500)
    assert max(letters_of_batches(tmp_path)) < 1_000


def test_short_pages_make_a_batch_when_they_are_many(tmp_path: Path):
    # The control.
    assert max(letters_of_batches(tmp_path)) > 2_000
