"""Joins the rooms: pages in, conclusions drawn, questions answered. The Python API's one class."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from copy import copy
from datetime import date, datetime
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
from tickertrack.spans import Day, Symbols, capture_of, moment_of, names_of, span_of
from tickertrack.store import news, read
from tickertrack.store.connect import open_reading, open_writing, told

if TYPE_CHECKING:
    import pandas as pd

    from tickertrack.frames import Style
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

    def __repr__(self) -> str:
        """Name the database."""
        return f"Tracker({str(self.path)!r})"

    def _repr_html_(self) -> str:
        from tickertrack.frames import holdings_html  # noqa: PLC0415

        try:
            # By a look of its own: what is only shown leaves nothing open.
            with told(self.path), closing(open_reading(self.path)) as reader:
                held = read.holdings(reader, self.config.market.name)
        except TickertrackError as error:
            held = {"not open": error}
        return holdings_html(str(self.path), held)

    def close(self) -> None:
        """Close the database; a closed tracker opens it again when asked."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._reader = self._writer = None

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

        listed = [paths] if isinstance(paths, str | Path) else list(paths)
        if "" in listed:
            raise QueryError("an empty path names nothing", advice="this folder is `.`")
        scans = tuple(str(one) for one in listed if is_scan(one))
        if scans and (captured_at or publisher):
            raise QueryError(f"{scans[0]}: is of pages that are read", advice="say it to the scan")
        files = tuple(file_of(one) for one in listed if str(one) not in scans)
        sources = Sources(files, capture_of(captured_at), workers, scans)
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

    # ---- questions, as data frames

    def history(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
        style: Style = "tidy",
        follow_renames: bool = False,
        adjusted: bool = False,
    ) -> pd.DataFrame:
        """
        Give the price series; `start` and `end` are both included (unlike yfinance's end).

        Tidy: symbol, session (datetime64[us]), price, reference_price, change, change_percent (in
        percent), first, high, low (float64), status, quotes (int64), method. `adjusted` makes
        prices before a confirmed corporate action comparable with those after it.
        """
        from tickertrack.frames import coverage_of, frame, noted, styled  # noqa: PLC0415

        names, span = names_of(symbols), span_of(start, end)
        with self.past(as_of) as past, told(self.path):
            if not (follow_renames or adjusted):
                table = past._frame(read.history(names, span))  # noqa: SLF001  (it is one of us)
            else:
                how = {"follow_renames": follow_renames, "adjusted": adjusted}
                rows = past._history(past.reader(), names, span, **how)  # noqa: SLF001  (as above)
                table = frame(rows, read.HISTORY)
            coverage = coverage_of(table, news.sessions(past.reader(), self.config.market.name))
        shown = names or list(table["symbol"].unique())
        answer = styled(table, style, symbols=shown, zone=str(self.market().zone))
        return noted(answer, self.note(span, as_of), coverage=coverage)

    def quotes(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give every observed line, a row per page that shows it; undated ones have no session."""
        span = span_of(start, end)
        return self._answer(read.quotes(names_of(symbols), span), span, as_of)

    def coverage(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give sessions by symbols: captured, implied, missing or conflicting."""
        span = span_of(start, end)
        return self._answer(read.coverage(names_of(symbols), span), span, as_of)

    # ---- questions, as rows: what the command line prints, without pandas

    def history_rows(
        self,
        symbols: Sequence[str],
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
        follow_renames: bool = False,
        adjusted: bool = False,
    ) -> list[read.Row]:
        """Give rows of `prices`, or what they would be by the facts stored until `as_of`."""
        span, how = span_of(start, end), {"follow_renames": follow_renames, "adjusted": adjusted}
        with self.past(as_of) as past, told(self.path):
            return self._history(past.reader(), symbols, span, **how)

    def quote_rows(
        self,
        symbols: Sequence[str],
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> list[read.Row]:
        """Give the observed lines of symbols, dated as they were at `as_of`."""
        with self.past(as_of) as past, told(self.path):
            return read.rows(past.reader(), read.quotes(symbols, span_of(start, end)))

    def coverage_rows(
        self, symbols: Sequence[str], start: Day = None, end: Day = None
    ) -> list[read.Row]:
        """Give sessions by symbols, each captured, implied, missing or conflicting."""
        with told(self.path):
            return read.rows(self.reader(), read.coverage(symbols, span_of(start, end)))

    def quarantine_rows(self) -> list[read.Row]:
        """Give what was refused, and why."""
        with told(self.path):
            return read.rows(self.reader(), read.quarantine())

    def dating(self) -> tuple[int, int]:
        """Count the boards that pages show, and those of them that nothing dates."""
        with told(self.path):
            return read.dating(self.reader())

    def symbols(self) -> list[str]:
        """List the symbols that any stored quote names."""
        with told(self.path):
            return read.known_symbols(self.reader())

    def sessions(self) -> list[str]:
        """List the market's sessions that are known, earliest first."""
        with told(self.path):
            return news.sessions(self.reader(), self.config.market.name)

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

    def writer(self) -> sqlite3.Connection:
        """Open the database for writing, made or brought up to date where needed."""
        if self._writer is None:
            self._writer = open_writing(self.path)
        return self._writer

    def _history(
        self,
        connection: sqlite3.Connection,
        symbols: Sequence[str],
        span: read.Span,
        *,
        follow_renames: bool,
        adjusted: bool,
    ) -> list[read.Row]:
        if not (follow_renames or adjusted):
            return read.rows(connection, read.history(symbols, span))
        from tickertrack.actions import adjust  # noqa: PLC0415

        actions = self._decided(connection) if adjusted else []
        if not follow_renames:
            return adjust(read.rows(connection, read.history(symbols, span)), actions)
        from tickertrack.conclude import follow, last_names, under_last_names  # noqa: PLC0415

        market = self.market()
        names = symbols or last_names(read.known_symbols(connection), market)
        rows = follow(connection, names, span, market)
        return adjust(rows, under_last_names(actions, names, market))

    def _answer(
        self, question: read.Question, span: read.Span, as_of: str | date | None
    ) -> pd.DataFrame:
        with self.past(as_of) as past:
            table = past._frame(question)  # noqa: SLF001  (it is one of us)
        return self._noted(table, span, as_of)

    @contextmanager
    def past(self, as_of: str | date | None) -> Iterator[Self]:
        """
        Answer from the facts that were stored by a time; from all of them where it is None.

        Dates, prices and links are drawn again, in memory, so that nothing stored later shows.
        """
        if as_of is None:
            yield self
            return
        with closing(self._as_of(moment_of(as_of))) as reader:
            then = copy(self)
            then._reader = reader  # noqa: SLF001  (it is one of us)
            yield then

    def _as_of(self, moment: datetime) -> sqlite3.Connection:
        from tickertrack.linking import link  # noqa: PLC0415
        from tickertrack.resolving import redraw  # noqa: PLC0415
        from tickertrack.store.write import forget_after  # noqa: PLC0415

        past = sqlite3.connect(":memory:", isolation_level=None)
        past.row_factory = sqlite3.Row
        with told(self.path):
            self.reader().backup(past)
            forget_after(past, self.path, moment)
        redraw(past, self.path, self.market())
        link(past, self.path, self.market())
        return past


def _stored(batch: Batch, intake: Intake) -> IngestReport:
    placed = [_placed(error) for error in batch.errors if _is_there(error)]
    return intake.store(batch.facts, [*placed, *batch.refusals])


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
