"""A user tries a file of their own on a saved page, and is told what is read and what fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tickertrack.cli import main
from tickertrack.dialects import SHIPPED, dialect_names, load_dialect
from tickertrack.dialects.misses import nearest_miss
from tickertrack.markets import load_market
from tickertrack.samples import try_samples

DIALECT = """name = "gazette"
title = "The Evening Gazette"
line = "{symbol}: {price} {change} ({percent} %) {word}"
[number]
group = "."
decimal = ","
[words]
up = ["up"]
down = ["down"]
flat = ["unchanged"]
[refuse]
no_move = ['[A-Z]+: suspended']
"""
SAMPLES = """[samples]
read = ["ANL: 33,30 0,20 (0,60 %) up"]
refuse = ["ANL: 33.30 0.20 (0.60 %) up"]
"""
PUBLISHER = """name = "gazette"
hosts = ["gazette.example"]
article = '^/news/(?P<id>[0-9]+)'
canonical = "https://gazette.example/news/{id}"
[[dialects]]
name = "gazette"
"""
STRIP = ("ANL: 33,30 0,20 (0,60 %) up", "HUBC: 81,00 -1,25 (-1,52 %) down")
PAGE = "\n".join((*STRIP, "", "News of the evening", "", "Zara Khan 7 Apr 2021", "", "Words."))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("dialects", DIALECT + SAMPLES), ("publishers", PUBLISHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gazette.toml").write_text(text, encoding="utf-8")
    (tmp_path / "page.txt").write_text(PAGE, encoding="utf-8")
    return tmp_path


Told = tuple[int, list[dict[str, Any]], str]
Call = Callable[..., Told]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    def called(*words: str) -> Told:
        with pytest.raises(SystemExit) as ended:
            main([*words, "-f", "json"])
        told = capsys.readouterr()
        return int(ended.value.code or 0), json.loads(told.out or "[]"), told.err

    return called


def html(address: str) -> str:
    lines = "".join(f"<p>{line}</p>" for line in STRIP)
    return (
        f'<html><head><link rel="canonical" href="{address}"></head><body>'
        f"<header>{lines}</header><h1>News</h1><p>Words.</p></body></html>"
    )


def test_a_page_is_read_and_what_it_says_of_itself_is_told(call: Call):
    code, rows, told = call("dialects", "check", "dialects/gazette.toml", "page.txt")
    assert code == 0
    assert [(row["file"], row["symbol"], row["verdict"]) for row in rows] == [
        ("gazette.toml", "ANL", "ok"),
        ("page.txt", "ANL", "ok"),
        ("page.txt", "HUBC", "ok"),
    ]
    assert "2 of 2 samples as they should be" in told
    assert "page.txt: 2 lines read, 0 refused; title News of the evening" in told
    assert "published 2021-04-07 (day)" in told
    assert "no page date, address" in told


def test_a_page_comes_from_standard_input_too(
    call: Call, monkeypatch: pytest.MonkeyPatch, folder: Path
):
    with (folder / "page.txt").open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, rows, _ = call("dialects", "check", "dialects/gazette.toml", "-")
    assert (code, len(rows)) == (0, 3)


def test_nothing_is_stored(call: Call, folder: Path):
    call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert not list(folder.glob("*.db*"))


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        (STRIP[0], "ANL: 33.30 0.20 (0.60 %) up", "after 'ANL: ' {price} (such as 1.234,50)"),
        (STRIP[0], "ANL: 33,30 0,20 (0,60 %) rose", "{word} ('up' or 'down' or 'unchanged')"),
        (STRIP[0], "ANL: 33,30 0,20 [0,60 %] up", "'(' is wanted, where '[0,60 %] up' stands"),
        (STRIP[0], f"{STRIP[0]} now", "the line's end is wanted, where ' now' stands"),
    ],
)
def test_of_a_line_that_is_not_read_the_piece_is_named_that_fails(
    call: Call, folder: Path, good: str, bad: str, why: str
):
    (folder / "page.txt").write_text(PAGE.replace(good, bad), encoding="utf-8")
    code, rows, _ = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    (row,) = [row for row in rows if row["raw"] == bad]
    assert why in row["why"]
    assert code == 4


def test_where_no_line_is_read_the_nearest_are_shown(call: Call, folder: Path):
    (folder / "page.txt").write_text("ANL: 33,30 Rs\n\nNews\n\nHe had: 5,00 rupees.\n", "utf-8")
    code, rows, told = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert (code, [row["raw"] for row in rows]) == (4, ["ANL: 33,30 Rs"])
    assert "{change}" in rows[0]["why"]
    assert "page.txt: no line is read" in told


def test_what_is_refused_says_why(call: Call, folder: Path):
    lines = (
        *STRIP,
        "PSO: suspended",
        "TRG: 81,00 1,25 (1,67 %) up",
        "KEL: 9,00 0,10 (1,12 %) down",
    )
    (folder / "page.txt").write_text("\n".join((*lines, "News", STRIP[0])), encoding="utf-8")
    code, rows, _ = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert code == 0
    assert [(row["verdict"], row["why"]) for row in rows[2:]] == [
        ("percent_mismatch", "by price and change it is 1.5674 %"),
        (
            "sign_conflict",
            "word, arrow and signs disagree; `sign` says which of them is to be believed",
        ),
        ("no_move", "[refuse] no_move"),
        ("outside_header", "stands outside of the header"),
    ]


def test_a_strip_below_other_words_says_which_stand_above_it(call: Call, folder: Path):
    (folder / "page.txt").write_text(f"The Gazette\n{PAGE}", encoding="utf-8")
    code, rows, _ = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert (code, {row["verdict"] for row in rows}) == (4, {"outside_header"})
    assert all("stands below 'The Gazette'" in row["why"] for row in rows)


def test_most_lines_that_contradict_themselves_are_a_problem(call: Call, folder: Path):
    text = DIALECT.replace('decimal = ","', 'decimal = ","\npercent_decimals = 4')
    (folder / "dialects/gazette.toml").write_text(text, encoding="utf-8")
    code, rows, told = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert {row["verdict"] for row in rows} == {"percent_mismatch"}
    assert code == 4
    assert "2 of 2 lines contradict themselves" in told


def test_a_sample_that_is_not_as_it_says_is_a_problem(call: Call, folder: Path):
    text = DIALECT + SAMPLES.replace("read =", "x =").replace("refuse =", "read =")
    (folder / "dialects/gazette.toml").write_text(text.replace("x =", "refuse ="), "utf-8")
    code, _, told = call("dialects", "check", "dialects/gazette.toml")
    assert code == 4
    assert "samples.refuse: 'ANL: 33,30 0,20 (0,60 %) up' is read" in told
    assert "samples.read: 'ANL: 33.30 0.20 (0.60 %) up' is not read: after 'ANL: '" in told


BESIDE = """indices = ["GAZ 20"]
[[match]]
raw = "ANL: 33,30 0,20 (0,60 %) up"
price = "33.30"
change = "0.20"
verdict = "ok"
board = "stocks"
[[match]]
raw = "GAZ: 1.033,30 -2,00 (-0,19 %) down"
direction = "down"
[[refuse]]
raw = "ANL: suspended"
quarantine = "no_move"
[[refuse]]
raw = "ANL: 33.30 0.20 (0.60 %) up"
reason = "another house's marks"
"""


def test_samples_beside_a_dialect_say_all_that_is_to_come_of_a_line(call: Call, folder: Path):
    (folder / "dialects/samples").mkdir()
    path = folder / "dialects/samples/gazette.toml"
    path.write_text(BESIDE, encoding="utf-8")
    code, _, told = call("dialects", "check", "gazette")
    assert (code, told) == (0, "gazette.toml: 6 of 6 samples as they should be\n")
    faults = {
        '"0.20"': ("'0,30'", "is read with change 0.20, not 0,30"),
        '"stocks"': ('"index"', "is read with board stocks, not index"),
        '"no_move"': ('"sign_lost"', "is refused as no_move, not sign_lost"),
        '"ANL: suspended"': ('"ANL: gone"', "is refused as no ticker line, not no_move"),
        "33.30 0.20 (0.60": ("33,30 0,20 (0,60", "refuse: 'ANL: 33,30 0,20 (0,60 %) up' is read"),
        "1.033,30": ("1,033.30", "match: 'GAZ: 1,033.30 -2,00 (-0,19 %) down' is not read: after"),
    }
    for good, (bad, fault) in faults.items():
        path.write_text(BESIDE.replace(good, bad), encoding="utf-8")
        code, _, told = call("dialects", "check", "gazette")
        assert (code, "5 of 6 samples" in told, fault in told) == (4, True, True), told


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (BESIDE.replace("verdict", "verdikt"), "match.verdikt: unknown key; did you mean 'verd"),
        (BESIDE.replace('"33.30"', "33.30"), "match: each needs a text `raw`, and all else are te"),
        ("match = 5", "match: each needs a text `raw`"),
        ('[[refuse]]\nreason = "x"', "refuse: each needs a text `raw`"),
        ("mach = []", "mach: unknown key; did you mean 'match'?"),
        ('market = "lse"\nmatch = []', "no market named 'lse'"),
        ("indices = 'x'", "indices: must be a list of texts"),
    ],
)
def test_samples_that_cannot_be_meant_are_refused_by_path_and_key(
    call: Call, folder: Path, bad: str, told: str
):
    (folder / "dialects/samples").mkdir()
    (folder / "dialects/samples/gazette.toml").write_text(bad, encoding="utf-8")
    code, _, said = call("dialects", "check", "gazette")
    assert (code, told in said) == (2, True), said


@pytest.mark.parametrize("name", dialect_names())
def test_a_shipped_dialect_is_tried_on_the_samples_that_are_shipped_with_it(name: str):
    trial = try_samples(SHIPPED / f"{name}.toml", load_dialect(name), load_market("psx"))
    assert trial is not None
    assert (trial.problems, bool(trial.rows)) == ((), load_dialect(name).reads)


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("https://gazette.example/news/5-lamps", 0, "address https://gazette.example/news/5;"),
        ("https://herald.example/news/5", 4, "page.html: no line is read"),
    ],
)
def test_a_page_must_be_of_the_publishers_hosts(
    call: Call, folder: Path, address: str, code: int, told: str
):
    (folder / "page.html").write_text(html(address), encoding="utf-8")
    ended, rows, said = call("publishers", "check", "publishers/gazette.toml", "page.html")
    assert ended == code
    assert told in said
    assert {row["verdict"] for row in rows} == {"foreign_host" if code else "ok"}


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("dialects/gazette.toml", "name = ", "dialects/gazette.toml: is not TOML"),
        ("dialects/gazette.toml", "nam = 'x'", "dialects/gazette.toml: nam: unknown key"),
        (
            "dialects/gazette.toml",
            DIALECT.replace("gazette", "x"),
            ": name: is 'x'; write 'gazette'",
        ),
        (
            "dialects/gazette.toml",
            f"{DIALECT}[samples]\nread = 5",
            ": samples.read: must be a list",
        ),
        ("publishers/gazette.toml", 'name = "gazette"', ": dialects: needs at least one"),
        ("publishers/gazette.toml", DIALECT, "is a dialect; `tickertrack dialects check publi"),
        ("dialects/gazette.toml", PUBLISHER, "is a publisher; `tickertrack publishers check dia"),
        ("dialects/gazette.toml", "# later", "is empty; `tickertrack dialects list` names others"),
        ("publishers/gazette.toml", f'market = "lse"\n{PUBLISHER}', "no market named 'lse'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_path_and_key(
    call: Call, folder: Path, file: str, text: str, told: str
):
    (folder / file).write_text(text, encoding="utf-8")
    code, _, said = call(file.partition("/")[0], "check", file, "page.txt")
    assert code == 2
    assert told in said


@pytest.mark.parametrize(
    ("kind", "file", "told"),
    [
        ("dialects", "gazete.toml", "no dialect of that name; did you mean 'gazette'?"),
        ("dialects", "brecorder-2023", "no dialect of that name; did you mean 'brecorder-2022'?"),
        ("publishers", "brecordr", "no publisher of that name; did you mean 'brecorder'?"),
        ("publishers", "x.toml", "no publisher of that name; `tickertrack publishers list` names"),
        ("dialects", "page.txt", "a dialect is a .toml file, and pages come after it"),
        ("dialects", "bytes.toml", "bytes.toml: is not TOML: it is no text in UTF-8"),
    ],
)
def test_a_file_that_is_not_there_or_none_of_its_kind_is_told_as_what_it_is(
    call: Call, folder: Path, kind: str, file: str, told: str
):
    (folder / "bytes.toml").write_bytes(b"\xff")
    code, rows, said = call(kind, "check", file, "page.txt")
    assert (code, rows, said.count("\n")) == (2, [], 1)
    assert said.startswith(f"tickertrack: {file}: ")
    assert told in said
    assert "--config" not in said


def test_a_file_is_found_by_its_name_and_ones_own_first(call: Call, folder: Path):
    assert call("dialects", "check", "gazette", "page.txt")[0] == 0
    assert call("publishers", "check", "gazette", "page.txt")[0] == 0
    text = DIALECT.replace('"gazette"', '"aof"') + SAMPLES
    (folder / "dialects/aof.toml").write_text(text, encoding="utf-8")
    code, _, told = call("dialects", "check", "aof")
    assert (code, told) == (0, "aof.toml: 2 of 2 samples as they should be\n")


def test_settings_that_are_not_there_are_told_with_their_option(call: Call):
    code, _, told = call("--config", "none.toml", "dialects", "list")
    assert (code, "none.toml: cannot be read (" in told, "check --config" in told) == (
        2,
        True,
        True,
    )


def test_a_dialect_that_is_tried_is_nobodys(call: Call):
    assert "publisher" not in call("dialects", "check", "dialects/gazette.toml", "page.txt")[2]
    told = call("publishers", "check", "publishers/gazette.toml", "page.txt")[2]
    assert "publisher gazette; dialect gazette" in told


def test_a_page_that_is_not_there_is_a_problem_and_costs_no_other(call: Call):
    code, rows, told = call(
        "publishers", "check", "publishers/gazette.toml", "none.txt", "page.txt"
    )
    assert (code, len(rows)) == (4, 2)
    assert "none.txt: no such file or folder" in told


def test_config_is_held_against_the_publisher(call: Call, folder: Path):
    _, _, told = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert "add 'gazette' to `publishers`" in told
    (folder / "config.toml").write_text('[collect]\npublishers = ["gazette"]\n', "utf-8")
    _, _, told = call("publishers", "check", "publishers/gazette.toml", "page.txt")
    assert "add 'gazette'" not in told


def test_lists_name_what_is_shipped_and_ones_own_and_a_bad_file_costs_no_other(
    call: Call, folder: Path
):
    code, rows, _ = call("dialects", "list")
    own = {row["name"]: row["file"] for row in rows if row["file"] != "shipped"}
    assert (code, own) == (0, {"gazette": "dialects/gazette.toml"})
    assert {row["name"] for row in rows} == {*dialect_names(), "gazette"}
    (folder / "dialects/bad.toml").write_text("x", encoding="utf-8")
    code, again, told = call("dialects", "list")
    assert (code, again) == (0, rows)
    assert "bad.toml: is not TOML" in told
    code, rows, _ = call("publishers", "list")
    assert [(row["name"], row["read"]) for row in rows] == [("brecorder", "yes"), ("gazette", "no")]


def test_a_table_shows_what_there_is_room_for_and_tells_why_below(
    capsys: pytest.CaptureFixture[str], folder: Path
):
    (folder / "page.txt").write_text(PAGE.replace("up", "rose"), encoding="utf-8")
    for words, head in (((), "symbol  price  change"), (("-c", "symbol,why"), "symbol  why")):
        with pytest.raises(SystemExit):
            main(["dialects", "check", "dialects/gazette.toml", "page.txt", "-f", "table", *words])
        told = capsys.readouterr()
        assert told.out.startswith(head)
        assert "unreadable: ANL: 33,30 0,20 (0,60 %) rose" in told.err
        assert "{word} ('up' or 'down' or 'unchanged') is wanted, where 'rose' stands" in told.err


def test_a_line_that_is_read_is_no_miss_and_prose_is_none_either():
    dialect = load_dialect("brecorder-2020")
    assert nearest_miss("The market rose", dialect) is None
    miss = nearest_miss("ANL 33.30 Increased By 0.20 (0.6%)", dialect)
    assert miss
    assert (miss.read, miss.piece) == ("ANL 33.30 Increased By ", "{arrow}")
    assert nearest_miss("A" * 600, dialect) is None
