"""HTML is read in a process of its own: one that hangs, grows or crashes costs only its page."""

from __future__ import annotations

import resource
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from tickertrack.closing import Closing
from tickertrack.errors import SourceError
from tickertrack.models import Page
from tickertrack.pages import Capture, Desk, read_page
from tickertrack.workers import Worker, begin, line_up

__all__ = ["MEMORY", "SECONDS", "IsolatedReader", "serve"]

# A page of 100 KB needs 5 ms, and the largest that are read need 0.4 s and 170 MiB; 36 KB of
# markup that is made for it need 4 s, and 73 KB all the memory there is (F-16).
SECONDS = 5.0
MEMORY = 512 * 1024 * 1024
_SLICES = 20
_SAID = 200
_STATUS = Path("/proc/self/status")
_VICTIM = Path("/proc/self/oom_score_adj")


@dataclass(frozen=True, slots=True)
class _Order:
    """What a reading process is told at its beginning."""

    desk: Desk
    seconds: float
    memory: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """A page, or why there is none; a process that is `spent` is to be replaced."""

    page: Page | None
    fault: str
    spent: bool


class _LostError(Exception):
    """The reading process is gone, or must go."""


class IsolatedReader(Closing):
    """
    Reads captured copies, markup in another process, begun with the first page that needs it.

    `seconds` of wall time for each page, `memory` in bytes beyond what an idle process has. Use it
    in a `with` block, and in one thread.
    """

    def __init__(self, desk: Desk, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        """Begin no process yet."""
        self._order = _Order(desk, seconds, memory)
        self._worker: Worker | None = None

    def read(self, capture: Capture) -> Page | SourceError:
        """
        Read a page as `read_page` does, or give the error that it was too much.

        Raises TickertrackError where no process can be begun, which is no page's fault.
        """
        if not capture.html:
            return read_page(capture, self._order.desk)
        self._worker = self._worker or begin("tickertrack.isolation", "serve", self._order)
        try:
            answer = _ask(self._worker, capture, self._order.seconds)
        except _LostError as lost:
            answer = _Answer(None, str(lost), spent=True)
        except BaseException:
            # The answer that is still to come would be taken for the next page's.
            self.close()
            raise
        if answer.spent:
            self.close()
        # Standing first in its file it needs no place.
        place = capture.locator.offset or None
        return answer.page or SourceError(answer.fault, path=capture.locator.file, line=place)

    def close(self) -> None:
        """End the process, whatever it does; a closed reader begins another when it needs one."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None


def _ask(worker: Worker, capture: Capture, seconds: float) -> _Answer:
    try:
        worker.line.send(capture)
        # Waited for in slices: a time in which we both were stopped counts as one of them.
        for _ in range(_SLICES):
            if worker.line.poll(seconds / _SLICES):
                answer: _Answer = worker.line.recv()
                return answer
    except (OSError, EOFError) as error:
        raise _LostError(_death(worker, seconds)) from error
    raise _LostError(_too_long(seconds))


def _death(worker: Worker, seconds: float) -> str:
    """Say what a process died of while it read a page."""
    death = worker.death()
    too_long = worker.process.returncode == -signal.SIGXCPU
    return _too_long(seconds) if too_long else f"crashes its reader ({death})"


def _too_long(seconds: float) -> str:
    return f"takes more than {seconds:g} s to read"


def _too_large(memory: int) -> str:
    return f"takes more than {memory >> 20} MiB of memory to read"


# ---- the other end


def serve() -> None:
    """Read pages for the process at the other end of standard input, until that is gone."""
    line = line_up()
    with suppress(EOFError, OSError):
        order: _Order = line.recv()
        _load()
        floor = _limit_memory(order.memory)
        line.send(None)
        while True:
            line.send(_answer(line.recv(), order, floor))


def _load() -> None:
    # Before the first page, whose time and memory they are not to take.
    import trafilatura  # noqa: F401, PLC0415

    from tickertrack.pages import markup  # noqa: F401, PLC0415


def _answer(capture: Capture, order: _Order, floor: int) -> _Answer:
    _limit_seconds(order.seconds)
    page, fault = None, ""
    try:
        page = read_page(capture, order.desk)
    except MemoryError:
        fault = _too_large(order.memory)
    except Exception as error:  # noqa: BLE001  (whatever a library makes of a hostile page)
        words = " ".join(str(error).split())[:_SAID]
        fault = f"cannot be read ({type(error).__name__}: {words})"
    # Half-used memory is not left to the next page, which may be an honest large one.
    spent = page is None or _memory("VmPeak") - floor > order.memory // 2
    if fault and _memory("VmPeak") - floor > order.memory // 2:
        fault = _too_large(order.memory)
    return _Answer(page, fault, spent)


def _limit_memory(memory: int) -> int:
    """Let the process grow by so much, and no more; give its size now."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        # Where memory runs out all the same, not the one who asks is killed.
        _VICTIM.write_text("1000", encoding="ascii")
    floor = _memory("VmSize")
    if floor:
        _lower(resource.RLIMIT_AS, floor + memory)
    return floor


def _limit_seconds(seconds: float) -> None:
    # The other end kills by the clock; this is for when it is no more.
    _lower(resource.RLIMIT_CPU, ceil(time.process_time() + seconds))


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (soft, hard))


def _memory(name: str) -> int:
    """Read a figure of this process in bytes; 0 where the system does not tell."""
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
