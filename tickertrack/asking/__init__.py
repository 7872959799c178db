"""The questions that a tracker answers: as data frames, as rows, and as files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tickertrack.asking.moves import EXPLANATION, MoveQuestions, explained, is_significant
from tickertrack.asking.prices import ACTIONS, PriceQuestions
from tickertrack.errors import QueryError
from tickertrack.spans import Day, span_of
from tickertrack.store import read
from tickertrack.store.connect import told
from tickertrack.suggest import meant

__all__ = ["ACTIONS", "EXPLANATION", "Asking", "explained", "is_significant"]

# What may be millions of rows, and what is not.
_STREAMED = {"prices": read.history, "quotes": read.quotes, "coverage": read.coverage}
_WHOLE = ("moves", "links", "news")


class Asking(PriceQuestions, MoveQuestions):
    """The part of a Tracker that answers."""

    def export(
        self,
        what: str,
        path: str | Path,
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
        follow_renames: bool = False,
        adjusted: bool = False,
    ) -> int:
        """
        Write prices, quotes, coverage, moves, links or news to a file, by its ending; count rows.

        The first three, which may be millions, are never held as a whole where the ending is
        .csv, .jsonl, .parquet or .feather. `follow_renames` and `adjusted` are for prices, as in
        `history`. Raises QueryError for another ending or subject.
        """
        from tickertrack.frames import stream, write_file  # noqa: PLC0415

        altered = {"follow_renames": follow_renames, "adjusted": adjusted}
        if any(altered.values()) and what != "prices":
            raise QueryError(
                "only prices are adjusted or followed through renames",
                advice=f"export {what} without that",
            )
        if what in _WHOLE:
            return write_file(getattr(self, what)(start=start, end=end, as_of=as_of), Path(path))
        if what not in _STREAMED:
            raise QueryError(f"no {what!r} to export", advice=meant(what, (*_STREAMED, *_WHOLE)))
        span = span_of(start, end)
        question = _STREAMED[what]((), span)
        with self.past(as_of) as past, told(self.path):
            batches = read.batches(past.reader(), question)
            if any(altered.values()):
                batches = past._histories(**altered).batches(span)  # noqa: SLF001  (one of us)
            answer = stream(batches, question.columns, self.note(span, as_of))
            return write_file(answer, Path(path))
