"""Questions by command line and by data frame: shapes, codes, hints and refusals."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import Run, command_line

import tickertrack as tt
from tickertrack.cli import COMMANDS
from tickertrack.frames import write_file
from tickertrack.store.read import COVERAGE, HISTORY, QUOTES

SEED = """ date 2021-04-07 ANL 33.30 Increased By ▲ 0.20 (0.6%)
Harbour lights are lit again

  • Fishermen are glad of it
Zara Khan 07 Apr 2021

KARACHI: The lights of the harbour were lit again on Wednesday.

Karachi Harbour Lights Fishermen
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    return command_line(capsys)


@pytest.fixture
def seeded(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "seed.txt").write_text(SEED, encoding="utf-8")
    assert run("ingest", "seed.txt")[0] == 0
    return run


def test_the_seed_document_gives_its_price_its_article_and_its_report(run: Run, tmp_path: Path):
    (tmp_path / "seed.txt").write_text(SEED, encoding="utf-8")
    code, out, _ = run("--db", "x.db", "ingest", "seed.txt", "--report")
    report = json.loads(out)
    assert report.pop("seconds") >= 0
    assert (code, report) == (
        0,
        {"pages": 1, "strips": 1, "quotes": 1, "duplicates": 0, "quarantined": 0, "articles": 1},
    )
    (row,) = json.loads(run("--db", "x.db", "history", "ANL", "-f", "json")[1])
    assert row == {
        "symbol": "ANL",
        "session": "2021-04-07",
        "price": 33.3,
        "reference_price": 33.1,
        "change": 0.2,
        "change_percent": 0.6,
        "first": 33.3,
        "high": 33.3,
        "low": 33.3,
        "status": "provisional",
        "quotes": 1,
        "method": "stated",
    }
    (article,) = json.loads(run("--db", "x.db", "news", "-f", "json")[1])
    assert article["title"] == "Harbour lights are lit again"
    assert article["byline"] == "Zara Khan"
    assert (article["published_at"], article["published_precision"]) == ("2021-04-07", "day")
    assert article["tags"] == ["Karachi Harbour Lights Fishermen"]


def test_the_second_ingest_of_a_page_finds_nothing_new(seeded: Run):
    report = json.loads(seeded("ingest", "seed.txt", "--report")[1])
    assert (report["pages"], report["quotes"], report["duplicates"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("command", "columns"),
    [("history", HISTORY), ("quotes", QUOTES), ("coverage", COVERAGE)],
)
@pytest.mark.parametrize("symbol", ["ANL", "NONE"])
def test_an_answer_has_its_columns_even_when_it_is_empty(
    seeded: Run, command: str, columns: tuple[str, ...], symbol: str
):
    code, out, _ = seeded(command, symbol)
    rows = list(csv.reader(io.StringIO(out)))
    assert (code, tuple(rows[0])) == (0, columns)
    assert len(rows) == (2 if symbol == "ANL" else 1)


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl", "markdown"])
def test_every_format_says_the_price(seeded: Run, form: str):
    code, out, _ = seeded("history", "ANL", "-f", form)
    assert code == 0
    assert "33.3" in out


def test_a_mistyped_symbol_gets_near_names_on_stderr_and_an_empty_answer(seeded: Run):
    code, out, err = seeded("history", "ANN", "-f", "json")
    assert (code, json.loads(out)) == (0, [])
    assert "ANL" in err


def test_a_symbol_may_be_typed_small(seeded: Run):
    assert "33.3" in seeded("history", "anl", "-f", "csv")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("history", "ANL", "-s", "2021-02-30"), 2, "no date"),
        (("history", "ANL", "-s", "2021-05-01", "-e", "2021-04-01"), 2, "after the end"),
        (("history", "ANL", "--as-of", "yesterday"), 2, "no time"),
        (("history",), 2, "SYMBOLS"),
        (("histry", "ANL"), 2, "history"),
        (("history", "ANL", "-f", "xml"), 2, "xml"),
        (("--db", "nowhere.db", "history", "ANL"), 2, "no such database"),
        (("--config", "nowhere.toml", "history", "ANL"), 2, "nowhere.toml"),
        (("ingest", "nowhere.txt"), 1, "nowhere.txt"),
        (("history", "ANL", "--as-of", "0001-01-01T00:00:00+14:00"), 2, "no time"),
        (("history", "ANL", "--as-of", "9999-12-31T23:59:59-14:00"), 2, "no time"),
        (("ingest", "seed.txt", "--captured-at", "noon"), 2, "no time"),
        (("ingest", "seed.txt", "--captured-at", "0001-01-01"), 2, "the year 1"),
        (("ingest", "seed.txt", "--captured-at", "9999-12-31"), 2, "the year 9999"),
        (("ingest", "seed.txt", "--captured-at", "1980-01-01"), 2, "the year 1980"),
        (("ingest", "seed.txt", "--captured-at", "2199-01-01"), 2, "still to come"),
        (("ingest", "seed.txt", "--captured-at", "2199-01-01T12:00+05:00"), 2, "still to come"),
        (("ingest", "seed.txt", "--publisher", "brecoder"), 2, "brecorder"),
        (("ingest", ""), 2, "an empty path"),
        (("export", "prices", "-o", "prices.doc"), 2, ".doc"),
        (("reference", "import", "seed.txt", "--symbol", "KSE100"), 1, "seed.txt:1"),
    ],
)
def test_a_bad_question_is_one_clear_line_and_a_code(
    seeded: Run, arguments: tuple[str, ...], code: int, says: str
):
    found, out, err = seeded(*arguments)
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize("day", ["0001-01-02", "1980-01-01", "9999-12-31"])
def test_a_series_of_no_years_of_ours_is_refused_by_its_line(seeded: Run, tmp_path: Path, day: str):
    (tmp_path / "kse100.csv").write_text(f"date,close\n2021-04-06,44000\n{day},44100\n")
    code, out, err = seeded("reference", "import", "kse100.csv", "--symbol", "KSE100")
    assert (code, out) == (1, "")
    assert "kse100.csv:3" in err


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("2021-04-06,44_000", "k.csv:2"),
        ("2021-04-06,٤٤٠٠٠", "k.csv:2"),
        ("2021-04-06,44,000", "k.csv:2"),
        ('2021-04-06,"44,00"', "k.csv:2"),
        ("2021-04-06,1e-320", "k.csv:2"),
        ("2021-04-06,0.00001", "k.csv:2"),
        ("2021-04-06,nan", "k.csv:2"),
        ("2021-04-067,44000", "k.csv:2"),
        ("2021-04-06,44000\n2021-04-06,44001", "2021-04-06 has two closes"),
        ("", "holds no close"),
    ],
)
def test_a_series_that_says_no_close_for_each_day_is_refused(
    seeded: Run, tmp_path: Path, rows: str, says: str
):
    (tmp_path / "k.csv").write_text(f"date,close\n{rows}\n", encoding="utf-8")
    code, out, err = seeded("reference", "import", "k.csv", "--symbol", "KSE100")
    assert (code, out) == (1, "")
    assert says in err


def test_a_series_may_group_its_digits_and_give_times(seeded: Run, tmp_path: Path):
    rows = '2021-04-06,"44,000.50"\n2021-04-07T00:00:00,44100\n2021-04-07,44100.0\n'
    (tmp_path / "k.csv").write_text(f"date,close\n{rows}", encoding="utf-8")
    assert seeded("reference", "import", "k.csv", "--symbol", "KSE100")[0] == 0
    with closing(sqlite3.connect(tmp_path / "tickertrack.db")) as connection:
        stored = connection.execute("SELECT session, close FROM reference_closes").fetchall()
    assert stored == [("2021-04-06", 44_000.5), ("2021-04-07", 44_100.0)]


def test_quarantine_names_a_bad_file_as_pages_name_theirs(seeded: Run, tmp_path: Path):
    (tmp_path / "bad.jsonl").write_text("{\n")
    assert seeded("ingest", "bad.jsonl")[0] == 1
    (row,) = json.loads(seeded("quarantine", "-f", "json")[1])
    assert row["file"] == str(tmp_path / "bad.jsonl")


@pytest.mark.parametrize("day", ["2021-04-08", "20210408", "2021-W14-4", "2021-04-08 00:00:00"])
def test_a_day_however_it_is_written_is_no_time_of_capture(run: Run, tmp_path: Path, day: str):
    bare = SEED.removeprefix(" date 2021-04-07 ")
    (tmp_path / "bare.txt").write_text(bare, encoding="utf-8")
    assert run("ingest", "bare.txt", "--captured-at", day)[0] == 0
    (row,) = json.loads(run("history", "ANL", "-f", "json")[1])
    assert (row["session"], row["method"]) == ("2021-04-08", "stated")


@pytest.mark.parametrize(
    "again",
    [
        "2021-04-08T18:00:00+05:00",
        "2021-04-08 13:00:00.5",
        datetime.fromisoformat("2021-04-08T18:00:00+05:00"),
        datetime(2021, 4, 8, 13),  # noqa: DTZ001  (what means UTC here)
        pd.Timestamp("2021-04-08 13:00"),
    ],
)
def test_one_moment_however_it_is_passed_is_one_page(tmp_path: Path, again: str | date):
    (tmp_path / "bare.txt").write_text(SEED.removeprefix(" date 2021-04-07 "), encoding="utf-8")
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(tmp_path / "bare.txt", captured_at=datetime(2021, 4, 8, 13, tzinfo=UTC))
        assert tracker.ingest(tmp_path / "bare.txt", captured_at=again).pages == 0
        (seen,) = tracker.quote_rows(["ANL"])
        assert seen["captured_at"] == "2021-04-08T13:00:00+00:00"


def test_as_of_may_be_a_day_or_a_time(seeded: Run, tmp_path: Path):
    assert seeded("doctor")[0] == 0
    with tt.open(tmp_path / "tickertrack.db") as tracker:
        assert tracker.history("ANL", as_of=date(2021, 4, 7)).empty
        assert len(tracker.history("ANL", as_of=datetime(2999, 1, 1, tzinfo=UTC))) == 1


def test_the_range_includes_both_ends(seeded: Run):
    inside = seeded("history", "ANL", "-s", "2021-04-07", "-e", "2021-04-07", "-f", "jsonl")[1]
    assert inside.count("\n") == 1
    assert seeded("history", "ANL", "-s", "2021-04-08", "-f", "jsonl")[1] == ""


def test_as_of_answers_with_what_was_stored_by_then(seeded: Run):
    assert json.loads(seeded("history", "ANL", "--as-of", "2021-04-07", "-f", "json")[1]) == []
    assert len(json.loads(seeded("history", "ANL", "--as-of", "2999-01-01", "-f", "json")[1])) == 1


def test_a_series_imported_again_was_known_since_the_first_time(run: Run, tmp_path: Path):
    line = "KSE100 44,000 Increased By ▲ 150.00 (0.34%)"
    (tmp_path / "a.txt").write_text(f"{line}\n\nA day at the bay\n\nNothing happened.\n")
    (tmp_path / "k.csv").write_text("date,close\n2021-04-06,43850\n2021-04-07,44000\n")
    series = ("reference", "import", "k.csv", "--symbol", "KSE100")
    assert run("ingest", "a.txt")[0] == run(*series)[0] == 0
    with closing(sqlite3.connect(tmp_path / "tickertrack.db")) as connection, connection:
        for table in ("pages", "reference_closes"):
            connection.execute(f"UPDATE {table} SET stored_at = '2022-01-01T00:00:00+00:00'")
    asked = ("history", "KSE100", "--as-of", "2022-06-01", "-f", "json")
    before = json.loads(run(*asked)[1])
    assert [row["session"] for row in before] == ["2021-04-07"]
    assert run(*series)[0] == 0
    assert json.loads(run(*asked)[1]) == before
    # A close that is another one was not known then.
    (tmp_path / "k.csv").write_text("date,close\n2021-04-06,43850.1\n2021-04-07,44000.1\n")
    assert run(*series)[0] == 0
    assert json.loads(run(*asked)[1]) == []


def test_renames_are_followed_when_asked(run: Run, tmp_path: Path):
    for day, symbol, price in (("2021-12-17", "BYCO", "6.10"), ("2021-12-23", "CNERGY", "6.30")):
        text = f"{symbol} {price} No Change ▼ 0.00 (0%)\n\nA day at the bay\n\nNothing happened.\n"
        (tmp_path / f"{symbol}.txt").write_text(f" date {day} {text}", encoding="utf-8")
    assert run("ingest", "BYCO.txt", "CNERGY.txt")[0] == 0
    plain = json.loads(run("history", "CNERGY", "-f", "json")[1])
    followed = json.loads(run("history", "CNERGY", "--follow-renames", "-f", "json")[1])
    assert [row["price"] for row in plain] == [6.3]
    assert [(row["symbol"], row["price"]) for row in followed] == [("CNERGY", 6.1), ("CNERGY", 6.3)]
    with tt.open(tmp_path / "tickertrack.db") as tracker:
        # Without a symbol: every instrument, under the name it has last.
        assert tracker.history_rows([], follow_renames=True) == followed
        assert list(tracker.history(style="wide", follow_renames=True).columns) == ["CNERGY"]


@pytest.mark.filterwarnings("ignore::tickertrack.SymbolWarning")
def test_a_wide_frame_has_a_column_for_every_symbol_that_was_asked_for(seeded: Run, tmp_path: Path):
    assert seeded("doctor")[0] == 0
    with tt.open(tmp_path / "tickertrack.db") as tracker:
        wide = tracker.history(["NONE", "ANL"], style="wide")
        assert list(wide.columns) == ["ANL", "NONE"]
        assert wide["NONE"].isna().all()
        alone = tracker.history("NONE", style="wide")
        assert (list(alone.columns), len(alone)) == (["NONE"], 0)
        for one in (wide, alone):
            assert set(one.dtypes) == {np.dtype("float64")}
            assert str(one.index.dtype) == "datetime64[us]"
            assert (one.index.name, one.columns.name) == ("session", "symbol")


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet", ".feather", ".xlsx"])
@pytest.mark.parametrize("what", ["prices", "quotes", "coverage", "news"])
def test_everything_is_exported_in_every_format(
    seeded: Run, tmp_path: Path, what: str, ending: str
):
    target = tmp_path / f"out{ending}"
    assert seeded("export", what, "-o", str(target))[0] == 0
    readers = {
        ".csv": pd.read_csv,
        ".json": pd.read_json,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".parquet": pd.read_parquet,
        ".feather": pd.read_feather,
    }
    if ending in readers:
        assert len(readers[ending](target)) == 1
    else:
        assert target.read_bytes().startswith(b"PK")


def test_export_leaves_the_old_file_when_it_cannot_write(seeded: Run, tmp_path: Path):
    code, _, err = seeded("export", "prices", "-o", str(tmp_path / "no" / "where.csv"))
    assert code == 1
    assert "where.csv" in err


def test_export_keeps_a_file_s_mode_and_writes_where_a_link_points(seeded: Run, tmp_path: Path):
    mine, link, new = tmp_path / "mine.csv", tmp_path / "link.csv", tmp_path / "new.csv"
    mine.touch()
    mine.chmod(0o600)
    link.symlink_to(mine)
    assert seeded("export", "prices", "-o", str(link))[0] == 0
    assert seeded("export", "prices", "-o", str(new))[0] == 0
    assert (link.is_symlink(), mine.stat().st_mode & 0o777) == (True, 0o600)
    assert mine.read_text() == new.read_text() != ""
    mask = os.umask(0)
    os.umask(mask)
    assert new.stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_a_spreadsheet_cannot_hold_is_said_and_leaves_nothing(tmp_path: Path):
    table = pd.DataFrame({"price": np.zeros(1_048_576)})
    with pytest.raises(tt.TickertrackError, match=r"prices\.xlsx: cannot be written"):
        write_file(table, tmp_path / "prices.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_many_unknown_symbols_are_hinted_at_briefly(seeded: Run):
    code, _, err = seeded("history", *(f"NONE{n}" for n in range(500)))
    assert code == 0
    assert len(err.splitlines()) < 20
    assert "NONE0" in err
    assert "490 more" in err


def test_verify_finds_a_page_that_has_changed(seeded: Run, tmp_path: Path):
    assert seeded("verify")[0] == 0
    (tmp_path / "seed.txt").write_text(SEED.replace("33.30", "33.40"), encoding="utf-8")
    code, out, _ = seeded("verify", "-f", "csv")
    assert code == 4
    assert "has changed" in out or "not where it was" in out


FOREIGN = "https://www.elsewhere.example/news/"


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ([f"{FOREIGN}1"], ["--publisher", "brecorder"]),
        ([f"{FOREIGN}1", None], []),
        ([f"{FOREIGN}1", None], ["--publisher", "brecorder"]),
        (["https://www.brecorder.com/news/40100001/x"], ["--publisher", "brecorder"]),
        ([None], ["--captured-at", "2024-05-06T14:00+05:00"]),
        ([None], ["--captured-at", "2021-04-07", "--publisher", "brecorder"]),
    ],
)
def test_what_was_stored_a_moment_ago_verifies(
    run: Run, tmp_path: Path, urls: list[str | None], said: list[str]
):
    # A strip of stocks alone reads the same in both dialects: the time says which is in use.
    text = SEED.removeprefix(" date 2021-04-07 ")
    records = [{"text": text} | ({"url": url} if url else {}) for url in urls]
    (tmp_path / "x.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records))
    assert run("ingest", "x.jsonl", *said)[0] == 0
    assert run("verify", "-f", "csv")[:2] == (0, "file,offset,url,difference\n")


def test_one_copy_stored_as_of_two_publishers_verifies(run: Run, tmp_path: Path):
    record = {"url": f"{FOREIGN}1", "text": SEED.removeprefix(" date 2021-04-07 ")}
    (tmp_path / "x.jsonl").write_text(json.dumps(record))
    assert run("ingest", "x.jsonl")[0] == run("ingest", "x.jsonl", "--publisher", "brecorder")[0]
    assert run("verify", "-f", "csv")[:2] == (0, "file,offset,url,difference\n")


def test_init_writes_settings_once(run: Run, tmp_path: Path):
    assert run("init", "mine")[0] == 0
    settings = tmp_path / "mine" / "config.toml"
    settings.write_text(settings.read_text() + "# mine\n")
    assert run("init", "mine")[0] == 0
    assert settings.read_text().endswith("# mine\n")
    assert run("--config", str(settings), "doctor")[0] == 2  # no database yet: said, not made


def test_every_command_has_help_with_an_example(run: Run):
    for name in COMMANDS:
        code, out, _ = run(name, "--help")
        assert code == 0
        example = run("reference", "import", "--help")[1] if name == "reference" else out
        assert f"tickertrack {name}" in example, name


@pytest.mark.filterwarnings("ignore::tickertrack.SymbolWarning")
def test_the_python_api_gives_frames_with_their_types(seeded: Run, tmp_path: Path):
    assert seeded("doctor")[0] == 0
    with tt.open(tmp_path / "tickertrack.db") as tracker:
        tidy = tracker.history("ANL", start="2021-04-01", end=date(2021, 4, 30))
        assert str(tidy.dtypes["session"]) == "datetime64[us]"
        assert tidy.loc[0, "price"] == 33.3
        empty = tracker.history("NONE")
        assert empty.empty
        assert empty.dtypes.equals(tidy.dtypes)
        assert tracker.history("ANL", style="wide").loc["2021-04-07", "ANL"] == 33.3
        candles = tracker.history("ANL", style="yfinance")
        assert list(candles.columns) == ["Open", "High", "Low", "Close", "Volume"]
        assert (candles.index.name, str(candles.index.tz)) == ("Date", "Asia/Karachi")
        assert candles["Volume"].isna().all()
        both = tracker.history(["ANL", "NONE"], style="yfinance")
        assert both.columns.names == ["Price", "Ticker"]
        assert (
            len(tracker.quotes("ANL")) == len(tracker.coverage("ANL")) == len(tracker.news()) == 1
        )
        with pytest.raises(tt.QueryError):
            tracker.history("ANL", style="long")  # type: ignore[arg-type]


def test_the_face_names_what_is_public():
    assert list(tt.__all__) == sorted(tt.__all__)
    assert all(hasattr(tt, name) for name in tt.__all__)
