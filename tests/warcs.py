"""What the tests of archives and of hostile pages share: records, responses, documents, processes.

python tests/warcs.py NAME ARGUMENT...    # a part of a test that needs its own process
"""

from __future__ import annotations

import gzip
import random
import re
import resource
import struct
import sys
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import count
from pathlib import Path

from laying import HEADLINE, SENTENCES, desk

from tickertrack.models import Locator, Response
from tickertrack.pages import Capture
from tickertrack.sources.warc import Archive, captures_in
from tickertrack.workers import line_up

MIB = 1024 * 1024
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
HTML = ("Content-Type", "text/html; charset=utf-8")


def address(number: int) -> str:
    return f"https://www.brecorder.com/news/{40_000_000 + number}"


def now() -> datetime:
    return NOON


# --- pages and responses --------------------------------------------------------------------------


def line(number: int) -> str:
    return f"ANL {33 + number}.30 Increased By ▲ 0.20 ({20 / (33.10 + number):.2f}%)"


def markup(number: int) -> str:
    return (
        f"<!doctype html><html><body><header><ul><li>{escape(line(number))}</li></ul></header>"
        f"<article><h1>{HEADLINE} {number}</h1><p>{SENTENCES[0]}</p><p>{SENTENCES[1]}</p></article>"
        "</body></html>"
    )


def response(number: int, body: str | bytes | None = None, **more: object) -> Response:
    content = markup(number) if body is None else body
    made = Response(
        url=address(number),
        status=200,
        reason="OK",
        headers=(HTML,),
        body=content if isinstance(content, bytes) else content.encode(),
        received_at=NOON + timedelta(minutes=number, microseconds=7),
        wire_bytes=7,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def kept(folder: Path, *responses: Response) -> list[Locator]:
    with Archive(folder, now) as archive:
        return [archive.keep(one) for one in responses]


# --- records of other people's archives -----------------------------------------------------------

_OK = b"HTTP/1.1 200 OK\r\n"
_DATE = "2024-05-06T12:00:00Z"


def http(body: bytes | str, *headers: tuple[str, str], status: bytes = _OK) -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers or (HTML,))
    return status + lines.encode() + b"\r\n" + content


def record(block: bytes, **fields: str | None) -> bytes:
    """Lay out a record; a field that is None is left out, and length is what is not said."""
    headers = {
        "WARC-Type": "response",
        "WARC-Record-ID": "<urn:uuid:00000000-0000-4000-8000-000000000000>",
        "WARC-Date": _DATE,
        "WARC-Target-URI": address(1),
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    }
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}  # type: ignore[misc]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return b"WARC/1.0\r\n" + lines.encode() + b"\r\n" + block + b"\r\n\r\n"


def page(number: int, **fields: str | None) -> bytes:
    return record(http(markup(number)), **{"WARC_Target_URI": address(number)} | fields)


def write(path: Path, *records: bytes) -> Path:
    """Write records, each a gzip member where the name says so."""
    packed = path.name.endswith(".gz")
    path.write_bytes(b"".join(gzip.compress(one) if packed else one for one in records))
    return path


def bomb(size: int, head: bytes, tail: bytes = b"") -> bytes:
    """Pack so many MiB of zeros between a head and a tail, without packing them all."""
    packer = zlib.compressobj(9, wbits=-15)
    begun = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    ended = packer.compress(tail) + packer.flush()
    check = zlib.crc32(head)
    for _ in range(size):
        check = zlib.crc32(bytes(MIB), check)
    trailer = struct.pack("<LL", zlib.crc32(tail, check), len(head) + size * MIB + len(tail))
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + begun + zeros * size + ended + trailer


# --- damage ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damaged:
    """A file's bytes after some damage, and where what it left alone lies now, by page."""

    content: bytes
    left: dict[int, int]


KINDS = ("flip", "flips", "cut", "zeros", "drop", "insert", "lie")


def damage(content: bytes, places: dict[int, Locator], rng: random.Random) -> Damaged:
    """Damage a file of records in one of seven ways."""
    kind = rng.choice(KINDS)
    if kind == "lie":
        return _lie(content, places, rng)
    changed, hit = bytearray(content), set[int]()
    left = {number: place.offset for number, place in places.items()}
    for _ in range(20 if kind == "flips" else 1):
        at = rng.randrange(len(changed))
        size = min(rng.randrange(1, 3_000), len(changed) - at)
        if kind in {"flip", "flips"}:
            changed[at] ^= 1 << rng.randrange(8)
            hit |= _touched(places, at, at + 1)
        elif kind == "cut":
            del changed[at:]
            hit |= _touched(places, at, len(content))
        elif kind == "zeros":
            changed[at : at + size] = bytes(size)
            hit |= _touched(places, at, at + size)
        else:
            new = b"" if kind == "drop" else rng.randbytes(size)
            end = at + size if kind == "drop" else at
            changed[at:end] = new
            hit |= _touched(places, at, max(end, at + 1))
            left = _moved(left, at, len(new) - (end - at))
    return Damaged(bytes(changed), {one: at for one, at in left.items() if one not in hit})


def _touched(places: dict[int, Locator], start: int, end: int) -> set[int]:
    return {
        number
        for number, place in places.items()
        if start < place.offset + place.length and end > place.offset
    }


def _moved(left: dict[int, int], at: int, by: int) -> dict[int, int]:
    return {number: offset + (by if offset > at else 0) for number, offset in left.items()}


def _lie(content: bytes, places: dict[int, Locator], rng: random.Random) -> Damaged:
    """Let one record say that it is longer or shorter than it is."""
    liar = rng.choice(list(places))
    at, end = places[liar].offset, places[liar].offset + places[liar].length
    packed = content.startswith(b"\x1f\x8b")
    told = gzip.decompress(content[at:end]) if packed else content[at:end]
    size = rng.choice([0, 1, len(told) - rng.randrange(400), 10 ** rng.randrange(2, 18)])
    told = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % size, told, count=1)
    told = gzip.compress(told) if packed else told
    left = {number: place.offset for number, place in places.items() if number != liar}
    left = _moved(left, at, len(told) - (end - at))
    return Damaged(content[:at] + told + content[end:], left)


# --- hostile documents ----------------------------------------------------------------------------


def flood(attributes: int) -> str:
    """Give one element with many attributes: the parser holds each against all others."""
    return f"<html><body><div {' '.join(f'a{one}=1' for one in range(attributes))}>x</div>"


def breeding(elements: int) -> str:
    """Give open elements that each following paragraph must open again: their number's square."""
    fonts = "".join(f"<font color={one}>" for one in range(elements))
    return f"<html><body><p>{fonts}</p>{'<p>x</p>' * elements}"


def nested(tag: str, depth: int) -> str:
    return f"<html><body>{f'<{tag}>' * depth}x"


HOSTILE = {
    "a flood of attributes": flood(60_000),
    "the same attribute": f"<html><body><div {'a=1 ' * 200_000}>x</div>",
    "breeding elements": breeding(1_000),
    "misnested links": f"<html><body>{'<a><b><div>' * 3_000}{'</a>' * 9_000}",
    "deep divisions": nested("div", 29_000),
    "deep bold": nested("b", 29_000),
    "deep fonts": nested("font color=red", 29_000),
    "deep links": nested("a href=x", 9_900),
    "deep lists": nested("ul><li", 14_000),
    "deep tables": nested("table><tr><td", 9_000),
    "deep frames": nested("frameset", 9_900),
    "deep drawings": nested("svg", 9_900),
    "deep formulas": nested("math><mi", 9_900),
    "deep templates": nested("template", 9_900),
    "deep choices": nested("select><option", 9_900),
    "deep buttons": nested("button", 9_900),
    "deep headings": nested("h1", 9_900),
    "foster children": f"<html><body>{'<table>' * 4_000}{'x<b>' * 4_000}",
    "a comment without end": f"<html><body><!--{'-' * 2_000_000}",
    "a script in a script": f"<html><body><script>{'<!--<script>' * 2_000}",
    "a title of megabytes": f"<html><head><title>{'x' * 4_000_000}",
    "entities": f"<html><body><article><p>{'&amp;' * 400_000}",
    "a paragraph of line breaks": f"<html><body><article><p>{'a<br>' * 9_900}",
    "brackets of JSON": f"<html><script type='application/ld+json'>{'[' * 500_000}</script>",
    "a style of megabytes": f"<html><body><p style='{'display: ' * 200_000}'>x",
    "nothing but tags": "<p>" * 100_000,
}


def capture(text: str, *, offset: int = 1, html: bool = True) -> Capture:
    return Capture(text=text, locator=Locator("made.warc.gz", offset, 1), html=html, url=address(1))


# --- parts that need processes of their own -------------------------------------------------------


def keep_on(folder: str) -> None:
    """Keep and sync responses until killed; say of each where it lies, when it is safe."""
    with Archive(Path(folder), now) as archive:
        for number in count(len(list(_stored(Path(folder))))):
            body = markup(number) + "<!-- filler -->" * number
            place = archive.keep(response(number, body, received_at=NOON))
            archive.sync()
            print(number, place.offset, place.length, flush=True)  # noqa: T201


def _stored(folder: Path) -> list[object]:
    return [one for path in folder.glob("*.gz") for one in captures_in(path)]


def read_bare(text: str, size: str) -> None:
    """Read a hostile document with nothing around it."""
    from tickertrack.pages import read_page  # noqa: PLC0415

    read_page(capture(globals()[text](int(size))), desk())


def read_and_wait(seconds: str, text: str) -> None:
    """Begin a reading process, tell its number, and have it read a document, or nothing."""
    from tickertrack.isolation import IsolatedReader  # noqa: PLC0415

    with IsolatedReader(desk(), float(seconds)) as reader:
        reader.read(capture(markup(1)))
        print(*children(), flush=True)  # noqa: T201
        if text:
            print(reader.read(capture(globals()[text](1_000))), flush=True)  # noqa: T201
        sys.stdin.read()


def children() -> list[int]:
    """Give the numbers of this process's children, but those that multiprocessing keeps."""
    # A daemon's test that ran before leaves its server of forks, and what tracks resources.
    tasks = Path("/proc/self/task").glob("*/children")
    numbers = [int(number) for task in tasks for number in task.read_text().split()]
    return [one for one in numbers if not any(name in _words(one) for name in _KEPT)]


_KEPT = (b"multiprocessing.forkserver", b"multiprocessing.resource_tracker")


def _words(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def ingest_in_parts(part: str, batch: str, *arguments: str) -> None:
    """Run the command line, with parts of so many bytes and so many pages in a transaction."""
    from tickertrack import ingest, tracker  # noqa: PLC0415
    from tickertrack.cli import main  # noqa: PLC0415

    ingest._PART, ingest._SMALL = int(part), 0  # noqa: SLF001
    tracker.BATCH = int(batch)
    print("begun", file=sys.stderr, flush=True)  # noqa: T201
    sys.argv[1:] = arguments
    main()


def talk() -> None:
    """Say more than a line holds to whoever began this process, and go."""
    line = line_up()
    line.recv()
    line.send(None)
    for number in range(4):
        line.send(bytes([number]) * 1_000_000)


def swallow(path: str) -> None:
    """Read a record as the library reads it, which believes the length that it states."""
    from fastwarc.warc import WarcRecord  # noqa: PLC0415

    WarcRecord.from_bytes(Path(path).read_bytes())


def read_within(memory: str, path: str) -> None:
    """Read an archive, in so much memory beyond what there is now."""
    _limit(int(memory))
    found = list(captures_in(Path(path)))
    pages = sum(isinstance(one, Capture) for one in found)
    print(f"{pages} pages, {len(found) - pages} refused")  # noqa: T201


def unpack_within(memory: str, path: str) -> None:
    """Unpack a file whole, in so much memory beyond what there is now."""
    _limit(int(memory))
    gzip.decompress(Path(path).read_bytes())


def _limit(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
