"""Right answers by the rules of HTTP: validators, what has not changed, and packing."""

from __future__ import annotations

import gzip
import hashlib
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from tickertrack.site.paper import Content
from tickertrack.site.wire import Answer, Request, http_date

__all__ = ["METHODS", "plain_answer", "right_answer"]

METHODS = ("GET", "HEAD")
_PLAIN = ("Content-Type", "text/plain; charset=utf-8")
# Packed or not, a strong validator must tell them apart.
_PACKED = "-gzip"


def plain_answer(content: Content | None) -> Answer:
    """Give the content whole and unpacked, whatever was asked for, or 404."""
    if content is None:
        return Answer(HTTPStatus.NOT_FOUND, (_PLAIN,), b"No such page, or not yet.\n")
    headers = (
        ("Content-Type", f"{content.media}; charset=utf-8"),
        ("ETag", f'"{_digest(content.body)}"'),
        ("Last-Modified", http_date(content.modified)),
        ("Vary", "Accept-Encoding"),
    )
    return Answer(HTTPStatus.OK, headers, content.body, content.strip)


def right_answer(request: Request, content: Content | None) -> Answer:
    """Give what was asked for: packed where that is welcome, 304 where it is known already."""
    if request.method not in METHODS:
        allow = ("Allow", ", ".join(METHODS))
        return Answer(HTTPStatus.METHOD_NOT_ALLOWED, (_PLAIN, allow), b"This site only shows.\n")
    answer = plain_answer(content)
    if content is None:
        return answer
    if _welcomes_gzip(request.header("Accept-Encoding") or ""):
        answer = _packed(answer)
    if _knows(request, answer, content.modified):
        return Answer(HTTPStatus.NOT_MODIFIED, answer.headers)
    return answer


def _packed(answer: Answer) -> Answer:
    tag = f'{answer.header("ETag")[:-1]}{_PACKED}"'
    headed = answer.with_headers(("ETag", tag), ("Content-Encoding", "gzip"))
    # The same bytes at any time: no time in the packing.
    return Answer(headed.status, headed.headers, gzip.compress(answer.body, mtime=0), answer.strip)


def _welcomes_gzip(accepted: str) -> bool:
    weights = {
        name: weight for name, _, weight in (item.partition(";q=") for item in _items(accepted))
    }
    weight = weights.get("gzip", weights.get("*", "0"))
    # `gzip` is welcome, and so is `gzip;q=0.1`; `gzip;q=0.0` is not.
    return weight.strip("0.") != "" or weight == ""


def _items(accepted: str) -> list[str]:
    return accepted.lower().replace(" ", "").split(",")


def _knows(request: Request, answer: Answer, modified: datetime) -> bool:
    """Say whether the client has it already; RFC 9110: the date counts only without a tag."""
    tags = request.header("If-None-Match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or answer.header("ETag") in known
    since = _date(request.header("If-Modified-Since"))
    return since is not None and modified.replace(microsecond=0) <= since


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:20]
