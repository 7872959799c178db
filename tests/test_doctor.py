"""What doctor finds: a damaged database, and days on which calendar and strips disagree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tickertrack import Tracker, open_tracker
from tickertrack.audit import examine

KARACHI = ZoneInfo("Asia/Karachi")
FIRST = {"AAA": 50.1, "BBB": 121.35, "CCC": 33.47, "DDD": 88.02, "EEE": 15.93, "FFF": 240.6}
TUESDAY, LABOUR_DAY, THURSDAY = (date(2024, 4, 30), date(2024, 5, 1), date(2024, 5, 2))


def strip(step: int) -> str:
    """Print the strip of the `step`th session: every stock rises by a tenth more than before."""
    lines = []
    for symbol, first in FIRST.items():
        before, now = (round(first + 0.37 * n, 2) for n in (step, step + 1))
        percent = f"{100 * (now - before) / before:.2f}".rstrip("0").rstrip(".")
        lines.append(f"{symbol} {now:.2f} Increased By ▲ {now - before:.2f} ({percent}%)")
    return "\n".join(lines)


def tracker_of(folder: Path, days: Sequence[date]) -> Tracker:
    """Show a new session's strip in the evening of each day, on two pages."""
    records = []
    for step, day in enumerate(days):
        for page in (1, 2):
            seen = datetime(day.year, day.month, day.day, 20, page, tzinfo=KARACHI)
            records.append({"text": f"{strip(step)}\n\nNews\n", "captured_at": seen.isoformat()})
    source = folder / "pages.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    tracker = open_tracker(folder / "x.db")
    tracker.ingest(source)
    return tracker


def states(tracker: Tracker) -> dict[str, tuple[str, str]]:
    with tracker:
        return {row["check"]: (row["state"], row["detail"]) for row in examine(tracker)}


def test_a_calendar_that_holds_is_well(tmp_path: Path):
    found = states(tracker_of(tmp_path, [TUESDAY, THURSDAY, THURSDAY + timedelta(days=1)]))
    assert {state for state, _ in found.values()} <= {"ok", "note"}


def test_a_session_on_a_day_that_the_calendar_calls_closed_is_reported(tmp_path: Path):
    # Three sessions before and two after: fewer might as well be one cached copy.
    before = [date(2024, 4, day) for day in (25, 26, 29)]
    days = [*before, TUESDAY, LABOUR_DAY, THURSDAY, THURSDAY + timedelta(days=1)]
    found = states(tracker_of(tmp_path, days))
    state, detail = found["calendar: closed but traded"]
    assert state == "problem"
    assert "2024-05-01" in detail


def test_a_listed_session_that_the_strips_step_over_is_reported(tmp_path: Path):
    days = [date(2024, 5, day) for day in (13, 15, 16)]
    state, detail = states(tracker_of(tmp_path, days))["calendar: listed but stepped over"]
    assert state == "problem"
    assert "2024-05-14" in detail
