"""At the door of every answer: foreign hosts are refused, and a policy says what a page may do."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from functools import cache
from importlib.resources import files
from typing import Any

from tickertrack.harmless import safe_term

__all__ = ["POLICY", "App", "Receive", "Scope", "Send", "guarded"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'{styles};"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
# Of our pages: no script and no style that is not a file of ours.
POLICY = _POLICY.format(scripts="", styles="")
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_ALLOW_FACET = "{{ datasette_allow_facet }}"
_SHOWN = 80


def guarded(app: App, hosts: Callable[[], frozenset[str]]) -> App:
    """Wrap an application: it is asked only under names of its own, and its answers are headed."""
    foreign = datasette_policy().encode()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def headed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _headed(message.get("headers", []), foreign)}
            await send(message)

        name = _host(scope)
        if name in hosts():
            await app(scope, receive, headed)
        else:
            await _refuse(name, headed)

    return answer


@cache
def datasette_policy() -> str:
    """
    Give the policy of Datasette's own pages.

    They carry scripts and styles in their text: the scripts are allowed one by one, by the hash of
    what its templates hold, so that no other one runs.
    """
    hashes = sorted({_hash(script) for script in _inline_scripts()})
    scripts = "".join(f" 'sha256-{one}'" for one in hashes)
    return _POLICY.format(scripts=scripts, styles=" 'unsafe-inline'")


def _inline_scripts() -> Iterator[str]:
    for template in files("datasette").joinpath("templates").iterdir():
        if template.name.endswith(".html"):
            for script in _INLINE.findall(template.read_text(encoding="utf-8")):
                for value in ("true", "false") if _ALLOW_FACET in script else ("",):
                    yield script.replace(_ALLOW_FACET, value)


def _hash(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _host(scope: Scope) -> str:
    """Give the name that was asked for, without its port."""
    found = next((value for name, value in scope["headers"] if name == b"host"), b"")
    host = str(found.decode("latin-1")).strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _headed(headers: list[tuple[bytes, bytes]], policy: bytes) -> list[tuple[bytes, bytes]]:
    known = {name.lower() for name, _ in headers}
    more = {**_HEADERS, b"content-security-policy": policy}
    return [*headers, *((name, value) for name, value in more.items() if name not in known)]


async def _refuse(name: str, send: Send) -> None:
    shown = safe_term(name[:_SHOWN]) or "no host"
    text = (
        f"{shown}: this address does not answer under that name.\n"
        "If it is yours, say so: `tickertrack serve --allow-host NAME`.\n"
    )
    media = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 421, "headers": [media]})
    await send({"type": "http.response.body", "body": text.encode()})
