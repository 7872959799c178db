"""One daemon for a database: a lock that ends with its process, whatever ends that."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tickertrack.errors import LockedError, StoreError

__all__ = ["Lock", "holder"]

# Who only asks for the holder has the file for a moment: that is no daemon, and a lock waits.
_PATIENT, _AT_ONCE = (0.05, 0.1, 0.2, 0.0), (0.0,)


class Lock:
    """The lock beside a database; raises LockedError with the holder's process number."""

    def __init__(self, database: Path) -> None:
        """Name the lock's file."""
        self.path = database.with_name(f"{database.name}.lock")
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock."""
        try:
            # Not carried into children: a job that outlives us must not hold it.
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"cannot be locked ({error.strerror})", path=self.path) from error
        if not _locked(self._file, fcntl.LOCK_EX, _PATIENT):
            pid = _pid(self._file)
            os.close(self._file)
            what = f"another tickertrack runs on this database (process {pid})"
            raise LockedError(what, path=self.path, pid=pid)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back; the file stays, as removing it would let two processes in."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)


def holder(database: Path) -> int | None:
    """Give the process number of the daemon that runs on a database; None where none does."""
    try:
        file = os.open(database.with_name(f"{database.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Those who ask do not hinder each other: what hinders one of them is a daemon.
        return None if _locked(file, fcntl.LOCK_SH, _AT_ONCE) else _pid(file)
    finally:
        os.close(file)


def _locked(file: int, kind: int, pauses: Sequence[float]) -> bool:
    for pause in pauses:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
        else:
            return True
    return False


def _pid(file: int) -> int:
    text = os.pread(file, 20, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else 0
