"""Joins the rooms: pages in, conclusions drawn, questions answered. The Python API's one class."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from copy import copy
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from tickertrack.asking import Asking
from tickertrack.closing import Closing
from tickertrack.config import Config, load_config
from tickertrack.errors import (
    ConfigError,
    OutOfReachError,
    QueryError,
    SourceError,
    TickertrackError,
)
from tickertrack.spans import capture_of, moment_of
from tickertrack.store import read
from tickertrack.store.connect import open_reading, open_writing, told

if TYPE_CHECKING:
    from tickertrack.as_of import AsOf
    from tickertrack.ingest import Batch
    from tickertrack.markets import Market
    from tickertrack.models import IngestReport, LinkReport, Page
    from tickertrack.pages import Desk
    from tickertrack.store.fetches import Fetch
    from tickertrack.store.intake import Intake

__all__ = ["Progress", "Refused", "Step", "Tracker", "open_tracker"]

# Pages in one transaction: enough to make the disk's work small, few enough to lose little; and
# as many as a reader hands on at once.
BATCH, _HANDED_ON = 1_000, 500


class Step(NamedTuple):
    """What was read since the last step: pages, those without a strip, bytes, of all bytes."""

    pages: int
    bare: int
    size: int
    total: int


Progress = Callable[[Step], None]
Refused = Callable[[SourceError], None]


def open_tracker(
    database: str | Path | None = None, *, config: str | Path | None = None
) -> Tracker:
    """
    Open a tracker on a database, or on the one that config.toml names.

    Use it in a `with` block. Raises ConfigError for settings that cannot be meant.
    """
    settings = load_config(Path(config) if config else None)
    return Tracker(settings.with_database(Path(database)) if database else settings)


class Tracker(Asking, Closing):
    """One database with its settings; made by `open_tracker`, closed by its `with` block."""

    def __init__(self, config: Config) -> None:
        """Keep the settings; files are opened when they are first needed."""
        self.config = config
        self.path = config.database_path
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._is_past = False
        self._as_of: AsOf | None = None

    def __repr__(self) -> str:
        """Name the database."""
        return f"Tracker({str(self.path)!r})"

    def _repr_html_(self) -> str:
        from tickertrack.frames import holdings_html  # noqa: PLC0415

        try:
            with told(self.path), self._glimpse() as reader:
                held = read.holdings(reader, self.config.market.name)
        except TickertrackError as error:
            held = {"not open": error}
        return holdings_html(str(self.path), held)

    def _glimpse(self) -> AbstractContextManager[sqlite3.Connection]:
        # By a look of its own: what is only shown leaves nothing open. The past is, while it lasts.
        return nullcontext(self.reader()) if self._is_past else closing(open_reading(self.path))

    def close(self) -> None:
        """Close the database; a closed tracker opens it again when asked."""
        for held in (self._as_of, self._reader, self._writer):
            if held is not None:
                held.close()
        self._reader = self._writer = self._as_of = None

    # ---- facts in

    def ingest(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        captured_at: str | date | None = None,
        publisher: str | None = None,
        workers: int = 1,
        progress: Progress | None = None,
        refused: Refused | None = None,
    ) -> IngestReport:
        """
        Read files, folders, addresses as `s3://…`, folders of a scan or `-`, and conclude again.

        What cannot be read is told to `refused` and kept in quarantine; it never costs the pages
        beside it. Without `refused` the first such error is raised when all else is stored.
        `captured_at` is for pages that do not say: a time, UTC where it has no offset, or a bare
        day, of which the session is not known.
        """
        from dataclasses import replace  # noqa: PLC0415

        from tickertrack.ingest import Sources, gathered, reading_of  # noqa: PLC0415
        from tickertrack.models import IngestReport, added  # noqa: PLC0415
        from tickertrack.parts import is_scan  # noqa: PLC0415
        from tickertrack.sources.remote import file_of  # noqa: PLC0415
        from tickertrack.store.merged import merged_parts  # noqa: PLC0415

        listed = [paths] if isinstance(paths, str | Path) else list(paths)
        if "" in listed:
            raise QueryError("an empty path names nothing", advice="this folder is `.`")
        scans = tuple(str(one) for one in listed if is_scan(one))
        if scans and (captured_at or publisher):
            raise QueryError(f"{scans[0]}: is of pages that are read", advice="say it to the scan")
        files = tuple(file_of(one) for one in listed if str(one) not in scans)
        merged = merged_parts(self.writer()) if scans else frozenset()
        sources = Sources(files, capture_of(captured_at), workers, scans, merged)
        begun = time.monotonic()
        reading = reading_of(sources, self.desk(publisher), min(BATCH, _HANDED_ON))
        report, first = IngestReport(), None
        with closing(reading.batches()) as batches, self.intake(reading.patience) as intake:
            for batch in gathered(_passed(batches, reading.size, progress), BATCH):
                report = added(report, _stored(batch, intake))
                first = first or next(iter(batch.errors), None)
                _tell(batch.errors, refused)
        self.resolve()
        self.link()
        if first and refused is None:
            raise first
        return replace(report, seconds=round(time.monotonic() - begun, 3))

    def store(self, pages: Iterable[Page]) -> IngestReport:
        """Store pages batch by batch; a batch is acknowledged when it is safe on the disk."""
        from tickertrack.models import IngestReport, added  # noqa: PLC0415
        from tickertrack.store.facts import facts_of  # noqa: PLC0415

        report, told = IngestReport(), set[int]()
        with self.intake() as intake:
            for batch in _batches(pages, BATCH):
                report = added(report, intake.store(facts_of(batch, told)))
        return report

    def intake(self, seconds: float = 0.0) -> Intake:
        """Store what is read batch by batch, of so many seconds in one transaction."""
        from tickertrack.store.intake import Intake  # noqa: PLC0415

        return Intake(self.writer(), self.path, seconds)

    def store_fetched(self, page: Page, fetch: Fetch | None) -> IngestReport:
        """Store a page together with what became of its address, or neither."""
        from tickertrack.store.fetches import write_fetch  # noqa: PLC0415
        from tickertrack.store.write import store_pages  # noqa: PLC0415

        notes = [partial(write_fetch, fetch=fetch)] if fetch else []
        return store_pages(self.writer(), self.path, [page], notes)

    def refuse(self, errors: Iterable[SourceError]) -> None:
        """Keep in quarantine what could not be read or fetched."""
        from tickertrack.store.write import store_refusals  # noqa: PLC0415

        store_refusals(self.writer(), self.path, errors)

    def import_series(self, symbol: str, closes: Iterable[tuple[date, float]]) -> int:
        """Store a daily series of closes as evidence for dating, and date again; give the count."""
        from tickertrack.store.write import store_series  # noqa: PLC0415

        stored = store_series(self.writer(), self.path, symbol, closes)
        self.resolve()
        self.link()
        return stored

    def remove_series(self, symbol: str) -> int:
        """Forget an imported series, and date again; give the count of its closes."""
        from tickertrack.store.write import remove_series  # noqa: PLC0415

        removed = remove_series(self.writer(), self.path, symbol)
        self.resolve()
        self.link()
        return removed

    def series_fit(self, symbol: str) -> tuple[int, int]:
        """Count a symbol's stored reference prices, and those that an imported close explains."""
        with told(self.path):
            return read.series_fit(self.reader(), symbol)

    def resolve(self, *, afresh: bool = False) -> None:
        """
        Date the boards of new pages, and draw again what they change of dates and prices.

        `afresh` does it for all that is stored: the outcome is the same, as it is for any order.
        """
        from tickertrack.resolving import forget, resolve  # noqa: PLC0415

        if afresh:
            forget(self.writer(), self.path)
        resolve(self.writer(), self.path, self.market())

    def link(self, *, afresh: bool = False) -> LinkReport:
        """
        Read new articles for names, and link the moves of every session that changed.

        `afresh` does it for all that is stored: the outcome is the same, as it is for any order.
        """
        from tickertrack.linking import forget, link  # noqa: PLC0415

        if afresh:
            forget(self.writer(), self.path)
        return link(self.writer(), self.path, self.market())

    def waiting(self) -> tuple[int, int]:
        """Count the articles and the sessions that wait to be linked."""
        from tickertrack.store.linked import count_waiting  # noqa: PLC0415

        with told(self.path):
            return count_waiting(self.reader())

    # ---- what the rooms share

    def market(self) -> Market:
        """Load the market that the settings name."""
        from tickertrack.markets import load_market  # noqa: PLC0415

        return load_market(self.config.market.name, self.config.folder)

    def desk(self, publisher: str | None = None) -> Desk:
        """Load the configured publishers, or only the one that is named."""
        from tickertrack.pages import Desk  # noqa: PLC0415
        from tickertrack.publishers import load_publisher  # noqa: PLC0415

        names = (publisher,) if publisher else self.config.collect.publishers
        if not names:
            raise ConfigError("names no publisher", key="collect.publishers")
        loaded = tuple(load_publisher(name, self.config.folder) for name in names)
        return Desk(loaded, self.market(), loaded[0] if publisher else None)

    def reader(self) -> sqlite3.Connection:
        """Open the database for questions."""
        if self._reader is None:
            self._reader = open_reading(self.path)
        return self._reader

    def linked(self) -> sqlite3.Connection:
        """Open the database for questions about news; of the past, the first of them links it."""
        if self._is_past:
            from tickertrack.linking import link  # noqa: PLC0415

            link(self.reader(), self.path, self.market())
        return self.reader()

    def writer(self) -> sqlite3.Connection:
        """Open the database for writing, made or brought up to date where needed."""
        if self._writer is None:
            self._writer = open_writing(self.path)
        return self._writer

    @contextmanager
    def past(self, as_of: str | date | None) -> Iterator[Self]:
        """
        Answer from the facts that were stored by a time; from all of them where it is None.

        Dates, prices and links are drawn again, in a copy, so that nothing stored later shows. The
        last copy is kept: the next question as of that time, or a later one, goes on from it.
        """
        if as_of is None:
            yield self
            return
        moment = moment_of(as_of)
        if self._as_of is None:
            from tickertrack.as_of import AsOf  # noqa: PLC0415

            self._as_of = AsOf(self.reader(), self.path, self.market())
        with self._as_of.at(moment) as reader:
            if reader is self._reader:
                yield self
                return
            then = copy(self)
            then._reader, then._as_of, then._is_past = reader, None, True  # noqa: SLF001  (one of us)
            yield then


def _stored(batch: Batch, intake: Intake) -> IngestReport:
    from tickertrack.store.merged import noting_merged  # noqa: PLC0415

    placed = [_placed(error) for error in batch.errors if _is_there(error)]
    note = noting_merged(batch.merged) if batch.merged else None
    report = intake.store(batch.facts, [*placed, *batch.refusals], note)
    if batch.errors:
        # Whoever is told of them may store something at once.
        intake.close()
    return report


def _tell(errors: Iterable[SourceError], refused: Refused | None) -> None:
    for error in errors:
        if refused is not None:
            refused(error)


def _is_there(error: SourceError) -> bool:
    """Say whether there is a page to refuse: a mistyped path or address leaves no trace."""
    if "://" in str(error.path):
        return not isinstance(error, OutOfReachError)
    return os.path.lexists(error.path)


def _placed(error: SourceError) -> SourceError:
    """Give an error its file's whole path, as pages have it; the user is told what they typed."""
    kept = copy(error)
    if "://" not in str(error.path):
        kept.path = Path(error.path).absolute()
    return kept


def _passed(batches: Iterable[Batch], total: int, progress: Progress | None) -> Iterator[Batch]:
    for batch in batches:
        if progress is not None:
            pages = batch.facts.pages
            bare = sum(page.found == 0 for page in pages)
            progress(Step(len(pages), bare, batch.size, total))
        yield batch


def _batches(pages: Iterable[Page], size: int) -> Iterator[list[Page]]:
    batch: list[Page] = []
    for page in pages:
        batch.append(page)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
