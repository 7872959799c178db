"""
Ticker strips of news pages to a checked, dated price history.

    import tickertrack as tt

    with tt.open("tickertrack.db") as tracker:
        tracker.ingest("pages/")
        prices = tracker.history("ANL", start="2021-04-01", end="2021-04-30")
"""

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
from tickertrack.models import IngestReport, LinkReport
from tickertrack.tracker import Tracker, open_tracker

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
