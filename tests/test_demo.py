"""The demo: one command, offline, from the shipped pages to prices, each traced to its page."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from daemons import PATIENCE, own_process

from tickertrack import Tracker, open_tracker

Row = dict[str, Any]
Board = Callable[[str, str], Row]

README = Path(__file__).parents[1] / "README.md"
LIVE = "tickertrack run"
HEADINGS = (
    "tickertrack ingest pages",
    "tickertrack history BOP",
    "tickertrack history KSE100",
    "tickertrack coverage AIRLINK BOP KEL TRG UNITY BR100 KSE100",
    "tickertrack quarantine",
    "tickertrack quotes HUMNL SEARL",
    "tickertrack quotes BOP",
    "tickertrack --help",
)


def tickertrack(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "tickertrack", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "100", **environment},
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "courier"


@pytest.fixture(scope="module")
def told(folder: Path) -> str:
    """Run the demo once, with an environment that would lead it to a database of the user's."""
    elsewhere = folder.parent / "mine.db"
    begun = time.monotonic()
    done = tickertrack("demo", "--keep", folder, TICKERTRACK_DATABASE_PATH=str(elsewhere))
    assert (done.returncode, done.stderr) == (0, "")
    # Reached: 5 s; the machine may have much else to do.
    assert time.monotonic() - begun < 90
    assert not elsewhere.exists()
    return done.stdout


@pytest.fixture(scope="module")
def tracker(told: str, folder: Path) -> Tracker:  # noqa: ARG001  (the demo has run)
    return open_tracker(config=folder / "config.toml")


@pytest.fixture(scope="module")
def lines(tracker: Tracker) -> list[Row]:
    return tracker.quote_rows(["BOP", "KSE100"])


@pytest.fixture(scope="module")
def shown(lines: list[Row]) -> Callable[..., list[tuple[str, str | None]]]:
    """Give the sessions on which both boards of the pages with such properties were placed."""

    def of(**wanted: str | None) -> list[tuple[str, str | None]]:
        found = (row for row in lines if all(row[key] == wanted[key] for key in wanted))
        return sorted((row["symbol"], row["session"]) for row in found)

    return of


def test_each_section_has_its_heading_with_the_command_line_that_shows_it(told: str):
    typed = [line.partition("$ ")[2] for line in told.splitlines() if "$ " in line]
    assert typed == list(HEADINGS)


def test_it_reads_on_a_hundred_columns(told: str):
    assert [line for line in told.splitlines() if len(line) > 100] == []


def test_a_second_run_in_the_same_folder_is_refused(told: str, folder: Path):
    assert told
    again = tickertrack("demo", "--keep", folder)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    done = tickertrack("demo", "--keep", tmp_path / "file" / "below")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: Invalid value for --keep")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Path]]:
    """Run the whole demo; give what it prints, and what it leaves behind."""
    folder = tmp_path_factory.mktemp("whole")
    done = tickertrack("demo", TMPDIR=str(folder), COLUMNS="120")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, list(folder.iterdir())


def test_without_a_folder_to_keep_nothing_is_left(whole: tuple[str, list[Path]]):
    assert whole[1] == []


def test_the_whole_demo_begins_with_a_daemon_on_a_live_site(whole: tuple[str, list[Path]]):
    typed = [line.partition("$ ")[2] for line in whole[0].splitlines() if "$ " in line]
    assert typed[:2] == [LIVE, "tickertrack explain KEL 2024-05-08"]
    assert typed[2:] == list(HEADINGS)
    assert "1 is about it" in whole[0].replace("\n", " ")
    assert whole[0].count("collect ok") == 12
    assert re.search(r"\n  (\d+) of \1 prices are those that the site showed last", whole[0])
    assert ", 0 to what robots.txt disallows" in whole[0]


def test_the_readme_explains_a_move_as_the_demo_does(whole: tuple[str, list[Path]]):
    (printed,) = re.findall(r"```\n(\$ tickertrack explain .*?)```", README.read_text(), re.DOTALL)
    assert printed in whole[0]


def test_the_site_is_served_until_it_is_interrupted(tmp_path: Path):
    words = [
        sys.executable,
        "-m",
        "tickertrack",
        "demo",
        "--serve",
        "--keep",
        str(tmp_path / "own"),
    ]
    with own_process(words, stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().split()[-1]
        assert "<item>" in httpx.get(f"{url}/feeds/latest", trust_env=False).text
        assert f"{url}/feeds/latest" in (tmp_path / "own/publishers/courier.toml").read_text()
        assert (tmp_path / "own/jobs/collect.py").exists()
        serving.send_signal(signal.SIGINT)
        assert serving.wait(PATIENCE) == 0


def test_every_stored_quote_reads_the_same_from_its_page(told: str, folder: Path):
    assert told
    done = tickertrack("--config", folder / "config.toml", "verify", "-f", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert "23 pages" in done.stderr


def test_a_page_that_is_changed_afterwards_does_not_verify(told: str, folder: Path):
    assert told
    page = folder / "pages" / "one-line-strip.txt"
    printed = page.read_bytes()
    page.write_bytes(printed.replace(b"80.60", b"80.61"))
    try:
        done = tickertrack("--config", folder / "config.toml", "verify")
    finally:
        page.write_bytes(printed)
    assert done.returncode == 4
    assert "one-line-strip.txt" in done.stdout


@pytest.mark.parametrize(
    ("what", "wanted", "session"),
    [
        ("stale", {"published_at": "2021-06-18T06:00:00+00:00"}, "2024-05-07"),
        ("Saturday", {"captured_at": "2024-05-18T08:30:00+00:00"}, "2024-05-17"),
        ("page date on a Saturday", {"page_date": "2024-05-18"}, "2024-05-17"),
        ("before the open", {"captured_at": "2024-04-26T03:48:00+00:00"}, "2024-04-25"),
        ("page date alone", {"page_date": "2024-05-24"}, "2024-05-24"),
        ("no date, no neighbour", {"published_at": "2020-03-25"}, None),
    ],
)
def test_a_misleading_page_is_placed_on_the_session_that_it_shows(
    shown: Callable[..., list[tuple[str, str | None]]],
    what: str,
    wanted: dict[str, str],
    session: str | None,
):
    assert shown(**wanted) == [("BOP", session), ("KSE100", session)], what


def test_pages_without_any_date_are_dated_by_their_neighbours(lines: list[Row]):
    bare = [row for row in lines if not (row["captured_at"] or row["page_date"]) and row["session"]]
    sessions = {(row["symbol"], row["session"]) for row in bare}
    assert {session for _, session in sessions} == {
        *("2024-04-25", "2024-04-26", "2024-05-07", "2024-05-15")
    }
    assert {row["method"] for row in bare} == {"matched"}


def test_every_way_of_dating_and_every_kind_of_coverage_is_shown(told: str, tracker: Tracker):
    methods = {row["method"] for row in tracker.history_rows([])}
    assert methods == {"matched", "captured", "stated"}
    statuses = {row["status"] for row in tracker.history_rows([])}
    assert statuses == {"final", "intraday", "implied", "provisional"}
    coverage = {row["coverage"] for row in tracker.coverage_rows([])}
    assert coverage == {"captured", "implied", "missing", "conflicting"}
    assert all(letter in told for letter in ("C captured", "i implied", "x conflicting"))


def test_a_spoofed_line_is_in_quarantine_and_not_among_the_quotes(tracker: Tracker):
    refused = {(row["raw"], row["reason"]) for row in tracker.quarantine_rows()}
    spoofs = {
        ("BOP 9.99 Increased By ▲ 4.73 (89.92%)", "outside_header"),
        ("KEL 1.00 Decreased By ▼ -3.59 (-78.21%)", "outside_header"),
        ("BOP 5.46 Decreased By ▼ -0.11 (-1.97%)", "foreign_host"),
        ("PTC 14.70 Decr\ufffdased By ▼ -0.54 (-3.54%)", "replacement_character"),
    }
    assert refused == spoofs
    prices = {(row["symbol"], row["price"]) for row in tracker.quote_rows(["BOP", "KEL"])}
    assert not prices & {("BOP", 9.99), ("KEL", 1.0)}
    sessions = [row["session"] for row in tracker.quote_rows(["BOP"]) if row["price"] == 5.46]
    assert sessions == ["2024-04-19"]


def test_a_percent_that_does_not_fit_is_kept_and_never_a_price(tracker: Tracker, told: str):
    verdicts = {row["verdict"] for row in tracker.quote_rows(["SEARL"], "2024-05-17", "2024-05-17")}
    assert verdicts == {"ok", "percent_mismatch"}
    price = tracker.history_rows(["SEARL"], "2024-05-17", "2024-05-17")[0]
    assert (price["price"], price["quotes"]) == (61.75, 1)
    assert "SEARL 61.75 Increased By ▲ 3.05 (2.5%)" in told


def test_an_implied_price_is_what_the_next_session_was_measured_from(tracker: Tracker):
    rows = {row["session"]: row for row in tracker.history_rows(["TRG"])}
    implied = {day: row["price"] for day, row in rows.items() if row["status"] == "implied"}
    assert implied["2024-04-23"] == rows["2024-04-24"]["reference_price"] == 69.1
    assert not [row for row in tracker.history_rows(["KSE100"]) if row["status"] == "implied"]
