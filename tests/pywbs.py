"""pywb, the Wayback toolkit, in an environment of its own, serving WARC files on 127.0.0.1."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import python_of

# Apart from ours: it depends on brotlipy, whose module `brotli` would stand before FastWARC's own.
PACKAGES = ("pywb>=2.8,<3", "setuptools<81")
# Its log's line for a request: not those that it puts to itself.
_REPLAY = re.compile(r'"GET (/past/[0-9]{14}id_/\S+) HTTP')
_INDEX = re.compile(r'"GET (/past/cdx\?\S+) HTTP')


@dataclass(frozen=True)
class Pywb:
    """A pywb with one collection, `past`."""

    port: int
    said: Path

    @property
    def cdx(self) -> str:
        """The address of its index: what --from is given."""
        return f"http://127.0.0.1:{self.port}/past/cdx"

    def replays(self) -> Counter[str]:
        """Count the requests for each capture."""
        return Counter(_REPLAY.findall(self.said.read_text()))

    def asked(self) -> list[str]:
        """List the requests to its index."""
        return _INDEX.findall(self.said.read_text())


@contextmanager
def pywb(folder: Path, *files: Path) -> Iterator[Pywb]:
    """Serve WARC files; skips the test where pywb cannot be installed."""
    python = str(python_of(".venv-pywb", PACKAGES))
    manage = [python, "-c", "from pywb.manager.manager import main_wrap_exc as run; run()"]
    folder.mkdir()
    for words in (["init", "past"], ["add", "past", *map(str, files)]):
        subprocess.run([*manage, *words], cwd=folder, check=True, capture_output=True)
    said, port = folder / "said", _free_port()
    serve = "from pywb.apps.cli import wayback; wayback()"
    words = [python, "-c", serve, "-b", "127.0.0.1", "-p", str(port)]
    with said.open("wb") as log, subprocess.Popen(words, cwd=folder, stderr=log) as process:
        try:
            _await(port)
            yield Pywb(port, said)
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("pywb does not listen")
