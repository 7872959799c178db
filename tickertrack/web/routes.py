"""Which page stands where; a page is read and written in a thread, with a tracker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from datasette import Response
from datasette.utils import tilde_decode

from tickertrack.errors import QueryError, TickertrackError
from tickertrack.harmless import safe_term
from tickertrack.tracker import Tracker
from tickertrack.web import coverage, day, home, listing, move, quote, symbol
from tickertrack.web.guard import POLICY
from tickertrack.web.render import Links, render
from tickertrack.web.settings import Settings, settings_of
from tickertrack.web.showing import Asked, Page, Turn

__all__ = ["routes"]

STATIC = Path(__file__).parent / "static"
_MEDIA = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache"}
# A file's address changes with its content.
_LONG = "public, max-age=31536000, immutable"

Shown = Page | Turn
View = Callable[[Tracker, Asked], Shown]

_PAGES: dict[str, View] = {
    r"/$": home.home,
    r"/symbols$": listing.symbols,
    r"/find$": listing.find,
    r"/symbol/(?P<symbol>[^/]+)$": symbol.symbol,
    r"/day$": day.latest,
    r"/day/(?P<day>[^/]+)$": day.day,
    r"/move/(?P<symbol>[^/]+)/(?P<day>[^/]+)$": move.move,
    r"/quote/(?P<page>[0-9]{1,19})/(?P<line>[0-9]{1,9})$": quote.quote,
    r"/coverage$": coverage.coverage,
}


def routes() -> list[tuple[str, Callable[..., Any]]]:
    """List our addresses and what answers there."""
    pages = [(regex, _view(page)) for regex, page in _PAGES.items()]
    return [*pages, (r"/-/tickertrack/(?P<name>[a-z0-9.-]+)$", _static)]


def _view(page: View) -> Callable[..., Any]:
    async def view(request: Any, datasette: Any) -> Any:
        settings = settings_of(datasette)
        if settings is None:
            return Response.text("no database of tickertrack is served here", status=404)
        # As Datasette's own pages do, where its user has said who may look.
        allowed = [("view-database", settings.database), "view-instance"]
        await datasette.ensure_permissions(request.actor, allowed)
        asked = _asked(request)
        work = partial(_answer, page, settings, asked, _links(datasette, settings))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(datasette.executor, work)

    return view


def _asked(request: Any) -> Asked:
    named = {name: tilde_decode(value) for name, value in request.url_vars.items()}
    return Asked(named, {name: request.args.get(name) for name in request.args})


def _links(datasette: Any, settings: Settings) -> Links:
    return Links(str(datasette.urls.path("/")).rstrip("/"), settings.database)


def _answer(page: View, settings: Settings, asked: Asked, links: Links) -> Any:
    with Tracker(settings.config) as tracker:
        shown = _shown(page, tracker, asked)
        if isinstance(shown, Turn):
            return Response.redirect(shown.address(links))
        zone = tracker.market().zone
    return Response.html(render(shown, links, zone), status=shown.status, headers=dict(_HEADERS))


def _shown(page: View, tracker: Tracker, asked: Asked) -> Shown:
    try:
        return page(tracker, asked)
    except QueryError as error:
        return _fault(error, HTTPStatus.BAD_REQUEST)
    except TickertrackError as error:
        return _fault(error, HTTPStatus.SERVICE_UNAVAILABLE)


def _fault(error: TickertrackError, status: HTTPStatus) -> Page:
    what = replace(Page("fault.html", {"title": status.phrase}), status=status.value)
    return replace(what, context={**what.context, "fault": safe_term(str(error))})


async def _static(request: Any) -> Any:
    name = request.url_vars["name"]
    path = STATIC / name
    # The name holds no slash; what is not listed in the folder is not there.
    if path.suffix not in _MEDIA or not path.is_file():
        return Response.text("no such file", status=404)
    media = f"{_MEDIA[path.suffix]}; charset=utf-8"
    headers = {"content-security-policy": POLICY, "cache-control": _LONG}
    body = path.read_text(encoding="utf-8")
    return Response(body, status=200, headers=headers, content_type=media)
