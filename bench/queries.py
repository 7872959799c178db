"""How long questions take on millions of rows, against SQL by hand (docs/performance.md).

python -m bench.queries        builds 10 million quotes and 1 million prices, and prints the rows
python -m bench.queries 20     the same of 20 sessions instead of all 1,123
"""

from __future__ import annotations

import compileall
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import tickertrack
from bench.speed import row, say
from tickertrack import Tracker, open_tracker
from tickertrack.markets import symbols_of
from tickertrack.markets.calendar import sessions_between
from tickertrack.store.read import HISTORY

__all__ = ["SESSIONS", "build", "frame_by_hand", "main", "parquet_by_hand"]

RUNS = 5
# All 891 symbols of the market on so many sessions are a million prices; each is seen ten times a
# day, on strips of 33 lines.
SESSIONS = 1_123
SEEN, BOARDS = 10, 27
SYMBOL = "ANL"

_COLUMNS = ", ".join(HISTORY)
_ONE = f"SELECT {_COLUMNS} FROM prices WHERE symbol = ? ORDER BY session"
_ALL = f"SELECT {_COLUMNS} FROM prices ORDER BY symbol, session"

# A price walks by steps of a paisa, from a level of its own; a number stands for a session.
_PRICE = "round(10 + (symbol.number * 37) % 400 + (symbol.number * 7 + session.number * 13) % 97"
_PRICES = f"""
  SELECT name, day, {_PRICE} / 10.0, 2) AS price,
    {_PRICE} / 10.0 - ((symbol.number + session.number) % 41 - 20) / 10.0, 2) AS reference_price
  FROM symbol CROSS JOIN session
"""
_SCRIPT = f"""
CREATE TEMP TABLE price AS {_PRICES};
CREATE INDEX temp.price_of ON price (day, name);

INSERT INTO sessions
  SELECT 'psx', day, day || 'T04:32:00+00:00', day || 'T11:15:00+00:00', 'calendar' FROM session;
INSERT INTO prices
  SELECT name, day, price, reference_price, round(price - reference_price, 2),
    round(100 * (price - reference_price) / reference_price, 2), price, price + 0.5, price - 0.5,
    'final', {SEEN}, 'matched', day || 'T04:40:00+00:00', day || 'T11:00:00+00:00', NULL
  FROM price ORDER BY name, day;

CREATE TEMP TABLE shown AS
  SELECT row_number() OVER () AS id, day, board.number AS board, time.number AS time
  FROM session CROSS JOIN symbol AS time CROSS JOIN symbol AS board
  WHERE time.number < {SEEN} AND board.number < {BOARDS};

INSERT INTO articles
  SELECT id, 'https://www.brecorder.com/news/' || id, 'A headline of the day', NULL,
    day || 'T0' || time || ':10:00+00:00', 'minute', 'brecorder', 'A sentence of no weight.', '[]',
    ''
  FROM shown;
INSERT INTO strips
  SELECT id, printf('%064d', id), 'brecorder_2021', 33 FROM shown;
INSERT INTO pages
  SELECT id, 'https://www.brecorder.com/news/' || id, 'brecorder', day || 'T0' || time
    || ':15:00+00:00', 'warc', day, day || 'T0' || time || ':10:00+00:00', 'minute', id, id,
    printf('%064d', id), '/archive/' || substr(day, 1, 7) || '.warc.gz', id * 40000, 39000,
    day || 'T11:00:00+00:00'
  FROM shown;
INSERT INTO sittings
  SELECT id, 'stocks', day, 'matched', 0.99, '{{"matched": 33, "of": 33}}' FROM shown;

DROP INDEX quotes_symbol;
INSERT INTO quotes
  SELECT id, row_number() OVER (PARTITION BY id), 'stocks', name, price,
    round(price - reference_price, 2), round(100 * (price - reference_price) / reference_price, 2),
    CASE WHEN price > reference_price THEN 'up' WHEN price < reference_price THEN 'down'
      ELSE 'flat' END, reference_price, 'ok',
    printf('%s %.2f Increased By ▲ %.2f (%.2f%%)', name, price, price - reference_price,
      100 * (price - reference_price) / reference_price)
  FROM shown CROSS JOIN symbol ON symbol.number % {BOARDS} = shown.board
  CROSS JOIN price USING (day, name);
CREATE INDEX quotes_symbol ON quotes (symbol, strip_id);
"""


@dataclass(frozen=True, slots=True)
class Race:
    """What is measured, what against, and how long each took, run by run, in turn."""

    what: str
    yardstick: str
    ours: Sequence[float]
    theirs: Sequence[float]


def main(sessions: int = SESSIONS) -> None:
    """Print a row for each question: medians of five runs, by turns with its yardstick."""
    say("\n| what | figure | yardstick | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "queries.db"
        with open_tracker(path) as tracker:
            begun = time.perf_counter()
            quotes, prices = build(tracker, sessions)
            spent = time.perf_counter() - begun
            row(f"(made {quotes:,} quotes, {prices:,} prices)", f"{spent:.0f} s")
            races = (_history(tracker), _command(path), _help(), _export(tracker), _write(tracker))
            for race in races:
                ours, theirs = statistics.median(race.ours), statistics.median(race.theirs)
                figure = f"{ours:.2f} s" if ours > 1 else f"{1000 * ours:.3g} ms"
                row(race.what, figure, race.yardstick, ours / theirs)


def build(tracker: Tracker, sessions: int) -> tuple[int, int]:
    """Fill a new database with so many sessions of all symbols; count its quotes and prices."""
    days = sessions_between(tracker.market(), date(2020, 1, 1), date(2025, 12, 31))[:sessions]
    # Laid by the tracker, filled without a care for a power cut.
    tracker.writer()
    tracker.close()
    with closing(sqlite3.connect(tracker.path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        _name(connection, "symbol", "name", list(symbols_of(tracker.market())))
        _name(connection, "session", "day", [day.session.isoformat() for day in days])
        connection.executescript(f"BEGIN; {_SCRIPT} COMMIT; PRAGMA journal_mode = WAL")
        tables = ("quotes", "prices")
        quotes, prices = (_count(connection, table) for table in tables)
    return quotes, prices


def frame_by_hand(connection: sqlite3.Connection) -> pd.DataFrame:
    """Read one symbol's prices as one would without us."""
    table = pd.DataFrame(connection.execute(_ONE, [SYMBOL]).fetchall(), columns=HISTORY)
    return table.assign(session=pd.to_datetime(table["session"]))


def parquet_by_hand(connection: sqlite3.Connection, path: Path) -> None:
    """Write all prices as one would without us."""
    pq.write_table(_table_by_hand(connection), path)


def _table_by_hand(connection: sqlite3.Connection) -> pa.Table:
    columns = zip(*connection.execute(_ALL).fetchall(), strict=True)
    table = pa.table([pa.array(values) for values in columns], names=list(HISTORY))
    days = table["session"].cast(pa.timestamp("us"))
    return table.set_column(HISTORY.index("session"), "session", days)


def _history(tracker: Tracker) -> Race:
    with closing(sqlite3.connect(tracker.path)) as connection:
        return _race(
            f'`history("{SYMBOL}")` in Python', "`sqlite3` into a `DataFrame`",
            lambda: tracker.history(SYMBOL), lambda: frame_by_hand(connection),
        )  # fmt: skip


def _command(path: Path) -> Race:
    # As installed: pip compiles what it installs.
    compileall.compile_dir(Path(tickertrack.__file__).parent, quiet=1)
    question = ["-m", "tickertrack", "--db", str(path), "history", SYMBOL, "-f", "csv"]
    imports = "import click, sqlite3, tomllib"
    return _race(
        f"`history {SYMBOL} -f csv`, whole process", f"`python -c '{imports}'`",
        lambda: _python(*question), lambda: _python("-c", imports),
    )  # fmt: skip


def _help() -> Race:
    called = "from tickertrack.cli import main; main()"
    return _race(
        "`tickertrack --help`, whole process", "`python -c 'import click'`",
        lambda: _python("-c", called, "--help"), lambda: _python("-c", "import click"),
    )  # fmt: skip


def _export(tracker: Tracker) -> Race:
    target = tracker.path.with_suffix(".parquet")
    with closing(sqlite3.connect(tracker.path)) as connection:
        return _race(
            "export of all prices to Parquet", "`sqlite3` and `pyarrow`",
            lambda: tracker.export("prices", target), lambda: parquet_by_hand(connection, target),
        )  # fmt: skip


def _write(tracker: Tracker) -> Race:
    target = tracker.path.with_suffix(".parquet")
    with closing(sqlite3.connect(tracker.path)) as connection:
        table = _table_by_hand(connection)
    return _race(
        "the same", "`pyarrow` alone, all prices in its memory",
        lambda: tracker.export("prices", target), lambda: pq.write_table(table, target),
    )  # fmt: skip


def _race(
    what: str, yardstick: str, ours: Callable[[], object], theirs: Callable[[], object]
) -> Race:
    runs = [(_seconds(ours), _seconds(theirs)) for _ in range(RUNS + 1)]
    # The first run of each warms the disk's cache, and is not counted.
    return Race(what, yardstick, *zip(*runs[1:], strict=True))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _python(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def _name(connection: sqlite3.Connection, table: str, column: str, names: Sequence[str]) -> None:
    connection.execute(f"CREATE TEMP TABLE {table} (number INTEGER PRIMARY KEY, {column} TEXT)")
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", enumerate(names))


def _count(connection: sqlite3.Connection, table: str) -> int:
    count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
