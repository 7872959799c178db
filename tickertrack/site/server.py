"""The HTTP server: threads on 127.0.0.1 that answer rightly, or misbehave as they are told."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from tickertrack.site.answers import METHODS
from tickertrack.site.faults import Misdeed
from tickertrack.site.wire import Answer, Request, Wire, http_date

__all__ = ["HOST", "Answering", "Server"]

HOST = "127.0.0.1"
# Seconds after which a silent connection is given up; how soon the server notices its end.
_PATIENCE, _GLANCE = 60.0, 0.02
# In which time a stopped server has ended all that it was at.
_ENDING = 2.0

# A request's right answer, and how it is to be spoilt.
Answering = Callable[[Request], tuple[Answer, Misdeed | None]]


class Server(ThreadingHTTPServer):
    """One thread for each connection, each of which can be ended, whatever it is at."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, now: Callable[[], datetime], answering: Answering) -> None:
        """Bind a port, 0 for any; raises OSError where it is taken."""
        super().__init__((HOST, port), _Handler)
        self.now = now
        self.answering = answering
        self._serving: dict[threading.Thread, socket.socket] = {}
        self._loop = _thread(self.serve_forever, _GLANCE)

    def start(self) -> None:
        """Serve, in threads of its own."""
        self._loop.start()

    def wait(self) -> None:
        """Wait until it is stopped."""
        self._loop.join()

    def stop(self) -> None:
        """End every connection and every thread."""
        self.shutdown()
        self.server_close()
        until = time.monotonic() + _ENDING
        serving = dict(self._serving)
        for connection in serving.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (*serving, self._loop):
            thread.join(max(0.0, until - time.monotonic()))

    def server_bind(self) -> None:
        """Bind, without asking a name server what the host is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, and remember both so that they can be ended."""
        thread = _thread(self._serve, request, client_address)
        self._serving[thread] = request
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that have gone; what else goes wrong is our own fault."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            self._serving.pop(threading.current_thread(), None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    disable_nagle_algorithm = True
    server: Server

    def answer(self) -> None:
        """Answer one request, rightly or not."""
        request = Request(
            at=time.monotonic(),
            moment=self.server.now(),
            method=self.command,
            path=self.path,
            headers=tuple(self.headers.items()),
        )
        answer, misdeed = self.server.answering(request)
        # What is spoilt, and what we have not read to its end, leaves nothing to go on with.
        if misdeed or request.method not in METHODS:
            self.close_connection = True
        wire = Wire(self.connection, request, self._house(request.moment))
        try:
            misdeed.commit(wire, answer) if misdeed else wire.answer(answer)
        finally:
            request.done_at = time.monotonic()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer  # noqa: N815  (so called)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the site keeps a log of its own."""

    def _house(self, moment: datetime) -> tuple[tuple[str, str], ...]:
        closing = (("Connection", "close"),) if self.close_connection else ()
        return (("Date", http_date(moment)), ("Server", "Courier"), *closing)


def _thread(target: Callable[..., None], *given: Any) -> threading.Thread:
    return threading.Thread(target=target, args=given, name="sample site", daemon=True)
