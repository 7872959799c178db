"""What comes back from servers that mean no good, or are only broken: F-01, F-08, F-10, F-18 on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import hostile
import httpcore
import httpx
import pytest
from hostile import (
    CONTACT,
    OURS,
    START,
    Book,
    Clock,
    Hostile,
    Pieces,
    Seen,
    fetcher,
    http,
    moved,
    packed,
    reason,
)
from hypothesis import given, settings, strategies as st

import tickertrack
from tickertrack.errors import FetchError
from tickertrack.models import Response
from tickertrack.pages import decode
from tickertrack.sources.web import Fetcher, Manners, Network, Validators

PAGE = "<html><p>KSE100 46,301 Increased By ▲ 203.55 (0.44%)</p></html>".encode()


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as running:
        yield running


# --- the plain case ------------------------------------------------------------------------------


def test_a_page_arrives_whole_with_all_that_was_said_of_it(server: Hostile):
    head = {"ETag": 'W/"1"', "content-type": "text/html", "Date": "Mon, 23 Nov 2026 05:00:07 GMT"}
    server.pages["/news/1?a=b"] = http(packed(PAGE), Content_Encoding="gzip", **head)
    book = Book()
    asker = fetcher(server, book, per_host_delay=0.0)
    got = asker.get(server.url("/news/1?a=b#part"), hosts=OURS)
    assert (got.url, got.status, got.reason) == (server.url("/news/1?a=b"), 200, "OK")
    assert (got.body, got.received_at) == (PAGE, START)
    assert got.headers[:2] == (("Content-Encoding", "gzip"), ("ETag", 'W/"1"'))
    assert got.wire_bytes == len(server.pages["/news/1?a=b"])
    assert book[server.authority].skew == 7


@pytest.mark.parametrize("label", ["", "text/html", "text/html; charset=iso-8859-1"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_bytes_and_label_arrive_as_sent(server: Hostile, charset: str, label: str):
    text = "price – change" if charset == "cp1252" else "▲ 0.20 ▼ 0.10 – قیمت"
    server.pages["/"] = http(text.encode(charset), Content_Type=label)
    got = fetcher(server).get(server.url("/"), hosts=OURS)
    assert (got.body, got.header("content-type")) == (text.encode(charset), label)
    assert decode(got.body) == text


# --- F-01: time ----------------------------------------------------------------------------------

SLOW = {
    "/drip": hostile.drip,
    "/head": hostile.drip_head,
    "/1xx": hostile.endless_1xx,
    "/never": hostile.never,
    "/end": hostile.never_ending_body,
}


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def test_a_hundred_drips_end_in_time_and_delay_nobody_else(server: Hostile):
    server.pages |= {**SLOW, "/good": http(PAGE)}
    # robots.txt is a fetch of its own: on a loaded machine it takes what a drip is given here.
    known = Book()
    fetcher(server, known).get(server.url("/good"), hosts=OURS)

    def drip(number: int) -> tuple[str, float]:
        reasons: list[str] = []
        path = list(SLOW)[number % len(SLOW)]
        taken = seconds(lambda: reasons.append(reason(server, path, Book(known), deadline=0.5)))
        return reasons[0], taken

    with ThreadPoolExecutor(50) as pool:
        drips = pool.map(drip, range(100))
        good = fetcher(server)
        delayed = seconds(lambda: good.get(server.url("/good"), hosts=OURS))
        ended = list(drips)
    assert {name for name, _ in ended} == {"timeout"}
    # None of them ends by itself; what is more than the deadline is the machine's load.
    assert max(taken for _, taken in ended) < 0.5 + 30
    assert delayed < 30


def test_the_timeouts_of_a_common_client_do_not_end_a_drip(server: Hostile):
    server.pages["/drip"] = hostile.drip
    with httpx.stream("GET", server.url("/drip"), timeout=1, trust_env=False) as response:
        started = time.monotonic()
        for _ in response.iter_raw():
            if time.monotonic() - started > 1.5:
                return
    pytest.fail("the drip came to an end")


def test_a_name_that_nobody_looks_up_ends_in_time():
    asleep = threading.Event()
    network = Network(resolve=lambda *_: asleep.wait(60) and [])
    clock = Clock()
    asker = Fetcher(Manners(CONTACT, deadline=0.3, tries=1), Book(), clock.now, clock.wait, network)
    started = time.monotonic()
    with pytest.raises(FetchError, match="no answer in time"):
        asker.get("https://news.example/", hosts=frozenset({"news.example"}))
    assert time.monotonic() - started < 0.3 + 20
    asleep.set()


# --- F-08: redirects -----------------------------------------------------------------------------


def test_five_redirects_are_followed_each_a_fetch_of_its_own(server: Hostile):
    clock = Clock()
    server.clock = clock.now
    statuses = ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
    for number, status in enumerate(statuses):
        server.pages[f"/{number}"] = moved(f"/{number + 1}", status)
    server.pages["/5"] = http(PAGE)
    got = fetcher(server, clock=clock).get(server.url("/0"), hosts=OURS)
    assert (got.url, got.body) == (server.url("/5"), PAGE)
    times = [one.at for one in server.seen]
    assert len(times) == 7
    assert {after - before for before, after in pairwise(times)} == {timedelta(seconds=5)}


def test_the_sixth_is_not_and_loops_end(server: Hostile):
    server.pages |= {f"/{number}": moved(f"/{number + 1}") for number in range(6)}
    server.pages |= {"/6": http(PAGE), "/loop": moved("loop"), "/a": moved("/b"), "/b": moved("/a")}
    for path in ("/0", "/loop", "/a"):
        assert reason(server, path) == "too_many_redirects"
    assert server.count()["/loop"] == 6
    assert "/6" not in server.paths()


def test_where_a_redirect_leads_is_asked_of_robots_too(server: Hostile):
    server.pages["/robots.txt"] = http(b"User-agent: *\nDisallow: /private/")
    server.pages |= {"/": moved("/private/1"), "/private/1": http(PAGE)}
    server.pages["/away"] = moved(server.url("/private/1", "localhost"))
    assert reason(server, "/") == reason(server, "/away") == "robots"
    assert server.count() == {"/robots.txt": 3, "/": 1, "/away": 1}


def test_a_redirect_without_a_place_and_other_statuses_bring_no_page(server: Hostile):
    server.pages |= {"/": http(PAGE, "302 Found"), "/203": http(PAGE, "203 Altered")}
    assert reason(server, "/") == "status_302"
    assert reason(server, "/203") == "status_203"
    assert reason(server, "/none") == "status_404"


def test_a_place_may_hold_blanks_and_other_letters(server: Hostile):
    server.pages["/"] = moved(" /ä b/\xd8\xae?q=ö#x")
    server.pages["/%E4%20b/%D8%AE?q=%F6"] = http(PAGE)
    assert fetcher(server).get(server.url("/"), hosts=OURS).body == PAGE


# --- F-10: what has not changed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("etag", "modified"),
    [
        ('"1"', "Mon, 23 Nov 2026 05:00:00 GMT"),
        ('W/"a b"', None),
        ("no quotes, \xe9", None),
        (None, "yesterday or so"),
    ],
)
def test_a_hundred_polls_bring_an_unchanged_page_once(
    server: Hostile, etag: str | None, modified: str | None
):
    head = {key: value for key, value in (("ETag", etag), ("Last-Modified", modified)) if value}

    def answer(seen: Seen) -> Pieces:
        same = (seen.headers.get("If-None-Match"), seen.headers.get("If-Modified-Since"))
        yield (
            http(b"", "304 Not Modified", **head)
            if same == (etag, modified)
            else http(PAGE, **head)
        )

    server.pages["/"] = answer
    asker, known = fetcher(server), Validators()
    statuses = []
    for _ in range(100):
        got = asker.get(server.url("/"), hosts=OURS, validators=known)
        known = Validators(got.header("etag"), got.header("last-modified"))
        statuses.append((got.status, len(got.body)))
    assert statuses == [(200, len(PAGE)), *[(304, 0)] * 99]


def test_a_changed_page_comes_and_304_counts_only_if_asked_for(server: Hostile):
    server.pages["/"] = http(PAGE, ETag='"2"')
    known = Validators('"1"')
    assert fetcher(server).get(server.url("/"), hosts=OURS, validators=known).body == PAGE
    server.pages["/"] = http(b"", "304 Not Modified")
    assert reason(server, "/") == "status_304"


# --- F-18: the environment -----------------------------------------------------------------------


def test_the_environment_does_not_meddle(
    server: Hostile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with Hostile() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
            monkeypatch.setenv(name.lower(), proxy.url(""))
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login desk password canary\n")
        monkeypatch.setenv("NETRC", str(netrc))
        server.pages["/"] = http(PAGE, Set_Cookie="session=canary")
        asker = fetcher(server)
        for _ in range(2):
            asker.get(server.url("/"), hosts=OURS)
        assert proxy.seen == []
        # A common client lets it.
        httpx.get(server.url("/"))
        assert [one.path for one in proxy.seen] == [server.url("/")]
    wanted = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    assert {name for one in server.seen for name in one.headers} == wanted


def test_no_secret_of_an_address_is_told(server: Hostile):
    for url in ("http://desk:canary@127.0.0.1/", "http://canary@[::1]/", "https://canary@x"):
        with pytest.raises(FetchError) as caught:
            fetcher(server).get(url, hosts=OURS)
        assert "canary" not in str(caught.value)


# --- F-20: the library beneath -------------------------------------------------------------------


def test_one_file_alone_knows_the_library():
    package = Path(tickertrack.__file__).parent
    files = {path.name for path in package.rglob("*.py") if "httpcore" in path.read_text("utf-8")}
    assert files == {"network.py"}


# --- F-19: chaos ---------------------------------------------------------------------------------


def flipped(body: bytes, rng: random.Random) -> bytes:
    """Turn a bit of every tenth byte."""
    bits = {place: 1 << rng.randrange(8) for place in range(0, len(body), 10)}
    return bytes(byte ^ bits.get(place, 0) for place, byte in enumerate(body))


CHAOS: list[Callable[[bytes, random.Random], bytes]] = [
    lambda body, _: body,
    lambda body, rng: body[: rng.randrange(len(body))],
    lambda body, _: body[len(body) // 2 :] + body[: len(body) // 2],
    lambda *_: b"",
    flipped,
]


def test_in_chaos_what_is_taken_is_what_was_meant(server: Hostile):
    rng = random.Random(19)  # noqa: S311  (the same chaos again, not a secret)
    pages = {f"/{number}": f"{number} {PAGE!r}".encode() * 50 for number in range(40)}

    def answer(seen: Seen) -> Pieces:
        whole = http(packed(pages[seen.path]), Content_Encoding="gzip")
        head = whole.index(b"\r\n\r\n") + 4
        yield whole[:head]
        yield rng.choice(CHAOS)(whole[head:], rng)

    server.pages |= dict.fromkeys(pages, answer)
    clock = Clock()
    asker = fetcher(server, clock=clock)
    taken: dict[str, bytes] = {}
    faults: set[str] = set()
    while len(taken) < len(pages):
        for path in pages.keys() - taken.keys():
            try:
                taken[path] = asker.get(server.url(path), hosts=OURS).body
            except FetchError as error:
                faults.add(error.reason)
                clock.wait(300)
    assert taken == pages
    assert {"undecodable"} < faults <= {"undecodable", "broken", "host_resting"}


HEADS = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 301 x\r\n", b"HTTP/1.0 500\r\n", b"HTTP/1.1 103 x\r\n\r\n"]
)
LINES = st.sampled_from(
    [
        *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 5, 6\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n"),
        *(b"Content-Encoding: gzip\r\n", b"Date: \xff\r\n", b"Retry-After: 9e9\r\n"),
        *(
            b"Location: http://[\r\n",
            b"Location: \xe2\x80\r\n",
            b" folded\r\n",
            b": x\r\n",
            b"\r\n",
        ),
        *(b"5\r\nwhole\r\n", b"0\r\n\r\n", b"fffffffffffffffff\r\n", packed(b"whole")),
    ]
)


@settings(max_examples=300)
@given(st.lists(st.one_of(HEADS, LINES, st.binary(max_size=40)), max_size=8))
def test_whatever_a_server_says_is_a_response_or_a_fault(pieces: list[bytes]):
    clock = Clock()
    network = Network(lambda *_: ["93.184.215.14"], httpcore.MockBackend(pieces))
    asker = Fetcher(Manners(CONTACT), Book(), clock.now, clock.wait, network)
    with suppress(FetchError):
        got = asker.get("http://news.example/", hosts=frozenset({"news.example"}))
        assert (got.status, isinstance(got, Response)) == (200, True)
