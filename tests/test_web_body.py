"""What arrives of a body, whatever is sent: bombs (F-05), lengths (F-06), floods (F-07)."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta

import hostile
import httpx
import pytest
from hostile import MEGABYTE, OURS, Forgetful, Hostile, Meter, fetcher, http, packed, reason

from tickertrack.errors import FetchError
from tickertrack.sources.web import Network

PAGE = "<html><p>KSE100 46,301 Increased By ▲ 203.55 (0.44%)</p></html>".encode()


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as running:
        yield running


def peak(work: Callable[[], object]) -> int:
    """Give the megabytes that a piece of work takes at its height."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] // MEGABYTE
    finally:
        tracemalloc.stop()


# --- F-05: bombs ---------------------------------------------------------------------------------


def test_a_bomb_is_noticed_long_before_it_is_large(server: Hostile):
    server.pages["/bomb"] = http(hostile.bomb(1024), Content_Encoding="gzip")
    reasons: list[str] = []
    started = time.monotonic()
    assert peak(lambda: reasons.append(reason(server, "/bomb"))) <= 32
    # Reached: 0.1 s; the machine may have much else to do.
    assert time.monotonic() - started < 20
    assert reasons == ["too_large"]


def test_a_common_client_unpacks_it_by_the_chunk(server: Hostile):
    server.pages["/bomb"] = http(hostile.bomb(128), Content_Encoding="gzip")

    def first_chunk() -> None:
        with httpx.stream("GET", server.url("/bomb"), trust_env=False) as response:
            next(response.iter_bytes())

    assert peak(first_chunk) > 32


def test_what_packs_a_hundred_times_is_no_text(server: Hostile):
    text = " ".join(str(number) for number in range(400_000)).encode()
    server.pages["/thin"] = http(packed(bytes(2 * MEGABYTE)), Content_Encoding="gzip")
    server.pages["/text"] = http(packed(text), Content_Encoding="gzip")
    assert reason(server, "/thin") == "too_large"
    assert fetcher(server).get(server.url("/text"), hosts=OURS).body == text


@pytest.mark.parametrize("tail", [b"x", bytes(8), packed(b"another"), b"x" * 200_000])
def test_what_goes_on_behind_its_gzip_is_not_taken(server: Hostile, tail: bytes):
    server.pages["/"] = http(packed(PAGE) + tail, Content_Encoding="gzip")
    assert reason(server, "/") == "undecodable"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_unpacked_in_steps_a_body_is_what_was_packed(server: Hostile, size: int):
    body = random.Random(size).randbytes(size)  # noqa: S311  (the same bytes again)
    server.pages["/"] = http(packed(body), Content_Encoding="gzip")
    assert fetcher(server).get(server.url("/"), hosts=OURS).body == body


@pytest.mark.parametrize(
    "coding", ["br", "zstd", "deflate", "gzip, gzip", "br, gzip", "x", "gzip;q"]
)
def test_one_known_coding_and_no_other(server: Hostile, coding: str):
    server.pages["/"] = http(packed(packed(PAGE)), Content_Encoding=coding)
    assert reason(server, "/") == "coding"


@pytest.mark.parametrize("coding", ["gzip", "GZip", "x-gzip", "identity, gzip", " gzip "])
def test_its_name_may_be_spelled_as_one_likes(server: Hostile, coding: str):
    server.pages["/"] = http(packed(PAGE), Content_Encoding=coding)
    assert fetcher(server).get(server.url("/"), hosts=OURS).body == PAGE
    assert server.seen[-1].headers["Accept-Encoding"] == "gzip"


# --- F-06: sizes and lengths ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["endless", "crumbs"])
def test_an_endless_body_costs_no_more_than_may_arrive(server: Hostile, name: str):
    server.pages["/"] = getattr(hostile, name)
    meter, cap = Meter(), MEGABYTE
    asker = fetcher(server, network=Network(sockets=meter), wire_bytes=cap)
    with pytest.raises(FetchError, match="sent more than"):
        asker.get(server.url("/"), hosts=OURS)
    # With what came with the head, and robots.txt.
    assert meter.read <= cap + 64 * 1024 + 1024


def test_a_body_that_says_it_is_too_large_is_not_read(server: Hostile):
    server.pages["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"
    assert reason(server, "/") == "too_large"


def test_a_limit_is_of_what_is_read(server: Hostile):
    long = bytes(range(256)) * 40
    chunks = http(chunked(long), Transfer_Encoding="chunked")
    for answer in (http(long), chunks, http(packed(long), Content_Encoding="gzip")):
        server.pages["/"] = answer
        asker = fetcher(server)
        assert asker.get(server.url("/"), hosts=OURS, limit=len(long)).body == long
        with pytest.raises(FetchError, match=r"(more|larger) than 10,239"):
            asker.get(server.url("/"), hosts=OURS, limit=len(long) - 1)


def test_a_body_without_a_length_may_be_the_half_of_one(server: Hostile):
    server.pages["/"] = b"HTTP/1.1 200 OK\r\n\r\n" + PAGE
    assert reason(server, "/") == "no_length"
    # Packed, its end is its own.
    server.pages["/"] = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed(PAGE)
    assert fetcher(server).get(server.url("/"), hosts=OURS).body == PAGE
    # A common client takes the half.
    server.pages["/"] = b"HTTP/1.1 200 OK\r\n\r\n" + PAGE[:20]
    assert httpx.get(server.url("/"), trust_env=False).content == PAGE[:20]


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]))
    return chunks + b"0\r\n\r\n"


WHOLE = {
    "length": http(PAGE),
    "chunks": http(chunked(PAGE), Transfer_Encoding="chunked"),
    "gzip": http(packed(PAGE), Content_Encoding="gzip"),
    "gzip in chunks": http(
        chunked(packed(PAGE)), Content_Encoding="gzip", Transfer_Encoding="chunked"
    ),
    "gzip to the end": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed(PAGE),
}


@pytest.mark.parametrize("framing", WHOLE)
def test_cut_anywhere_a_page_is_not_taken(server: Hostile, framing: str):
    whole = WHOLE[framing]
    server.pages["/"] = whole
    # A host that fails so often would be left alone, if it were not forgotten.
    asker = fetcher(server, Forgetful(), tries=1, robots_age=timedelta(9))
    assert asker.get(server.url("/"), hosts=OURS).body == PAGE
    for size in range(len(whole)):
        server.pages["/"] = whole[:size]
        with pytest.raises(FetchError) as caught:
            asker.get(server.url("/"), hosts=OURS)
        assert caught.value.reason in {"broken", "no_length"}


# --- F-07: floods of headers ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["flood", "storm_1xx", "many_headers"])
def test_a_flood_of_headers_is_dammed(server: Hostile, name: str):
    server.pages["/"] = getattr(hostile, name)
    reasons: list[str] = []
    assert peak(lambda: reasons.append(reason(server, "/"))) < 4
    assert reasons == ["too_large"]


def test_a_common_client_takes_seven_thousand(server: Hostile):
    server.pages["/"] = hostile.many_headers
    assert len(httpx.get(server.url("/"), trust_env=False).headers) == 7001
