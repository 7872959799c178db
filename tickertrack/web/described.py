"""What Datasette's pages say of our tables: descriptions of tables and columns, named questions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tickertrack.config import read_toml
from tickertrack.store.canned import CANNED
from tickertrack.web.settings import our_database

__all__ = ["described", "is_ours", "named_queries", "tables"]

TABLES = Path(__file__).with_name("tables.toml")

Row = dict[str, Any]


def is_ours(datasette: Any, database: Any) -> bool:
    """Say whether a database of this name is the tracker's."""
    found = our_database(datasette)
    return found is not None and found[0] == database


def described(datasette: Any) -> Row:
    """Describe our database, if there is one."""
    found = our_database(datasette)
    if found is None:
        return {}
    title = "tickertrack"
    about = "A checked, dated price history, and the news beside each move."
    return {"databases": {found[0]: {"title": title, "description": about, "tables": tables()}}}


def named_queries(datasette: Any, database: str) -> Row:
    """Give the questions that have a name."""
    return dict(CANNED) if is_ours(datasette, database) else {}


@cache
def tables() -> Row:
    """Read what each table and column holds; of what resolve and link keep for themselves, that."""
    found: Row = {}
    for name, said in read_toml(TABLES).items():
        columns = {key: value for key, value in said.items() if key != "description"}
        # A table whose columns nobody needs to know is not listed at first.
        found[name] = {"description": said["description"], "hidden": not columns}
        if columns:
            found[name]["columns"] = columns
    return found
