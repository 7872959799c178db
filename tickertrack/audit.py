"""Whether stored quotes still stand on their pages, and whether database and calendar are well."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from itertools import groupby, tee
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tickertrack.errors import NoDatabaseError, SourceError, StoreError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Locator, Page
from tickertrack.pages import Capture, Desk
from tickertrack.sources.files import STDIN, Given, captures_in, is_archive
from tickertrack.sources.remote import File, file_of
from tickertrack.store import read, stored
from tickertrack.store.connect import SCHEMA_VERSION, told
from tickertrack.store.drawn import count_damaged
from tickertrack.store.facts import in_float

if TYPE_CHECKING:
    from tickertrack.tracker import Tracker

__all__ = ["DIFFERENCE", "FINDING", "examine", "is_damaged", "verify_pages", "verify_sample"]

Row = dict[str, Any]
# Why a page is not there any more, where that is known.
Absent = SourceError | None

DIFFERENCE = ("file", "offset", "url", "difference")
_MOVED = "the page is not where it was"
FINDING = ("check", "state", "value", "detail")

# The WAL-reset bug: fixed in 3.51.3. It needs two checkpointers at one time.
_WAL_BUG = ((3, 7, 0), (3, 51, 2))
_LITTLE_SPACE = 100 * 1024 * 1024
_MIB = 1024 * 1024
# A session that the calendar lists but the strips step over: so many symbols must agree.
_STEPPED_OVER = 5


def verify_pages(tracker: Tracker) -> tuple[int, list[Row]]:
    """Read each stored page again from its locator; list where text, strip or quotes differ."""
    with told(tracker.path):
        ids = stored.pages_by_place(tracker.reader())
    return _verified(tracker, ids)


def verify_sample(tracker: Tracker, count: int) -> tuple[int, list[Row]]:
    """Verify so many stored pages, drawn anew each time."""
    with told(tracker.path):
        ids = stored.pages_by_place(tracker.reader())
    places = sorted(random.sample(range(len(ids)), min(count, len(ids))))
    return _verified(tracker, [ids[place] for place in places])


def _verified(tracker: Tracker, ids: Sequence[int]) -> tuple[int, list[Row]]:
    differences: list[Row] = []
    checked = 0
    with _readers(tracker) as reader_of:
        desk = tracker.desk()
        for file, pages in groupby(_stored(tracker, ids), key=itemgetter("file")):
            for page, found in _beside(pages, file_of(file)):
                checked += 1
                reader = reader_of(_named(page, desk))
                again = reader.read(found) if isinstance(found, Capture) else found
                differences.extend(_compare(page, again, tracker))
    return checked, differences


def examine(tracker: Tracker) -> list[Row]:
    """Examine database, disk, SQLite and calendar: one finding each, `ok`, `note` or `problem`."""
    with told(tracker.path):
        return [
            *_database(tracker),
            *_calendar(tracker.reader()),
            *_counts(tracker.reader()),
        ]


@contextmanager
def _readers(tracker: Tracker) -> Iterator[Callable[[str | None], IsolatedReader]]:
    """Give a reader for each publisher whose the pages are said to be; end them together."""
    with ExitStack() as stack:

        @cache
        def reader_of(publisher: str | None) -> IsolatedReader:
            return stack.enter_context(IsolatedReader(tracker.desk(publisher)))

        yield reader_of


def _stored(tracker: Tracker, ids: Sequence[int]) -> Iterator[Row]:
    """Read what is stored of pages, one at a time, of those that lie in files."""
    for page_id in ids:
        with told(tracker.path):
            page = stored.stored_page(tracker.reader(), page_id)
        if page is not None and page["file"] != STDIN:
            yield page


def _named(page: Row, desk: Desk) -> str | None:
    """Give the publisher whose a page was said to be; None where its address says so."""
    owner = desk.publisher_of(page["url"])
    return None if owner and owner.name == page["publisher"] else page["publisher"]


def _beside(pages: Iterator[Row], file: File) -> Iterator[tuple[Row, Capture | Absent]]:
    """Give with each page of a file, in their order there, what stands at its place now."""
    if is_archive(file):
        # Imported where it is used; of an archive only the stored records are read.
        from tickertrack.sources.warc import read_each  # noqa: PLC0415

        pages, places = tee(pages)
        yield from zip(pages, read_each(file, map(_place, places)), strict=True)
        return
    faults: list[SourceError] = []
    captures = _captures(file, faults)
    capture = next(captures, None)
    for page in pages:
        while capture and capture.locator.offset < page["offset"]:
            capture = next(captures, None)
        if capture and capture.locator == _place(page):
            yield page, _as_given(capture, page)
        else:
            yield page, next(iter(faults), None)


def _captures(file: File, faults: list[SourceError]) -> Iterator[Capture]:
    """Yield what a file holds, and note what is wrong with the whole of it."""
    for found in captures_in(file, Given()):
        if isinstance(found, Capture):
            yield found
        elif found.line is None:
            faults.append(found)


def _place(page: Row) -> Locator:
    return Locator(page["file"], page["offset"], page["length"])


def _as_given(capture: Capture, page: Row) -> Capture:
    """Give a copy that does not say when it was captured the time that the caller said."""
    if page["capture_basis"] != "given" or capture.captured_at:
        return capture
    at = datetime.fromisoformat(page["captured_at"])
    return replace(capture, captured_at=at, capture_basis="given")


def _compare(page: Row, again: Page | Absent, tracker: Tracker) -> Iterator[Row]:
    if not isinstance(again, Page):
        yield _difference(page, again.what if again and again.line is None else _MOVED)
        return
    if again.sha256 != page["sha256"]:
        yield _difference(page, "the page's text has changed")
        return
    if (again.strip.digest if again.strip.quotes else None) != page["digest"]:
        yield _difference(page, "the strip reads otherwise")
        return
    with told(tracker.path):
        lines = stored.lines_of(tracker.reader(), page["digest"])
    if len(lines) != len(again.strip.quotes):
        yield _difference(page, f"{len(lines)} of {len(again.strip.quotes)} lines are stored")
        return
    for row, quote in zip(lines, again.strip.quotes, strict=True):
        own = {
            "line": quote.line,
            "symbol": quote.symbol,
            "price": float(quote.price),
            "change": in_float(quote.change),
            "percent": in_float(quote.percent),
            "direction": quote.direction,
            "reference_price": in_float(quote.reference_price),
            "verdict": quote.verdict,
            "raw": quote.raw,
        }
        changed = sorted(name for name, value in own.items() if row[name] != value)
        if changed:
            yield _difference(page, f"{row['symbol']}: stored {', '.join(changed)} differs")


def _difference(page: Row, what: str) -> Row:
    return {
        "file": page["file"],
        "offset": page["offset"],
        "url": page["url"],
        "difference": what,
    }


def is_damaged(tracker: Tracker) -> bool:
    """Say whether the database holds what we never store: the work of a bit that flipped."""
    try:
        with told(tracker.path):
            return any(one["state"] == "problem" for one in _soundness(tracker.reader()))
    except NoDatabaseError:
        return False
    except StoreError:
        return True


def _soundness(connection: sqlite3.Connection) -> Iterator[Row]:
    broken = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    yield _finding("integrity", "ok" if broken == ["ok"] else "problem", "; ".join(broken))
    dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
    yield _finding(
        "foreign keys", "problem" if dangling else "ok", f"{len(dangling)} rows without their owner"
    )
    wrong = sum(_impossible(connection)) + count_damaged(connection)
    yield _finding(
        "values",
        "problem" if wrong else "ok",
        f"{wrong} days, times and numbers that are none",
    )


def _impossible(connection: sqlite3.Connection) -> Iterator[int]:
    """Count, column by column, what none of our rows holds and SQLite's check passes over."""
    columns = connection.execute(
        "SELECT m.name, c.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c"
        " WHERE m.type = 'table' AND (c.name IN ('board', 'session') OR c.name GLOB '*_date'"
        " OR c.name GLOB '*_at' OR c.name GLOB '*_seen')"
    ).fetchall()
    for table, column in columns:
        day = f"substr({column}, 1, 10)"
        wrong = f"date({day}) IS NOT {day} OR datetime({column}) IS NULL"
        if column == "board":
            # Of a table without rowid its CHECKs are not looked at.
            wrong = "board NOT IN ('stocks', 'index')"
        yield connection.execute(f"SELECT count({column}) FROM {table} WHERE {wrong}").fetchone()[0]


def _database(tracker: Tracker) -> Iterator[Row]:
    connection = tracker.reader()
    yield from _soundness(connection)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    yield _finding("schema", "ok", f"{version} of {SCHEMA_VERSION}")
    low, high = _WAL_BUG
    affected = low <= sqlite3.sqlite_version_info <= high
    yield _finding(
        "sqlite",
        "note" if affected else "ok",
        f"{sqlite3.sqlite_version}"
        + (", of the versions with the WAL-reset bug: let one process write" if affected else ""),
    )
    free = shutil.disk_usage(tracker.path.absolute().parent).free
    yield _finding(
        "disk", "ok" if free > _LITTLE_SPACE else "problem", f"{free // _MIB} MiB free", free
    )


def _calendar(connection: sqlite3.Connection) -> Iterator[Row]:
    witnessed = [
        f"{row['session']} ({row['pages']} pages)"
        for row in connection.execute(
            "SELECT sessions.session, count(DISTINCT page_id) AS pages FROM sessions JOIN sittings"
            " ON sittings.session = sessions.session WHERE source = 'witnessed'"
            " GROUP BY 1 HAVING count(DISTINCT page_id) > 1 ORDER BY 1"
        )
    ]
    yield _finding(
        "calendar: closed but traded",
        "problem" if witnessed else "ok",
        ", ".join(witnessed) or "no session on a day that the calendar calls closed",
    )
    stepped = [day.isoformat() for day in _stepped_over(connection)]
    yield _finding(
        "calendar: listed but stepped over",
        "problem" if stepped else "ok",
        ", ".join(stepped) or "no listed session that the strips step over",
    )


def _stepped_over(connection: sqlite3.Connection) -> Iterator[date]:
    """Find listed sessions without a price, whose neighbours' prices join without a gap."""
    rows = connection.execute(
        "SELECT s.session, sum(b.price = a.reference_price) AS joined, count(*) AS pairs"
        " FROM (SELECT session, lag(session) OVER (ORDER BY session) AS before,"
        "   lead(session) OVER (ORDER BY session) AS after FROM sessions) AS s"
        " JOIN prices b ON b.session = s.before AND b.status = 'final'"
        " JOIN prices a ON a.session = s.after AND a.symbol = b.symbol"
        " WHERE a.quotes > 0 AND NOT EXISTS (SELECT 1 FROM sittings t WHERE t.session = s.session)"
        " GROUP BY s.session"
    )
    for row in rows:
        if row["pairs"] >= _STEPPED_OVER and row["joined"] >= 0.9 * row["pairs"]:
            yield date.fromisoformat(row["session"])


def _counts(connection: sqlite3.Connection) -> Iterator[Row]:
    pages = connection.execute("SELECT count(*) FROM pages").fetchone()[0]
    boards, undated = read.dating(connection)
    conflicts = connection.execute(
        "SELECT count(*) FROM prices WHERE conflict IS NOT NULL"
    ).fetchone()[0]
    refused = connection.execute("SELECT count(*) FROM quarantine").fetchone()[0]
    yield _finding("pages", "ok", f"{pages} stored")
    mostly = "note" if 2 * undated > boards else "ok"
    yield _finding("dating", mostly, f"{boards} boards, {undated} undated")
    yield _finding("prices", "note" if conflicts else "ok", f"{conflicts} conflicting")
    yield _finding("quarantine", "note" if refused else "ok", f"{refused} refused lines and pages")


def _finding(check: str, state: str, detail: str, value: float | None = None) -> Row:
    return {"check": check, "state": state, "value": value, "detail": detail}
