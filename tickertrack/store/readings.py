"""What was read of a stored page, and how it is forgotten when the page reads otherwise."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tickertrack.store.linked import forget_article

__all__ = ["Read", "forget_read", "forget_unshown", "read_of"]

Refusal = tuple[int, str, str | None]


@dataclass(frozen=True, slots=True)
class Read:
    """A page's strip, its day, its article, and the lines that were refused."""

    strip_id: int | None
    page_date: str | None
    article_id: int
    refused: frozenset[Refusal]


def read_of(connection: sqlite3.Connection, page_id: int) -> Read | None:
    """Give what was read of a page; None where it is not stored."""
    sql = "SELECT strip_id, page_date, article_id FROM pages WHERE id = ?"
    page = connection.execute(sql, (page_id,)).fetchone()
    if page is None:
        return None
    strip_id, day, article_id = page
    sql = "SELECT line, reason, raw FROM quarantine WHERE page_id = ?"
    refused = frozenset(map(tuple, connection.execute(sql, (page_id,))))
    return Read(strip_id, day, article_id, refused)


def forget_read(connection: sqlite3.Connection, page_id: int) -> str:
    """Take a page out with all that only it holds; give the time at which it was stored."""
    sql = "SELECT article_id, strip_id, stored_at FROM pages WHERE id = ?"
    article_id, strip_id, stored_at = connection.execute(sql, (page_id,)).fetchone()
    for table, key in (("sittings", "page_id"), ("quarantine", "page_id"), ("pages", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (page_id,))
    if not _shown(connection, "strip_id", strip_id):
        connection.execute("DELETE FROM quotes WHERE strip_id = ?", (strip_id,))
        connection.execute("DELETE FROM strips WHERE id = ?", (strip_id,))
    if not _shown(connection, "article_id", article_id):
        forget_article(connection, article_id)
    return str(stored_at)


def forget_unshown(connection: sqlite3.Connection) -> None:
    """Take out the strips and articles that no page shows."""
    shown = "SELECT strip_id FROM pages WHERE strip_id IS NOT NULL"
    connection.execute(f"DELETE FROM quotes WHERE strip_id NOT IN ({shown})")
    connection.execute(f"DELETE FROM strips WHERE id NOT IN ({shown})")
    sql = "SELECT id FROM articles WHERE id NOT IN (SELECT article_id FROM pages)"
    for (article_id,) in connection.execute(sql).fetchall():
        forget_article(connection, article_id)


def _shown(connection: sqlite3.Connection, column: str, own_id: int | None) -> bool:
    sql = f"SELECT 1 FROM pages WHERE {column} = ? LIMIT 1"
    return connection.execute(sql, (own_id,)).fetchone() is not None
