"""A client's connection while it is answered: what goes out, counted, until either side goes."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

from tickertrack.site.strip import Showing

__all__ = ["Answer", "Headers", "Request", "Wire", "http_date"]

Headers = tuple[tuple[str, str], ...]

# What never ends does end: by then no client is worth waiting for.
_LONGEST = 600.0
_STATUSES = frozenset(HTTPStatus)


@dataclass(slots=True, eq=False)
class Request:
    """
    One request as the site saw it: a row of its log.

    `at` and `done_at` are monotonic seconds, `moment` is the site's time; `sent` counts bytes of
    body on the wire; `strip` is what a page showed that was sent whole.
    """

    at: float
    moment: datetime
    method: str
    path: str
    headers: Headers
    status: int = 0
    sent: int = 0
    done_at: float | None = None
    strip: Showing | None = None

    def header(self, name: str) -> str | None:
        """Give the first header of a name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to be: status, headers, whole body, and the strip on it."""

    status: int
    headers: Headers
    body: bytes = b""
    strip: Showing | None = None

    def header(self, name: str) -> str:
        """Give the header of a name, as it was put in; empty where there is none."""
        return dict(self.headers).get(name, "")

    def with_headers(self, *changes: tuple[str, str]) -> Answer:
        """Set headers, in the place of those of their names."""
        named = {name for name, _ in changes}
        kept = (pair for pair in self.headers if pair[0] not in named)
        return replace(self, headers=(*kept, *changes))


@dataclass(slots=True)
class Wire:
    """
    Sends, and raises OSError as soon as nobody listens any more.

    `house` are the headers that stand on every answer of the site.
    """

    socket: socket.socket
    request: Request
    house: Headers
    begun: float = field(default_factory=time.monotonic)

    def answer(self, answer: Answer) -> None:
        """Send a whole answer in its right form."""
        self.head(answer.status, _with_length(answer))
        if self.request.method == "HEAD":
            return
        # Noted first, and taken back: who has the last byte may look into the log at once.
        self.request.strip = answer.strip
        try:
            self.body(answer.body)
        except OSError:
            self.request.strip = None
            raise

    def head(self, status: int, headers: Headers) -> None:
        """Send status line and headers as they are given."""
        self.request.status = int(status)
        self.raw(_head(status, (*self.house, *headers)))

    def written(self, answer: Answer) -> bytes:
        """Give the bytes of a whole answer, for those who send them in their own way."""
        return _head(answer.status, (*self.house, *_with_length(answer))) + answer.body

    def body(self, data: bytes) -> None:
        """Send a piece of the body."""
        rest = memoryview(data)
        while rest:
            # Counted first, as above.
            sent = 0
            self.request.sent += len(rest)
            try:
                sent = self.socket.send(rest)
            finally:
                self.request.sent -= len(rest) - sent
            rest = rest[sent:]

    def raw(self, data: bytes) -> None:
        """Send what is no part of a body."""
        self.socket.sendall(data)

    def beats(self, seconds: float) -> Iterator[None]:
        """Yield again and again, with a pause between, as long as the client is there."""
        while time.monotonic() < self.begun + _LONGEST:
            yield
            if seconds > 0:
                self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        patience = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            # A client that has gone says so at once; one that is there says nothing.
            if not self.socket.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError("the client has gone")
            time.sleep(seconds)
        self.socket.settimeout(patience)


def http_date(moment: datetime) -> str:
    """Write a moment as headers do: to the second, in GMT."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _with_length(answer: Answer) -> Headers:
    if answer.status == HTTPStatus.NOT_MODIFIED:
        return answer.headers
    return (*answer.headers, ("Content-Length", str(len(answer.body))))


def _head(status: int, headers: Headers) -> bytes:
    phrase = HTTPStatus(status).phrase if status in _STATUSES else "Unheard Of"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1")
