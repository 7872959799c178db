"""What a Datasette serves, and to whom: our database among its own, hosts, SQL or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from datasette.utils import tilde_decode

from tickertrack.config import FILE_NAME, Config, load_config
from tickertrack.store.connect import is_database

__all__ = [
    "LOOPBACK",
    "Settings",
    "hosts_of",
    "is_in_ours",
    "keep",
    "our_database",
    "settings_of",
]

# Names under which only this machine is reached: what a page of another site cannot take on.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The tracker's settings, what Datasette calls its database, whom it answers, and SQL."""

    config: Config
    database: str
    hosts: frozenset[str] = LOOPBACK
    sql: bool = False


_KNOWN: WeakKeyDictionary[Any, Settings | None] = WeakKeyDictionary()


def keep(datasette: Any, settings: Settings) -> None:
    """Say how a Datasette is to serve, before it is asked."""
    _KNOWN[datasette] = settings


def settings_of(datasette: Any) -> Settings | None:
    """Give how a Datasette serves our database; None where it has none."""
    if datasette not in _KNOWN:
        _KNOWN[datasette] = _found(datasette)
    return _KNOWN[datasette]


def hosts_of(datasette: Any) -> frozenset[str]:
    """Give the names under which a Datasette answers."""
    settings = settings_of(datasette)
    return settings.hosts if settings else LOOPBACK


def is_in_ours(datasette: Any, path: str) -> bool:
    """Say whether the path of one of Datasette's answers is of our database."""
    settings = settings_of(datasette)
    if settings is None:
        return False
    below = path.removeprefix(str(datasette.setting("base_url")).rstrip("/"))
    first = below.removeprefix("/").partition("/")[0].partition(".")[0]
    return bool(tilde_decode(first) == datasette.databases[settings.database].route)


def our_database(datasette: Any) -> tuple[str, Path] | None:
    """Find the first of a Datasette's databases that is a tracker's: its name and path."""
    for name, database in datasette.databases.items():
        if database.path and is_database(Path(database.path)):
            return name, Path(database.path)
    return None


def _found(datasette: Any) -> Settings | None:
    """Read how a plain `datasette` serves: its plugin's settings, config.toml by the database."""
    found = our_database(datasette)
    if found is None:
        return None
    name, path = found
    said = datasette.plugin_config("tickertrack") or {}
    beside = path.parent / FILE_NAME
    config = load_config(beside if beside.exists() else None)
    hosts = LOOPBACK | {str(host).lower() for host in said.get("hosts", ())}
    return Settings(config.with_database(path), name, hosts, bool(said.get("sql")))
