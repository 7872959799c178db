"""As of a time, answers are those of a database that got only the pages stored by then."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
import time_machine
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import tickertrack as tt
from bench.growth import made_up
from tests.crawl import simulate
from tests.support import command_line, made_pages, write_pages
from tickertrack import resolving
from tickertrack.errors import QueryError
from tickertrack.frames import noted, write_file
from tickertrack.ingest import Sources, read_sources
from tickertrack.models import Page
from tickertrack.store.read import Span
from tickertrack.tracker import Tracker

NO_SPAN = Span()
START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PAGES = made_pages(60)
QUESTIONS = ("history", "quotes", "coverage", "actions", "moves", "links", "news")


def stored(path: Path, batches: Sequence[Sequence[Any]]) -> None:
    """Store batches of pages, a day after another."""
    with tt.open(path) as tracker:
        for number, batch in enumerate(batches):
            # One name for both databases: where a page without an address lies is its address.
            source = write_pages(path.with_name(f"{number}.jsonl"), batch)
            with time_machine.travel(START + number * DAY, tick=False):
                tracker.ingest(source)


def answers(tracker: Tracker, as_of: datetime | None = None) -> dict[str, str]:
    """Ask everything; as text, so that two answers are compared as a whole."""
    return {name: getattr(tracker, name)(as_of=as_of).to_csv() for name in QUESTIONS}


def longer(page: Any) -> Any:
    """The same article again, captured later, with more to say of a company by its name."""
    return {**page, "text": f"{page['text']}\n\nAzgard Nine said more of its denim exports."}


def cut(pages: Sequence[Any], places: Sequence[int]) -> list[Sequence[Any]]:
    """Cut pages into batches."""
    bounds = [0, *sorted(places), len(pages)]
    return [pages[low:high] for low, high in pairwise(bounds)]


@settings(
    max_examples=3,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.data())
def test_as_of_any_times_is_databases_of_the_pages_stored_by_then(data: st.DataObject):
    drawn = data.draw(st.permutations(PAGES[:24] + list(map(longer, PAGES[:24:4]))))
    places = data.draw(
        st.lists(st.integers(1, len(drawn) - 1), min_size=2, max_size=2, unique=True)
    )
    batches = cut(drawn, places)
    # One after the other of one tracker: to a later time it goes on from the one before.
    days = data.draw(st.lists(st.integers(0, len(batches) - 1), min_size=2, max_size=3))
    seconds = data.draw(st.integers(0, 86_399))
    with TemporaryDirectory() as folder, tt.open(Path(folder) / "every.db") as one:
        stored(one.path, batches)
        for last in days:
            then = Path(folder) / f"{last}.db"
            stored(then, [] if then.exists() else batches[: last + 1])
            with tt.open(then) as other:
                moment = START + last * DAY + timedelta(seconds=seconds)
                assert answers(one, moment) == answers(other)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_as_of_any_times_of_a_crawl_is_databases_of_its_pages(tmp_path: Path, seed: int):
    rng = random.Random(seed)  # noqa: S311
    crawl = simulate(made_up(tmp_path, 130), seed=seed, sessions=100, captures=4)
    pages: list[Any] = [page.record for page in crawl]
    pages += map(longer, rng.sample(pages, 60))
    rng.shuffle(pages)
    batches = cut(pages, rng.sample(range(1, len(pages)), 4))
    with tt.open(tmp_path / "every.db") as one:
        stored(one.path, batches)
        for last in (0, 1, 3, 4, 2):
            stored(then := tmp_path / f"{last}.db", batches[: last + 1])
            with tt.open(then) as other:
                assert answers(one, START + last * DAY) == answers(other)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A database that was filled twice, and one that was filled as the first was before that."""
    batches = [PAGES[:20], list(map(longer, PAGES[:20])) + PAGES[20:]]
    folder = tmp_path_factory.mktemp("grown")
    every, then = folder / "every.db", folder / "then.db"
    stored(every, batches)
    stored(then, batches[:1])
    return every, then


# The control of the property: whatever of an answer as of then is left out, something leaks.
@pytest.mark.parametrize(
    ("left_out", "leaking"),
    [
        ("store.past.has_grown", QUESTIONS),
        ("store.past.forget_after", QUESTIONS),
        # As one would ask `WHERE stored_at <= T`: today's sessions and prices of then's pages.
        ("resolving.resolve", ("history", "quotes", "coverage", "actions", "moves")),
        ("linking.link", ("moves", "links", "news")),
        ("store.past.restore_articles", ("moves", "links", "news")),
        ("store.past.forget_unshown", ("moves", "links", "news")),
    ],
)
def test_without_any_part_of_the_recomputation_what_was_stored_later_leaks(
    grown: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    left_out: str,
    leaking: Sequence[str],
):
    every, then = grown
    with tt.open(every) as one, tt.open(then) as other:
        truth = answers(other)
        assert answers(one, START) == truth
        one.close()
        monkeypatch.setattr(f"tickertrack.{left_out}", lambda *_: None)
        leaky = answers(one, START)
    assert tuple(name for name in QUESTIONS if leaky[name] != truth[name]) == tuple(leaking)


def test_one_time_is_drawn_once_and_a_later_one_goes_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stored(tmp_path / "x.db", [PAGES[:10] + PAGES[16:40], PAGES[10:13], PAGES[13:16]])
    scratch: list[object] = []
    redraw = resolving.redraw
    monkeypatch.setattr(resolving, "redraw", lambda *all_: (scratch.append(1), redraw(*all_)))
    with tt.open(tmp_path / "x.db") as tracker:
        first = answers(tracker, START)
        assert len(scratch) == 1
        assert answers(tracker, START + DAY) != first
        # Nothing came later: these are the answers of today.
        assert answers(tracker, START + 2 * DAY) == answers(tracker)
        assert len(scratch) == 1
        # The control: back again, and once more when the database is another.
        assert answers(tracker, START) == first
        assert len(scratch) == 2
        tracker.ingest(write_pages(tmp_path / "more.jsonl", PAGES[40:42]))
        assert answers(tracker, START) != first
        assert len(scratch) == 3


def test_without_what_was_stored_between_a_later_time_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stored(tmp_path / "x.db", [PAGES[:20], list(map(longer, PAGES[:20])), PAGES[20:24]])
    with tt.open(tmp_path / "x.db") as tracker:
        truth = answers(tracker, START + DAY)
        answers(tracker, START)
        monkeypatch.setattr("tickertrack.store.past.add_between", lambda *_: None)
        assert answers(tracker, START + DAY) != truth


def test_a_notebook_shows_what_was_held_then(grown: tuple[Path, Path]):
    every, then = grown
    with tt.open(every) as one, tt.open(then) as other, one.past(START) as past:
        shown = past._repr_html_().replace("every.db", "then.db")
        assert shown == other._repr_html_() != one._repr_html_().replace("every.db", "then.db")


@pytest.mark.parametrize("day", [0, 1])
def test_an_answer_is_of_one_version_whoever_stores_meanwhile(tmp_path: Path, day: int):
    path, more = tmp_path / "x.db", write_pages(tmp_path / "more.jsonl", PAGES[20:40])
    stored(path, [PAGES[:10], PAGES[10:20]])
    with tt.open(path) as tracker, tt.open(path) as daemon:
        with tracker.past(START + day * DAY) as past, time_machine.travel(START, tick=False):
            before = past.quote_rows(["ANL"])
            daemon.ingest(more)
            assert past.quote_rows(["ANL"]) == before
        # The control: what was stored then is known then, and seen by who asks again.
        assert len(tracker.quote_rows(["ANL"], as_of=START + day * DAY)) > len(before)


def test_what_waited_to_be_dated_and_linked_is_part_of_the_answer(tmp_path: Path):
    every, waiting = tmp_path / "every.db", tmp_path / "waiting.db"
    stored(every, [PAGES[:20]])
    with tt.open(every) as one, tt.open(waiting) as other:
        read = read_sources(Sources((tmp_path / "0.jsonl",)), other.desk())
        other.store([page for page in read if isinstance(page, Page)])
        assert other.history().empty
        assert answers(other, START) == answers(one, START)


@pytest.mark.parametrize(
    "words",
    [
        ("history", "ANL", "KSE100"),
        ("quotes", "ANL"),
        ("coverage", "ANL"),
        ("moves",),
        ("moves", "ANL", "-f", "markdown"),
        ("explain", "ANL", "2021-03-02", "-f", "json"),
        ("news", "--symbol", "ANL"),
        ("actions",),
    ],
    ids=" ".join,
)
def test_every_question_on_the_command_line_is_answered_as_of_then(
    grown: tuple[Path, Path], capsys: pytest.CaptureFixture[str], words: Sequence[str]
):
    every, then = grown
    run = command_line(capsys)
    code, out, _ = run("--db", str(every), *words, "--as-of", START.isoformat())
    assert (code, out) == run("--db", str(then), *words)[:2]
    # The control: an answer of today is another.
    assert out != run("--db", str(every), *words)[1]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames") / "x.db"
    stored(path, [PAGES[:30], PAGES[30:]])
    return path


def test_a_frame_says_what_was_asked_of_which_database(filled: Path, tmp_path: Path):
    with tt.open(filled) as tracker:
        table = tracker.history("ANL", "2021-03-02", as_of=START)
        both = pd.concat([table, tracker.history("KSE100")])
    note = table.attrs["tickertrack"]
    assert (note["start"], note["as_of"]) == ("2021-03-02", "2030-01-01T00:00:00+00:00")
    assert note["coverage"]["captured"] + note["coverage"]["implied"] == len(table)
    table.to_parquet(tmp_path / "a.parquet")
    assert pd.read_parquet(tmp_path / "a.parquet").attrs == table.attrs
    assert len(both) > len(table)


FRAMES: dict[str, Callable[..., pd.DataFrame]] = {
    "history": tt.Tracker.history,
    "wide": lambda tracker, **how: tracker.history(style="wide", **how),
    "yfinance": lambda tracker, **how: tracker.history(style="yfinance", **how),
    "openbb": lambda tracker, **how: tracker.history(style="openbb", **how),
    "quotes": tt.Tracker.quotes,
    "coverage": tt.Tracker.coverage,
    "moves": tt.Tracker.moves,
    "links": tt.Tracker.links,
    "actions": tt.Tracker.actions,
    "news": tt.Tracker.news,
}
NOTED = {"database", "start", "end", "as_of", "currency", "coverage"}


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_says_the_same_of_itself(filled: Path, tmp_path: Path, name: str):
    with tt.open(filled) as tracker:
        table = FRAMES[name](tracker)
        part = FRAMES[name](tracker, start="2021-03-03", end="2021-03-04", as_of=START)
    note, asked = table.attrs["tickertrack"], part.attrs["tickertrack"]
    assert note.keys() == asked.keys() == NOTED
    assert note == json.loads(json.dumps(note))
    assert (asked["start"], asked["end"]) == ("2021-03-03", "2021-03-04")
    assert note["coverage"] != asked["coverage"]
    if len(table) and "session" in table:
        days = table["session"].dropna().astype(str).str[:10]
        # News is asked for by the day that it appeared, which may be before its session.
        assert note["start"] <= days.min() <= days.max()
        assert name == "news" or (note["start"], note["end"]) == (days.min(), days.max())
    table.to_parquet(tmp_path / "a.parquet")
    again = pd.read_parquet(tmp_path / "a.parquet")
    assert again.attrs == table.attrs
    assert again.equals(table)


def test_a_frame_of_news_spans_days_of_the_market_and_counts_what_was_read(filled: Path):
    with tt.open(filled) as tracker:
        table, one = tracker.news(), tracker.news(search="lemon", symbol="ANL")
        zone = tracker.market().zone
    stamps = table["published_at"].dropna()
    days = [
        stamp if len(stamp) == 10 else f"{datetime.fromisoformat(stamp).astimezone(zone):%Y-%m-%d}"
        for stamp in stamps
    ]
    note = table.attrs["tickertrack"]
    assert (note["start"], note["end"]) == (min(days), max(days))
    assert (
        note["coverage"]["articles"] == len(table) == sum(note["coverage"]["publishers"].values())
    )
    # What was read is no less where little of it is asked for.
    assert one.attrs["tickertrack"]["coverage"] == note["coverage"]


def test_what_is_known_is_counted_alike_from_rows_and_in_the_database(filled: Path):
    with tt.open(filled) as tracker:
        for asked in ({}, {"symbols": "ANL"}, {"symbols": ["BOP", "KEL"], "start": "2021-03-05"}):
            counts = [
                FRAMES[name](tracker, **asked).attrs["tickertrack"]["coverage"]
                for name in ("history", "quotes", "coverage", "moves", "links", "actions")
            ]
            assert counts == [counts[0]] * len(counts)
            assert counts[0]["captured"] > 0


def test_a_frame_without_rows_spans_nothing_that_was_not_asked_for(filled: Path):
    with tt.open(filled) as tracker:
        note = tracker.quotes("ANL", start="2031-01-01").attrs["tickertrack"]
    assert (note["start"], note["end"]) == ("2031-01-01", None)
    assert note["coverage"] == {"captured": 0, "implied": 0, "missing": 0}


@pytest.mark.parametrize("style", ["tidy", "wide", "yfinance", "openbb"])
@pytest.mark.parametrize("how", [{}, {"adjusted": True}, {"follow_renames": True}])
def test_every_style_answers_as_of_and_adjusted(filled: Path, style: Any, how: dict[str, bool]):
    with tt.open(filled) as tracker:
        table = tracker.history(["ANL", "KSE100"], as_of=START, style=style, **how)
    assert len(table)
    assert table.attrs["tickertrack"]["as_of"] == "2030-01-01T00:00:00+00:00"


@pytest.mark.filterwarnings("ignore::tickertrack.SymbolWarning")
def test_an_empty_answer_in_openbbs_style_keeps_columns_and_types(filled: Path):
    with tt.open(filled) as tracker:
        table, empty = (tracker.history(name, style="openbb") for name in ("ANL", "NONE"))
    assert empty.dtypes.equals(table.dtypes)
    assert (empty.index.name, empty.index.dtype) == (table.index.name, table.index.dtype)


@pytest.mark.parametrize(("style", "near"), [("yfinanc", "yfinance"), ("Tidy", "tidy")])
def test_a_mistyped_style_gets_a_suggestion(filled: Path, style: Any, near: str):
    with tt.open(filled) as tracker, pytest.raises(QueryError, match=f"did you mean '{near}'"):
        tracker.history("ANL", style=style)


# ---- price lines


def priced(path: Path, symbol: str = "ANL", price: float = 33.3) -> Path:
    """Write one price to a file."""
    row = {"symbol": symbol, "session": pd.Timestamp("2024-05-14"), "price": price}
    return booked(pd.DataFrame([row]), path)


def booked(table: pd.DataFrame, path: Path) -> Path:
    """Write prices to a file as a tracker does, which knows their currency."""
    write_file(noted(table, tt.open(path.with_name("x.db")).note(NO_SPAN, None)), path)
    return path


@pytest.mark.parametrize(
    ("symbol", "ending", "line"),
    [
        ("ANL", "ledger", "P 2024-05-14 ANL 33.30 PKR\n"),
        ("786", "ledger", 'P 2024-05-14 "786" 33.30 PKR\n'),
        ("KSE100", "ledger", 'P 2024-05-14 "KSE100" 33.30 PKR\n'),
        ("ANL", "beancount", "2024-05-14 price ANL 33.30 PKR\n"),
        ("KSE100", "beancount", "2024-05-14 price KSE100 33.30 PKR\n"),
        ("786", "beancount", "2024-05-14 price X786 33.30 PKR\n"),
    ],
)
def test_price_lines_name_commodities_as_each_program_does(
    tmp_path: Path, symbol: str, ending: str, line: str
):
    assert priced(tmp_path / f"a.{ending}", symbol).read_text() == line


UNNAMED = ('A"B', "A\nP 2024", "A;B", "\x1b[31m")


@pytest.mark.parametrize("ending", ["ledger", "beancount"])
@pytest.mark.parametrize("symbol", UNNAMED)
def test_a_symbol_that_no_book_can_name_makes_none(tmp_path: Path, symbol: str, ending: str):
    with pytest.raises(QueryError, match="no commodity"):
        priced(tmp_path / f"a.{ending}", symbol)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["ledger", "beancount"])
def test_a_symbol_that_no_book_can_name_costs_no_other(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
):
    run = command_line(capsys)
    good, bad, odd = (tmp_path / f"{name}.{ending}" for name in ("good", "bad", "odd"))
    assert run("--db", str(filled), "export", "prices", "-o", str(good))[0] == 0
    with sqlite_copy(filled, tmp_path / "x.db") as connection:
        for name, symbol in zip(UNNAMED, ("BOP", "FCCL", "HUBC", "KEL"), strict=True):
            connection.execute("UPDATE prices SET symbol = ? WHERE symbol = ?", (name, symbol))
    code, _, err = run("--db", str(tmp_path / "x.db"), "export", "prices", "-o", str(bad))
    assert (code, err.count("\n"), "\x1b" in err) == (1, 1, False)
    assert "and 1 more" in err
    assert f"which {ending} cannot name; written to .csv they are there" in err
    left = {"BOP", "FCCL", "HUBC", "KEL"}
    kept = [line for line in good.read_text().splitlines() if not left & {*line.split()}]
    assert bad.read_text().splitlines() == kept
    # Of a history too, and the other forms have all.
    assert run("--db", str(tmp_path / "x.db"), "history", "ANL", 'a"b', "-o", str(odd))[0] == 1
    assert odd.read_text().splitlines() == [line for line in kept if "ANL" in line]
    table = str(tmp_path / "all.csv")
    assert run("--db", str(tmp_path / "x.db"), "export", "prices", "-o", table)[0] == 0


@contextmanager
def sqlite_copy(path: Path, copy: Path) -> Iterator[sqlite3.Connection]:
    """Copy a database, to be changed by hand."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        yield target
        target.commit()


def test_what_a_book_cannot_name_is_told_in_python_once_the_rest_is_written(tmp_path: Path):
    rows = [
        {"symbol": symbol, "session": pd.Timestamp("2024-05-14"), "price": 33.3}
        for symbol in ("ANL", *UNNAMED)
    ]
    with pytest.raises(tt.LeftOutError) as left:
        booked(pd.DataFrame(rows), tmp_path / "a.ledger")
    assert (left.value.symbols, left.value.written) == (UNNAMED, 1)
    assert (tmp_path / "a.ledger").read_text() == "P 2024-05-14 ANL 33.30 PKR\n"


@pytest.mark.parametrize("ending", ["ledger", "beancount"])
@pytest.mark.parametrize("what", ["quotes", "moves", "news"])
def test_of_other_things_than_prices_no_book_is_made(
    filled: Path, tmp_path: Path, what: str, ending: str
):
    with tt.open(filled) as tracker, pytest.raises(QueryError, match="prices alone"):
        tracker.export(what, tmp_path / f"a.{ending}")
    assert list(tmp_path.iterdir()) == []


def test_beancount_itself_reads_the_prices(filled: Path, tmp_path: Path):
    loader = pytest.importorskip("beancount.loader")
    with tt.open(filled) as tracker:
        count = tracker.export("prices", tmp_path / "p.beancount")
    entries, errors, _ = loader.load_file(str(tmp_path / "p.beancount"))
    assert (len(entries), errors) == (count, [])


@pytest.mark.slow
def test_ledger_itself_reads_the_prices(filled: Path, tmp_path: Path):
    if not shutil.which("ledger"):
        pytest.skip("no ledger here: apt-get install ledger")
    with tt.open(filled) as tracker:
        count = tracker.export("prices", tmp_path / "p.ledger")
        last = f"PKR{tracker.history('ANL')['price'].iloc[-1]:.0f}"  # to the book's own digits
    book = "include p.ledger\n\n2029-12-31 A share\n    Shares  1 ANL\n    Owner\n"
    (tmp_path / "b.ledger").write_text(book)
    command = ["ledger", "-f", "b.ledger", "balance", "Shares", "-X", "PKR"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert count
    assert last in said.stdout
