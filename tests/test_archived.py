"""Years of other people's archives: text, zstd, what is passed over, and files read in parts."""

from __future__ import annotations

import gzip
import random
import time
from pathlib import Path

import pytest
import zstandard
from laying import desk
from support import digests
from warcs import HEADLINE, SENTENCES, address, damage, line, page, record, write

import tickertrack as tt
from tickertrack import ingest
from tickertrack.dialects.markers import finder
from tickertrack.errors import SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Locator
from tickertrack.pages import Capture
from tickertrack.reading import Part, pages_in
from tickertrack.sources.files import Given
from tickertrack.sources.warc import captures_in, records

MARKERS = frozenset({"Increased By", "Decreased By", "No Change"})


def text(number: int, strip: str | None = None) -> bytes:
    """Lay out a page's text, as an archive extracted it."""
    head = f"{line(number) if strip is None else strip}\n\n"
    content = f"{head}{HEADLINE} {number}\n\n{SENTENCES[0]}".encode()
    kinds = {"WARC_Type": "conversion", "Content_Type": "text/plain"}
    return record(content, **kinds, WARC_Target_URI=address(number))


def packed(path: Path, *records: bytes, shared: bytes = b"") -> Path:
    """Write records as members of zstd, which may share a dictionary that begins the file."""
    words = zstandard.ZstdCompressionDict(shared) if shared else None
    packer = zstandard.ZstdCompressor(dict_data=words)
    begun = b"\x5d\x2a\x4d\x18" + len(shared).to_bytes(4, "little") + shared if shared else b""
    path.write_bytes(begun + b"".join(packer.compress(one) for one in records))
    return path


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".warc.wet", ".warc.wet.gz", ".wet.gz"])
def test_the_text_of_pages_is_read(tmp_path: Path, ending: str):
    path = write(tmp_path / f"a{ending}", text(1), text(2))
    with tt.open(tmp_path / "t.db") as tracker:
        report = tracker.ingest(path)
        rows = tracker.quote_rows(["ANL"])
    assert (report.pages, report.quotes) == (2, 2)
    assert {row["url"] for row in rows} == {address(1), address(2)}


@pytest.mark.parametrize("shared", [b"", b"WARC/1.0\r\nWARC-Type: response\r\n" * 20])
def test_members_of_zstd_are_read(tmp_path: Path, shared: bytes):
    path = packed(tmp_path / "a.warc.zst", *map(page, range(3)), shared=shared)
    found = list(captures_in(path))
    assert [one.url for one in found if isinstance(one, Capture)] == [*map(address, range(3))]


def test_a_damaged_member_of_zstd_costs_only_itself(tmp_path: Path):
    path = packed(tmp_path / "a.warc.zst", *map(page, range(3)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    found = list(captures_in(path))
    pages = [one.url for one in found if isinstance(one, Capture)]
    assert {address(0), address(2)} <= set(pages)
    assert len(pages) == 3 or any(isinstance(one, SourceError) for one in found)


# --- what is passed over -------------------------------------------------------------------------

WRITTEN = {
    "as it is": b"ANL 33.30 Increased By 0.20 (0.6%)",
    "with a hard blank": "ANL 33.30 No\u00a0Change 0.00 (0%)".encode(),
    "with one of cp1252": b"ANL 33.30 No\xa0Change 0.00 (0%)",
    "over two lines": b"ANL 33.30 No\r\n Change 0.00 (0%)",
    "as an entity": b"ANL 33.30 No&nbsp;Change 0.00 (0%)",
    "in markup": b"<b>No</b> <i class='x'>Change</i>",
}
NO_STRIP = [
    b"",
    b"Climate Change",
    b"Increased costs, by all means",
    b"No. Change is near",
    b"no change",
]


@pytest.mark.parametrize("how", WRITTEN)
def test_a_marker_is_found_however_it_is_written(how: str):
    assert finder(MARKERS)(b"x" * 2_000 + WRITTEN[how] + b"y" * 2_000)


@pytest.mark.parametrize("content", NO_STRIP)
def test_other_words_are_no_marker(content: bytes):
    assert not finder(MARKERS)(b"x " * 2_000 + content + b" y" * 2_000)


def test_pages_that_cannot_hold_a_strip_are_passed_over(tmp_path: Path):
    path = write(tmp_path / "a.wet.gz", text(1), text(2, strip=""), text(3, strip="No\tChange"))
    found = list(captures_in(path, None, MARKERS))
    assert [one.url for one in found if isinstance(one, Capture)] == [address(1), address(3)]
    # The control: without markers to look for, nothing is.
    assert len(list(captures_in(path))) == 3


def test_what_we_fetched_ourselves_is_never_passed_over(tmp_path: Path):
    ours = record(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>news</html>",
                  X_Tickertrack_Basis="http")  # fmt: skip
    assert len(list(captures_in(write(tmp_path / "a.warc.gz", ours), None, MARKERS))) == 1


HEADS = {
    b"": False,
    b"Content-Encoding: gzip": True,
    b"transfer-encoding: chunked": True,
    b"CONTENT-ENCODING: BR": True,
    b"the encoding of it": False,
    b"X-Tickertrack-Basis: http": True,
    b"\0N\0o": True,
}


@pytest.mark.parametrize("words", HEADS)
def test_what_cannot_be_searched_as_it_lies_is_never_passed_over(tmp_path: Path, words: bytes):
    def found(one: bytes) -> bool:
        return bool(list(captures_in(write(tmp_path / "a.warc.gz", one), None, MARKERS)))

    served = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    assert found(record(served + b"X: news " + words + b" news\r\n\r\nnews")) == HEADS[words]
    # Far below the head these are words as others, but for a zero; and so they are in a text, which
    # was served by nobody.
    below = b"news " * 900 + words
    assert found(record(served + b"\r\n" + below)) == (words[:1] == b"\0")
    for content in (words, below):
        one = record(content + b" news", WARC_Type="conversion", Content_Type="text/plain")
        assert found(one) == (words[:1] == b"\0")


# --- files read in parts -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an archive in which a record holds another archive, packed so that it shows through."""
    folder = tmp_path_factory.mktemp("nested")
    inner = b"".join(gzip.compress(text(number), mtime=0) for number in range(900, 960))
    noise = random.Random(1).randbytes(4_000)  # noqa: S311
    outer = record(inner + noise, WARC_Type="resource", Content_Type="application/warc")
    path = folder / "a.warc.wet.gz"
    members = [gzip.compress(text(number)) for number in range(120)]
    members.insert(60, gzip.compress(outer, compresslevel=0))
    path.write_bytes(b"".join(members))
    return path


def test_any_number_of_processes_reads_the_same_out_of_one_file(
    nested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest, "_PART", 3_000)
    monkeypatch.setattr(ingest, "_SMALL", 0)
    reports = []
    for workers in (1, 3):
        with tt.open(tmp_path / f"{workers}.db") as tracker:
            report = tracker.ingest(nested, workers=workers)
            reports.append((report.pages, report.quotes, report.articles))
    assert reports == [(120, 120, 120)] * 2
    assert digests(tmp_path / "1.db") == digests(tmp_path / "3.db")


def test_a_part_that_begins_where_a_record_seems_to_would_read_what_lies_within_another(
    nested: Path,
):
    # The control: this is why a part is believed only where the one before it ends.
    content = nested.read_bytes()
    within = content.index(gzip.compress(text(905), mtime=0))
    with IsolatedReader(desk()) as reader:
        found = list(
            pages_in(Part(nested, 9_000, within - 9, within + 9_000, near=True), Given(), reader)
        )
    urls = {one.url for one in found if not isinstance(one, SourceError)}
    assert address(905) in urls


# --- files read in parts and damaged -------------------------------------------------------------

Sound = tuple[bytes, dict[int, Locator]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sound]:
    """Give an archive of texts of all sizes, packed and not, with its places."""
    folder = tmp_path_factory.mktemp("sound")
    rng = random.Random(3)  # noqa: S311
    noise = [f"{line(number)}\n{rng.randbytes(rng.randrange(3_000)).hex()}" for number in range(40)]
    made = {}
    for ending in (".wet.gz", ".wet"):
        path = write(folder / f"a{ending}", *(text(*one) for one in enumerate(noise)))
        found = [one for one in captures_in(path) if isinstance(one, Capture)]
        made[ending] = path.read_bytes(), {number: one.locator for number, one in enumerate(found)}
    return made


def spoil(sound: dict[str, Sound], folder: Path, files: int) -> set[tuple[str, int]]:
    """Write damaged archives; give file and place of every record that was left alone."""
    rng = random.Random(files)  # noqa: S311
    left = set()
    for number in range(files):
        ending = (".wet.gz", ".wet")[number % 2]
        path = folder / f"{number}{ending}"
        spoilt = damage(*sound[ending], rng)
        path.write_bytes(spoilt.content)
        left |= {(str(path), offset) for offset in spoilt.left.values()}
    return left


def read_all(folder: Path, workers: int) -> tuple[set[tuple[str, int]], list[str], float]:
    """Read a folder in parts; give the places of its pages, all faults, and the longest silence."""
    reading = ingest.reading_of(ingest.Sources((folder,), workers=workers), desk())
    places, faults, silence, last = set(), list[str](), 0.0, time.monotonic()
    for batch in reading.batches():
        silence, last = max(silence, time.monotonic() - last), time.monotonic()
        places |= {(page.file, page.row[12]) for page in batch.facts.pages}
        faults += map(str, batch.errors)
    return places, faults, silence


@pytest.mark.parametrize(
    "files", [60, pytest.param(1_000, marks=pytest.mark.slow)], ids="{} files".format
)
def test_damage_costs_only_the_records_it_hits_also_where_several_read_parts(
    sound: dict[str, Sound], tmp_path: Path, files: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest, "_PART", 20_000)
    monkeypatch.setattr(ingest, "_SMALL", 0)
    left = spoil(sound, tmp_path, files)
    places, faults, silence = read_all(tmp_path, 2)
    assert left - places == set()
    assert not [fault for fault in faults if "crashes" in fault]
    assert len(faults) >= files / 4
    assert silence < 30
    # The control: read without searching on, the same files lose good records.
    monkeypatch.setattr(records, "_find", lambda *_: None)
    assert len(left - read_all(tmp_path, 1)[0]) > files
