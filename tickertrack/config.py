"""config.toml to Config: defaults, then the file, then the environment; no unknown key."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from pathlib import Path
from typing import Any

from tickertrack.errors import ConfigError

__all__ = ["Config", "load_config", "read_toml", "refuse_unknown"]

FILE_NAME = "config.toml"
ENVIRONMENT_PREFIX = "TICKERTRACK_"
_ADDRESS = re.compile(r"\S+:[0-9]+")


@dataclass(frozen=True, slots=True)
class Database:
    """`[database]`: where the tables lie."""

    path: str = "tickertrack.db"


@dataclass(frozen=True, slots=True)
class Archive:
    """`[archive]`: where fetched pages are kept."""

    path: str = "archive"


@dataclass(frozen=True, slots=True)
class Backup:
    """`[backup]`: where copies of the database go, and how many are kept."""

    path: str = "backups"
    keep: int = 7


@dataclass(frozen=True, slots=True)
class Market:
    """`[market]`: whose sessions and symbols the strips speak of, and what moves are judged by."""

    name: str = "psx"
    index: str = "KSE100"


@dataclass(frozen=True, slots=True)
class Collect:
    """`[collect]`: whose pages are read, and how politely they are fetched."""

    publishers: tuple[str, ...] = ("brecorder",)
    contact: str = ""
    per_host_delay: float = 5.0
    allow_private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Daemon:
    """`[daemon]`: the scheduler's clock and where its jobs lie."""

    timezone: str = "Asia/Karachi"
    jobs: str = "jobs"


@dataclass(frozen=True, slots=True)
class Alerts:
    """`[alerts]`: whom to tell (apprise's addresses), and which lines, when they are crossed."""

    urls: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backfill:
    """`[backfill]`: which archive on the net the job asks for the past, and how much a round."""

    source: str = "cc"
    start: str = "2020-01-01"
    per_session: int = 4
    limit: int = 500


@dataclass(frozen=True, slots=True)
class Config:
    """A tracker's settings; `folder` is where relative paths and the user's own files stand."""

    folder: Path = field(default_factory=Path)
    database: Database = field(default_factory=Database)
    archive: Archive = field(default_factory=Archive)
    backup: Backup = field(default_factory=Backup)
    market: Market = field(default_factory=Market)
    collect: Collect = field(default_factory=Collect)
    daemon: Daemon = field(default_factory=Daemon)
    alerts: Alerts = field(default_factory=Alerts)
    backfill: Backfill = field(default_factory=Backfill)

    @property
    def database_path(self) -> Path:
        """The database's path, relative to the settings' folder."""
        return self.folder / self.database.path

    @property
    def archive_path(self) -> Path:
        """The folder of fetched pages, relative to the settings' folder."""
        return self.folder / self.archive.path

    @property
    def backup_path(self) -> Path:
        """The folder of backups, relative to the settings' folder."""
        return self.folder / self.backup.path

    @property
    def jobs_path(self) -> Path:
        """The folder of jobs, relative to the settings' folder."""
        return self.folder / self.daemon.jobs

    def with_database(self, path: Path) -> Config:
        """Use another database, named relative to the working directory."""
        return replace(self, database=Database(str(path.absolute())))


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """
    Read settings from `path`, or from config.toml of the working directory where there is one.

    Raises ConfigError, naming file and key, for what is unknown, of a wrong type or unreadable.
    """
    environ = os.environ if environ is None else environ
    chosen = path or Path(FILE_NAME)
    table = read_toml(chosen) if path or chosen.exists() else {}
    config = Config(folder=chosen.parent)
    sections = {item.name for item in fields(Config)} - {"folder"}
    refuse_unknown(table, sections, path=chosen)
    for name in sorted(sections):
        section = _from_file(getattr(config, name), table.get(name, {}), name, chosen)
        config = replace(config, **{name: _from_environment(section, name, environ)})
    for address in config.collect.allow_private:
        if not _ADDRESS.fullmatch(address):
            advice = "write host:port, such as 127.0.0.1:8000"
            key = "collect.allow_private"
            raise ConfigError(f"{address!r} names no port", path=chosen, key=key, advice=advice)
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises ConfigError with the path and, for a syntax error, the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror})", path=path, advice="check --config and the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not TOML: {error}", path=path) from error


def refuse_unknown(
    table: Mapping[str, Any], known: set[str], *, path: Path, prefix: str = ""
) -> None:
    """Raise ConfigError for the first key that nobody asked for, with a near name."""
    for key in table:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
        raise ConfigError("unknown key", path=path, key=prefix + key, advice=advice)


def _from_file(section: Any, table: Any, name: str, path: Path) -> Any:
    if not isinstance(table, dict):
        raise ConfigError("must be a table", path=path, key=name)
    refuse_unknown(table, {item.name for item in fields(section)}, path=path, prefix=f"{name}.")
    typed = {
        key: _typed(value, getattr(section, key), path=path, key=f"{name}.{key}")
        for key, value in table.items()
    }
    return replace(section, **typed)


def _from_environment(section: Any, name: str, environ: Mapping[str, str]) -> Any:
    changes: dict[str, Any] = {}
    for item in fields(section):
        variable = f"{ENVIRONMENT_PREFIX}{name}_{item.name}".upper()
        if variable in environ:
            changes[item.name] = _parsed(environ[variable], getattr(section, item.name), variable)
    return replace(section, **changes)


def _typed(value: Any, default: Any, *, path: Path, key: str) -> Any:
    if isinstance(default, tuple):
        if isinstance(value, list) and all(map(_is_text, value)):
            return tuple(value)
        raise ConfigError("must be a list of texts without NUL", path=path, key=key)
    if isinstance(default, int):
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise ConfigError("must be a whole number above zero", path=path, key=key)
    if isinstance(default, float):
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf:
            return float(value)
        raise ConfigError("must be a finite number, not below zero", path=path, key=key)
    if _is_text(value):
        return value
    raise ConfigError("must be a text without NUL", path=path, key=key)


def _is_text(value: Any) -> bool:
    # No path and no name holds a NUL; what is given one fails, each in its own way.
    return isinstance(value, str) and "\0" not in value


def _parsed(text: str, default: Any, variable: str) -> Any:
    where = Path("environment")
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, str):
        return text
    try:
        return _typed(type(default)(text), default, path=where, key=variable)
    except ValueError as error:
        raise ConfigError("must be a number", path=where, key=variable) from error
