"""A scan by processes of this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait

from tickertrack.closing import Closing
from tickertrack.errors import TickertrackError
from tickertrack.isolation import IsolatedReader
from tickertrack.reading import Part
from tickertrack.scan.tasks import Outcome, Work, do, lost
from tickertrack.workers import Line, Worker, begin, line_up

__all__ = ["done_here", "serve"]

# What one process has read before others have begun.
_SMALL = 1024 * 1024


def done_here(work: Work, parts: Sequence[Part], workers: int) -> Generator[Outcome, None, None]:
    """Yield what comes of inputs, read in so many processes. Raises StoreError."""
    if workers == 1 or sum(part.size for part in parts) < _SMALL:
        with IsolatedReader(work.order.desk) as reader:
            for part in parts:
                yield do(part, work, reader)
        return
    with _Gang(work, parts) as gang:
        yield from gang.outcomes(workers)


class _Gang(Closing):
    """Processes that each read one input at a time."""

    def __init__(self, work: Work, parts: Sequence[Part]) -> None:
        """Begin no process yet."""
        self._work = work
        self._waiting = deque(parts)
        self._died: set[Part] = set()
        self._busy: dict[Line, tuple[Worker, Part]] = {}

    def close(self) -> None:
        """End the processes, whatever they do."""
        for worker, _ in self._busy.values():
            worker.end()
        self._busy = {}

    def outcomes(self, workers: int) -> Iterator[Outcome]:
        """Yield what comes of the inputs, in whatever order."""
        for _ in range(min(workers, len(self._waiting))):
            self._give(self._begun())
        while self._busy:
            for line in wait(list(self._busy)):
                yield from self._hear(line)  # type: ignore[arg-type]

    def _begun(self) -> Worker:
        return begin("tickertrack.scan.local", "serve", self._work)

    def _give(self, worker: Worker) -> None:
        """Give the next input to who has none, or let them go."""
        if not self._waiting:
            worker.end()
            return
        part = self._waiting.popleft()
        self._busy[worker.line] = (worker, part)
        with suppress(OSError):
            # Who is gone is heard of.
            worker.line.send(part)

    def _hear(self, line: Line) -> Iterator[Outcome]:
        worker, part = self._busy.pop(line)
        try:
            told: Outcome | TickertrackError = line.recv()
        except (EOFError, OSError):
            yield from self._lost(worker, part)
            return
        self._give(worker)
        if isinstance(told, TickertrackError):
            raise told
        yield told

    def _lost(self, worker: Worker, part: Part) -> Iterator[Outcome]:
        """Have an input read again whose reader died; the second time it is to blame."""
        death = worker.death()
        worker.end()
        if part in self._died:
            yield lost(part, self._work, death)
        else:
            self._died.add(part)
            self._waiting.append(part)
        if self._waiting:
            self._give(self._begun())


def serve() -> None:
    """Read inputs for the process at the other end, until that is gone."""
    line = line_up()
    with suppress(EOFError, OSError):
        work: Work = line.recv()
        with IsolatedReader(work.order.desk) as reader:
            line.send(None)
            while True:
                line.send(_answer(line.recv(), work, reader))


def _answer(part: Part, work: Work, reader: IsolatedReader) -> Outcome | TickertrackError:
    try:
        return do(part, work, reader)
    except TickertrackError as error:
        return error
