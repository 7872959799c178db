"""What the tests of scanning share: scans in this process, and inputs that take their time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zstandard
from support import made_pages

import tickertrack as tt
from tickertrack.errors import SourceError
from tickertrack.ingest import Sources
from tickertrack.scan import Listening, Machines, ScanReport, Target, scan
from tickertrack.sources.remote import File

_BLANK = 200_000


def scanned(
    place: File | Sequence[File],
    target: Path | str,
    told: list[SourceError] | None = None,
    **how: Any,
) -> ScanReport:
    again = how.pop("again", False)
    listening = Listening(lambda _: None, ([] if told is None else told).append)
    paths = (place,) if isinstance(place, Path) else tuple(place)
    with tt.open("none.db") as tracker:
        sources, order = Sources(paths), Target(str(target), again)
        return scan(sources, tracker.desk(), order, Machines(**how), listening)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.suffix != ".tmp" and path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def slow(folder: Path, count: int) -> Path:
    """Lay out inputs of some pages each, below which nothing stands for long."""
    folder.mkdir()
    pages = made_pages(4 * count)
    for number in range(count):
        lines = (json.dumps(page).encode() for page in pages[number::count])
        content = b"\n".join(lines) + b"\n" * _BLANK
        (folder / f"{number:02}.jsonl.zst").write_bytes(zstandard.compress(content))
    return folder
