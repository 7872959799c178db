"""
Everything that can go wrong, as one tree.

    TickertrackError            exit code 1
      ConfigError               2   config.toml, a dialect, publisher or market file: `path`, `key`
        NewerSchemaError        2   the database was written by a newer tickertrack
        NoDatabaseError         2   a question to a database that is not there
      QueryError                2   a question that cannot be meant: a start after the end
      LeftOutError              1   a file without what its form cannot say: `symbols`, `written`
      SourceError               1   a file or record that cannot be read: `path`, `line`
        FetchError              75  an address that cannot be fetched: `reason`, `temporary`
        OutOfReachError         1   a file that the system does not give now
      ClusterError              75  no scheduler, or no worker, of many machines: `address`
      StoreError                1   the database, or a folder of parts, failed: `path`
        CorruptError            1   a file that is damaged, or no database
        DiskFullError           1   no space left
        ReadOnlyError           1   the database may not be written
        BusyError               75  another process holds the database
        LockedError             75  another daemon runs on the database: `pid`

and beside it, as an empty answer is an answer,

    SymbolWarning               of a symbol that no stored page shows
"""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

__all__ = [
    "BusyError",
    "ClusterError",
    "ConfigError",
    "CorruptError",
    "DiskFullError",
    "FetchError",
    "LeftOutError",
    "LockedError",
    "NewerSchemaError",
    "NoDatabaseError",
    "OutOfReachError",
    "QueryError",
    "ReadOnlyError",
    "SourceError",
    "StoreError",
    "SymbolWarning",
    "TickertrackError",
]


class TickertrackError(Exception):
    """What was wrong, where, and what to do about it, in one line."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        """Keep the two halves of the line apart, so that each can be tested and shown."""
        super().__init__(what)
        self.what = what
        self.advice = advice

    def where(self) -> str:
        """Name the place, for the front of the line."""
        return ""

    def __str__(self) -> str:
        """Give the whole line: place, fault, advice."""
        line = ": ".join(part for part in (self.where(), self.what) if part)
        return f"{line}; {self.advice}" if self.advice else line


class ConfigError(TickertrackError):
    """A settings, dialect, publisher or market file that says something impossible."""

    exit_code = 2

    def __init__(
        self, what: str, *, path: Path | str | None = None, key: str = "", advice: str = ""
    ) -> None:
        """Carry the file and the key's path inside it."""
        super().__init__(what, advice=advice)
        self.path = path
        self.key = key

    def where(self) -> str:
        """Name file and key."""
        return ": ".join(str(part) for part in (self.path, self.key) if part)


class NewerSchemaError(ConfigError):
    """A database that a newer tickertrack wrote."""


class NoDatabaseError(ConfigError):
    """A question to a database that does not exist."""


class QueryError(TickertrackError):
    """A question that cannot be meant."""

    exit_code = 2


class LeftOutError(TickertrackError):
    """A file that is written, but for the symbols that its form cannot say."""

    def __init__(
        self, what: str, *, path: Path | str, symbols: tuple[str, ...], written: int
    ) -> None:
        """Carry the file, what it lacks, and the count of the rows that it has."""
        super().__init__(what, advice="written to .csv they are there")
        self.path = path
        self.symbols = symbols
        self.written = written

    def where(self) -> str:
        """Name the file."""
        return str(self.path)


class SourceError(TickertrackError):
    """A file, or one record of it, that cannot be read; its neighbours can."""

    reason: str = "unreadable_page"

    def __init__(
        self, what: str, *, path: Path | str, line: int | None = None, advice: str = ""
    ) -> None:
        """Carry the file and, where there is one, the line or record number."""
        super().__init__(what, advice=advice)
        self.path = path
        self.line = line

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross the border between processes, as errors of a reading worker do."""
        rebuild = partial(type(self), path=self.path, line=self.line, advice=self.advice)
        return rebuild, (self.what,)

    def where(self) -> str:
        """Name file and line."""
        return str(self.path) if self.line is None else f"{self.path}:{self.line}"


class FetchError(SourceError):
    """An address that cannot be fetched; `reason` is one word, for counting and deciding."""

    exit_code = 75

    def __init__(
        self,
        what: str,
        *,
        url: str,
        reason: str,
        temporary: bool = False,
        retry_at: datetime | None = None,
    ) -> None:
        """Carry the address, the kind of fault, and whether and when to ask again."""
        super().__init__(what, path=url)
        self.url = url
        self.reason = reason
        self.temporary = temporary
        self.retry_at = retry_at

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross the border between processes with all that it carries."""
        rebuild = partial(
            type(self),
            url=self.url,
            reason=self.reason,
            temporary=self.temporary,
            retry_at=self.retry_at,
        )
        return rebuild, (self.what,)


class OutOfReachError(SourceError):
    """A file that the system does not give now, as it may another time; not one that is damaged."""


class ClusterError(TickertrackError):
    """Many machines of which none answers, or which do not have what they need."""

    exit_code = 75

    def __init__(self, what: str, *, address: str, advice: str = "") -> None:
        """Carry the scheduler's address."""
        super().__init__(what, advice=advice)
        self.address = address

    def where(self) -> str:
        """Name the scheduler."""
        return self.address


class StoreError(TickertrackError):
    """The database, or a folder of parts, failed."""

    def __init__(self, what: str, *, path: Path | str, advice: str = "") -> None:
        """Carry the database's path."""
        super().__init__(what, advice=advice)
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross the border between processes, as errors of a scan's workers do."""
        return partial(type(self), path=self.path, advice=self.advice), (self.what,)

    def where(self) -> str:
        """Name the database."""
        return str(self.path)


class CorruptError(StoreError):
    """A file that is damaged, or was never a database."""


class DiskFullError(StoreError):
    """No space is left for the database."""


class ReadOnlyError(StoreError):
    """The database may not be written."""


class BusyError(StoreError):
    """Another process holds the database for longer than we wait."""

    exit_code = 75


class LockedError(StoreError):
    """Another daemon runs on the database."""

    exit_code = 75

    def __init__(self, what: str, *, path: Path | str, pid: int) -> None:
        """Carry the number of its process."""
        super().__init__(what, path=path)
        self.pid = pid


class SymbolWarning(UserWarning):
    """A question about a symbol that no stored page shows; it is answered all the same."""
