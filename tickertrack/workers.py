"""Processes that work for this one, each at the other end of a line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Any

from tickertrack.closing import Closing
from tickertrack.errors import TickertrackError

if TYPE_CHECKING:
    Line = Connection[Any, Any]
else:
    Line = Connection

__all__ = [
    "Line",
    "Lines",
    "LostWorkerError",
    "Worker",
    "begin",
    "begin_several",
    "line_up",
]

# Modules are loaded in a quarter of a second, on a machine that has nothing else to do.
_START = 60.0
_WORDS = "import sys; sys.path[:] = {path!r}; from {module} import {function}; {function}()"


# What was heard and is not asked for yet: so many messages, of some megabytes.
_AHEAD = 8


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


class LostWorkerError(Exception):
    """A worker is gone: it has said all that it will."""

    def __init__(self, worker: Worker) -> None:
        """Name it."""
        super().__init__(worker)
        self.worker = worker


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


class Lines(Closing):
    """
    The lines of several workers, heard while this process does other work.

    Else who works for it would wait to be heard: a line itself takes little.
    """

    def __init__(self) -> None:
        """Hear nobody yet."""
        self._heard: SimpleQueue[tuple[Worker, bytes | None]] = SimpleQueue()
        # Not of each worker: where there are many, they are faster than whoever hears them.
        self._room = Semaphore(_AHEAD)
        self._threads: list[Thread] = []
        self._closed = False

    def add(self, worker: Worker) -> None:
        """Hear a worker from now on, until it is gone."""
        # Not to be waited for where this process ends in the midst of things.
        thread = Thread(target=self._listen, args=(worker,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def next(self, seconds: float) -> tuple[Worker, Any] | None:
        """
        Give a worker and what it says; None where nobody says anything in so many seconds.

        Raises LostWorkerError for one that is gone.
        """
        try:
            worker, said = self._heard.get(timeout=seconds)
        except Empty:
            return None
        self._room.release()
        if said is None:
            raise LostWorkerError(worker)
        return worker, ForkingPickler.loads(said)

    def close(self) -> None:
        """Hear nobody any more; all workers must be gone, or be killed."""
        self._closed = True
        self._room.release(len(self._threads) or 1)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _listen(self, worker: Worker) -> None:
        with suppress(EOFError, OSError):
            while worker.line.poll(None):
                self._room.acquire()
                if self._closed:
                    return
                self._heard.put((worker, worker.line.recv_bytes()))
        self._heard.put((worker, None))


def line_up() -> Line:
    """Give a worker's own end of its line, and let it heed nothing else."""
    # A Ctrl-C, or the end of a service, is for the other end to heed.
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    return Connection(0)
