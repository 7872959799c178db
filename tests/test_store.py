"""The database refuses what cannot be true, and fails in one clear line with nothing lost."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlite_utils import Database
from support import (
    TABLES,
    command,
    digests,
    faults,
    made_pages,
    own_process,
    remount,
    run,
    schema_of,
    small_disk,
    watching,
    write_pages,
)

import tickertrack as tt
from tickertrack.audit import examine, verify_pages
from tickertrack.cli import main
from tickertrack.ingest import Sources, read_sources
from tickertrack.models import Page
from tickertrack.store import connect, schema
from tickertrack.store.batch import store_batch
from tickertrack.store.conclusions import Conclusions, store_conclusions
from tickertrack.store.connect import APPLICATION_ID, SCHEMA_VERSION, open_reading, open_writing
from tickertrack.store.facts import facts_of
from tickertrack.store.write import store_pages

PAGE = 4096

Schema = tuple[int, list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold pages.jsonl, more.jsonl, and x.db with the first ones."""
    folder = tmp_path_factory.mktemp("stored")
    pages = made_pages(60)
    source = write_pages(folder / "pages.jsonl", pages[:30])
    write_pages(folder / "more.jsonl", pages[30:])
    with tt.open(folder / "x.db") as tracker:
        tracker.ingest(source)
    with closing(sqlite3.connect(folder / "x.db")) as connection:
        # No page of it is free: each one that is damaged is a loss.
        connection.execute("VACUUM")
    return folder


@pytest.fixture
def database(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(folder / "x.db", tmp_path / "x.db"))


@pytest.fixture
def pages(folder: Path) -> list[Page]:
    with tt.open(folder / "none.db") as tracker:
        found = list(read_sources(Sources((folder / "more.jsonl",)), tracker.desk()))
    return [one for one in found if isinstance(one, Page)]


def ingest(database: Path, source: Path) -> tt.IngestReport:
    with tt.open(database) as tracker:
        return tracker.ingest(source)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one line on stderr; fails where there are more."""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("tickertrack: ")
    return done.stderr.strip()


# --- what may stand in a table -------------------------------------------------------------------


def test_the_writer_is_durable_strict_and_orderly(database: Path) -> None:
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "cell_size_check": 1}
    with closing(open_writing(database)) as connection:
        for name, value in pragmas.items():
            assert connection.execute(f"PRAGMA {name}").fetchone()[0] == value, name
        strict = {row["name"]: row["strict"] for row in connection.execute("PRAGMA table_list")}
    own = (*TABLES, "mentions", "links", "runs", "jobs")
    assert [strict[table] for table in own] == [1] * len(own)


def test_the_reader_cannot_write(database: Path) -> None:
    with closing(open_reading(database)) as connection:
        for statement in ("DELETE FROM prices", "DROP TABLE prices", "PRAGMA user_version = 9"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute(statement)


NUMBERS_THAT_ARE_NONE = (math.nan, math.inf, -math.inf, 1e300, "abc", "nan", "", b"1")
PRICES_THAT_ARE_NONE = (*NUMBERS_THAT_ARE_NONE, 0, -0.0, -1)
REFUSED = {
    ("quotes", "price"): (*PRICES_THAT_ARE_NONE, None),
    ("quotes", "change"): (*NUMBERS_THAT_ARE_NONE, None),
    ("quotes", "percent"): (*NUMBERS_THAT_ARE_NONE, None),
    ("quotes", "reference_price"): (*NUMBERS_THAT_ARE_NONE, None),
    ("quotes", "direction"): ("sideways", "", None),
    ("quotes", "board"): ("bonds", None),
    ("quotes", "verdict"): ("fine", None),
    ("quotes", "symbol"): ("", "A" * 41, None),
    ("quotes", "line"): (0, -1, "first", 1.5, None),
    ("quotes", "strip_id"): (12345, None),
    ("strips", "lines"): (0, None),
    ("pages", "capture_basis"): ("guessed", None),
    ("pages", "published_precision"): ("year",),
    ("pages", "article_id"): (12345, None),
    ("pages", "strip_id"): (12345,),
    ("sittings", "page_id"): (12345, None),
    ("sittings", "confidence"): (1.01, -0.01, math.inf, "high"),
    ("sittings", "method"): ("published",),
    ("prices", "price"): (*PRICES_THAT_ARE_NONE, None),
    # Of these NULL is an answer, and SQLite keeps NaN as NULL.
    ("prices", "reference_price"): PRICES_THAT_ARE_NONE[1:],
    ("prices", "change"): NUMBERS_THAT_ARE_NONE[1:],
    ("prices", "change_percent"): NUMBERS_THAT_ARE_NONE[1:],
    ("prices", "first"): PRICES_THAT_ARE_NONE[1:],
    ("prices", "high"): PRICES_THAT_ARE_NONE[1:],
    ("prices", "low"): PRICES_THAT_ARE_NONE[1:],
    ("prices", "status"): ("likely", None),
    ("reference_closes", "close"): (*PRICES_THAT_ARE_NONE, None),
}


@pytest.mark.parametrize(("table", "column"), REFUSED)
def test_values_that_cannot_be_true_are_refused(database: Path, table: str, column: str) -> None:
    with closing(open_writing(database)) as connection:
        connection.execute("INSERT INTO reference_closes VALUES ('KSE100', '2021-03-01', 1, '')")
        row = dict(
            connection.execute(f"SELECT * FROM {table} ORDER BY {column} IS NULL").fetchone()
        )
        change = f"UPDATE {table} SET {column} = ? WHERE {column} = ?"
        for value in REFUSED[table, column]:
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(change, (value, row[column]))
        # The control: the value that stands there is accepted.
        assert connection.execute(change, (row[column], row[column])).rowcount > 0


def test_a_plain_table_takes_what_ours_refuse() -> None:
    # The control of the rows above: neither SQLite nor Python stands in the way of them.
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE plain (price REAL)")
        for value in PRICES_THAT_ARE_NONE:
            connection.execute("INSERT INTO plain VALUES (?)", (value,))
        kept = connection.execute("SELECT count(*) FROM plain").fetchone()[0]
    assert kept == len(PRICES_THAT_ARE_NONE)


def test_the_largest_moves_that_a_line_can_print_fit_every_table(tmp_path: Path) -> None:
    # A price that one table takes and the next refuses would stop every later call.
    lines = (
        "KSE100 999,999,999,999 Decreased By -999,999,999,999 (-50%)",
        "BR100 9,999,999,999 Increased By 9,999,999,998.99 (999999999899%)",
        "BR30 1 Increased By 0.9999 (999900%)",
    )
    page = {"text": "\n".join((f"date 2021-12-07 {lines[0]}", *lines[1:], "Kites fly high"))}
    assert ingest(tmp_path / "x.db", write_pages(tmp_path / "x.jsonl", [page])).quotes == 3
    with tt.open(tmp_path / "x.db") as tracker:
        prices = {row["symbol"]: row["reference_price"] for row in tracker.history_rows([])}
    assert prices == {"KSE100": 1_999_999_999_998, "BR100": 0.01, "BR30": 0.0001}


def test_words_that_are_no_text_are_stored_all_the_same(tmp_path: Path) -> None:
    half = "\ud800"
    page = {
        "url": f"https://www.brecorder.com/news/40000001/{half}",
        "title": f"Kites {half} fly\x00",
        "text": f"ANL 33.30 Increased By ▲ 0.20 (0.6%)\nKites {half} fly\n\nHigh {half}.",
    }
    record = tmp_path / "page.jsonl"
    record.write_text(json.dumps(page), encoding="ascii")
    name = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.txt"))
    name.write_text("BOP 9.10 No Change ▼ 0.00 (0%)\nKites fly", encoding="utf-8")
    for source in (record, name):
        assert ingest(tmp_path / "x.db", source).quotes == 1
        assert ingest(tmp_path / "x.db", source).pages == 0
    assert faults(tmp_path / "x.db") == []


# --- pages that read otherwise -------------------------------------------------------------------

OWN = """
name = "own"
line = "{symbol} {price} {word} {change} ({percent}%)"
[number]
group = "."
decimal = ","
[words]
up = ["up"]
down = ["down"]
[strip]
prefix = ['date (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})']
"""
BROKEN = {
    "line": ("{symbol} {price} {word}", "{symbol}: {price} {word}"),
    "words": ('up = ["up"]', 'up = ["rises"]'),
    "numbers": ('group = "."', 'group = "."\npercent_decimals = 4'),
    "prefix": ("'date (?P", "'on (?P"),
    "day": ("(?P<date>", "(?P<day>"),
}
WAYS = [*((what, True) for what in BROKEN), ("line", False), ("words", False), ("numbers", False)]
GAZETTE = """
name = "gazette"
hosts = ["gazette.example"]
[[dialects]]
name = "own"
"""
MOVES = ("up 0,20 (0,6%)", "down -0,10 (-0,3%)")


def own_tracker(folder: Path, dialect: str, database: Path) -> tt.Tracker:
    """Open a database with a dialect of one's own; each folder's is loaded but once."""
    for name, text in {
        "dialects/own.toml": dialect,
        "publishers/gazette.toml": GAZETTE,
        "config.toml": '[collect]\npublishers = ["gazette"]\n',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return tt.open(database, config=folder / "config.toml")


def own_pages(folder: Path) -> Path:
    """Write pages of which some share a strip, but none an article."""
    strips = [
        f"date 2021-03-0{day} ANL 33,30 {MOVES[day % 2]}\nBOP 9,10 {MOVES[0]}" for day in (2, 2, 3)
    ]
    pages = [
        {"text": f"{strip}\nKites fly\n\nOver {number} roofs."}
        for number, strip in enumerate(strips)
    ]
    pages += [{"text": f"ANL 33,30 {MOVES[0]}\nKites", "captured_at": "2021-03-04T12:00:00Z"}]
    pages += [pages[0] | {"url": "https://gazette.example/kites"}]
    return write_pages(folder / "own.jsonl", [*pages, {"text": "Kites\n\nNo strip."}])


@pytest.mark.parametrize(("what", "mends"), WAYS)
def test_pages_read_by_another_dialect_give_the_tables_of_it_alone(
    tmp_path: Path,
    what: str,
    mends: bool,  # noqa: FBT001
) -> None:
    source, broken = own_pages(tmp_path), OWN.replace(*BROKEN[what])
    assert broken != OWN
    before, after = (broken, OWN) if mends else (OWN, broken)
    with own_tracker(tmp_path / "before", before, tmp_path / "x.db") as tracker:
        first = tracker.ingest(source)
    stale, stored = digests(tmp_path / "x.db"), stamps(tmp_path / "x.db")
    with own_tracker(tmp_path / "after", after, tmp_path / "x.db") as tracker:
        again = tracker.ingest(source)
        assert again.pages == 0
        assert stamps(tmp_path / "x.db") == stored
        assert verify_pages(tracker) == (first.pages, [])
        once_more = tracker.ingest(source)
    assert (once_more.strips, once_more.quotes, once_more.quarantined) == (0, 0, 0)
    with own_tracker(tmp_path / "fresh", after, tmp_path / "fresh.db") as tracker:
        tracker.ingest(source)
    assert digests(tmp_path / "x.db") == digests(tmp_path / "fresh.db")
    assert faults(tmp_path / "x.db") == []
    # The control: what was stored before were other tables.
    assert stale != digests(tmp_path / "x.db")


def stamps(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT stored_at FROM pages ORDER BY id")]


# --- all or nothing ------------------------------------------------------------------------------


def interrupter(after: int) -> Callable[[sqlite3.Connection], None]:
    """Make the statement of a connection fail that is running after so many steps of SQLite."""
    left = [after]

    def step() -> bool:
        left[0] -= 1
        return left[0] == 0

    return lambda connection: connection.set_progress_handler(step, 1)


def test_a_batch_is_stored_whole_or_not_at_all(database: Path, pages: list[Page]) -> None:
    before = digests(database)
    few, after = pages[:4], 1
    with closing(open_writing(database)) as connection:
        while digests(database) == before:
            interrupter(after)(connection)
            with suppress(tt.StoreError):
                store_pages(connection, database, few)
            assert not connection.in_transaction
            after += 97
    assert after > 10 * 97
    assert faults(database) == []
    assert count(database, "pages") == 30 + len(few)


def test_conclusions_are_replaced_whole_or_not_at_all(database: Path) -> None:
    before = digests(database)
    after, emptied = 1, ("sittings", "prices", "sessions")
    with closing(open_writing(database)) as connection:
        while digests(database) == before:
            interrupter(after)(connection)
            with suppress(tt.StoreError):
                store_conclusions(connection, database, "psx", lambda: Conclusions((), (), ()))
            after += 211
    assert after > 5 * 211
    assert [count(database, table) for table in emptied] == [0, 0, 0]


def test_pages_without_a_transaction_are_left_torn(database: Path, pages: list[Page]) -> None:
    # The control: the same interruptions tear a page where each statement stands alone.
    with closing(open_writing(database)) as connection:
        for after in range(1, 1_000, 97):
            interrupter(after)(connection)
            with suppress(sqlite3.OperationalError):
                store_batch(connection, facts_of(pages[:1], set()), {})
            if faults(database):
                return
    pytest.fail("no interruption tore the page")


def count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


# --- migrations ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    path = tmp_path_factory.mktemp("current") / "x.db"
    open_writing(path).close()
    return schema_of(path)


@pytest.fixture
def first_schema(tmp_path: Path) -> Path:
    """Make a database of the first schema, with an article in it."""
    path = tmp_path / "first.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrations.apply(Database(connection), stop_before="search_articles")
        connection.execute(
            "INSERT INTO articles (id, text, tags, sha256) VALUES (1, 'kites', '[]', '')"
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.mark.parametrize(
    "step", [9, pytest.param(1, marks=pytest.mark.slow)], ids="one of {}".format
)
def test_a_kill_at_any_statement_leaves_the_old_schema_or_the_new(
    tmp_path: Path, first_schema: Path, current: Schema, step: int
) -> None:
    for base in (None, first_schema):
        old = schema_of(base) if base else (0, [])
        folder = tmp_path / f"from {old[0]}"
        folder.mkdir()
        done = run(own_process("open_killed", folder, step, *([base] if base else [])))
        assert done.returncode == 0, done.stderr
        killed = sorted(folder.glob("*.db"), key=lambda path: int(path.stem))
        found = [schema_of(path) for path in killed]
        # Old until some statement, new from there on; and there was much to interrupt.
        assert found == [old] * found.count(old) + [current] * found.count(current)
        assert found.count(old) * step > 20
        assert found[-1] == current
        for path in killed[:: max(len(killed) // 5, 1)]:
            open_writing(path).close()
            assert schema_of(path) == current
            assert searched(path) == ([1] if base else [])


def test_an_error_at_any_step_leaves_the_old_schema_or_the_new(
    tmp_path: Path, first_schema: Path, current: Schema
) -> None:
    rng = random.Random(1)  # noqa: S311
    for base in (None, first_schema):
        old = found = schema_of(base) if base else (0, [])
        tries = after = 0
        while found == old:
            tries, after = tries + 1, after + rng.randint(60, 600)
            path = tmp_path / f"{old[0]}-{after}.db"
            if base:
                shutil.copy(base, path)
            with watching(interrupter(after)), suppress(tt.StoreError):
                open_writing(path).close()
            found = schema_of(path)
        assert found == current
        assert tries > 20
        assert searched(path) == ([1] if base else [])


def test_quotes_outlive_the_table_that_they_were_in(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        strips = connection.execute("SELECT * FROM strips").fetchall()
        quotes = connection.execute("SELECT * FROM quotes").fetchall()
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        schema.migrations.apply(Database(connection), stop_before="leave_unchecked")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
        connection.executemany("INSERT INTO strips VALUES (?, ?, ?, ?)", strips)
        connection.executemany(f"INSERT INTO quotes VALUES ({', '.join('?' * 11)})", quotes)
        connection.execute("INSERT INTO drawn_by VALUES ('', '', '', 0)")
    with closing(open_writing(old)) as connection:
        assert list(map(tuple, connection.execute("SELECT * FROM quotes"))) == quotes
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        # Its triggers came with them: what changes a quote makes resolve draw all anew.
        assert connection.execute("SELECT count(*) FROM drawn_by").fetchone()[0] == 1
        connection.execute("DELETE FROM quotes")
        assert connection.execute("SELECT count(*) FROM drawn_by").fetchone()[0] == 0


LISTED = (
    *(("quotes", "direction"), ("quotes", "verdict"), ("quotes", "board")),
    *(("pages", "capture_basis"), ("pages", "published_precision")),
    *(("articles", "published_precision"), ("prices", "status"), ("sittings", "method")),
)


@pytest.mark.parametrize(("table", "column"), LISTED)
def test_a_value_that_is_not_listed_is_refused(database: Path, table: str, column: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        values = [row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM {table}")]
        connection.execute(f"UPDATE {table} SET {column} = ?", (values[0],))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(f"UPDATE {table} SET {column} = 'other'")


def test_a_migration_without_a_transaction_stops_half_way(tmp_path: Path, current: Schema) -> None:
    # The control: sqlite-utils keeps each migration whole, but not all of them together.
    between = []
    for after in range(300, 3_000, 100):
        path = tmp_path / f"{after}.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            interrupter(after)(connection)
            with suppress(sqlite3.OperationalError):
                schema.migrate(connection)
        between.append(schema_of(path)[1] not in ([], current[1]))
    assert any(between)


def searched(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH 'kite'")
        return [row[0] for row in found]


def test_many_processes_may_make_one_database_at_once(tmp_path: Path) -> None:
    done = run(own_process("open_at_once", tmp_path, 15, 8))
    assert json.loads(done.stdout.splitlines()[-1]) == {"opened": 15 * 8}, done.stdout
    assert {schema_of(path)[0] for path in tmp_path.glob("*.db")} == {SCHEMA_VERSION}


def test_a_newer_schema_is_refused_and_left_alone(database: Path, folder: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = database.read_bytes()
    for words in (("ingest", folder / "more.jsonl"), ("history", "ANL"), ("resolve",)):
        done = run(command("--db", database, *words))
        assert done.returncode == 2
        assert "newer tickertrack" in one_line(done)
        assert database.read_bytes() == before


def test_an_older_schema_is_brought_up_by_the_next_writer(first_schema: Path) -> None:
    with tt.open(first_schema) as tracker:
        with pytest.raises(tt.StoreError, match="older schema"):
            tracker.news_rows()
        tracker.resolve()
        assert len(tracker.news_rows()) == 1


# --- files that are not what they should be ------------------------------------------------------


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pages (id)")


def damaged(path: Path, *, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


STRANGERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("no database " * 99), "no database"),
    "bytes": (lambda path: path.write_bytes(bytes(range(256)) * 64), "no database"),
    "another program's": (other_program, "another program"),
    "half of one": (lambda path: damaged(path, keep=0.5), "damaged"),
    "a head without a body": (lambda path: damaged(path, keep=0.003), "damaged"),
}


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("words", [("ingest", "more.jsonl"), ("history", "ANL")])
def test_a_stranger_is_refused_in_one_line_and_left_alone(
    folder: Path, database: Path, kind: str, words: tuple[str, str]
) -> None:
    make, said = STRANGERS[kind]
    if kind == "another program's":
        database.unlink()
    make(database)
    before = database.read_bytes()
    done = run(command("--db", database, *words), cwd=folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in one_line(done)
    assert database.read_bytes() == before


def test_a_question_to_an_empty_file_says_that_there_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch()
    with tt.open(path) as tracker, pytest.raises(tt.NoDatabaseError, match="holds nothing yet"):
        tracker.history_rows([])


def test_a_zeroed_page_is_found_and_no_answer_is_a_traceback(tmp_path: Path) -> None:
    # Few pages: each of the database's own is damaged, and then more is drawn from all.
    database, (*first, more) = tmp_path / "x.db", made_pages(10)
    ingest(database, write_pages(tmp_path / "pages.jsonl", first))
    write_pages(tmp_path / "more.jsonl", [more])
    # A page that holds nothing is nobody's loss.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM")
    sound = database.read_bytes()
    unseen = []
    for number in range(len(sound) // PAGE):
        path = tmp_path / "damaged.db"
        path.write_bytes(sound[: number * PAGE] + bytes(PAGE) + sound[(number + 1) * PAGE :])
        with tt.open(path) as tracker:
            for ask in (tracker.history_rows, tracker.quote_rows, tracker.coverage_rows):
                with suppress(tt.TickertrackError):
                    ask([])
            with suppress(tt.TickertrackError):
                tracker.ingest(tmp_path / "more.jsonl")
            if not troubled(tracker):
                unseen.append(number)
        for left in tmp_path.glob("damaged.db*"):
            left.unlink()
    assert len(sound) // PAGE > 20
    assert unseen == []


def troubled(tracker: tt.Tracker) -> bool:
    """Say whether `doctor` finds the database itself at fault."""
    try:
        findings = examine(tracker)
    except tt.StoreError:
        return True
    return any(one["state"] == "problem" and one["check"] in AT_FAULT for one in findings)


AT_FAULT = {"integrity", "foreign keys", "values"}


@pytest.mark.parametrize(
    ("flip", "line"),
    [
        ("UPDATE quotes SET board = 'stocls' WHERE symbol = 'ANL'", ["resolve"]),
        ("UPDATE pages SET captured_at = replace(captured_at, '-', '=')", ["resolve"]),
        ("UPDATE prices SET session = replace(session, '-0', '=0')", ["export", "prices"]),
        ("UPDATE prices SET session = replace(session, '-0', '-p')", ["moves"]),
    ],
)
def test_a_bit_that_flipped_is_one_line_and_no_traceback(
    database: Path, capsys: pytest.CaptureFixture[str], flip: str, line: list[str]
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(flip)
    to = ["-o", str(database.with_name("out.csv"))] if line[0] == "export" else []
    with pytest.raises(SystemExit) as ended:
        main(["--db", str(database), *line, *to])
    assert ended.value.code == 1
    told = capsys.readouterr().err.splitlines()
    assert [one for one in told if "is damaged" in one] == told[-1:]
    with tt.open(database) as tracker:
        assert troubled(tracker)


def test_an_error_of_ours_is_no_fault_of_a_sound_database(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The control: what the database is not guilty of stays what it is.
    def fail(_: tt.Tracker, *, afresh: bool) -> None:
        raise ZeroDivisionError(afresh)

    monkeypatch.setattr(tt.Tracker, "resolve", fail)
    with pytest.raises(ZeroDivisionError):
        main(["--db", str(database), "resolve"])


def test_a_sound_database_is_found_sound(database: Path) -> None:
    # The control of the pages above.
    with tt.open(database) as tracker:
        assert not troubled(tracker)


# --- nowhere to write ----------------------------------------------------------------------------


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write to a folder: by its rights, or for root by a remount of its small disk."""
    if os.geteuid() == 0:
        remount(folder, "ro")
    else:
        folder.chmod(0o555)
    try:
        yield
    finally:
        if os.geteuid() == 0:
            remount(folder, "rw")
        else:
            folder.chmod(0o755)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that can be made read-only, whoever we are."""
    if os.geteuid() == 0:
        with small_disk(tmp_path / "shelf", "512M") as folder:
            yield folder
    else:
        (tmp_path / "shelf").mkdir()
        yield tmp_path / "shelf"


def test_a_read_only_folder_answers_questions_and_refuses_pages(
    shelf: Path, database: Path, folder: Path
) -> None:
    path = Path(shutil.copy(database, shelf / "x.db"))
    before = digests(path)
    with read_only(shelf):
        assert run(command("--db", path, "doctor")).returncode == 0
        for words in (("history", "ANL"), ("quotes", "ANL"), ("coverage",)):
            here, there = (run(command("--db", one, *words)) for one in (path, database))
            assert (here.returncode, here.stdout) == (there.returncode, there.stdout)
        for target in (path, shelf / "new.db"):
            done = run(command("--db", target, "ingest", folder / "more.jsonl"))
            assert done.returncode == 1
            assert "check the folder" in one_line(done)
    assert ingest(path, folder / "more.jsonl").pages > 0
    assert digests(path) != before


def test_what_stands_in_the_log_alone_is_read_from_a_read_only_folder_or_said(
    shelf: Path, folder: Path
) -> None:
    with tt.open(shelf / "x.db") as tracker:
        # Not yet written back: as a kill leaves it.
        tracker.ingest(folder / "pages.jsonl")
        expected = tracker.history_rows([])
        for name in ("x.db", "x.db-wal", "x.db-shm"):
            shutil.copy(shelf / name, shelf / f"killed-{name}")
        for name in ("x.db", "x.db-wal"):
            shutil.copy(shelf / name, shelf / f"moved-{name}")
    with read_only(shelf):
        with tt.open(shelf / "killed-x.db") as tracker:
            assert tracker.history_rows([]) == expected
        with (
            tt.open(shelf / "moved-x.db") as tracker,
            pytest.raises(tt.ReadOnlyError, match="-wal"),
        ):
            tracker.history_rows([])
    with tt.open(shelf / "moved-x.db") as tracker:
        assert tracker.history_rows([]) == expected
    assert len(expected) > 10


def test_a_read_only_file_answers_questions_and_refuses_pages(database: Path, folder: Path) -> None:
    with tt.open(database) as tracker:
        expected = tracker.history_rows([])
    with file_read_only(database), tt.open(database) as tracker:
        assert tracker.history_rows([]) == expected
        with pytest.raises(tt.ReadOnlyError, match="check the folder"):
            tracker.ingest(folder / "more.jsonl")


@contextmanager
def file_read_only(path: Path) -> Iterator[None]:
    if os.geteuid() != 0:
        path.chmod(0o444)
        yield
        path.chmod(0o644)
        return
    bound = run(["mount", "--bind", str(path), str(path)])
    if bound.returncode:
        pytest.skip(f"binding a file is not allowed here: {bound.stderr.strip()}")
    try:
        run(["mount", "-o", "remount,ro,bind", str(path)])
        yield
    finally:
        run(["umount", "-l", str(path)])


# --- no room -------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 20_000, 400_000])
def test_a_full_disk_costs_one_line_and_heals_when_there_is_room(
    tmp_path: Path, database: Path, folder: Path, room: int
) -> None:
    with small_disk(tmp_path / "disk", "8M") as disk:
        path = Path(shutil.copy(database, disk / "x.db"))
        before = set(urls(database))
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free - room))
        source = write_pages(tmp_path / "many.jsonl", made_pages(150))
        done = run(command("--db", path, "ingest", source, batch=5))
        assert done.returncode == 1
        assert "make room on the disk" in one_line(done)
        asked = run(command("--db", path, "history", "ANL", "-f", "jsonl"))
        assert (asked.returncode, asked.stderr) == (0, "")
        assert asked.stdout.count("\n") > 5
        assert before <= set(urls(path))
        with tt.open(path) as tracker:
            # A program that goes on running goes on working.
            with pytest.raises(tt.DiskFullError, match="make room"):
                tracker.ingest(source)
            ballast.unlink()
            tracker.ingest(source)
        assert faults(path) == []
        ingest(path, folder / "pages.jsonl")
        calm = tmp_path / "calm.db"
        ingest(calm, source)
        ingest(calm, folder / "pages.jsonl")
        assert digests(path) == digests(calm)


def urls(database: Path) -> list[str]:
    with tt.open(database) as tracker:
        return [row["url"] for row in tracker.quote_rows([])]


def test_a_limit_on_the_size_of_files_costs_one_line(tmp_path: Path, database: Path) -> None:
    before = urls(database)
    source = write_pages(tmp_path / "many.jsonl", made_pages(150))
    words = command("--db", database, "ingest", source, batch=5)
    blocks = database.stat().st_size // 512 + 100
    done = run(["/bin/sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", *words])
    assert done.returncode == 1
    assert "make room on the disk" in one_line(done)
    assert set(before) <= set(urls(database))
    assert faults(database) == []
    assert ingest(database, source).pages > 0


# --- several at once -----------------------------------------------------------------------------


def test_two_writers_at_once_both_succeed(tmp_path: Path) -> None:
    pages = made_pages(80)
    path, both = tmp_path / "x.db", tmp_path / "both.db"
    running = []
    for part in range(2):
        source = write_pages(tmp_path / f"{part}.jsonl", pages[part::2])
        words = command("--db", path, "ingest", source, batch=1)
        running.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
    for one in running:
        assert one.wait(timeout=60) == 0, one.stderr.read()
        one.stderr.close()
    ingest(both, write_pages(tmp_path / "both.jsonl", pages))
    assert digests(path) == digests(both)


def test_reading_first_and_locking_later_fails(database: Path) -> None:
    # The control: a plain BEGIN, as libraries put it, turns the second writer away at once.
    with closing(open_writing(database)) as one, closing(open_writing(database)) as other:
        one.execute("BEGIN")
        one.execute("SELECT count(*) FROM pages").fetchone()
        with connect.transaction(other, database):
            other.execute("DELETE FROM sessions")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            one.execute("DELETE FROM sessions")


def test_conclusions_from_older_facts_do_not_replace_newer_ones(
    database: Path, folder: Path
) -> None:
    with tt.open(database) as one, tt.open(database) as other:
        drawn_from = []

        def draw() -> Conclusions:
            pages = count(database, "pages")
            if not drawn_from:
                # Facts were read; before they are concluded from, another process stores more.
                other.ingest(folder / "more.jsonl")
            drawn_from.append(pages)
            return Conclusions((), (), ())

        store_conclusions(one.writer(), database, "psx", draw)
        assert drawn_from == [30, count(database, "pages")]
        # Its own writing counts for nothing: then one look is enough.
        one.ingest(folder / "pages.jsonl")
        store_conclusions(one.writer(), database, "psx", draw)
        assert len(drawn_from) == 3


def test_a_lock_held_too_long_is_a_busy_error(
    database: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "_BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(tt.BusyError, match="try again"):
            ingest(database, folder / "more.jsonl")
        # Questions do not wait.
        assert len(urls(database)) > 0
        words = command("--db", database, "ingest", folder / "more.jsonl", wait=0.2)
        done = run(words)
        assert done.returncode == 75
        assert "try again" in one_line(done)
        holder.execute("ROLLBACK")
    # The control: a lock that ends in time costs nothing.
    assert run(words).returncode == 0


def test_what_is_stored_is_seen_by_another_connection_at_once(
    database: Path, pages: list[Page]
) -> None:
    with tt.open(database) as tracker, closing(sqlite3.connect(database)) as other:
        before = other.execute("SELECT count(*) FROM pages").fetchone()[0]
        for number, page in enumerate(pages[:5], start=1):
            tracker.store([page])
            assert other.execute("SELECT count(*) FROM pages").fetchone()[0] == before + number
