"""Rounds of collecting: what is poison costs only itself, who asks for rest gets it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from daemons import cli, rows
from live import SimulatedShift, World, crowded, world

from tickertrack.collect import collect
from tickertrack.site import POISON, Fault


def quarantined(here: World) -> Counter[str]:
    found = rows(here.folder, "SELECT file, reason FROM quarantine WHERE page_id IS NULL")
    return Counter(row["file"] for row in found)


def states(here: World) -> Counter[str]:
    found = rows(here.folder, "SELECT state FROM fetches WHERE kind = 'page'")
    return Counter(row["state"] for row in found)


@pytest.mark.parametrize(
    "count", [60, pytest.param(10_000, marks=pytest.mark.slow)], ids="{} addresses".format
)
def test_of_many_addresses_the_good_are_stored_and_each_poison_is_told_once(
    tmp_path: Path, count: int
):
    with world(tmp_path / "own") as here:
        # One in a hundred; of few addresses, a larger share of them, or not every kind would come.
        faults = crowded(here, count)
        if count < 1000:
            spare = [request for request in list_of_paths(here) if request not in faults]
            for path, fault in zip(spare, POISON, strict=False):
                here.site.misbehave(path, fault)
                faults[path] = fault
        assert set(faults.values()) == set(POISON)
        outcomes = [here.collect(3600)]
        # What might pass is asked for again, later and later, and given up in the end.
        while states(here)["waiting"] and len(outcomes) < 100:
            here.site.clock.advance(timedelta(hours=7))
            outcomes.append(here.collect(3600))
    good = count - len(faults)
    assert sum(outcome.counts.get("pages", 0) for outcome in outcomes) >= good
    assert states(here) == {"done": good, "refused": len(faults)}
    told = quarantined(here)
    assert set(told.values()) == {1}
    assert {url.removeprefix(here.site.url) for url in told} == set(faults)
    assert outcomes[0].status == "partial"
    assert all(str(here.site.url) in fault for fault in outcomes[0].faults[:5])


def list_of_paths(here: World) -> list[str]:
    """List the addresses of the feed, as paths."""
    import httpx  # noqa: PLC0415

    from tickertrack.sources.web import read_feed  # noqa: PLC0415

    url = f"{here.site.url}/feeds/crowd"
    body = httpx.get(url, trust_env=False).content
    return [entry.url.removeprefix(here.site.url) for entry in read_feed(body, url).entries]


def test_a_host_that_asks_for_rest_gets_it_also_after_a_restart(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.site.misbehave("/news/", Fault.TOO_MANY, retry_after="3600")
        first = here.collect()
        assert any("429" in fault for fault in first.faults)
        here.site.behave()
        asked = len(here.site.log)
        here.site.clock.advance(timedelta(minutes=59))
        resting = here.collect()
        # A round of its own, with nothing but the database to remember by.
        assert len(here.site.log) == asked
        assert resting.status == "error"
        here.site.clock.advance(timedelta(minutes=2))
        assert here.collect().counts["pages"] > 0


def test_pages_that_always_break_off_do_not_hold_up_those_behind_them(tmp_path: Path):
    with world(tmp_path / "own") as here:
        crowded(here, 30)
        here.site.behave()
        # Those that are asked for first; after three of them the host is left alone for a while.
        poisoned = sorted(list_of_paths(here), reverse=True)[:3]
        for path in poisoned:
            here.site.misbehave(path, Fault.SHORT_BODY)
        assert here.collect().counts.get("pages", 0) == 0
        here.site.clock.advance(timedelta(hours=2))
        assert here.collect().counts["pages"] == 27
        for _ in range(8):
            here.site.clock.advance(timedelta(hours=7))
            here.collect()
        assert states(here) == {"done": 27, "refused": 3}


def test_a_dead_site_is_asked_seldom_and_comes_back(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.collect()
        here.site.stop()
        for _ in range(3):
            here.site.clock.advance(timedelta(minutes=30))
            outcome = here.collect()
            assert outcome.status == "error"
            assert "Traceback" not in " ".join(outcome.faults)
        here.site.start()
        here.site.clock.advance(timedelta(days=1))
        assert here.collect().counts["pages"] > 0


@pytest.mark.parametrize(
    "fault", [Fault.MALFORMED_FEED, Fault.FEED_WITH_DTD, Fault.EMPTY, Fault.BINARY]
)
def test_one_bad_feed_does_not_cost_the_other(tmp_path: Path, fault: Fault):
    with world(tmp_path / "own") as here:
        here.site.misbehave("/feeds/latest", fault)
        outcome = here.collect()
        assert outcome.status == "partial"
        assert len(outcome.faults) == 1
        assert "/feeds/latest" in outcome.faults[0]
        assert outcome.counts["pages"] > 0
        assert outcome.counts["feeds"] == 1


def test_what_robots_disallow_is_never_asked_for(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.site.write_tracker(here.folder, ["/sitemap-print.xml"])
        outcome = here.collect()
        assert outcome.counts["refused"] > 0
        assert here.requests("/print/") == []
        refused = rows(here.folder, "SELECT DISTINCT reason FROM quarantine")
        assert [row["reason"] for row in refused] == ["robots"]


def test_a_page_of_a_wrong_label_is_read_rightly(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.site.misbehave("/news/", Fault.WRONG_CHARSET, label="iso-8859-1", encoding="utf-8")
        here.collect()
        shown = set(here.site.strip().lines)
        read = {row["raw"] for row in rows(here.folder, "SELECT raw FROM quotes")}
        assert read == shown


@dataclass
class ShortShift(SimulatedShift):
    """A shift that is over after so many requests: on any machine there is time for some."""

    requests: Callable[[], list[Any]] = list

    def left(self) -> float:
        """Give the seconds that are left."""
        return super().left() if len(self.requests()) < 30 else 0.0


def test_a_round_that_runs_out_of_time_leaves_the_rest_to_the_next(tmp_path: Path):
    with world(tmp_path / "own") as here:
        crowded(here, 60)
        here.site.behave()
        with here.tracker() as tracker:
            asked = partial(here.requests, "/news/")
            first = collect(ShortShift(tracker, here.site.clock, 600.0, requests=asked))
        assert first.status == "ok"
        assert first.counts["pages"] == 30
        second = here.collect()
        assert first.counts["pages"] + second.counts["pages"] == 60


def test_without_news_the_newest_article_tells_how_the_strip_moves(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.collect()
        newest = rows(here.folder, "SELECT url FROM pages ORDER BY captured_at DESC LIMIT 1")
        here.site.clock.advance(timedelta(hours=2))
        here.site.misbehave("/feeds/", Fault.ERROR)
        here.collect()
        with closing(sqlite3.connect(here.folder / "tickertrack.db")) as connection:
            copies = connection.execute(
                "SELECT count(*) AS n FROM pages GROUP BY url ORDER BY n DESC LIMIT 1"
            )
            assert copies.fetchone() == (2,)
        assert newest


def test_a_tracker_that_cannot_reach_the_net_says_so_in_one_line(tmp_path: Path):
    with world(tmp_path / "own") as here:
        here.site.stop()
        done = cli(here.folder, "run", "--once", "--job", "collect")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert any("127.0.0.1" in line and "collect:" in line for line in done.stderr.splitlines())
