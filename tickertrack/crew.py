"""Several processes that read parts of files for this one, and the order that their work is in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tickertrack.closing import Closing
from tickertrack.errors import SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.reading import Batch, Done, Order, Part, read_part, seldom_collected
from tickertrack.sources.remote import File
from tickertrack.store.facts import Facts, StripFacts
from tickertrack.workers import Line, Lines, LostWorkerError, Worker, begin_several, line_up

__all__ = ["Crew", "Strips", "serve"]

# Of so many strips it is known that they were handed on, some megabytes.
_HANDED = 50_000
# When nothing comes for so long, whoever waits for more is told.
_PAUSE = 0.25


@dataclass(slots=True, eq=False)
class _Work:
    """
    A part that is to be read, and what has come of it so far.

    Where a part of a packed file begins is a guess, for packed bytes may look like a beginning: it
    is `expected` where the part before ends, and until it is known to begin there, what was read
    of it is held back.
    """

    part: Part
    begun: bool = False
    done: Done | None = None
    expected: int | None = None
    held: list[Batch] = field(default_factory=list)


class Crew(Closing):
    """Reads parts of files in so many processes; use it in a `with` block."""

    def __init__(self, order: Order, count: int) -> None:
        """Begin no process yet."""
        self._order, self._count = order, count
        self._busy: dict[Line, tuple[Worker, _Work]] = {}
        self._idle: list[Worker] = []
        self._waiting: deque[_Work] = deque()
        self._files: dict[File, deque[_Work]] = {}
        self._strips = Strips()
        self._lines = Lines()

    def close(self) -> None:
        """End the processes, whatever they do."""
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        for worker in workers:
            worker.process.kill()
        self._lines.close()
        for worker in workers:
            worker.end()
        self._idle, self._busy = [], {}

    def read(self, parts: Iterable[Part]) -> Iterator[Batch]:
        """Yield what the parts hold, in whatever order it is read; an empty batch in each pause."""
        for part in parts:
            work = _Work(part)
            self._waiting.append(work)
            self._files.setdefault(part.path, deque()).append(work)
        self._set_on()
        while self._busy:
            try:
                heard = self._lines.next(_PAUSE)
            except LostWorkerError as lost:
                yield from self._lost(lost.worker)
            else:
                yield from self._hear(*heard) if heard else (Batch(),)
            self._set_on()

    def _set_on(self) -> None:
        """Give work to who has none."""
        wanted = min(self._count - len(self._busy), len(self._waiting))
        self._idle += self._begun(max(wanted - len(self._idle), 0))
        for worker in [self._idle.pop() for _ in range(wanted)]:
            work = self._waiting.popleft()
            work.begun = True
            self._busy[worker.line] = (worker, work)
            # Where it is gone meanwhile, that is heard.
            with suppress(OSError):
                worker.line.send(work.part)

    def _begun(self, count: int) -> list[Worker]:
        workers = begin_several(count, "tickertrack.crew", "serve", self._order)
        for worker in workers:
            self._lines.add(worker)
        return workers

    def _hear(self, worker: Worker, told: Batch | Done) -> Iterator[Batch]:
        _, work = self._busy[worker.line]
        if isinstance(told, Done):
            del self._busy[worker.line]
            self._idle.append(worker)
            work.done = told
            yield from self._settled(work.part.path)
            return
        held = self._strips.apart(told)
        if work.part.near:
            work.held.append(held)
        else:
            yield self._strips.joined(held)

    def _lost(self, worker: Worker) -> Iterator[Batch]:
        """Tell of a part that killed its reader; what it held beside is in what came of it."""
        if worker in self._idle:
            self._idle.remove(worker)
            worker.end()
            return
        _, work = self._busy.pop(worker.line)
        fault = f"crashes its reader ({worker.death()})"
        worker.end()
        yield Batch(errors=(SourceError(fault, path=work.part.path, line=work.part.start or None),))
        end = work.part.start + work.part.size
        work.done = Done(work.expected or work.part.start, end, work.part.size)
        yield from self._settled(work.part.path)

    def _settled(self, path: File) -> Iterator[Batch]:
        """Hand on what is held of a file, as far as it is known to begin where it should."""
        works = self._files[path]
        while works and works[0].done:
            work, done = works[0], works[0].done
            if work.part.near and done.begun != work.expected:
                self._again(work)
                return
            yield from map(self._strips.joined, work.held)
            yield Batch(size=done.size)
            works.popleft()
            if works:
                self._expect(works[0], done.reached)

    def _expect(self, work: _Work, start: int) -> None:
        work.expected = start
        if not work.begun:
            work.part = replace(work.part, start=start, near=False)

    def _again(self, work: _Work) -> None:
        """Have a part read from where it begins, and not from what looked like it."""
        start = work.expected or 0
        work.part = replace(work.part, start=start, near=False)
        work.begun, work.done, work.held = False, None, []
        self._waiting.appendleft(work)


class Strips:
    """
    The strips that readers told of, until a page that shows one is handed on.

    A reader tells of a strip once, and that may have been with pages that are held back still, or
    that nobody wants: they are kept apart, and go with the first page that names them.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._waiting: dict[int, StripFacts] = {}
        self._handed: set[int] = set()

    def apart(self, batch: Batch) -> Batch:
        """Keep a batch's strips, but for those that were handed on; give the batch without."""
        strips = batch.facts.strips
        self._waiting.update((one, strips[one]) for one in strips.keys() - self._handed)
        return replace(batch, facts=Facts(batch.facts.pages, {}))

    def joined(self, batch: Batch) -> Batch:
        """Give a batch with the strips that its pages are the first to name."""
        named = {page.strip_id for page in batch.facts.pages if page.strip_id is not None}
        strips = {one: self._waiting.pop(one) for one in named & self._waiting.keys()}
        if len(self._handed) > _HANDED:
            self._handed.clear()
        self._handed.update(strips)
        return replace(batch, facts=Facts(batch.facts.pages, strips))


def serve() -> None:
    """Read parts for the process at the other end, until that is gone."""
    line = line_up()
    with suppress(EOFError, OSError):
        order: Order = line.recv()
        known: set[int] = set()
        with seldom_collected(), IsolatedReader(order.desk) as reader:
            line.send(None)
            while True:
                for told in read_part(line.recv(), order, reader, known):
                    line.send(told)
