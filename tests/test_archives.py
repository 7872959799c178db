"""Indexes of archives as hostile input, what is picked of them, and where they are asked."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st
from laying import market

from tickertrack.errors import QueryError
from tickertrack.publishers import Publisher, load_publisher
from tickertrack.sources.archives import KNOWN, Listed, Stretch, picked, place_of, stretches
from tickertrack.sources.archives.listed import (
    FIELDS,
    fields_of_json,
    fields_of_text,
    listed_in,
    stamp_of,
    time_of,
)
from tickertrack.sources.archives.picks import spread

KARACHI = ZoneInfo("Asia/Karachi")
NOW = datetime(2024, 6, 1, tzinfo=UTC)
MONDAY = date(2024, 5, 6)
LINE: dict[str, Any] = {
    "urlkey": "com,brecorder)/news/40000001",
    "timestamp": "20240506120000",
    "url": "https://www.brecorder.com/news/40000001/lemon-trees",
    "mime": "text/html",
    "status": "200",
    "digest": "SXEDPR3UNNPT2JU7ZEQJVGPWKZGNN33M",
    "length": "595",
    "offset": "279",
    "filename": "crawl-data/CC-MAIN-2024-22/segments/17.0/warc/CC-MAIN-1.warc.gz",
}


def publisher() -> Publisher:
    return load_publisher("brecorder")


def listed(*lines: bytes) -> list[Listed]:
    return list(listed_in(list(lines), fields_of_json, publisher(), NOW))


def line(**changed: object) -> bytes:
    return json.dumps(LINE | changed).encode()


# ---- lines


def test_a_line_lists_a_capture_with_its_place():
    (found,) = listed(line())
    assert found.url == LINE["url"]
    assert found.captured_at == datetime(2024, 5, 6, 12, tzinfo=UTC)
    assert found.span is not None
    assert (found.span.offset, found.span.length) == (279, 595)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not JSON",
        b"[1, 2]",
        b"[" * 9000,
        b'{"url": 7}',
        b"\xff\xfe\x00",
        line(timestamp="20241306120000"),
        line(timestamp="2024050612000"),
        line(timestamp=20240506120000),
        line(timestamp="99990506120000"),
        line(timestamp="20240606120000"),
        line(timestamp="\u0662\u0660240506120000"),
        line(url=None),
        line(url="https://www.elsewhere.example/news/40000001"),
        line(url="https://www.brecorder.com.elsewhere.example/news/40000001"),
        line(url="https://elsewhere.example/https://www.brecorder.com/news/40000001"),
        line(url="https://www.brecorder.com@elsewhere.example/news/40000001"),
        line(url="https://www.brecorder.com/stocks"),
        line(url="https://www.brecorder.com/news/40000001 HTTP/1.1"),
        line(url="https://www.brecorder.com/news/40000001\r\nX: y"),
        line(url="http://[x/news/40000001"),
        line(url=f"https://www.brecorder.com/news/40000001/{'x' * 3000}"),
        line(padding="x" * 9000),
        line(status="301"),
        line(status="-"),
        line(mime="image/png"),
        line(mime="warc/revisit"),
        line(length="0"),
        line(length=str(1 << 40)),
    ],
)
def test_a_line_that_lists_no_page_of_the_publishers_costs_only_itself(bad: bytes):
    assert len(listed(line(), bad, line(timestamp="20240506120001"))) == 2


@pytest.mark.parametrize("mime", ["text/html; charset=utf-8", "Text/HTML", "application/xhtml+xml"])
def test_markup_is_markup_however_its_server_wrote_it(mime: str):
    assert len(listed(line(mime=mime), line(mime="text/htmlx"))) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"filename": "../../secret"},
        {"filename": "/etc/passwd"},
        {"filename": "http://elsewhere.example/x.warc.gz"},
        {"filename": "//elsewhere.example/x.warc.gz"},
        {"filename": "a/../../x.warc.gz"},
        {"filename": "x.warc.gz?redirect=elsewhere"},
        {"filename": "x" * 1000},
        {"filename": None},
        {"offset": "-1"},
        {"offset": "1e9"},
        {"offset": "\u0661"},
        {"offset": "9" * 30},
        {"length": None},
        {"length": "-7"},
    ],
)
def test_a_place_that_cannot_be_one_is_no_place(changed: dict[str, object]):
    (found,) = listed(line(**changed))
    assert found.span is None


def test_lines_of_the_wayback_machine_are_fields_between_blanks():
    page, digest = "http://www.brecorder.com:80/news/40000001", "SXEDPR3UNNPT"
    texts = [
        f"com,brecorder)/news 20240506120000 {page} text/html 200 {digest} 595",
        f"com,brecorder)/news 20240506120000 {page} 1 text/html 200 {digest} 595",
        f"com,brecorder)/news 20240506120000 {page} text/html - {digest} 595",
        "",
        "com%2Cbrecorder%29%2Fnews+20240506120000%21",
    ]
    lines = [text.encode() for text in texts]
    (found,) = listed_in(lines, fields_of_text, publisher(), NOW)
    assert found.length == 595
    assert found.span is None
    assert len(FIELDS) == 7


@settings(max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=60), st.just(line())), max_size=6))
def test_whatever_stands_beside_them_all_good_lines_are_listed(lines: list[bytes]):
    good = sum(one == line() for one in lines)
    for read in (fields_of_json, fields_of_text):
        found = list(listed_in(lines, read, publisher(), NOW))
        assert len(found) == (good if read is fields_of_json else 0)


@given(st.datetimes(datetime(1996, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001  (UTC is put to it)
def test_a_time_in_14_digits_reads_as_written(moment: datetime):
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    assert time_of(stamp_of(whole)) == whole


# ---- picks


def capture(at: datetime, digest: str | None = None, **more: Any) -> Listed:
    return Listed(f"https://www.brecorder.com/news/{at:%d%H%M%S}", at, digest, 595, None, **more)


def monday() -> Stretch:
    (found,) = stretches(market(), KARACHI, MONDAY, MONDAY)[-1:]
    return found


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=KARACHI).astimezone(UTC)


def test_a_stretch_runs_from_a_sessions_open_to_the_next_ones():
    found = stretches(market(), KARACHI, date(2024, 5, 3), date(2024, 5, 6))
    assert [one.session for one in found] == [date(2024, 5, 2), date(2024, 5, 3), MONDAY]
    # The Friday's strip stands until the Monday's open; what lies outside the days is left out.
    assert found[1].until == found[2].since == found[2].open_at
    assert found[0].since == datetime(2024, 5, 3, tzinfo=KARACHI)
    assert found[2].until == datetime(2024, 5, 7, tzinfo=KARACHI)


def test_the_first_few_lie_far_from_each_other_and_one_is_after_the_close():
    times = [at(10), at(10, 5), at(10, 10), at(13), at(13, 5), at(17), at(19), at(23)]
    order = [one.captured_at for one in spread([capture(one) for one in times], monday())]
    assert order[:3] == [at(17), at(10), at(13, 5)]
    assert sorted(order) == times


def test_fewer_a_session_are_the_first_of_more():
    captures = [capture(at(9) + timedelta(minutes=7 * number)) for number in range(80)]
    whole = list(picked(captures, monday(), 20, set()))
    for most in range(1, 20):
        assert list(picked(captures, monday(), most, set())) == whole[:most]


def test_one_that_was_fetched_takes_a_place_and_a_content_is_taken_once():
    done = capture(at(12), "A", state="done")
    again, other = capture(at(17), "A"), capture(at(18), "B")
    assert list(picked([done, again, other], monday(), 2, {"A"})) == [other]
    assert list(picked([done, again, other], monday(), None, {"A"})) == [other]
    assert list(picked([again, other], monday(), 5, set())) == [again, other]


def test_a_refused_one_leaves_its_place_to_the_next():
    captures = [capture(at(10 + number), f"D{number}") for number in range(6)]
    seen: set[str] = set()
    taken = []
    for one in picked(captures, monday(), 2, seen):
        taken.append(one)
        if len(taken) == 1:
            seen.discard(one.content)
    assert len(taken) == 3


@given(st.sets(st.integers(0, 899), min_size=1, max_size=30), st.data())
def test_picks_after_an_interruption_are_those_that_were_left(minutes: set[int], data: Any):
    digests = st.sampled_from("ABCDEFGHIJ")
    captures = [
        capture(at(9) + timedelta(minutes=one), data.draw(digests)) for one in sorted(minutes)
    ]
    most = data.draw(st.integers(1, 8))
    whole = list(picked(captures, monday(), most, set()))
    ended = data.draw(st.integers(0, len(whole)))
    done = set(whole[:ended])
    later = [
        Listed(one.url, one.captured_at, one.digest, one.length, None, "done")
        if one in done
        else one
        for one in captures
    ]
    assert list(picked(later, monday(), most, {one.content for one in done})) == whole[ended:]


# ---- places


def test_an_address_says_what_archive_it_is():
    crawls = place_of("http://127.0.0.1:8000/mirror/collinfo.json")
    assert (crawls.form, crawls.files) == ("crawls", "http://127.0.0.1:8000/mirror/")
    wayback = place_of("https://archive.example/cdx/search/cdx")
    assert (wayback.form, wayback.replay) == ("wayback", "https://archive.example/web/")
    pywb = place_of("https://archive.example/past/cdx")
    assert (pywb.form, pywb.replay) == ("pywb", "https://archive.example/past/")
    assert pywb.slug.startswith("https-archive.example-past-cdx-")
    # Files of two archives have two names, however they are written.
    assert place_of("https://archive.example/past-cdx").slug != pywb.slug
    assert not any(one.invited for one in (crawls, wayback, pywb))


def test_the_wayback_machine_is_asked_at_most_24_times_a_minute():
    assert place_of("wayback").delay >= 2.5
    assert place_of("https://archive.example/cdx/search/cdx").delay >= 2.5


def test_only_common_crawl_is_asked_whatever_its_robots_txt_says():
    assert [one.name for one in KNOWN.values() if one.invited] == ["cc"]
    assert not place_of("https://index.commoncrawl.example/collinfo.json").invited


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://index.commoncrawl.org/CC-MAIN-2024-18-index", "cc"),
        ("https://index.commoncrawl.org/collinfo.json", "cc"),
        ("http://web.archive.org/cdx/search/cdx?url=x.example&output=json", "wayback"),
        ("https://web.archive.org/cdx/", "wayback"),
    ],
)
def test_an_archive_that_is_known_by_name_is_known_by_its_addresses(source: str, name: str):
    assert place_of(source) is KNOWN[name]


def test_what_an_index_is_asked_is_no_part_of_its_address():
    plain = place_of("https://archive.example/cdx/search/cdx")
    for end in ("/", "?url=x.example", "/?url=x.example&output=json"):
        assert place_of(f"https://archive.example/cdx/search/cdx{end}") == plain


def test_an_address_with_a_password_is_not_stored():
    with pytest.raises(QueryError, match="names a user"):
        place_of("https://me:secret@archive.example/cdx")


@pytest.mark.parametrize("source", ["", "ccc", "ftp://archive.example/cdx", "http://", "http://[x"])
def test_what_names_no_archive_is_refused(source: str):
    with pytest.raises(QueryError, match="no archive"):
        place_of(source)
