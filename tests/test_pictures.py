"""Prices as pictures: charts on a terminal, files, sparklines, and what a notebook shows."""

from __future__ import annotations

import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from defusedxml import ElementTree
from hypothesis import given, settings, strategies as st
from support import Run, command, command_line, made_pages, watching, write_pages
from traps import FORBIDDEN, GROUPS, SAMPLE, symbol_of

import tickertrack as tt
from tickertrack.cli.chart import _ASCII, _BRAILLE, LEVELS, Ink, Paper, chart
from tickertrack.course import SYMBOLS, Course, courses, spark
from tickertrack.errors import QueryError, TickertrackError
from tickertrack.frames import Explanation, write_picture
from tickertrack.markets import load_market

PSX = load_market("psx")
DAYS = [f"2021-04-{day:02}" for day in range(1, 29)]
INKS = [_BRAILLE, _ASCII]


def course(statuses: str, prices: list[float] | None = None, symbol: str = "ANL") -> Course:
    """Make a course of a letter for each session: f(inal), i(mplied), p(rovisional), blank."""
    names = {"f": "final", "i": "implied", "p": "provisional"}
    known = prices or [30.0 + number for number in range(len(statuses))]
    rows = [
        {"symbol": symbol, "session": day, "price": price, "low": price - 1, "high": price + 1}
        | {"status": names[letter]}
        for day, price, letter in zip(DAYS, known, statuses, strict=False)
        if letter != " "
    ]
    (made,) = courses(rows, DAYS[: len(statuses)], PSX)
    return made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    with tt.open(folder / "x.db") as tracker:
        tracker.ingest(write_pages(folder / "p.jsonl", made_pages(45)))
    return folder / "x.db"


@pytest.fixture
def run(
    filled: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a command line on the filled database: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    return command_line(capsys, "--db", str(filled))


# ---- on a terminal


def test_a_chart_in_ascii_reads_as_printed():
    drawn = chart(
        course("fffi pf", [30, 31, 32, 33, 0, 32, 34]), Paper(64, 5, _ASCII, coloured=False)
    )
    assert drawn.splitlines() == [
        "ANL (PKR), 2021-04-01 to 2021-04-07: 6 sessions, last 34.00",
        "34.00 |                                                      ..*",
        "      |                        ....o                     ....",
        "32.00 |              .....*....                       p..",
        "      |     ....*....",
        "30.00 |*....",
        "      +-------------------------------------x-------------------",
        "       2021-04-01             2021-04-04              2021-04-07",
        "       * seen 4  o implied 1  p provisional 1  x missing 1",
    ]


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize(("letter", "kind"), [("i", "implied"), ("p", "provisional")])
def test_what_is_no_plain_quote_has_a_mark_of_its_own(ink: Ink, letter: str, kind: str):
    sheet = Paper(60, 8, ink, coloured=False)
    plain, marked = chart(course("ffff"), sheet), chart(course(f"ff{letter}f"), sheet)
    assert marked.count(ink.marks[kind]) >= 2
    assert [kind in drawn for drawn in (plain, marked)] == [False, True]


@settings(max_examples=25, deadline=None)
@given(
    st.text("fip ", min_size=1, max_size=28).filter(str.strip),
    st.lists(st.floats(0.01, 1e6), min_size=28, max_size=28),
    st.integers(40, 200),
    st.sampled_from(INKS),
)
def test_a_chart_keeps_to_the_terminals_width(
    statuses: str, prices: list[float], width: int, ink: Ink
):
    drawn = chart(course(statuses, prices), Paper(width, 10, ink, coloured=False))
    assert max(map(len, drawn.splitlines())) <= width
    legend = drawn.splitlines()[13:]
    told = {kind: int(n) for kind, n in re.findall(r"([a-z]+) ([0-9]+)", "\n".join(legend))}
    core = statuses.strip()
    letters = {"seen": "f", "implied": "i", "provisional": "p", "missing": " "}
    assert told == {kind: core.count(one) for kind, one in letters.items() if one in core}


def test_an_index_is_in_points():
    assert "KSE100 (points)" in chart(
        course("ff", symbol="KSE100"), Paper(80, 5, _ASCII, coloured=False)
    )


def on_terminal(words: list[str], **environ: str) -> str:
    """Run a command on a terminal of 60 by 20 letters; give what it shows."""
    leader, follower = pty.openpty()
    ioctl(follower, TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
    base = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
    with subprocess.Popen(
        words, stdout=follower, stderr=subprocess.DEVNULL, env={**base, "TERM": "xterm", **environ}
    ):
        os.close(follower)
        shown = b""
        while piece := _piece(leader):
            shown += piece
    os.close(leader)
    return shown.decode()


def _piece(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("environ", "shows"),
    [
        ({"PYTHONIOENCODING": "utf-8"}, {"colours", "braille"}),
        ({"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}, {"braille"}),
        ({"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}, set()),
    ],
)
def test_a_terminal_gets_what_it_can_show(filled: Path, environ: dict[str, str], shows: set[str]):
    shown = on_terminal(command("--db", filled, "history", "ANL", "--chart"), **environ)
    assert ("\x1b[" in shown) == ("colours" in shows)
    assert shown.isascii() == ("braille" not in shows)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) <= 20


def test_each_symbol_has_a_chart_and_a_pipe_no_colour(run: Run):
    code, out, _ = run("history", "ANL", "KSE100", "--chart")
    assert (code, out.count("(PKR)"), out.count("(points)")) == (0, 1, 1)
    assert "\x1b" not in out


def test_a_symbol_without_a_price_is_a_hint_and_no_chart(run: Run):
    code, out, err = run("history", "ANX", "--chart")
    assert (code, out) == (0, "")
    assert "ANL?" in err


@pytest.mark.parametrize("picture", [("--chart",), ("-o", "a.png")])
@pytest.mark.parametrize("rows", [("-f", "json"), ("-c", "price")])
def test_rows_and_a_picture_are_not_both_had(
    run: Run, picture: tuple[str, ...], rows: tuple[str, ...]
):
    code, out, err = run("history", "ANL", *picture, *rows)
    assert (code, out) == (2, "")
    assert "are for rows" in err


# ---- on disk


def test_a_png_is_a_picture_of_some_size(run: Run, tmp_path: Path):
    code, out, err = run("history", "ANL", "KSE100", "-o", "a.PNG")
    assert (code, out) == (0, "")
    assert "rows in a.PNG" in err
    head = (tmp_path / "a.PNG").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (1200, 960)


def test_an_svg_has_the_marks_that_the_course_has(tmp_path: Path):
    pytest.importorskip("matplotlib")

    def lines(statuses: str) -> int:
        write_picture([course(statuses)], tmp_path / "a.svg")
        root = ET.parse(tmp_path / "a.svg").getroot()  # noqa: S314  (our own)
        ids = [one.get("id") or "" for one in root.iter()]
        return sum(one.startswith(("line2d", "LineCollection")) for one in ids)

    plain = lines("fffff")
    assert [lines(statuses) - plain for statuses in ("ffiff", "ffipf", "fip f")] == [2, 4, 6]


def test_the_same_prices_are_the_same_picture_and_dollars_no_formula(tmp_path: Path):
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg"):
        write_picture([course("ff", symbol="A$x_$")], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    "kinds", [SAMPLE[-4:], *(pytest.param(kind, marks=pytest.mark.slow) for kind in GROUPS)]
)
def test_a_picture_is_named_by_any_symbol_and_is_no_markup(tmp_path: Path, kinds: Sequence[str]):
    pytest.importorskip("matplotlib")
    for place, few in enumerate(kinds[at : at + SYMBOLS] for at in range(0, len(kinds), SYMBOLS)):
        path = tmp_path / f"{place}.svg"
        # What its font lacks is no warning, which would be an error here.
        write_picture([course("ff", symbol=symbol_of(kind)) for kind in few], path)
        # It is read as XML, has no entity, and no script.
        assert ElementTree.parse(path).find(".//{*}script") is None
        assert not set(path.read_text()) & FORBIDDEN


def test_without_matplotlib_the_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run("history", "ANL", "-o", "a.png")
    assert code == 2
    assert "pip install 'tickertrack[plot]'" in err
    assert not Path("a.png").exists()


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path):
    pytest.importorskip("matplotlib")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(TickertrackError, match="cannot be written"):
        write_picture([course("ff")], tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("drawn", "why"), [([], "no price"), ([course("f")] * 13, "13 symbols")])
def test_no_course_and_too_many_are_refused(tmp_path: Path, drawn: list[Course], why: str):
    with pytest.raises(QueryError, match=why):
        write_picture(drawn, tmp_path / "a.png")


def test_other_endings_are_files(run: Run, tmp_path: Path):
    assert run("history", "ANL", "-o", "a.csv")[0] == 0
    rows = run("history", "ANL", "-f", "csv")[1].count("\n")
    assert (tmp_path / "a.csv").read_text().count("\n") == rows


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.pgn", "did you mean 'png'?"),
        ("a.jpg", "did you mean 'png'?"),
        ("a.svgz", "did you mean 'svg'?"),
        ("a.cvs", "did you mean 'csv'?"),
        ("a.doc", "parquet, png, svg, xlsx"),
        ("ANL", "parquet, png, svg, xlsx"),
    ],
)
def test_a_mistyped_ending_is_met_with_pictures_and_files(run: Run, name: str, advice: str):
    code, out, err = run("history", "ANL", "-o", name)
    assert (code, out) == (2, "")
    assert advice in err


def test_a_tracker_draws_what_the_command_line_draws(run: Run, filled: Path, tmp_path: Path):
    pytest.importorskip("matplotlib")
    assert run("history", "ANL", "KSE100", "-o", "a.svg")[0] == 0
    with tt.open(filled) as tracker:
        picture = tracker.picture(["anl", "KSE100"])
        assert picture.save(tmp_path / "b.svg") == len(tracker.history(["ANL", "KSE100"]))
        assert len(tracker.picture("ANL", end="2021-03-03").courses) == 1
        with pytest.raises(QueryError, match="no price to draw"):
            tracker.picture("ANL", as_of="2000-01-01")
    assert (tmp_path / "b.svg").read_bytes() == (tmp_path / "a.svg").read_bytes()
    assert repr(picture).startswith("Picture(ANL (PKR), 2021-03-01 to ")
    # What a notebook asks for.
    assert picture._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(QueryError, match="mean 'png'"):
        picture.save(tmp_path / "b.pgn")


# ---- beside moves


@pytest.mark.parametrize(
    ("priced", "drawn"),
    [
        ({"a": 1, "b": 2, "c": 3}, "▁▄█"),
        ({"a": 1, "c": 8}, "▁·█"),
        ({"a": 5, "b": 5, "c": 5}, "▄▄▄"),
        ({}, "···"),
    ],
)
def test_a_sparkline_goes_from_its_lowest_to_its_highest(priced: dict[str, float], drawn: str):
    assert spark(priced, "abc", LEVELS).replace("▅", "▄") == drawn


def test_moves_show_the_course_of_ten_sessions_to_people_only(
    run: Run, monkeypatch: pytest.MonkeyPatch
):
    # On a narrow terminal it is left out.
    monkeypatch.setenv("COLUMNS", "160")
    head, _, *rows = run("moves", "ANL", "-f", "markdown")[1].splitlines()
    place = [cell.strip() for cell in head.split("|")].index("course")
    shown = [row.split("|")[place].strip() for row in rows]
    assert [len(one) for one in shown] == [min(n, 10) for n in range(1, len(rows) + 1)]
    assert len(rows) > 10
    assert "course" in run("moves", "ANL", "-f", "table")[1]
    assert run("moves", "NONE", "-f", "table")[0] == 0
    for form in ("csv", "json", "jsonl"):
        assert "course" not in run("moves", "ANL", "-f", form)[1]


def test_a_course_reaches_back_before_what_was_asked(run: Run):
    whole = run("moves", "ANL", "-f", "markdown")[1].splitlines()
    day = whole[-1].split("|")[2].strip()
    assert run("moves", "ANL", "-d", day, "-f", "markdown")[1].splitlines()[-1] == whole[-1]


# ---- in a notebook

HOSTILE = '<script>alert("x")</script>\u202e'


def test_a_tracker_shows_what_is_stored_and_leaves_nothing_open(filled: Path):
    tracker, opened = tt.open(filled), list[sqlite3.Connection]()
    with watching(opened.append):
        shown = tracker._repr_html_()
    assert len(opened) == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
    with tracker:
        pages = len(tracker.quotes("ANL")["url"].unique())
        days = tracker.coverage("ANL").query("coverage != 'missing'")["session"]
    assert int(re.findall(r"pages</th><td>(\d+)", shown)[0]) >= pages
    assert f"first session</th><td>{days.min():%Y-%m-%d}" in shown
    assert f"last session</th><td>{days.max():%Y-%m-%d}" in shown


def test_a_tracker_without_a_database_says_so(tmp_path: Path):
    shown = tt.open(tmp_path / "<b>.db")._repr_html_()
    assert "<b>.db" not in shown
    assert "&lt;b&gt;.db" in shown
    assert list(tmp_path.iterdir()) == []


def test_an_explanation_is_a_frame_that_shows_its_move(filled: Path):
    with tt.open(filled) as tracker:
        why = tracker.explain("ANL", "2021-03-02")
        none = tracker.explain("ANL", "2021-03-06")
    assert isinstance(why, pd.DataFrame)
    assert "<h4>ANL, 2021-03-02: " in why._repr_html_()
    assert why["title"].iloc[0] in why._repr_html_()
    assert "no price" in none._repr_html_()
    assert type(why[["title"]]) is pd.DataFrame


@pytest.mark.parametrize("url", ["javascript:alert(1)", f'https://a.example/"{HOSTILE}', None])
def test_what_pages_say_is_no_markup(url: str | None):
    row = dict.fromkeys(("relation", "publisher", "published_at", "title"), HOSTILE)
    why = Explanation([{**row, "score": 0.5, "url": url}])
    move = dict.fromkeys(("symbol", "session", "status"), HOSTILE)
    why.attrs["move"] = {**move, "price": 1.0, "change": None, "flags": [HOSTILE]}
    shown = why._repr_html_()
    assert "&lt;script&gt;" in shown
    assert not re.search(r"<script|\u202e|href=\"javascript|\"x\"", shown)


def test_a_long_title_and_a_long_day_are_cut():
    row = dict.fromkeys(("relation", "score", "publisher", "published_at", "url"))
    shown = Explanation([{**row, "title": "x" * 1_000_000}] * 40)._repr_html_()
    assert len(shown) < 20_000
    assert "and 15 more" in shown
