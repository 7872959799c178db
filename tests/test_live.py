"""The main job: a running daemon collects a live site, and history equals what the site showed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from daemons import cli, rows, running, until
from live import LOOKS, World, sessions, world


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory):
    """Give a world after three sessions with a running daemon."""
    with world(tmp_path_factory.mktemp("live") / "own") as here:
        with running(here.daemon()) as daemon:
            for day in sessions(3):
                for at in LOOKS:
                    here.look(day, at)
                    # Or the next run is skipped for this one.
                    until(lambda: daemon.is_idle)
        yield here


def test_history_equals_what_the_site_showed(collected: World):
    with collected.tracker() as tracker:
        history = tracker.history_rows([])
    symbols = sorted({row["symbol"] for row in history})
    assert len(symbols) > 20
    for symbol in symbols:
        shown = {
            day.isoformat(): float(price) for day, price in collected.site.shown(symbol).items()
        }
        got = {row["session"]: row["price"] for row in history if row["symbol"] == symbol}
        assert got == shown, symbol
        assert len(got) >= 3
    assert {row["status"] for row in history if row["session"] >= "2024-05-06"} == {"final"}


def test_an_unchanged_body_is_not_downloaded_again(collected: World):
    whole: dict[str, datetime] = {}
    for request in collected.requests():
        if request.path == "/robots.txt":
            continue
        # Asked again within a day, it is asked whether it has changed; if not, no body is sent.
        last = whole.get(request.path, datetime.min.replace(tzinfo=UTC))
        fresh = request.moment - last < timedelta(days=1)
        assert (request.header("If-None-Match") is not None) == fresh
        assert (request.sent == 0) == (request.status == 304)
        if request.status == 200:
            whole[request.path] = request.moment
    assert [request for request in collected.requests() if request.status == 304]


def test_requests_keep_their_distance_and_say_who_asks(collected: World):
    for before, after in pairwise(collected.requests()):
        assert after.at - before.at >= 0.05
    agents = {request.header("User-Agent") or "" for request in collected.requests()}
    assert len(agents) == 1
    assert "tickertrack/" in agents.pop()


def test_robots_are_asked_once_a_day_and_obeyed(collected: World):
    assert len(collected.requests("/robots.txt")) == 3
    assert collected.requests("/print/") == []


def test_every_run_is_ok_and_accounted_for(collected: World):
    runs = rows(collected.folder)
    assert {run["status"] for run in runs} <= {"ok", "missed"}
    assert sum(run["status"] == "ok" for run in runs) >= 3 * len(LOOKS)


# --- what was kept ---


def test_the_archive_alone_rebuilds_the_database(collected: World, tmp_path: Path):
    live = tables(collected.folder / "tickertrack.db")
    rebuilt = tmp_path / "rebuilt.db"
    done = cli(collected.folder, "--db", str(rebuilt), "ingest", str(collected.folder / "archive"))
    assert done.returncode == 0, done.stderr
    assert tables(rebuilt) == live
    assert len(live["pages"]) > 30


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Read what a database holds of pages, but when it was stored."""
    columns = {"pages": _PAGES, "articles": "*", "strips": "*", "quotes": "*", "quarantine": "*"}
    concluded = {"sittings": "*", "prices": "*", "sessions": "*"}
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: sorted(connection.execute(f"SELECT {shown} FROM {name}"), key=repr)
            for name, shown in (columns | concluded).items()
        }


_PAGES = (
    "id, url, publisher, captured_at, capture_basis, page_date, published_at, article_id,"
    " strip_id, sha256, file, offset, length"
)


def test_verify_reads_every_page_again_from_the_archive(collected: World):
    done = cli(collected.folder, "verify")
    assert done.returncode == 0
    pages = len(tables(collected.folder / "tickertrack.db")["pages"])
    assert f"{pages} pages read again, 0 differences" in done.stderr


def test_verify_finds_a_flipped_byte_of_the_archive(collected: World, tmp_path: Path):
    # The control: a copy of the tracker, with one byte of its archive changed.
    folder = tmp_path / "copy"
    shutil.copytree(collected.folder, folder)
    (archive, *_) = sorted((folder / "archive").iterdir())
    with closing(sqlite3.connect(folder / "tickertrack.db")) as connection, connection:
        connection.execute(
            "UPDATE pages SET file = replace(file, ?, ?)", (str(collected.folder), str(folder))
        )
        (offset, length) = connection.execute(
            "SELECT offset, length FROM pages WHERE file = ? LIMIT 1", (str(archive),)
        ).fetchone()
    content = bytearray(archive.read_bytes())
    content[offset + length // 2] ^= 0x10
    archive.write_bytes(content)
    assert cli(folder, "verify").returncode == 4


def test_what_was_kept_but_not_stored_is_stored_by_the_next_round(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.collect()
        before = tables(here.folder / "tickertrack.db")
        # As if the last round had been cut short between archive and database, at its third page.
        with closing(sqlite3.connect(here.folder / "tickertrack.db")) as connection, connection:
            places = "SELECT offset FROM pages ORDER BY offset LIMIT 1 OFFSET 2"
            (third,) = connection.execute(places).fetchone()
            connection.execute("DELETE FROM sittings")
            connection.execute("DELETE FROM quarantine")
            connection.execute("DELETE FROM pages WHERE offset >= ?", (third,))
            connection.execute("UPDATE fetches SET state = 'waiting' WHERE kind = 'page'")
        asked = len(here.requests("/news/"))
        outcome = here.collect()
        assert outcome.counts["pages"] == len(before["pages"]) - 2
        assert tables(here.folder / "tickertrack.db")["pages"] == before["pages"]
        # The two whose page was known are asked for again; those from the archive are not.
        assert len(here.requests("/news/")) - asked <= 3
