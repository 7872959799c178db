"""Connections: how the database is opened, locked, and how its faults are told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from tickertrack.errors import (
    BusyError,
    CorruptError,
    DiskFullError,
    NewerSchemaError,
    NoDatabaseError,
    ReadOnlyError,
    StoreError,
)

__all__ = [
    "SCHEMA_VERSION",
    "data_version",
    "drawn",
    "is_database",
    "open_reading",
    "open_writing",
    "told",
    "transaction",
]

Drawn = TypeVar("Drawn")

# Raised by one with each migration: a database above it was written by a newer tickertrack.
SCHEMA_VERSION = 13
# "TICK", so that `file` and our own doctor know the database by its header.
APPLICATION_ID = 0x5449434B
_BUSY_SECONDS = 30.0
_BUSY_PAUSE = 0.01
# What several times as much would save is read from the system, which has it in memory too.
_CACHE_KIB = 16384

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def open_writing(path: Path) -> sqlite3.Connection:
    """
    Open the database for writing, made or migrated where needed.

    Raises NewerSchemaError, CorruptError, ReadOnlyError, DiskFullError or BusyError.
    """
    with told(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(connection)
            version = _schema_version(connection, path)
            _log_ahead(connection)
            # NORMAL lost up to 40 of 120 acknowledged transactions in power cuts; FULL none.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if version < SCHEMA_VERSION:
                _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def open_reading(path: Path) -> sqlite3.Connection:
    """
    Open the database for questions only; also where its folder cannot be written.

    Raises NoDatabaseError, NewerSchemaError, ReadOnlyError or CorruptError.
    """
    if not path.is_file():
        raise NoDatabaseError(
            "no such database", path=path, advice="make one with `tickertrack ingest PATH`"
        )
    with told(path):
        connection = _connect_reading(path)
        try:
            _prepare(connection)
            connection.execute("PRAGMA query_only = ON")
            # Not where we write: the triggers of full-text search need the schema's trust.
            connection.execute("PRAGMA trusted_schema = OFF")
            version = _schema_version(connection, path)
        except BaseException:
            connection.close()
            raise
        if version == 0:
            connection.close()
            raise NoDatabaseError(
                "holds nothing yet", path=path, advice="fill it with `tickertrack ingest PATH`"
            )
        if version < SCHEMA_VERSION:
            connection.close()
            raise StoreError(
                "is of an older schema", path=path, advice="`tickertrack resolve` brings it up"
            )
        return connection


def is_database(path: Path) -> bool:
    """Say whether a file is a database of tickertrack's."""
    try:
        with closing(_connect_reading(path)) as connection:
            return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)
    except (OSError, sqlite3.Error, StoreError):
        return False


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Run one write transaction, all or nothing, waiting its turn among other writers."""
    with told(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


@contextmanager
def drawn(connection: sqlite3.Connection, path: Path, draw: Callable[[], Drawn]) -> Iterator[Drawn]:
    """
    Run one write transaction with conclusions that `draw` gives from what is stored.

    They are drawn before the lock is taken, so that others may store meanwhile; if others did,
    they are drawn again under it, or newer conclusions would be lost to older ones.
    """
    with told(path):
        version = data_version(connection)
        conclusions = draw()
    with transaction(connection, path):
        yield conclusions if data_version(connection) == version else draw()


def data_version(connection: sqlite3.Connection) -> int:
    """Give a number that changes when another connection commits, never by what this one does."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: which database, what is wrong, what to do."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _translated(error, path) from error


def _connect_reading(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema")
    except sqlite3.OperationalError as error:
        connection.close()
        if _code(error) not in _READ_ONLY | _DISK:
            raise
        # In a folder that may not be written, or on a full disk, the log's index has no place.
        # Opened as immutable the database is read without its log, which must then be empty.
        if _log_size(path):
            raise ReadOnlyError(
                "has rows in its -wal file that cannot be read where nothing can be written",
                path=path,
                advice="copy both files to where there is room",
            ) from error
        return sqlite3.connect(f"{uri}?immutable=1", uri=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _log_size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return log.stat().st_size if log.exists() else 0


def _log_ahead(connection: sqlite3.Connection) -> None:
    # Of two processes that make a database at once, SQLite turns one away without a wait.
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(_BUSY_PAUSE)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    for pragma in ("foreign_keys = ON", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _schema_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    known = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if tables and not known:
        raise CorruptError(
            "is a database of another program", path=path, advice="name another with --db"
        )
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"was written by a newer tickertrack (schema {version}; this one knows "
            f"{SCHEMA_VERSION})",
            path=path,
            advice="upgrade tickertrack, or name another database with --db",
        )
    return version if known else 0


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    # Imported where it is used: sqlite_utils imports pandas, half a second.
    from tickertrack.store.schema import migrate  # noqa: PLC0415

    with transaction(connection, path):
        # Another process may have been faster while we waited for the lock.
        if _schema_version(connection, path) < SCHEMA_VERSION:
            migrate(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _translated(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    code = _code(error)
    if code in _BUSY:
        advice = "another tickertrack is writing; try again"
        return BusyError("is locked", path=path, advice=advice)
    if code in _CORRUPT:
        advice = "restore a backup, or ingest the pages into a new one"
        return CorruptError(f"is damaged, or no database ({error})", path=path, advice=advice)
    if code in _DISK:
        return DiskFullError(
            f"cannot be written ({error})", path=path, advice="make room on the disk, or check it"
        )
    if code in _READ_ONLY:
        advice = "check the folder and who may write there"
        return ReadOnlyError(f"cannot be opened for writing ({error})", path=path, advice=advice)
    return StoreError(str(error), path=path)


def _code(error: sqlite3.Error | UnicodeDecodeError) -> int:
    if isinstance(error, UnicodeDecodeError):
        # Bytes that are no text stand in a damaged page, and also in what SQLite says of it.
        return sqlite3.SQLITE_CORRUPT
    # The low byte is the error's kind; the rest tells variants of it apart.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
