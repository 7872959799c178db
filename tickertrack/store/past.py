"""The facts as they were at a time: what was stored later is taken out of copies, or added."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from tickertrack.store.batch import let_wait, marks, replace_article, restore_articles
from tickertrack.store.connect import transaction
from tickertrack.store.facts import stamp_of
from tickertrack.store.readings import forget_unshown

__all__ = ["add_between", "forget_after", "has_grown"]

# Where each fact has its time. An article that a longer copy replaced was another until then.
_TIMES = (
    ("pages", "stored_at"),
    ("reference_closes", "stored_at"),
    ("former_articles", "replaced_at"),
)


def has_grown(connection: sqlite3.Connection, moment: datetime) -> bool:
    """Say whether any fact was stored after a moment."""
    later = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {at} > ?1)" for table, at in _TIMES)
    return bool(connection.execute(f"SELECT {later}", (stamp_of(moment),)).fetchone()[0])


def forget_after(connection: sqlite3.Connection, path: Path, moment: datetime) -> None:
    """
    Take out the facts that were stored after a moment; for copies only.

    An article that a later copy gave more text gets back what it had.
    """
    later = (stamp_of(moment),)
    with transaction(connection, path):
        for table in ("sittings", "quarantine"):
            of_page = "page_id IN (SELECT id FROM pages WHERE stored_at > ?)"
            connection.execute(f"DELETE FROM {table} WHERE {of_page}", later)
        connection.execute("DELETE FROM pages WHERE stored_at > ?", later)
        connection.execute("DELETE FROM reference_closes WHERE stored_at > ?", later)
        forget_unshown(connection)
        restore_articles(connection, *later)


def add_between(
    past: sqlite3.Connection,
    now: sqlite3.Connection,
    path: Path,
    moments: tuple[datetime, datetime],
) -> None:
    """
    Add to a copy the facts that were stored after one moment and by another.

    An article that got more text by then gets it.
    """
    span = tuple(map(stamp_of, moments))
    with transaction(past, path):
        articles = _ids(now, _ARTICLES, span)
        fresh = [own_id for own_id in articles if _set_article(past, now, own_id, span[1])]
        for table in ("unlinked_articles", "unsearched_articles"):
            let_wait(past, table, fresh)
        for into, rows in _BETWEEN:
            found = now.execute(rows, span)
            sql = f"INSERT OR {into} VALUES ({marks(len(found.description))})"
            past.executemany(sql, map(tuple, found))
        let_wait(past, "undrawn_pages", _ids(now, _DRAWN, span))


_BY_THEN = "stored_at > ?1 AND stored_at <= ?2"
_PAGES = f"FROM pages WHERE {_BY_THEN}"
_DRAWN = f"SELECT id {_PAGES} AND strip_id IS NOT NULL"
_ARTICLES = (
    f"SELECT article_id {_PAGES} UNION"
    " SELECT id FROM former_articles WHERE replaced_at > ?1 AND replaced_at <= ?2"
)
# In this order: a page stands on what it shows.
_BETWEEN = (
    ("IGNORE INTO strips", f"SELECT * FROM strips WHERE id IN (SELECT strip_id {_PAGES})"),
    ("IGNORE INTO quotes", f"SELECT * FROM quotes WHERE strip_id IN (SELECT strip_id {_PAGES})"),
    ("IGNORE INTO pages", f"SELECT * {_PAGES}"),
    ("IGNORE INTO quarantine", f"SELECT * FROM quarantine WHERE page_id IN (SELECT id {_PAGES})"),
    ("REPLACE INTO reference_closes", f"SELECT * FROM reference_closes WHERE {_BY_THEN}"),
)


def _ids(connection: sqlite3.Connection, sql: str, span: tuple[str, ...]) -> list[int]:
    return [row[0] for row in connection.execute(sql, span)]


def _set_article(
    past: sqlite3.Connection, now: sqlite3.Connection, own_id: int, stamp: str
) -> bool:
    """Let an article have what it had at a time; say whether it is new."""
    row = _article_at(now, own_id, stamp)
    before = past.execute("SELECT * FROM articles WHERE id = ?", (own_id,)).fetchone()
    if before is None:
        past.execute(f"INSERT INTO articles VALUES ({marks(len(row))})", row)
    elif tuple(before) != row:
        replace_article(past, row)
    return before is None


def _article_at(now: sqlite3.Connection, own_id: int, stamp: str) -> tuple[object, ...]:
    former = now.execute(
        "SELECT * FROM former_articles WHERE id = ? AND replaced_at > ?"
        " ORDER BY replaced_at LIMIT 1",
        (own_id, stamp),
    ).fetchone()
    if former is not None:
        return tuple(former)[:-1]
    return tuple(now.execute("SELECT * FROM articles WHERE id = ?", (own_id,)).fetchone())
