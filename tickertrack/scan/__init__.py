"""Many files to parts of facts, on this machine or many, by what ingest itself reads with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from tickertrack.errors import QueryError, SourceError
from tickertrack.ingest import Sources, reading_of
from tickertrack.models import ScanReport, added
from tickertrack.pages import Desk
from tickertrack.parts import Folder, errors_of, name_of
from tickertrack.reading import Part
from tickertrack.scan.orders import digest_of
from tickertrack.scan.tasks import Outcome, Work
from tickertrack.sources.files import STDIN
from tickertrack.tracker import Progress, Refused, Step

__all__ = ["Engine", "Listening", "Machines", "ScanReport", "Target", "scan"]

Engine = Literal["local", "dask"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where parts go, a folder by its path or address; `again`: also those that are there."""

    place: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Machines:
    """Who works: processes of this machine, or Dask's workers, of a scheduler or begun here."""

    engine: Engine = "local"
    workers: int = 1
    scheduler: str | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """Who is told of each input that is done, and of each error."""

    progress: Progress
    refused: Refused


def scan(
    sources: Sources, desk: Desk, target: Target, machines: Machines, listening: Listening
) -> ScanReport:
    """
    Read each file of the sources into a part of its own, but for those whose part is there.

    What cannot be read is told at every call, also where it was read before. Raises QueryError or
    ConfigError for what cannot be meant, StoreError where nothing can be written, ClusterError.
    """
    begun = time.monotonic()
    if any(str(path) == STDIN for path in sources.paths):
        raise QueryError("standard input is of one machine", advice="name files")
    folder = Folder(target.place)
    folder.begin()
    reading = reading_of(replace(sources, workers=1), desk)
    parts = [replace(part, path=part.path.absolute()) for part in reading.parts]
    for error in reading.errors:
        listening.refused(error)
    work = Work(reading.order, digest_of(reading.order), folder, target.again)
    report = ScanReport(errors=len(reading.errors))
    with closing(_outcomes(work, parts, machines)) as outcomes:
        for outcome in outcomes:
            report = added(report, _counts(outcome))
            listening.progress(_step(outcome, reading.size))
            for error in _errors(folder, outcome):
                listening.refused(error)
    return replace(report, seconds=round(time.monotonic() - begun, 3))


def _outcomes(
    work: Work, parts: Sequence[Part], machines: Machines
) -> Generator[Outcome, None, None]:
    if machines.engine == "dask":
        # Imported where it is used: whoever has no Dask does without.
        from tickertrack.scan.cluster import done_by_dask  # noqa: PLC0415

        return done_by_dask(work, parts, machines.scheduler, machines.workers)
    from tickertrack.scan.local import done_here  # noqa: PLC0415

    return done_here(work, parts, machines.workers)


def _errors(folder: Folder, outcome: Outcome) -> Sequence[SourceError]:
    faults = () if outcome.fault is None else (outcome.fault,)
    if outcome.note is None:
        return faults
    try:
        told = errors_of(folder, name_of(outcome.note.head.input), outcome.note)
    except SourceError as error:
        told = (error,)
    return (*faults, *told)


def _step(outcome: Outcome, total: int) -> Step:
    pages = outcome.note.rows.get("pages", 0) if outcome.note else 0
    return Step(pages, outcome.note.bare if outcome.note else 0, outcome.part.size, total)


def _counts(outcome: Outcome) -> ScanReport:
    """Count what the part of one input holds; of one that cannot be read, that."""
    note = outcome.note
    if note is None:
        return ScanReport(inputs=1, errors=1)
    rows = Counter(note.rows)
    return ScanReport(
        inputs=1,
        read=outcome.read,
        pages=rows["pages"],
        strips=rows["strips"],
        quotes=rows["quotes"],
        duplicates=note.found - rows["quotes"] - note.refused,
        quarantined=note.refused,
        articles=rows["articles"],
        errors=note.errors + (outcome.fault is not None),
    )
