"""What all fetchers share: which database is asked, for whom, and how OpenBB is told of a fault."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openbb_core.app.model.abstract.error import OpenBBError
from openbb_core.app.model.abstract.warning import OpenBBWarning
from openbb_core.provider.utils.errors import EmptyDataError

from tickertrack.errors import TickertrackError
from tickertrack.hints import hints
from tickertrack.tracker import Tracker, open_tracker

__all__ = ["SEVERAL", "asked", "known", "share", "symbols_of"]

# OpenBB hands several symbols on as one text, with commas.
SEVERAL: dict[str, Any] = {"symbol": {"multiple_items_allowed": True}}


@contextmanager
def asked(credentials: Mapping[str, str] | None) -> Iterator[Tracker]:
    """Open the database that the credentials name, or else the command line's own."""
    path = (credentials or {}).get("tickertrack_database") or os.environ.get("TICKERTRACK_DB")
    database = Path(path).expanduser() if path else None
    try:
        with open_tracker(database, config=os.environ.get("TICKERTRACK_CONFIG")) as tracker:
            yield tracker
    except TickertrackError as error:
        raise OpenBBError(str(error)) from error


def symbols_of(text: str) -> list[str]:
    """Split what OpenBB hands on as one text."""
    return [name.strip().upper() for name in text.split(",") if name.strip()]


def known(
    tracker: Tracker, names: Sequence[str], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Give the rows, and warn of symbols without any. Raises EmptyDataError where there is none."""
    told = list(hints(tracker, names, rows))
    if not rows:
        raise EmptyDataError("; ".join(told) or "no row in this range")
    for line in told:
        warnings.warn(line, OpenBBWarning, stacklevel=2)
    return list(rows)


def share(percent: float | None) -> float | None:
    """Give a percentage as OpenBB does: 0.6 % is 0.006."""
    return None if percent is None else round(percent / 100, 8)
