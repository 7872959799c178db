"""The tables of docs/schema.md, drawn from a new database (`make schema`).

python -m bench.schema        writes the document's blocks of tables anew, and nothing beside them
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tickertrack.store.connect import open_writing

__all__ = ["drawn", "main", "statements"]

DOCUMENT = Path(__file__).parents[1] / "docs/schema.md"
_BLOCK = re.compile(r"```sql\n(.*?)```", re.DOTALL)
_NAMED = re.compile(r"CREATE (?:VIRTUAL )?(?:TABLE|VIEW) \"?(\w+)")
# What SQLite, its full-text search and the keeper of migrations lay for themselves.
_THEIRS = re.compile(r"_?sqlite_.*|articles_fts_.*")
# Columns that came later stand behind the last one, all in one line.
_LATER = re.compile(r"\n, (?P<columns>.*)\)(?P<kind>[^()]*)\Z", re.DOTALL)


def main() -> None:
    """Write the document's tables as they are."""
    DOCUMENT.write_text(drawn(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def drawn(text: str) -> str:
    """Give the document with each of its blocks drawn anew: the tables and views that it names."""
    tables = statements()
    shown = {name for block in _BLOCK.findall(text) for name in _NAMED.findall(block)}
    if shown != set(tables):
        odd = ", ".join(sorted(shown ^ set(tables)))
        sys.exit(f"{DOCUMENT.name}: shown and no table, or a table and not shown: {odd}")
    return _BLOCK.sub(lambda found: _block(_NAMED.findall(found[1]), tables), text)


def statements() -> dict[str, list[str]]:
    """List the statements that make a new database, by the table that they are of."""
    with tempfile.TemporaryDirectory() as folder:
        connection = open_writing(Path(folder) / "new.db")
        rows = connection.execute(
            "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            " ORDER BY type NOT IN ('table', 'view'), rowid"
        ).fetchall()
        connection.close()
    found: dict[str, list[str]] = defaultdict(list)
    for name, sql in rows:
        if not _THEIRS.fullmatch(name):
            found[name].append(f"{_tidy(sql)};")
    return dict(found)


def _block(names: list[str], tables: dict[str, list[str]]) -> str:
    return "```sql\n" + "\n\n".join("\n".join(tables[name]) for name in names) + "\n```"


def _tidy(sql: str) -> str:
    plain = re.sub(r'\A(CREATE TABLE )"(\w+)"', r"\1\2", sql)
    later = _LATER.search(plain)
    if later is None:
        return plain
    columns = re.split(r", (?=\w+ (?:TEXT|INTEGER|REAL|BLOB)\b)", later["columns"])
    return (
        plain[: later.start()] + "".join(f",\n  {one}" for one in columns) + f"\n){later['kind']}"
    )


if __name__ == "__main__":
    main()
