"""Titles, bylines and addresses of ten megabytes: cut as they are read, borne where they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from serving import Parsed, Site
from traps import DAY, SYMBOL, make_trapped, traps

from tickertrack import open_tracker
from tickertrack.cli import main
from tickertrack.frames import write_file
from tickertrack.harmless import safe_cell, safe_markup, safe_term

MILLION = 1_000_000
ADDRESS = "https://www.brecorder.com/news/4010{}/x"
LINE = "ANL 33.30 Increased By ▲ 0.20 (0.6%)"
LONG = ("=1+1;" * (2 * MILLION), "<b>\u202e" * (5 * MILLION // 2))


@pytest.mark.parametrize("megabytes", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_what_has_no_end_is_cut_as_it_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], megabytes: int
):
    long = "Azgard Nine " * (megabytes * MILLION // 12)
    text = f"{LINE}\n\nNews\n\nBy A. Reporter\n\nWords."
    keywords = f'<meta name="keywords" content="{"a," * (megabytes * MILLION // 2)}">'
    pages = [
        {"url": ADDRESS.format("0001"), "title": long, "text": text},
        {"url": f"https://other.example/{long}1", "title": "News", "text": f"{text} Again."},
        {"url": f"https://other.example/{long}2", "title": "News", "text": f"{text} Again."},
        {"url": ADDRESS.format("0003"), "html": f"<title>{long}</title>{keywords}<p>{LINE}"},
    ]
    source = tmp_path / "long.jsonl"
    source.write_text("".join(json.dumps(page) + "\n" for page in pages))
    begun = time.process_time()
    with open_tracker(tmp_path / "long.db") as tracker:
        report = tracker.ingest(source)
        rows = tracker.news_rows()
        assert tracker.path.stat().st_size < 2 * MILLION
    assert time.process_time() - begun < 20
    # No two became one.
    assert report.articles == len(rows) == 4
    assert max(len(row["title"]) for row in rows) == 1_000
    assert max(len(row["url"]) for row in rows) < 5_000
    assert max(len(row["tags"]) for row in rows) <= 200
    # What was cut is read again as it is stored.
    with pytest.raises(SystemExit) as ended:
        main(["-q", "--db", str(tmp_path / "long.db"), "verify"])
    assert (ended.value.code, capsys.readouterr().out) == (0, "file,offset,url,difference\n")


@pytest.mark.parametrize("letter", ["x", "=", "\U0001f4b9"])
def test_a_workbooks_cell_ends_where_cells_do(tmp_path: Path, letter: str):
    # A warning of the writer's would be an error here.
    table = pd.DataFrame({"title": [letter * 40_000, "short"]})
    assert write_file(table, tmp_path / "a.xlsx") == 2
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        text = unescape(book.read("xl/sharedStrings.xml").decode())
    (long,) = re.findall(r"<t>([^<]*…)</t>", text)
    assert 32_760 < len(long.encode("utf-16-le")) / 2 <= 32_767


@pytest.mark.parametrize("piece", ["x", "=", "; ", "\t", ";=\n", " ", "<\x1b", "\u202e"], ids=ascii)
def test_a_long_text_takes_as_long_as_its_length(piece: str):
    text = piece * 100_000
    begun = time.process_time()
    for change in (safe_cell, safe_term, safe_markup):
        assert change(text)
    assert time.process_time() - begun < 3


def test_a_pattern_that_gives_back_what_it_read_takes_longer():
    took = []
    for blanks in (500, 4_000):
        begun = time.process_time()
        # As one would write it first: each blank may begin it again.
        re.sub(r"[ \t]*=", "", " " * blanks)
        took.append(time.process_time() - begun)
    # Eight times the blanks, 64 times the time.
    assert took[1] > 16 * took[0]


# Where a check finds something, that is an answer.
ANSWERED = {0, 4}


def run(folder: Path, *words: str) -> tuple[bytes, float, float]:
    """Run a command; give its output, its seconds of CPU and its megabytes of memory."""
    command = [sys.executable, "-m", "tickertrack", *words]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in ANSWERED, words
    return output, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


# ---- where they are stored, as an earlier version did


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    laid = [trap for trap in traps(LONG) if trap.place != "symbol"]
    return make_trapped(tmp_path_factory.mktemp("long") / "courier", laid)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("news", "-f", "table"),
        ("news", "-f", "markdown"),
        ("moves", "-d", DAY, "-f", "table"),
        ("explain", SYMBOL, DAY, "-f", "table"),
        ("explain", SYMBOL, DAY, "-f", "markdown"),
        ("doctor", "-f", "table"),
    ],
    ids=" ".join,
)
def test_what_people_read_stays_short(config: Path, words: tuple[str, ...]):
    output, seconds, megabytes = run(config.parent, *words)
    assert len(output) < 100_000
    assert (seconds < 20, megabytes < 1_000) == (True, True), (seconds, megabytes)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "feather", "xlsx"])
def test_files_take_them_whole_but_for_workbooks(config: Path, tmp_path: Path, ending: str):
    path = tmp_path / f"news.{ending}"
    _, seconds, megabytes = run(config.parent, "export", "news", "-o", str(path))
    assert (seconds < 60, megabytes < 2_500) == (True, True), (seconds, megabytes)
    # Twice the same is packed well.
    is_packed = ending in {"parquet", "feather"}
    assert is_packed or (path.stat().st_size < MILLION) == (ending == "xlsx")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        *("/", f"/day/{DAY}", "/symbols", f"/symbol/{SYMBOL}", f"/move/{SYMBOL}/{DAY}"),
        *("/coverage", "/tickertrack/articles", "/tickertrack/articles?_facet=publisher"),
        *("/tickertrack/pages", f"/tickertrack/moves_news?symbol={SYMBOL}"),
    ],
)
def test_pages_stay_short(site: Site, path: str):
    begun = time.process_time()
    text = site.text(path)
    assert len(text) < MILLION
    assert "\u202e" not in text
    assert Parsed(text).elements
    assert time.process_time() - begun < 20


@pytest.mark.slow
def test_a_notebook_stays_short(config: Path):
    with open_tracker(config=config) as tracker:
        assert len(tracker.explain(SYMBOL, DAY)._repr_html_()) < 50_000  # type: ignore[operator]
