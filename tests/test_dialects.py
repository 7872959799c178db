"""A line is read exactly or refused; so is a user's own dialect file."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from laying import market

import tickertrack as tt
from tickertrack.dialects import SHIPPED, dialect_names, load_dialect
from tickertrack.errors import ConfigError
from tickertrack.markets import Market
from tickertrack.publishers import load_publisher
from tickertrack.samples import market_of
from tickertrack.strips import fold, read_strip

# They are shipped, so that whoever has the package can try them: `dialects check NAME`.
LINES = SHIPPED / "samples"
MATCH = {"raw", "symbol", "price", "change", "percent", "direction", "verdict", "board"}
# Good lines above and below a bad one, where a dialect's own samples say none.
AROUND = ("AVN 76.90 Increased By ▲ 0.55 (0.72%)", "PTC 8.10 Decreased By ▼ -0.05 (-0.61%)")
# What real pages show beside their strips and in their articles, in the shape of a ticker line.
LOOKALIKES = (
    *("Pakistan Deaths", "20,400", "9224hr", "CON: 44% (+1)", "LAB: 42% (-)", "Con 33 (+1)"),
    *("Con %: 34 (+3)Lab %: 36 (0)", "1 | Brindle: 1840.93 points (+1)", "169/6 (20)", "SR", "275"),
    *("2024.05.08 (수)", "맑음동두천 13.7℃", "Increased by ▲ 7.35%", "Grow Rate: ▲ 14.1%"),
    "115 declined, 64 advanced, and 182 remained unchanged",
    "decliners (123) outnumbering advancers (75)",
    "open int 379,453, up 1,931",
    "Nifty below 17,9002 min read",
    "The target was raised to Rs 400 (+25%)",
    "SWISS RE AG NAM. SF -,10 Sell 88,50 21,36",
    "₹900 3 Months",
)


@cache
def _tables() -> dict[str, Any]:
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(LINES.glob("*.toml"))
    }


def _rows(kind: str) -> list[Any]:
    return [
        pytest.param(name, row, id=f"{name}: {row['raw']}")
        for name, table in _tables().items()
        for row in table[kind]
    ]


@cache
def _market_of(name: str) -> Market:
    """Give the market of a dialect's publisher, or one that knows no more than its indices."""
    return market_of(SHIPPED / f"{name}.toml", market())


def _around(name: str) -> tuple[str, str]:
    matches = _tables()[name]["match"]
    symbols = {row["symbol"]: fold(row["raw"]) for row in matches}
    if name.startswith("brecorder") or not symbols:
        return AROUND
    first, *_, last = symbols.values()
    dialect = load_dialect(name)
    return dialect.without_prefix(first)[0], dialect.without_prefix(last)[0]


def test_every_shipped_dialect_has_lines() -> None:
    for name in dialect_names():
        path = LINES / f"{name}.toml"
        assert path.is_file(), f"a new dialect needs its lines: {path}"
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        assert set(table) - {"indices", "market"} == {"match", "refuse"}
        assert bool(table["match"]) == load_dialect(name).reads
        assert table["refuse"]


def test_twelve_other_publishers_forms_are_shipped_and_six_that_are_only_refused() -> None:
    reading = {name.partition("-")[0] for name in dialect_names() if load_dialect(name).reads}
    assert len(reading - {"brecorder"}) >= 12
    refusing = {name: dict(load_dialect(name).refusals) for name in dialect_names()}
    unsafe = {"sign_lost", "glued_figures", "no_symbol"}
    assert len([name for name, named in refusing.items() if unsafe & named.keys()]) >= 6


def test_every_file_of_lines_is_of_a_shipped_dialect() -> None:
    assert {path.stem for path in LINES.iterdir()} == set(dialect_names())


@pytest.mark.parametrize(("name", "row"), _rows("match"))
def test_a_line_is_read(name: str, row: dict[str, str]) -> None:
    assert MATCH - set(row) <= {"change", "percent"}
    strip, _ = read_strip([fold(row["raw"])], (), [load_dialect(name)], _market_of(name))
    assert not strip.quarantined
    (quote,) = strip.quotes
    numbers = (str(quote.price), str(quote.change), str(quote.percent))
    assert numbers == (row["price"], *(row.get(key, "None") for key in ("change", "percent")))
    assert (quote.verdict == "unchecked") == (set(row) < MATCH)
    assert {key: getattr(quote, key) for key in ("symbol", "direction", "verdict", "board")} == {
        key: row[key] for key in ("symbol", "direction", "verdict", "board")
    }
    change = row.get("change")
    assert quote.reference_price == (Decimal(row["price"]) - Decimal(change) if change else None)


@pytest.mark.parametrize(("name", "row"), _rows("refuse"))
def test_a_line_is_refused(name: str, row: dict[str, str]) -> None:
    assert set(row) - {"quarantine"} == {"raw", "reason"}
    line, dialect = fold(row["raw"]), load_dialect(name)
    strip, _ = read_strip([line], (), [dialect], _market_of(name))
    assert not strip.quotes
    if "quarantine" in row:
        (refused,) = strip.quarantined
        assert (refused.reason, refused.raw) == (row["quarantine"], dialect.without_prefix(line)[0])
    if not dialect.reads:
        return
    # Amid good lines it costs none of them: each is a quote, or refused by name.
    above, below = _around(name)
    strip, _ = read_strip([above, line, below], (), [dialect], _market_of(name))
    read = [quote.raw for quote in strip.quotes]
    refused = [one.raw for one in strip.quarantined]
    assert read[0] == above
    assert line not in read
    assert below in read + refused
    assert all(one.reason for one in strip.quarantined)
    if "\ufffd" in line:
        assert [one.reason for one in strip.quarantined] == ["replacement_character"]


@pytest.mark.parametrize(("name", "row"), _rows("match"))
def test_no_line_is_read_by_a_foreign_dialect(name: str, row: dict[str, str]) -> None:
    line = fold(row["raw"])
    readers = {other for other in dialect_names() if _reads(other, line)}
    assert name in readers
    # One publisher's forms of two periods share the lines that did not change.
    assert {other.partition("-")[0] for other in readers} == {name.split("-", maxsplit=1)[0]}
    # And where all are asked at once, its own reads it.
    strip, _ = read_strip([line], (), list(map(load_dialect, dialect_names())), _market_of(name))
    assert strip.dialect in readers


@pytest.mark.parametrize("line", LOOKALIKES)
def test_a_lookalike_is_read_by_no_dialect(line: str) -> None:
    assert [name for name in dialect_names() if _reads(name, fold(line))] == []


def _reads(name: str, line: str) -> bool:
    dialect = load_dialect(name)
    return dialect.read(dialect.without_prefix(line)[0]) is not None


# --- a user's own dialect ------------------------------------------------------------------------

# Another word, another arrow, another order, another way to write numbers: 1.234,5 and -0,9.
BERGBLATT = """
name = "bergblatt"
line = "{symbol}: {price} {change} {percent}% {arrow?}"
sign = "arrow"

[number]
group = "."
decimal = ","
minus = "\\u2212-"
percent_decimals = 1

[symbol]
pattern = '[A-ZÄÖÜ][A-ZÄÖÜ0-9 ]{0,15}'

[arrows]
up = ["↑"]
down = ["↓"]

[strip]
prefix = ['Stand (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}):']
masthead = ['Bergblatt vom (?P<date>.{4,20})', 'Ausgabe (?P<date>.{4,20})']
stop = ['Kurse|Berge']
"""
PUBLISHER = """
name = "bergblatt"
hosts = ["bergblatt.example"]
timezone = "Europe/Zurich"
market = "psx"

[[dialects]]
name = "bergblatt"
"""
BERG_LINES = (
    "ÄTNA: 1.234,50 12,25 1,0% ↑",
    "EIGER 2: 33,30 0,20 0,6% ↓",
    "KSE100: 46.301,25 \u2212203,55 \u22120,4%",
    "MÖNCH: 5,44 0,00 0,0%",
)
BERG_PAGE = "\n".join(
    (*BERG_LINES, "Bergblatt vom 5. Apr 2021", "Kurse", "Ein Lied", "Sie sangen.")
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def ingest(folder: Path, text: str, address: str = "lied") -> list[dict[str, Any]]:
    page = {"url": f"https://bergblatt.example/{address}", "text": text}
    source = write(folder, f"{address}.jsonl", json.dumps(page))
    with tt.open(folder / "t.db", config=folder / "config.toml") as tracker:
        tracker.ingest(source)
        return tracker.quote_rows(tracker.symbols())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # A user's folder: config.toml, dialects/, publishers/.
    write(tmp_path, "config.toml", '[collect]\npublishers = ["bergblatt"]\n')
    write(tmp_path, "dialects/bergblatt.toml", BERGBLATT)
    write(tmp_path, "publishers/bergblatt.toml", PUBLISHER)
    return tmp_path


def test_a_publisher_of_ones_own_is_read_from_page_to_table(folder: Path) -> None:
    rows = ingest(folder, BERG_PAGE)
    read = {
        row["symbol"]: (row["price"], row["change"], row["percent"], row["direction"])
        for row in rows
    }
    assert read == {
        "ÄTNA": (1234.5, 12.25, 1.0, "up"),
        "EIGER 2": (33.3, -0.2, -0.6, "down"),
        "KSE100": (46301.25, -203.55, -0.4, "down"),
        "MÖNCH": (5.44, 0.0, 0.0, "flat"),
    }
    assert {row["verdict"] for row in rows} == {"ok"}
    assert {row["raw"] for row in rows} == set(BERG_LINES)


@pytest.mark.parametrize(
    ("decimals", "verdict"), [(1, "ok"), (2, "percent_mismatch")], ids=["one", "two: the control"]
)
def test_a_percent_is_held_to_the_decimals_that_are_printed(
    folder: Path, decimals: int, verdict: str
) -> None:
    own = BERGBLATT.replace("percent_decimals = 1", f"percent_decimals = {decimals}")
    write(folder, "dialects/bergblatt.toml", own)
    rows = ingest(folder, "BERG: 33,30 0,22 0,6% ↑\nTAL: 33,30 0,22 0,7% ↑\nEin Lied\n")
    verdicts = {row["symbol"]: row["verdict"] for row in rows}
    assert verdicts == {"BERG": "percent_mismatch", "TAL": verdict}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Stand 2021-04-05: {}\nEin Lied\n", "2021-04-05"),
        ("{}\nAusgabe 6 Apr 2021\nKurse\nEin Lied\n", "2021-04-06"),
        ("Bergblatt vom 7 Apr 2021\nKurse\n{}\nEin Lied\n", "2021-04-07"),
        ("Bergblatt vom 7 Apr 2021\n{}\nAusgabe 8 Apr 2021\nEin Lied\n", None),
    ],
)
def test_each_of_several_mastheads_and_prefixes_is_known(
    folder: Path, text: str, day: str | None
) -> None:
    (row,) = ingest(folder, text.format(BERG_LINES[0]))
    assert row["page_date"] == day


def test_a_strip_on_nobodys_host_is_refused(folder: Path) -> None:
    page = json.dumps({"url": "https://elsewhere.example/lied", "text": BERG_PAGE})
    with tt.open(folder / "t.db", config=folder / "config.toml") as tracker:
        tracker.ingest(write(folder, "page.jsonl", page))
        assert tracker.symbols() == []
        reasons = [row["reason"] for row in tracker.quarantine_rows()]
    assert reasons == ["foreign_host"] * len(BERG_LINES)


def test_a_dialect_may_extend_a_shipped_one(folder: Path) -> None:
    write(
        folder,
        "dialects/bergblatt.toml",
        'name = "bergblatt"\nextends = "brecorder-2022"\n'
        '[words]\nup = ["Hinauf um"]\ndown = ["Hinab um"]\nflat = ["Gleich"]\n',
    )
    dialect = load_dialect("bergblatt", folder)
    assert dialect.read("ANL 33.30 Hinauf um ▲ 0.20 (0.6%)")
    assert dialect.read("KSE100 46,301 Hinab um -203.55 (-0.44%)")
    # A table is replaced whole; the days of the period are not inherited.
    assert dialect.read("ANL 33.30 Increased By ▲ 0.20 (0.6%)") is None
    assert (dialect.since, dialect.until) == (None, None)


def test_a_users_file_goes_before_the_shipped_one_of_its_name(folder: Path) -> None:
    own = 'name = "brecorder-2020"\nline = "{symbol} {price} {change} {percent}%"\n'
    write(folder, "dialects/brecorder-2020.toml", own)
    assert load_dialect("brecorder-2020", folder).read("ANL 33.30 0.20 0.6%")
    assert load_dialect("brecorder-2020").read("ANL 33.30 0.20 0.6%") is None


def test_an_optional_piece_may_stand_at_either_end_of_a_line(folder: Path) -> None:
    table = '[arrows]\nup = ["↑"]\ndown = ["↓"]\n'
    for name, line in (
        ("at-end", "{symbol} {price} {change} {percent}% {arrow?}"),
        ("at-start", "{arrow?} {symbol} {price} {change} {percent}%"),
    ):
        write(folder, f"dialects/{name}.toml", f'name = "{name}"\nline = "{line}"\n{table}')
        dialect = load_dialect(name, folder)
        assert dialect.read("ANL 33.30 0.20 0.6%")
        arrows = ("ANL 33.30 0.20 0.6% ↑", "↑ ANL 33.30 0.20 0.6%")
        assert [bool(dialect.read(one)) for one in arrows] == [name == "at-end", name == "at-start"]


@pytest.mark.parametrize(
    ("sign", "line", "change"),
    [
        ("word", "ANL 33.30 down 0.20 (0.6%)", "-0.20"),
        ("word", "ANL 33.30 down -0.20 (-0.6%)", "-0.20"),
        ("word", "ANL 33.30 up 0.20 (0.6%)", "0.20"),
        ("number", "ANL 33.30 down -0.20 (-0.6%)", "-0.20"),
        ("number", "ANL 33.30 down 0.20 (0.6%)", "0.20"),
        ("number", "ANL 33.30 up +0.20 (+0.6%)", "0.20"),
    ],
)
def test_the_sign_is_where_the_dialect_says(
    folder: Path, sign: str, line: str, change: str
) -> None:
    write(
        folder,
        "dialects/worded.toml",
        f'name = "worded"\nline = "{{symbol}} {{price}} {{word}} {{change}} ({{percent}}%)"\n'
        f'sign = "{sign}"\n[words]\nup = ["up"]\ndown = ["down"]\n',
    )
    reading = load_dialect("worded", folder).read(line)
    assert reading
    assert str(reading.change) == change


@pytest.mark.parametrize("letters", [40, 41, 60])
def test_a_symbol_longer_than_any_is_refused_and_costs_no_other_line(
    folder: Path, letters: int
) -> None:
    text = GOOD + "[symbol]\npattern = '[A-Z]+'\n"
    write(folder, "dialects/own.toml", text)
    long = f"{'A' * letters} 5.44 0.04 0.74"
    lines = ["ANL 33.30 0.20 0.6", long, "BOP 9.10 0.10 1.11"]
    strip, _ = read_strip(lines, (), [load_dialect("own", folder)], market())
    refused = [(one.reason, one.raw) for one in strip.quarantined]
    if letters == 40:
        assert [quote.raw for quote in strip.quotes] == lines
    else:
        assert [quote.raw for quote in strip.quotes] == [lines[0], lines[2]]
        assert refused == [("impossible_symbol", long)]


def test_a_page_with_a_symbol_longer_than_any_costs_no_other_page(folder: Path) -> None:
    write(folder, "dialects/own.toml", GOOD + "[symbol]\npattern = '[A-Z]+'\n")
    write(folder, "publishers/own.toml", 'name = "own"\n[[dialects]]\nname = "own"\n')
    write(folder, "config.toml", '[collect]\npublishers = ["own"]\n')
    for name, symbol in (("a.txt", "A" * 60), ("b.txt", "ANL")):
        write(folder, name, f"{symbol} 33.30 0.20 0.6\nWords\n")
    with tt.open(folder / "x.db", config=folder / "config.toml") as tracker:
        report = tracker.ingest([folder / "a.txt", folder / "b.txt"])
    assert (report.pages, report.quotes, report.quarantined) == (2, 1, 1)


GOOD = 'name = "own"\nline = "{symbol} {price} {change} {percent}"\n'
BAD = [
    ('line = "{symbol} {price} {change} {percent}"', "name", "is missing; write 'own'"),
    ('name = 5\nline = "{symbol} {price} {change} {percent}"', "name", "is 5; write 'own'"),
    ('name = "own"', "line", "names no form"),
    ('name = "own"\nline = 5', "line", "must be a text"),
    ('name = "own"\nline = []', "line", "names no form"),
    (
        'name = "other"\nline = "{symbol} {price} {change} {percent}"',
        "name",
        "as the file is named",
    ),
    ('name = "own"\nline = "{symbol} {change} {percent}"', "line", "price"),
    ('name = "own"\nline = "{symbol} {price}"', "line", "change or percent"),
    ('name = "own"\nline = "{symbol} {price} {change} {percent} {volume}"', "line", "at most once"),
    ('name = "own"\nline = "{symbol} {symbol} {price} {change} {percent}"', "line", "at most once"),
    ('name = "own"\nline = "{symbol} {price} {word} {change} {percent}"', "words", "is empty"),
    ('name = "own"\nline = "{symbol} {price} {arrow?} {change} {percent}"', "arrows", "is empty"),
    (f'{GOOD}lines = "x"', "lines", "did you mean 'line'"),
    (f'{GOOD}sign = "colour"', "sign", "'word'"),
    (f'{GOOD}sign = "word"', "sign", "needs {word} in every form of line"),
    (f'{GOOD}from = "2021"', "from", "must be a date"),
    (f"{GOOD}number = 5", "number", "must be a table"),
    (f'{GOOD}[number]\ngroups = ","', "number.groups", "did you mean 'group'"),
    (f"{GOOD}[number]\ngroup = 3", "number.group", "must be a text"),
    (f'{GOOD}[number]\ngroup = "."', "number.decimal", "a mark of its own"),
    (f'{GOOD}[number]\ndecimal = ""', "number.decimal", "a mark of its own"),
    (f"{GOOD}[number]\npercent_decimals = 9", "number.percent_decimals", "from 0 to 4"),
    (f"{GOOD}[number]\npercent_decimals = '2'", "number.percent_decimals", "a count"),
    (f"{GOOD}[symbol]\npattern = '[A-Z'", "symbol.pattern", "is no regular expression"),
    (f"{GOOD}[symbol]\npattern = 'A)(B'", "symbol.pattern", "is no regular expression"),
    (f"{GOOD}[symbol]\npattern = '[A-Z]*'", "symbol.pattern", "match nothing"),
    (f"{GOOD}[symbol]\npattern = '(?P<price>[A-Z]+)'", "symbol.pattern", "name no group"),
    (f'{GOOD}[words]\nup = "Increased By"', "words.up", "must be a list of texts"),
    (f'{GOOD}[words]\nup = [""]', "words.up", "must be a list of texts"),
    (f'{GOOD}[words]\nrise = ["Up"]', "words.rise", "unknown key"),
    (f'{GOOD}[words]\nup = ["x"]\ndown = ["x"]', "words.down", "already"),
    (f'{GOOD}[arrows]\nflat = ["▬"]', "arrows.flat", "unknown key"),
    (f"{GOOD}[strip]\nprefix = ['(']", "strip.prefix", "is no regular expression"),
    (f"{GOOD}[strip]\nstop = ['*']", "strip.stop", "is no regular expression"),
    (f"{GOOD}[strip]\nmasthead = ['[']", "strip.masthead", "is no regular expression"),
    (f"{GOOD}[strip]\nmasthead = ['today']", "strip.masthead", "(?P<date>"),
    (f'{GOOD}extends = "nothing"', "", "no dialect named 'nothing'"),
    (f'{GOOD}extends = "own"', "extends", "extends itself"),
    ("name = ", "", "is not TOML"),
]


@pytest.mark.parametrize(("text", "key", "says"), BAD)
def test_a_bad_dialect_is_refused_by_path_and_key(
    folder: Path, text: str, key: str, says: str
) -> None:
    path = write(folder, "dialects/own.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_dialect("own", folder)
    error = caught.value
    assert says in str(error)
    assert error.key == key
    if key:
        assert error.path == path


def test_the_good_dialect_beside_the_bad_ones_is_taken(folder: Path) -> None:
    write(folder, "dialects/own.toml", GOOD)
    assert load_dialect("own", folder).read("ANL 33.30 0.20 0.6")


def test_an_unknown_dialect_or_key_in_a_publishers_file_is_refused(folder: Path) -> None:
    write(folder, "publishers/lost.toml", PUBLISHER.replace("bergblatt", "lost"))
    with pytest.raises(ConfigError, match="no dialect named 'lost'"):
        load_publisher("lost", folder)
    path = write(folder, "publishers/odd.toml", 'nam = "odd"')
    with pytest.raises(ConfigError, match="did you mean 'name'") as caught:
        load_publisher("odd", folder)
    assert (caught.value.path, caught.value.key) == (path, "nam")
