"""The questions about prices and the quotes behind them: as frames, and as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from tickertrack.asking.base import Questions, Scope
from tickertrack.asking.histories import Histories
from tickertrack.hints import warn_of_strangers
from tickertrack.spans import Day, Symbols, names_of, span_of
from tickertrack.store import read
from tickertrack.store.connect import told

if TYPE_CHECKING:
    import pandas as pd

    from tickertrack.frames import Picture, Style

__all__ = ["ACTIONS", "PriceQuestions"]

ACTIONS = ("symbol", "session", "kind", "factor", "amount", "status", "evidence")


class PriceQuestions(Questions):
    """The part of a Tracker that answers about prices, quotes, coverage and corporate actions."""

    # ---- as data frames

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
        from tickertrack.frames import coverage_of, frame, noted, spanned, styled  # noqa: PLC0415

        names, span = names_of(symbols), span_of(start, end)
        with self.past(as_of) as past, told(self.path):
            if not (follow_renames or adjusted):
                table = past._frame(read.history(names, span))  # noqa: SLF001  (it is one of us)
            else:
                found = past._histories(follow_renames=follow_renames, adjusted=adjusted)  # noqa: SLF001
                table = frame(found.rows(names, span), read.HISTORY)
            coverage, known = coverage_of(table, past.sessions()), list(table["symbol"].unique())
            warn_of_strangers(self, names, known)
        answer = styled(table, style, symbols=names or known, zone=str(self.market().zone))
        note = spanned(self.note(span, as_of), table["session"])
        return noted(answer, note, coverage)

    def quotes(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give every observed line, a row per page that shows it; undated ones have no session."""
        scope = Scope(names_of(symbols), span_of(start, end), as_of)
        return self._answer(read.quotes(scope.names, scope.span), scope)

    def coverage(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give sessions by symbols: captured, implied, missing or conflicting."""
        scope = Scope(names_of(symbols), span_of(start, end), as_of)
        return self._answer(read.coverage(scope.names, scope.span), scope)

    def actions(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give chain breaks and the corporate actions that would explain them."""
        scope = Scope(names_of(symbols), span_of(start, end), as_of)
        return self._table(lambda past: past.action_rows(scope.names, start, end), ACTIONS, scope)

    def picture(
        self,
        symbols: Symbols,
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
        follow_renames: bool = False,
        adjusted: bool = False,
    ) -> Picture:
        """
        Draw price series, a panel for each symbol: a notebook shows it, `save` writes it.

        Raises QueryError where matplotlib, an extra, is not installed, and for too many symbols.
        """
        from tickertrack.course import courses  # noqa: PLC0415
        from tickertrack.frames import Picture  # noqa: PLC0415

        names, span = names_of(symbols), span_of(start, end)
        with self.past(as_of) as past, told(self.path):
            found = past._histories(follow_renames=follow_renames, adjusted=adjusted)  # noqa: SLF001
            rows = found.rows(names, span)
            warn_of_strangers(self, names, {row["symbol"] for row in rows})
            return Picture(courses(rows, past.sessions(), self.market()))

    # ---- as rows: what the command line prints, without pandas

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
        span = span_of(start, end)
        with self.past(as_of) as past, told(self.path):
            found = past._histories(follow_renames=follow_renames, adjusted=adjusted)  # noqa: SLF001
            return found.rows(symbols, span)

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
        self,
        symbols: Sequence[str],
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> list[read.Row]:
        """Give sessions by symbols, each captured, implied, missing or conflicting."""
        with self.past(as_of) as past, told(self.path):
            return read.rows(past.reader(), read.coverage(symbols, span_of(start, end)))

    def action_rows(
        self, symbols: Sequence[str] = (), start: Day = None, end: Day = None
    ) -> list[read.Row]:
        """Give the proposed corporate actions with what the user's actions.csv says of them."""
        from dataclasses import asdict  # noqa: PLC0415

        span = span_of(start, end)
        low, high = span.start or date.min, span.end or date.max
        with told(self.path):
            found = self._decided()
        return [
            {**asdict(action), "session": action.session.isoformat()}
            for action in found
            if low <= action.session <= high and (not symbols or action.symbol in symbols)
        ]

    def latest_rows(self, symbols: Sequence[str] = ()) -> list[read.Row]:
        """Give the last price of each symbol, with when a page last showed it."""
        with told(self.path):
            return read.rows(self.reader(), read.latest(symbols))

    def quarantine_rows(self) -> list[read.Row]:
        """Give what was refused, and why."""
        with told(self.path):
            return read.rows(self.reader(), read.quarantine())

    def dating(self) -> tuple[int, int]:
        """Count the boards that pages show, and those of them that nothing dates."""
        with told(self.path):
            return read.dating(self.reader())

    def _histories(self, *, follow_renames: bool, adjusted: bool) -> Histories:
        renames = self.market() if follow_renames else None
        return Histories(self.reader(), renames, self._decided() if adjusted else ())
