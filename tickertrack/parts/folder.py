"""The folder of a scan, wherever fsspec reaches: files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from tickertrack.errors import ConfigError, QueryError, StoreError, TickertrackError
from tickertrack.sources.files import SCAN

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["SCHEMA", "Folder", "is_scan", "newer"]

# Raised by one when parts change: what is above it was written by a newer tickertrack.
SCHEMA = 1


class Folder:
    """A folder by its path or address; it can be handed to other machines."""

    def __init__(self, place: str | Path) -> None:
        """Open nothing yet."""
        self.place = str(place) if "://" in str(place) else str(Path(place).absolute())

    def __repr__(self) -> str:
        """Name the place."""
        return f"Folder({self.place!r})"

    def path(self, name: str) -> str:
        """Name a file of the folder as the user would."""
        return f"{self.place.rstrip('/')}/{name}"

    def begin(self) -> None:
        """
        Make it the folder of a scan, where it is none yet.

        Raises QueryError for a folder of other things, ConfigError for one of a newer tickertrack.
        """
        told = self.read(SCAN)
        if told is not None:
            version = _schema(told)
            if version != SCHEMA:
                what = newer(version) if version else "is damaged"
                raise ConfigError(what, path=self.path(SCAN))
            return
        if any(SCAN not in name for name in self.names("")):
            advice = "name a new folder, or one that a scan has begun"
            raise QueryError(f"{self.place}: holds other things", advice=advice)
        with self._told():
            self.write(SCAN, json.dumps({"schema": SCHEMA}).encode() + b"\n")

    def read(self, name: str) -> bytes | None:
        """Read a small file; None where it is not there. Raises StoreError."""
        with self._told("read"):
            system, root = self._opened()
            try:
                content: bytes = system.cat_file(f"{root}/{name}")
            except FileNotFoundError:
                return None
            return content

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Read the files of a folder, many at once, by name. Raises StoreError."""
        with self._told("read"):
            system, root = self._opened()
            names = self.names(folder)
            read = system.cat([f"{root}/{folder}/{name}" for name in names]) if names else {}
            return {path.rpartition("/")[2]: read[path] for path in sorted(read)}

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        system, root = self._opened()
        opened: IO[bytes] = system.open(f"{root}/{name}", "rb")
        return opened

    def names(self, folder: str) -> list[str]:
        """Name what stands in a folder of it; nothing where that is not there."""
        with self._told("read"):
            system, root = self._opened()
            try:
                listed = system.ls(f"{root}/{folder}".rstrip("/"), detail=False, refresh=True)
            except FileNotFoundError:
                return []
            return sorted(str(path).rstrip("/").rpartition("/")[2] for path in listed)

    def write(self, name: str, content: bytes | IO[bytes]) -> None:
        """Write a file whole, over what was there. Raises StoreError."""
        with self._told():
            system, root = self._opened()
            target = f"{root}/{name}"
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            if "file" in _protocols(system):
                _write_local(Path(target), content)
            else:
                # One put: there when it is whole, and not before.
                system.pipe_file(target, content if isinstance(content, bytes) else content.read())

    def remove(self, name: str) -> None:
        """Remove a file, if it is there. Raises StoreError."""
        with self._told(), suppress(FileNotFoundError):
            system, root = self._opened()
            system.rm_file(f"{root}/{name}")

    def _opened(self) -> tuple[AbstractFileSystem, str]:
        # Imported where it is used: only a scan and its merge need it.
        from fsspec.core import url_to_fs  # noqa: PLC0415

        try:
            system, root = url_to_fs(self.place)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"cannot be reached ({error})", path=self.place) from error
        return system, str(root).rstrip("/")

    @contextmanager
    def _told(self, how: str = "written") -> Iterator[None]:
        try:
            yield
        except TickertrackError:
            raise
        except Exception as error:
            # Each kind of store has errors of its own: no credentials, no such bucket.
            fault = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise StoreError(f"cannot be {how} ({fault})", path=self.place) from error


def is_scan(place: str | Path) -> bool:
    """Say whether a scan has written to a folder."""
    if "://" not in str(place):
        return (Path(place) / SCAN).is_file()
    # No scan writes to a web server. What cannot be reached is told by who reads it.
    with suppress(TickertrackError):
        return not str(place).startswith(("http:", "https:")) and _marked(Folder(place))
    return False


def _marked(folder: Folder) -> bool:
    return folder.read(SCAN) is not None


def newer(version: int) -> str:
    """Say that a file is of a schema that we do not know."""
    return f"was written by a newer tickertrack (schema {version}; this one knows {SCHEMA})"


def _schema(told: bytes) -> int:
    with suppress(ValueError, TypeError, KeyError):
        return int(json.loads(told)["schema"])
    return 0


def _protocols(system: AbstractFileSystem) -> tuple[str, ...]:
    named: Any = system.protocol
    return (named,) if isinstance(named, str) else tuple(named)


def _write_local(target: Path, content: bytes | IO[bytes]) -> None:
    # Of a name that no `*.parquet` finds, and that no other has who writes the same.
    beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        with beside.open("wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
