"""What a page says never moves a terminal's cursor and never becomes a formula."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import unicodedata
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from tickertrack import open_tracker
from tickertrack.harmless import safe_cell, safe_term

ESCAPES = ["\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "\x00", "\x7f", "\u202egnp.exe", "a\rb"]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\u00a0=1",
    "=cmd|' /C calc'!A0",
    "\uff1d1",
]


INTERRUPTION = "tickertrack: interrupted; what was stored is safe, call again for the rest"


@pytest.mark.parametrize("text", ESCAPES)
def test_a_terminal_is_shown_a_mark_and_gets_no_control(text: str):
    shown = safe_term(text)
    assert shown.isprintable()
    assert shown != text


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text(text: str):
    assert safe_cell(text).startswith("'")


def test_whatever_compatibility_makes_a_sign_of_is_taken_for_one():
    letters = (chr(code) for code in (*range(0x80, 0xD800), *range(0xE000, 0x110000)))
    alike = [one for one in letters if unicodedata.normalize("NFKC", one)[:1] in tuple("=+-@|")]
    assert len(alike) > 10
    assert all(safe_cell(f"{one}1+1").startswith("'") for one in alike)


@pytest.mark.parametrize(
    "text", ["a;=1+1", "a; =1+1", "a\n=1+1", 'a";=1+1;"', "a;\n@SUM(1)", "a\t=1+1"]
)
def test_a_formula_behind_what_separates_becomes_a_text_too(text: str):
    assert not re.search(r"[;\n\t] *[=@]", safe_cell(text))


@pytest.mark.parametrize("text", ["A headline", "Rs 5 = five rupees", "1-2", "ANL 33.30 (0.6%)"])
def test_an_honest_text_stays_as_it_is(text: str):
    assert safe_cell(text) == safe_term(text) == text


@given(st.text())
def test_no_text_at_all_reaches_a_terminal_with_a_control(text: str):
    shown = safe_term(text)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("tickertrack --db x.db history ANL > /dev/full", 1),
        ("tickertrack --db x.db history ANL >&-", 1),
        ("tickertrack --help > /dev/full", 1),
        ("tickertrack --db x.db ingest - <&-", 1),
        # What cannot be told costs no answer.
        ("tickertrack --db x.db history NONE 2> /dev/full", 0),
        ("tickertrack --db x.db history NONE 2>&-", 0),
        ("tickertrack --db x.db history ANL -f csv <&- 2>&-", 0),
    ],
)
def test_a_stream_that_is_full_or_closed_is_one_line_and_a_code(
    tmp_path: Path, line: str, code: int
):
    page = tmp_path / "a.txt"
    page.write_text(" date 2021-04-07 ANL 33.10 Decreased By ▼ -0.20 (-0.6%)\n\nNews\n\nWords.\n")
    with open_tracker(tmp_path / "x.db") as tracker:
        tracker.ingest(page)
    called = line.replace("tickertrack", f"{sys.executable} -m tickertrack", 1)
    done = subprocess.run(  # noqa: S602  (streams are closed by a shell)
        called, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == (1 if code else 0)
    assert not code or done.stderr.startswith("tickertrack: ")


@pytest.mark.parametrize("seconds", [0.2, 0.4])
def test_ctrl_c_ends_readers_at_once_and_in_one_line(tmp_path: Path, seconds: float):
    for number in range(400):
        (tmp_path / f"{number}.html").write_text("<p>ANL 33.10 No Change ▼ 0.00 (0%)</p>")
    line = ["-m", "tickertrack", "--db", "x.db", "ingest", ".", "--workers", "2"]
    # Where we were held up for so long that it came to its end, once more.
    while (said := interrupted([sys.executable, *line], tmp_path, seconds)) is None:
        (tmp_path / "x.db").unlink()
    assert said.split() == INTERRUPTION.split()


def interrupted(command: list[str], folder: Path, seconds: float) -> str | None:
    """Interrupt an ingest after a while; give what it said, nothing if it was done."""
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        begun = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None and not begun.read_text():
            time.sleep(0.001)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    return said if process.returncode else None


def test_a_falling_price_stays_a_number(tmp_path: Path):
    page = tmp_path / "a.txt"
    page.write_text(" date 2021-04-07 ANL 33.10 Decreased By ▼ -0.20 (-0.6%)\n\nNews\n\nWords.\n")
    with open_tracker(tmp_path / "a.db") as tracker:
        from tickertrack.frames import write_file  # noqa: PLC0415

        tracker.ingest(page)
        write_file(tracker.history("ANL"), tmp_path / "a.csv")
    assert pd.read_csv(io.StringIO((tmp_path / "a.csv").read_text()))["change"][0] == -0.2
