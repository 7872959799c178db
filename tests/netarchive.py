"""An archive on the net for tests of backfilling: crawls, a Wayback Machine, and how they fail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote_plus, urlsplit

from past import Copy, copies
from support import serving
from warcs import write

from tickertrack.sources.warc.records import Record, field as header, records_in

CRAWLS = ("CC-MAIN-2024-18", "CC-MAIN-2024-22")
MEGABYTE = 1024 * 1024

Fields = dict[str, str]


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
    # How it tells that key, behind an answer's lines.
    tell_key: Callable[[str], list[str]] = lambda key: ["", key]
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
            after = quote_plus(f"{key} {stamp[:-1]}{chr(ord(stamp[-1]) + 1)}")
            told += self.library.tell_key(after)
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


# --- how it is spoilt ----------------------------------------------------------------------------


def endless(handler: Handler) -> None:
    """Send a whole file of a gigabyte, whatever part of it was asked for."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1024 * MEGABYTE))
    handler.end_headers()
    for sent in range(1024):
        handler.wfile.write(bytes(MEGABYTE))
        handler.library.sent = sent + 1


def saying(status: int, body: bytes = b"", **headers: str) -> Spoiling:
    """Give what answers so, whatever is asked."""
    return lambda handler: handler.say(status, body, **headers)
