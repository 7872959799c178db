"""What a visitor asks that cannot be meant: told as their mistake, in words, and as no fault."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from datasette import Forbidden

from tickertrack.errors import QueryError
from tickertrack.harmless import safe_term
from tickertrack.spans import moment_of
from tickertrack.web.guard import App, Receive, Scope, Send
from tickertrack.web.settings import is_in_ours

__all__ = ["CLOSED", "closed", "in_utc", "mended"]

# Datasette's pages for its own debugging, and the one that names the database's folder: open to
# all in its release 0.65.
CLOSED = r"/-/(?:threads|allow-debug|messages|patterns|databases)(?:\.json)?$"
_QUESTION, _TIME = "known_at", "stored_by"


async def closed() -> None:
    """Show nobody how the server itself does. Raises Forbidden."""
    raise Forbidden("closed: what Datasette shows of the server itself is not for visitors")


def mended(datasette: Any, request: Any, exception: Exception) -> Any:
    """
    Answer what cannot be meant with 400, where Datasette calls it a fault of its own; else None.

    A column to sort by that is not there, a limit that is no number, half of a row's key.
    """
    # Imported here: these import Datasette's plugins, of which we are one.
    from datasette.database import QueryInterrupted  # noqa: PLC0415
    from datasette.plugins import pm  # noqa: PLC0415
    from datasette.views.base import DatasetteError  # noqa: PLC0415

    if not is_in_ours(datasette, request.path):
        return None
    if isinstance(exception, DatasetteError):
        if exception.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            exception.status = HTTPStatus.BAD_REQUEST.value
        return None
    # What its pages raise of an address that they cannot make sense of.
    of_visitors = (ValueError, LookupError, QueryInterrupted, sqlite3.ProgrammingError)
    if not isinstance(exception, of_visitors):
        return None
    # It is told on the terminal all the same: in one line will do.
    exception.__traceback__ = None
    said = f"this cannot be meant: {safe_term(str(exception))}"
    mistake = DatasetteError(said, status=HTTPStatus.BAD_REQUEST.value)
    handler = pm.get_plugin("datasette.handle_exception")
    return handler.handle_exception(datasette, request, mistake)


def in_utc(app: App, is_ours: Callable[[str], bool]) -> App:
    """
    Wrap an application: the time of a question is asked in the form in which times are stored.

    Times are compared as texts: in any other form the answer would be wrong, and look right.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_of_a_time(scope["path"]) and is_ours(scope["path"]):
            try:
                scope = {**scope, "query_string": _rewritten(scope.get("query_string", b""))}
            except QueryError as error:
                await _refuse(error, send)
                return
        await app(scope, receive, send)

    return answer


def _is_of_a_time(path: str) -> bool:
    return path.rpartition("/")[2].partition(".")[0] == _QUESTION


def _rewritten(query: bytes) -> bytes:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    asked = [(name, _moment(text) if name == _TIME else text) for name, text in pairs]
    return urlencode(asked).encode() if asked != pairs else query


def _moment(text: str) -> str:
    # Of no time: until now.
    return moment_of(text).isoformat(timespec="seconds") if text.strip() else ""


async def _refuse(error: QueryError, send: Send) -> None:
    text = f"{_TIME}: {safe_term(str(error))}\n"
    media = (b"content-type", b"text/plain; charset=utf-8")
    status = HTTPStatus.BAD_REQUEST.value
    await send({"type": "http.response.start", "status": status, "headers": [media]})
    await send({"type": "http.response.body", "body": text.encode()})
