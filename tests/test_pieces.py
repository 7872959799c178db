"""The pieces of a dialect: other ways to write numbers, pieces to skip, forms to refuse, places."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from laying import market

import tickertrack as tt
from tickertrack.audit import verify_pages
from tickertrack.dialects import Dialect, dialect_names, load_dialect
from tickertrack.dialects.markers import markers_of
from tickertrack.errors import ConfigError
from tickertrack.models import Locator, Page
from tickertrack.pages import Capture, Desk, read_page
from tickertrack.publishers import load_publisher
from tickertrack.trial import desk_of

Made = Callable[[str], Dialect]
FULL = 'line = "{symbol} {price} {change} ({percent}%)"\n'
# A dialect whose strip stands in the article, many lines on one.
LIST = """
line = "{symbol} ({price}, {percent}%)"
[number]
signed = true
[refuse]
no_price = ['[A-Z]+ [0-9]+ units']
[strip]
place = "article"
between = '(?<=\\)), '
stop = ['Losers']
"""


@pytest.fixture
def make(tmp_path: Path) -> Made:
    def made(text: str) -> Dialect:
        path = tmp_path / "dialects" / "own.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'name = "own"\n{text}', encoding="utf-8")
        load_dialect.cache_clear()
        return load_dialect("own", tmp_path)

    return made


@pytest.mark.parametrize(
    ("number", "line", "read"),
    [
        ("", "ANL 1,234.50 -12.25 (-0.98%)", ("1234.50", "-12.25", "-0.98")),
        ('group = "."\ndecimal = ","', "ANL 1.234,5 -12,2 (-0,98%)", ("1234.5", "-12.2", "-0.98")),
        ('group = " "\ndecimal = ","', "ANL 1 234,50 12,25 (1%)", ("1234.50", "12.25", "1")),
        ('group = "’\'"', "ANL 1’234.50 1'212.25 (0.98%)", ("1234.50", "1212.25", "0.98")),
        ('grouping = "lakh"', "ANL 1,23,45,678.50 12.25 (0%)", ("12345678.50", "12.25", "0")),
        ('grouping = "lakh"', "ANL 12,345.50 12.25 (0.1%)", ("12345.50", "12.25", "0.1")),
        ('minus = "–-—"', "ANL 33.30 —0.20 (–0.6%)", ("33.30", "-0.20", "-0.6")),
        ("spaced = true", "ANL 33.30 + 0.20 (- 0.6%)", ("33.30", "0.20", "-0.6")),
        ("brackets = true", "ANL 33.30 (0.20) ((0.6)%)", ("33.30", "-0.20", "-0.6")),
        ("brackets = true", "ANL 33.30 0.20 (0.6%)", ("33.30", "0.20", "0.6")),
        ("signed = true", "ANL 33.30 +0.20 (+0.6%)", ("33.30", "0.20", "0.6")),
        ("signed = true", "ANL 33.30 0.00 (0%)", ("33.30", "0.00", "0")),
    ],
)  # fmt: skip
def test_a_number_is_written_as_the_dialect_says(
    make: Made, number: str, line: str, read: tuple[str, ...]
):
    reading = make(f"{FULL}[number]\n{number}").read(line)
    assert reading
    assert (str(reading.price), str(reading.change), str(reading.percent)) == read


@pytest.mark.parametrize(
    ("number", "line"),
    [
        ("", "ANL 1.234,50 -12,25 (-0,98%)"),
        ("", "ANL 1,23,45,678.50 12.25 (0%)"),
        ('grouping = "lakh"', "ANL 123,456.50 12.25 (0%)"),
        ("", "ANL 33.30 + 0.20 (- 0.6%)"),
        ("", "ANL 33.30 (0.20) ((0.6)%)"),
        ("signed = true", "ANL 33.30 0.20 (0.6%)"),
    ],
)
def test_a_number_that_is_written_otherwise_is_none(make: Made, number: str, line: str):
    assert make(f"{FULL}[number]\n{number}").read(line) is None


@pytest.mark.parametrize(
    ("line", "printed", "read"),
    [
        ("{symbol} {price} {percent}%", "ANL 33.30 -0.6%", (None, "-0.6")),
        ("{symbol} {price} %{percent}", "ANL 33.30 %-0.6", (None, "-0.6")),
        ("{symbol} {price} {change}", "ANL 33.30 -0.20", ("-0.20", None)),
        ("{symbol} {percent?} {price} {change}", "ANL 33.30 -0.20", ("-0.20", None)),
    ],
)
def test_a_line_may_lack_its_change_or_its_percent(
    make: Made, line: str, printed: str, read: tuple[str | None, str | None]
):
    reading = make(f'line = "{line}"').read(printed)
    assert reading
    change, percent = (number and Decimal(number) for number in read)
    assert (reading.change, reading.percent) == (change, percent)


def test_a_percent_that_is_cut_off_may_miss_a_whole_unit(make: Made):
    cut = make(f"{FULL}[number]\npercent_decimals = 1\ncut = true")
    rounded = make(f"{FULL}[number]\npercent_decimals = 1")
    assert (cut.percent_off, rounded.percent_off) == (Decimal("0.1"), Decimal("0.05"))


def test_pieces_of_ones_own_are_skipped_and_forms_may_be_several(make: Made):
    dialect = make(
        'line = ["{company} ({symbol}) {price}{unit?} {percent}%", "{symbol}: {price} {change}"]\n'
        "[skip]\ncompany = '[A-Z][a-z]+(?: [A-Z][a-z]+)*'\nunit = 'p|c'\n"
    )
    for line in ("Amber Nets (ANL) 33.30p 0.6%", "Amber (ANL) 33.30 0.6%", "ANL: 33.30 0.2"):
        reading = dialect.read(line)
        assert reading, line
        assert (reading.symbol, reading.price) == ("ANL", Decimal("33.30"))
    assert dialect.read("Amber (ANL) 33.30q 0.6%") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"{FULL}[skip]\nprice = 'x'", "skip.price"),
        (f"{FULL}[skip]\nA-b = 'x'", "skip.A-b"),
        (f"{FULL}[skip]\nnote = 'x*'", "skip.note"),
        (f"{FULL}[skip]\nnote = 5", "skip.note"),
        ('line = "{symbol} {price} {percent}{note}"', "line"),
        (f"{FULL}[refuse]\nx = 'y'", "refuse.x"),
        (f"{FULL}[refuse]\nx = ['(']", "refuse.x"),
        (f"{FULL}[refuse]\nNo-Sign = ['y']", "refuse.No-Sign"),
        (f'{FULL}[number]\ngrouping = "myriad"', "number.grouping"),
        (f"{FULL}[number]\nsigned = 1", "number.signed"),
        (f"{FULL}[number]\npercent_decimals = true", "number.percent_decimals"),
        (f'{FULL}[strip]\nplace = "footer"', "strip.place"),
        (f"{FULL}[strip]\nplace = ['header']", "strip.place"),
        (f"{FULL}[strip]\nbetween = '(,)'", "strip.between"),
        (f"{FULL}[strip]\nbetween = ' *'", "strip.between"),
    ],
)
def test_a_piece_that_cannot_be_is_refused_by_its_key(make: Made, text: str, key: str):
    with pytest.raises(ConfigError) as refused:
        make(text)
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("text", "markers"),
    [
        (FULL, ()),
        (f"{FULL}[refuse]\nx = ['y']", ()),
        ('line = "{symbol} {price} {percent} per cent of it"', ("per cent of it",)),
        ('line = "{symbol} {price} {word} {percent}"\n[words]\nup = ["rose"]', ("rose",)),
        (
            'line = "{symbol} {word} {percent}% to close at {price}"\n[words]\nup = ["up"]',
            ("to close at",),
        ),
        ('line = ["{symbol} {price} {percent} per cent", "{symbol} {price} {percent}%"]', ()),
    ],
)
def test_the_longest_words_of_a_line_mark_a_page(make: Made, text: str, markers: tuple[str, ...]):
    assert make(text).markers == markers


def test_one_dialect_without_words_opens_the_gate_for_its_own_desk_alone(make: Made):
    wordless, brecorder = make(FULL), load_dialect("brecorder-2022")
    assert markers_of([wordless, brecorder]) is None
    assert markers_of([brecorder]) == {"Increased By", "Decreased By", "No Change"}


# --- an article's list ---------------------------------------------------------------------------


def page_of(tmp_path: Path, text: str, *, html: bool = False) -> Page:
    folder = tmp_path / "publishers"
    folder.mkdir(exist_ok=True)
    (folder / "own.toml").write_text('name = "own"\n[[dialects]]\nname = "own"\n', "utf-8")
    load_publisher.cache_clear()
    publisher = load_publisher("own", tmp_path)
    capture = Capture(text, Locator("page", 0, len(text)), html=html)
    return read_page(capture, Desk((publisher,), market(), publisher))


ARTICLE = (
    "The harbour lights are lit again",
    "They were lit on Wednesday.",
    "ANX (33.30, +0.60%), BOX (5.44, -1.20%), SEA (8.10, +0.10%)",
    "Losers",
    "MOX (7.70, -3.00%)",
    "GEM 5000 units",
    "Nobody minded.",
    "CLX (1.10, -3.00%)",
)


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_list_in_an_article_is_read_where_the_dialect_says_so(
    make: Made, tmp_path: Path, form: str
):
    make(LIST)
    headline, *rest = ARTICLE
    marked = f"<h1>{headline}</h1>" + "".join(f"<p>{line}</p>" for line in rest)
    page = page_of(tmp_path, marked if form == "html" else "\n".join(ARTICLE), html=form == "html")
    assert [quote.symbol for quote in page.strip.quotes] == ["ANX", "BOX", "SEA", "MOX"]
    assert {quote.verdict for quote in page.strip.quotes} == {"unchecked"}
    # Known and refused; and what stands below the list is not of it.
    refused = [(one.reason, one.raw) for one in page.strip.quarantined]
    assert refused == [("no_price", "GEM 5000 units"), ("outside_header", "CLX (1.10, -3.00%)")]
    assert page.article.title == headline


def test_without_that_word_a_list_in_an_article_is_no_strip(make: Made, tmp_path: Path):
    make(LIST.replace('place = "article"', 'place = "header"'))
    page = page_of(tmp_path, "\n".join(ARTICLE))
    assert page.strip.quotes == ()
    assert {one.reason for one in page.strip.quarantined} == {"outside_header", "no_price"}


def test_a_refused_form_is_told_of_wherever_it_stands(make: Made, tmp_path: Path):
    make("[refuse]\nsign_lost = ['[A-Z]+ [0-9.]+ ?%']")
    page = page_of(tmp_path, "ANX 3.2%\nA headline\n\nWords.\nBOX 1.1 %\n")
    assert [(one.line, one.reason) for one in page.strip.quarantined] == [
        (1, "sign_lost"),
        (5, "sign_lost"),
    ]


def test_a_line_that_nothing_checks_is_kept_and_never_becomes_a_price(make: Made, tmp_path: Path):
    make('line = "{symbol} {price} {percent}%"')
    (tmp_path / "publishers").mkdir()
    (tmp_path / "publishers/own.toml").write_text('name = "own"\n[[dialects]]\nname = "own"\n')
    (tmp_path / "config.toml").write_text('[collect]\npublishers = ["own"]\n', encoding="utf-8")
    page = tmp_path / "page.txt"
    page.write_text("ANX 33.30 0.6%\nBOX 5.44 -1.2%\nA headline\n", encoding="utf-8")
    with tt.open(tmp_path / "x.db", config=tmp_path / "config.toml") as tracker:
        tracker.ingest(page, captured_at="2021-04-08T18:00+05:00")
        (row,) = tracker.quote_rows(["BOX"])
        assert (row["change"], row["reference_price"], row["percent"]) == (None, None, -1.2)
        assert (row["verdict"], row["direction"]) == ("unchecked", "down")
        assert tracker.quotes("BOX")["change"].isna().all()
        assert tracker.history_rows(["ANX", "BOX"]) == []
        assert verify_pages(tracker) == (1, [])


# How the pages of some publishers mark up their lists, with invented lines.
MARKUP = {
    "penzcentrum": (
        (
            "<ul><li><b>Mók</b>: +24 Ft (+0,87%) → 2794 Ft, forgalom: 1,1 mrd Ft</li>"
            "<li>ÖTP : +540 Ft (+1,83%) → 30&nbsp;100 Ft, forgalom: 8,7 mrd Ft</li></ul>"
        ),
        {"MÓK": "2794", "ÖTP": "30100"},
    ),
    "nairametrics": (
        (
            "<h3>Top gainers</h3><ul><li>FIDDLE up +9.65% to close at N7.50</li></ul>"
            "<h3>Top losers</h3><ul><li>SUNDEW down &#8211; 8.82% to close at N0.31</li></ul>"
        ),
        {"FIDDLE": "7.50", "SUNDEW": "0.31"},
    ),
    "foxbusiness": (
        (
            "<table><tr><th>Ticker</th><th>Security</th><th>Last</th><th>Change</th><th>%</th>"
            "</tr><tr><td>GL</td><td>GLOW</td><td>180.44</td><td>-1.72</td><td>-0.94%</td></tr>"
            "<tr><td>APL</td><td>PLUMS</td><td>239.59</td><td>+2.26</td><td>+0.95%</td></tr></table>"
        ),
        {"GL": "180.44", "APL": "239.59"},
    ),
    "sharecast": (
        (
            "<p><b>FTSE 100 - Risers</b></p><p>Dip (DPLX) 3,326.00p 10.13% Saintsbury (J) (SBX)"
            " 250.00p 0.40%</p><p>FTSE 100 - Fallers</p><p>Bargain (DI) (BNE) 352.60p -5.75%</p>"
        ),
        {"DPLX": "3326.00", "SBX": "250.00", "BNE": "352.60"},
    ),
}


@pytest.mark.parametrize("name", MARKUP)
def test_a_list_is_read_out_of_a_publishers_markup(name: str):
    marked, read = MARKUP[name]
    text = f"<nav>Markets</nav><h1>A day</h1><p>It passed.</p>{marked}<p>Then it was over.</p>"
    desk = desk_of(load_dialect(name), market())
    page = read_page(Capture(text, Locator("page", 0, len(text)), html=True), desk)
    assert {quote.symbol: str(quote.price) for quote in page.strip.quotes} == read
    assert page.strip.quarantined == ()
    assert page.article.title == "A day"


# --- hostile lines -------------------------------------------------------------------------------

_BRICKS = (
    "A",
    "9",
    "(",
    "%",
    " ",
    "A ",
    "A 9 ",
    "9.9 ",
    "A, ",
    "Ab ",
    "A|",
    "A 9% ",
    "円(",
    "A<9> ",
)


@pytest.mark.parametrize("name", dialect_names())
def test_no_line_keeps_a_dialect_busy(name: str):
    dialect = load_dialect(name)
    began = time.process_time()
    for line in ((brick * 512)[:length] for brick in _BRICKS for length in (511, 512, 513)):
        dialect.read(line)
        dialect.looks_like_line(line)
        dialect.cut(line)
    # 42 lines take some milliseconds; a pattern that tries all ways to cut one would take hours.
    assert time.process_time() - began < 1
