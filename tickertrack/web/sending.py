"""What an answer carries, made harmless on its way out: Datasette's pages and CSV as ours."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any

from tickertrack.harmless import safe_cell, safe_markup
from tickertrack.web.guard import App, Receive, Scope, Send

__all__ = ["harmless"]

# As `csv` writes them, and as sure for ten million letters as for ten.
_CELL = re.compile(r'"(?:[^"]++|"")*+"|[^",\r\n]++')
_FIGURE = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?", re.IGNORECASE)
_CSV = ("text/csv", "text/plain")


def harmless(app: App, is_ours: Callable[[str], bool]) -> App:
    """
    Wrap an application: marks that turn a text are made visible in each page, and formulas in CSV.

    `is_ours` tells by its path whether an answer is of our database; CSV of others stays as it is.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        has_cells = scope["path"].endswith(".csv") and is_ours(scope["path"])
        sending = _Sending(send, has_cells)
        await app(scope, receive, sending)

    return answer


class _Sending:
    """What sends an answer's messages on, the texts in its body changed."""

    def __init__(self, send: Send, has_cells: bool) -> None:  # noqa: FBT001  (of whose CSV it is)
        """Begin with an answer of which nothing is known."""
        self._send = send
        self._has_cells = has_cells
        self._change: Callable[[str], str] | None = None
        self._letters = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    async def __call__(self, message: Any) -> None:
        """Send a message on."""
        if message["type"] == "http.response.start":
            message = self._begun(message)
        elif message["type"] == "http.response.body" and self._change:
            message = self._changed(message, self._change)
        await self._send(message)

    def _begun(self, message: Any) -> Any:
        headers = [(name.lower(), value) for name, value in message.get("headers", [])]
        kind = dict(headers).get(b"content-type", b"").decode("latin-1")
        if kind.startswith("text/html"):
            self._change = safe_markup
        elif self._has_cells and kind.startswith(_CSV):
            self._change = self._rows
        if self._change is None:
            return message
        # Its body may become longer.
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        return {**message, "headers": kept}

    def _changed(self, message: Any, change: Callable[[str], str]) -> Any:
        is_last = not message.get("more_body", False)
        text = change(self._letters.decode(message.get("body", b""), final=is_last))
        if is_last:
            text, self._held = text + _safe_row(self._held), ""
        return {**message, "body": text.encode()}

    def _rows(self, text: str) -> str:
        """Change what is whole, and hold back the rest: rows come one by one, or in any pieces."""
        self._held += text
        if not self._held.endswith("\n") or self._held.count('"') % 2:
            return ""
        text, self._held = self._held, ""
        return _safe_row(text)


def _safe_row(text: str) -> str:
    return _CELL.sub(_safe_token, text)


def _safe_token(found: re.Match[str]) -> str:
    token = found[0]
    text = token[1:-1].replace('""', '"') if token.startswith('"') else token
    # A falling price is a number, not a formula.
    safe = text if _FIGURE.fullmatch(text) else safe_cell(text)
    if safe == text:
        return token
    quoted = safe.replace('"', '""')
    return f'"{quoted}"'
