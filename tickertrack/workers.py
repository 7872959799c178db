"""Processes that work for this one, each at the other end of a line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from tickertrack.errors import TickertrackError

if TYPE_CHECKING:
    Line = Connection[Any, Any]
else:
    Line = Connection

__all__ = ["Line", "Worker", "begin", "begin_several", "line_up"]

# Modules are loaded in a quarter of a second, on a machine that has nothing else to do.
_START = 60.0
_WORDS = "import sys; sys.path[:] = {path!r}; from {module} import {function}; {function}()"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, and the line to it."""

    process: subprocess.Popen[bytes]
    line: Line

    def end(self) -> None:
        """End the process, whatever it does."""
        self.line.close()
        self.process.kill()
        self.process.wait()

    def death(self) -> str:
        """Say what a process died of that is gone."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.returncode or 0
        return f"signal {-code}" if code < 0 else f"exit {code}"


def begin(module: str, function: str, order: object) -> Worker:
    """
    Begin a process that runs a function of ours, and hand it its order.

    It must say None when it is ready. Raises TickertrackError where no process can be begun.
    """
    return begin_several(1, module, function, order)[0]


def begin_several(count: int, module: str, function: str, order: object) -> list[Worker]:
    """Begin so many processes at once, as `begin` does one: all, or none."""
    begun: list[Worker] = []
    try:
        # Each loads its modules while the others do.
        begun.extend(_launched(module, function) for _ in range(count))
        for worker in begun:
            _hand(worker, order)
    except BaseException:
        for worker in begun:
            worker.end()
        raise
    return begun


def _launched(module: str, function: str) -> Worker:
    ours, theirs = socket.socketpair()
    line: Line = Connection(ours.detach())
    # Not by multiprocessing: that runs the caller's own script again, which may have no guard
    # against it, and its daemonic processes may have no children.
    words = _WORDS.format(path=sys.path, module=module, function=function)
    silent = subprocess.DEVNULL
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603  (our own words)
                [sys.executable, "-c", words], stdin=theirs.fileno(), stdout=silent, stderr=silent
            )
    except OSError as error:
        line.close()
        raise TickertrackError(f"no process can be begun ({error.strerror})") from error
    return Worker(process, line)


def _hand(worker: Worker, order: object) -> None:
    """Hand a process its order, and wait until it is ready."""
    with suppress(OSError, EOFError):
        worker.line.send(order)
        if worker.line.poll(_START) and worker.line.recv() is None:
            return
    worker.end()
    raise TickertrackError(
        f"the process that is to read pages ends with {worker.process.returncode}"
    )


def line_up() -> Line:
    """Give a worker's own end of its line, and let it heed nothing else."""
    # A Ctrl-C, or the end of a service, is for the other end to heed.
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    return Connection(0)
