"""What tests of pages share: a Datasette asked in this process, and pages taken apart."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from showcase import make

from tickertrack.config import load_config
from tickertrack.web.serving import datasette_of

TITLE = """<script>alert(1)</script>"><img src=x onerror=alert(2)>'{{ 7*7 }}\u202e\x1b[31m"""
SYMBOL = "<IMG SRC=X ONERROR=ALERT(1)>"
_SCHEMES = {"", "http", "https"}


def make_hostile(folder: Path) -> Path:
    """Make a small database in which everything that pages say of others is hostile."""
    config = make(folder, 8)
    with closing(sqlite3.connect(config.with_name("tickertrack.db"))) as connection:
        connection.execute("UPDATE articles SET title = ?, byline = ?", (TITLE, TITLE))
        connection.execute("UPDATE articles SET publisher = ?", (TITLE,))
        connection.execute("UPDATE articles SET url = 'javascript:alert(' || id || ')'")
        connection.execute(
            "UPDATE pages SET url = 'data:text/html,<b>' || id, publisher = ?", (TITLE,)
        )
        connection.execute("UPDATE quotes SET raw = ? || raw", (TITLE,))
        connection.execute("UPDATE runs SET error = ?, job = ?", (TITLE, TITLE))
        connection.execute("UPDATE sittings SET evidence = json_object('bits', ?)", (TITLE,))
        for table in ("prices", "quotes", "links", "mentions"):
            connection.execute(f"UPDATE {table} SET symbol = ? WHERE symbol = 'FFL'", (SYMBOL,))
        connection.execute("UPDATE subjects SET name = ?", (TITLE,))
        connection.execute("UPDATE prices SET conflict = ? WHERE symbol = 'KEL'", (TITLE,))
        connection.commit()
    return config


@dataclass
class Site:
    """A Datasette and the loop in which it is asked."""

    datasette: Any
    loop: asyncio.AbstractEventLoop

    def get(self, path: str, **headers: str) -> Any:
        """Ask for a page, without following where it leads."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asking = self.datasette.client.get(path, headers=named)
        return self.loop.run_until_complete(asking)

    def text(self, path: str) -> str:
        """Give a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text[-500:]
        return str(answer.text)


@contextmanager
def asked(datasette: Any) -> Iterator[Site]:
    """Ask a Datasette, and close what it holds."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(datasette.invoke_startup())
        yield Site(datasette, loop)
    finally:
        for database in datasette.databases.values():
            database.close()
        if datasette.executor:
            datasette.executor.shutdown()
        loop.close()


@contextmanager
def served(config: Path, **how: Any) -> Iterator[Site]:
    """Serve the database of some settings."""
    with asked(datasette_of(load_config(config, environ={}), **how)) as site:
        yield site


@dataclass
class Parsed(HTMLParser):
    """A page as a browser takes it apart: elements with attributes, and the text between."""

    page: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    _in: str = ""

    def __post_init__(self) -> None:
        """Take it apart."""
        super().__init__()
        self.feed(self.page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element, and see whether what follows is a script."""
        self.elements.append((tag, dict(attrs)))
        # A block of data is none of the scripts that run.
        kind = dict(attrs).get("type")
        is_run = tag == "script" and "src" not in dict(attrs) and kind in {None, "module"}
        self._in = "script" if is_run else ""
        if is_run:
            self.inline.append("")

    def handle_data(self, data: str) -> None:
        """Keep what is said, or run."""
        if self._in == "script":
            self.inline[-1] += data
        self.said.append(data)

    def handle_endtag(self, tag: str) -> None:
        """See a script end."""
        if tag == "script":
            self._in = ""

    @property
    def text(self) -> str:
        """All that is said, with single blanks."""
        return " ".join(" ".join(self.said).split())

    def links(self) -> list[str]:
        """List where it leads, or what it fetches."""
        named = ("href", "src", "action")
        return [attrs[key] or "" for _, attrs in self.elements for key in named if key in attrs]

    def hazards(self) -> list[str]:
        """List what a page of ours never holds: handlers, styles, scripts and odd links."""
        found = [
            f"{tag} {key}"
            for tag, attrs in self.elements
            for key in attrs
            if key.startswith("on") or key == "style"
        ]
        found += [f"<{tag}>" for tag, _ in self.elements if tag in {"style", "img", "iframe"}]
        found += [f"runs {script[:40]}" for script in self.inline]
        return found + [link for link in self.links() if scheme_of(link) not in _SCHEMES]


def scheme_of(address: str) -> str:
    """Give an address's scheme as a browser sees it, which passes over blanks and breaks."""
    found = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", address).lower())
    return found[1] if found else ""
