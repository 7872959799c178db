"""A history as a chart on the terminal, a picture, or a file."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tickertrack.cli.chart import chart, levels, paper
from tickertrack.course import Course, courses, spark
from tickertrack.store import read
from tickertrack.tracker import Tracker

if TYPE_CHECKING:
    from tickertrack.frames import Note

__all__ = ["draw", "sparked", "write"]

Row = dict[str, Any]

_SPARKED = 10


def draw(tracker: Tracker, rows: Sequence[Row]) -> None:
    """Draw a chart of each symbol on stdout."""
    sheet = paper()
    sys.stdout.write("\n".join(chart(course, sheet) for course in _courses(tracker, rows)))


def _courses(tracker: Tracker, rows: Sequence[Row]) -> list[Course]:
    return courses(rows, tracker.sessions(), tracker.market())


def write(tracker: Tracker, rows: Sequence[Row], path: Path, note: Note) -> int:
    """Write rows of a history as a picture or as what export writes, by the ending; count them."""
    # Imported here: pandas takes its time.
    from tickertrack.frames import (  # noqa: PLC0415
        PICTURES,
        coverage_of,
        frame,
        noted,
        spanned,
        write_file,
        write_picture,
    )

    if path.suffix.lower() in PICTURES:
        return write_picture(_courses(tracker, rows), path)
    table = frame(rows, read.HISTORY)
    spanning = spanned(note, table["session"])
    answer = noted(table, spanning, coverage_of(table, tracker.sessions()))
    return write_file(answer, path, PICTURES)


def sparked(tracker: Tracker, rows: Sequence[Row]) -> list[Row]:
    """Add to moves the `course` of their symbol: its last ten sessions, up to the move's own."""
    if not rows:
        return []
    sessions, letters = tracker.sessions(), levels()
    days = [row["session"] for row in rows]
    first, *_ = _window(sessions, min(days))
    priced: dict[str, dict[str, float]] = {}
    symbols = sorted({row["symbol"] for row in rows})
    for row in tracker.history_rows(symbols, first, max(days)):
        priced.setdefault(row["symbol"], {})[row["session"]] = row["price"]
    return [
        {**row, "course": spark(priced[row["symbol"]], _window(sessions, row["session"]), letters)}
        for row in rows
    ]


def _window(sessions: Sequence[str], last: str) -> Sequence[str]:
    end = bisect_right(sessions, last)
    return sessions[max(end - _SPARKED, 0) : end]
