"""Files at addresses: read as on the disk, in pieces, from servers of all manners, again later."""

from __future__ import annotations

import gzip
import json
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from scans import scanned
from shelf import Handler, Shelf, bucket, shelf
from support import digests
from warcs import address, http, markup, page, record, write

import tickertrack as tt
from tickertrack import ingest
from tickertrack.audit import verify_pages
from tickertrack.errors import SourceError
from tickertrack.pages import Capture
from tickertrack.sources import remote
from tickertrack.sources.files import Given, captures_in, list_files
from tickertrack.sources.remote import Remote

PAGES = 6


def lay(folder: Path) -> list[str]:
    """Write the same pages in every kind of file, and give their names."""
    folder.mkdir(exist_ok=True)
    rows = [{"url": address(number), "html": markup(number)} for number in range(PAGES)]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    packer = zstandard.ZstdCompressor()
    records = [page(number) for number in range(PAGES)]
    write(folder / "a.warc", *records)
    write(folder / "a.warc.gz", *records)
    (folder / "a.warc.zst").write_bytes(b"".join(map(packer.compress, records)))
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    (folder / "a.jsonl.zst").write_bytes(packer.compress(lines))
    pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    (folder / "a.html").write_text(markup(0))
    (folder / "a.html.gz").write_bytes(gzip.compress(markup(0).encode()))
    (folder / "a.txt").write_text("ANL 33.30 Increased By 0.20 (0.6%)\n\nA choir sings.\n")
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again without a pause."""
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Shelf]:
    lay(tmp_path / "files")
    with shelf(tmp_path / "files") as opened:
        yield opened


def read(where: str | Path) -> list[Capture | SourceError]:
    return list(captures_in(remote.file_of(where), Given()))


def good(found: list[Capture | SourceError]) -> list[Capture]:
    return [one for one in found if isinstance(one, Capture)]


def bad(found: list[Capture | SourceError]) -> list[str]:
    return [str(one) for one in found if isinstance(one, SourceError)]


def moved(captures: list[Capture], where: str) -> list[Capture]:
    return [replace(one, locator=replace(one.locator, file=where)) for one in captures]


# --- what is read --------------------------------------------------------------------------------


def test_every_kind_of_file_reads_as_it_does_from_the_disk(served: Shelf):
    for name in lay(served.folder):
        found = read(served.url(name))
        assert found == moved(good(read(served.folder / name)), served.url(name))
        assert len(found) in {1, PAGES}


def test_so_it_does_out_of_a_bucket_of_s3(tmp_path: Path):
    names = lay(tmp_path / "files")
    with bucket(tmp_path / "files", "crawls") as where:
        for name in names:
            expected = moved(good(read(tmp_path / "files" / name)), f"{where}/{name}")
            assert read(f"{where}/{name}") == expected
        assert list_files(Remote(where)) == [f"{where}/{name}" for name in names]
        assert list_files(Remote(f"{where}/*.warc*")) == [
            f"{where}/{name}" for name in names if ".warc" in name
        ]
        assert "no such file" in bad(read(f"{where}/b.warc.gz"))[0]
        with tt.open(tmp_path / "t.db") as tracker:
            assert tracker.ingest(f"{where}/a.warc.gz").pages == PAGES
            assert verify_pages(tracker) == (PAGES, [])


def test_a_pattern_lists_what_a_page_on_the_web_links_to(served: Shelf):
    (served.folder / "below").mkdir()
    write(served.folder / "below" / "b.warc.gz", page(9))
    assert list_files(Remote(served.url("a.*.gz"))) == [
        served.url(name) for name in ("a.html.gz", "a.jsonl.gz", "a.warc.gz")
    ]
    # Its folders are not gone through.
    assert list_files(Remote(served.url("**/*.warc.gz"))) == [served.url("a.warc.gz")]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("z*.warc.gz", "no such file or folder"),
        ("below/", "no such file or folder"),
        ("news/40000001", "no such file or folder"),
    ],
)
def test_what_names_no_file_is_refused(served: Shelf, name: str, says: str):
    with pytest.raises(SourceError, match=says):
        list_files(Remote(served.url(name)))


def test_an_address_names_its_file_before_any_query():
    assert Remote("https://host/a/b.warc.gz?x=/c.txt#d").name == "b.warc.gz"
    assert Remote("simplecache::s3://bucket/b.warc.gz").name == "b.warc.gz"
    assert Remote("zip://b.jsonl::https://host/a.zip").name == "b.jsonl"


def test_one_that_reads_a_file_whole_does_not_ask_for_its_last_byte(served: Shelf, tmp_path: Path):
    size = write(served.folder / "b.warc.gz", page(1)).stat().st_size
    last = f"GET /b.warc.gz bytes={size - 1}-{size - 1}"
    scanned([Remote(served.url("b.warc.gz"))], tmp_path / "parts")
    assert last not in served.log
    # The control: who may cut it asks whether its server gives pieces.
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(served.url("b.warc.gz"), workers=2)
    assert last in served.log


def test_a_file_that_is_read_on_is_fetched_once(served: Shelf, monkeypatch: pytest.MonkeyPatch):
    noise = random.Random(7)  # noqa: S311
    records = [
        record(http(markup(number).encode() + noise.randbytes(20_000).replace(b"\0", b"x")))
        for number in range(300)
    ]
    path = write(served.folder / "b.warc.gz", *records)
    assert len(good(read(served.url("b.warc.gz")))) == len(records)
    once = served.sent
    assert once < 1.1 * path.stat().st_size

    # The control: who goes back a little, across a block's end, would fetch that block again.
    def forgetful(self: remote._Reader, *args: object, **more: object) -> bool:
        fetched = fetch(self, *args, **more)
        self._former = (0, memoryview(b""))
        return fetched

    fetch = remote._Reader._fetch  # noqa: SLF001  (the control)
    monkeypatch.setattr(remote._Reader, "_fetch", forgetful)  # noqa: SLF001
    assert len(good(read(served.url("b.warc.gz")))) == len(records)
    assert served.sent - once > 2 * once


def test_any_number_of_processes_reads_the_same_out_of_one_address(
    served: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest, "_FAR_PART", 20_000)
    monkeypatch.setattr(ingest, "_SMALL", 0)
    write(served.folder / "b.warc.gz", *map(page, range(120)))
    for workers in (1, 3):
        with tt.open(tmp_path / f"{workers}.db") as tracker:
            assert tracker.ingest(served.url("b.warc.gz"), workers=workers).pages == 120
    assert digests(tmp_path / "1.db") == digests(tmp_path / "3.db")
    # The control: it was read in parts, each by who opened it anew.
    assert sum(line == "HEAD /b.warc.gz" for line in served.log) >= 10


# --- read again ----------------------------------------------------------------------------------


def test_a_stored_page_is_read_again_by_its_range(served: Shelf, tmp_path: Path):
    noise = [page(100 + number, X_Noise="x" * 90_000) for number in range(100)]
    write(served.folder / "b.warc", page(1), *noise, page(2))
    whole = (served.folder / "b.warc").stat().st_size
    with tt.open(tmp_path / "t.db") as tracker:
        tracker.ingest(served.url("b.warc"), refused=lambda _: None)
        connection = tracker.writer()
        with connection:
            connection.execute(
                "DELETE FROM pages WHERE url NOT IN (?, ?)", [address(1), address(2)]
            )
        served.sent = 0
        assert verify_pages(tracker) == (2, [])
    assert 0 < served.sent < whole / 20


def test_what_has_changed_at_an_address_or_is_out_of_reach_is_told(served: Shelf, tmp_path: Path):
    path = served.folder / "a.warc"
    with tt.open(tmp_path / "t.db") as tracker:
        tracker.ingest([served.url("a.warc"), served.url("a.jsonl")])
        path.write_bytes(path.read_bytes().replace(b"35.30", b"35.31"))
        checked, (difference,) = verify_pages(tracker)
        assert checked == 2 * PAGES
        assert (difference["file"], difference["difference"]) == (
            served.url("a.warc"),
            "the page's text has changed",
        )
        served.spoilt = {"a.warc": partial(Handler.send_error, code=503), "a.jsonl": gone}
        said = sorted({row["difference"] for row in verify_pages(tracker)[1]})
        assert len(said) == 2
        assert said[0].startswith("cannot be read (503, message='Service Unavailable'")
        assert said[1] == "no such file"


# --- servers -------------------------------------------------------------------------------------


def gone(handler: Handler) -> None:
    handler.send_error(404)


def silent(_: Handler) -> None:
    time.sleep(2)


def hung_up(handler: Handler) -> None:
    handler.close_connection = True


def cut(handler: Handler, at: int) -> None:
    if handler.command == "HEAD":
        handler.head(200, Path(handler.translate_path(handler.path)).stat().st_size)
    else:
        handler.give(at)


FAULTS = {
    "gone": (gone, "no such file"),
    "forbidden": (partial(Handler.send_error, code=403), "may not be read; give credentials"),
    "failing": (partial(Handler.send_error, code=500), "cannot be read (500"),
    "hung up": (hung_up, "cannot be read (Server disconnected); try again"),
    "silent": (silent, "cannot be read (Timeout on reading data from socket); try again"),
    "no such answer": (lambda handler: handler.wfile.write(b"SSH-2.0\r\n"), "cannot be read (400"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_net_costs_only_its_file(
    served: Shelf, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    spoiling, says = FAULTS[name]
    # Only to the silent one: any other may be slow to begin.
    monkeypatch.setattr(remote, "_STILL", 0.7 if spoiling is silent else 60)
    served.spoilt["a.warc.gz"] = spoiling
    refused: list[SourceError] = []
    with tt.open(tmp_path / "t.db") as tracker:
        wheres = [served.url("a.warc.gz"), served.url("a.jsonl")]
        report = tracker.ingest(wheres, refused=refused.append)
    assert report.pages == PAGES
    assert [str(one) for one in refused] == [
        next(str(one) for one in refused if str(one).startswith(f"{wheres[0]}: {says}"))
    ]


def test_where_nobody_listens_it_says_so():
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{taken.getsockname()[1]}/a.warc.gz"
        (said,) = bad(read(where))
    assert said.startswith(f"{where}: cannot be read (Cannot connect to host 127.0.0.1")
    assert said.endswith("try again: what was read is kept, and not stored twice")


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.warc.zst", "a.jsonl"])
def test_what_comes_before_a_connection_breaks_is_read(
    served: Shelf, name: str, monkeypatch: pytest.MonkeyPatch
):
    sound = moved(good(read(served.folder / name)), served.url(name))
    served.spoilt[name] = partial(cut, at=sound[-1].locator.offset + 9)
    found = read(served.url(name))
    assert good(found) == sound[:-1]
    assert "cannot be read" in bad(found)[-1]
    # The control: asked again for as much as before, nothing is.
    monkeypatch.setattr(remote, "_SHRINKING", 1)
    assert good(read(served.url(name))) == []


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.jsonl.gz", "a.parquet"])
def test_a_file_whose_server_gives_no_ranges_is_read_out_of_a_copy(served: Shelf, name: str):
    sound = moved(good(read(served.folder / name)), served.url(name))
    served.whole = True
    assert read(served.url(name)) == sound
    served.spoilt[name] = partial(cut, at=2_000)
    found = read(served.url(name))
    # Of what lies in its buffers when a stream breaks, its library may give nothing.
    assert good(found) == sound[: len(good(found))]


def test_a_copy_is_not_asked_for_by_each_who_would_read_a_part(
    served: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest, "_FAR_PART", 20_000)
    monkeypatch.setattr(ingest, "_SMALL", 0)
    write(served.folder / "b.warc.gz", *map(page, range(400)))
    served.whole = True
    with tt.open(tmp_path / "t.db") as tracker:
        assert tracker.ingest(served.url("b.warc.gz"), workers=2).pages == 400
    assert served.log.count("GET /b.warc.gz") == 1


def test_a_server_that_calls_a_packed_file_an_encoding_changes_no_place(served: Shelf):
    sound = moved(good(read(served.folder / "a.warc.gz")), served.url("a.warc.gz"))

    def encoded(handler: Handler) -> None:
        content = (served.folder / "a.warc.gz").read_bytes()
        handler.head(200, len(content), Content_Encoding="gzip")
        if handler.command == "GET":
            handler.send(content)

    served.spoilt["a.warc.gz"] = encoded
    assert read(served.url("a.warc.gz")) == sound


def test_a_server_that_fails_once_is_asked_again(served: Shelf):
    failed: list[str] = []

    def once(handler: Handler) -> None:
        if handler.command == "GET" and handler.path not in failed:
            failed.append(handler.path)
            handler.send_error(503)
        elif handler.command == "GET":
            handler.give()
        else:
            cut(handler, 0)

    served.spoilt["a.warc.gz"] = once
    assert len(good(read(served.url("a.warc.gz")))) == PAGES
    assert failed


def test_a_damaged_record_at_an_address_is_refused_with_its_place(served: Shelf, tmp_path: Path):
    write(served.folder / "b.warc.gz", page(1), page(2, WARC_Date="never"), page(3))
    refused: list[SourceError] = []
    with tt.open(tmp_path / "t.db") as tracker:
        wheres = [served.url("b.warc.gz"), served.url("not-there.warc.gz")]
        assert tracker.ingest(wheres, refused=refused.append).pages == 2
        (row,) = tracker.quarantine_rows()
    assert row["file"] == wheres[0]
    assert {one.path for one in refused} == set(wheres)


# --- protocols -----------------------------------------------------------------------------------


def test_a_protocol_without_its_package_names_the_extra(
    served: Shelf, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    (said,) = bad(read(served.url("a.warc")))
    assert said.endswith("cannot be read (a package is missing); pip install 'tickertrack[http]'")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    known = sys.modules["fsspec.registry"]._registry  # type: ignore[attr-defined]  # noqa: SLF001
    monkeypatch.delitem(known, "s3", raising=False)
    (said,) = bad(read("s3://crawls/a.warc"))
    assert said.endswith("cannot be read (a package is missing); pip install 'tickertrack[s3]'")


def test_an_address_of_no_protocol_is_refused():
    (said,) = bad(read("gopher://host/a.warc"))
    assert said == "gopher://host/a.warc: cannot be read (Protocol not known: gopher)"


NOBODYS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}
NOWHERE = (
    *("://", "http://", "s3://", "http://[x", "https://127.0.0.1:99999/a", "a::b://"),
    *("zip://a::file:///nowhere", "memory://\udcff"),
)


@pytest.mark.parametrize("ending", ["", "*.warc.gz", ".warc.gz", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("where", NOWHERE)
def test_whatever_is_no_address_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, ending: str
):
    # Nobody is asked for a bucket of that name, nor who we are.
    for name, value in NOBODYS.items():
        monkeypatch.setenv(name, value)
    refused: list[SourceError] = []
    with tt.open(tmp_path / "t.db") as tracker:
        report = tracker.ingest(f"{where}{ending}", refused=refused.append)
    assert (report.pages, len(refused)) == (0, 1)


def test_addresses_in_memory_and_within_others_are_read(served: Shelf):
    sound = good(read(served.folder / "a.warc.gz"))
    where = "memory://crawls/a.warc.gz"
    fsspec.filesystem("memory").pipe(where, (served.folder / "a.warc.gz").read_bytes())
    assert read(where) == moved(sound, where)
    chained = f"simplecache::{served.url('a.warc.gz')}"
    assert read(chained) == moved(sound, chained)
