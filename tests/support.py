"""What tests share: made-up pages, digests of tables, connections watched, commands, small disks.

python tests/support.py NAME ARGUMENT...    # a part of a test that needs its own process
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseServer
from typing import Any

import pytest

from tickertrack.cli import main as tickertrack_main
from tickertrack.models import IngestReport
from tickertrack.store import linked
from tickertrack.store.facts import Facts

Record = dict[str, str]
Digests = dict[str, str]
Run = Callable[..., tuple[int, str, str]]

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"

# --- commands and servers ------------------------------------------------------------------------


def command_line(capsys: pytest.CaptureFixture[str], *first: str) -> Run:
    """Give what runs a command line in this process: exit code, stdout, stderr."""

    def run_line(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            tickertrack_main([*first, *arguments])
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return run_line


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """Let a server answer in a thread of its own, and end both."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- pages: own words around made-up strips ------------------------------------------------------

_STOCKS = {"ANL": 3330, "BOP": 910, "FCCL": 2145, "HUBC": 8120, "KEL": 390, "OGDC": 9875}
_FIRST_DAY = datetime(2021, 3, 1, 5, tzinfo=UTC)
_STRAY = "PPL 88.10 Increased By ▲ 0.10 (0.11%)"


def made_pages(count: int, seed: int = 1) -> list[Record]:
    """
    Make up pages, three to a session, each with an address of its own.

    They hold what arrives in the wild: a strip on many pages, an article on several with other
    words or another date, a text captured twice, a line in the article's text, lines that do not
    add up, pages without a strip, without a date, without an address.
    """
    rng = random.Random(seed)  # noqa: S311  (the same pages again, not a secret)
    strips = made_strips(count // 3 + 1, rng)
    pages = [_made_page(number, strips[number // 3], rng) for number in range(count)]
    # The same words at another time, on another stated day, and word for word again.
    again = [pages[number] for number in range(0, count, 17)]
    for number, page in enumerate(again):
        stamp = {"captured_at": f"2021-12-{1 + number % 28:02}T0{number % 10}:00:00+00:00"}
        day = {"captured_at": f"2021-11-{1 + number % 28:02}"}
        pages += [page | stamp, page | day, dict(page)]
    return pages


def write_pages(path: Path, pages: Iterable[Record]) -> Path:
    """Write pages as JSON lines."""
    lines = (json.dumps(page, ensure_ascii=False) + "\n" for page in pages)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _made_page(number: int, strips: Sequence[list[str]], rng: random.Random) -> Record:
    day = made_day(number // 3)
    moment = day + timedelta(minutes=rng.randrange(600))
    article = 40_000_000 + (number - 1 if number % 10 == 3 else number)
    lines = [] if number % 13 == 5 else list(strips[number % 2])
    if number % 11 == 4 and lines:
        lines[0] = lines[0].replace("(", "(9")
    kind = ("captured", "page date", "published", "undated")[number % 4]
    if kind == "page date":
        lines[:1] = [f" date {day:%Y-%m-%d} {line}" for line in lines[:1]]
    title = f"Gardeners of district {article} count their lemon trees"
    body = [title, "", "Recorder Report", "", *["They counted them twice."] * (number % 5)]
    if number % 7 == 6:
        body.append(_STRAY)
    page = {"url": f"https://www.brecorder.com/news/{article}/page-{number}", "title": title}
    if number % 19 == 18:
        del page["url"]
        body.append(f"Note {number}.")
    if kind == "captured":
        page["captured_at"] = moment.isoformat()
    if kind in {"captured", "published"}:
        page["published_at"] = f"{moment - timedelta(hours=number % 9):%Y-%m-%dT%H:%M:%S+00:00}"
    return page | {"text": "\n".join([*lines, *body])}


def made_day(session: int) -> datetime:
    # Mondays to Fridays.
    return _FIRST_DAY + timedelta(days=session + session // 5 * 2)


def made_strips(sessions: int, rng: random.Random) -> list[tuple[list[str], list[str]]]:
    """Draw two strips of each session, in its course and after its close; closes chain."""
    strips = []
    closes, index = dict(_STOCKS), 4_600_000
    for _ in range(sessions):
        noon, night = ({symbol: _moved(base, rng) for symbol, base in closes.items()} for _ in "ab")
        points = [index + rng.randrange(-60_000, 60_000) for _ in "ab"]
        boards = [
            [
                *(_stock(symbol, board[symbol], closes[symbol]) for symbol in board),
                _index("KSE100", point, index),
            ]
            for board, point in zip((noon, night), points, strict=True)
        ]
        strips.append((boards[0], boards[1]))
        closes, index = night, points[1]
    return strips


def _moved(base: int, rng: random.Random) -> int:
    return max(base + rng.randrange(-base // 30, base // 30 + 1), 100)


def _stock(symbol: str, price: int, base: int) -> str:
    return f"{symbol} {price / 100:,.2f} {_move(price - base, base)}"


def _index(symbol: str, price: int, base: int) -> str:
    return f"{symbol} {price // 100:,} {_move(price - base, base)}"


def _move(change: int, base: int) -> str:
    if change == 0:
        return "No Change ▼ 0.00 (0%)"
    percent = f"{100 * change / base:.2f}".rstrip("0").rstrip(".")
    word = "Increased By ▲" if change > 0 else "Decreased By ▼"
    return f"{word} {change / 100:.2f} ({percent}%)"


# --- what a database holds -----------------------------------------------------------------------

# Where and when a page was met is not what it says.
_PASSING = {"stored_at", "file", "offset", "length"}
TABLES = (
    *("articles", "strips", "quotes", "pages", "quarantine", "reference_closes"),
    *("sittings", "prices", "sessions", "actions"),
    *("alignments", "subjects", "mentions", "links", "unlinked_articles", "unlinked_sessions"),
)


def digests(path: Path, also: Sequence[str] = ()) -> Digests:
    """Give one SHA-256 per table, over its rows in a fixed order."""
    with closing(sqlite3.connect(path)) as connection:
        return {table: _digest(connection, table) for table in (*TABLES, *also)}


def _digest(connection: sqlite3.Connection, table: str) -> str:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    kept = ", ".join(column for column in columns if column not in _PASSING)
    rows = sorted(repr(row) for row in connection.execute(f"SELECT {kept} FROM {table}"))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def faults(path: Path) -> list[str]:
    """List what is wrong with a database: structure, foreign keys, full-text index, lone pages."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [
            f"dangling {tuple(row)}" for row in connection.execute("PRAGMA foreign_key_check")
        ]
        torn = connection.execute(
            "SELECT digest FROM strips WHERE lines <> (SELECT count(*) FROM quotes"
            " WHERE strip_id = strips.id) OR id NOT IN (SELECT strip_id FROM pages"
            " WHERE strip_id IS NOT NULL)"
        )
        found += [f"torn strip {row[0]}" for row in torn]
        alone = connection.execute(
            "SELECT id FROM articles WHERE id NOT IN (SELECT article_id FROM pages)"
        )
        found += [f"article without a page {row[0]}" for row in alone]
        try:
            # What waits for the index it gets, and gives back.
            connection.execute("BEGIN")
            while linked.search_waiting(connection, 100):
                pass
            check = "INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)"
            connection.execute(check)
        except sqlite3.DatabaseError as error:
            found.append(f"search: {error}")
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return found


def schema_of(path: Path) -> tuple[int, list[str]]:
    """Give a database's schema version, and what the schema consists of."""
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        parts = connection.execute("SELECT type || ' ' || name FROM sqlite_schema ORDER BY 1")
        return version, [row[0] for row in parts]


# --- connections, watched from outside -----------------------------------------------------------

Watcher = Callable[[sqlite3.Connection], None]


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Hand every connection that is opened meanwhile, by whatever code, to a watcher."""
    connect = sqlite3.connect

    def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        watcher(connection)
        return connection

    sqlite3.connect = watched  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect


# --- commands ------------------------------------------------------------------------------------


def command(*arguments: object, batch: int | None = None, wait: float | None = None) -> list[str]:
    """Give the command line of `tickertrack ARGUMENTS`, with other batches or a shorter wait."""
    words = list(map(str, arguments))
    if batch is None and wait is None:
        return [sys.executable, "-m", "tickertrack", *words]
    return own_process("tickertrack", batch or 200, wait or 30, *words)


def own_process(name: str, *arguments: object) -> list[str]:
    """Give the command line that runs a function of this file in a process of its own."""
    return [sys.executable, __file__, name, *map(str, arguments)]


def run(words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        words, capture_output=True, text=True, timeout=120, check=False, **options
    )


def tickertrack(batch: str, wait: str, *arguments: str) -> None:
    """Run the command line with so many pages in a transaction, and so many seconds' patience."""
    from tickertrack import tracker  # noqa: PLC0415
    from tickertrack.cli import main  # noqa: PLC0415
    from tickertrack.store import connect  # noqa: PLC0415

    tracker.BATCH = int(batch)
    connect._BUSY_SECONDS = float(wait)  # noqa: SLF001
    main(list(arguments))


def ingest_boasting(*arguments: str) -> None:
    """Run the command line, but with pages called stored when they are only about to be."""
    from tickertrack.cli import main  # noqa: PLC0415
    from tickertrack.store.intake import Intake  # noqa: PLC0415

    store = Intake.store

    def boasted(self: Intake, facts: Facts, *others: Any) -> IngestReport:
        for page in facts.pages:
            logging.getLogger("tickertrack").debug("stored %s", page.url)
        # Time enough for the kill to come before the commit, on however fast a machine.
        time.sleep(2)
        return store(self, facts, *others)

    Intake.store = boasted  # type: ignore[method-assign]
    main(list(arguments))


# --- disks of their own --------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of a size, in memory; skips the test where that is not allowed."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    options = f"size={size},mode=0755"
    tried = run([mount, "-t", "tmpfs", "-o", options, "tickertrack-test", str(folder)])
    if tried.returncode:
        pytest.skip(f"mounting a small disk is not allowed here: {tried.stderr.strip()}")
    try:
        yield folder
    finally:
        run(["umount", "-l", str(folder)])


def remount(folder: Path, how: str) -> None:
    """Make a small disk read-only (`ro`) or writable again (`rw`)."""
    done = run(["mount", "-o", f"remount,{how}", str(folder)])
    if done.returncode:
        pytest.skip(f"remounting is not allowed here: {done.stderr.strip()}")


# --- parts that need processes of their own ------------------------------------------------------


def open_killed(folder: str, step: str, base: str = "") -> None:
    """
    Open a database for writing once per so many statements of the opening, killed just before one.

    The databases are left in FOLDER as 0.db, 1.db ...; the last one was opened to the end.
    """
    from tickertrack.store import schema  # noqa: F401, PLC0415  (imported once, before the forks)
    from tickertrack.store.connect import open_writing  # noqa: PLC0415

    for number in range(0, 10_000, int(step)):
        path = Path(folder) / f"{number}.db"
        if base:
            shutil.copy(base, path)
        child = os.fork()
        if child == 0:
            with watching(_killer(number)):
                open_writing(path)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


def _killer(number: int) -> Watcher:
    left = [number]

    def count(_: str) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    return lambda connection: connection.set_trace_callback(count)


def open_at_once(folder: str, rounds: str, processes: str) -> None:
    """Open fresh databases, each by several processes at one moment; print the outcomes."""
    from tickertrack.errors import TickertrackError  # noqa: PLC0415
    from tickertrack.store import schema  # noqa: F401, PLC0415
    from tickertrack.store.connect import open_writing  # noqa: PLC0415

    outcomes: Counter[str] = Counter()
    for number in range(int(rounds)):
        reading, writing = os.pipe()
        children = []
        for _ in range(int(processes)):
            child = os.fork()
            if child == 0:
                os.close(writing)
                # The end of the pipe is the start for all.
                os.read(reading, 1)
                try:
                    open_writing(Path(folder) / f"{number}.db").close()
                except TickertrackError as error:
                    print(error)  # noqa: T201
                    sys.stdout.flush()
                    os._exit(1)
                os._exit(0)
            children.append(child)
        os.close(reading)
        os.close(writing)
        outcomes.update("opened" if os.waitpid(one, 0)[1] == 0 else "failed" for one in children)
    print(json.dumps(outcomes))  # noqa: T201


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
