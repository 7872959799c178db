"""Indexes of archives that err, lie, break off or change, and what is listed all the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from daemons import cli, rows
from netarchive import CRAWLS, Handler, Library, endless, saying
from past import Clock, IdleShift, copies, fetched, opened, planned

from tickertrack import backfill as rounds
from tickertrack.backfill import Order, plan
from tickertrack.publishers import load_publisher
from tickertrack.sources.archives import index

FIRST = copies()[:4]


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
    monkeypatch.setattr(index, "_LINES", 5)
    archive.decodes_twice, archive.page_lines = twice, 5
    # What stands before the domain in the index, where a key that is not understood leads.
    archive.add_replays(*CODED, replace(CODED[0], url="https://a.example/news/41000001"))
    order = {"start": date(2024, 5, 6), "end": date(2024, 5, 10)}
    assert planned(folder, archive.wayback, **order).unanswered == 0
    listed = {(row["url"], row["captured_at"]) for row in rows(folder, "SELECT * FROM captures")}
    assert listed == {(one.url, one.captured_at.isoformat(timespec="seconds")) for one in CODED}
    # Where a key was not understood, and only there, all is told by shorter and shorter stretches.
    asked = archive.asked("/cdx/")
    assert any("showResumeKey" not in one.query for one in asked) == (not twice)
    assert len(asked) < (20 if twice else 200)


def test_a_full_answer_is_asked_for_again_in_shorter_stretches(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
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
    found = planned(folder, f"{archive.url}/past/cdx", **order)
    assert (found.unanswered, found.captures) == (0, len(copies()))


# What servers that cannot answer send with status 200.
APOLOGIES = {
    f"/{CRAWLS[0]}-index": b"<html><body>busy</body></html>\n",
    "/cdx/": b"org.archive.util.io.RuntimeIOException: no such luck\n",
    "/past/cdx": b'{"message": "Please slow down"}\n',
}
MAY = {"start": date(2024, 5, 6), "end": date(2024, 5, 10)}


@pytest.mark.parametrize("index", APOLOGIES)
def test_an_apology_is_no_answer_and_its_question_is_asked_again(
    archive: Library, folder: Path, index: str, caplog: pytest.LogCaptureFixture
):
    archive.add(CRAWLS[0], *(one.record() for one in FIRST[:2]))
    archive.add_replays(*FIRST[:2])
    sources = {"/cdx/": archive.wayback, "/past/cdx": f"{archive.url}/past/cdx"}
    source = sources.get(index, archive.collinfo)
    archive.spoilt[index] = saying(200, APOLOGIES[index])
    found = planned(folder, source, **MAY)
    assert (found.unanswered, found.captures) == (1, 0)
    assert "no line of an index" in caplog.text or "how many pages" in caplog.text
    lines = "".join(f"{json.dumps(line)}\n" for line in archive.lines)
    archive.spoilt = {"/past/cdx": saying(200, lines.encode())}
    found = planned(folder, source, **MAY)
    assert (found.unanswered, found.captures) == (0, 2)


def test_the_index_tells_how_far_it_is_within_a_question_too(archive: Library, folder: Path):
    archive.page_lines = 5
    archive.add(CRAWLS[0], *(one.record() for one in copies()[:20]))
    told: list[tuple[str, float, int]] = []
    with opened(folder) as tracker:
        order = Order(archive.collinfo, "courier")
        plan(IdleShift(tracker, Clock()), order, lambda *one: told.append(one))
    assert [done for what, done, _ in told if what == "index"] == [0, 0, 0.25, 0.5, 0.75, 1]


def test_an_empty_answer_is_an_answer_and_is_not_asked_for_again(archive: Library, folder: Path):
    archive.spoilt["/past/cdx"] = saying(200)
    for _ in "ab":
        assert planned(folder, f"{archive.url}/past/cdx", **MAY).unanswered == 0
    assert len(archive.asked("/past/cdx")) == 1


def test_an_index_that_fails_costs_no_other(archive: Library, folder: Path):
    for crawl, one in zip(CRAWLS, FIRST, strict=False):
        archive.add(crawl, one.record())
    archive.spoilt[f"/{CRAWLS[0]}-index"] = saying(500)
    report = fetched(folder, archive.collinfo)
    assert report.halted is None
    assert (report.counts["unanswered"], report.counts["pages"]) == (1, 1)
    archive.spoilt.clear()
    assert fetched(folder, archive.collinfo).counts["pages"] == 1
    assert set(archive.records().values()) == {1}


def test_one_that_ends_at_the_first_fault_fetches_nothing(
    archive: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rounds, "_is_of_all", lambda _: True)
    for crawl, one in zip(CRAWLS, FIRST, strict=False):
        archive.add(crawl, one.record())
    archive.spoilt[f"/{CRAWLS[0]}-index"] = saying(500)
    assert fetched(folder, archive.collinfo).counts["pages"] == 0


def test_a_dry_run_says_what_its_index_did_not_answer(archive: Library, folder: Path):
    for crawl, one in zip(CRAWLS, FIRST, strict=False):
        archive.add(crawl, one.record())
    archive.spoilt[f"/{CRAWLS[0]}-index"] = saying(200, b"<html><body>busy</body></html>")
    words = ("--from", archive.collinfo, "--publisher", "courier", "--dry-run", "-f", "json")
    done = cli(folder, "backfill", *words)
    assert done.returncode == 75
    assert "does not say of how many pages" in done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["captures"], found["unanswered"]) == (1, 1)


def test_a_crawl_on_another_host_costs_only_itself(archive: Library, folder: Path):
    archive.add(CRAWLS[0], FIRST[0].record())
    index = f"{archive.url}/{CRAWLS[0]}-index"
    told = [{"cdx-api": "https://elsewhere.example/x-index"}, {"cdx-api": "http://["}, {}]
    archive.spoilt["/collinfo.json"] = saying(200, json.dumps([*told, {"cdx-api": index}]).encode())
    assert fetched(folder, archive.collinfo).counts["pages"] == 1
    archive.spoilt["/collinfo.json"] = saying(200, json.dumps(told).encode())
    report = fetched(folder, archive.collinfo)
    assert report.halted is not None
    assert report.halted.reason == "not_an_index"


def test_a_record_that_its_index_has_moved_is_looked_for_where_it_is(
    archive: Library, folder: Path
):
    (line,) = archive.add(CRAWLS[0], FIRST[0].record())
    right = dict(line)
    line["filename"] = "crawl-data/gone.warc.gz"
    archive.spoilt["/crawl-data/gone"] = saying(500)
    clock = Clock()
    assert fetched(folder, archive.collinfo, clock).counts["waiting"] == 1
    line |= right
    clock.advance(hours=1)
    forget_answers(folder)
    assert fetched(folder, archive.collinfo, clock).counts["pages"] == 1
    # What was fetched stays as it is.
    line["filename"] = "crawl-data/gone.warc.gz"
    forget_answers(folder)
    assert fetched(folder, archive.collinfo, clock).counts["fetched"] == 0


def forget_answers(folder: Path) -> None:
    """Let an index be asked again, as for days that were not over when it was."""
    with closing(sqlite3.connect(folder / "tickertrack.db")) as connection, connection:
        connection.execute("DELETE FROM backfills")


def test_more_hosts_of_a_publisher_are_asked_for_what_was_not_kept_of_them(
    archive: Library, folder: Path
):
    other = replace(FIRST[1], url=FIRST[1].url.replace("www.", "amp."))
    archive.add(CRAWLS[0], FIRST[0].record(), other.record())
    assert fetched(folder, archive.collinfo).counts["pages"] == 1
    file = folder / "publishers" / "courier.toml"
    more = 'hosts = ["amp.harbour-courier.example", '
    file.write_text(file.read_text().replace("hosts = [", more))
    load_publisher.cache_clear()
    assert fetched(folder, archive.collinfo).counts["pages"] == 1
    assert set(archive.records().values()) == {1}


@pytest.mark.parametrize(
    ("spoilt", "tell_key"),
    [
        ("no key", lambda _: []),
        ("a key too long to send", lambda _: ["", "x" * 3000]),
        ("too large", lambda key: ["", key]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_a_wayback_machine_does_not_tell_at_once_it_is_asked_for_by_parts(
    archive: Library,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoilt: str,
    tell_key: Callable[[str], list[str]],
):
    monkeypatch.setattr(index, "_LINES", 5)
    archive.page_lines, archive.tell_key = 5, tell_key
    archive.add_replays(*copies())

    def answer(handler: Handler) -> None:
        asked = archive.log[-1]
        whole = "showResumeKey" in asked.query and spoilt == "too large"
        endless(handler) if whole else handler.answer(asked)

    archive.spoilt["/cdx/"] = answer
    found = planned(folder, archive.wayback, **MAY)
    assert (found.unanswered, found.captures) == (0, len(copies()))
