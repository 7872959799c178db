"""config.toml to Config: defaults, then the file, then the environment; no unknown key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from tickertrack.errors import ConfigError
from tickertrack.suggest import meant

__all__ = ["Config", "load_config", "named_as_its_file", "read_toml", "refuse_unknown"]

FILE_NAME = "config.toml"
ENVIRONMENT_PREFIX = "TICKERTRACK_"
_ADDRESS = r"\S+:[0-9]+"

# Named tuples, for every command begins with them: a dataclass takes ten times as long to make.


class Database(NamedTuple):
    """`[database]`: where the tables lie."""

    path: str = "tickertrack.db"


class Archive(NamedTuple):
    """`[archive]`: where fetched pages are kept."""

    path: str = "archive"


class Backup(NamedTuple):
    """`[backup]`: where copies of the database go, and how many are kept."""

    path: str = "backups"
    keep: int = 7


class Market(NamedTuple):
    """`[market]`: whose sessions and symbols the strips speak of, and what moves are judged by."""

    name: str = "psx"
    index: str = "KSE100"  # type: ignore[assignment]  # tuples have a method so named


class Collect(NamedTuple):
    """`[collect]`: whose pages are read, and how politely they are fetched."""

    publishers: tuple[str, ...] = ("brecorder",)
    contact: str = ""
    per_host_delay: float = 5.0
    allow_private: tuple[str, ...] = ()


class Daemon(NamedTuple):
    """`[daemon]`: the scheduler's clock and where its jobs lie."""

    timezone: str = "Asia/Karachi"
    jobs: str = "jobs"


class Alerts(NamedTuple):
    """`[alerts]`: whom to tell (apprise's addresses), and which lines, when they are crossed."""

    urls: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class Backfill(NamedTuple):
    """`[backfill]`: which archive on the net the job asks for the past, and how much a round."""

    source: str = "cc"
    start: str = "2020-01-01"
    per_session: int = 4
    limit: int = 500


class Config(NamedTuple):
    """A tracker's settings; `folder` is where relative paths and the user's own files stand."""

    folder: Path = Path()
    database: Database = Database()
    archive: Archive = Archive()
    backup: Backup = Backup()
    market: Market = Market()
    collect: Collect = Collect()
    daemon: Daemon = Daemon()
    alerts: Alerts = Alerts()
    backfill: Backfill = Backfill()

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
        return self._replace(database=Database(str(path.absolute())))


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """
    Read settings from `path`, or from config.toml of the working directory where there is one.

    Raises ConfigError, naming file and key, for what is unknown, of a wrong type or unreadable.
    """
    environ = os.environ if environ is None else environ
    chosen = path or Path(FILE_NAME)
    table = read_toml(chosen, "check --config") if path or chosen.exists() else {}
    config = Config(folder=chosen.parent)
    sections = set(Config._fields) - {"folder"}
    refuse_unknown(table, sections, path=chosen)
    for name in sorted(sections):
        section = _from_file(getattr(config, name), table.get(name, {}), name, chosen)
        config = config._replace(**{name: _from_environment(section, name, environ)})
    for address in config.collect.allow_private:
        if not re.fullmatch(_ADDRESS, address):
            advice = "write host:port, such as 127.0.0.1:8000"
            key = "collect.allow_private"
            raise ConfigError(f"{address!r} names no port", path=chosen, key=key, advice=advice)
    return config


def read_toml(path: Path, advice: str = "") -> dict[str, Any]:
    """
    Read a TOML file.

    Raises ConfigError with the path, for a syntax error the line, and for a file that cannot be
    read the advice.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        fault = f"cannot be read ({error.strerror})"
        raise ConfigError(fault, path=path, advice=advice) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not TOML: it is no text in UTF-8", path=path) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", path=path) from error


def named_as_its_file(table: Mapping[str, Any], path: Path) -> None:
    """Raise ConfigError where a file does not say its own name."""
    name = table.get("name")
    if name != path.stem:
        said = "is missing" if name is None else f"is {name!r}"
        advice = f"write {path.stem!r}, as the file is named"
        raise ConfigError(said, path=path, key="name", advice=advice)


def refuse_unknown(
    table: Mapping[str, Any], known: set[str], *, path: Path, prefix: str = ""
) -> None:
    """Raise ConfigError for the first key that nobody asked for, with a near name."""
    for key in table:
        if key in known:
            continue
        advice = meant(key, known)
        raise ConfigError("unknown key", path=path, key=prefix + key, advice=advice)


def _from_file(section: Any, table: Any, name: str, path: Path) -> Any:
    if not isinstance(table, dict):
        raise ConfigError("must be a table", path=path, key=name)
    refuse_unknown(table, set(section._fields), path=path, prefix=f"{name}.")
    typed = {
        key: _typed(value, getattr(section, key), path=path, key=f"{name}.{key}")
        for key, value in table.items()
    }
    return section._replace(**typed)


def _from_environment(section: Any, name: str, environ: Mapping[str, str]) -> Any:
    changes: dict[str, Any] = {}
    for key, default in section._asdict().items():
        variable = f"{ENVIRONMENT_PREFIX}{name}_{key}".upper()
        if variable in environ:
            changes[key] = _parsed(environ[variable], default, variable)
    return section._replace(**changes)


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
