"""Hostile titles, bylines, symbols and addresses through every output: shown, and harmless."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from datasette.utils import tilde_encode
from markdown_it import MarkdownIt
from serving import Parsed, Site, served
from traps import (
    DAY,
    FORBIDDEN,
    KINDS,
    SAMPLE,
    SYMBOL,
    make_trapped,
    on_terminal,
    symbol_of,
    traps,
)

from tickertrack import Tracker, open_tracker, web
from tickertrack.cli.output import FORMATS
from tickertrack.errors import QueryError
from tickertrack.frames import write_file
from tickertrack.harmless import safe_term

MOVE = f"/move/{SYMBOL}/{DAY}"
THEIRS = (
    "/tickertrack",
    "/tickertrack/articles?_size=max",
    "/tickertrack/articles?_facet=title&_facet=byline",
    "/tickertrack/articles?_search=software",
    "/tickertrack/pages?_size=max",
    f"/tickertrack/quotes?symbol__notin={SYMBOL}",
    f"/tickertrack/prices?session={DAY}",
    f"/tickertrack/moves_news?symbol={SYMBOL}",
    "/tickertrack/last_prices",
)
CELLS = (
    "/tickertrack/articles.csv?_size=max",
    "/tickertrack/articles.csv?_stream=on&_dl=on",
    "/tickertrack/pages.csv?_size=max&_labels=on",
    "/tickertrack/quotes.csv?_size=max",
    "/tickertrack/prices.csv?_stream=on",
    "/tickertrack/last_prices.csv",
)
# White space of markup's own.
IN_MARKUP = FORBIDDEN - {"\t", "\r"}
SIGNS = tuple("=+-@|\uff1d\uff0b")
# What a chart's colours and a bar's progress are made of.
MARK = ["so-far-answers"]
OURS = re.compile(r"\x1b\[(?:\?25[lh]|2K|1A|[0-9;]*m)|\r")


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.slow)])
def kinds(request: pytest.FixtureRequest) -> Sequence[str]:
    """Give the kinds of texts: some of each group, or all."""
    return SAMPLE if request.param == "some" else KINDS


@pytest.fixture(scope="module")
def config(kinds: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trapped(tmp_path_factory.mktemp("traps") / "courier", traps(kinds))


def test_there_are_four_hundred_and_all_of_them_are_stored(config: Path, kinds: Sequence[str]):
    assert len(traps()) == len(set(traps())) > 400
    with closing(sqlite3.connect(config.with_name("tickertrack.db"))) as connection:
        titles, bylines, urls = (
            {row[0] for row in connection.execute(f"SELECT {name} FROM articles")}
            for name in ("title", "byline", "url")
        )
        symbols = {row[0] for row in connection.execute("SELECT symbol FROM prices")}
    assert whole(kinds) <= titles & bylines & urls
    assert {symbol_of(kind) for kind in kinds} <= symbols


def whole(kinds: Sequence[str]) -> set[str]:
    """Give those that a database takes: not half of a pair."""
    return {kind for kind in kinds if "\ud800" not in kind}


@pytest.fixture(scope="module")
def words(kinds: Sequence[str]) -> Sequence[str]:
    """Give the kinds of what is typed: all, or fewer than of what is stored."""
    return kinds if kinds is KINDS else SAMPLE[-4:]


# ---- pages


def test_no_page_of_ours_runs_or_turns_a_text(site: Site, kinds: Sequence[str]):
    said = ""
    for path in our_pages(site, kinds):
        text = site.text(path)
        page = Parsed(text)
        assert page.hazards() == [], path
        assert not set(text) & IN_MARKUP, path
        said += page.text
    assert "<script>alert(1)</script>" in said
    assert safe_term("\u202egnp.exe") in said


def our_pages(site: Site, kinds: Sequence[str]) -> Iterator[str]:
    yield from ("/", f"/day/{DAY}", "/symbols", "/coverage", MOVE, f"{MOVE}?part=1")
    for kind in kinds:
        name = tilde_encode(symbol_of(kind))
        yield f"/symbol/{name}"
        move = f"/move/{name}/{DAY}"
        yield move
        yield from (link for link in Parsed(site.text(move)).links() if link.startswith("/quote/"))


def test_what_is_asked_of_a_page_is_as_harmless(site: Site, words: Sequence[str]):
    for kind in words:
        text = kind.encode("utf-8", "replace").decode()
        asked, named = quote(text), tilde_encode(text)
        for path in (
            *(f"/symbol/{named}x", f"/day/{named}", f"/move/{SYMBOL}/{named}"),
            *(f"/find?q={asked}", f"/symbols?q={asked}", f"/coverage?month={asked}&from={asked}"),
            *(f"/day/{DAY}?sector={asked}&news={asked}", f"/symbol/{SYMBOL}?since={asked}"),
            *(f"/tickertrack/articles?title={asked}", f"/tickertrack/{named}"),
        ):
            answer = site.get(path)
            assert answer.status_code in {200, 302, 400, 404}, path
            assert not set(answer.text) & IN_MARKUP, path
            page = Parsed(answer.text)
            assert not handlers(page), path
            assert "alert(1)" not in "".join(page.inline), path


@pytest.mark.parametrize("path", THEIRS)
def test_datasettes_own_pages_run_their_scripts_only_and_turn_no_text(site: Site, path: str):
    answer = site.get(path)
    assert answer.status_code == 200
    assert not set(answer.text) & IN_MARKUP
    page = Parsed(answer.text)
    assert not handlers(page)
    for script in page.inline:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def handlers(page: Parsed) -> list[str]:
    """List what even a page that is not ours has no use for."""
    kinds = ("<img>", "<iframe>")
    return [one for one in page.hazards() if " on" in one or one in kinds or ":" in one]


def test_without_its_guard_datasette_turns_texts_and_gives_formulas(
    config: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web, "harmless", lambda app, _is_ours: app)
    with served(config) as site:
        assert set(site.text(THEIRS[1])) & IN_MARKUP
        assert formulas(site.text(CELLS[0]), ",")


# ---- cells


def formulas(text: str, separator: str) -> list[str]:
    """List the cells that a spreadsheet that separates so would reckon."""
    # To some a carriage return alone ends a row too.
    lines = io.StringIO(text.replace("\r", "\n"))
    rows = csv.reader(lines, delimiter=separator)
    return [cell for row in rows for cell in row if is_formula(cell)]


def is_formula(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.lstrip(" \u00a0\u3000\u200b\u00ad").startswith(SIGNS)
    return False


@pytest.mark.parametrize("path", CELLS)
def test_datasettes_csv_has_no_formula_however_it_is_read(site: Site, path: str):
    text = site.text(path)
    assert [formulas(text, separator) for separator in ",;\t"] == [[], [], []]
    assert not set(text.replace("\r\n", "\n")) & FORBIDDEN
    rows = site.get(re.sub(r"\.csv.*", ".json?_size=max&_shape=array", path)).json()
    given = list(csv.DictReader(io.StringIO(text)))
    # Datasette's JSON gives at most a thousand rows.
    assert len(given) >= len(rows) > 0
    assert all(len(row) == len(given[0]) and None not in row for row in given)


def test_a_falling_price_stays_a_number_in_datasettes_csv(site: Site):
    given = csv.DictReader(io.StringIO(site.text("/tickertrack/prices.csv?_stream=on")))
    rows = site.get("/tickertrack/prices.json?_shape=array&_size=max").json()
    assert [float(row["change"] or 0) for row in given] == [row["change"] or 0 for row in rows]
    assert any((row["change"] or 0) < 0 for row in rows)


@pytest.mark.parametrize("what", ["prices", "quotes", "moves", "links", "news", "coverage"])
def test_our_files_have_no_formula_and_no_control(tracker: Tracker, tmp_path: Path, what: str):
    for ending in ("csv", "xlsx"):
        tracker.export(what, tmp_path / f"a.{ending}")
    text = (tmp_path / "a.csv").read_text()
    assert [formulas(text, separator) for separator in ",;\t"] == [[], [], []]
    assert not set(text) & FORBIDDEN
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert not set(book.read("xl/sharedStrings.xml").decode()) & IN_MARKUP
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet


def test_a_writer_that_knows_no_formulas_is_found_out(tracker: Tracker):
    text = tracker.news().to_csv(index=False)
    assert all(formulas(text, separator) for separator in ",;")


@pytest.mark.parametrize("ending", ["json", "jsonl", "parquet", "feather"])
def test_what_programs_read_holds_each_text_as_it_is_stored(
    tracker: Tracker, tmp_path: Path, kinds: Sequence[str], ending: str
):
    path = tmp_path / f"a.{ending}"
    tracker.export("news", path)
    reader: Any = {
        "json": pd.read_json,
        "jsonl": lambda one: pd.read_json(one, lines=True),
        "parquet": pd.read_parquet,
        "feather": pd.read_feather,
    }[ending]
    titles = set(reader(path)["title"])
    assert whole(kinds) <= titles
    if ending.startswith("json"):
        assert path.read_text().isascii()


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        (".ledger", r'P 2024-05-0[67] ("[^"]+"|[A-Z]+) 33.[13]0 PKR'),
        (".beancount", r"2024-05-0[67] price [A-Z][A-Z0-9'._-]+ 33.[13]0 PKR"),
    ],
)
def test_a_book_has_a_line_for_each_price_or_refuses_the_symbol(
    config: Path, kinds: Sequence[str], tmp_path: Path, ending: str, line: str
):
    paths = {kind: tmp_path / f"{number}{ending}" for number, kind in enumerate(kinds)}
    with open_tracker(config=config) as tracker:
        for kind, path in paths.items():
            with suppress(QueryError):
                write_file(tracker.history(symbol_of(kind)), path)
    texts = [path.read_text() for path in paths.values() if path.exists()]
    assert not set("".join(texts)) & FORBIDDEN
    assert all(re.fullmatch(line, one) for text in texts for one in text.split("\n")[:-1])
    assert len(texts) < len(kinds)


# ---- notebooks


def test_a_notebook_shows_them_and_runs_nothing(tracker: Tracker, kinds: Sequence[str]):
    shown = [tracker._repr_html_(), tracker.explain(SYMBOL, DAY)._repr_html_()]  # type: ignore[operator]
    shown += [tracker.explain(symbol_of(kind), DAY)._repr_html_() for kind in kinds]  # type: ignore[operator]
    for markup in shown:
        assert Parsed(markup).hazards() == []
        assert not set(markup) & FORBIDDEN
    assert "&lt;script&gt;alert(1)" in "".join(shown)


# ---- a terminal


def asking(kinds: Sequence[str]) -> list[list[str]]:
    """List commands that print texts: those of news in every form, all others as a table."""
    symbols = [symbol_of(kind) for kind in kinds]
    told = [
        [*words, "-f", form]
        for words in (["news"], ["moves", "-d", DAY], ["explain", SYMBOL, DAY])
        for form in FORMATS
    ]
    for form in ("table", "csv"):
        told += [[name, "-f", form, "--", *symbols] for name in ("history", "quotes")]
    told += [["explain", "-f", "table", "--", symbol, DAY] for symbol in symbols]
    others = ("coverage", "quarantine", "verify", "actions", "doctor", "jobs history")
    return [*told, *([*words.split(), "-f", "table"] for words in others)]


def complaining(kinds: Sequence[str]) -> list[list[str]]:
    """List commands that complain of hostile words, as a shell can give them."""
    # Half of a pair stands for a byte that is no letter; a word ends at NUL.
    words = [kind.replace("\ud800", "\udcff") for kind in kinds if "\x00" not in kind]
    return [command for word in words for command in _with(word)]


def _with(word: str) -> list[list[str]]:
    return [
        *([word], [f"--{word}"], ["history", "--", f"{word}x"], ["explain", SYMBOL, "--", word]),
        *(["news", f"--search={word}"], ["news", "-c", word], ["news", f"--symbol={word}x"]),
        *(["export", "prices", "-o", f"none/{word}.csv"], ["ingest", "--", word]),
        *(["ingest", f"--publisher={word}", "."], ["news", "-d", word], ["--db", word, "news"]),
        *(["history", SYMBOL, f"--as-of={word}"], ["dialects", "check", "--", word, word]),
    ]


def test_a_terminal_reads_no_control_byte_but_of_our_colours_and_bars(
    config: Path, kinds: Sequence[str], words: Sequence[str]
):
    charts = [["history", "--chart", "--", symbol_of(kind)] for kind in words]
    sent = on_terminal(config, [*asking(kinds), MARK, *complaining(words), *charts])
    answers, others = sent.split(MARK[0])
    # To ask for rows takes none at all.
    assert not set(answers) & FORBIDDEN
    assert safe_term("\x1b]0;title\x07") in answers
    assert "\x1b[3" in others
    assert not set(OURS.sub("", others)) & FORBIDDEN
    assert "Traceback" not in sent


def test_a_shell_completes_no_symbol_that_it_would_obey(config: Path):
    words = {"COMP_WORDS": "tickertrack history ", "COMP_CWORD": "2"}
    asked = os.environ | words | {"_TICKERTRACK_COMPLETE": "bash_complete"}
    command = [sys.executable, "-m", "tickertrack"]
    done = subprocess.run(command, cwd=config.parent, env=asked, capture_output=True, check=True)
    offered = done.stdout.decode().splitlines()
    assert f"plain,{SYMBOL}" in offered
    assert all(re.fullmatch(r"plain,[A-Z0-9]+", one) for one in offered)


def test_without_care_a_terminal_reads_control_bytes(config: Path):
    commands = [["news", "-f", "table"], ["history", "--", "\x1b]0;title\x07"]]
    sent = on_terminal(config, commands, bare="bare")
    assert {"\x1b", "\u202e"} <= set(sent)


def test_markdown_becomes_a_table_of_plain_texts(tracker: Tracker, kinds: Sequence[str]):
    rows = tracker.news_rows(DAY, DAY)
    page = Parsed(as_page(FORMATS["markdown"](rows, ("title", "byline", "publisher"))))
    assert {tag for tag, _ in page.elements} <= {"table", "thead", "tbody", "tr", "th", "td", "a"}
    assert page.hazards() == []
    cells = sum(tag == "td" for tag, _ in page.elements)
    assert cells == 3 * len(rows) > 3 * len(kinds)


def test_a_title_as_it_is_breaks_such_a_table():
    page = Parsed(as_page("| title |\n| --- |\n| a <b>bold</b> [x](http://x.example) `code |\n"))
    assert {"b", "a"} <= {tag for tag, _ in page.elements}


def as_page(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
