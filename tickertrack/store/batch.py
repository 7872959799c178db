"""One batch of facts into the tables: what is new in a few sweeps, what is known page by page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from tickertrack.models import IngestReport, added, content_id
from tickertrack.store.facts import Facts, PageFacts, Row, StripFacts, stamp_of, storable
from tickertrack.store.readings import Read, forget_read, read_of

__all__ = [
    "let_wait",
    "marks",
    "merged_article",
    "refusal_row",
    "refuse",
    "replace_article",
    "restore_articles",
    "store_batch",
]

# Of each statement's variables; SQLite takes 32,766.
_ASKED = 900


def store_batch(
    connection: sqlite3.Connection, facts: Facts, dropped: dict[int, StripFacts]
) -> IngestReport:
    """
    Store facts, inside the transaction that the caller has begun; count the new.

    In `dropped` the strips of pages that read otherwise now are kept from batch to batch: who was
    told of a strip once must not be left without it.
    """
    pages, again = _once(facts.pages)
    report = _store_distinct(connection, Facts(pages, facts.strips), dropped)
    # The second of two is known by then.
    return added(report, store_batch(connection, Facts(again, {}), dropped)) if again else report


def _once(pages: Iterable[PageFacts]) -> tuple[list[PageFacts], list[PageFacts]]:
    first: list[PageFacts] = []
    again: list[PageFacts] = []
    seen: set[int] = set()
    for page in pages:
        (again if {page.id, page.undated_id} & seen else first).append(page)
        seen.update((page.id, page.undated_id))
    return first, again


def _store_distinct(
    connection: sqlite3.Connection, facts: Facts, dropped: dict[int, StripFacts]
) -> IngestReport:
    now = stamp_of(datetime.now(UTC))
    ids = {one for page in facts.pages for one in (page.id, page.undated_id)}
    stored = {row[0] for row in _select(connection, "SELECT id FROM pages WHERE id", ids)}
    fresh = {page.id: now for page in facts.pages if not {page.id, page.undated_id} & stored}
    # Before all else: what only a page held goes with it, and may come again.
    known = [page for page in facts.pages if page.id not in fresh]
    renewed = _renewed(connection, known, now, dropped) if known else {}
    named = {page.strip_id for page in facts.pages if page.strip_id is not None}
    told_before = {one: dropped.pop(one) for one in named & dropped.keys()}
    strips = _store_strips(connection, told_before | facts.strips)
    articles = _store_articles(connection, [page.article for page in facts.pages], now)
    times = fresh | renewed
    told = [page for page in facts.pages if page.id in times]
    _insert_pages(connection, told, times)
    quotes = sum(len(one.quotes) for one in strips)
    refused = sum(len(page.refused) for page in told)
    lines_known = sum(page.found for page in facts.pages) - quotes - refused
    return IngestReport(len(fresh), len(strips), quotes, lines_known, refused, articles)


def _renewed(
    connection: sqlite3.Connection,
    pages: Iterable[PageFacts],
    now: str,
    dropped: dict[int, StripFacts],
) -> dict[int, str]:
    """Forget pages that read otherwise now; give the times at which their copies were stored."""
    times: dict[int, str] = {}
    for page in pages:
        read = Read(page.strip_id, page.page_date, page.article_id, frozenset(page.refused))
        before = {one: read_of(connection, one) for one in (page.id, page.undated_id)}
        stale = [one for one, other in before.items() if other not in {None, read}]
        dropped.update((one, _strip_of(connection, one)) for one in _strips_in(before, stale))
        # The copy is no younger for being read by a better dialect.
        stored = [forget_read(connection, one) for one in stale]
        if before[page.id] != read:
            times[page.id] = min([now, *stored])
    return times


def _strips_in(before: Mapping[int, Read | None], stale: Iterable[int]) -> set[int]:
    reads = (before[one] for one in stale)
    return {read.strip_id for read in reads if read and read.strip_id is not None}


def _strip_of(connection: sqlite3.Connection, strip_id: int) -> StripFacts:
    (row,) = connection.execute("SELECT * FROM strips WHERE id = ?", (strip_id,))
    sql = "SELECT * FROM quotes WHERE strip_id = ? ORDER BY line"
    return StripFacts(tuple(row), list(map(tuple, connection.execute(sql, (strip_id,)))))


def refusal_row(owner: int | None, file: str, refusal: tuple[int | None, str, str | None]) -> Row:
    """Make a row of `quarantine`: of a page's line, or of a record that is no page."""
    line, reason, raw = refusal
    own_id = content_id(
        "quarantine", str(owner), file if owner is None else "", str(line), reason, raw
    )
    return own_id, owner, storable(file), line, reason, storable(raw)


def refuse(connection: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Keep rows of `quarantine`; count the new."""
    sql = "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)"
    return max(connection.executemany(sql, rows).rowcount, 0)


def let_wait(connection: sqlite3.Connection, table: str, ids: Sequence[object]) -> None:
    """Let what is new wait, in `undrawn_pages` or another table of that kind."""
    sql = f"INSERT OR IGNORE INTO {table} SELECT value FROM json_each(?)"
    connection.execute(sql, (json.dumps(ids),))


def marks(count: int) -> str:
    """Write so many places for values."""
    return ", ".join("?" * count)


# ---- pages


def _insert_pages(
    connection: sqlite3.Connection, pages: Sequence[PageFacts], times: Mapping[int, str]
) -> None:
    # In the order of the table, which takes them a third faster.
    rows = sorted((*page.row, times[page.id]) for page in pages)
    connection.executemany(f"INSERT INTO pages VALUES ({marks(15)})", rows)
    let_wait(connection, "undrawn_pages", [page.id for page in pages if page.strip_id is not None])
    refuse(connection, (row for page in pages for row in _refusals(page)))


def _refusals(page: PageFacts) -> Iterator[Row]:
    return (refusal_row(page.id, page.file, one) for one in page.refused)


# ---- strips


def _store_strips(
    connection: sqlite3.Connection, strips: dict[int, StripFacts]
) -> list[StripFacts]:
    """Store strips, but for those that are known and whose lines read as they did; list them."""
    known = {row[0] for row in _select(connection, "SELECT id FROM strips WHERE id", strips)}
    fresh = [strips[one] for one in sorted(strips) if one not in known]
    other = [strips[one] for one in sorted(known) if not _reads_as_stored(connection, strips[one])]
    connection.executemany(f"INSERT INTO strips VALUES ({marks(4)})", (one.row for one in fresh))
    connection.executemany(
        "DELETE FROM quotes WHERE strip_id = ?", ((one.row[0],) for one in other)
    )
    quotes = (quote for one in (*fresh, *other) for quote in one.quotes)
    connection.executemany(f"INSERT INTO quotes VALUES ({marks(11)})", quotes)
    return [*fresh, *other]


def _reads_as_stored(connection: sqlite3.Connection, strip: StripFacts) -> bool:
    return _strip_of(connection, cast("int", strip.row[0])).quotes == strip.quotes


# ---- articles


def _store_articles(connection: sqlite3.Connection, rows: Sequence[Row], at: str) -> int:
    """Keep of an article's copies the longest, whatever the order of arrival; count the new."""
    merged: dict[object, Row] = {}
    for row in rows:
        before = merged.get(row[0])
        merged[row[0]] = merged_article(before, row) if before else row
    stored = {
        row[0]: tuple(row) for row in _select(connection, "SELECT * FROM articles WHERE id", merged)
    }
    fresh = sorted(row for own_id, row in merged.items() if own_id not in stored)
    connection.executemany(f"INSERT INTO articles VALUES ({marks(10)})", fresh)
    for table in ("unlinked_articles", "unsearched_articles"):
        let_wait(connection, table, [row[0] for row in fresh])
    for own_id, before in stored.items():
        now = merged_article(before, merged[own_id])
        if now != before:
            # What was known until now: a question as of then is answered with it.
            connection.execute(
                f"INSERT OR IGNORE INTO former_articles VALUES ({marks(11)})", (*before, at)
            )
            replace_article(connection, now)
    return len(fresh)


def replace_article(connection: sqlite3.Connection, row: Row) -> None:
    """Let an article have what a row has."""
    connection.execute(
        "UPDATE articles SET (url, title, byline, published_at, published_precision, publisher,"
        " text, tags, sha256) = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
        (*row[1:], row[0]),
    )


def restore_articles(connection: sqlite3.Connection, moment: str) -> None:
    """Give articles what they had at a moment, where later copies had more."""
    rows = connection.execute(
        "SELECT former_articles.*, min(replaced_at) FROM former_articles"
        " JOIN articles USING (id) WHERE replaced_at > ? GROUP BY id",
        (moment,),
    ).fetchall()
    for row in rows:
        replace_article(connection, tuple(row)[:10])


def merged_article(before: Row, row: Row) -> Row:
    """Give of an article's copies the longest, with the finer date."""
    longer = max(before, row, key=_substance)
    dated = max(before, row, key=_datedness)
    return (*longer[:4], *dated[4:6], *longer[6:])


def _substance(row: Row) -> Row:
    title, byline, publisher, text, tags, digest = row[2], row[3], *row[6:]
    whole = (len(str(text)), title is not None, byline is not None, len(str(tags)))
    return (*whole, str(digest), str(publisher))


_PRECISIONS = {None: 0, "day": 1, "minute": 2, "second": 3}


def _datedness(row: Row) -> Row:
    # The finer date, and of equals the earlier: an article appears once, and is touched later.
    stamp = str(row[4])
    return (_PRECISIONS[row[5]], [-ord(letter) for letter in stamp])  # type: ignore[index]


def _select(
    connection: sqlite3.Connection, sql: str, ids: Collection[object]
) -> Iterator[sqlite3.Row]:
    """Select rows by any number of ids."""
    listed = list(ids)
    for start in range(0, len(listed), _ASKED):
        asked = listed[start : start + _ASKED]
        yield from connection.execute(f"{sql} IN ({marks(len(asked))})", asked)
