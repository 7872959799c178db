"""
Pages to look at: a plugin of Datasette, whose API, SQL, facets, CSV and search come along.

`tickertrack serve` runs it; where both are installed, so does a plain `datasette tickertrack.db`.
Over databases of other programs it does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datasette import hookimpl

from tickertrack.web.described import described, is_ours, named_queries, short_label
from tickertrack.web.guard import App, guarded
from tickertrack.web.mistakes import CLOSED, closed, in_utc, mended
from tickertrack.web.routes import routes
from tickertrack.web.sending import harmless
from tickertrack.web.settings import hosts_of, is_in_ours, our_database, settings_of

__all__: list[str] = []

Row = dict[str, Any]


def register_routes(datasette: Any) -> list[tuple[str, Callable[..., Any]]]:
    """Put our pages before Datasette's own."""
    return [(CLOSED, closed), *routes()] if our_database(datasette) else []


def asgi_wrapper(datasette: Any) -> Callable[[App], App]:
    """Refuse foreign hosts, and make every answer harmless: its head by a policy, and its body."""
    if not our_database(datasette):
        return lambda app: app

    # Asked for with each request: a Datasette makes its application before it is told its settings.
    def is_ours(path: str) -> bool:
        return is_in_ours(datasette, path)

    return lambda app: guarded(in_utc(harmless(app, is_ours), is_ours), lambda: hosts_of(datasette))


def permission_allowed(datasette: Any, action: str, resource: Any) -> bool | None:
    """Refuse SQL of the visitor's own, unless it was asked for."""
    settings = settings_of(datasette)
    if action != "execute-sql" or settings is None or settings.sql:
        return None
    return False if is_ours(datasette, resource) else None


def get_metadata(datasette: Any) -> Row:
    """Describe our tables and columns."""
    return described(datasette)


def canned_queries(datasette: Any, database: str) -> Row:
    """Name some questions."""
    return named_queries(datasette, database)


def handle_exception(datasette: Any, request: Any, exception: Exception) -> Any:
    """Answer what cannot be meant as the mistake that it is."""
    return mended(datasette, request, exception)


def render_cell(datasette: Any, database: str, value: Any) -> Any:
    """Cut an article's title where a page of Datasette's leads to it."""
    return short_label(datasette, database, value)


def menu_links(datasette: Any) -> list[dict[str, str]]:
    """Lead from Datasette's pages to ours."""
    if not our_database(datasette):
        return []
    places = {"Latest session": "/", "Symbols": "/symbols", "Coverage": "/coverage"}
    return [{"href": datasette.urls.path(path), "label": name} for name, path in places.items()]


# Datasette finds what is marked; as a decorator, its mark would take the types of these away.
for _hook in (
    register_routes,
    asgi_wrapper,
    permission_allowed,
    get_metadata,
    canned_queries,
    handle_exception,
    render_cell,
    menu_links,
):
    hookimpl(_hook)
