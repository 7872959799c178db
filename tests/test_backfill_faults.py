"""Archives that err, lie or want to be left alone, each with a control that shows the harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from daemons import cli, rows
from netarchive import CRAWLS, Handler, Library, Spoiling, endless, saying
from past import SITE, Clock, copies, fetched, kept, states

from tickertrack import backfill as rounds
from tickertrack.sources.archives import copies as copying
from tickertrack.sources.warc import Archive
from tickertrack.sources.warc.captures import MARK

FIRST = copies()[:4]


def reasons(folder: Path) -> list[str]:
    found = rows(folder, "SELECT reason FROM captures WHERE state = 'refused' ORDER BY reason")
    return [row["reason"] for row in found]


def pages(folder: Path) -> set[str]:
    return {row["url"] for row in rows(folder, "SELECT url FROM pages")}


# ---- records


def test_bad_records_cost_only_themselves(archive: Library, folder: Path):
    made = copies()[:14]
    marked = made[8].record(**{MARK.replace("-", "_"): "http"})
    lines = archive.add(CRAWLS[0], *(one.record() for one in made[:8]), marked)
    good, cut, long, other, late, beyond, gone, same, _ = lines
    cut["length"] = str(int(cut["length"]) - 20)
    long["length"] = str(int(long["length"]) + 40)
    other["url"] = f"{SITE}/news/99999/another"
    late["timestamp"] = "20240507000000"
    beyond["offset"] = "1000000"
    gone["filename"] = "crawl-data/gone.warc.gz"
    # The same content again, on another day: once is enough.
    lines += archive.add(CRAWLS[1], replace(made[7], captured_at=made[13].captured_at).record())
    report = fetched(folder, archive.collinfo)
    assert report.counts["pages"] == 2
    assert pages(folder) == {good["url"], same["url"]}
    assert reasons(folder) == ["status_404", "wrong_part", *["wrong_record"] * 5]
    assert states(folder) == {"done": 2, "refused": 7, "listed": 1}
    # Nothing of the refused is kept, each is told once, and none is asked for again.
    assert len(kept(folder)) == 2
    assert len(rows(folder, "SELECT 1 FROM quarantine")) == 7
    assert fetched(folder, archive.collinfo).counts["fetched"] == 0
    assert set(archive.records().values()) == {1}


def test_without_its_check_a_record_is_taken_for_anothers(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (line,) = archive.add(CRAWLS[0], FIRST[0].record())
    line["url"] = f"{SITE}/news/99999/another"
    monkeypatch.setattr(copying, "_check_record", lambda *_: None)
    assert fetched(folder, archive.collinfo).counts["pages"] == 1


def test_a_line_of_another_host_is_never_asked_for(archive: Library, folder: Path):
    lines = archive.add(CRAWLS[0], *(one.record() for one in FIRST[:3]))
    lines[0]["url"] = "https://www.elsewhere.example/news/50001"
    lines[1]["filename"] = f"http://elsewhere.example:{archive.port}/x.warc.gz"
    assert fetched(folder, archive.collinfo, limit=1).counts["fetched"] == 1
    assert pages(folder) == {FIRST[2].url}
    assert states(folder) == {"done": 1}


def test_a_server_that_knows_no_ranges_is_left_before_its_file_arrives(
    archive: Library, folder: Path
):
    archive.add(CRAWLS[0], *(one.record() for one in FIRST))
    archive.spoilt["/crawl-data/"] = endless
    report = fetched(folder, archive.collinfo)
    assert report.halted is not None
    assert (report.halted.reason, report.halted.temporary) == ("no_range", False)
    # What its socket takes, and no more; the rest is not asked, nor is any given up.
    assert archive.sent < 16
    assert len(archive.records()) == 1
    assert states(folder) == {"listed": 4}


def test_a_common_client_reads_on(archive: Library):
    archive.spoilt["/crawl-data/"] = endless
    headers = {"Range": "bytes=0-99"}
    url = f"{archive.url}/crawl-data/x"
    with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
        size = 0
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > 20 << 20:
                return
    pytest.fail("it ended")


# ---- replays


def test_a_replay_of_another_capture_is_refused(archive: Library, folder: Path):
    archive.add_replays(*FIRST)
    near, elsewhere, odd, _ = archive.replays
    moved = replace(FIRST[0], captured_at=FIRST[0].captured_at + timedelta(seconds=1))
    archive.spoilt[near] = lambda handler: handler.replay(moved)
    archive.spoilt[elsewhere] = lambda handler: handler.replay(replace(FIRST[1], url=SITE))
    archive.spoilt[odd] = lambda handler: handler.say(
        302, b"", Location="https://elsewhere.example"
    )
    report = fetched(folder, archive.wayback, start=date(2024, 5, 1))
    assert report.counts["pages"] == 1
    assert pages(folder) == {FIRST[3].url}
    assert reasons(folder) == ["foreign_host", "wrong_record", "wrong_record"]


def test_a_replay_that_leads_to_another_page_of_the_same_moment_is_refused(
    archive: Library, folder: Path
):
    one, other = FIRST[0], replace(FIRST[0], url=f"{SITE}/news/99999/another")
    archive.add_replays(one, FIRST[2])
    elsewhere = f"/web/{other.stamp}id_/{other.url}"
    archive.spoilt[next(iter(archive.replays))] = saying(302, Location=elsewhere)
    # It says of itself when it was captured, and not of what.
    archive.spoilt[elsewhere] = lambda handler: handler.replay(other, Link="")
    assert fetched(folder, archive.wayback, start=date(2024, 5, 1)).counts["pages"] == 1
    assert reasons(folder) == ["wrong_record"]
    assert pages(folder) == {FIRST[2].url}


def test_without_its_check_the_nearest_capture_is_taken_for_the_one_asked_for(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    archive.add_replays(FIRST[0])
    moved = replace(FIRST[1], captured_at=FIRST[1].captured_at + timedelta(days=1))
    archive.spoilt["/web/"] = lambda handler: handler.replay(moved)
    monkeypatch.setattr(copying, "_check_replay", lambda *_: None)
    assert fetched(folder, archive.wayback, start=date(2024, 5, 1)).counts["pages"] == 1


# ---- manners


TOO_MANY = saying(429, Retry_After="3600")


def test_an_index_that_has_had_enough_is_left_alone_until_its_time(archive: Library, folder: Path):
    archive.add_replays(*FIRST)
    archive.spoilt["/cdx/"] = TOO_MANY
    clock = Clock()
    report = fetched(folder, archive.wayback, clock, start=date(2024, 5, 1))
    assert report.halted is not None
    assert (report.halted.reason, report.halted.temporary) == ("status_429", True)
    assert report.halted.retry_at == clock() + timedelta(hours=1)
    asked = len(archive.log)
    archive.spoilt.clear()
    clock.advance(minutes=59)
    # Another process would do the same: it is remembered in the database.
    resting = fetched(folder, archive.wayback, clock, start=date(2024, 5, 1))
    assert resting.halted is not None
    assert resting.halted.reason == "host_resting"
    assert len(archive.log) == asked
    clock.advance(minutes=2)
    assert fetched(folder, archive.wayback, clock, start=date(2024, 5, 1)).counts["pages"] == 4


def test_one_that_forgets_asks_at_once(archive: Library, folder: Path):
    archive.spoilt["/cdx/"] = TOO_MANY
    fetched(folder, archive.wayback)
    asked = len(archive.log)
    (folder / "tickertrack.db").unlink()
    fetched(folder, archive.wayback)
    assert len(archive.log) > asked


def test_the_command_says_when_it_may_go_on_and_ends_with_75(archive: Library, folder: Path):
    archive.spoilt["/collinfo.json"] = TOO_MANY
    done = cli(folder, "backfill", "--from", archive.collinfo, "--publisher", "courier")
    assert done.returncode == 75
    assert "answered 429" in done.stderr
    assert "it may go on at 20" in done.stderr
    assert "Traceback" not in done.stderr


def test_records_that_fail_for_a_while_wait_and_are_given_up_in_the_end(
    archive: Library, folder: Path
):
    archive.add(CRAWLS[0], *(one.record() for one in FIRST))
    first = archive.lines[0]
    archive.spoilt["/crawl-data/"] = lambda handler: handler.say(503, b"")
    clock = Clock()
    report = fetched(folder, archive.collinfo, clock, limit=1)
    assert report.counts["waiting"] == 1
    archive.spoilt["/crawl-data/"] = lambda handler: (
        handler.say(503, b"")
        if f"={first['offset']}-" in (handler.headers["Range"] or "")
        else handler.part(archive.files[first["filename"]], handler.headers["Range"])
    )
    assert fetched(folder, archive.collinfo, clock).counts["pages"] == 3
    for _ in range(3):
        clock.advance(hours=3)
        fetched(folder, archive.collinfo, clock)
    assert states(folder) == {"done": 3, "refused": 1}
    assert reasons(folder) == ["status_503"]


def spoil_first(archive: Library, spoiling: Spoiling) -> None:
    """Spoil the answer to the range of the first record, and to no other."""
    first = archive.lines[0]

    def answer(handler: Handler) -> None:
        asked = handler.headers["Range"] or ""
        if f"={first['offset']}-" in asked:
            spoiling(handler)
        else:
            handler.part(archive.files[first["filename"]], asked)

    archive.spoilt["/crawl-data/"] = answer


@pytest.mark.parametrize("status", [204, 302, 400])
def test_a_status_that_is_of_one_record_costs_no_other(archive: Library, folder: Path, status: int):
    archive.add(CRAWLS[0], *(one.record() for one in FIRST))
    spoil_first(archive, saying(status))
    report = fetched(folder, archive.collinfo)
    assert report.halted is None
    assert report.counts["pages"] == 3
    assert reasons(folder) == [f"status_{status}"]


@pytest.mark.parametrize(
    ("spoiling", "reason"), [(saying(403), "status_403"), (saying(200, b"all of it"), "no_range")]
)
def test_one_that_shuts_us_out_is_left_and_the_next_call_begins_with_another_record(
    archive: Library, folder: Path, spoiling: Spoiling, reason: str
):
    archive.add(CRAWLS[0], *(one.record() for one in FIRST))
    spoil_first(archive, spoiling)
    clock = Clock()
    report = fetched(folder, archive.collinfo, clock)
    assert report.halted is not None
    assert report.halted.reason == reason
    assert len(archive.records()) == 1
    assert fetched(folder, archive.collinfo, clock).counts["pages"] == 3
    for _ in range(3):
        clock.advance(hours=3)
        fetched(folder, archive.collinfo, clock)
    assert states(folder) == {"done": 3, "refused": 1}


def test_an_archive_that_has_nothing_of_what_it_lists_is_left_before_all_is_given_up(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rounds, "_MOST_REFUSED", 3)
    archive.add(CRAWLS[0], *(one.record() for one in copies()[:10]))
    archive.spoilt["/crawl-data/"] = saying(404)
    report = fetched(folder, archive.collinfo)
    assert report.halted is not None
    assert states(folder) == {"refused": 3, "listed": 7}
    archive.spoilt.clear()
    assert fetched(folder, archive.collinfo).counts["pages"] == 7


# ---- two publishers of one archive


GAZETTE = "gazette.example"


@pytest.fixture
def unstored(archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a tracker of two publishers, ended when the first record of one was on the disk."""
    ours = SITE.removeprefix("https://www.")
    told = (folder / "publishers" / "courier.toml").read_text()
    other = told.replace('"courier"', '"gazette"').replace(ours, GAZETTE)
    (folder / "publishers" / "gazette.toml").write_text(other)
    theirs = [replace(one, url=one.url.replace(ours, GAZETTE)) for one in FIRST[:2]]
    archive.add(CRAWLS[0], *(one.record() for one in (*FIRST, *theirs)))
    with monkeypatch.context() as dying:
        dying.setattr(rounds, "_take", die)
        with pytest.raises(Death):
            fetched(folder, archive.collinfo, limit=1)
    assert len(kept(folder)) == 1
    assert pages(folder) == set()
    return folder


class Death(BaseException):
    """What nothing in a round catches."""


def die(*_: object) -> bool:
    raise Death


def test_a_record_that_was_not_stored_is_found_behind_anothers_round(
    archive: Library, unstored: Path
):
    assert fetched(unstored, archive.collinfo, publisher="gazette").counts["pages"] == 2
    assert fetched(unstored, archive.collinfo).counts["pages"] == 4
    assert set(archive.records().values()) == {1}


def test_in_a_file_that_publishers_share_it_is_passed_over(
    archive: Library, unstored: Path, monkeypatch: pytest.MonkeyPatch
):
    (file,) = (unstored / "archive").glob("backfill-*.warc.gz")
    file.rename(file.with_name(f"backfill-shared-{file.name[-18:]}"))
    monkeypatch.setattr(rounds, "Archive", lambda *told: Archive(*told[:2], "backfill-shared"))
    fetched(unstored, archive.collinfo, publisher="gazette")
    fetched(unstored, archive.collinfo)
    assert max(archive.records().values()) == 2
