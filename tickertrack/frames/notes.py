"""What a frame says of itself: where it is from, what was asked, how much of it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Note", "coverage_of", "noted", "spanned"]

_EARLIEST, _LATEST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31", "us")


@dataclass(frozen=True, slots=True)
class Note:
    """What was asked of which database; nothing but what JSON can say, as files keep it so."""

    database: str
    start: str | None
    end: str | None
    as_of: str | None
    currency: str | None


def noted(
    table: pd.DataFrame, note: Note, coverage: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Write a note, and how much is known, as JSON can say it, into `attrs["tickertrack"]`."""
    table.attrs["tickertrack"] = {**asdict(note), "coverage": coverage}
    return table


def spanned(note: Note, days: pd.Series | Sequence[str | None]) -> Note:
    """Let a note without a start or an end have those of the rows, by their days."""
    known = pd.Series(days).dropna()
    if known.empty or (note.start and note.end):
        return note
    first, last = (str(day)[:10] for day in (known.min(), known.max()))
    return replace(note, start=note.start or first, end=note.end or last)


def coverage_of(table: pd.DataFrame, sessions: Sequence[str]) -> dict[str, int]:
    """
    Count a tidy history's prices that were captured and implied, and the sessions without one.

    Missing are the sessions between a symbol's first and last price here that have none.
    """
    of, names = pd.factorize(table["symbol"])
    days = table["session"].to_numpy("datetime64[us]")
    # Every `history` is counted: numpy takes a tenth of what a groupby does.
    first, last = np.full((2, len(names)), [[_LATEST], [_EARLIEST]])
    np.minimum.at(first, of, days)
    np.maximum.at(last, of, days)
    known = np.array(sessions, "datetime64[us]")
    between = known.searchsorted(last, "right") - known.searchsorted(first)
    missing = int((between - np.bincount(of, minlength=len(names))).clip(0).sum())
    implied = int((table["quotes"].to_numpy() == 0).sum())
    return {"captured": len(table) - implied, "implied": implied, "missing": missing}
