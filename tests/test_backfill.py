"""The past out of archives on the net: what is listed, picked, fetched, kept and stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from daemons import cli, rows
from netarchive import Library, library
from past import KARACHI, Clock, IdleShift, copies, fetched, kept, opened, states, tracker_folder
from support import digests, faults

import tickertrack as tt
from tickertrack.audit import verify_pages
from tickertrack.backfill import Order, backfill_by_settings, plan
from tickertrack.config import load_config
from tickertrack.schedule import load_job


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with library(tmp_path_factory.mktemp("archive")) as served:
        yield served


@pytest.fixture(scope="module")
def crawled(archive: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three captures of each session, out of two crawls."""
    folder = tracker_folder(tmp_path_factory.mktemp("own"), archive.port)
    report = fetched(folder, archive.collinfo, per_session=3)
    assert report.faults == []
    assert report.halted is None
    return folder


def test_a_few_captures_of_each_session_are_fetched_once(archive: Library, crawled: Path):
    seen = {row["captured_at"] for row in rows(crawled, "SELECT captured_at FROM pages")}
    by_session: Counter[date] = Counter()
    for stamp in seen:
        moment = datetime.fromisoformat(stamp).astimezone(KARACHI)
        # Before the open it is the session of the day before.
        by_session[moment.date() if moment.hour >= 9 else date.min] += 1
    sessions = [count for session, count in by_session.items() if session != date.min]
    assert sessions == [3] * 5
    assert set(archive.records().values()) == {1}
    assert len(archive.records()) == len(seen) == 16
    assert states(crawled) == {"done": 16, "listed": len(copies()) - 16}


def test_what_was_fetched_is_dated_by_the_time_of_its_capture(crawled: Path):
    pages = rows(crawled, "SELECT * FROM pages")
    assert {page["capture_basis"] for page in pages} == {"warc"}
    assert {Path(page["file"]).name[:9] for page in pages} == {"backfill-"}
    known = {one.captured_at.isoformat(): one.url for one in copies()}
    assert all(known[page["captured_at"]] == page["url"] for page in pages)
    with opened(crawled) as tracker:
        assert len(tracker.history_rows(["KSE100"])) >= 5
        assert verify_pages(tracker)[1] == []


def test_the_records_are_kept_as_they_came(archive: Library, crawled: Path):
    (file,) = (crawled / "archive").glob("backfill-*.warc.gz")
    content = file.read_bytes()
    theirs = b"".join(archive.files.values())
    for page in rows(crawled, "SELECT offset, length FROM pages"):
        assert content[page["offset"] : page["offset"] + page["length"]] in theirs


def test_the_archive_alone_gives_the_same_tables(crawled: Path, tmp_path: Path):
    config = load_config(crawled / "config.toml", {})
    with tt.Tracker(config.with_database(tmp_path / "again.db")) as again:
        again.ingest(crawled / "archive")
    assert digests(tmp_path / "again.db") == digests(crawled / "tickertrack.db")


def test_an_article_without_a_strip_is_news_too_and_comes_back_from_the_archive(tmp_path: Path):
    body = b"<!doctype html><html><body><h1>Lemons</h1><p>Counted twice.</p></body></html>"
    bare = replace(copies()[0], body=body)
    with library(tmp_path / "archive", [bare]) as served:
        folder = tracker_folder(tmp_path / "own", served.port)
        assert fetched(folder, served.collinfo).counts["articles"] == 1
    config = load_config(folder / "config.toml", {})
    with tt.Tracker(config.with_database(tmp_path / "again.db")) as again:
        assert again.ingest(folder / "archive").articles == 1
    assert digests(tmp_path / "again.db") == digests(folder / "tickertrack.db")


def test_a_second_call_asks_for_nothing_again_and_more_a_session_for_the_rest(
    archive: Library, crawled: Path
):
    before = len(archive.log)
    assert fetched(crawled, archive.collinfo, per_session=3).counts["fetched"] == 0
    assert [one.path for one in archive.log[before:]] == ["/collinfo.json"]
    assert fetched(crawled, archive.collinfo, per_session=4).counts["fetched"] == 5
    assert set(archive.records().values()) == {1}
    assert faults(crawled / "tickertrack.db") == []


def test_a_dry_run_says_what_there_is_and_fetches_no_record(archive: Library, tmp_path: Path):
    folder = tracker_folder(tmp_path / "own", archive.port)
    before = archive.records()
    words = ("--from", archive.collinfo, "--publisher", "courier", "--per-session", "2")
    days = ("-s", "2024-05-07", "-e", "2024-05-08")
    done = cli(folder, "backfill", *words, *days, "--dry-run", "-f", "json")
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = json.loads(done.stdout)
    # The first capture of the first day shows the session before.
    assert found["listed"] == 10
    assert found["captures"] == 5
    assert found["sessions"] == 3
    lengths = sorted(int(one["length"]) for one in archive.lines)
    assert 5 * lengths[0] <= found["bytes"] <= 5 * lengths[-1]
    assert archive.records() == before
    assert not (folder / "archive").exists()


def test_a_limit_ends_a_call_and_the_next_one_goes_on(archive: Library, tmp_path: Path):
    folder = tracker_folder(tmp_path / "own", archive.port)
    days = {"start": date(2024, 5, 7), "end": date(2024, 5, 7)}
    assert [
        fetched(folder, archive.collinfo, limit=3, **days).counts["fetched"] for _ in "abc"
    ] == [3, 2, 0]
    assert len(kept(folder)) == 5
    with opened(folder) as tracker:
        order = Order(archive.collinfo, "courier", **days)
        found = plan(IdleShift(tracker, Clock()), order)
    assert (found.captures, found.done) == (0, 5)


def test_a_wayback_machine_is_asked_slowly_and_replayed_raw(tmp_path: Path):
    clock, seen = Clock(), []
    with library(tmp_path / "archive") as served:
        served.watch = lambda: seen.append(clock())
        folder = tracker_folder(tmp_path / "own", served.port)
        report = fetched(folder, served.wayback, clock, start=date(2024, 5, 8))
        asked = served.asked("/cdx/search/cdx")
        replays = served.records()
    assert report.faults == []
    # Months of the year, those that matter, and its resumed answers.
    assert [one.query["from"][0][:6] for one in asked if "resumeKey" not in one.query] == [
        f"2024{month:02}" for month in (5, 6)
    ]
    assert any("resumeKey" in one.query for one in asked)
    assert all((later - before).total_seconds() >= 2.5 for before, later in pairwise(seen))
    assert len(replays) == report.counts["pages"] == 15
    assert set(replays.values()) == {1}
    with opened(folder) as tracker:
        assert verify_pages(tracker)[1] == []
    found = rows(folder, "SELECT DISTINCT capture_basis AS basis FROM pages")
    assert [row["basis"] for row in found] == ["warc"]


def test_the_job_is_off_and_does_a_little_of_each_publisher(archive: Library, tmp_path: Path):
    job = load_job(Path(__file__).parents[1] / "jobs" / "backfill.py")
    assert (job.enabled, job.run) == (False, backfill_by_settings)
    folder = tracker_folder(tmp_path / "own", archive.port)
    with (folder / "config.toml").open("a") as file:
        file.write(f'[backfill]\nsource = "{archive.collinfo}"\nstart = "2024-05-06"\nlimit = 2\n')
    with opened(folder) as tracker:
        outcome = job.run(IdleShift(tracker, Clock()))
    assert (outcome.status, outcome.counts["pages"]) == ("ok", 2)


def test_what_cannot_be_meant_ends_with_2(tmp_path: Path):
    folder = tracker_folder(tmp_path, 1)
    done = cli(folder, "backfill", "--from", "nowhere", "--publisher", "courier")
    assert done.returncode == 2
    assert done.stderr.startswith("tickertrack: no archive 'nowhere'; cc, wayback, or")
