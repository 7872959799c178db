"""Batches into the database as they come, several to a transaction while they come fast."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tickertrack.closing import Closing
from tickertrack.errors import SourceError
from tickertrack.harmless import safe_term
from tickertrack.models import IngestReport
from tickertrack.store.batch import refuse, store_batch
from tickertrack.store.connect import transaction
from tickertrack.store.facts import Facts, Row, StripFacts
from tickertrack.store.write import Note, error_rows

__all__ = ["Intake"]

# What is stored together is written together, each page of the database once: of ten batches that
# takes half of what it takes of each alone. More would hold up others who write.
_PAGES = 10_000

_log = logging.getLogger("tickertrack")


class Intake(Closing):
    """
    Stores batches, and commits them; use it in a `with` block, whose end commits the last.

    For so many `seconds` a transaction waits for more batches; one without a page ends it, so who
    has it wait must store such a one when nothing comes. A batch that cannot be stored undoes
    those that waited with it.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, seconds: float = 0.0) -> None:
        """Begin nothing yet."""
        self._connection, self._path, self._seconds = connection, path, seconds
        self._transaction = ExitStack()
        self._names: list[str] = []
        self._dropped: dict[int, StripFacts] = {}
        self._begun = 0.0

    def store(
        self, facts: Facts, errors: Iterable[SourceError] = (), note: Note | None = None
    ) -> IngestReport:
        """Store facts, errors by file and record or by address, and a note; count the new."""
        rows, report = error_rows(errors), IngestReport()
        if facts.pages or rows or note:
            report = self._stored(facts, rows, note)
        if not facts.pages or self._is_due():
            self.close()
        return report

    def close(self) -> None:
        """Commit what was stored: from now on it is safe on the disk, and told to be."""
        names, self._names = self._names, []
        self._transaction.close()
        if _log.isEnabledFor(logging.DEBUG):
            for name in names:
                _log.debug("stored %s", safe_term(name))

    def _stored(self, facts: Facts, rows: Sequence[Row], note: Note | None) -> IngestReport:
        names, self._names = self._names, []
        with self._transaction.pop_all() as standing:
            if not names:
                standing.enter_context(transaction(self._connection, self._path))
                self._begun = time.monotonic()
            report = store_batch(self._connection, facts, self._dropped)
            refuse(self._connection, rows)
            if note:
                note(self._connection)
            self._transaction = standing.pop_all()
        self._names = [*names, *(page.url or page.file for page in facts.pages)]
        return report

    def _is_due(self) -> bool:
        return len(self._names) >= _PAGES or time.monotonic() >= self._begun + self._seconds
