"""What a frame says of itself: where it is from, what was asked, how much of it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Note", "coverage_of", "noted"]


@dataclass(frozen=True, slots=True)
class Note:
    """What was asked of which database; nothing but what JSON can say, as files keep it so."""

    database: str
    start: str | None
    end: str | None
    as_of: str | None
    currency: str | None


def noted(table: pd.DataFrame, note: Note, **more: object) -> pd.DataFrame:
    """Write a note, and more that JSON can say, into `attrs["tickertrack"]`."""
    table.attrs["tickertrack"] = {**asdict(note), **more}
    return table


def coverage_of(table: pd.DataFrame, sessions: Sequence[str]) -> dict[str, int]:
    """
    Count a tidy history's prices that were captured and implied, and the sessions without one.

    Missing are the sessions between a symbol's first and last price here that have none.
    """
    implied = int((table["quotes"] == 0).sum())
    days = table["session"].dt.strftime("%Y-%m-%d").groupby(table["symbol"])
    spans = zip(days.min(), days.max(), days.count(), strict=True)
    missing = sum(
        max(sum(first <= day <= last for day in sessions) - int(count), 0)
        for first, last, count in spans
    )
    return {"captured": len(table) - implied, "implied": implied, "missing": missing}
