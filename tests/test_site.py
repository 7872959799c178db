"""The sample news site: pages read back exactly, a walk that keeps its rules, real misbehaviour."""

from __future__ import annotations

import gzip
import json
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import defusedxml
import feedparser
import httpx
import pytest
from defusedxml.ElementTree import fromstring
from protego import Protego

from tickertrack import Tracker
from tickertrack.checks import check
from tickertrack.config import load_config
from tickertrack.dialects import load_dialect
from tickertrack.markets import load_market, symbols_of
from tickertrack.models import Locator, Page
from tickertrack.pages import Capture, Desk, decode, read_page
from tickertrack.publishers import load_publisher
from tickertrack.site import POISON, Fault, Request, SampleSite, SiteClock
from tickertrack.site.newsroom import Newsroom, load_stories
from tickertrack.site.strip import strip_at
from tickertrack.site.walk import INDICES, STEP, STOCKS, Pushes, Walk

MARKET = load_market("psx")
MAY = date(2024, 5, 1)


def karachi(day: int, hour: int, minute: int = 0) -> datetime:
    """Give a time of May 2024, of which the 6th is a Monday."""
    return datetime(2024, 5, day, hour, minute, tzinfo=MARKET.zone)


@pytest.fixture(scope="module")
def only_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleSite]:
    with SampleSite(tmp_path_factory.mktemp("site"), start=karachi(6, 8)) as site:
        yield site


@pytest.fixture
def site(only_site: SampleSite) -> Iterator[SampleSite]:
    """Lend one site to all tests, each time at noon of a session, and well behaved."""
    only_site.clock.run(0)
    only_site.clock.move_to(karachi(6, 12, 2))
    yield only_site
    only_site.behave()


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


def published(entry: Any) -> datetime:
    year, month, day, hour, minute, second = entry.published_parsed[:6]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def entries(site: SampleSite, http: httpx.Client, feed: str = "/feeds/latest") -> list[Any]:
    found = feedparser.parse(http.get(site.url + feed).content)
    assert not found.bozo
    return list(found.entries)


def mapped(site: SampleSite, http: httpx.Client, path: str = "/sitemap.xml") -> list[str]:
    return re.findall("<loc>(.*?)</loc>", http.get(site.url + path).text)


def newest(site: SampleSite, http: httpx.Client) -> str:
    return str(entries(site, http)[0].link)


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


# --- pages, read back by our own reader ----------------------------------------------------------


def desk_of(site: SampleSite, folder: Path) -> Desk:
    site.write_tracker(folder)
    return Desk((load_publisher("courier", folder),), MARKET)


def read_back(site: SampleSite, http: httpx.Client, url: str, desk: Desk) -> Page:
    capture = Capture(
        text=decode(http.get(url).content),
        locator=Locator("-", 0, 0),
        html=True,
        url=url,
        captured_at=site.clock.now(),
        capture_basis="http",
    )
    return read_page(capture, desk)


MOMENTS = {
    "in the night": karachi(7, 2),
    "before the open": karachi(7, 9, 10),
    "at the first trade": karachi(7, 9, 32),
    "in the session": karachi(7, 12, 44),
    "after the close": karachi(7, 18),
    "on a Friday": karachi(10, 16, 20),
    "on a Sunday": karachi(12, 15),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_page_is_read_back_exactly(
    site: SampleSite, http: httpx.Client, moment: datetime, tmp_path: Path
) -> None:
    site.clock.move_to(moment)
    entry = entries(site, http)[0]
    page = read_back(site, http, entry.link, desk_of(site, tmp_path))
    showing = site.strip()
    assert tuple(quote.raw for quote in page.strip.quotes) == showing.lines
    assert {quote.symbol: quote.price for quote in page.strip.quotes} == showing.prices
    assert {quote.verdict for quote in page.strip.quotes} == {"ok"}
    assert (page.strip.quarantined, page.strip.repeats) == ((), 0)
    assert page.publisher == "courier"
    assert page.article.url == entry.guid
    assert page.article.title == entry.title
    assert page.article.published
    assert page.article.published.at == published(entry)


def test_stories_are_read_back_as_they_were_written(
    site: SampleSite, http: httpx.Client, tmp_path: Path
) -> None:
    site.clock.move_to(karachi(14, 23))
    desk = desk_of(site, tmp_path)
    pages = [read_back(site, http, url, desk).article for url in mapped(site, http)]
    # What is told of the market carries figures in its title; it is looked at below.
    titled = {story.title: story for story in load_stories() if story.kind in {"company", "other"}}
    told = {page.title: page for page in pages if page.title in titled}
    assert len(told) >= 20
    for title, page in told.items():
        story = titled[title]
        assert page.published
        assert isinstance(page.published.at, datetime)
        day = f"{page.published.at.astimezone(MARKET.zone):%A}"
        text = story.text.format(day=day).strip().replace("\n\n", "\n")
        assert (page.byline, page.tags) == (story.byline, story.tags)
        assert page.text == text


def test_a_closing_report_tells_what_the_strip_shows(
    site: SampleSite, http: httpx.Client, tmp_path: Path
) -> None:
    site.clock.move_to(karachi(6, 18))
    report = entries(site, http, "/feeds/markets")[0]
    page = read_back(site, http, report.link, desk_of(site, tmp_path))
    index = next(quote for quote in page.strip.quotes if quote.symbol == "KSE100")
    assert f"{index.price:,}" in page.article.text
    assert f"{abs(index.change):,.0f} points" in page.article.text
    assert {"up": "higher", "down": "lower"}[index.direction] in page.article.text


def test_the_stories_are_many_and_none_holds_a_ticker_line() -> None:
    stories = load_stories()
    dialect = load_dialect("brecorder-2022")
    assert len({story.title for story in stories}) == len(stories) >= 30
    for story in stories:
        assert 2 <= len(story.text.strip().split("\n\n")) <= 4
        assert len(story.text) > 290
        assert not any(dialect.looks_like_line(line) for line in story.text.splitlines())
    about = [story for story in stories if story.kind == "company"]
    assert all(f"({story.symbol})" in story.text and story.push for story in about)
    assert {story.symbol for story in about} <= STOCKS.keys()


def test_before_the_open_stocks_stand_still_and_the_index_keeps_its_move(site: SampleSite) -> None:
    evening, morning = site.strip(karachi(6, 20)), site.strip(karachi(7, 9))
    assert morning.prices == evening.prices
    assert morning.session == evening.session == date(2024, 5, 6)
    stocks, indices = morning.lines[: len(STOCKS)], morning.lines[len(STOCKS) :]
    assert all(line.endswith(" No Change ▼ 0.00 (0%)") for line in stocks)
    assert indices == evening.lines[len(STOCKS) :]
    assert len(indices) == len(INDICES) == 4
    # The control: the evening's strip has moved.
    assert sum("No Change" in line for line in evening.lines) < 5


# --- feeds, robots, validators -------------------------------------------------------------------


def test_an_article_appears_at_its_time_and_not_before(
    site: SampleSite, http: httpx.Client
) -> None:
    site.clock.move_to(karachi(6, 13, 4))
    before = entries(site, http)
    number = int(before[0].guid.rsplit("/")[-1]) + 1
    assert http.get(f"{site.url}/news/{number}").status_code == 404
    site.clock.move_to(karachi(6, 13, 5))
    after = entries(site, http)
    assert after[0].guid.endswith(f"/{number}")
    assert [entry.guid for entry in after[1:]] == [entry.guid for entry in before[:-1]]
    assert len(after) == 12
    assert http.get(after[0].link).status_code == 200


def test_both_feeds_list_only_what_has_appeared(site: SampleSite, http: httpx.Client) -> None:
    now = site.clock.now()
    for feed in ("/feeds/latest", "/feeds/markets"):
        times = [published(one) for one in entries(site, http, feed)]
        assert times == sorted(times, reverse=True)
        assert now - timedelta(days=7) < times[0] <= now
    markets = {entry.guid for entry in entries(site, http, "/feeds/markets")}
    assert {entry.guid for entry in entries(site, http)} & markets


def test_robots_forbid_the_print_copies_that_a_map_lists(
    site: SampleSite, http: httpx.Client
) -> None:
    rules = Protego.parse(http.get(f"{site.url}/robots.txt").text)
    copies = mapped(site, http, "/sitemap-print.xml")
    assert list(rules.sitemaps) == [f"{site.url}/sitemap.xml"]
    assert not any(rules.can_fetch(url, "tickertrack") for url in copies)
    assert all(rules.can_fetch(url, "tickertrack") for url in mapped(site, http))
    assert http.get(copies[0]).status_code == 200


PLACES = ("/", "/robots.txt", "/feeds/latest", "/feeds/markets", "/sitemap.xml", "an article")


@pytest.mark.parametrize("coding", ["gzip", "identity"])
@pytest.mark.parametrize("place", PLACES)
def test_what_has_not_changed_is_not_sent_again(
    site: SampleSite, http: httpx.Client, place: str, coding: str
) -> None:
    url = newest(site, http) if place == "an article" else site.url + place
    first = http.get(url, headers={"Accept-Encoding": coding})
    assert first.headers.get("Content-Encoding", "identity") == coding
    for known in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'W/"other", {first.headers["ETag"]}'},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = http.get(url, headers={"Accept-Encoding": coding, **known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    for unknown in (
        {"If-None-Match": '"other"', "If-Modified-Since": first.headers["Last-Modified"]},
        {"If-Modified-Since": "Fri, 01 Mar 2024 00:00:00 GMT"},
        {"If-Modified-Since": "the day before yesterday"},
    ):
        again = http.get(url, headers={"Accept-Encoding": coding, **unknown})
        assert (again.status_code, again.content) == (200, first.content)


def test_packed_and_unpacked_have_validators_of_their_own(
    site: SampleSite, http: httpx.Client
) -> None:
    plain, packed = (
        http.get(site.url, headers={"Accept-Encoding": coding})
        for coding in ("gzip;q=0, identity", "br, gzip;q=0.5")
    )
    assert plain.content == packed.content
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])


def test_a_page_changes_when_its_strip_moves_and_only_then(
    site: SampleSite, http: httpx.Client
) -> None:
    url = newest(site, http)
    known = {"If-None-Match": http.get(url).headers["ETag"]}
    seen = []
    for minute in range(2, 8):
        site.clock.move_to(karachi(6, 12, minute))
        seen.append(http.get(url, headers=known).status_code)
    # The session opened at 9:32, and moves every five minutes.
    assert seen == [304, 304, 304, 304, 304, 200]
    moved = http.get(url)
    assert moved.headers["Last-Modified"] == "Mon, 06 May 2024 07:07:00 GMT"
    assert moved.headers["Date"] == "Mon, 06 May 2024 07:07:00 GMT"
    site.clock.move_to(karachi(6, 18))
    after_close = {"If-None-Match": http.get(url).headers["ETag"]}
    site.clock.move_to(karachi(7, 8, 44))
    assert http.get(url, headers=after_close).status_code == 304


def test_other_methods(site: SampleSite, http: httpx.Client) -> None:
    head = http.head(site.url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == http.get(site.url).headers["ETag"]
    assert http.post(site.url, content=b"x" * 100).status_code == 405


def test_the_log_keeps_what_was_asked_and_what_was_sent(
    site: SampleSite, http: httpx.Client
) -> None:
    begun = len(site.log)
    url = newest(site, http)
    first = http.get(url, headers={"User-Agent": "reader/1", "Accept-Encoding": "identity"})
    http.get(url, headers={"If-None-Match": first.headers["ETag"], "Accept-Encoding": "identity"})
    feed, page, again = site.log[begun:]
    assert {one.method for one in (feed, page, again)} == {"GET"}
    assert [one.status for one in (feed, page, again)] == [200, 200, 304]
    assert site.url + page.path == url
    assert page.header("user-agent") == "reader/1"
    assert page.moment == site.clock.now()
    assert page.sent == len(first.content)
    assert (again.header("If-None-Match"), again.sent) == (first.headers["ETag"], 0)
    assert feed.at < page.at < again.at
    assert (feed.strip, again.strip) == (None, None)
    assert page.strip is not None
    assert page.strip.lines == site.strip().lines


# --- prices --------------------------------------------------------------------------------------


def walk(seed: str = "courier", news: Callable[[date], Pushes] | None = None) -> Walk:
    return Walk(MARKET, MAY, news or Newsroom(MARKET, MAY).pushes, seed)


def test_the_walk_keeps_its_rules_over_a_month() -> None:
    courses = list(walk().courses(karachi(31, 23)))
    assert len(courses) == 21
    assert symbols_of(MARKET).keys() >= STOCKS.keys()
    for course in courses:
        limit = MARKET.limit_on(course.session)
        assert limit
        for symbol in STOCKS:
            reference = course.references[symbol]
            reach = 100 * limit.reach(Decimal(reference) / 100)
            assert all(step[symbol] > 0 for step in course.steps)
            assert all(abs(step[symbol] - reference) <= reach for step in course.steps)
    # The last trade of a session is what the next one is measured from.
    assert all(one.steps[-1] == two.references for one, two in pairwise(courses))
    moved = sum(one != two for course in courses for one, two in pairwise(course.steps))
    assert moved == sum(len(course.steps) - 1 for course in courses)


def test_every_line_of_a_month_adds_up() -> None:
    dialect, month = load_dialect("brecorder-2022"), walk()
    verdicts = set()
    for course in islice(month.courses(karachi(31, 23)), 1, None):
        limit = MARKET.limit_on(course.session)
        # From before the open until after the close, every quarter of an hour.
        for quarter in range(-2, 32):
            showing = strip_at(month.at(course.open_at + quarter * 3 * STEP))
            for line in showing.lines:
                reading = dialect.read(line)
                assert reading, line
                stock = reading.symbol in STOCKS
                verdicts.add(check(reading, exact=stock, limit=limit if stock else None))
                assert reading.price == showing.prices[reading.symbol]
    assert verdicts == {"ok"}


def test_the_same_seed_walks_the_same_way() -> None:
    one, two, other = walk(), walk(), walk("another seed")
    at = karachi(16, 13)
    two.at(karachi(9, 10))
    assert strip_at(one.at(at)).lines == strip_at(two.at(at)).lines
    assert strip_at(one.at(at)).lines != strip_at(other.at(at)).lines
    with pytest.raises(ValueError, match="begin"):
        one.at(karachi(1, 10))


def test_news_of_a_company_moves_its_stock_to_its_limit_and_no_farther() -> None:
    told_at = karachi(6, 10, 15)

    def news(session: date) -> Pushes:
        return {"TRG": (told_at, 50.0)} if session == told_at.date() else {}

    pushed, calm = walk(news=news), walk(news=lambda _: {})
    reference = pushed.at(told_at).course.references["TRG"]
    before, after = told_at - STEP, told_at + STEP
    assert pushed.at(before).prices == calm.at(before).prices
    # 7.5 percent, to the paisa, whatever the news.
    assert pushed.at(after).prices["TRG"] == reference + round(reference * 0.075)
    assert calm.at(after).prices["TRG"] < reference + reference * 0.03


def test_stories_move_the_stocks_they_are_about() -> None:
    newsroom, month = Newsroom(MARKET, MAY), walk()
    kept = []
    for course in month.courses(karachi(31, 23)):
        for symbol, (told_at, push) in newsroom.pushes(course.session).items():
            before, after = month.at(told_at - STEP), month.at(told_at + STEP)
            moved = 100 * (after.prices[symbol] / before.prices[symbol] - 1)
            kept.append(abs(moved - push) < 1.5)
    assert len(kept) == 21
    assert sum(kept) >= 20


def test_history_is_what_the_site_showed(
    site: SampleSite, http: httpx.Client, tmp_path: Path
) -> None:
    site.write_tracker(tmp_path)
    begun = len(site.log)
    pages = tmp_path / "pages.jsonl"
    with pages.open("w", encoding="utf-8") as file:
        for day in (13, 14, 15):
            for hour, minute in ((9, 0), (10, 10), (13, 30), (16, 40)):
                site.clock.move_to(karachi(day, hour, minute))
                url = newest(site, http)
                row = {"url": url, "html": http.get(url).text}
                captured = site.clock.now().isoformat()
                file.write(json.dumps(row | {"captured_at": captured}) + "\n")
    with Tracker(load_config(tmp_path / "config.toml", environ={})) as tracker:
        tracker.ingest(pages)
        rows = tracker.history_rows(tracker.symbols())
    served = [one for one in site.log[begun:] if one.strip]
    assert len(served) == 12
    for symbol in (*STOCKS, *INDICES):
        history = {
            date.fromisoformat(row["session"]): Decimal(str(row["price"]))
            for row in rows
            if row["symbol"] == symbol
        }
        shown = {one.strip.session: one.strip.prices[symbol] for one in served if one.strip}
        assert history == shown
        assert shown.items() <= site.truth(symbol).items()
        assert shown.items() <= site.shown(symbol).items()
    assert {row["status"] for row in rows} == {"final"}


# --- the clock -----------------------------------------------------------------------------------


def test_the_clock_is_the_same_in_another_process(tmp_path: Path) -> None:
    clock = SiteClock(tmp_path / "clock")
    clock.move_to(karachi(6, 12))
    told = subprocess.run(
        [sys.executable, "-c", "import pickle, sys; print(pickle.load(sys.stdin.buffer)())"],
        input=pickle.dumps(clock),
        capture_output=True,
        check=True,
        timeout=90,
    )
    assert told.stdout.decode().strip() == "2024-05-06 07:00:00+00:00"
    assert clock() == clock.now() == karachi(6, 12)
    assert clock.now().tzinfo is UTC


def test_the_clock_stands_still_until_it_is_moved_or_runs(tmp_path: Path) -> None:
    clock = SiteClock(tmp_path / "clock")
    with pytest.raises(FileNotFoundError):
        clock.now()
    clock.move_to(karachi(6, 12))
    assert clock.now() == clock.now()
    clock.advance(timedelta(minutes=-5))
    assert clock.now() == karachi(6, 11, 55)
    clock.run(3600)
    assert eventually(lambda: clock.now() > karachi(6, 12, 30))
    clock.move_to(karachi(7, 12))
    assert eventually(lambda: clock.now() > karachi(7, 12, 10))
    clock.run(0)
    assert clock.now() == clock.now()
    with pytest.raises(ValueError, match="zone"):
        clock.move_to(datetime(2024, 5, 6))  # noqa: DTZ001  (that is the fault)


def test_the_clock_is_never_read_half_set(tmp_path: Path) -> None:
    clock = SiteClock(tmp_path / "clock")
    moments = [karachi(6, 12), karachi(7, 12)]
    clock.move_to(moments[0])

    def move() -> None:
        for moment in moments * 100:
            clock.move_to(moment)

    movers = [threading.Thread(target=move) for _ in range(2)]
    for mover in movers:
        mover.start()
    read = {clock.now() for _ in range(1_000)}
    for mover in movers:
        mover.join()
    assert read <= set(moments)


# --- misbehaviour, as a raw socket sees it -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What came down a socket, and whether the other side closed it."""

    data: bytes
    ended: bool

    @property
    def status(self) -> int:
        """Its status."""
        return int(self.data.split(maxsplit=2)[1])

    @property
    def body(self) -> bytes:
        """All that follows the first empty line."""
        return self.data.partition(b"\r\n\r\n")[2]

    def header(self, name: str) -> str | None:
        """Give a header."""
        head = self.data.partition(b"\r\n\r\n")[0].decode("latin-1")
        found = re.search(rf"^{name}: (.*?)\r?$", head, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else None

    @property
    def length(self) -> int:
        """How long the body is said to be; -1 where nothing is said."""
        return int(self.header("Content-Length") or "-1")


def ask(site: SampleSite, path: str) -> socket.socket:
    host, port = site.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)), timeout=60)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return client


def never(_: Seen) -> bool:
    return False


def look(client: socket.socket, seconds: float = 60.0, enough: Judge = never) -> Seen:
    """Listen until the other side is done, until that was enough, or so long."""
    until = time.monotonic() + seconds
    pieces: list[bytes] = []
    while (rest := until - time.monotonic()) > 0:
        client.settimeout(rest)
        try:
            piece = client.recv(1 << 20)
        except TimeoutError:
            break
        if not piece:
            return Seen(b"".join(pieces), ended=True)
        pieces.append(piece)
        if enough(Seen(b"".join(pieces), ended=False)):
            break
    return Seen(b"".join(pieces), ended=False)


def see(site: SampleSite, path: str, seconds: float = 60.0) -> Seen:
    with closing(ask(site, path)) as client:
        return look(client, seconds)


def has_dtd(body: bytes) -> bool:
    try:
        fromstring(body, forbid_dtd=True)
    except defusedxml.DTDForbidden:
        return True
    return False


Judge = Callable[[Seen], bool]
PAGE, FEED = "/", "/feeds/latest"
NONSENSE = "when the tide turns"
WRONGS: dict[str, tuple[str, Fault, dict[str, Any], Judge]] = {
    "an error": (PAGE, Fault.ERROR, {}, lambda seen: seen.status == 500),
    "another error": (PAGE, Fault.ERROR, {"status": 503}, lambda seen: seen.status == 503),
    "an error unheard of": (PAGE, Fault.ERROR, {"status": 599}, lambda seen: seen.status == 599),
    "too many": (
        *(PAGE, Fault.TOO_MANY, {"retry_after": "7"}),
        lambda seen: (seen.status, seen.header("Retry-After")) == (429, "7"),
    ),
    "too many until": (
        *(PAGE, Fault.TOO_MANY, {"retry_after": karachi(6, 13), "status": 503}),
        lambda seen: seen.header("Retry-After") == "Mon, 06 May 2024 08:00:00 GMT",
    ),
    "too many, in its own words": (
        *(PAGE, Fault.TOO_MANY, {"retry_after": NONSENSE}),
        lambda seen: seen.header("Retry-After") == NONSENSE,
    ),
    "too many, no more": (
        *(PAGE, Fault.TOO_MANY, {"retry_after": None}),
        lambda seen: seen.status == 429 and seen.header("Retry-After") is None,
    ),
    "missing": (PAGE, Fault.MISSING, {}, lambda seen: seen.status == 404),
    "gone": (PAGE, Fault.MISSING, {"status": 410}, lambda seen: seen.status == 410),
    "unasked 304": (PAGE, Fault.UNASKED_304, {}, lambda seen: seen.status == 304),
    "empty": (PAGE, Fault.EMPTY, {}, lambda seen: seen.length == 0 and seen.body == b""),
    "binary": (
        *(PAGE, Fault.BINARY, {}),
        lambda seen: b"\0" in seen.body and seen.length == len(seen.body) == 4096,
    ),
    "wrong label": (
        *(PAGE, Fault.WRONG_CHARSET, {}),
        lambda seen: (
            (seen.header("Content-Type") or "").endswith("iso-8859-1")
            and "▲" in seen.body.decode()
            and b"charset" not in seen.body
        ),
    ),
    "wrong bytes": (
        *(PAGE, Fault.WRONG_CHARSET, {"label": "utf-8", "encoding": "utf-16"}),
        lambda seen: seen.body.startswith(b"\xff\xfe") and "▲" in seen.body.decode("utf-16"),
    ),
    "unknown coding": (
        *(PAGE, Fault.UNKNOWN_CODING, {}),
        lambda seen: seen.header("Content-Encoding") == "x-shorthand",
    ),
    "huge page": (
        *(PAGE, Fault.HUGE_PAGE, {"size": 3_000_000}),
        lambda seen: (
            seen.length == len(seen.body) == 3_000_000 and seen.body.endswith(b"</html>\n")
        ),
    ),
    "short body": (
        *(PAGE, Fault.SHORT_BODY, {}),
        lambda seen: 0 < len(seen.body) < seen.length and seen.ended,
    ),
    "many headers": (
        *(PAGE, Fault.ENDLESS_HEADERS, {"count": 7_000}),
        lambda seen: seen.data.count(b"\r\nX-Errand") == 7_000 and len(seen.body) == seen.length,
    ),
    "malformed feed": (
        *(FEED, Fault.MALFORMED_FEED, {}),
        lambda seen: bool(feedparser.parse(seen.body).bozo),
    ),
    "feed with dtd": (FEED, Fault.FEED_WITH_DTD, {}, lambda seen: has_dtd(seen.body)),
    "redirect loop": (
        *(PAGE, Fault.REDIRECT_LOOP, {}),
        lambda seen: (seen.status, seen.header("Location")) == (302, "/?hop=1"),
    ),
    "redirect elsewhere": (
        *(PAGE, Fault.REDIRECT_ELSEWHERE, {}),
        lambda seen: seen.header("Location") == "http://elsewhere.example/",
    ),
}


@pytest.mark.parametrize("name", WRONGS)
def test_a_fault_spoils_the_answer_until_the_site_behaves(site: SampleSite, name: str) -> None:
    path, fault, details, is_spoilt = WRONGS[name]
    right = see(site, path)
    # The control: a right answer is not taken for a spoilt one.
    assert right.status == 200
    assert len(right.body) == right.length
    assert not is_spoilt(right)
    site.misbehave(path, fault, **details)
    assert is_spoilt(see(site, path))
    site.behave(path)
    assert see(site, path).body == right.body


def test_redirects_go_on_for_ever_or_for_as_long_as_they_are_told(
    site: SampleSite, http: httpx.Client
) -> None:
    site.misbehave(FEED, Fault.REDIRECT_LOOP)
    with pytest.raises(httpx.TooManyRedirects):
        http.get(site.url + FEED, follow_redirects=True)
    site.misbehave(FEED, Fault.REDIRECT_LOOP, hops=5)
    found = http.get(site.url + FEED, follow_redirects=True)
    assert (found.status_code, len(found.history)) == (200, 5)


def test_a_bomb_is_a_thousand_times_as_large_as_it_looks(site: SampleSite) -> None:
    mebibytes = 24
    site.misbehave(PAGE, Fault.GZIP_BOMB, size=mebibytes << 20)
    seen = see(site, PAGE)
    assert seen.header("Content-Encoding") == "gzip"
    assert len(seen.body) == seen.length < (mebibytes << 20) / 900
    unpacked = gzip.decompress(seen.body)
    assert len(unpacked) == mebibytes << 20
    assert not any(unpacked[:: 1 << 12])


def test_a_bomb_is_a_gibibyte_if_nothing_else_is_said(site: SampleSite) -> None:
    site.misbehave(PAGE, Fault.GZIP_BOMB)
    with closing(ask(site, PAGE)) as client:
        start = look(client, enough=lambda seen: len(seen.body) > 10_000)
    packed = zlib.decompressobj(31).decompress(start.body, 1 << 20)
    assert len(packed) == 1 << 20
    assert start.length > (1 << 30) / 1_100


ENDLESS: dict[Fault, tuple[dict[str, Any], Judge]] = {
    Fault.DRIP_BODY: ({"seconds": 0.02}, lambda seen: 0 < len(seen.body) < 40),
    Fault.DRIP_HEADERS: (
        *({"seconds": 0.02},),
        lambda seen: b"HTTP/1.1 200 OK".startswith(seen.data[:15]) and 0 < len(seen.data) < 40,
    ),
    Fault.ENDLESS_HEADERS: (
        *({},),
        lambda seen: seen.data.count(b"\r\nX-Errand") > 1_000 and b"\r\n\r\n" not in seen.data,
    ),
    Fault.ENDLESS_INTERIM: (
        *({"seconds": 0.01},),
        lambda seen: seen.data.count(b"HTTP/1.1 103") > 3 and b" 200 " not in seen.data,
    ),
    Fault.ENDLESS_BODY: (
        *({},),
        lambda seen: seen.header("Transfer-Encoding") == "chunked" and len(seen.body) > 1_000_000,
    ),
    Fault.HANG: ({}, lambda seen: seen.data == b""),
}


@pytest.mark.parametrize("fault", ENDLESS)
def test_what_never_ends_ends_when_the_client_goes(site: SampleSite, fault: Fault) -> None:
    details, is_so = ENDLESS[fault]
    site.misbehave(PAGE, fault, **details)
    with closing(ask(site, PAGE)) as client:
        # Where it is so from the first, it is to stay so for a while.
        seen = look(client, 0.3 if is_so(Seen(b"", ended=False)) else 60.0, is_so)
        assert is_so(seen)
        assert not seen.ended
        request = site.log[-1]
        assert request.done_at is None
    assert eventually(lambda: request.done_at is not None)
    assert request.strip is None


def test_a_site_stops_in_the_middle_of_everything(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    site = SampleSite(tmp_path, start=karachi(6, 12))
    site.start()
    for fault in ENDLESS:
        site.misbehave(f"/{fault.name}", fault)
    idle = httpx.Client(trust_env=False)
    assert idle.get(site.url).status_code == 200
    clients = [ask(site, f"/{fault.name}") for fault in ENDLESS for _ in range(3)]
    assert eventually(lambda: len(site.log) == len(clients) + 1)
    assert len(set(threading.enumerate()) - before) == len(clients) + 2
    begun = time.monotonic()
    site.stop()
    # None of them ends by itself.
    assert time.monotonic() - begun < 30
    assert set(threading.enumerate()) <= before
    assert all(request.done_at for request in site.log)
    for client in clients:
        client.close()
    with pytest.raises(httpx.TransportError):
        idle.get(site.url)
    # It comes back where it was, with its log and its moods.
    url = site.url
    with site:
        assert site.url == url
        assert idle.get(url).status_code == 200
        assert len(site.log) == len(clients) + 2
    idle.close()
    site.stop()


def test_the_longest_prefix_decides_and_a_mood_may_pass(
    site: SampleSite, http: httpx.Client
) -> None:
    site.misbehave("/feeds/", Fault.ERROR)
    site.misbehave("/feeds/markets", Fault.TOO_MANY, times=2)

    def statuses() -> list[int]:
        paths = ("/feeds/latest", "/feeds/markets", "/robots.txt")
        return [http.get(site.url + path).status_code for path in paths]

    assert statuses() == [500, 429, 200]
    assert statuses() == [500, 429, 200]
    assert statuses() == [500, 500, 200]
    site.behave("/feeds/")
    assert statuses() == [200, 200, 200]
    with pytest.raises(TypeError, match="sceonds"):
        site.misbehave("/", Fault.DRIP_BODY, sceonds=1)


# --- many at once --------------------------------------------------------------------------------


def test_a_crowd_of_articles_of_which_a_hundredth_is_poison(
    site: SampleSite, http: httpx.Client, tmp_path: Path
) -> None:
    poison = site.list_crowd(10_000)
    feed = fromstring(http.get(f"{site.url}/feeds/crowd").content, forbid_dtd=True)
    links = [item.findtext("link") for item in feed.iter("item")]
    assert len(set(links)) == 10_000
    assert len(poison) == 100
    assert set(poison.values()) == set(POISON)
    assert {site.url + path for path in poison} < set(links)
    desk = desk_of(site, tmp_path)
    begun = time.monotonic()
    good = [link for link in links[:500] if link.removeprefix(site.url) not in poison]
    assert len(good) == 495
    assert all(http.get(link).status_code == 200 for link in good)
    assert time.monotonic() - begun < 60
    pages = [read_back(site, http, link, desk) for link in good[:3]]
    assert len({page.article.url for page in pages}) == 3
    assert all(page.strip.quotes and page.article.published for page in pages)


@pytest.mark.parametrize("fault", POISON)
def test_each_poison_is_no_page(site: SampleSite, fault: Fault) -> None:
    path = next(path for path, kind in site.list_crowd(2_000).items() if kind == fault)
    seen = see(site, path, 0.2)
    whole = seen.ended and seen.status == 200 and len(seen.body) == seen.length < 1_000_000
    assert not whole or seen.header("Content-Encoding") == "x-shorthand"


def test_the_tracker_it_writes_is_in_order(site: SampleSite, tmp_path: Path) -> None:
    site.write_tracker(tmp_path, feeds=("/sitemap-print.xml",))
    config = load_config(tmp_path / "config.toml", environ={})
    assert config.collect.publishers == ("courier",)
    assert config.collect.allow_private == (site.url.removeprefix("http://"),)
    assert 0 < config.collect.per_host_delay < 0.2
    assert load_publisher("courier", tmp_path).feeds == (f"{site.url}/sitemap-print.xml",)


def test_requests_of_many_at_once_are_all_answered(site: SampleSite) -> None:
    begun = len(site.log)
    seen: list[Seen] = []
    askers = [
        threading.Thread(target=lambda: seen.append(see(site, "/feeds/latest"))) for _ in range(20)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len({one.body for one in seen}) == 1
    requests: tuple[Request, ...] = site.log[begun:]
    assert len(requests) == 20
    assert {one.status for one in requests} == {200}
