"""How hosts are treated: robots.txt (F-09), rests (F-11), dead hosts (F-12), rhythm (F-13)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import hostile
import pytest
from hostile import (
    CONTACT,
    OURS,
    START,
    Book,
    Clock,
    Forgetful,
    Hostile,
    Meter,
    fetcher,
    http,
    moved,
)
from hypothesis import given, strategies as st

from tickertrack.errors import ConfigError, FetchError
from tickertrack.models import HostState
from tickertrack.sources.web import Fetcher, Manners, Network, user_agent
from tickertrack.sources.web.manners import http_time, pause_after, retry_at
from tickertrack.sources.web.robots import LIMIT
from tickertrack.store.connect import open_writing
from tickertrack.store.fetches import StoredHosts

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PAGE = b"<html>page</html>"


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as running:
        running.pages["/"] = http(PAGE)
        yield running


def outcome(asker: Fetcher, url: str) -> str:
    """Give `ok`, or the reason that an address is not had for."""
    try:
        asker.get(url, hosts=OURS)
    except FetchError as error:
        return error.reason
    return "ok"


# --- F-09: robots.txt ----------------------------------------------------------------------------

# What stands in robots.txt, what is asked for, and whether that is allowed.
RULES = [
    ("", "/a", True),
    ("User-agent: *\nDisallow:", "/a", True),
    ("User-agent: *\nDisallow: /", "/a", False),
    ("User-agent: *\nDisallow: /", "/robots.txt", True),
    ("User-agent: other\nDisallow: /", "/a", True),
    ("User-agent: TickerTrack\nDisallow: /", "/a", False),
    ("User-agent: tickertrack\nDisallow: /b\n\nUser-agent: *\nDisallow: /", "/a", True),
    ("User-agent: a\nUser-agent: tickertrack\nDisallow: /a", "/a", False),
    ("User-agent: tickertrack\nDisallow: /b\nUser-agent: tickertrack\nDisallow: /a", "/a", False),
    ("User-agent: *\nDisallow: /news\nAllow: /news/1", "/news/1", True),
    ("User-agent: *\nDisallow: /page\nAllow: /page", "/page", True),
    ("User-agent: *\nDisallow: /*.php$", "/a.php", False),
    ("User-agent: *\nDisallow: /*.php$", "/a.php?x", True),
    ("User-agent: *\nDisallow: /%C3%A4", "/ä", False),
    ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
    ("<html><p>User-agent: *</p></html>", "/a", True),
]


def test_sixteen_of_sixteen_rules_are_understood(server: Hostile):
    wrong = []
    for text, path, allowed in RULES:
        server.seen.clear()
        server.pages["/robots.txt"] = http(text.encode())
        got = outcome(fetcher(server), server.url(path))
        asked = [one for one in server.paths() if one != "/robots.txt"]
        if (got == "robots", bool(asked)) != (not allowed, allowed and path != "/robots.txt"):
            wrong.append((text, path, got, asked))
    assert (len(RULES), wrong) == (16, [])


LONG = b"".join(b"Disallow: /%06d\n" % number for number in range(60_000))
# What the server says to who asks for robots.txt, and what becomes of a page.
ANSWERS = {
    "200": (http(b"User-agent: *\nDisallow: /x"), "ok"),
    "301 five times": (moved("/1"), "robots"),
    "301 six times": (moved("/0"), "ok"),
    "301 for ever": (moved("/robots.txt"), "ok"),
    "301 to elsewhere": (moved("https://elsewhere.example/robots.txt"), "ok"),
    "403": (http(b"", "403 Forbidden"), "ok"),
    "404": (http(b"", "404 Not Found"), "ok"),
    "429": (http(b"", "429 Too Many Requests"), "status_429"),
    "500": (http(b"", "500 Error"), "robots_unreachable"),
    "time-out": (hostile.never, "robots_unreachable"),
    "HTML": (http(b"<!DOCTYPE html><html>Disallow: /</html>"), "ok"),
    "cut off": (http(b"User-agent: *\nDisallow: /x")[:-5], "robots_unreachable"),
    "bomb": (http(hostile.bomb(16), Content_Encoding="gzip"), "robots_unreachable"),
    "800 KiB": (http(b"User-agent: *\n" + LONG + b"Disallow: /\n"), "ok"),
    "hangs up": (b"", "robots_unreachable"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_each_answer_to_robots_means_what_the_standard_says(server: Hostile, case: str):
    server.pages |= {f"/{number}": moved(f"/{number + 1}") for number in range(5)}
    server.pages["/5"] = http(b"User-agent: *\nDisallow: /")
    server.pages["/robots.txt"], expected = ANSWERS[case]
    book = Book()
    deadline = 0.5 if case == "time-out" else 30
    got = outcome(fetcher(server, book, tries=1, deadline=deadline), server.url("/"))
    assert (got, "/" in server.paths()) == (expected, expected == "ok")
    assert len(book[server.authority].robots or b"") <= LIMIT


def test_robots_holds_for_a_day_and_not_longer(server: Hostile):
    clock, book = Clock(), Book()
    for hours in (0, 23, 1, 1):
        clock.wait(hours * 3600)
        assert outcome(fetcher(server, book, clock), server.url("/")) == "ok"
    assert server.count() == {"/robots.txt": 2, "/": 4}
    # A clock that was set back by a year holds nothing for another year.
    clock.time -= timedelta(days=365)
    assert outcome(fetcher(server, book, clock), server.url("/")) == "ok"
    assert server.count()["/robots.txt"] == 3


# --- F-11: who asks to be left alone -------------------------------------------------------------

IN_AN_HOUR = "Mon, 23 Nov 2026 06:00:00 GMT"
RETRY_AFTER = {
    "120": 120,
    "0": 1,
    "-5": 1,
    "1000000000": 86_400,
    "9" * 4000: 86_400,
    IN_AN_HOUR: 3600,
    "Mon, 23 Nov 2026 04:00:00 GMT": 1,
    "Wed, 23 Nov 2326 04:00:00 GMT": 86_400,
    "soon": None,
    "1.5": None,
    "1e9": None,
    "": None,
    "٣": None,
    "Mon, 99 Nov 2026 06:00:00 GMT": None,
}


@pytest.mark.parametrize("value", RETRY_AFTER)
def test_retry_after_is_obeyed_within_reason(value: str):
    seconds = RETRY_AFTER[value]
    expected = None if seconds is None else START + timedelta(seconds=seconds)
    assert retry_at(value, None, START) == expected


@given(st.text(max_size=40))
def test_no_nonsense_makes_a_host_rest_for_ever(value: str):
    until = retry_at(value, http_time(value), START)
    assert until is None or timedelta(seconds=1) <= until - START <= DAY


def test_a_date_is_read_by_the_clock_of_who_wrote_it():
    theirs = START - 30 * MINUTE
    assert retry_at(IN_AN_HOUR, theirs, START) == START + 90 * MINUTE


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Unavailable"])
def test_a_host_is_left_alone_until_its_time_also_after_a_restart(server: Hostile, status: str):
    server.pages["/busy"] = http(b"", status, Retry_After="1800")
    clock, book = Clock(), Book()
    with pytest.raises(FetchError) as caught:
        fetcher(server, book, clock).get(server.url("/busy"), hosts=OURS)
    until = caught.value.retry_at
    assert until == clock.now() + 30 * MINUTE
    asked = len(server.seen)
    while clock.now() < until:
        # Each time another fetcher, as after a restart.
        with pytest.raises(FetchError) as resting:
            fetcher(server, book, clock).get(server.url("/"), hosts=OURS)
        assert (resting.value.reason, resting.value.retry_at) == ("host_resting", until)
        clock.wait(60)
    assert len(server.seen) == asked
    assert outcome(fetcher(server, book, clock), server.url("/")) == "ok"
    # The control: who forgets asks at once.
    for _ in range(2):
        outcome(fetcher(server, book := Forgetful(book), clock), server.url("/busy"))
    assert server.count()["/busy"] == 3


def test_a_rest_survives_kill_9(server: Hostile, tmp_path: Path):
    server.pages["/busy"] = http(b"", "429 Too Many Requests", Retry_After="1800")
    database = tmp_path / "tickertrack.db"
    words = [sys.executable, hostile.__file__, str(database), server.url("/busy")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout
        assert asking.stdout.readline() == "status_429\n"
        asking.kill()
    asked = len(server.seen)
    with closing(open_writing(database)) as connection:
        book = StoredHosts(connection, database)
        manners = Manners(CONTACT, allow_private=frozenset({server.authority}))
        asker = Fetcher(manners, book, lambda: datetime.now(UTC))
        assert outcome(asker, server.url("/")) == "host_resting"
    assert len(server.seen) == asked


def test_the_other_host_is_not_kept_waiting(server: Hostile):
    server.pages["/busy"] = http(b"", "429 Too Many Requests", Retry_After="1800")
    asker = fetcher(server)
    assert outcome(asker, server.url("/busy", "localhost")) == "status_429"
    assert outcome(asker, server.url("/", "localhost")) == "host_resting"
    assert outcome(asker, server.url("/")) == "ok"


def test_without_a_time_a_host_that_is_asked_too_often_rests_longer_and_longer(server: Hostile):
    server.pages["/busy"] = http(b"", "429 Too Many Requests", Retry_After="soon")
    clock, book = Clock(), Book()
    rests = []
    for _ in range(8):
        assert outcome(fetcher(server, book, clock), server.url("/busy")) == "status_429"
        until = book[server.authority].not_before
        rests.append((until - clock.now()) / MINUTE)
        clock.time = until
    assert rests == [2, 4, 8, 16, 32, 60, 60, 60]
    assert server.count()["/busy"] == 8


def test_a_clock_set_back_keeps_nobody_waiting_for_years(server: Hostile):
    clock, book = Clock(), Book()
    book.save(HostState(server.authority, START + 900 * DAY, START + 900 * DAY, 2))
    assert outcome(fetcher(server, book, clock), server.url("/")) == "ok"
    assert clock.waited == [5, 5]


# --- F-12: dead hosts ----------------------------------------------------------------------------

DEAD = {
    "500": http(b"", "500 Error"),
    "503, soon": http(b"", "503 Unavailable", Retry_After="1"),
    "429": http(b"", "429 Too Many Requests"),
    "408": http(b"", "408 Request Timeout"),
    "hangs up": b"",
    "no HTTP": b"SSH-2.0-x\r\n",
    "no gzip": http(b"x", Content_Encoding="gzip"),
}


def poll(server: Hostile, book: Book, hours: int = 24) -> None:
    """Poll a dead feed every five minutes."""
    clock = Clock()
    server.clock = clock.now
    for minutes in range(0, hours * 60, 5):
        clock.time = max(clock.time, START + minutes * MINUTE)
        assert outcome(fetcher(server, book, clock), server.url("/feed")) != "ok"


@pytest.mark.parametrize("case", DEAD)
def test_a_dead_host_is_asked_a_hundred_times_a_day_at_most(server: Hostile, case: str):
    server.pages |= {"/feed": DEAD[case], "/robots.txt": DEAD[case]}
    poll(server, Book())
    times = [one.at for one in server.seen]
    assert 10 <= len(times) <= 100
    assert min(after - before for before, after in pairwise(times)) >= timedelta(seconds=1)


def test_a_host_of_which_only_robots_lives_likewise(server: Hostile):
    server.pages["/feed"] = DEAD["500"]
    poll(server, Book())
    assert 10 <= len(server.seen) <= 100


def test_one_that_forgets_asks_eight_hundred_times(server: Hostile):
    server.pages["/feed"] = DEAD["500"]
    poll(server, Forgetful(), hours=4)
    assert len(server.seen) > 800 * 4 / 24


def test_a_host_that_cannot_be_reached_is_dialled_a_hundred_times_at_most():
    network, stub = hostile.stubbed(lambda *_: ["93.184.215.14"])
    clock, book = Clock(), Book()
    for minutes in range(0, 24 * 60, 5):
        clock.time = max(clock.time, START + minutes * MINUTE)
        asker = Fetcher(Manners(CONTACT), book, clock.now, clock.wait, network)
        with pytest.raises(FetchError):
            asker.get("https://news.example/feed", hosts=frozenset({"news.example"}))
    assert 10 <= len(stub.dialled) <= 100


def test_three_tries_and_no_more_and_no_second_of_most_4xx(server: Hostile):
    tried = {}
    for status in (400, 401, 403, 404, 408, 410, 418, 425, 429, 451, 500, 502, 503, 504):
        server.pages[f"/{status}"] = http(b"", f"{status} x")
        outcome(fetcher(server), server.url(f"/{status}"))
        tried[status] = server.count()[f"/{status}"]
    thrice = {408, 425, 500, 502, 503, 504}
    assert tried == {status: 3 if status in thrice else 1 for status in tried}


def test_one_broken_page_does_not_close_its_host(server: Hostile):
    server.pages |= {f"/{number}": DEAD["500"] for number in range(3)}
    asker = fetcher(server)
    for path in ("/0", "/1", "/", "/0", "/1", "/"):
        assert outcome(asker, server.url(path)) == ("ok" if path == "/" else "status_500")
    # Three in a row do.
    assert [outcome(asker, server.url(f"/{number}")) for number in range(3)] == ["status_500"] * 3
    assert outcome(asker, server.url("/")) == "host_resting"


def test_between_two_tries_there_is_a_second_at_least(server: Hostile):
    server.pages["/dead"] = DEAD["500"]
    clock = Clock()
    outcome(fetcher(server, clock=clock, per_host_delay=0.0), server.url("/dead"))
    assert len(clock.waited) == 2
    assert min(clock.waited) >= 1


def test_a_pause_is_drawn_anew_and_has_bounds():
    for tries, longest in ((1, 2), (2, 4), (3, 8), (9, 60)):
        pauses = [pause_after(tries) for _ in range(500)]
        assert min(pauses) == 1
        assert longest * 0.9 < max(pauses) <= longest
        assert len(set(pauses)) > 100


# --- F-13: rhythm and name -----------------------------------------------------------------------


def test_two_hundred_pages_are_asked_for_one_by_one_five_seconds_apart(server: Hostile):
    clock, book, meter = Clock(), Book(), Meter()
    server.clock = clock.now
    for number in range(200):
        server.pages[f"/{number}"] = http(PAGE)
        host = ("127.0.0.1", "localhost")[number % 2]
        # A restart in between changes nothing.
        asker = fetcher(server, book, clock, Network(sockets=meter))
        assert outcome(asker, server.url(f"/{number}", host)) == "ok"
    assert (meter.most_open, meter.open) == (1, set())
    assert {one.headers["User-Agent"] for one in server.seen} == {CONTACT}
    for host in ("127.0.0.1", "localhost"):
        times = [one.at for one in server.seen if one.headers["Host"].startswith(host)]
        assert len(times) == 101
        assert min(after - before for before, after in pairwise(times)) == timedelta(seconds=5)
    # Two hosts take turns: neither waits for the other.
    assert clock.now() - START < timedelta(seconds=5 * 102)


def test_one_that_forgets_asks_without_a_pause(server: Hostile):
    clock = Clock()
    asker = fetcher(server, Forgetful(), clock)
    for _ in range(5):
        outcome(asker, server.url("/"))
    assert clock.now() == START


def test_by_the_real_clock_too(server: Hostile):
    allowed = frozenset({server.authority})
    manners = Manners(CONTACT, per_host_delay=0.2, allow_private=allowed)
    asker = Fetcher(manners, Book(), lambda: datetime.now(UTC))
    for _ in range(4):
        asker.get(server.url("/"), hosts=OURS)
    times = [one.at for one in server.seen]
    assert min(after - before for before, after in pairwise(times)) >= timedelta(seconds=0.15)


@pytest.mark.parametrize(("wanted", "kept"), [("7", 7), ("0.5", 5), ("3600", 60), ("-1", 5)])
def test_a_longer_delay_is_kept_up_to_a_bound(server: Hostile, wanted: str, kept: int):
    server.pages["/robots.txt"] = http(f"User-agent: *\nCrawl-delay: {wanted}\n".encode())
    clock = Clock()
    asker = fetcher(server, clock=clock)
    for _ in range(3):
        asker.get(server.url("/"), hosts=OURS)
    assert clock.waited == [kept] * 3


def test_who_asks_says_so():
    assert user_agent("https://example.org/about").startswith("tickertrack/")
    assert user_agent("desk@example.org").endswith(" (+desk@example.org)")
    assert "+" not in user_agent("")
    for contact in ("desk\r\nX-Evil: 1", "ذفتر", "a\x00"):
        with pytest.raises(ConfigError, match="printable ASCII"):
            user_agent(contact)
