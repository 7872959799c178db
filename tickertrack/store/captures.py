"""What archives on the net were asked, what they list, and what became of each capture."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from tickertrack.publishers import Publisher
from tickertrack.sources.archives import Answer, Listed, Question, Span
from tickertrack.store.batch import marks
from tickertrack.store.connect import transaction
from tickertrack.store.facts import stamp_of
from tickertrack.store.write import Note

__all__ = ["CaptureBook"]

# Of a stretch of time that is not long over an index may come to list more, and is asked again.
_FRESH = timedelta(days=1)
# No honest index needs so many answers for a year of one site; one that never ends is left.
_MOST_ANSWERS = 5000

# Where an index has moved a record, it is looked for there.
_LISTED_ANEW = (
    "ON CONFLICT DO UPDATE SET digest = excluded.digest, length = excluded.length,"
    " file = excluded.file, offset = excluded.offset WHERE state = 'listed'"
)
_COLUMNS = "captured_at, url, digest, length, file, offset, state, failures, not_before, reason"


@dataclass(frozen=True, slots=True)
class CaptureBook:
    """What one archive lists of one publisher."""

    connection: sqlite3.Connection
    path: Path
    source: str
    publisher: Publisher

    def open_question(self, question: Question, now: datetime) -> Question | None:
        """Give a question with what is left of it to ask; None where it is answered."""
        row = self._asked(question)
        if row is None or row["wanted"] != self._wanted:
            return question
        if row["answered_at"] is None:
            return replace(question, cursor=row["cursor"])
        answered = datetime.fromisoformat(row["answered_at"])
        settled = answered > question.until + _FRESH or timedelta() <= now - answered < _FRESH
        return None if settled else question

    def take(self, question: Question, answer: Answer, now: datetime) -> Question | None:
        """Remember an answer with all that it lists; give what is left to ask."""
        with transaction(self.connection, self.path):
            self.connection.executemany(
                f"INSERT INTO captures VALUES ({marks(12)}) {_LISTED_ANEW}",
                ((self.source, self.publisher.name, *_row(one)) for one in answer.listed),
            )
            answers = self._answers(question)
            cursor = answer.cursor if answers < _MOST_ANSWERS else None
            self.connection.execute(
                f"INSERT OR REPLACE INTO backfills VALUES ({marks(10)})",
                (
                    *self._key(question),
                    _time(question.until),
                    self._wanted,
                    cursor or "",
                    answers,
                    None if cursor else _time(now),
                ),
            )
        return replace(question, cursor=cursor) if cursor else None

    def between(self, since: datetime, until: datetime) -> list[Listed]:
        """List the captures from a time on and before another, in the order of time."""
        where = "captured_at >= ? AND captured_at < ? ORDER BY captured_at, url"
        return self._captures(where, _time(since), _time(until))

    def span(self) -> tuple[datetime, datetime] | None:
        """Give the times of the first and the last capture; None where there is none."""
        sql = (
            "SELECT min(captured_at), max(captured_at) FROM captures"
            " WHERE source = ? AND publisher = ?"
        )
        whose = (self.source, self.publisher.name)
        first, last = self.connection.execute(sql, whose).fetchone()
        return (datetime.fromisoformat(first), datetime.fromisoformat(last)) if first else None

    def capture(self, url: str | None, captured_at: datetime | None) -> Listed | None:
        """Give what is known of one capture."""
        found = self._captures("captured_at = ? AND url = ?", _time(captured_at), url)
        return next(iter(found), None)

    def contents(self) -> set[str]:
        """Give what tells the contents of all that was fetched from others'."""
        return {one.content for one in self._captures("state = 'done'")}

    def put(self, listed: Listed) -> None:
        """Store what became of a capture."""
        with transaction(self.connection, self.path):
            self.note(listed)(self.connection)

    def note(self, listed: Listed) -> Note:
        """Give what writes down, in somebody's transaction, what became of a capture."""
        return partial(_write, row=(self.source, self.publisher.name, *_row(listed)))

    def _captures(self, where: str, *values: object) -> list[Listed]:
        sql = f"SELECT {_COLUMNS} FROM captures WHERE source = ? AND publisher = ? AND {where}"
        rows = self.connection.execute(sql, (self.source, self.publisher.name, *values))
        return [_listed(row) for row in rows]

    def _answers(self, question: Question) -> int:
        """Count the answers to a question with the one that has just come."""
        row = self._asked(question) if question.cursor else None
        return int(row["answers"]) + 1 if row else 1

    def _asked(self, question: Question) -> sqlite3.Row | None:
        sql = (
            "SELECT wanted, cursor, answers, answered_at FROM backfills WHERE source = ?"
            " AND publisher = ? AND index_url = ? AND domain = ? AND since = ?"
        )
        row: sqlite3.Row | None = self.connection.execute(sql, self._key(question)).fetchone()
        return row

    def _key(self, question: Question) -> Sequence[str | None]:
        whose = (self.source, self.publisher.name)
        return *whose, question.index, question.domain, _time(question.since)

    @property
    def _wanted(self) -> str:
        """What captures are listed by: where it changes, old answers lack what is wanted now."""
        form = self.publisher.article
        known = (sorted(self.publisher.hosts), form.pattern if form else None)
        return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


def _write(connection: sqlite3.Connection, row: Sequence[object]) -> None:
    connection.execute(f"INSERT OR REPLACE INTO captures VALUES ({marks(len(row))})", row)


def _row(listed: Listed) -> tuple[object, ...]:
    span = listed.span
    return (
        _time(listed.captured_at),
        listed.url,
        listed.digest,
        listed.length,
        span.file if span else None,
        span.offset if span else None,
        listed.state,
        listed.failures,
        _time(listed.not_before),
        listed.reason,
    )


def _listed(row: sqlite3.Row) -> Listed:
    file = row["file"]
    return Listed(
        url=row["url"],
        captured_at=datetime.fromisoformat(row["captured_at"]),
        digest=row["digest"],
        length=row["length"],
        span=Span(file, row["offset"], row["length"]) if file else None,
        state=row["state"],
        failures=row["failures"],
        not_before=datetime.fromisoformat(row["not_before"]) if row["not_before"] else None,
        reason=row["reason"],
    )


def _time(stamp: datetime | None) -> str | None:
    return stamp_of(stamp) if stamp else None
