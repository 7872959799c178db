"""A Datasette of our own making, and the server it runs in."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import uvicorn
from datasette.app import Datasette
from datasette.plugins import pm

from tickertrack import web
from tickertrack.config import Config
from tickertrack.errors import TickertrackError
from tickertrack.store.connect import open_reading
from tickertrack.web.settings import LOOPBACK, Settings, keep, our_database

__all__ = ["datasette_of", "serve"]

# Every host's: who listens there is reached under any of its names, which nobody can list.
ANY_HOST = {"0.0.0.0", "::"}  # noqa: S104  (to tell them apart, not to listen there)
_SETTINGS = {
    "allow_download": False,
    "num_sql_threads": 4,
    "suggest_facets": True,
    # A symbol's whole past in one download: Datasette's thousand are four years.
    "max_returned_rows": 100_000,
}


def datasette_of(config: Config, *, hosts: Iterable[str] = (), sql: bool = False) -> Any:
    """
    Make a Datasette of one database with our pages; `hosts` are names it answers under.

    Raises NoDatabaseError where there is none.
    """
    path = config.database_path
    open_reading(path).close()
    _register()
    _quieten()
    served = Datasette([str(path)], settings=dict(_SETTINGS))
    found = our_database(served)
    name = found[0] if found else path.stem
    names = LOOPBACK | {host.lower().strip("[]") for host in hosts if host not in ANY_HOST}
    keep(served, Settings(config, name, names, sql))
    return served


def serve(datasette: Any, host: str, port: int, ready: Callable[[str], None]) -> None:
    """
    Answer until interrupted; `ready` is told the address when connections are taken.

    Raises TickertrackError for a port that is not to be had.
    """
    listening = _listen(host, port)
    address = f"http://{_in_address(host)}:{listening.getsockname()[1]}/"
    listening.listen()
    ready(address)
    said = uvicorn.Config(datasette.app(), log_level="warning", lifespan="on")
    with listening, suppress(KeyboardInterrupt):
        uvicorn.Server(said).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        fault = f"{host}:{port}: cannot be listened on ({error.strerror})"
        raise TickertrackError(fault, advice="name another with --port; 0 takes any") from error
    return listening


def _in_address(host: str) -> str:
    if host in ANY_HOST:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _register() -> None:
    """Tell Datasette of the plugin where no entry point has, as in a bare checkout."""
    if not pm.is_registered(web) and not any(one is web for one in pm.get_plugins()):
        pm.register(web, name="tickertrack")


def _quieten() -> None:
    """
    Keep the mistakes of visitors to themselves.

    Where rich is, Datasette shows each on our terminal, word for word, with all that was at hand. A
    fault of the program is told there still.
    """
    pm.get_plugin("datasette.handle_exception").rich = None
