"""
Ticker strips of news pages to a checked, dated price history.

    import tickertrack as tt

    with tt.open("tickertrack.db") as tracker:
        tracker.ingest("pages/")
        prices = tracker.history("ANL", start="2021-04-01", end="2021-04-30")
"""

from typing import TYPE_CHECKING, Any

from tickertrack.errors import (
    BusyError,
    ConfigError,
    CorruptError,
    DiskFullError,
    FetchError,
    LockedError,
    NewerSchemaError,
    NoDatabaseError,
    QueryError,
    ReadOnlyError,
    SourceError,
    StoreError,
    TickertrackError,
)
from tickertrack.tracker import Tracker, open_tracker

if TYPE_CHECKING:
    from tickertrack.models import IngestReport, LinkReport

open = open_tracker  # noqa: A001  (tt.open reads like the built-in it is modelled on)

__version__ = "0.1.0"

__all__ = [
    "BusyError",
    "ConfigError",
    "CorruptError",
    "DiskFullError",
    "FetchError",
    "IngestReport",
    "LinkReport",
    "LockedError",
    "NewerSchemaError",
    "NoDatabaseError",
    "QueryError",
    "ReadOnlyError",
    "SourceError",
    "StoreError",
    "TickertrackError",
    "Tracker",
    "__version__",
    "open",
    "open_tracker",
]


def __getattr__(name: str) -> Any:
    # The records are many, and the command line starts without them: 10 ms.
    if name in {"IngestReport", "LinkReport"}:
        from tickertrack import models  # noqa: PLC0415

        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
