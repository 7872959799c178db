"""The same pages in any order, in any number of calls, any number of times: the same tables."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from support import REFERENCE, Digests, Record, digests, faults, made_pages, write_pages

import tickertrack as tt
from tickertrack.ingest import Sources, read_sources
from tickertrack.models import Page

SHUFFLES, REPEATS = 3, 2
FEW = made_pages(18)


def made() -> list[Record]:
    return made_pages(80)


def crawled() -> list[Record]:
    """Simulate a crawl of real prices; skips the test where these are not at hand."""
    if not REFERENCE.is_dir():
        pytest.skip("needs ../shared/reference")
    from crawl import simulate  # noqa: PLC0415  (it imports pandas)

    return [page.record for page in simulate(REFERENCE, seed=5, sessions=40, stocks=8)]


def ingested(database: Path, *calls: Iterable[Record]) -> list[tt.IngestReport]:
    source = database.with_suffix(".jsonl")
    with tt.open(database) as tracker:
        return [tracker.ingest(write_pages(source, pages)) for pages in calls]


def tables_of(database: Path, *calls: Iterable[Record]) -> Digests:
    ingested(database, *calls)
    return digests(database)


def shuffled(pages: Sequence[Record], seed: int) -> list[Record]:
    return random.Random(seed).sample(list(pages), len(pages))  # noqa: S311


def lines_found(folder: Path, pages: Iterable[Record]) -> int:
    """Count the ticker lines of pages without storing any."""
    sources = Sources((write_pages(folder / "counted.jsonl", pages),))
    with tt.open(folder / "none.db") as tracker:
        return sum(
            one.strip.found
            for one in read_sources(sources, tracker.desk())
            if isinstance(one, Page)
        )


@pytest.mark.parametrize("source", [made, crawled])
def test_shuffles_and_repeats_give_identical_tables(
    tmp_path: Path, source: Callable[[], list[Record]]
) -> None:
    pages = source()
    expected = tables_of(tmp_path / "first.db", pages)
    for seed in range(SHUFFLES):
        database = tmp_path / f"{seed}.db"
        assert tables_of(database, shuffled(pages, seed)) == expected
    for _ in range(REPEATS):
        assert tables_of(database, pages) == expected
    assert faults(database) == []
    # The control: one page less is seen.
    fewer = tables_of(tmp_path / "fewer.db", pages[:1] + pages[2:])
    assert fewer["pages"] != expected["pages"]
    assert fewer["sittings"] != expected["sittings"]


@pytest.mark.parametrize("parts", [2, 5])
def test_several_calls_give_the_tables_of_one(tmp_path: Path, parts: int) -> None:
    pages = made()
    expected = tables_of(tmp_path / "one.db", pages)
    mixed = shuffled(pages, parts)
    calls = [mixed[part::parts] for part in range(parts)]
    assert tables_of(tmp_path / "several.db", *calls) == expected


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Digests:
    return tables_of(tmp_path_factory.mktemp("whole") / "one.db", FEW)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_split_with_any_repeats_gives_the_same_tables(
    whole: Digests, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(FEW))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(FEW) - 1), max_size=3)))
    calls = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(FEW)], strict=True)]
    repeats = data.draw(st.lists(st.sampled_from(calls), max_size=1))
    with tempfile.TemporaryDirectory() as folder:
        assert tables_of(Path(folder) / "several.db", *calls, *repeats) == whole


def test_conclusions_drawn_again_are_the_same(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    expected = tables_of(database, made())
    with tt.open(database) as tracker:
        for _ in range(REPEATS):
            tracker.resolve()
    assert digests(database) == expected


def test_one_text_stated_for_two_days_is_two_pages_in_either_order(tmp_path: Path) -> None:
    one = FEW[3] | {"captured_at": "2021-11-01"}
    two = FEW[3] | {"captured_at": "2021-11-02"}
    expected = tables_of(tmp_path / "there.db", [one, two])
    assert tables_of(tmp_path / "back.db", [two, one]) == expected
    (report,) = ingested(tmp_path / "again.db", [one, two, one])
    assert report.pages == 2


def test_an_article_keeps_its_longest_copy_and_finest_date_in_either_order(tmp_path: Path) -> None:
    short = {"url": "https://www.brecorder.com/news/40000001/kites", "text": "Kites\n\nThey flew."}
    dated = short | {"published_at": "2021-03-05T10:00:00+00:00"}
    long = {"url": "https://www.brecorder.com/news/amp/40000001", "text": "Kites\n\nThey flew up."}
    later = long | {"published_at": "2021-03-06"}
    copies = [short, dated, long, later]
    for seed in range(SHUFFLES):
        database = tmp_path / f"{seed}.db"
        ingested(database, shuffled(copies, seed))
        with closing(sqlite3.connect(database)) as connection:
            (article,) = connection.execute("SELECT published_at, text FROM articles")
        assert article == ("2021-03-05T10:00:00+00:00", "They flew up.")
        assert digests(database) == digests(tmp_path / "0.db")


def test_every_call_accounts_for_every_line(tmp_path: Path) -> None:
    pages = shuffled(made(), 1)
    calls = [pages[:40], pages[40:], pages[20:60], pages]
    reports = ingested(tmp_path / "x.db", *calls)
    for call, report in zip(calls, reports, strict=True):
        found = lines_found(tmp_path, call)
        assert report.quotes + report.duplicates + report.quarantined == found > 0
    again = asdict(reports[-1]) | {"seconds": 0, "duplicates": 0}
    assert set(again.values()) == {0}


def test_what_is_new_does_not_depend_on_the_order(tmp_path: Path) -> None:
    pages = made()
    mixed = [shuffled(pages, seed) for seed in range(3)]
    reports = [
        ingested(tmp_path / f"{seed}.db", order[:60], order[60:])
        for seed, order in enumerate(mixed)
    ]
    counts = ("pages", "strips", "quotes", "duplicates", "quarantined", "articles")
    totals = [[sum(getattr(one, name) for one in calls) for name in counts] for calls in reports]
    assert totals == totals[:1] * 3
