"""
One request on one connection of its own, within a budget of seconds and bytes.

An httpx client over a transport of our own: what httpx does by itself with redirects, cookies,
proxies of the environment and codings is switched off (F-05, F-08, F-18), and where it connects to
is checked beneath it. No other file knows the library (F-20).
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import certifi
import httpcore
import httpx

from tickertrack.errors import FetchError
from tickertrack.sources.web.addresses import Address, is_public
from tickertrack.sources.web.faults import fault

__all__ = ["Answer", "Budget", "Headers", "Network", "trust"]

Headers = tuple[tuple[str, str], ...]
Resolver = Callable[[str, int], list[str]]

# RFC 9110 sets none; servers themselves take 100 at most.
_HEADERS = 200
_RECEIVED = "headers as received"
_TOO_LONG = "took longer than a fetch may take"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is still to be read: `chunks` are as they lay on the wire."""

    url: str
    status: int
    reason: str
    headers: Headers
    chunks: Iterator[bytes]

    def values(self, name: str) -> list[str]:
        """List the values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name]

    def first(self, name: str) -> str | None:
        """Give the first value of a header."""
        return next(iter(self.values(name)), None)

    def fault(self, reason: str, what: str) -> FetchError:
        """Say what is wrong with it."""
        return fault(reason, what, self.url)


class Budget:
    """The seconds and bytes that one request may still use, from its making on."""

    def __init__(self, url: str, seconds: float, head_bytes: int) -> None:
        """Start the clock; before the body only a head of so many bytes may arrive."""
        self._url = url
        self._end = time.monotonic() + seconds
        self._most = head_bytes
        self.received = 0

    def seconds(self) -> float:
        """Give the seconds that are left; raises FetchError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise fault("timeout", _TOO_LONG, self._url)
        return left

    def count(self, size: int) -> None:
        """Count what has arrived; raises FetchError when it is more than may."""
        self.received += size
        if self.received > self._most:
            raise fault("too_large", f"sent more than {self._most:,} bytes", self._url)

    def room(self) -> int:
        """Give the bytes that it takes to tell that more arrives than may."""
        return self._most - self.received + 1

    def allow(self, size: int) -> None:
        """Let so many bytes more arrive: the body's."""
        self._most = self.received + size


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def trust(authorities: str) -> ssl.SSLContext:
    """Trust whom the authorities of a file vouch for, by name, over TLS 1.2 or newer (F-17)."""
    # Not create_default_context: it would take certificates, and a file to write session keys to,
    # from the environment (F-18).
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(authorities)
    return context


@dataclass(frozen=True, slots=True)
class Network:
    """How names are looked up, machines connected to and their certificates checked."""

    resolve: Resolver = _resolve
    sockets: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)
    context: ssl.SSLContext = field(default_factory=lambda: trust(certifi.where()))

    @contextmanager
    def ask(
        self, address: Address, headers: Headers, budget: Budget, allow_private: frozenset[str]
    ) -> Iterator[Answer]:
        """
        Send a GET, and give the answer while the connection is open.

        Raises FetchError, also in the midst of reading chunks; the connection ends in any case.
        """
        route = _Route(self, address, budget, allow_private)
        sent = [
            # As received, a validator may hold any byte.
            (name.encode("ascii"), value.encode("latin-1", "replace"))
            for name, value in (("Host", address.authority), *headers, ("Connection", "close"))
        ]
        request = httpx.Request("GET", address.url, headers=sent)
        transport = _Transport(address, self.context, route)
        with _faults(address), httpx.Client(transport=transport, trust_env=False) as client:
            response = client.send(request, stream=True, follow_redirects=False)
            with closing(response):
                answer = _answer(address.url, response)
                if len(answer.headers) > _HEADERS:
                    raise answer.fault("too_large", f"sent {len(answer.headers):,} headers")
                yield answer


class _Transport(httpx.BaseTransport):
    """What carries an httpx client's one request: a connection that goes our route."""

    def __init__(self, address: Address, context: ssl.SSLContext, route: _Route) -> None:
        scheme, host, target = (
            part.encode("ascii") for part in (address.scheme, address.host, address.target)
        )
        # Not httpx's own reading of the address: this one is what was checked.
        self._url = httpcore.URL(scheme=scheme, host=host, port=address.port, target=target)
        self._connection = httpcore.HTTPConnection(
            self._url.origin, ssl_context=context, network_backend=route
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and give its answer while the connection is open."""
        sent = httpcore.Request(request.method, self._url, headers=request.headers.raw)
        answer = self._connection.handle_request(sent)
        # The client sees no header: of a redirect it would parse the target, whatever that holds,
        # and cookies it would keep.
        received = {**answer.extensions, _RECEIVED: answer.headers}
        return httpx.Response(answer.status, stream=_Chunks(answer), extensions=received)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class _Chunks(httpx.SyncByteStream):
    """A body as it comes off the wire."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        """Yield what arrives."""
        yield from self._answer.iter_stream()

    def close(self) -> None:
        """Leave the rest unread."""
        self._answer.close()


class _Route(httpcore.NetworkBackend):
    """The way to one address: looked up once, checked, and connected to as checked."""

    def __init__(
        self, network: Network, address: Address, budget: Budget, allow_private: frozenset[str]
    ) -> None:
        self._network = network
        self._address = address
        self._budget = budget
        self._private = f"{address.host}:{address.port}" in allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  (httpcore's signature; the budget counts)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first machine of a name that answers, if all of them are public."""
        machines = self._look_up(host, port)
        failed: list[str] = []
        for left, machine in zip(range(len(machines), 0, -1), machines, strict=True):
            try:
                # One machine that swallows packets must not use up the time of the others.
                stream = self._network.sockets.connect_tcp(
                    machine, port, self._budget.seconds() / left, local_address, socket_options
                )
                return _Line(stream, self._address, self._budget)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed.append(f"{machine}: {error}")
        raise self._fault("unreachable", f"cannot be reached ({', '.join(failed)[:200]})")

    def _look_up(self, host: str, port: int) -> list[str]:
        found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                found.put(self._network.resolve(host, port))
            except (OSError, UnicodeError) as error:
                found.put(OSError(str(error)))

        # A resolver cannot be told when to end; one that hangs is left behind.
        threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
        try:
            machines = found.get(timeout=self._budget.seconds())
        except queue.Empty:
            machines = OSError("no answer in time")
        if isinstance(machines, OSError) or not machines:
            raise self._fault("unresolved", f"names no machine ({machines or 'no address'})")
        for machine in machines:
            # One that is not public spoils them all: names do not mix them by accident (F-04).
            if not (self._private or is_public(machine)):
                raise self._fault(
                    "private_address", f"names a machine that is not public: {machine}"
                )
        return machines

    def _fault(self, reason: str, what: str) -> FetchError:
        return fault(reason, what, self._address.url)


class _Line(httpcore.NetworkStream):
    """A connection that counts what it reads and gives up when the budget's time does (F-01)."""

    def __init__(self, stream: httpcore.NetworkStream, address: Address, budget: Budget) -> None:
        self._stream = stream
        self._address = address
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what has arrived."""
        size = min(max_bytes, self._budget.room())
        data = self._stream.read(size, self._budget.seconds())
        self._budget.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write all of it."""
        self._stream.write(buffer, self._budget.seconds())

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Go over to TLS, as the name and not the number that was connected to."""
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, self._budget.seconds())
        except httpcore.ConnectError as error:
            if not isinstance(error.__cause__, ssl.SSLError):
                raise
            raise fault("tls", f"cannot be trusted ({error})", self._address.url) from error
        return _Line(stream, self._address, self._budget)

    def get_extra_info(self, info: str) -> Any:
        """Tell what the connection knows of itself."""
        return self._stream.get_extra_info(info)


@contextmanager
def _faults(address: Address) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise fault("timeout", _TOO_LONG, address.url) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise fault("broken", f"broke off or is no HTTP ({error})", address.url) from error


def _answer(url: str, response: httpx.Response) -> Answer:
    return Answer(
        url=url,
        status=response.status_code,
        reason=_text(response.extensions.get("reason_phrase", b"")),
        headers=tuple(
            (_text(name), _text(value)) for name, value in response.extensions[_RECEIVED]
        ),
        chunks=response.iter_raw(),
    )


def _text(value: bytes) -> str:
    return value.decode("latin-1")
