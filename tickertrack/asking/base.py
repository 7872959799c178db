"""What all questions share: the database that they are asked of, and answers as frames."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from tickertrack.config import Config
from tickertrack.hints import warn_of_strangers
from tickertrack.spans import moment_of
from tickertrack.store import news, read
from tickertrack.store.connect import told

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import RecordBatchReader

    from tickertrack.frames import Note
    from tickertrack.markets import Market
    from tickertrack.models import Action

__all__ = ["Questions", "Scope"]


class Scope(NamedTuple):
    """What is asked about: symbols, or all where there is none, days, and as of which time."""

    names: Sequence[str]
    span: read.Span
    as_of: str | date | None


class Questions(ABC):
    """The part of a Tracker that questions rest on."""

    config: Config
    path: Path

    @abstractmethod
    def reader(self) -> sqlite3.Connection:
        """Open the database for questions."""

    @abstractmethod
    def linked(self) -> sqlite3.Connection:
        """Open the database for questions about news."""

    @abstractmethod
    def market(self) -> Market:
        """Load the market that the settings name."""

    @abstractmethod
    def past(self, as_of: str | date | None) -> AbstractContextManager[Self]:
        """Answer from the facts that were stored by a time."""

    def note(self, span: read.Span, as_of: str | date | None) -> Note:
        """Say what was asked of which database, as frames and files keep it."""
        from tickertrack.frames import Note  # noqa: PLC0415

        start, end = (str(day) if day else None for day in span)
        moment = moment_of(as_of).isoformat() if as_of else None
        return Note(str(self.path), start, end, moment, self.market().currency)

    def symbols(self) -> list[str]:
        """List the symbols that any stored quote names."""
        with told(self.path):
            return read.known_symbols(self.reader())

    def sessions(self) -> list[str]:
        """List the market's sessions that are known, earliest first."""
        with told(self.path):
            return news.sessions(self.reader(), self.config.market.name)

    def _answer(self, question: read.Question, scope: Scope) -> pd.DataFrame:
        return self._framed(lambda past: past._frame(question), scope)  # noqa: SLF001  (one of us)

    def _table(
        self, rows: Callable[[Self], Sequence[read.Row]], columns: Sequence[str], scope: Scope
    ) -> pd.DataFrame:
        """Make a frame of rows as they were at a time."""
        from tickertrack.frames import frame  # noqa: PLC0415

        return self._framed(lambda past: frame(rows(past), columns), scope)

    def _framed(self, make: Callable[[Self], pd.DataFrame], scope: Scope) -> pd.DataFrame:
        with self.past(scope.as_of) as past:
            table = past._noted(make(past), scope)  # noqa: SLF001  (it is one of us)
        # Who asks of the past what no page had shown by then has mistyped nothing.
        warn_of_strangers(self, scope.names, table["symbol"].unique() if scope.names else ())
        return table

    def _noted(self, table: pd.DataFrame, scope: Scope) -> pd.DataFrame:
        """Say in a frame what was asked, and how much of it is known."""
        from tickertrack.frames import noted, spanned  # noqa: PLC0415

        names, span, as_of = scope
        with told(self.path):
            counts = read.coverage_counts(self.reader(), names, span)
        return noted(table, spanned(self.note(span, as_of), table["session"]), counts)

    @contextmanager
    def _stream(
        self, question: read.Question, note: Note | None = None
    ) -> Iterator[RecordBatchReader]:
        """Read an answer while it is used, typed, in batches."""
        from tickertrack.frames import stream  # noqa: PLC0415

        with told(self.path):
            yield stream(read.batches(self.reader(), question), question.columns, note)

    def _frame(self, question: read.Question) -> pd.DataFrame:
        with self._stream(question) as answer:
            table: pd.DataFrame = answer.read_pandas()
        return table

    def _decided(self) -> list[Action]:
        """Read the proposed actions as the user's actions.csv confirms, denies or corrects them."""
        from tickertrack.actions import decided, read_decisions  # noqa: PLC0415
        from tickertrack.store.linked import actions  # noqa: PLC0415

        return decided(actions(self.reader()), read_decisions(self.config.folder))
