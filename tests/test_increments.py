"""One more day is dated at the cost of a day: the tables are those of one call, to the bit."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from support import Digests, Record, digests, made_day, made_strips, write_pages

import tickertrack as tt
from tickertrack import Tracker, dating, resolving
from tickertrack.dating import forest, graph
from tickertrack.ingest import Sources, read_sources
from tickertrack.models import Page

# What resolve keeps for the next call is as much the same as what it concludes.
KEPT = (
    *("vectors", "vector_strips", "vector_keys", "nodes", "joints"),
    *("slight_boards", "slight_days", "chains", "undrawn_pages", "drawn_by"),
)
SEEDS, STRESSED = 10, 6


# --- pages: a crawl with all that makes dating hard ----------------------------------------------


def crawled(seed: int, sessions: int = 14, per_session: int = 4) -> list[Record]:
    """Make up a crawl: boards whole, cut short or still, seen late, with and without dates."""
    rng = random.Random(seed)  # noqa: S311  (the same pages again, not a secret)
    strips = made_strips(sessions + 1, rng)
    pages = []
    for session in range(sessions):
        for _ in range(rng.randrange(per_session + 1)):
            shown = max(0, session - rng.choice([0] * 8 + [1, 3, 6]))
            lines = cut(strips[shown][rng.random() < 0.6], rng)
            pages.append(page(len(pages), session, lines, rng))
    return pages


def cut(lines: Sequence[str], rng: random.Random) -> list[str]:
    """Show a strip whole, or a part of it, or before the open."""
    way = rng.choice(["whole"] * 5 + ["first", "last", "some", "still"])
    if way == "still":
        return [still(line) if not line.startswith("KSE") else line for line in lines]
    parts = {"first": lines[:1], "last": lines[-1:], "some": rng.sample(lines, 4)}
    return list(parts.get(way, lines))


def still(line: str) -> str:
    return " ".join([*line.split()[:2], "No Change ▼ 0.00 (0%)"])


def page(number: int, session: int, lines: list[str], rng: random.Random) -> Record:
    moment = made_day(session) + timedelta(minutes=rng.randrange(1200) - 60)
    kind = rng.choice(["captured", "page date", "published", "undated", "undated"])
    if kind == "page date":
        lines[0] = f" date {made_day(session):%Y-%m-%d} {lines[0]}"
    words = [f"Kites of district {number}", "", "They were flown twice."]
    record = {
        "url": f"https://www.brecorder.com/news/{40_000_000 + number}/kites",
        "text": "\n".join([*lines, *words]),
    }
    if kind == "captured":
        record["captured_at"] = moment.isoformat()
    if kind in {"captured", "published"}:
        published = moment - timedelta(hours=rng.randrange(30))
        record["published_at"] = f"{published:%Y-%m-%dT%H:%M:%S+00:00}"
    return record


def batches(pages: Sequence[Record], seed: int) -> Iterator[Sequence[Record]]:
    """Split pages, mostly in another order, into a few or into many."""
    rng = random.Random(seed)  # noqa: S311
    order = list(pages)
    if seed % 3:
        rng.shuffle(order)
    count = min(rng.choice([3, 8, 20]), len(order) - 1)
    cuts = sorted(rng.sample(range(1, len(order)), count))
    return (order[a:b] for a, b in pairwise([0, *cuts, len(order)]))


# --- what is compared ----------------------------------------------------------------------------


def tables(path: Path) -> Digests:
    return digests(path, also=KEPT)


def at_once(path: Path, pages: Sequence[Record]) -> Digests:
    with tt.open(path) as tracker:
        tracker.ingest(write_pages(path.with_suffix(".jsonl"), pages))
    return tables(path)


def bit_by_bit(path: Path, pages: Sequence[Record], seed: int) -> Digests:
    with tt.open(path) as tracker:
        for batch in batches(pages, seed):
            tracker.ingest(write_pages(path.with_suffix(".jsonl"), batch))
    return tables(path)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note how conclusions came about, call by call: from scratch, or by what is new."""
    noted: list[str] = []
    for name in ("redraw", "update"):
        monkeypatch.setattr(resolving, name, noting(getattr(resolving, name), name, noted))
    return noted


def noting(done: Callable[..., None], name: str, noted: list[str]) -> Callable[..., None]:
    def do(*given: object) -> None:
        done(*given)
        noted.append(name)

    return do


# --- the same tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_batches_in_any_order_leave_the_tables_of_one_call(
    tmp_path: Path, seed: int, drawn: list[str]
) -> None:
    pages = crawled(seed, sessions=(6, 14, 30)[seed % 3], per_session=(2, 4, 6)[seed % 2])
    expected = at_once(tmp_path / "one.db", pages)
    assert drawn == ["redraw"]
    assert bit_by_bit(tmp_path / "many.db", pages, seed) == expected
    assert "update" in drawn


@pytest.mark.parametrize("seed", range(STRESSED))
def test_so_they_do_where_little_is_looked_through_and_few_are_a_crowd(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forest, "_FAR", (2, 5)[seed % 2])
    monkeypatch.setattr(forest, "_MANY", (4, 64)[seed % 2])
    monkeypatch.setattr(graph, "CROWD", (3, 10)[seed % 2])
    pages = crawled(100 + seed)
    expected = at_once(tmp_path / "one.db", pages)
    assert bit_by_bit(tmp_path / "many.db", pages, seed) == expected


def test_a_page_of_long_ago_joins_what_lay_apart(tmp_path: Path, drawn: list[str]) -> None:
    strips = made_strips(11, random.Random(5))  # noqa: S311
    rng = random.Random(1)  # noqa: S311
    chain = [page(n, n, list(strips[n][1]), rng) for n in range(10)]
    for record in chain:
        record.pop("captured_at", None)
    chain[9]["captured_at"] = made_day(9).replace(hour=15).isoformat()
    expected = at_once(tmp_path / "one.db", chain)
    with tt.open(tmp_path / "two.db") as tracker:
        for part in (chain[:5] + chain[6:], chain[5:6]):
            tracker.ingest(write_pages(tmp_path / "part.jsonl", part))
        assert len({row["session"] for row in tracker.quote_rows(["ANL"])} - {None}) > 5
    assert tables(tmp_path / "two.db") == expected
    assert drawn[-1] == "update"


def test_a_series_that_comes_and_goes_leaves_no_trace(tmp_path: Path) -> None:
    pages = crawled(3)
    closes = [(made_day(n).date(), 46_000.0 + 37 * n) for n in range(12)]
    given = tmp_path / "series.db"
    with tt.open(given) as tracker:
        tracker.import_series("KSE100", closes)
        tracker.ingest(write_pages(tmp_path / "all.jsonl", pages))
    with tt.open(tmp_path / "many.db") as tracker:
        calls = list(batches(pages, 4))
        for n, batch in enumerate(calls):
            tracker.ingest(write_pages(tmp_path / "part.jsonl", batch))
            if n == len(calls) // 2:
                tracker.import_series("KSE100", closes)
        assert tables(tracker.path) == tables(given)
        tracker.remove_series("KSE100")
    assert tables(tmp_path / "many.db") == at_once(tmp_path / "one.db", pages)


def test_a_page_that_reads_otherwise_is_dated_as_it_reads_now(tmp_path: Path) -> None:
    before = read(tmp_path, crawled(7))
    after = [mended(one) if n % 3 == 0 else one for n, one in enumerate(before)]
    for name, calls in (("one", [after]), ("two", [before, after])):
        with tt.open(tmp_path / f"{name}.db") as tracker:
            for pages in calls:
                tracker.store(pages)
                tracker.resolve()
    assert tables(tmp_path / "two.db") == tables(tmp_path / "one.db")


def read(folder: Path, records: Sequence[Record]) -> list[Page]:
    sources = Sources((write_pages(folder / "read.jsonl", records),))
    with tt.open(folder / "unused.db") as tracker:
        found = list(read_sources(sources, tracker.desk()))
    return [one for one in found if isinstance(one, Page)]


def mended(one: Page) -> Page:
    quotes = one.strip.quotes[: max(len(one.strip.quotes) - 1, 1)]
    return replace(one, strip=replace(one.strip, quotes=quotes))


def test_what_was_known_then_is_what_one_call_knew_then(tmp_path: Path) -> None:
    pages = crawled(9)
    with tt.open(tmp_path / "x.db") as tracker:
        for batch in (pages[:-2], pages[-2:]):
            tracker.ingest(write_pages(tmp_path / "part.jsonl", batch))
        with closing(sqlite3.connect(tracker.path)) as connection:
            connection.execute(
                "UPDATE pages SET stored_at = '2001-01-01T00:00:00+00:00' WHERE id IN"
                " (SELECT id FROM pages ORDER BY id LIMIT 12)"
            )
            connection.commit()
        then = tracker.history_rows([], as_of=date(2002, 1, 1).isoformat())
        now = tracker.history_rows([])
        tracker.resolve(afresh=True)
        assert tracker.history_rows([], as_of=date(2002, 1, 1).isoformat()) == then
        assert tracker.history_rows([]) == now != then


# --- only what is new ----------------------------------------------------------------------------


def test_one_more_page_draws_nothing_anew_and_none_reads_nothing(
    tmp_path: Path, drawn: list[str]
) -> None:
    pages = crawled(11, sessions=20)
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(write_pages(tmp_path / "all.jsonl", pages[:-1]))
        tracker.ingest(write_pages(tmp_path / "one.jsonl", pages[-1:]))
        tracker.resolve()
        assert drawn == ["redraw", "update"]
        tracker.resolve(afresh=True)
        assert drawn == ["redraw", "update", "redraw"]


def test_other_rules_draw_all_anew(tmp_path: Path, drawn: list[str]) -> None:
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(write_pages(tmp_path / "all.jsonl", crawled(12)))
        expected = tables(tracker.path)
        spoil(tracker, "UPDATE drawn_by SET rules = 'those of another version'")
        spoil(tracker, "UPDATE sittings SET session = '2001-01-01', confidence = 0.5")
        tracker.resolve()
        assert drawn == ["redraw", "redraw"]
        assert tables(tracker.path) == expected


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE joints SET forward = x'00' WHERE forward IS NOT NULL",
        "UPDATE nodes SET own = zeroblob(length(own))",
        "UPDATE vectors SET prices = '{'",
        "DELETE FROM nodes",
    ],
)
def test_what_is_kept_and_damaged_is_told_and_made_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    pages = crawled(13, sessions=20)
    expected = at_once(tmp_path / "one.db", pages)
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(write_pages(tmp_path / "all.jsonl", pages[:-3]))
        spoil(tracker, damage)
        with caplog.at_level(logging.WARNING, "tickertrack"):
            tracker.ingest(write_pages(tmp_path / "one.jsonl", pages[-3:]))
    assert "damaged" in caplog.text
    assert tables(tmp_path / "x.db") == expected


def spoil(tracker: Tracker, statement: str) -> None:
    with closing(sqlite3.connect(tracker.path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_an_update_that_is_cut_off_is_made_whole_by_the_next(tmp_path: Path) -> None:
    pages = crawled(14, sessions=20)
    expected = at_once(tmp_path / "one.db", pages)
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(write_pages(tmp_path / "all.jsonl", pages[:-5]))
        tracker.store(read(tmp_path, pages[-5:]))
        before, steps = tables(tracker.path), 50
        while tables(tracker.path) == before:
            left = [steps]
            tracker.writer().set_progress_handler(lambda left=left: not _spent(left), 50)
            with suppress(tt.StoreError):
                tracker.resolve()
            tracker.writer().set_progress_handler(None, 0)
            steps = steps * 3 // 2
        assert steps > 100
        tracker.link()
    assert tables(tmp_path / "x.db") == expected


def _spent(left: list[int]) -> bool:
    left[0] -= 1
    return left[0] > 0


# --- the controls: each way to break it is seen ---------------------------------------------------


def told_no_further(*given: object) -> set[int]:
    """Let changed nodes tell their neighbours, and these nobody."""
    changed = set(given[2])  # type: ignore[call-overload]
    return TELL(*given) & changed  # type: ignore[arg-type]


TELL = dating.tell


def test_a_change_that_is_not_told_on_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = crawled(2, sessions=30)
    expected = at_once(tmp_path / "one.db", pages)
    monkeypatch.setattr(dating, "tell", told_no_further)
    assert bit_by_bit(tmp_path / "many.db", pages, 3) != expected


@pytest.mark.parametrize(
    "triggers", ["closes_new", pytest.param("", id="undrawn_pages"), "pages_gone quotes_gone"]
)
def test_a_fact_that_nobody_tells_of_is_seen(tmp_path: Path, triggers: str) -> None:
    pages = crawled(3)
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(write_pages(tmp_path / "few.jsonl", pages[:-5]))
        for trigger in triggers.split():
            spoil(tracker, f"DROP TRIGGER {trigger}")
        if triggers == "closes_new":
            tracker.import_series("KSE100", [(made_day(n).date(), 46_000.0) for n in range(12)])
        elif not triggers:
            tracker.store(read(tmp_path, pages))
            spoil(tracker, "DELETE FROM undrawn_pages")
            tracker.resolve()
        else:
            tracker.store([mended(one) for one in read(tmp_path, pages[:9])])
            spoil(tracker, "DELETE FROM undrawn_pages")
            tracker.resolve()
        short = tables(tracker.path)
        tracker.resolve(afresh=True)
        assert tables(tracker.path) != short
