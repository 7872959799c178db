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
    LeftOutError,
    LockedError,
    NewerSchemaError,
    NoDatabaseError,
    QueryError,
    ReadOnlyError,
    SourceError,
    StoreError,
    SymbolWarning,
    TickertrackError,
)

if TYPE_CHECKING:
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
    "LeftOutError",
    "LinkReport",
    "LockedError",
    "NewerSchemaError",
    "NoDatabaseError",
    "QueryError",
    "ReadOnlyError",
    "SourceError",
    "StoreError",
    "SymbolWarning",
    "TickertrackError",
    "Tracker",
    "__version__",
    "open",
    "open_tracker",
]


# Where the names are that are imported when they are first used: the command line begins without.
_LATE = {
    "IngestReport": ("models", "IngestReport"),
    "LinkReport": ("models", "LinkReport"),
    "Tracker": ("tracker", "Tracker"),
    "open": ("tracker", "open_tracker"),
    "open_tracker": ("tracker", "open_tracker"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module, attribute = _LATE[name]
    globals()[name] = found = getattr(import_module(f"tickertrack.{module}"), attribute)
    return found
