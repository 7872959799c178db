"""Feeds and sitemaps, well meant, badly made and hostile (F-15)."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
import pytest
from hypothesis import example, given, settings, strategies as st

from tickertrack.errors import FetchError
from tickertrack.sources.web import Entry, Feed, read_feed
from tickertrack.sources.web.feeds import LARGEST

URL = "https://news.example/feeds/latest.xml"
MEGABYTE = 1024 * 1024
AT = datetime(2026, 11, 23, 5, tzinfo=UTC)


def rss(items: str, head: str = "") -> bytes:
    return f"{head}<rss version='2.0'><channel><title>x</title>{items}</channel></rss>".encode()


def item(link: str, title: str = "Gold up", date: str = "Mon, 23 Nov 2026 10:00:00 +0500") -> str:
    return f"<item><title>{title}</title><link>{link}</link><pubDate>{date}</pubDate></item>"


def refusal(body: bytes) -> str:
    with pytest.raises(FetchError) as caught:
        read_feed(body, URL)
    return caught.value.reason


# --- well meant ----------------------------------------------------------------------------------

ONE = (Entry("https://news.example/news/1", "Gold up", AT),)
FEEDS = {
    "RSS": rss(item("https://news.example/news/1")),
    "RSS with a relative link": rss(item(" /news/1\n")),
    "RSS with a permanent guid": rss(
        "<item><title>Gold  up</title><guid>https://news.example/news/1</guid>"
        "<pubDate>Mon, 23 Nov 2026 05:00:00 GMT</pubDate></item>"
    ),
    "RSS in CDATA": rss(item("<![CDATA[https://news.example/news/1]]>", "<![CDATA[Gold up]]>")),
    "RSS 1.0": b"""<?xml version="1.0" encoding="UTF-8"?>
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
        <item><title>Gold up</title><link>https://news.example/news/1</link>
        <dc:date>2026-11-23T10:00:00+05:00</dc:date></item></rdf:RDF>""",
    "Atom": b"""<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/self"/>
        <entry><title>Gold up</title><link rel="edit" href="/edit"/><link href="../news/1"/>
        <published>2026-11-23T05:00:00Z</published><updated>2026-12-01T00:00:00Z</updated>
        </entry></feed>""",
    "sitemap": b"""<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
        <url><image:image><image:loc>https://img.example/1</image:loc></image:image>
        <loc> https://news.example/news/1 </loc><lastmod>2026-12-01</lastmod>
        <news:news><news:publication_date>2026-11-23T05:00Z</news:publication_date>
        <news:title>Gold up</news:title></news:news></url><url></url></urlset>""",
}


@pytest.mark.parametrize("kind", FEEDS)
def test_each_kind_of_feed_names_its_articles(kind: str):
    assert read_feed(FEEDS[kind], URL) == Feed(ONE)


def test_an_index_names_further_sitemaps():
    body = b"<sitemapindex><sitemap><loc>/news.xml</loc></sitemap><sitemap/></sitemapindex>"
    assert read_feed(body, URL) == Feed((), ("https://news.example/news.xml",))


def test_what_stands_in_a_link_is_handed_on_for_the_fetcher_to_judge():
    links = ["javascript:alert(1)", "/news/a b", "", "//evil.example/1"]
    found = [entry.url for entry in read_feed(rss("".join(map(item, links))), URL).entries]
    assert found[0] == "javascript:alert(1)"
    assert found[1:] == ["https://news.example/news/a%20b", "https://evil.example/1"]


def test_ten_thousand_articles_are_read_in_order():
    body = rss("".join(item(f"https://news.example/news/{number}") for number in range(10_000)))
    found = [entry.url for entry in read_feed(body, URL).entries]
    assert found == [f"https://news.example/news/{number}" for number in range(10_000)]


# --- badly made ----------------------------------------------------------------------------------

MENDED = {
    "an ampersand": rss(item("/n?a=1&b=2", "A & B")),
    "names of HTML": rss(item("/n?a=1&amp;b=2", "A&nbsp;&amp;&#32;B")),
    "a control character": rss(item("/n?a=1&amp;b=2", "A\x0b \x00&amp; B")),
    "a blank line first": b"\n\n"
    + rss(item("/n?a=1&amp;b=2", "A &amp; B"), "<?xml version='1.0'?>"),
    "CDATA beside it": rss(item("<![CDATA[/n?a=1&b=2]]>", "A & B")),
    "UTF-16": rss(item("/n?a=1&amp;b=2", "A &amp; B")).decode().encode("utf-16"),
    "a wrong label": rss(
        item("/n?a=1&amp;b=2", "A &amp; B"), "<?xml version='1.0' encoding='utf-16'?>"
    ),
    "a label nobody knows": rss(
        item("/n?a=1&amp;b=2", "A &amp; B"), "<?xml version='1.0' encoding='x-none'?>"
    ),
}


@pytest.mark.parametrize("fault", MENDED)
def test_common_faults_are_mended(fault: str):
    (entry,) = read_feed(MENDED[fault], URL).entries
    assert (entry.url, entry.title) == ("https://news.example/n?a=1&b=2", "A & B")


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "utf-16"])
def test_letters_arrive_in_any_charset(charset: str):
    head = f"<?xml version='1.0' encoding='{charset}'?>"
    body = rss(item("/1", "Größe – 5 €"), head).decode().encode(charset)
    assert read_feed(body, URL).entries[0].title == "Größe – 5 €"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Mon, 23 Nov 2026 05:00:00 GMT", AT),
        ("2026-11-23 05:00:00", AT),
        ("23 Nov 2026 10:00 +0500", AT),
        ("yesterday", None),
        ("9" * 50, None),
        ("Mon, 23 Nov 0026 05:00:00 GMT", None),
    ],
)
def test_a_time_that_is_none_is_left_out(text: str, at: datetime | None):
    assert read_feed(rss(item("/1", date=text)), URL).entries[0].published == at


NO_FEEDS = {
    "nothing": (b"", "not_a_feed"),
    "text": (b"all quiet", "not_a_feed"),
    "a page": (b"<!DOCTYPE html><html><body></body></html>", "dtd"),
    "a page without a doctype": (b"<html><body></body></html>", "not_a_feed"),
    "the half of a feed": (FEEDS["RSS"][:150], "not_a_feed"),
    "two feeds": (FEEDS["RSS"] * 2, "not_a_feed"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "not_a_feed"),
    "what makes feedparser stumble": (
        rss("<item><g:pos xmlns:g='http://www.opengis.net/gml'>x</g:pos></item>"),
        "not_a_feed",
    ),
}


@pytest.mark.parametrize("case", NO_FEEDS)
def test_what_is_no_feed_is_refused(case: str):
    body, reason = NO_FEEDS[case]
    assert refusal(body) == reason


# --- hostile -------------------------------------------------------------------------------------

LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9))
    + "]>"
)
FULL = LARGEST - 1000
HOSTILE: dict[str, Callable[[], bytes]] = {
    "billion laughs": lambda: rss(item("/1", "&a9;"), LAUGHS),
    "quadratic blow-up": lambda: rss(
        "&a;" * 50_000, f"<!DOCTYPE x [<!ENTITY a '{'a' * 50_000}'>]>"
    ),
    "a file": lambda: rss("&f;", "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"),
    "an address": lambda: rss("&f;", "<!DOCTYPE x [<!ENTITY f SYSTEM 'http://127.0.0.1:9/'>]>"),
    "a DTD elsewhere": lambda: rss("", "<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'>"),
    "parameters": lambda: rss("", "<!DOCTYPE x [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]>"),
    "a DTD in UTF-16": lambda: rss("&a9;", LAUGHS).decode().encode("utf-16"),
    "a DTD in UTF-7": lambda: (
        b"<?xml version='1.0' encoding='utf-7'?>"
        + "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><rss>&a;</rss>".encode("utf-7")
    ),
    "depth": lambda: b"<rss>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</rss>",
    "elements": lambda: b"<rss>" + b"<a/>" * (FULL // 4) + b"</rss>",
    "items": lambda: b"<rss><channel>" + b"<item/>" * (FULL // 7) + b"</channel></rss>",
    "attributes": lambda: (
        b"<rss><a " + b" ".join(b"a%x=''" % n for n in range(400_000)) + b"/></rss>"
    ),
    "fewer attributes": lambda: (
        b"<rss><a " + b" ".join(b"a%x=''" % n for n in range(20_000)) + b"/></rss>"
    ),
    "namespaces": lambda: (
        b"<rss><a " + b" ".join(b"xmlns:n%x='%x'" % (n, n) for n in range(200_000)) + b"/></rss>"
    ),
    "one long text": lambda: rss(f"<item><title>{'a' * FULL}</title></item>"),
    "a tag that never ends": lambda: b"<rss " + b"a" * FULL,
    "ampersands": lambda: b"<rss>" + b"&<a/>" * (FULL // 5) + b"</rss>",
    "open CDATA": lambda: b"<rss>" + b"&<![CDATA[" * (FULL // 10),
    "blanks": lambda: b" " * FULL,
    "blanks inside": lambda: b"<rss>" + (b" " * 200_000 + b"<a/>") * 25 + b"&",
    "too much": lambda: rss(item("/1") * 60_000),
}
_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event in {"open", "socket.connect", "socket.getaddrinfo"}:
        _opened.append(f"{event} {arguments}")


sys.addaudithook(_watch)


def opened_by(work: Callable[[], object]) -> list[str]:
    """List the files and connections that a piece of work opens."""
    global _opened  # noqa: PLW0603  (an audit hook stays for good; this switches it)
    _opened = []
    try:
        work()
        return _opened
    finally:
        _opened = None


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_feed_is_refused_at_once_and_opens_nothing(case: str):
    body = HOSTILE[case]()
    started = time.process_time()
    reasons: list[str] = []
    assert opened_by(lambda: reasons.append(refusal(body))) == []
    assert time.process_time() - started < 3
    assert {*reasons} < {"dtd", "too_deep", "too_many", "too_large", "not_a_feed"}


@pytest.mark.parametrize("case", [case for case in HOSTILE if case != "too much"])
def test_a_hostile_feed_takes_little_memory(case: str):
    body = HOSTILE[case]()
    tracemalloc.start()
    try:
        refusal(body)
        assert tracemalloc.get_traced_memory()[1] <= 64 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_bounds_leave_room_for_what_is_meant_well():
    nested = [rss(item("/1") + "<a>" * depth + "</a>" * depth) for depth in (98, 99)]
    assert len(read_feed(nested[0], URL).entries) == 1
    assert refusal(nested[1]) == "too_deep"
    blanks = rss(item("/1") + ("<a/>" + " " * 200_000) * 26)
    assert len(read_feed(blanks, URL).entries) == 1
    assert refusal(blanks + b" " * (LARGEST + 1 - len(blanks))) == "too_large"


def test_without_the_guards_each_of_these_happens(tmp_path: Path):
    # Python's own reader unfolds entities; two steps of the ten are enough to see it.
    laugh = LAUGHS.replace("a9", "a3") + "<rss>&a3;</rss>"
    assert len(ET.fromstring(laugh).text or "") == 2000  # noqa: S314  (the danger is the point)
    # feedparser takes nesting of any depth, and time by the square of a tag's attributes.
    assert len(feedparser.parse(HOSTILE["depth"]()[:300_000]).entries) == 0
    taken = [_seconds_for(count) for count in (500, 4000)]
    # Eight times the attributes, up to 64 times the time.
    assert taken[1] > 16 * taken[0]
    # ... and opens what looks like a path.
    secret = tmp_path / "secret"
    secret.touch()
    assert opened_by(lambda: feedparser.parse(str(secret))) != []


def _seconds_for(attributes: int) -> float:
    names = " ".join(f"a{number}=''" for number in range(attributes))
    started = time.process_time()
    feedparser.parse(rss(f"<a {names}/>"))
    return time.process_time() - started


PIECES = st.sampled_from(
    [
        *("<rss>", "</rss>", "<channel>", "</channel>", "<item>", "</item>", "<link>/1</link>"),
        *("<title>", "</title>", "<feed xmlns='http://www.w3.org/2005/Atom'>", "</feed>"),
        *("<entry>", "</entry>", "<link href='/2'/>", "<urlset>", "</urlset>", "<url>", "</url>"),
        *("<loc>x</loc>", "<lastmod>2026</lastmod>", "<![CDATA[", "]]>", "<!--", "-->", "&amp;"),
        *("<pubDate>1</pubDate>", "<!DOCTYPE x>", "<?xml version='1.0'?>", "<a:b/>", "\ufeff"),
    ]
)


@settings(max_examples=300)
@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=20))
@example(["<rss>", "<channel>", "<item>", "<link>/1</link>", "</item>", "</channel>", "</rss>"])
def test_whatever_it_holds_a_body_is_a_feed_or_refused(pieces: list[str]):
    for body in ("".join(pieces).encode("utf-8", "replace"), "".join(pieces).encode("utf-16")):
        try:
            feed = read_feed(body, URL)
        except FetchError:
            continue
        assert isinstance(feed, Feed)
