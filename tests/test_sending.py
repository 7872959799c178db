"""What goes out of Datasette's door: cells without formulas, pages without turning marks."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from serving import asked
from showcase import make
from traps import FORBIDDEN, KINDS

from tickertrack.harmless import safe_cell, safe_markup
from tickertrack.web.sending import harmless

Row = Sequence[str | float]

CELL = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.text(max_size=12),
    st.text('=+-@;\t\r\n",|x1', max_size=8),
    st.sampled_from([kind for kind in KINDS if "\ud800" not in kind]),
)
TABLE = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5)


def sent(body: bytes, sizes: Sequence[int], kind: str, path: str = "/ours/t.csv") -> bytes:
    """Send a body in pieces of some sizes through the door; give what comes out."""
    pieces, at = [], 0
    for size in sizes:
        pieces.append(body[at : at + size])
        at += size
    pieces.append(body[at:])

    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", kind.encode()), (b"Content-Length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    out: list[bytes] = []

    async def take(message: Any) -> None:
        # What became longer is not said to be as long as it was.
        assert b"content-length" not in dict(message.get("headers", ()))
        out.append(message.get("body", b""))

    door = harmless(app, lambda asked: asked.startswith("/ours"))
    asyncio.run(door({"type": "http", "path": path}, None, take))  # type: ignore[arg-type]
    return b"".join(out)


def written(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


@settings(max_examples=100, deadline=None)
@given(TABLE, st.lists(st.integers(0, 40), max_size=8))
def test_cells_are_made_harmless_whatever_pieces_they_come_in(rows: list[Row], sizes: list[int]):
    given_rows = list(csv.reader(io.StringIO(written(rows), newline="")))
    out = sent(written(rows).encode(), sizes, "text/csv; charset=utf-8").decode()
    taken = list(csv.reader(io.StringIO(out, newline="")))
    assert taken == [[harmless_cell(cell) for cell in row] for row in given_rows]


def harmless_cell(cell: str) -> str:
    # As a spreadsheet sees it, in its own figures.
    try:
        float(cell if cell.isascii() else "x")
    except ValueError:
        return safe_cell(cell)
    return cell if set(cell.lower()) <= set("0123456789.e+-") else safe_cell(cell)


@settings(max_examples=100, deadline=None)
@given(st.text(), st.lists(st.integers(0, 10), max_size=8))
def test_pages_lose_their_marks_and_nothing_else(text: str, sizes: list[int]):
    out = sent(text.encode(), sizes, "text/html; charset=utf-8", "/any").decode()
    assert out == safe_markup(text)
    assert not set(out) & (FORBIDDEN - {"\t", "\r"})
    assert len(out) == len(text)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("text/csv", "/other/t.csv"),
        ("text/plain", "/ours/t.txt"),
        ("application/json", "/ours/t.json"),
    ],
)
def test_what_is_no_page_and_no_csv_of_ours_stays_as_it_is(kind: str, path: str):
    body = "=1+1\u202e,x\r\n".encode()

    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    out: list[Any] = []

    async def take(message: Any) -> None:
        out.append(message)

    door = harmless(app, lambda asked: asked.startswith("/ours"))
    asyncio.run(door({"type": "http", "path": path}, None, take))  # type: ignore[arg-type]
    assert out[1]["body"] == body


def test_a_database_beside_ours_keeps_its_formulas(tmp_path: Path):
    from datasette.app import Datasette  # noqa: PLC0415  (as any program would)

    ours, other = make(tmp_path / "ours", 1).with_name("tickertrack.db"), tmp_path / "other.db"
    with closing(sqlite3.connect(ours)) as connection:
        connection.execute("UPDATE articles SET title = '=1+1'")
        connection.commit()
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE sums AS SELECT '=1+1' AS sum")
        connection.commit()
    # It is found below where a Datasette stands, too.
    below = {"base_url": "/below/"}
    with asked(Datasette([str(ours), str(other)], settings=below)) as site:
        text = site.text("/tickertrack/articles.csv")
        assert ",=1+1," not in text
        assert ',"\'=1+1",' in text
        assert site.text("/other/sums.csv").splitlines() == ["rowid,sum", "1,=1+1"]
