"""Archives that err, lie or want to be left alone, each with a control that shows the harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from daemons import cli, rows
from past import (
    CRAWLS,
    SITE,
    Clock,
    Handler,
    Library,
    copies,
    fetched,
    kept,
    library,
    states,
    tracker_folder,
)

from tickertrack.sources.archives import copies as copying
from tickertrack.sources.warc.captures import MARK

MEGABYTE = 1024 * 1024
FIRST = copies()[:4]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Library]:
    with library(tmp_path / "archive", ()) as served:
        yield served


@pytest.fixture
def folder(archive: Library, tmp_path: Path) -> Path:
    return tracker_folder(tmp_path / "own", archive.port)


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


def endless(handler: Handler) -> None:
    """Send a whole file of a gigabyte, whatever part of it was asked for."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1024 * MEGABYTE))
    handler.end_headers()
    for sent in range(1024):
        handler.wfile.write(bytes(MEGABYTE))
        handler.library.sent = sent + 1


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
            if size > 20 * MEGABYTE:
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


def test_without_its_check_the_nearest_capture_is_taken_for_the_one_asked_for(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    archive.add_replays(FIRST[0])
    moved = replace(FIRST[1], captured_at=FIRST[1].captured_at + timedelta(days=1))
    archive.spoilt["/web/"] = lambda handler: handler.replay(moved)
    monkeypatch.setattr(copying, "_check_replay", lambda *_: None)
    assert fetched(folder, archive.wayback, start=date(2024, 5, 1)).counts["pages"] == 1


# ---- manners


def too_many(handler: Handler) -> None:
    handler.say(429, b"", Retry_After="3600")


def test_an_index_that_has_had_enough_is_left_alone_until_its_time(archive: Library, folder: Path):
    archive.add_replays(*FIRST)
    archive.spoilt["/cdx/"] = too_many
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
    archive.spoilt["/cdx/"] = too_many
    fetched(folder, archive.wayback)
    asked = len(archive.log)
    (folder / "tickertrack.db").unlink()
    fetched(folder, archive.wayback)
    assert len(archive.log) > asked


def test_the_command_says_when_it_may_go_on_and_ends_with_75(archive: Library, folder: Path):
    archive.spoilt["/collinfo.json"] = too_many
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


# ---- indexes


def garbage(handler: Handler) -> None:
    line = json.dumps(handler.library.lines[0]).encode()
    handler.say(200, b"\n".join([b"\xff\xfe{", b"[" * 5000, line, b"{}", b'"x"', b"x" * 9000]))


def test_garbage_in_an_index_costs_only_its_lines(archive: Library, folder: Path):
    archive.add_replays(FIRST[0])
    archive.add(CRAWLS[0], FIRST[0].record())
    index = f"{archive.url}/past/cdx"
    archive.spoilt["/past/cdx"] = garbage
    archive.spoilt["/past/2"] = lambda handler: handler.replay(FIRST[0])
    assert fetched(folder, index, start=date(2024, 5, 1)).counts["pages"] == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda handler: handler.say(200, b"<html>busy</html>"), "not_an_index"),
        (lambda handler: handler.say(404, b""), "status_404"),
        (lambda handler: handler.say(403, b""), "status_403"),
        (endless, "too_large"),
    ],
    ids=["no JSON", "not there", "not for us", "endless"],
)
def test_a_list_of_crawls_that_is_none_ends_the_round(
    archive: Library, folder: Path, answer: object, reason: str
):
    archive.spoilt["/collinfo.json"] = answer  # type: ignore[assignment]
    report = fetched(folder, archive.collinfo)
    assert report.halted is not None
    assert (report.halted.reason, report.halted.temporary) == (reason, False)


def test_an_answer_that_leads_on_for_ever_is_left(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    from tickertrack.store import captures  # noqa: PLC0415

    monkeypatch.setattr(captures, "_MOST_ANSWERS", 20)
    copy = FIRST[0]
    line = f"example) {copy.stamp} {copy.url} text/html 200 {copy.digest} 100"
    archive.add_replays(copy)
    archive.spoilt["/cdx/"] = lambda handler: handler.say(
        200, f"{line}\n\nkey-{len(archive.log)}\n".encode()
    )
    report = fetched(folder, archive.wayback, start=date(2024, 5, 6), end=date(2024, 5, 6))
    assert report.counts["index answers"] == 20
    assert report.counts["pages"] == 1


# Addresses of which a key must be decoded as often as it was encoded.
CODED = [
    replace(copy, url=f"{copy.url}/{end}", captured_at=copy.captured_at + timedelta(seconds=second))
    for copy in copies()[:6]
    for second, end in enumerate(("one", "50%25+of%20it", "a+b", "%2520"))
]


@pytest.mark.parametrize("twice", [True, False])
def test_a_wayback_machine_tells_all_however_it_decodes_its_keys(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, *, twice: bool
):
    from tickertrack.sources.archives import index  # noqa: PLC0415

    monkeypatch.setattr(index, "_LINES", 5)
    archive.decodes_twice, archive.page_lines = twice, 5
    # What stands before the domain in the index, where a key that is not understood leads.
    archive.add_replays(*CODED, replace(CODED[0], url="https://a.example/news/41000001"))
    order = {"start": date(2024, 5, 6), "end": date(2024, 5, 10)}
    report = fetched(folder, archive.wayback, limit=1, **order)
    assert report.faults == []
    listed = {(row["url"], row["captured_at"]) for row in rows(folder, "SELECT * FROM captures")}
    assert listed == {(one.url, one.captured_at.isoformat(timespec="seconds")) for one in CODED}
    # Where a key was not understood, and only there, all is told by shorter and shorter stretches.
    asked = archive.asked("/cdx/")
    assert any("showResumeKey" not in one.query for one in asked) == (not twice)
    assert len(asked) < (20 if twice else 200)


def test_a_full_answer_is_asked_for_again_in_shorter_stretches(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    from tickertrack.sources.archives import index  # noqa: PLC0415

    monkeypatch.setattr(index, "_LINES", 3)
    made = {f"/past/{one.stamp}id_/{one.url}": one for one in copies()}

    def listing(handler: Handler) -> None:
        query = archive.log[-1].query
        since, until = query["from"][0], query["to"][0]
        found = [line for line in lines if since <= line["timestamp"] <= until]
        part = found[: int(query["limit"][0])]
        handler.say(200, "".join(f"{json.dumps(one)}\n" for one in part).encode())

    def replay(handler: Handler) -> None:
        handler.replay(made[handler.path])

    lines = archive.add(CRAWLS[0], *(one.record() for one in copies()))
    archive.spoilt |= {"/past/cdx": listing, "/past/2": replay}
    order = {"start": date(2024, 5, 6), "end": date(2024, 5, 10)}
    report = fetched(folder, f"{archive.url}/past/cdx", limit=1, **order)
    assert report.faults == []
    assert len(rows(folder, "SELECT 1 FROM captures")) == len(copies())
