"""A listed capture to the copy itself: a record's bytes, or a raw replay; the one asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote, urljoin, urlsplit

from tickertrack.errors import FetchError
from tickertrack.models import Response
from tickertrack.sources.archives.listed import Listed, Span, stamp_of
from tickertrack.sources.archives.places import Place
from tickertrack.sources.warc.captures import MARK, date_of, target_of
from tickertrack.sources.warc.records import Record, UnsoundError, field, record_of
from tickertrack.sources.web import Fetcher, Part, http_time
from tickertrack.sources.web.faults import fault

__all__ = ["address_of", "fetch_copy"]

_ORIGINAL = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?original"?')


def address_of(place: Place, listed: Listed) -> str:
    """Give the address that a capture's copy is fetched from."""
    if place.files and listed.span:
        return urljoin(place.files, listed.span.file)
    page, _, _ = listed.url.partition("#")
    return f"{place.replay}{stamp_of(listed.captured_at)}id_/{page}"


def fetch_copy(fetcher: Fetcher, place: Place, listed: Listed) -> Response | bytes:
    """
    Fetch a capture: the gzip member of its record, or the response with its address and time.

    Raises FetchError, also for a copy that is not the one that was asked for.
    """
    address = address_of(place, listed)
    if place.files and listed.span:
        return _record(fetcher, place, address, listed, listed.span)
    response = fetcher.get(address, hosts=place.hosts)
    _check_replay(response, address, listed)
    return replace(response, url=listed.url, received_at=listed.captured_at)


def _record(fetcher: Fetcher, place: Place, address: str, listed: Listed, span: Span) -> bytes:
    part = Part(span.offset, span.length)
    member = fetcher.get_part(address, part, hosts=place.hosts).body
    try:
        _check_record(record_of(member), listed)
    except UnsoundError as error:
        what = f"holds no such record at {span.offset}: the record there {error}"
        raise fault("wrong_record", what, address) from error
    return member


def _check_record(record: Record, listed: Listed) -> None:
    """Raise UnsoundError for a record that is not what its index says."""
    kind = field(record.headers, "WARC-Type")
    if kind != "response":
        raise UnsoundError(f"is no response but {kind[:20]!r}")
    if target_of(record) != listed.url:
        raise UnsoundError(f"is of {target_of(record)[:200]}, not of {listed.url}")
    if date_of(record) != listed.captured_at:
        raise UnsoundError(f"is of {date_of(record)}, not of {listed.captured_at}")
    if field(record.headers, MARK):
        # It would call itself fetched by us.
        raise UnsoundError(f"carries {MARK}")


def _check_replay(response: Response, address: str, listed: Listed) -> None:
    """Raise FetchError for a replay of another time or address: archives give the nearest."""
    stamp = response.header("Memento-Datetime")
    original = _ORIGINAL.search(response.header("Link") or "")
    # What does not say of itself which capture it is, must stand where that was asked for.
    _, moment, page = response.url.partition(f"/{stamp_of(listed.captured_at)}id_/")
    if stamp and http_time(stamp) != listed.captured_at:
        raise _other(f"replays the capture of {stamp[:40]}", address)
    if original and _key(original[1]) != _key(listed.url):
        raise _other(f"replays {original[1][:200]}", address)
    if not (stamp or moment) or not (original or _key(page) == _key(listed.url)):
        raise _other(f"leads to {response.url[:200]}", address)


def _key(url: str) -> tuple[str, str, str] | None:
    """Give what archives tell addresses apart by: neither scheme, port, www nor a final slash."""
    try:
        parts = urlsplit(url.lower())
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    return host, unquote(parts.path).rstrip("/"), unquote(parts.query)


def _other(what: str, address: str) -> FetchError:
    return fault("wrong_record", f"{what}, not what was asked for", address)
