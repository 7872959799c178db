"""How long the pages take at ten million quotes, server side (docs/performance.md).

python -m bench.web            builds the database of bench.queries, and prints the rows
python -m bench.web FILE.db    the same of a database that is there
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.queries import SESSIONS, build
from bench.speed import row, say
from tickertrack import open_tracker
from tickertrack.config import Config
from tickertrack.store import browse
from tickertrack.store.connect import open_reading
from tickertrack.web.serving import datasette_of

__all__ = ["main"]

RUNS = 7
SYMBOL = "ANL"
# What a page may take, in seconds.
BOUND = 0.15


_NEWS = """
BEGIN;
INSERT INTO alignments SELECT id, substr(published_at, 1, 10), 'in_session' FROM articles;
INSERT INTO subjects SELECT article_id, 'market', 'market', 0.9, '{}' FROM alignments;
INSERT INTO links
  SELECT prices.session, symbol, article_id, 'market', 0.2, '{"words": {"title": ["headline"]}}'
  FROM prices JOIN alignments USING (session)
  WHERE session = (SELECT max(session) FROM prices) AND article_id % 50 = 0;
COMMIT;
"""


def main(path: Path | None = None) -> None:
    """Print a row for each kind of page: the median, against what it may take."""
    say("\n| page | median | may take | ratio |\n|---|---|---|---|")
    if path:
        _measure(path)
        return
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "queries.db"
        with open_tracker(made) as tracker:
            build(tracker, SESSIONS)
        tell(made)
        _measure(made)


def tell(path: Path) -> None:
    """Give every session its articles, and each move of the last one a link to some of them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_NEWS)


def _measure(path: Path) -> None:
    served = datasette_of(Config().with_database(path))
    times = asyncio.run(_asked(served, _pages(path)))
    for what, seconds in times.items():
        median = statistics.median(seconds)
        row(what, f"{1000 * median:.0f} ms", f"{1000 * BOUND:.0f} ms", median / BOUND)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    say(f"\n(peak memory of the server: {peak} MB)")


def _pages(path: Path) -> dict[str, str]:
    connection = open_reading(path)
    session = browse.latest_session(connection) or ""
    (quote, *_) = browse.quotes_of_session(connection, SYMBOL, session, 1)
    connection.close()
    return {
        "the latest session": "/",
        "a day, 891 moves": f"/day/{session}",
        "a symbol, its last 260 sessions": f"/symbol/{SYMBOL}",
        "a move": f"/move/{SYMBOL}/{session}",
        "a quote": f"/quote/{quote['page_id']}/{quote['line']}",
        "coverage": f"/coverage?month={session[:7]}",
        "all symbols": "/symbols",
    }


async def _asked(served: Any, pages: dict[str, str]) -> dict[str, list[float]]:
    await served.invoke_startup()
    times: dict[str, list[float]] = {what: [] for what in pages}
    # By turns, so that none is favoured by what the machine does beside; the first warms up.
    for turn in range(RUNS + 1):
        for what, path in pages.items():
            begun = time.perf_counter()
            answer = await served.client.get(path)
            spent = time.perf_counter() - begun
            answer.raise_for_status()
            if turn:
                times[what].append(spent)
    return times


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
