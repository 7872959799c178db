"""The past out of a real CDX server: pywb, by its index and its raw replay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from daemons import rows
from past import Clock, IdleShift, copies, fetched, opened, states, tracker_folder
from pywbs import Pywb, pywb
from support import digests
from warcs import write

import tickertrack as tt
from tickertrack.audit import verify_pages
from tickertrack.backfill import Order, plan
from tickertrack.config import load_config

DAYS = {"start": date(2024, 5, 6), "end": date(2024, 5, 10)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pywb]:
    folder = tmp_path_factory.mktemp("pywb")
    file = write(folder / "past.warc.gz", *(one.record() for one in copies()))
    with pywb(folder / "collections", file) as running:
        yield running


@pytest.fixture(scope="module")
def replayed(served: Pywb, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tracker_folder(tmp_path_factory.mktemp("own"), served.port)
    report = fetched(folder, served.cdx, per_session=2, **DAYS)
    assert report.faults == []
    assert report.halted is None
    return folder


def test_pywbs_captures_are_replayed_raw_each_once(served: Pywb, replayed: Path):
    # Before the open of the first day it is the session before.
    assert states(replayed) == {"done": 11, "listed": len(copies()) - 11}
    assert set(served.replays().values()) == {1}
    assert len(served.replays()) == 11
    known = {(one.captured_at.isoformat(), one.url) for one in copies()}
    pages = rows(replayed, "SELECT captured_at, url, capture_basis AS basis FROM pages")
    assert {page["basis"] for page in pages} == {"warc"}
    assert {(page["captured_at"], page["url"]) for page in pages} < known
    with opened(replayed) as tracker:
        assert verify_pages(tracker)[1] == []


def test_its_pages_are_those_of_its_file(served: Pywb, tmp_path: Path):
    folder = tracker_folder(tmp_path / "own", served.port)
    before = served.replays().total()
    assert fetched(folder, served.cdx, **DAYS).counts["pages"] == len(copies())
    assert served.replays().total() == before + len(copies())
    config = load_config(folder / "config.toml", {})
    with tt.Tracker(config.with_database(tmp_path / "direct.db")) as tracker:
        tracker.ingest(write(tmp_path / "past.warc.gz", *(one.record() for one in copies())))
    assert digests(folder / "tickertrack.db") == digests(tmp_path / "direct.db")


def test_it_is_asked_once_and_a_plan_asks_for_no_record(served: Pywb, replayed: Path):
    asked, before = len(served.asked()), served.replays()
    with opened(replayed) as tracker:
        order = Order(served.cdx, "courier", per_session=4, **DAYS)
        found = plan(IdleShift(tracker, Clock()), order)
    assert (found.listed, found.done, found.captures) == (25, 11, 10)
    assert found.bytes > 0
    assert len(served.asked()) == asked
    assert served.replays() == before
