"""Joins the rooms: pages in, conclusions drawn, questions answered. The Python API's one class."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tickertrack.actions import adjust
from tickertrack.asking import Asking
from tickertrack.closing import Closing
from tickertrack.config import Config, load_config
from tickertrack.errors import ConfigError, QueryError, SourceError
from tickertrack.harmless import safe_term
from tickertrack.models import IngestReport, LinkReport, Page
from tickertrack.spans import Day, Symbols, capture_of, moment_of, names_of, span_of
from tickertrack.store import linked, read
from tickertrack.store.connect import open_reading, open_writing, told

if TYPE_CHECKING:
    import pandas as pd

    from tickertrack.frames import Style
    from tickertrack.markets import Market
    from tickertrack.pages import Desk
    from tickertrack.store.fetches import Fetch
    from tickertrack.store.write import Conclusions

__all__ = ["Refused", "Tracker", "open_tracker"]

log = logging.getLogger("tickertrack")

# Pages in one transaction: enough to make the disk's work small, few enough to lose little.
BATCH = 200

Progress = Callable[[Page], None]
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
        Read files, folders or `-`, store what is new, and draw the conclusions again.

        What cannot be read is told to `refused` and kept in quarantine; it never costs the pages
        beside it. Without `refused` the first such error is raised when all else is stored.
        `captured_at` is for pages that do not say: a time, UTC where it has no offset, or a bare
        day, of which the session is not known.
        """
        from tickertrack.ingest import Sources, read_sources  # noqa: PLC0415

        listed = [paths] if isinstance(paths, str | Path) else list(paths)
        if "" in listed:
            raise QueryError("an empty path names nothing", advice="this folder is `.`")
        sources = Sources(tuple(map(Path, listed)), capture_of(captured_at), workers)
        begun = time.monotonic()
        errors: list[SourceError] = []
        found = read_sources(sources, self.desk(publisher))
        report = self.store(_told_apart(found, errors, refused), progress)
        self._keep_refusals(errors)
        self.resolve()
        self.link()
        if errors and refused is None:
            raise errors[0]
        return replace(report, seconds=round(time.monotonic() - begun, 3))

    def store(self, pages: Iterable[Page], progress: Progress | None = None) -> IngestReport:
        """Store pages batch by batch; a batch is acknowledged when it is safe on the disk."""
        from tickertrack.store.batch import added  # noqa: PLC0415
        from tickertrack.store.write import store_pages  # noqa: PLC0415

        writer = self.writer()
        total = IngestReport()
        for batch in _batches(pages, BATCH):
            total = added(total, store_pages(writer, self.path, batch))
            for page in batch:
                log.debug("stored %s", safe_term(page.url or page.locator.file))
                if progress is not None:
                    progress(page)
        return total

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

    def resolve(self) -> None:
        """Date all boards and rebuild prices from the stored facts, replacing what was there."""
        from tickertrack.conclude import conclude  # noqa: PLC0415
        from tickertrack.store.write import store_conclusions  # noqa: PLC0415

        writer, market = self.writer(), self.market()

        def draw() -> Conclusions:
            return conclude(list(read.sightings(writer)), read.series(writer), market)

        store_conclusions(writer, self.path, self.config.market.name, draw)

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
        with told(self.path):
            return linked.count_waiting(self.reader())

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
        from tickertrack.frames import frame, styled  # noqa: PLC0415

        names = names_of(symbols)
        how = {"follow_renames": follow_renames, "adjusted": adjusted}
        rows = self.history_rows(names, start, end, as_of=as_of, **how)
        shown = names or list(dict.fromkeys(row["symbol"] for row in rows))
        zone = str(self.market().zone)
        return styled(frame(rows, read.HISTORY), style, symbols=shown, zone=zone)

    def quotes(self, symbols: Symbols = (), start: Day = None, end: Day = None) -> pd.DataFrame:
        """Give every observed line, a row per page that shows it; undated ones have no session."""
        from tickertrack.frames import frame  # noqa: PLC0415

        return frame(self.quote_rows(names_of(symbols), start, end), read.QUOTES)

    def coverage(self, symbols: Symbols = (), start: Day = None, end: Day = None) -> pd.DataFrame:
        """Give sessions by symbols: captured, implied, missing or conflicting."""
        from tickertrack.frames import frame  # noqa: PLC0415

        return frame(self.coverage_rows(names_of(symbols), start, end), read.COVERAGE)

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
        if as_of is not None:
            with closing(self._as_of(moment_of(as_of))) as past:
                return self._history(past, symbols, span, **how)
        with told(self.path):
            return self._history(self.reader(), symbols, span, **how)

    def quote_rows(
        self, symbols: Sequence[str], start: Day = None, end: Day = None
    ) -> list[read.Row]:
        """Give the observed lines of symbols."""
        with told(self.path):
            return read.quotes(self.reader(), symbols, span_of(start, end))

    def coverage_rows(
        self, symbols: Sequence[str], start: Day = None, end: Day = None
    ) -> list[read.Row]:
        """Give sessions by symbols, each captured, implied, missing or conflicting."""
        with told(self.path):
            return read.coverage(self.reader(), symbols, span_of(start, end))

    def quarantine_rows(self) -> list[read.Row]:
        """Give what was refused, and why."""
        with told(self.path):
            return read.quarantine(self.reader())

    def dating(self) -> tuple[int, int]:
        """Count the boards that pages show, and those of them that nothing dates."""
        with told(self.path):
            return read.dating(self.reader())

    def symbols(self) -> list[str]:
        """List the symbols that any stored quote names."""
        with told(self.path):
            return read.known_symbols(self.reader())

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
        actions = self._decided(connection) if adjusted else []
        if not follow_renames:
            return adjust(read.history(connection, symbols, span), actions)
        from tickertrack.conclude import follow, last_names, under_last_names  # noqa: PLC0415

        market = self.market()
        names = symbols or last_names(read.known_symbols(connection), market)
        rows = follow(connection, names, span, market)
        return adjust(rows, under_last_names(actions, names, market))

    def _as_of(self, moment: datetime) -> sqlite3.Connection:
        """Draw the conclusions again, in memory, from the facts that were stored by then."""
        from tickertrack.conclude import conclude  # noqa: PLC0415
        from tickertrack.store.write import forget_after, store_conclusions  # noqa: PLC0415

        past = sqlite3.connect(":memory:", isolation_level=None)
        past.row_factory = sqlite3.Row
        with told(self.path):
            self.reader().backup(past)
            forget_after(past, self.path, moment)
            drawn = conclude(list(read.sightings(past)), read.series(past), self.market())
        store_conclusions(past, self.path, self.config.market.name, lambda: drawn)
        return past

    def _keep_refusals(self, errors: list[SourceError]) -> None:
        # What was not there is no page refused: a mistyped path leaves no trace.
        self.refuse(map(_placed, (error for error in errors if os.path.lexists(error.path))))


def _placed(error: SourceError) -> SourceError:
    """Give an error its file's whole path, as pages have it; the user is told what they typed."""
    kept = copy(error)
    kept.path = Path(error.path).absolute()
    return kept


def _told_apart(
    found: Iterable[Page | SourceError], errors: list[SourceError], refused: Refused | None
) -> Iterator[Page]:
    for one in found:
        if isinstance(one, Page):
            yield one
            continue
        errors.append(one)
        if refused is not None:
            refused(one)


def _batches(pages: Iterable[Page], size: int) -> Iterator[list[Page]]:
    batch: list[Page] = []
    for page in pages:
        batch.append(page)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
