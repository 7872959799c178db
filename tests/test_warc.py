"""What is fetched is kept as WARC and read back the same; damage and hostility cost one record."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from support import digests, run, small_disk
from warcs import (
    HTML,
    MIB,
    NOON,
    address,
    bomb,
    damage,
    http,
    kept,
    line,
    markup,
    now,
    page,
    record,
    response,
    write,
)

import tickertrack as tt
from tickertrack.audit import verify_pages
from tickertrack.errors import BusyError, DiskFullError, SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Locator, Page, Response
from tickertrack.pages import Capture
from tickertrack.sources.warc import Archive, captures_after, captures_in, mend, read_at

HOSTS = frozenset({"www.brecorder.com"})
PROCESSES = Path(__file__).with_name("warcs.py")


def process(*words: object) -> list[str]:
    return [sys.executable, str(PROCESSES), *map(str, words)]


def pages(path: Path, hosts: frozenset[str] | None = HOSTS) -> list[Capture]:
    found = list(captures_in(path, hosts))
    assert not errors(found)
    return [one for one in found if isinstance(one, Capture)]


def errors(found: Iterable[object]) -> list[str]:
    return [str(one) for one in found if isinstance(one, SourceError)]


def numbers(found: Iterable[object]) -> list[int]:
    """Give the numbers of the pages among what was found."""
    return [int((one.url or "")[-8:]) - 40_000_000 for one in found if isinstance(one, Capture)]


# --- keeping --------------------------------------------------------------------------------------


def test_a_kept_response_is_read_again_from_its_place(tmp_path: Path) -> None:
    responses = [response(number) for number in range(3)]
    places = kept(tmp_path / "archive", *responses)
    for made, place in zip(responses, places, strict=True):
        found = read_at(place)
        assert isinstance(found, Capture)
        assert found.text == made.body.decode()
        assert (found.url, found.html, found.capture_basis) == (made.url, True, "http")
        assert found.captured_at == made.received_at.replace(microsecond=0)
        assert found.locator == place
    assert pages(Path(places[0].file)) == [read_at(place) for place in places]


def test_what_is_kept_is_a_warc_file_to_others(tmp_path: Path) -> None:
    way = ("Content-Encoding", "gzip"), ("content-length", "77"), ("Transfer-Encoding", "chunked")
    made = response(1, headers=(HTML, ("X", "1"), *way, ("X", "2")))
    (place,) = kept(tmp_path, made)
    with Path(place.file).open("rb") as file:
        found = [
            (one.record_type, one.http_headers and one.http_headers.to_tuples(), one.reader.read())
            for one in ArchiveIterator(file, verify_digests=True)
        ]
    assert [kind for kind, _, _ in found] == [WarcRecordType.warcinfo, WarcRecordType.response]
    assert found[0][2].startswith(b"software: tickertrack/")
    assert found[1][2] == made.body
    # The body is the decoded one, so what the headers said of its way stands under other names.
    assert found[1][1] == (
        HTML,
        ("X", "1"),
        ("X-Crawler-Content-Encoding", "gzip"),
        ("X-Crawler-content-length", "77"),
        ("X-Crawler-Transfer-Encoding", "chunked"),
        ("X", "2"),
        ("Content-Length", str(len(made.body))),
    )
    content = Path(place.file).read_bytes()
    member = content[place.offset : place.offset + place.length]
    text = gzip.decompress(member).decode()
    assert text.startswith("WARC/1.1\r\n")
    assert "WARC-Date: 2024-05-06T12:01:00Z\r\n" in text
    assert {"WARC-Payload-Digest", "WARC-Block-Digest"} <= set(text.replace(":", " ").split())
    assert place.offset + place.length == len(content)


def test_each_day_of_utc_has_its_file(tmp_path: Path) -> None:
    east = timezone(timedelta(hours=5))
    moments = [
        datetime(2024, 5, 7, 4, 59, 59, tzinfo=east),
        datetime(2024, 5, 7, 5, tzinfo=east),
        datetime(2024, 5, 6, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2024, 5, 8, tzinfo=UTC),
    ]
    made = [response(number, received_at=moment) for number, moment in enumerate(moments)]
    with Archive(tmp_path, now) as archive:
        places = [archive.keep(one) for one in made]
        days = [f"tickertrack-2024-05-{day:02}.warc.gz" for day in (6, 7, 8)]
        assert [path.name for path in archive.files()] == days
    assert [Path(place.file).name for place in places] == [days[0], days[1], days[0], days[2]]
    assert [found.captured_at for found in map(read_at, places) if isinstance(found, Capture)] == [
        moment.astimezone(UTC).replace(microsecond=0) for moment in moments
    ]


def test_a_file_is_gone_on_with_after_a_restart(tmp_path: Path) -> None:
    places = [kept(tmp_path, response(number))[0] for number in range(3)]
    path = Path(places[0].file)
    assert numbers(pages(path)) == [0, 1, 2]
    kinds = [one.record_type for one in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    assert kinds.count(WarcRecordType.warcinfo) == 1
    assert list(captures_after(path, places[1].offset)) == [read_at(one) for one in places[1:]]
    assert list(captures_after(path, places[2].offset + places[2].length)) == []


def test_a_header_with_a_line_break_in_it_begins_no_other(tmp_path: Path) -> None:
    sly = "x\r\nContent-Type: image/png\r\n\r\nAnother body"
    made = response(1, reason=sly, headers=(HTML, ("X", sly), (sly, "x")))
    (place,) = kept(tmp_path, made)
    found = read_at(place)
    assert isinstance(found, Capture)
    assert found.text == made.body.decode()


def test_sync_brings_file_and_folder_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int]] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        fsync(file)
        synced.append((str(Path(f"/proc/self/fd/{file}").readlink()), os.fstat(file).st_size))

    monkeypatch.setattr(os, "fsync", watched)
    folder = tmp_path / "archive"
    with Archive(folder, now) as archive:
        place = archive.keep(response(1))
        assert str(folder) in dict(synced)
        assert str(tmp_path) in dict(synced)
        assert place.file not in dict(synced)
        archive.sync()
        assert synced[-1] == (place.file, place.offset + place.length)
        tomorrow = archive.keep(response(2, received_at=NOON + timedelta(days=1)))
        # The file that is left is safe before another is begun.
        assert synced[-2:] != []
        assert (place.file, place.offset + place.length) in synced
    assert synced[-1] == (tomorrow.file, tomorrow.offset + tomorrow.length)


def test_a_second_writer_of_a_day_is_turned_away(tmp_path: Path) -> None:
    with Archive(tmp_path, now) as first, Archive(tmp_path, now) as second:
        place = first.keep(response(1))
        with pytest.raises(BusyError, match="another tickertrack is writing"):
            second.keep(response(2))
        with pytest.raises(BusyError, match="another tickertrack is writing"):
            mend(Path(place.file), 0)
        first.close()
        second.keep(response(2))
    assert numbers(pages(Path(place.file))) == [1, 2]


def test_a_full_disk_costs_what_it_has_no_room_for(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk, Archive(disk, now) as archive:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(128 * 1024))
        place = archive.keep(response(1))
        noise = random.Random(1).randbytes(70 * 1024).hex()  # noqa: S311
        with pytest.raises(DiskFullError, match="make room"):
            archive.keep(response(2, noise * 2))
        ballast.unlink()
        archive.keep(response(3, noise))
        archive.sync()
        assert numbers(pages(Path(place.file))) == [1, 3]


# --- torn ends ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Locator]]:
    places = kept(tmp_path_factory.mktemp("whole"), *(response(number) for number in range(3)))
    return Path(places[0].file).read_bytes(), places


Whole = tuple[bytes, list[Locator]]


def test_a_torn_end_is_taken_off_wherever_it_is_torn(whole: Whole, tmp_path: Path) -> None:
    content, places = whole
    last = places[-1]
    for cut in (1, 2, 9, 17, last.length // 2, last.length - 8, last.length - 1):
        path = tmp_path / f"{cut}.warc.gz"
        path.write_bytes(content[: last.offset + cut])
        assert mend(path, 0) == last.offset
        assert path.read_bytes() == content[: last.offset]
        torn = path.with_name(f"{path.name}.torn")
        assert torn.read_bytes() == content[last.offset : last.offset + cut]
        assert mend(path, 0) == last.offset


@pytest.mark.parametrize("tail", [b"", b"\0" * 9_999, b"garbage", b"\x1f\x8b\x08\0garbage" * 99])
def test_whole_records_stay_and_garbage_behind_them_goes(
    whole: Whole, tmp_path: Path, tail: bytes
) -> None:
    content, places = whole
    path = tmp_path / "a.warc.gz"
    for good_until in (0, places[1].offset, places[2].offset, len(content)):
        path.write_bytes(content + tail)
        assert mend(path, good_until) == len(content)
        assert path.read_bytes() == content


def test_what_is_known_to_be_stored_is_never_cut(whole: Whole, tmp_path: Path) -> None:
    content, places = whole
    spoilt = bytearray(content)
    spoilt[-9] ^= 1
    path = tmp_path / "a.warc.gz"
    path.write_bytes(spoilt)
    assert mend(path, len(content)) == len(content)
    assert path.read_bytes() == spoilt
    # The control: of a record that nobody vouches for, such an end is torn.
    assert mend(path, places[-1].offset) == places[-1].offset
    short = tmp_path / "short.warc.gz"
    short.write_bytes(content[:99])
    assert mend(short, len(content)) == 99


def test_a_torn_end_is_cut_before_more_is_kept(whole: Whole, tmp_path: Path) -> None:
    content, places = whole
    path = tmp_path / Path(places[0].file).name
    path.write_bytes(content[:-99])
    (place,) = kept(tmp_path, response(7))
    assert place.offset == places[-1].offset
    assert numbers(pages(path)) == [0, 1, 7]
    assert readable(path.read_bytes()) == 4
    # The control: appended behind the torn end, all that follows is lost to a reader of WARC.
    member = path.read_bytes()[place.offset :]
    assert readable(content[:-99] + member * 3) < 4


def readable(content: bytes) -> int:
    """Count the records that the library reads whole, before it gives up."""
    count = 0
    try:
        for one in ArchiveIterator(io.BytesIO(content), parse_http=False):
            # Not by its own check: that makes room for whatever length is stated.
            digest = base64.b32encode(hashlib.sha1(one.reader.read(MIB)).digest()).decode()  # noqa: S324
            count += one.headers["WARC-Block-Digest"] == f"sha1:{digest}"
    except (OSError, KeyError):
        pass
    return count


def test_a_file_of_nothing_but_a_torn_beginning_is_begun_anew(whole: Whole, tmp_path: Path) -> None:
    content, places = whole
    path = tmp_path / Path(places[0].file).name
    path.write_bytes(content[:99])
    kept(tmp_path, response(7))
    assert numbers(pages(path)) == [7]
    assert readable(path.read_bytes()) == 2


def survive(folder: Path, rounds: int) -> int:
    """Kill a process that keeps, again and again; give the number of records acknowledged."""
    acknowledged: dict[int, tuple[int, int]] = {}
    rng = random.Random(1)  # noqa: S311
    for _ in range(rounds):
        with subprocess.Popen(
            process("keep_on", folder), stdout=subprocess.PIPE, text=True
        ) as running:
            for _ in range(rng.randrange(1, 40)):
                words = running.stdout.readline().split() if running.stdout else []
                acknowledged[int(words[0])] = (int(words[1]), int(words[2]))
            running.kill()
            for rest in running.stdout or ():
                if rest.endswith("\n"):
                    number, *place = map(int, rest.split())
                    acknowledged[number] = (place[0], place[1])
        assert running.returncode == -signal.SIGKILL
    (path,) = folder.glob("*.gz")
    mend(path, 0)
    found = {one.locator.offset: one for one in pages(path)}
    assert numbers(found.values()) == list(range(len(found)))
    for number, (offset, length) in acknowledged.items():
        assert numbers([found[offset]]) == [number]
        assert found[offset].locator.length == length
    return len(acknowledged)


def test_a_kill_costs_nothing_that_was_synced(tmp_path: Path) -> None:
    assert survive(tmp_path, 5) > 5


@pytest.mark.slow
def test_a_hundred_kills_cost_nothing_that_was_synced(tmp_path: Path) -> None:
    assert survive(tmp_path, 100) > 1_000


# --- the archive alone ----------------------------------------------------------------------------

FEED = b'<?xml version="1.0"?>\n<rss version="2.0"><channel><title>x</title></channel></rss>'


def live() -> list[Response]:
    """Give what a day's collecting may bring."""
    strip = "\n".join((line(0), "KSE100 71,433 Increased By 345.9 (0.49%)"))
    plain = ("Content-Type", "text/plain")
    return [
        *(response(number) for number in range(20)),
        # One article, captured again with another strip; and again, all the same.
        response(3, markup(4), received_at=NOON + timedelta(hours=1)),
        response(3, received_at=NOON + timedelta(hours=2)),
        response(30, f"{strip}\nA title\n\nBy the river 06 May 2024\n\nText.", headers=(plain,)),
        response(31, markup(1).replace("▲", "\u25b2 é").encode("utf-16"), headers=(HTML,)),
        response(32, markup(2).replace("(0.57%)", "(5.7%)")),
        response(33, "<html><body><p>No strip here.</p>"),
        response(40, FEED, headers=(("Content-Type", "application/rss+xml"),)),
        response(41, "User-agent: *", url="https://www.brecorder.com/robots.txt", headers=(plain,)),
        response(42, status=404, reason="Not Found"),
        response(43, b"", status=304, reason="Not Modified", headers=()),
        response(44, received_at=NOON + timedelta(days=1)),
    ]


def store_live(database: Path, folder: Path) -> None:
    with (
        tt.open(database) as tracker,
        Archive(folder, now) as archive,
        IsolatedReader(tracker.desk()) as reader,
    ):
        for one in live():
            place = archive.keep(one)
            archive.sync()
            capture = read_at(place)
            if isinstance(capture, Capture):
                found = reader.read(capture)
                assert isinstance(found, Page)
                tracker.store([found])
        tracker.resolve()
        tracker.link()


def test_the_archive_alone_rebuilds_the_database(tmp_path: Path) -> None:
    collected, rebuilt = tmp_path / "collected.db", tmp_path / "rebuilt.db"
    store_live(collected, tmp_path / "archive")
    with tt.open(rebuilt) as tracker:
        report = tracker.ingest(tmp_path / "archive")
        assert len(tracker.history_rows(["ANL"])) == 2
    assert report.pages == 27
    assert digests(rebuilt) == digests(collected)
    with tt.open(rebuilt) as tracker:
        assert tracker.ingest(tmp_path / "archive", workers=2).pages == 0
        assert verify_pages(tracker) == (27, [])


def test_pages_of_others_archives_are_told_from_our_own(tmp_path: Path) -> None:
    write(tmp_path / "other.warc.gz", page(1))
    places = kept(tmp_path, response(1))
    with tt.open(tmp_path / "t.db") as tracker:
        tracker.ingest([tmp_path / "other.warc.gz", places[0].file])
        bases = tracker.reader().execute("SELECT capture_basis FROM pages ORDER BY 1")
        assert [row[0] for row in bases] == ["http", "warc"]


def test_verify_reads_stored_records_again_and_finds_what_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc", *map(page, range(4)), page(9, WARC_Date="never"))
    with tt.open(tmp_path / "t.db") as tracker:
        tracker.ingest(path, refused=lambda _: None)
        # What was refused is no stored page, and is not read again.
        assert verify_pages(tracker) == (4, [])
        content = path.read_bytes()
        path.write_bytes(content.replace(b"35.30", b"35.31"))
        checked, differences = verify_pages(tracker)
        assert (checked, len(differences)) == (4, 1)
        assert differences[0]["difference"] == "the page's text has changed"
        path.write_bytes(content[:-2_000])
        found = {row["difference"] for row in verify_pages(tracker)[1]}
        assert found == {"the page is not where it was"}


# --- reading: what is a page ----------------------------------------------------------------------

GOOD = {
    "as others write it": page(1),
    "an address in brackets": page(1, WARC_Target_URI=f"<{address(1)}>"),
    "WARC 1.1": page(1, WARC_Date="2024-05-06T12:00:00.123456Z").replace(b"/1.0", b"/1.1", 1),
    "an offset": page(1, WARC_Date="2024-05-06T17:00:00+05:00"),
    "XHTML": record(http(markup(1), ("Content-Type", "application/xhtml+xml"))),
    "by its first words": record(http(markup(1), ("Content-Type", "application/octet-stream"))),
    "no content type": record(http(markup(1), ("X", "1"))),
    "markup called text": record(http(markup(1), ("Content-Type", "text/plain"))),
    "chunks": record(
        http(
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(markup(1).encode()), markup(1).encode()),
            *(HTML, ("Transfer-Encoding", "chunked")),
        )
    ),
    "chunks that are none": record(http(markup(1), HTML, ("Transfer-Encoding", "chunked"))),
    "packed": record(http(gzip.compress(markup(1).encode()), HTML, ("content-encoding", "gzip"))),
    "packed and not": record(http(markup(1), HTML, ("Content-Encoding", "gzip"))),
    "another coding, undone": record(http(markup(1), HTML, ("Content-Encoding", "br"))),
    "a status line of HTTP/2": record(http(markup(1), HTML, status=b"HTTP/2 200\r\n")),
    "a charset in the header": record(
        http(
            markup(1).replace("▲", "при").encode("cp1251"),
            ("Content-Type", 'text/html; charset="windows-1251"'),
        )
    ),
    "a charset that is none": record(http(markup(1), ("Content-Type", "text/html;charset=\0\xff"))),
    "a final dot": page(1, WARC_Target_URI=address(1).replace(".com/", ".com./")),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("ending", [".warc", ".warc.gz"])
def test_a_page_is_read_however_it_was_written(tmp_path: Path, name: str, ending: str) -> None:
    path = write(tmp_path / f"a{ending}", record(b"software: x", WARC_Type="warcinfo"), GOOD[name])
    (found,) = pages(path)
    assert line(1) in found.text.replace("при", "▲")
    assert (found.html, found.captured_at, found.capture_basis) == (True, NOON, "warc")
    assert read_at(found.locator) == found


def test_plain_text_is_a_page_too(tmp_path: Path) -> None:
    text = f"{line(1)}\nA title\n\nText.\n"
    block = http(text, ("Content-Type", "text/plain; charset=utf-8"))
    (found,) = pages(write(tmp_path / "a.warc.gz", record(block)))
    assert (found.text, found.html) == (text, False)


PLAIN = ("Content-Type", "text/plain")
PASSED = {
    "a request": page(1, WARC_Type="request"),
    "a revisit": page(1, WARC_Type="revisit"),
    "meta data": record(b"x: y", WARC_Type="metadata"),
    "a name looked up": record(b"20240506\n", WARC_Target_URI="dns:x", Content_Type="text/dns"),
    "no HTTP": record(b"garbage"),
    "nothing": record(b""),
    "an empty page": record(http("")),
    "not found": record(http(markup(1), status=b"HTTP/1.1 404 Not Found\r\n")),
    "moved": record(http(markup(1), status=b"HTTP/1.1 301 Moved\r\n")),
    "an image": record(http(b"\x89PNG\r\n\x1a\n\0\0", ("Content-Type", "image/png"))),
    "an image called a page": record(http(b"\x89PNG\r\n\x1a\n\0\0\0")),
    "a feed": record(http(FEED, ("Content-Type", "application/rss+xml"))),
    "a feed called a page": record(http(FEED)),
    "a feed called text": record(http(FEED, PLAIN)),
    "a map of the site": record(http('<?xml version="1.0"?><!-- x --><urlset xmlns="x">', PLAIN)),
    "robots": record(http("Allow: /", PLAIN), WARC_Target_URI="https://www.brecorder.com/robots.txt"),
    "data": record(http('{"a": 1}', ("Content-Type", "application/json"))),
    "what nobody names": record(http("a,b,c", ("Content-Type", "application/octet-stream"))),
    "another's page": page(1, WARC_Target_URI="https://elsewhere.example/news/40000001"),
    "another's bad page": record(
        http(b"x", HTML, ("Content-Encoding", "br")), WARC_Target_URI="https://elsewhere.example/"
    ),
    "an address that is none": page(1, WARC_Target_URI="http://[x"),
    "no address": page(1, WARC_Target_URI=None),
    "a film": record(http(bytes(17 * MIB), ("Content-Type", "video/mp4"))),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSED)
@pytest.mark.parametrize("ending", [".warc", ".warc.gz"])
def test_what_is_no_page_is_passed_over_in_silence(tmp_path: Path, name: str, ending: str) -> None:
    path = write(tmp_path / f"a{ending}", page(1), PASSED[name], page(2))
    assert numbers(pages(path)) == [1, 2]


def test_whose_pages_are_named_they_are_read_whatever_their_host(tmp_path: Path) -> None:
    other = page(1, WARC_Target_URI="https://elsewhere.example/news/40000001")
    path = write(tmp_path / "a.warc.gz", other)
    with tt.open(tmp_path / "t.db") as tracker:
        assert tracker.ingest(path).pages == 0
        assert tracker.ingest(path, publisher="brecorder").quotes == 1


def test_the_command_reads_archives(tmp_path: Path) -> None:
    write(tmp_path / "a.warc", page(1), page(2))
    kept(tmp_path / "deep", response(3))
    words = [sys.executable, "-m", "tickertrack", "--db", str(tmp_path / "t.db")]
    done = run([*words, "ingest", str(tmp_path), "--report"])
    assert done.returncode == 0, done.stderr
    assert '"pages": 3' in done.stdout
    assert run([*words, "verify"]).returncode == 0


# --- reading: damage and hostility ----------------------------------------------------------------


def stated(length: int) -> bytes:
    return page(3, Content_Length=str(length))


BAD = {
    "longer than it says": (stated(500), "is not as long as it says"),
    "shorter than it says": (stated(5_000), "is (not as long as it says|cut off)"),
    "a length of eons": (stated(10**17), "is (not as long as it says|cut off)"),
    "a length that is none": (page(3, Content_Length="-1"), "does not say how long it is"),
    "a length in other digits": (page(3, Content_Length="٣"), "does not say how long it is"),
    "no length": (page(3, Content_Length=None), "does not say how long it is"),
    "a header without end": (b"WARC/1.0\r\n" + b"x" * 99_999, "has no end of its header"),
    "a header of megabytes": (record(b"x", X="x" * 40_000), "has a header that cannot be read"),
    "no date": (page(3, WARC_Date=None), "has a capture time that is none"),
    "a date that is none": (page(3, WARC_Date="2024-13-06T12:00:00Z"), "has a capture time"),
    "a day": (page(3, WARC_Date="2024-05-06"), "has a capture time that is none"),
    "a year of old": (page(3, WARC_Date="0001-01-01T00:00:00+14:00"), "has a capture time"),
    "HTTP headers of megabytes": (
        record(http("<html>", HTML, ("X", "x" * 40_000))),
        "has an HTTP header that cannot be read",
    ),
    "a coding that is not read": (
        record(http(b"\x0b\x02\x80", HTML, ("Content-Encoding", "br"))),
        "has a content coding that is not read: 'br'",
    ),
    "packed twice": (
        record(http(b"\x1f\x8b", HTML, ("Content-Encoding", "gzip, gzip"))),
        "has a content coding that is not read: 'gzip, gzip'",
    ),
    "packed and cut": (
        record(http(gzip.compress(b"<html>")[:-4], HTML, ("Content-Encoding", "gzip"))),
        "holds a page that is cut off",
    ),
    "packed and damaged": (
        record(http(gzip.compress(b"<html>")[:-8] + bytes(8), HTML, ("Content-Encoding", "gzip"))),
        "holds a page that is damaged",
    ),
    "a page that is a bomb": (
        record(http(bomb(99, b"<html>"), HTML, ("Content-Encoding", "gzip"))),
        "unpacks to a page of more than 16 MiB",
    ),
    "chunks that end early": (
        record(http("ffff\r\n<html>", HTML, ("Transfer-Encoding", "chunked"))),
        "has chunks that cannot be joined",
    ),
    "a page of megabytes": (record(http(b"<html>" + bytes(17 * MIB))), "is a page of more than 16"),
    "garbage": (b"x" * 999, "(is damaged|is not as long|does not begin with WARC/)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("ending", [".warc", ".warc.gz"])
def test_a_bad_record_costs_only_itself(tmp_path: Path, name: str, ending: str) -> None:
    bad, says = BAD[name]
    path = write(tmp_path / f"a{ending}", page(1), page(2), bad, page(4), page(5))
    found = list(captures_in(path, HOSTS))
    (error,) = [one for one in found if isinstance(one, SourceError)]
    assert re.search(f"^{re.escape(str(path))}:[0-9]+: the record here {says}", str(error))
    assert numbers(found) == [1, 2, 4, 5]
    assert error.line == write(tmp_path / f"b{ending}", page(1), page(2)).stat().st_size


def test_a_page_behind_damage_is_stored_with_the_damage_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc.gz", page(1), BAD["no date"][0], page(2))
    refused: list[SourceError] = []
    with tt.open(tmp_path / "t.db") as tracker:
        report = tracker.ingest(path, refused=refused.append)
        (row,) = tracker.quarantine_rows()
    assert (report.pages, len(refused)) == (2, 1)
    assert row["reason"] == "unreadable_page"


def test_a_truncated_archive_gives_what_it_holds(tmp_path: Path) -> None:
    for ending in (".warc", ".warc.gz"):
        path = write(tmp_path / f"a{ending}", *map(page, range(5)))
        path.write_bytes(path.read_bytes()[:-50])
        found = list(captures_in(path, HOSTS))
        assert numbers(found) == [0, 1, 2, 3]
        assert len(errors(found)) == 1
        assert "is cut off" in errors(found)[0]


def test_an_archive_packed_as_one_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(page(1) + page(2)))
    assert errors(captures_in(path)) == [
        f"{path}:0: the record here shares its member with others: unpack the file first"
    ]
    path.write_bytes(page(1))
    assert numbers(pages(path)) == [1]
    path.write_bytes(b"")
    assert errors(captures_in(path)) == [f"{path}: is empty"]


def test_what_lies_within_a_record_is_no_record(tmp_path: Path) -> None:
    # Archives are on the web too, and what others serve must not pass for what was captured.
    smuggled = page(9)
    block = http(b"<html>" + smuggled + bytes(20 * MIB), ("Content-Type", "application/warc"))
    digest = base64.b32encode(hashlib.sha1(block).digest()).decode()  # noqa: S324
    outer = record(block, WARC_Block_Digest=f"sha1:{digest}")
    plain = write(tmp_path / "a.warc", page(1), outer, page(2))
    # Packed without packing, what is packed inside stands there as it is.
    packed = tmp_path / "a.warc.gz"
    # Packed once: each packing bears the second at which it was made.
    within = gzip.compress(smuggled)
    inner = record(http(within + bytes(20 * MIB), ("Content-Type", "x/y")))
    members = gzip.compress(page(1)), gzip.compress(inner, compresslevel=0), gzip.compress(page(2))
    packed.write_bytes(b"".join(members))
    for path, start in ((plain, smuggled), (packed, within[:30])):
        assert numbers(pages(path)) == [1, 2]
        # The control: it could be read, were one to look there.
        assert numbers(captures_after(path, path.read_bytes().index(start)))[0] == 9


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, dict[int, Locator]]]:
    """Give an archive of pages of all sizes, packed and not, with its places."""
    folder = tmp_path_factory.mktemp("sound")
    rng = random.Random(3)  # noqa: S311
    filler = [f"<!-- {rng.randbytes(rng.randrange(2_000)).hex()} -->" for _ in range(30)]
    made = [response(number, markup(number) + filler[number]) for number in range(30)]
    packed = Path(kept(folder, *made)[0].file)
    plain = folder / "a.warc"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    return {
        path.suffix: (path.read_bytes(), dict(enumerate(one.locator for one in pages(path))))
        for path in (packed, plain)
    }


Sound = dict[str, tuple[bytes, dict[int, Locator]]]


def damaged_and_read(sound: Sound, folder: Path, rounds: int, seed: int) -> tuple[int, int, float]:
    """
    Damage archives at random; count the undamaged pages that we and the library do not find.

    Also give the seconds that the slowest file took.
    """
    rng = random.Random(seed)  # noqa: S311
    lost = lost_by_library = 0
    slowest = 0.0
    for number in range(rounds):
        suffix = (".gz", ".warc")[number % 2]
        spoilt = damage(*sound[suffix], rng)
        path = folder / f"a{suffix}"
        path.write_bytes(spoilt.content)
        begun = time.perf_counter()
        found = [one for one in captures_in(path, HOSTS) if isinstance(one, Capture)]
        slowest = max(slowest, time.perf_counter() - begun)
        at = {one.locator.offset: one for one in found}
        missed = [one for one, offset in spoilt.left.items() if offset not in at]
        lost += len(missed)
        assert all(numbers([at[offset]]) == [one] for one, offset in spoilt.left.items()), missed
        # What was damaged is refused, or reads otherwise: never does it raise, or end the process.
        lost_by_library += max(len(spoilt.left) - readable(spoilt.content), 0)
    return lost, lost_by_library, slowest


def test_damage_costs_only_the_records_it_hits(sound: Sound, tmp_path: Path) -> None:
    lost, lost_by_library, slowest = damaged_and_read(sound, tmp_path, 200, seed=1)
    # The control: read without searching on, the same files lose hundreds of good pages.
    assert (lost, lost_by_library > 200, slowest < 30) == (0, True, True)


@pytest.mark.slow
def test_damage_of_5_000_files_costs_only_the_records_it_hits(sound: Sound, tmp_path: Path) -> None:
    lost, lost_by_library, slowest = damaged_and_read(sound, tmp_path, 5_000, seed=2)
    assert (lost, lost_by_library > 5_000, slowest < 30) == (0, True, True)


def test_a_stated_length_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(stated(10**16))
    assert len(errors(captures_in(path))) == 1
    # The control: the library's own record makes room for it, and ends the process.
    assert run(process("swallow", path)).returncode == -signal.SIGABRT


def test_bombs_take_neither_memory_nor_time(tmp_path: Path) -> None:
    # One whose end is found, and one that is given up before.
    block = http("<html>")
    members = [gzip.compress(page(1))]
    for size in (300, 600):
        head = record(block, Content_Length=str(len(block) + size * MIB)).removesuffix(GAP)
        members += [bomb(size, head, GAP), gzip.compress(page(2))]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members))
    done = run(process("read_within", 200 * MIB, path))
    assert done.stdout == "3 pages, 2 refused\n", done.stderr
    # The control: unpacked whole, it does not fit.
    assert run(process("unpack_within", 200 * MIB, path)).returncode != 0


GAP = b"\r\n\r\n"
FALSE_STARTS = {
    "a.warc.gz": (gzip.compress, b"\x1f\x8b\x08\0" * 2_000_000),
    "b.warc.gz": (gzip.compress, gzip.compress(b"WARC/1.0\r\n") * 200_000),
    "a.warc": (bytes, b"WARC/1.0\r\n" * 1_000_000),
}


@pytest.mark.parametrize(
    "name", [pytest.param("a.warc.gz", marks=pytest.mark.slow), "b.warc.gz", "a.warc"]
)
def test_a_file_full_of_false_beginnings_is_given_up(tmp_path: Path, name: str) -> None:
    packed, filler = FALSE_STARTS[name]
    path = tmp_path / name
    path.write_bytes(packed(page(1)) + filler)
    begun = time.process_time()
    found = list(captures_in(path, HOSTS))
    assert time.process_time() - begun < 5
    assert numbers(found) == [1]
    assert errors(found)[-1] == f"{path}: is so damaged that the rest is not read"
