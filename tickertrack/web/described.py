"""What Datasette's pages say of our tables: descriptions of tables and columns, named questions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tickertrack.config import read_toml
from tickertrack.store.canned import CANNED
from tickertrack.web.render import words
from tickertrack.web.settings import our_database

__all__ = ["described", "is_ours", "named_queries", "short_label", "tables"]

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


def short_label(datasette: Any, database: str, value: Any) -> Markup | None:
    """
    Lead to an article by a title that is no longer than a line may be; None for all else.

    Datasette cuts long texts, but not what it calls another table's row by: of ours, a title.
    """
    label = value["label"] if isinstance(value, dict) else None
    if not isinstance(label, str) or words(label) == label or not is_ours(datasette, database):
        return None
    address = datasette.urls.row(database, "articles", value["value"])
    return Markup('<a href="{}">{}</a>').format(address, words(label))


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
