"""The facts as they were at a time: what was stored later is told, and taken out of copies."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from tickertrack.store.batch import restore_articles
from tickertrack.store.connect import transaction
from tickertrack.store.facts import stamp_of
from tickertrack.store.readings import forget_unshown

__all__ = ["forget_after", "has_grown"]

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
