"""Linking does only what is new, and comes out as if it had done everything: in any order."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from newsroom import PSX, Record, article, sessions, strip_page, walk
from support import Digests, digests, faults, watching, write_pages

import tickertrack as tt
from tickertrack.ingest import Sources, read_sources
from tickertrack.markets import load_market
from tickertrack.models import LinkReport, Page

NAMES = "ANL OGDC PSO HBL LUCK TRG".split()
MONDAY, TUESDAY, LABOUR_DAY = (date(2024, 4, 29), date(2024, 4, 30), date(2024, 5, 1))
THURSDAY, FRIDAY = (date(2024, 5, 2), date(2024, 5, 3))


def strips(days: Sequence[date]) -> list[Record]:
    """Show a new session's strip on two pages in the evening of each day."""
    shown = zip(days, walk(days, NAMES), strict=True)
    return [strip_page(day, board, hour) for day, board in shown for hour in (19, 20)]


# The strips alone know that Labour Day was a session: news of Tuesday evening belongs to it then.
PAGES = [
    *strips([MONDAY, TUESDAY, LABOUR_DAY, THURSDAY, FRIDAY]),
    article(1, "Azgard Nine Limited doubles denim exports", "2024-04-30T11:00"),
    article(2, "Oil and Gas Development Company finds gas", "2024-04-30T18:00"),
    article(3, "Azgard Nine Limited doubles denim exports", "2024-05-01T09:00"),
    article(4, "Lucky Cement Limited lights a kiln", "2024-05-01"),
    article(5, "Village choir maps the footpath", "2024-05-02T10:00"),
    article(6, "State Bank of Pakistan keeps policy rate", "2024-05-02T10:00", "In Karachi."),
    article(8, "Cement prices rise again", "2024-05-02T10:00", "Dealers blame the price of coal."),
    article(9, "Retailers order early", "2024-05-02T11:00", "TRG Pakistan Limited is not one."),
    # Three copies of one article: the longest counts, and the finest date.
    article(7, "Kiln lit", "2024-05-02"),
    article(7, "Lucky Cement Limited lights another kiln", "2024-05-02", "It is large. " * 9),
    article(7, "Kiln lit", "2024-05-01T18:00"),
]
TOLD = 10
LINKED = ("alignments", "subjects", "mentions", "links", "actions")


def ingested(database: Path, *calls: Iterable[Record]) -> Path:
    with tt.open(database) as tracker:
        for pages in calls:
            tracker.ingest(write_pages(database.with_suffix(".jsonl"), pages))
    return database


def afresh(database: Path) -> Digests:
    with tt.open(database) as tracker:
        tracker.resolve()
        tracker.link(afresh=True)
    return digests(database)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ingested(tmp_path_factory.mktemp("whole") / "x.db", PAGES)


def test_what_is_linked_here_is_worth_comparing(whole: Path):
    with closing(sqlite3.connect(whole)) as connection:
        sql = "SELECT DISTINCT relation FROM links ORDER BY 1"
        assert [row[0] for row in connection.execute(sql)] == [
            "about",
            "market",
            "mention",
            "sector",
        ]
        sql = "SELECT session, count(*) FROM alignments GROUP BY 1 ORDER BY 1"
        assert [row[1] for row in connection.execute(sql)] == [1, 3, 5]
        repeated = connection.execute("SELECT count(*) FROM links WHERE evidence LIKE '%repeats%'")
        assert repeated.fetchone()[0] == 1
        witnessed = connection.execute("SELECT session FROM sessions WHERE source = 'witnessed'")
        assert [row[0] for row in witnessed] == [LABOUR_DAY.isoformat()]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_order_and_any_split_give_the_links_of_one_call_from_scratch(
    whole: Path, data: st.DataObject
):
    order = data.draw(st.permutations(PAGES))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(PAGES) - 1), max_size=4)))
    calls = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(PAGES)], strict=True)]
    repeats = data.draw(st.lists(st.sampled_from(calls), max_size=1))
    with tempfile.TemporaryDirectory() as folder:
        database = ingested(Path(folder) / "x.db", *calls, *repeats)
        assert digests(database) == digests(whole)
        assert faults(database) == []
        assert afresh(database) == digests(whole)


def test_one_article_less_is_seen(whole: Path, tmp_path: Path):
    # The control: the digests do tell.
    fewer = digests(ingested(tmp_path / "x.db", PAGES[:TOLD] + PAGES[TOLD + 1 :]))
    expected = digests(whole)
    assert all(fewer[table] != expected[table] for table in LINKED[:-1])
    assert fewer["prices"] == expected["prices"]


def links_of(database: Path, session: date) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        sql = "SELECT symbol, score FROM links WHERE session = ? AND relation = 'about'"
        return connection.execute(sql, (session.isoformat(),)).fetchall()


def test_a_story_that_comes_late_changes_the_session_that_repeats_it(whole: Path, tmp_path: Path):
    late, others = PAGES[TOLD], PAGES[:TOLD] + PAGES[TOLD + 1 :]
    database = ingested(tmp_path / "x.db", others)
    unrepeated = links_of(database, LABOUR_DAY)
    with tt.open(database) as tracker:
        source = write_pages(tmp_path / "late.jsonl", [late])
        tracker.store(pages_in(tracker, source))
        # The control: but for the mark on the session after it, it would be missed.
        assert tracker.link() == LinkReport(articles=1, sessions=2, links=4)
    assert links_of(database, LABOUR_DAY) == links_of(whole, LABOUR_DAY) != unrepeated


def test_linking_again_does_nothing(whole: Path, tmp_path: Path):
    database = Path(shutil.copy(whole, tmp_path / "x.db"))
    with tt.open(database) as tracker:
        assert tracker.link() == LinkReport(0, 0, 0)
        tracker.resolve()
        assert tracker.link() == LinkReport(0, 0, 0)
        assert tracker.link(afresh=True).articles > 0
    assert digests(database) == digests(whole)


@pytest.mark.parametrize("stored", [2, 40])
def test_a_new_day_costs_a_day_however_many_are_stored(tmp_path: Path, stored: int):
    days = sessions(date(2021, 1, 4), stored + 1)
    told = [
        article(10 * n + m, f"Azgard Nine Limited ships order {10 * n + m}", f"{day}T11:00")
        for n, day in enumerate(days)
        for m in range(5)
    ]
    shown = strips(days)
    database = ingested(tmp_path / "x.db", shown[:-2], told[:-5])
    source = write_pages(tmp_path / "new.jsonl", [*shown[-2:], *told[-5:]])
    with tt.open(database) as tracker:
        tracker.store(pages_in(tracker, source))
        tracker.resolve()
        assert tracker.link() == LinkReport(articles=7, sessions=1, links=5)


def pages_in(tracker: tt.Tracker, source: Path) -> Iterator[Page]:
    found = read_sources(Sources((source,)), tracker.desk())
    return (page for page in found if isinstance(page, Page))


def test_a_kill_at_any_moment_costs_nothing_that_the_next_call_does_not_mend(
    whole: Path, tmp_path: Path
):
    database = tmp_path / "x.db"
    with tt.open(database) as tracker:
        source = write_pages(tmp_path / "pages.jsonl", PAGES)
        tracker.store(pages_in(tracker, source))
        tracker.resolve()
    half_done = set()
    for number in range(0, 400, 20):
        copy = Path(shutil.copy(database, tmp_path / f"{number}.db"))
        child = os.fork()
        if child == 0:
            with watching(killer(number)), tt.open(copy) as tracker:
                tracker.link()
            os._exit(0)
        os.waitpid(child, 0)
        half_done.add(digests(copy)["links"])
        with tt.open(copy) as tracker:
            tracker.link()
        assert digests(copy) == digests(whole), number
        assert faults(copy) == []
    # It was killed before, in the midst of, and after its work.
    assert digests(database)["links"] in half_done
    assert digests(whole)["links"] in half_done


def killer(number: int) -> Callable[[sqlite3.Connection], None]:
    """Kill this process before the statement of a number."""
    left = [number]

    def count(_: str) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    return lambda connection: connection.set_trace_callback(count)


def test_a_new_alias_in_the_markets_file_is_found_in_what_was_read_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PSX.folder, tmp_path / "markets" / "psx")
    (tmp_path / "config.toml").write_text("")
    told = article(1, "Denim Lions of Lahore win an order", "2021-04-07T11:00")
    shown = strip_page(date(2021, 4, 7), {"ANL": (33.3, 33.1)})
    with tt.open() as tracker:
        tracker.ingest(write_pages(tmp_path / "pages.jsonl", [shown, told]))
        assert tracker.link_rows() == []
    aliases = tmp_path / "markets" / "psx" / "aliases.csv"
    columns = aliases.read_text(encoding="utf-8").splitlines()[0].count(",")
    with aliases.open("a", encoding="utf-8") as file:
        file.write(f"Denim Lions,ANL{',' * (columns - 1)}\n")
    load_market.cache_clear()
    with tt.open() as tracker:
        assert tracker.link() == LinkReport(articles=2, sessions=1, links=1)
        (link,) = tracker.link_rows()
    assert (link["symbol"], link["evidence"]["words"]) == ("ANL", ["Denim Lions"])
