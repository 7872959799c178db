"""A server on 127.0.0.1 that says whatever it is told to, however wrong, and notes who asked."""

from __future__ import annotations

import gzip
import socketserver
import ssl
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpcore
import pytest

from tickertrack.errors import FetchError
from tickertrack.models import HostState
from tickertrack.sources.web import Fetcher, Manners, Network

MEGABYTE = 1024 * 1024
START = datetime(2026, 11, 23, 5, tzinfo=UTC)
CONTACT = "tickertrack/0 (+desk@example.org)"


Pieces = Iterator[bytes | float]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived, at a time of the server's clock."""

    path: str
    headers: dict[str, str]
    at: datetime


Script = bytes | Callable[[Seen], Pieces]


# --- what a server may say: bytes, or pieces with pauses (in seconds) between them ----------------


def http(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Write down a well-behaved answer; a header's underscores are hyphens."""
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Transfer_Encoding" not in headers and "Content_Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def moved(to: str, status: str = "302 Found") -> bytes:
    """Write down a redirect."""
    return http(b"", status, Location=to)


def drip(_: Seen) -> Pieces:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    while True:
        yield b"x"
        yield 0.05


def drip_head(_: Seen) -> Pieces:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-Drip: x\r\n"
        yield 0.05


def endless_1xx(_: Seen) -> Pieces:
    while True:
        yield b"HTTP/1.1 103 Early Hints\r\n\r\n"
        yield 0.05


def never(_: Seen) -> Pieces:
    while True:
        yield 0.05


def never_ending_body(seen: Seen) -> Pieces:
    """All of the body, chunked, but never its end."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n"
    yield from never(seen)


def endless(_: Seen) -> Pieces:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


def crumbs(_: Seen) -> Pieces:
    """A body in chunks of one byte, each with an extension: much wire, little page."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield (b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 64


def flood(_: Seen) -> Pieces:
    """A header of 50 megabytes."""
    yield b"HTTP/1.1 200 OK\r\nX-Flood: "
    for _ in range(50):
        yield b"x" * MEGABYTE


def storm_1xx(_: Seen) -> Pieces:
    while True:
        yield b"HTTP/1.1 103 Early Hints\r\nX-Hint: x\r\n\r\n" * 1000


def many_headers(_: Seen) -> Pieces:
    lines = (f"X-{number}: x\r\n" for number in range(7000))
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + "".join(lines).encode() + b"\r\n"


def bomb(megabytes: int) -> bytes:
    """Pack so many megabytes of nothing; its checksum is wrong, but nobody should get there."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    head = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (megabytes - 1) + packer.flush()


def packed(body: bytes) -> bytes:
    """Pack a body as servers do."""
    return gzip.compress(body, mtime=0)


# --- the server ----------------------------------------------------------------------------------


@dataclass
class Hostile:
    """The server; `pages` holds what it says to whom asks for a path, 404 where nothing stands."""

    pages: dict[str, Script] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seen: list[Seen] = field(default_factory=list)
    _closing: bool = False

    def __enter__(self) -> Self:
        """Start to listen, on a free port."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, whatever is being said."""
        self._closing = True
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return self._server.server_address[1]

    @property
    def authority(self) -> str:
        """Its host and port, as manners are kept by."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """Give the address of a path."""
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """List what was asked for, in order, without robots.txt."""
        return [one.path for one in self.seen if one.path != "/robots.txt"]

    def count(self) -> Counter[str]:
        """Count what was asked for."""
        return Counter(one.path for one in self.seen)

    def serve(self, line: _Line) -> None:
        """Answer one request."""
        head = line.head()
        if not head:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(one.split(": ", 1) for one in lines if one)
        seen = Seen(request.split(" ")[1], headers, self.clock())
        self.seen.append(seen)
        script = self.pages.get(seen.path, http(b"nothing here", "404 Not Found"))
        for piece in [script] if isinstance(script, bytes) else script(seen):
            if self._closing:
                return
            line.say(piece)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128


class _Line(socketserver.StreamRequestHandler):
    hostile: Hostile

    def setup(self) -> None:
        """Put TLS around the connection, where that is wanted."""
        if self.hostile.tls:
            self.request = self.hostile.tls.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
        super().setup()

    def handle(self) -> None:
        """Answer, as long as anybody listens."""
        try:
            if self.hostile.tls:
                self.request.do_handshake()
            self.hostile.serve(self)
        except OSError:
            # Who gives up has every right to.
            pass

    def finish(self) -> None:
        """Hang up."""
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.request.close()

    def head(self) -> bytes:
        """Read a request's head; nothing where nobody asks."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return b""
            head += line
        return head

    def say(self, piece: bytes | float) -> None:
        """Send bytes, or pause for seconds."""
        if isinstance(piece, float):
            time.sleep(piece)
        else:
            self.wfile.write(piece)


def _handler(server: Hostile) -> type[_Line]:
    return type("Line", (_Line,), {"hostile": server})


# --- who asks it ---------------------------------------------------------------------------------


class Clock:
    """A clock that goes on only when somebody waits."""

    def __init__(self, now: datetime = START) -> None:
        """Stand at a time."""
        self.time = now
        self.waited: list[float] = []

    def now(self) -> datetime:
        """Tell the time."""
        return self.time

    def wait(self, seconds: float) -> None:
        """Go on at once, and note by how much."""
        self.waited.append(seconds)
        self.time += timedelta(seconds=seconds)


class Book(dict[str, HostState]):
    """What is remembered of hosts, in memory."""

    def load(self, host: str) -> HostState:
        """Give what is remembered."""
        return self.get(host, HostState(host))

    def save(self, state: HostState) -> None:
        """Remember it."""
        self[state.host] = state


class Forgetful(Book):
    """The control of whatever rests on memory: one that keeps robots.txt and nothing else."""

    def save(self, state: HostState) -> None:
        """Remember less of it."""
        self[state.host] = replace(state, last_request_at=None, not_before=None, failures=0)


def fetcher(
    server: Hostile,
    book: Book | None = None,
    clock: Clock | None = None,
    network: Network | None = None,
    **manners: object,
) -> Fetcher:
    """Make a fetcher that may go to a server of ours, and whose waiting takes no time."""
    clock = clock or Clock()
    allowed = frozenset({server.authority, f"localhost:{server.port}"})
    chosen = {"user_agent": CONTACT, "allow_private": allowed, **manners}
    book = Book() if book is None else book
    return Fetcher(Manners(**chosen), book, clock.now, clock.wait, network)  # type: ignore[arg-type]


OURS = frozenset({"127.0.0.1", "localhost"})


def reason(server: Hostile, path: str, book: Book | None = None, **manners: object) -> str:
    """Give the reason that a path is not had for."""
    asker = fetcher(server, book, per_host_delay=0.0, tries=1, **manners)
    with pytest.raises(FetchError) as caught:
        asker.get(server.url(path), hosts=OURS)
    return caught.value.reason


class Stub(httpcore.NetworkBackend):
    """The connecting step, counted: it notes where to, and connects to nothing."""

    def __init__(self) -> None:
        """Begin to count."""
        self.dialled: list[str] = []

    def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.NetworkStream:
        """Note a host, and fail."""
        self.dialled.append(host)
        raise httpcore.ConnectError("a stub connects to nothing")


class Meter(httpcore.SyncBackend):
    """A connecting step that counts the bytes read, and the connections open at one time."""

    def __init__(self) -> None:
        """Begin to count."""
        self.read = 0
        self.open: set[object] = set()
        self.most_open = 0

    def connect_tcp(self, *where: object, **how: object) -> httpcore.NetworkStream:
        """Connect, and watch the connection."""
        stream = super().connect_tcp(*where, **how)  # type: ignore[arg-type]
        plain_read, plain_close = stream.read, stream.close
        self.open.add(stream)
        self.most_open = max(self.most_open, len(self.open))

        def read(*arguments: object) -> bytes:
            data = plain_read(*arguments)  # type: ignore[arg-type]
            self.read += len(data)
            return data

        def close() -> None:
            self.open.discard(stream)
            plain_close()

        stream.read, stream.close = read, close  # type: ignore[method-assign, assignment]
        return stream


def stubbed(resolve: Callable[[str, int], list[str]]) -> tuple[Network, Stub]:
    """Make a network whose names mean what a test says, and which never opens a socket."""
    stub = Stub()
    return Network(resolve=resolve, sockets=stub), stub


def ask_and_stay(database: str, url: str) -> None:
    """Ask for an address as a daemon would, tell what came of it, and stay until killed."""
    from tickertrack.store.connect import open_writing  # noqa: PLC0415  (a process of its own)
    from tickertrack.store.fetches import StoredHosts  # noqa: PLC0415

    path = Path(database)
    allowed = frozenset({urlsplit(url).netloc})
    book = StoredHosts(open_writing(path), path)
    asker = Fetcher(Manners(CONTACT, 0.0, allowed), book, lambda: datetime.now(UTC))
    try:
        asker.get(url, hosts=OURS)
    except FetchError as error:
        print(error.reason, flush=True)  # noqa: T201
    time.sleep(60)


if __name__ == "__main__":
    ask_and_stay(*sys.argv[1:])
