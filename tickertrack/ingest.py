"""Sources to pages, on one core or several; the order is always that of the files."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from multiprocessing import resource_tracker
from pathlib import Path

from tickertrack.dialects import Dialect
from tickertrack.dialects.markers import markers_of
from tickertrack.errors import SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Page
from tickertrack.pages import Capture, Desk
from tickertrack.sources.files import (
    STDIN,
    Given,
    captures_in,
    captures_of,
    given_of,
    list_files,
    stdin_bytes,
)

__all__ = ["Sources", "read_sources"]

Found = Iterator[Page | SourceError]


@dataclass(frozen=True, slots=True)
class Sources:
    """What an ingest is told: the paths, and what the caller says of their pages."""

    paths: tuple[Path, ...]
    captured_at: datetime | date | None = None
    workers: int = 1


def read_sources(sources: Sources, desk: Desk) -> Found:
    """Yield every page of the sources, and an error for each that cannot be read."""
    given = replace(
        given_of(sources.captured_at), hosts=_hosts(desk), markers=markers_of(_dialects(desk))
    )
    with IsolatedReader(desk) as reader:
        files: list[Path] = []
        for path in sources.paths:
            if str(path) == STDIN:
                yield from _read(captures_of(stdin_bytes(), given), reader)
                continue
            try:
                listed = list_files(path)
            except SourceError as error:
                yield error
                continue
            if not listed:
                yield SourceError("holds no page", path=path)
            files.extend(listed)
        # Named twice is read once.
        files = list(dict.fromkeys(files))
        if sources.workers > 1 and len(files) > 1:
            yield from _read_in_parallel(files, given, desk, sources.workers)
            return
        for file in files:
            yield from _read(captures_in(file, given), reader)


def _hosts(desk: Desk) -> frozenset[str] | None:
    # An archive is of all the web; whose pages are named, they are wanted whatever their host.
    if desk.named:
        return None
    return frozenset(host for one in desk.publishers for host in one.hosts)


def _dialects(desk: Desk) -> Iterator[Dialect]:
    return (period.dialect for one in desk.publishers for period in one.periods)


def _read(captures: Iterator[Capture | SourceError], reader: IsolatedReader) -> Found:
    for capture in captures:
        yield capture if isinstance(capture, SourceError) else reader.read(capture)


def _read_in_parallel(files: list[Path], given: Given, desk: Desk, workers: int) -> Found:
    # Spawned, not forked: an open database must not be carried into a child.
    context = multiprocessing.get_context("spawn")
    count = min(workers, len(files))
    with ProcessPoolExecutor(count, context, initializer=_begin, initargs=(desk,)) as pool:
        with _undisturbed():
            readings = [pool.submit(_read_file, (file, given)) for file in files]
        try:
            for reading in readings:
                yield from reading.result()
        except BaseException:
            # Nobody waits for the rest any more.
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back, also from the processes that begin meanwhile: they would tell of it."""
    # Begun before, for it lets signals through when it begins.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# A pool's process has one reader for all its files; the reader's own process ends with it.
_READERS: list[IsolatedReader] = []


def _begin(desk: Desk) -> None:
    # On Ctrl-C it ends without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _READERS.append(IsolatedReader(desk))


def _read_file(job: tuple[Path, Given]) -> list[Page | SourceError]:
    file, given = job
    return list(_read(captures_in(file, given), _READERS[0]))
