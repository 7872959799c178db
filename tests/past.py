"""What tests of backfilling share: a newspaper's past in WARC files, and archives that serve it.

python tests/past.py FOLDER    # runs of backfill, each in a process that can be killed
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote_plus, urlsplit
from zoneinfo import ZoneInfo

from daemons import rows
from support import serving
from warcs import http, record, write

from tickertrack import Tracker
from tickertrack.backfill import Order, Report, backfill
from tickertrack.closing import Closing
from tickertrack.config import load_config
from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between
from tickertrack.shift import Shift
from tickertrack.site.newsroom import Newsroom
from tickertrack.site.paper import Paper
from tickertrack.site.telling import tell
from tickertrack.site.walk import Walk
from tickertrack.sources.warc import Archive, copies_after
from tickertrack.sources.warc.captures import Copy as Kept
from tickertrack.sources.warc.records import Record, field as header, records_in

KARACHI = ZoneInfo("Asia/Karachi")
SITE = "https://www.harbour-courier.example"
MONDAY = date(2024, 5, 6)
# Five captures of each session: before the open (which shows the one before), three in it, after.
LOOKS = (time(8, 0), time(10, 5), time(12, 20), time(14, 50), time(17, 35))
CRAWLS = ("CC-MAIN-2024-18", "CC-MAIN-2024-22")

Fields = dict[str, str]


# --- the past ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A page of the newspaper as it was captured once."""

    url: str
    captured_at: datetime
    body: bytes

    @property
    def digest(self) -> str:
        """SHA-1 of the body, as archives write it."""
        return base64.b32encode(hashlib.sha1(self.body, usedforsecurity=False).digest()).decode()

    @property
    def stamp(self) -> str:
        """The time in 14 digits."""
        return f"{self.captured_at:%Y%m%d%H%M%S}"

    def record(self, **more: str | None) -> bytes:
        """Lay it out as a WARC record."""
        named = {
            "WARC_Target_URI": self.url,
            "WARC_Date": f"{self.captured_at:%Y-%m-%dT%H:%M:%SZ}",
            "WARC_Payload_Digest": f"sha1:{self.digest}",
        }
        length = ("Content-Length", str(len(self.body)))
        block = http(self.body, ("Content-Type", "text/html; charset=utf-8"), length)
        return record(block, **named | more)


@cache
def copies(sessions: int = 5) -> tuple[Copy, ...]:
    """Capture the newspaper five times a day; each article is captured several times."""
    market = load_market("psx")
    newsroom = Newsroom(market, MONDAY - timedelta(days=30))
    paper = Paper(newsroom, Walk(market, newsroom.first, newsroom.pushes))
    moments = [
        datetime.combine(MONDAY + timedelta(days=number + number // 5 * 2), look, KARACHI)
        for number in range(sessions)
        for look in LOOKS
    ]
    return tuple(_copy(paper, moment, number) for number, moment in enumerate(moments))


def _copy(paper: Paper, moment: datetime, number: int) -> Copy:
    piece = next(islice(paper.newsroom.newest(moment), number % 3, None))
    path = tell(piece, paper.walk).path
    content = paper.at(path, moment)
    assert content is not None
    return Copy(f"{SITE}{path}", moment.astimezone(UTC), content.body)


# --- an archive on the net -----------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request, as the archive saw it."""

    path: str
    query: dict[str, list[str]]
    range: str | None

    @property
    def record(self) -> str | None:
        """Which record it asks for; None for what is none."""
        if self.range:
            return f"{self.path} {self.range}"
        return self.path if self.path.startswith("/web/") else None


Spoiling = Callable[["Handler"], None]


@dataclass
class Library:
    """
    An archive: crawls with an index each and files with ranges, and a Wayback Machine.

    Paths that begin with a key of `spoilt` are answered by its value.
    """

    folder: Path
    crawls: dict[str, list[Fields]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    replays: dict[str, Copy] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    spoilt: dict[str, Spoiling] = field(default_factory=dict)
    page_lines: int = 10
    # Of a key to go on from: one server decodes it once, as all that it is sent, the other again.
    decodes_twice: bool = True
    port: int = 0
    watch: Callable[[], object] = lambda: None
    sent: int = 0

    @property
    def url(self) -> str:
        """Where it stands."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def collinfo(self) -> str:
        """The list of its crawls: what --from is given."""
        return f"{self.url}/collinfo.json"

    @property
    def wayback(self) -> str:
        """The index of its Wayback Machine."""
        return f"{self.url}/cdx/search/cdx"

    @property
    def lines(self) -> list[Fields]:
        """The lines of all its indexes."""
        return [line for lines in self.crawls.values() for line in lines]

    def add(self, crawl: str, *records: bytes) -> list[Fields]:
        """Store records as a crawl's file, and index them; give the lines, to be falsified."""
        name = f"crawl-data/{crawl}/warc/{crawl}-00000.warc.gz"
        path = write(self.folder / f"{crawl}.warc.gz", *records)
        self.files[name] = path.read_bytes()
        found = [_line(one, name) for one in records_in(path) if isinstance(one, Record)]
        self.crawls.setdefault(crawl, []).extend(found)
        return found

    def add_replays(self, *made: Copy) -> None:
        """Let the Wayback Machine have copies."""
        self.replays |= {f"/web/{one.stamp}id_/{one.url}": one for one in made}

    def records(self) -> Counter[str]:
        """Count the requests for each record."""
        return Counter(one.record for one in self.log if one.record)

    def asked(self, prefix: str) -> list[Asked]:
        """List the requests to all paths that begin so."""
        return [one for one in self.log if one.path.startswith(prefix)]


def _line(found: Record, name: str) -> Fields:
    stamp = datetime.fromisoformat(header(found.headers, "WARC-Date"))
    return {
        "urlkey": "example,harbour-courier)/",
        "timestamp": f"{stamp:%Y%m%d%H%M%S}",
        "url": header(found.headers, "WARC-Target-URI"),
        "mime": "text/html",
        "status": "200",
        "digest": header(found.headers, "WARC-Payload-Digest").removeprefix("sha1:"),
        "length": str(found.length),
        "offset": str(found.offset),
        "filename": name,
    }


class Handler(BaseHTTPRequestHandler):
    """Answers as archives do."""

    protocol_version = "HTTP/1.1"
    library: Library

    def do_GET(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        raw = self.path.partition("?")[0] if not self.path.startswith("/web/") else self.path
        asked = Asked(raw, parse_qs(parts.query), self.headers.get("Range"))
        self.library.log.append(asked)
        self.library.watch()
        spoiling = next(
            (one for key, one in self.library.spoilt.items() if raw.startswith(key)), None
        )
        with suppress(OSError):
            spoiling(self) if spoiling else self.answer(asked)

    def answer(self, asked: Asked) -> None:
        """Answer rightly."""
        library = self.library
        name = asked.path.removeprefix("/")
        if name == "collinfo.json":
            self.say(200, json.dumps([self._info(one) for one in library.crawls]).encode())
        elif name.removesuffix("-index") in library.crawls:
            self._crawl(library.crawls[name.removesuffix("-index")], asked.query)
        elif name in library.files:
            self.part(library.files[name], asked.range)
        elif name == "cdx/search/cdx":
            self._wayback(asked.query)
        elif asked.path in library.replays:
            self.replay(library.replays[asked.path])
        else:
            self.say(404, b"nothing here")

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def part(self, content: bytes, asked: str | None) -> None:
        """Send a range of a file, or all of it."""
        if asked is None:
            self.say(200, content)
            return
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        body = content[first : last + 1]
        span = f"bytes {first}-{first + len(body) - 1}/{len(content)}"
        self.say(206, body, Content_Range=span)

    def replay(self, copy: Copy, **more: str) -> None:
        """Send a copy as it was captured."""
        moment = f"{copy.captured_at:%a, %d %b %Y %H:%M:%S GMT}"
        known = {
            "Content_Type": "text/html; charset=utf-8",
            "Memento_Datetime": moment,
            "Link": f'<{copy.url}>; rel="original"',
        }
        self.say(200, copy.body, **known | more)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the archive keeps a log of its own."""

    def _info(self, crawl: str) -> Fields:
        stamps = sorted(line["timestamp"] for line in self.library.crawls[crawl])
        since, until = (
            datetime.strptime(one, "%Y%m%d%H%M%S").isoformat()  # noqa: DTZ007  (as theirs are)
            for one in (stamps[0], stamps[-1])
        )
        index = f"{self.library.url}/{crawl}-index"
        return {"id": crawl, "name": crawl, "cdx-api": index, "from": since, "to": until}

    def _crawl(self, lines: list[Fields], query: dict[str, list[str]]) -> None:
        size = self.library.page_lines
        if "showNumPages" in query:
            pages = {"pages": -(-len(lines) // size), "pageSize": 1, "blocks": len(lines)}
            self.say(200, json.dumps(pages).encode())
            return
        page = int(query["page"][0])
        part = lines[page * size : (page + 1) * size]
        self.say(200, "".join(f"{json.dumps(one)}\n" for one in part).encode())

    def _wayback(self, query: dict[str, list[str]]) -> None:
        """Answer as its server does: sorted by address and time, with a key where it breaks off."""
        said = {name: values[0] for name, values in query.items()}
        domain = key_of(f"http://{said['url']}").removesuffix(")")
        resumed = said.get("resumeKey", domain)
        begin = unquote_plus(resumed) if self.library.decodes_twice else resumed
        lines = sorted(
            (key_of(one.url), one.stamp, one)
            for one in self.library.replays.values()
            if said["from"] <= one.stamp <= said["to"]
        )
        found = [one for one in lines if begin <= " ".join(one[:2]) and one[0] < f"{domain}-"]
        part = found[: min(self.library.page_lines, int(said["limit"]))]
        fields = said["fl"].split(",")
        told = [" ".join(_cdx(key, one)[name] for name in fields) for key, _, one in part]
        if len(part) < len(found) and "showResumeKey" in said:
            key, stamp, _ = part[-1]
            # Without the field it knows no key to go on from.
            key = key if "urlkey" in fields else "-"
            told += ["", quote_plus(f"{key} {stamp[:-1]}{chr(ord(stamp[-1]) + 1)}")]
        self.say(200, "".join(f"{one}\n" for one in told).encode())


def key_of(url: str) -> str:
    """Give the key that archives sort addresses by."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    return f"{','.join(reversed(host.split('.')))}){parts.path}"


def _cdx(key: str, copy: Copy) -> Fields:
    return {
        "urlkey": key,
        "timestamp": copy.stamp,
        "original": copy.url,
        "mimetype": "text/html",
        "statuscode": "200",
        "digest": copy.digest,
        "length": str(len(copy.body)),
    }


@contextmanager
def library(folder: Path, made: Sequence[Copy] | None = None) -> Iterator[Library]:
    """Open an archive with two crawls of the newspaper's past, or of the copies given."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = Library(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"library": opened}))
    opened.port = server.server_address[1]
    made = copies() if made is None else made
    half = (len(made) + 1) // 2
    for crawl, part in zip(CRAWLS, (made[:half], made[half:]), strict=True):
        if part:
            opened.add(crawl, *(one.record() for one in part))
    opened.add_replays(*made)
    with serving(server):
        yield opened


# --- a tracker that asks it ----------------------------------------------------------------------


def tracker_folder(folder: Path, port: int) -> Path:
    """Lay out a tracker of the newspaper that may ask an archive on this machine."""
    (folder / "publishers").mkdir(parents=True, exist_ok=True)
    shutil.copy(shipped_publisher(), folder / "publishers")
    (folder / "config.toml").write_text(
        '[collect]\npublishers = ["courier"]\nper_host_delay = 0\n'
        f'allow_private = ["127.0.0.1:{port}"]\n'
    )
    return folder


def shipped_publisher() -> Path:
    return Path(__file__).parents[1] / "tickertrack" / "sample" / "publishers" / "courier.toml"


class Clock:
    """A clock that goes on only when somebody waits."""

    def __init__(self, moment: datetime = datetime(2024, 6, 1, tzinfo=UTC)) -> None:
        """Stand at a time."""
        self.moment = moment

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.moment

    def advance(self, **by: float) -> None:
        """Go on."""
        self.moment += timedelta(**by)


@dataclass
class IdleShift(Shift):
    """A shift whose waits take no time but its clock's."""

    now: Clock

    def wait(self, seconds: float) -> None:
        """Let the time go by."""
        self.now.advance(seconds=seconds)


def fetched(folder: Path, source: str, clock: Clock | None = None, **more: Any) -> Report:
    """Run one backfill in this process."""
    order = Order(source, "courier", **more)
    with opened(folder) as tracker:
        return backfill(IdleShift(tracker, clock or Clock()), order)


def opened(folder: Path) -> Tracker:
    """Open the tracker of a folder."""
    return Tracker(load_config(folder / "config.toml", {}))


def kept(folder: Path) -> list[str]:
    """List what the archive's files of a folder hold, by time and address."""
    files = sorted((folder / "archive").glob("backfill-*.warc.gz"))
    found = [one for file in files for one in copies_after(file, 0)]
    return [f"{one.captured_at:%Y%m%d%H%M%S} {one.url}" for one in found if isinstance(one, Kept)]


def states(folder: Path) -> Counter[str]:
    """Count the captures by what became of them."""
    return Counter(row["state"] for row in rows(folder, "SELECT state FROM captures"))


# --- runs that are killed ------------------------------------------------------------------------


class Runs(Closing):
    """Backfills in processes of their own, which are forked from one that has loaded all."""

    def __init__(self, folder: Path, source: str) -> None:
        """Begin the process that forks; `folder` holds the trackers."""
        words = [sys.executable, __file__, source]
        self._parent = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
        )

    def begin(self, folder: Path, die_after: int = 0) -> int:
        """Begin a run, and give its process; it may kill itself after so many records kept."""
        return int(self._ask(f"{folder} {die_after}"))

    def end(self) -> int:
        """Wait for the run's end, and give its exit code."""
        return int(self._ask("end"))

    def close(self) -> None:
        """End the process that forks."""
        self._parent.communicate(timeout=60)

    def _ask(self, line: str) -> str:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        print(line, file=self._parent.stdin, flush=True)
        return self._parent.stdout.readline()


def serve_runs(source: str) -> None:
    """Fork a run for each line on standard input, and tell its process, then its exit code."""
    # Loaded once, before the forks.
    from tickertrack.cli import main, past as command  # noqa: F401, PLC0415
    from tickertrack.store import schema  # noqa: F401, PLC0415

    load_market("psx")
    sessions_between(load_market("psx"), MONDAY, MONDAY)
    child = 0
    for line in sys.stdin:
        if line.strip() == "end":
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201
            continue
        folder, die_after = line.split()
        child = os.fork()
        if child == 0:
            if int(die_after):
                die_after_keeping(int(die_after))
            words = ["--config", f"{folder}/config.toml", "-q", "backfill", "--from", source]
            main([*words, "--publisher", "courier", "-s", "2024-05-01", "-e", "2024-05-31"])
        print(child, flush=True)  # noqa: T201


def die_after_keeping(number: int) -> None:
    """Let this process be killed when so many records are on the disk, and one is not stored."""
    sync, left = Archive.sync, [number]

    def dying(archive: Archive) -> None:
        sync(archive)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Archive.sync = dying  # type: ignore[method-assign]


if __name__ == "__main__":
    serve_runs(sys.argv[1])
