"""What tests of files on the net share: a folder served over HTTP, with faults, and as S3 does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import serving

Spoiling = Callable[["Handler"], None]


@dataclass
class Shelf:
    """
    A folder on the net: lists its files, and gives ranges of them unless `whole`.

    Paths that end with a key of `spoilt` are answered by its value.
    """

    folder: Path
    port: int = 0
    whole: bool = False
    spoilt: dict[str, Spoiling] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    sent: int = 0

    def url(self, name: str = "") -> str:
        """Give the address of a file."""
        return f"http://127.0.0.1:{self.port}/{name}"


class Handler(SimpleHTTPRequestHandler):
    """Answers as servers of files do."""

    protocol_version = "HTTP/1.1"
    shelf: Shelf

    def do_HEAD(self) -> None:
        """Say how long a file is."""
        self._answer(super().do_HEAD)

    def do_GET(self) -> None:
        """Give a file, or a range of it."""
        self._answer(self.give)

    def _answer(self, rightly: Callable[[], None]) -> None:
        self.shelf.log.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())
        path = self.path.partition("?")[0]
        spoiling = next((one for key, one in self.shelf.spoilt.items() if path.endswith(key)), None)
        with suppress(OSError):
            spoiling(self) if spoiling else rightly()

    def give(self, until: int | None = None) -> None:
        """Give what is asked for; of a file no more than lies before a place, and hang up there."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            super().do_GET()
            return
        content, asked = path.read_bytes(), self.headers.get("Range")
        start, stop = 0, len(content)
        if asked and not self.shelf.whole:
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            start, stop = first, min(last + 1, stop)
        self.head(206 if asked and not self.shelf.whole else 200, stop - start)
        self.send(content[start : stop if until is None else max(min(until, stop), start)])
        self.close_connection = until is not None and until < stop

    def head(self, status: int, length: int, **headers: str) -> None:
        """Begin an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def send(self, content: bytes) -> None:
        """Send bytes, and count them."""
        self.shelf.sent += len(content)
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the shelf keeps a log of its own."""


@contextmanager
def shelf(folder: Path) -> Iterator[Shelf]:
    """Serve a folder."""
    opened = Shelf(folder)

    def handler(*args: Any) -> Handler:
        return type("Bound", (Handler,), {"shelf": opened})(*args, directory=str(folder))

    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    opened.port = server.server_address[1]
    with serving(server):
        yield opened


@contextmanager
def bucket(folder: Path, name: str) -> Iterator[str]:
    """Put the files of a folder into a bucket of a server that speaks as S3 does."""
    import s3fs  # noqa: PLC0415  (as the other)
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  (a second's import)

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(key, value)
        try:
            _filled(folder, name)
            yield f"s3://{name}"
        finally:
            server.stop()
            # It would be asked for other buckets too, and is not there.
            s3fs.S3FileSystem.clear_instance_cache()


def _filled(folder: Path, name: str) -> None:
    import fsspec  # noqa: PLC0415

    files = fsspec.filesystem("s3")
    files.mkdir(name)
    for path in folder.rglob("*"):
        if path.is_file():
            files.pipe(f"{name}/{path.relative_to(folder)}", path.read_bytes())
