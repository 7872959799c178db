"""Moves and their news, from pages to answers: joined, explained, searched, and never guessed."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from newsroom import Record, article, at_new_terms, sessions, strip_page, walk
from scipy import special
from support import Run, command_line, write_pages

import tickertrack as tt
from tickertrack.moves import MOVES
from tickertrack.store.news import LINKS, NEWS

SHARED = Path(__file__).resolve().parents[2] / "shared"
WED, THU, FRI, MON = (date(2021, 4, day) for day in (7, 8, 9, 12))

Row = dict[str, Any]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    return command_line(capsys)


def filled(folder: Path, *calls: Iterable[Record], name: str = "tickertrack.db") -> Path:
    """Ingest pages into a database of a folder, call by call."""
    with tt.open(folder / name) as tracker:
        for number, pages in enumerate(calls):
            tracker.ingest(write_pages(folder / f"{name}.{number}.jsonl", pages))
    return folder / name


WEEK = [
    strip_page(WED, {"ANL": (33.3, 33.1), "LUCK": (850.0, 840.0), "KSE100": (44_700, 44_500)}),
    strip_page(THU, {"ANL": (33.9, 33.3), "LUCK": (845.0, 850.0), "KSE100": (44_800, 44_700)}),
    strip_page(FRI, {"ANL": (33.5, 33.9), "LUCK": (846.0, 845.0), "KSE100": (44_750, 44_800)}),
]
STORIES = [
    article(1, "Azgard Nine Limited doubles denim exports", "2021-04-07T11:00"),
    article(2, "Retailers order early", "2021-04-07T10:00", "Azgard Nine Limited is one supplier."),
    article(3, "Village choir maps the footpath", "2021-04-07T12:00"),
    article(4, "Lucky Cement Limited lights a new kiln", "2021-04-07T18:00"),
    article(5, "A ferry is painted", "2021-04-10"),
]


@pytest.fixture
def week(run: Run, tmp_path: Path) -> Run:
    filled(tmp_path, [*WEEK, *STORIES])
    return run


def rows_of(run: Run, *arguments: str) -> list[Row]:
    code, out, _ = run(*arguments, "-f", "json")
    assert code == 0
    return list(json.loads(out))


def joined(database: Path, symbol: str, session: date) -> list[str]:
    """Read the titles that `moves_news` joins to a move."""
    sql = "SELECT title FROM moves_news WHERE symbol = ? AND session = ? ORDER BY published_at"
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute(sql, (symbol, session.isoformat()))]


# ---- the plain join


def test_every_move_is_joined_to_every_article_of_its_session(week: Run, tmp_path: Path):
    database = tmp_path / "tickertrack.db"
    for symbol in ("ANL", "LUCK", "KSE100"):
        assert joined(database, symbol, WED) == [
            "Retailers order early",
            "Azgard Nine Limited doubles denim exports",
            "Village choir maps the footpath",
        ]
        assert joined(database, symbol, THU) == ["Lucky Cement Limited lights a new kiln"]
        assert joined(database, symbol, FRI) == []
    rows = rows_of(week, "moves", "-d", "2021-04-07")
    assert [row["symbol"] for row in rows] == ["ANL", "KSE100", "LUCK"]
    assert [[one["relation"] for one in row["news"]] for row in rows] == [
        ["about", "mention", None],
        [None] * 3,
        [None] * 3,
    ]


def test_an_article_of_a_weekend_waits_for_the_next_session(week: Run):
    assert week("news", "-d", "2021-04-10")[0] == 0
    (row,) = rows_of(week, "news", "-d", "2021-04-10")
    assert (row["session"], row["published_precision"]) == ("2021-04-12", "day")


@pytest.mark.parametrize(
    ("stamp", "session"),
    [
        ("2021-04-07T15:29:00", "2021-04-07"),
        ("2021-04-07T15:31:00", "2021-04-08"),
        ("2021-04-07T10:31:00Z", "2021-04-08"),
        ("Apr 7, 2021 03:29pm", "2021-04-07"),
        ("", None),
    ],
)
def test_a_time_without_a_zone_is_the_publishers(
    run: Run, tmp_path: Path, stamp: str, session: str | None
):
    filled(tmp_path, [article(1, "A kite is flown", "2021-04-07") | {"published_at": stamp}])
    (row,) = rows_of(run, "news")
    assert row["session"] == session


# ---- moves


def test_a_move_says_what_news_it_has(week: Run):
    rows = rows_of(week, "moves")
    found = {(row["symbol"], row["session"]): (row["news_status"], row["top_news"]) for row in rows}
    assert found == {
        ("ANL", "2021-04-07"): ("about_found", "Azgard Nine Limited doubles denim exports"),
        ("LUCK", "2021-04-07"): ("no_news_found", None),
        ("KSE100", "2021-04-07"): ("no_news_found", None),
        ("ANL", "2021-04-08"): ("no_news_found", None),
        ("LUCK", "2021-04-08"): ("about_found", "Lucky Cement Limited lights a new kiln"),
        ("KSE100", "2021-04-08"): ("no_news_found", None),
        ("ANL", "2021-04-09"): ("no_source_read", None),
        ("LUCK", "2021-04-09"): ("no_source_read", None),
        ("KSE100", "2021-04-09"): ("no_source_read", None),
    }


def test_moves_have_their_columns_in_every_form(week: Run):
    for form in ("table", "csv", "json", "jsonl", "markdown"):
        code, out, _ = week("moves", "ANL", "-f", form)
        assert code == 0
        assert "33.9" in out
    assert tuple(next(csv.reader(io.StringIO(week("moves", "-f", "csv")[1])))) == MOVES
    assert all(tuple(row) == MOVES for row in rows_of(week, "moves", "ANL"))


@pytest.mark.parametrize(
    ("arguments", "moves"),
    [
        (("ANL",), ["ANL 07", "ANL 08", "ANL 09"]),
        (("anl", "-s", "2021-04-08"), ["ANL 08", "ANL 09"]),
        (("-d", "2021-04-08", "ANL", "LUCK"), ["ANL 08", "LUCK 08"]),
        (("--min-percent", "1"), ["ANL 08", "ANL 09", "LUCK 07"]),
        (("--significant",), []),
        (("-d", "2021-04-11"), []),
    ],
)
def test_moves_are_chosen_by_symbol_day_and_size(
    week: Run, arguments: tuple[str, ...], moves: list[str]
):
    rows = rows_of(week, "moves", *arguments)
    assert sorted(f"{row['symbol']} {row['session'][8:]}" for row in rows) == moves


def test_a_short_history_is_measured_by_the_index_alone(week: Run):
    (row,) = rows_of(week, "moves", "ANL", "-d", "2021-04-08")
    expected = 100 * (44_800 / 44_700 - 1)
    assert row["expected"] == pytest.approx(expected)
    assert row["abnormal"] == pytest.approx(100 * (33.9 / 33.3 - 1) - expected)
    assert (row["t"], row["p"], row["n"]) == (None, None, 1)
    (index,) = rows_of(week, "moves", "KSE100", "-d", "2021-04-08")
    assert (index["expected"], index["abnormal"], index["n"]) == (None, None, 0)


# ---- a year of moves, with a corporate action in it

DAYS = sessions(date(2021, 1, 4), 150)
BREAK = 60


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold 150 sessions of six stocks and the index; ANL gives a bonus of 25 % before the 60th."""
    folder = tmp_path_factory.mktemp("year")
    boards = walk(DAYS, "ANL OGDC PSO HBL LUCK TRG".split())
    boards[BREAK:] = [at_new_terms(board, "ANL", 1 / 1.25) for board in boards[BREAK:]]
    filled(folder, [strip_page(*shown) for shown in zip(DAYS, boards, strict=True)])
    return folder


def by_statsmodels(rows: Sequence[Row], index: Sequence[Row]) -> tuple[float, float, float]:
    """Predict the last of two series' returns, in percent, from those before: expected, t, p."""
    y, x = (
        np.array([100 * (row["price"] / row["reference_price"] - 1) for row in series])
        for series in (rows, index)
    )
    import statsmodels.api as sm  # noqa: PLC0415  (a second, in every worker)

    fit = sm.OLS(y[:-1], sm.add_constant(x[:-1])).fit()
    predicted = fit.get_prediction(np.array([[1.0, x[-1]]]))
    t = (y[-1] - predicted.predicted_mean[0]) / predicted.se_obs[0]
    return predicted.predicted_mean[0], t, 2 * special.stdtr(fit.df_resid, -abs(t))


@pytest.mark.parametrize(
    ("symbol", "place", "n"),
    [
        ("OGDC", 20, 20),
        ("OGDC", 59, 59),
        ("OGDC", 149, 120),
        ("ANL", 59, 59),
        ("ANL", 80, 20),
        ("ANL", 149, 89),
    ],
)
def test_expectations_are_those_of_statsmodels_and_end_at_a_chain_break(
    year: Path, symbol: str, place: int, n: int
):
    with tt.open(year / "tickertrack.db") as tracker:
        (move,) = tracker.move_rows([symbol], DAYS[place], DAYS[place])
        window = (DAYS[place - n], DAYS[place])
        expected, t, p = by_statsmodels(
            tracker.history_rows([symbol], *window), tracker.history_rows(["KSE100"], *window)
        )
    assert move["n"] == n
    assert move["expected"] == pytest.approx(expected, abs=1e-9)
    assert move["change_percent"] == pytest.approx(move["expected"] + move["abnormal"], abs=0.006)
    assert (move["t"], move["p"]) == (pytest.approx(t, abs=1e-9), pytest.approx(p, abs=1e-9))


@pytest.mark.parametrize(("place", "n"), [(BREAK, 0), (BREAK + 19, 19)])
def test_just_after_a_chain_break_nothing_is_tested(year: Path, place: int, n: int):
    with tt.open(year / "tickertrack.db") as tracker:
        (move,) = tracker.move_rows(["ANL"], DAYS[place], DAYS[place])
        found = tracker.explanation("ANL", DAYS[place])
    assert (move["n"], move["t"], move["p"]) == (n, None, None)
    assert move["expected"] is not None
    assert found["move"]["model"] == "adjusted"
    assert found["move"]["flags"] == ["chain break, bonus proposed"] * (place == BREAK)


def test_significant_moves_are_those_with_a_small_p(year: Path):
    with tt.open(year / "tickertrack.db") as tracker:
        everything = tracker.move_rows()
        kept = tracker.move_rows(significant=True)
    assert kept == [row for row in everything if row["p"] is not None and row["p"] <= 0.05]
    tested = [row for row in everything if row["p"] is not None]
    assert 0.02 < len(kept) / len(tested) < 0.09


def test_a_chain_break_is_proposed_and_adjusts_nothing_until_it_is_confirmed(
    year: Path, run: Run, tmp_path: Path
):
    db = ("--db", str(year / "tickertrack.db"))
    (action,) = rows_of(run, *db, "actions")
    assert (action["symbol"], action["session"]) == ("ANL", DAYS[BREAK].isoformat())
    assert (action["kind"], action["factor"], action["status"]) == ("bonus", 0.8, "proposed")
    assert "bonus of 25 %" in action["evidence"]["fits"]
    plain = rows_of(run, *db, "history", "ANL")
    assert rows_of(run, *db, "history", "ANL", "--adjusted") == plain
    written = run(*db, "actions", "-f", "csv")[1]
    (tmp_path / "actions.csv").write_text(written.replace("proposed", "confirmed"))
    assert rows_of(run, *db, "history", "ANL") == plain
    adjusted = rows_of(run, *db, "history", "ANL", "--adjusted")
    assert adjusted[BREAK:] == plain[BREAK:]
    with tt.open(year / "tickertrack.db") as tracker:
        assert tracker.actions("ANL")["status"].tolist() == ["confirmed"]
        with pytest.warns(tt.SymbolWarning):
            assert tracker.actions("NONE").dtypes.equals(tracker.actions().dtypes)
    assert [row["price"] for row in adjusted[:BREAK]] == [
        pytest.approx(row["price"] * 0.8, abs=1e-4) for row in plain[:BREAK]
    ]
    last, first = adjusted[BREAK - 1 : BREAK + 1]
    assert last["price"] == pytest.approx(first["reference_price"], abs=0.006)
    # A denied break is none: windows reach over it.
    (tmp_path / "actions.csv").write_text(written.replace("proposed", "denied"))
    assert rows_of(run, *db, "history", "ANL", "--adjusted") == plain
    (move,) = rows_of(run, *db, "moves", "ANL", "-d", DAYS[BREAK].isoformat())
    assert move["n"] == BREAK
    (tmp_path / "actions.csv").write_text(written.replace("proposed", "perhaps"))
    code, out, err = run(*db, "history", "ANL", "--adjusted")
    assert (code, out) == (2, "")
    assert "actions.csv:2" in err


def test_an_action_under_an_old_name_adjusts_the_series_that_follows_it(run: Run, tmp_path: Path):
    days = (date(2021, 12, 17), date(2021, 12, 23))
    boards = ({"BYCO": (6.1, 6.0)}, {"CNERGY": (6.3, 6.1)})
    filled(tmp_path, [strip_page(*shown) for shown in zip(days, boards, strict=True)])
    line = "BYCO,2021-12-20,0.5,confirmed"
    (tmp_path / "actions.csv").write_text(f"symbol,session,factor,status\n{line}\n")
    rows = rows_of(run, "history", "CNERGY", "--follow-renames", "--adjusted")
    assert [row["price"] for row in rows] == [3.05, 6.3]
    # Exports are altered as histories are; what is no price cannot be.
    altered = ("--follow-renames", "--adjusted", "-o")
    assert run("export", "prices", *altered, "p.json")[0] == 0
    assert json.loads((tmp_path / "p.json").read_text()) == rows
    assert run("export", "prices", *altered, "q.json", "--as-of", "2001-01-01")[0] == 0
    assert json.loads((tmp_path / "q.json").read_text()) == []
    code, _, err = run("export", "coverage", *altered, "c.json")
    assert (code, (tmp_path / "c.json").exists()) == (2, False)
    assert "only prices are adjusted" in err


# ---- explain


def test_a_day_is_told_in_the_order_about_mention_sector_market_and_the_rest(
    run: Run, tmp_path: Path
):
    told = [
        article(1, "State Bank of Pakistan keeps policy rate", "2021-04-07T14:00", "In Karachi."),
        article(2, "Cement prices rise again", "2021-04-07T13:00", "Dealers blame coal."),
        article(3, "Retailers order early", "2021-04-07T12:00", "Lucky Cement Limited is one."),
        article(4, "Lucky Cement Limited lights a kiln", "2021-04-06T17:00"),
        *(article(n, f"Ferry {n} is painted", "2021-04-07T11:00") for n in range(5, 105)),
    ]
    filled(tmp_path, [*WEEK, *told])
    found = json.loads(run("explain", "LUCK", "2021-04-07", "-f", "json")[1])
    relations = [link["relation"] for link in found["links"]]
    assert relations == ["about", "mention", "sector", "market"]
    assert (len(found["same_day"]), found["coverage"]["articles"]) == (100, 104)
    (move,) = rows_of(run, "moves", "LUCK", "-d", "2021-04-07")
    assert move["top_news"] == "Lucky Cement Limited lights a kiln"
    rows = rows_of(run, "moves", "-d", "2021-04-07")
    assert {row["symbol"]: row["news_status"] for row in rows} == {
        "ANL": "market_only",
        "KSE100": "market_only",
        "LUCK": "about_found",
    }


def test_a_price_that_witnesses_dispute_is_flagged_and_not_judged(run: Run, tmp_path: Path):
    late = strip_page(THU, {"ANL": (34.4, 33.3), "KSE100": (44_800, 44_700)}, hour=21)
    filled(tmp_path, [*WEEK, late])
    (move,) = rows_of(run, "moves", "ANL", "-d", "2021-04-08")
    assert (move["status"], move["expected"], move["abnormal"]) == ("conflicting", None, None)
    out = " ".join(run("explain", "ANL", "2021-04-08", "-f", "table")[1].split())
    assert "Take care: its witnesses disagree: prices after the close 33.9 and 34.4." in out
    assert "No KSE100" not in out


def test_an_explanation_has_its_move_its_links_the_rest_and_the_coverage(week: Run):
    found = json.loads(week("explain", "anl", "2021-04-07", "-f", "json")[1])
    assert list(found) == ["move", "links", "same_day", "coverage", "news_status"]
    assert (found["move"]["symbol"], found["move"]["change"]) == ("ANL", 0.2)
    assert [link["relation"] for link in found["links"]] == ["about", "mention"]
    first = found["links"][0]
    assert first["title"] == "Azgard Nine Limited doubles denim exports"
    assert first["url"] == "https://www.brecorder.com/news/40000001"
    assert first["evidence"]["place"]["field"] == "title"
    assert [row["title"] for row in found["same_day"]] == ["Village choir maps the footpath"]
    assert found["coverage"] == {"articles": 3, "publishers": {"brecorder": 3}}
    assert found["news_status"] == "about_found"


def test_on_a_terminal_an_explanation_reads_as_prose(week: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "140")
    code, out, _ = week("explain", "ANL", "2021-04-07", "-f", "table")
    assert code == 0
    told = " ".join(out.split())
    assert told.startswith(
        "ANL closed at 33.30 on Wednesday, 7 April 2021, up 0.20 (0.60 %) from 33.10. "
        "KSE100 moved by +0.45 %, so it did 0.15 points more; with no past sessions to compare it "
        "with, nothing is tested."
    )
    assert (
        "Three articles were read for that session (brecorder): 1 is about it, 1 mentions" in told
    )
    assert "Azgard Nine Limited in the title" in told
    assert "Also of that session" in told
    monkeypatch.setenv("COLUMNS", "80")
    narrow = week("explain", "ANL", "2021-04-07", "-f", "table")[1]
    assert all(len(row) <= 96 for row in narrow.splitlines())


@pytest.mark.parametrize(
    ("symbol", "day", "says"),
    [
        ("ANL", "2021-04-10", "no price on 2021-04-10, a Saturday; nearest: 2021-04-09"),
        ("ANN", "2021-04-07", "no such symbol; did you mean ANL"),
        ("OGDC", "2021-04-07", "on no page that is stored"),
    ],
)
def test_what_has_no_price_is_an_empty_answer_with_a_hint(
    week: Run, symbol: str, day: str, says: str
):
    code, out, err = week("explain", symbol, day, "-f", "json")
    assert (code, json.loads(out)) == (
        0,
        {
            "move": None,
            "links": [],
            "same_day": [],
            "coverage": {"articles": 0, "publishers": {}},
            "news_status": None,
        },
    )
    assert says in err
    assert week("explain", symbol, day, "-f", "table")[0] == 0


def test_the_seed_document_is_joined_and_not_called_news_of_its_move(run: Run, tmp_path: Path):
    seeds = sorted((SHARED / "seed").glob("*.txt"))
    if not seeds:
        pytest.skip("needs ../shared/seed")
    assert run("ingest", *map(str, seeds))[0] == 0
    title = "Russia offers military support to strengthen Pakistan’s anti terrorist potential"
    assert joined(tmp_path / "tickertrack.db", "ANL", WED) == [title]
    found = json.loads(run("explain", "ANL", "2021-04-07", "-f", "json")[1])
    assert (found["news_status"], found["links"]) == ("no_news_found", [])
    assert [row["title"] for row in found["same_day"]] == [title]
    assert found["coverage"]["articles"] == 1
    out = " ".join(run("explain", "ANL", "2021-04-07", "-f", "table")[1].split())
    assert "One article was read for that session" in out


# ---- news


def test_news_rows_say_what_an_article_is_about(week: Run):
    rows = rows_of(week, "news")
    assert all(tuple(row) == NEWS for row in rows)
    found = {row["title"]: (row["about"], row["mentions"], row["session"]) for row in rows}
    assert found["Azgard Nine Limited doubles denim exports"] == (["ANL"], ["ANL"], "2021-04-07")
    assert found["Retailers order early"] == ([], ["ANL"], "2021-04-07")
    assert found["Village choir maps the footpath"] == ([], [], "2021-04-07")
    assert {row["market_wide"] for row in rows} == {False}


def titles(run: Run, *arguments: str) -> list[str]:
    found = (row["title"] for row in rows_of(run, "news", *arguments))
    return [title.split()[0] for title in found if title]


@pytest.mark.parametrize(
    ("arguments", "first_words"),
    [
        (("-d", "2021-04-07"), ["Retailers", "Azgard", "Village", "Lucky"]),
        (("--symbol", "anl"), ["Retailers", "Azgard"]),
        (("--symbol", "NONE"), []),
        (("--search", "azgard denim"), ["Azgard"]),
        (("--search", "AZGARD"), ["Retailers", "Azgard"]),
        (("--search", '"one supplier"'), ["Retailers"]),
        (("--search", '"supplier one"'), []),
        (("--search", "azgard -s 'x' OR *"), []),
        (("--search", "azgard AND"), []),
        (("--search", "title:azgard"), []),
        (("--search", '"'), []),
        (("--search", "NEAR("), []),
        (("--search", ""), []),
    ],
)
def test_news_is_found_by_day_symbol_and_words(
    week: Run, arguments: tuple[str, ...], first_words: list[str]
):
    assert titles(week, *arguments) == first_words


def test_a_day_of_news_is_a_day_at_the_exchange(run: Run, tmp_path: Path):
    # One in the morning in Karachi is still the day before in UTC.
    early = article(1, "Early bird sings", "2021-04-08T01:00")
    filled(tmp_path, [early])
    assert titles(run, "-d", "2021-04-08") == ["Early"]
    assert titles(run, "-d", "2021-04-07") == []


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("searched"), STORIES)


@given(search=st.text() | st.text(alphabet='"*^:()-+{}~ANDORTNEAR', max_size=30))
def test_no_search_is_an_error(searched: Path, search: str):
    with tt.open(searched) as tracker:
        assert isinstance(tracker.news_rows(search=search), list)


def test_what_waits_to_be_linked_is_told(week: Run, tmp_path: Path):
    assert week("news")[2] == ""
    with tt.open(tmp_path / "tickertrack.db") as tracker:
        tracker.writer().execute("UPDATE articles SET title = title || '!'")
    for command in (("news",), ("moves",), ("explain", "ANL", "2021-04-07")):
        assert "8 articles and 0 sessions wait to be linked" in week(*command)[2]
    code, _, err = week("link")
    assert (code, err) == (0, "8 articles read, 3 sessions linked, 3 links\n")
    assert week("news")[2] == ""
    assert "8 articles read" in week("link", "--afresh")[2]


# ---- frames and files


@pytest.mark.parametrize("what", ["moves", "links"])
@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet", ".feather", ".xlsx"])
def test_moves_and_links_are_exported_in_every_format(
    week: Run, tmp_path: Path, what: str, ending: str
):
    target = tmp_path / f"{what}{ending}"
    code, _, err = week("export", what, "-o", str(target))
    assert (code, err) == (0, f"{9 if what == 'moves' else 3} rows in {target}\n")
    if ending == ".parquet":
        table = pd.read_parquet(target)
        assert tuple(table.columns) == (MOVES if what == "moves" else LINKS)


@pytest.mark.filterwarnings("ignore::tickertrack.SymbolWarning")
def test_frames_have_their_types_even_when_they_are_empty(week: Run, tmp_path: Path):
    assert week("doctor")[0] == 0
    with tt.open(tmp_path / "tickertrack.db") as tracker:
        for full, empty in (
            (tracker.moves("ANL"), tracker.moves("NONE")),
            (tracker.links("ANL"), tracker.links("NONE")),
            (tracker.news(symbol="ANL"), tracker.news(symbol="NONE")),
            (tracker.news(), tracker.news(search="")),
            (tracker.explain("ANL", WED), tracker.explain("NONE", "2021-04-07")),
        ):
            assert len(full) > 0
            assert empty.empty
            assert empty.dtypes.equals(full.dtypes)
        moves = tracker.moves("ANL")
        assert (str(moves.dtypes["session"]), str(moves.dtypes["n"])) == ("datetime64[us]", "int64")
        assert moves["t"].isna().all()
        assert tracker.news(symbol="ANL")["mentions"].tolist() == ["ANL", "ANL"]
        assert json.loads(tracker.links("ANL")["evidence"][0])["relation"] == "about"
        why = tracker.explain("ANL", WED)
        assert why.attrs["news_status"] == "about_found"
        assert why.attrs["tickertrack"]["coverage"] == why.attrs["coverage"]
        assert why.attrs["tickertrack"].keys() == moves.attrs["tickertrack"].keys()
        why.to_parquet(tmp_path / "why.parquet")
        assert pd.read_parquet(tmp_path / "why.parquet").attrs == why.attrs
        with pytest.raises(tt.QueryError):
            tracker.explain("ANL", "a Wednesday")
