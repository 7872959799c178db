"""The past out of archives on the net: what is listed, picked, fetched, kept and stored."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from daemons import rows
from past import copies, fetched, library, tracker_folder


def test_a_crawls_captures_are_fetched_as_byte_ranges_and_dated(tmp_path: Path):
    with library(tmp_path / "archive") as archive:
        folder = tracker_folder(tmp_path / "own", archive.port)
        report = fetched(folder, archive.collinfo)
    assert report.faults == []
    assert report.counts["pages"] == len(copies())
    assert set(archive.records().values()) == {1}
