"""The tables, in migrations one after the other; sqlite-utils keeps the record of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlite_utils import Database, Migrations

from tickertrack.store.ddl.collecting import ASKED_FOR_WHOM, BACKFILLING, COLLECTING, MERGED
from tickertrack.store.ddl.first import CONCLUSIONS, DAEMON, FACTS, FIRST_LINKS
from tickertrack.store.ddl.later import QUOTES, TOLD_BY_WRITER
from tickertrack.store.ddl.news import FORMER, NEWS, SEARCH_LATER
from tickertrack.store.memory import MEMORY

if TYPE_CHECKING:
    import sqlite3

__all__ = ["migrate"]

migrations = Migrations("tickertrack")


@migrations()
def create_tables(db: Database) -> None:
    """Lay the tables of the first release."""
    for script in (FACTS, CONCLUSIONS, FIRST_LINKS, DAEMON):
        _lay(db, script)


@migrations()
def search_articles(db: Database) -> None:
    """Index titles and texts for full-text search, kept current by triggers."""
    articles = db.table("articles")
    articles.enable_fts(["title", "text"], create_triggers=True, tokenize="porter")


@migrations()
def remember_fetches(db: Database) -> None:
    """Lay what the daemon remembers: addresses, hosts, and why a run took place."""
    _lay(db, COLLECTING)


@migrations()
def link_news(db: Database) -> None:
    """Lay the tables of moves and their news; what is stored already waits to be linked."""
    db.conn.execute("DROP TABLE links")
    _lay(db, NEWS)
    db.conn.execute("INSERT INTO unlinked_articles SELECT id FROM articles")


@migrations()
def find_refusals(db: Database) -> None:
    """Index refusals by page: a page that reads otherwise takes its own with it."""
    db.conn.execute("CREATE INDEX quarantine_page ON quarantine (page_id)")


@migrations()
def search_later(db: Database) -> None:
    """Let articles wait for full-text search, until they are read for names."""
    # Its triggers hold statements of their own.
    for statement in (part.strip() for part in re.split(r"(?<=;)\n(?=[A-Z-])", SEARCH_LATER)):
        db.conn.execute(statement)


@migrations()
def remember_drawings(db: Database) -> None:
    """Lay the tables of what resolve keeps; the next one draws all anew, and fills them."""
    _lay(db, MEMORY)


@migrations()
def remember_archives(db: Database) -> None:
    """Lay what is remembered of archives on the net: their indexes' answers, and each capture."""
    _lay(db, BACKFILLING)


@migrations()
def remember_articles(db: Database) -> None:
    """Lay what articles were before longer copies of them; of those stored by now nothing is."""
    _lay(db, FORMER)


@migrations()
def leave_unchecked(db: Database) -> None:
    """Let quotes lack what their lines do not print."""
    _lay(db, QUOTES)


@migrations()
def tell_by_writer(db: Database) -> None:
    """Let new articles and pages wait by a sweep of whoever stores them, not row by row."""
    _lay(db, TOLD_BY_WRITER)


@migrations()
def ask_for_each_publisher(db: Database) -> None:
    """Forget which answers of archives' indexes there were: they are asked again, for each."""
    _lay(db, ASKED_FOR_WHOM)


@migrations()
def remember_merges(db: Database) -> None:
    """Lay what is remembered of merged parts; those that were by now are merged once more."""
    _lay(db, MERGED)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, inside the transaction that the caller has begun."""
    # Plugins of the machine's other programs have no business on this connection.
    migrations.apply(Database(connection, execute_plugins=False))


def _lay(db: Database, script: str) -> None:
    """Run the statements of a script, none of which holds others."""
    for statement in script.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
