"""What was known at a time: of 1,000 sessions, once and day after day (docs/performance.md).

python -m bench.as_of         prints its rows of docs/performance.md
python -m bench.as_of 40      the same of 40 sessions
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from bench.growth import CAPTURES, made_up, shown
from bench.speed import say
from tests.crawl import simulate
from tickertrack import Tracker, open_tracker
from tickertrack.ingest import Sources, read_sources
from tickertrack.models import Page

__all__ = ["SESSIONS", "main"]

SESSIONS, TIMES = 1_000, 60
SYMBOL = "AVN"
# Each session is stored on a day of its own, after it.
_FIRST, _DAY = datetime(2030, 1, 1, tzinfo=UTC), timedelta(days=1)


def main(sessions: int = SESSIONS) -> None:
    """Print a row for each kind of question, in a core's time."""
    times = min(TIMES, sessions // 2)
    first = _FIRST + (sessions - 1 - times) * _DAY
    with tempfile.TemporaryDirectory() as name, _filled(Path(name), sessions) as tracker:
        scratch = _seconds(lambda: tracker.resolve(afresh=True))
        tracker.link()

        def ask(day: int) -> Callable[[], object]:
            return lambda: tracker.history_rows([SYMBOL], as_of=first + day * _DAY)

        once, again = _seconds(ask(0)), _seconds(ask(0))
        moves = _seconds(lambda: tracker.moves(as_of=first))
        later = statistics.median(_seconds(ask(day)) for day in range(1, times))
        now = statistics.median(_seconds(ask(times)) for _ in range(5))
    scratched = f"`resolve --afresh` | {once / scratch:.2f}"
    what = f"`history {SYMBOL}` as of a time, of {sessions:,} sessions"
    say(f"| {what} | {shown(once)} | {scratched} |")
    say(f"| as of that time again | {shown(again)} |  |  |")
    say(f"| `moves` of all symbols, as of that time too | {shown(moves)} |  |  |")
    say(f"| as of a day later, {times} times | {shown(later)} |  |  |")
    say(f"| as of the end, which is now | {shown(now)} |  |  |")


def _filled(folder: Path, sessions: int) -> Tracker:
    """Fill a database day by day, as a daemon does."""
    crawl = simulate(made_up(folder, sessions + 30), seed=1, sessions=sessions, captures=CAPTURES)
    source = folder / "pages.jsonl"
    source.write_text("".join(json.dumps(page.record) + "\n" for page in crawl), encoding="utf-8")
    tracker = open_tracker(folder / "as_of.db")
    found = read_sources(Sources((source,)), tracker.desk())
    pages = [one for one in found if isinstance(one, Page)]
    for day in range(sessions):
        with time_machine.travel(_FIRST + day * _DAY, tick=False):
            tracker.store(pages[day * CAPTURES :][:CAPTURES])
    tracker.resolve()
    tracker.link()
    return tracker


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
