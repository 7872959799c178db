"""How hosts are treated: who asks, how often, what waits when, and what is remembered of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Protocol

from tickertrack.config import Collect
from tickertrack.errors import ConfigError, FetchError
from tickertrack.models import HostState
from tickertrack.sources.web.faults import OF_HOST, fault
from tickertrack.sources.web.network import Headers

__all__ = [
    "HostBook",
    "Manners",
    "Now",
    "Validators",
    "Wait",
    "http_time",
    "manners_of",
    "pause_after",
    "refuse_resting",
    "request_headers",
    "rested",
    "retry_at",
    "seconds_due",
    "user_agent",
]

MEGABYTE = 1024 * 1024
# What a server may ask for (F-11).
SHORTEST_REST, LONGEST_REST = timedelta(seconds=1), timedelta(days=1)
# Back-off within a run: up to 2, 4 ... seconds by chance, so that clients do not come in step, and
# never less than one (F-12).
_PAUSE, _LEAST_PAUSE, _LONGEST_PAUSE = 2.0, 1.0, 60.0
# Back-off between runs: two minutes, four, eight ... an hour. A dead host that is polled every five
# minutes is so asked less than a hundred times a day; when it lives again, or our own network does,
# we know within the hour.
_REST, _LONGEST_OWN_REST = timedelta(minutes=1), timedelta(hours=1)
_MOST_DOUBLINGS = 6
# One page may be broken and its host well; so many in a row are the host's fault.
_BROKEN_PAGES = 3

Now = Callable[[], datetime]
Wait = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Manners:
    """
    How politely hosts are asked, and with how much patience.

    `allow_private` names by "host:port" what may be a machine or a port that is not public;
    `wire_bytes` bound a body as sent, `body_bytes` as decoded. `head_bytes` bound all that arrives
    until a head is whole: itself and, in the same read, up to 64 KiB of its body. `invited` are
    hosts whose documents invite programs: robots.txt, which is for crawlers, is not asked there.
    """

    user_agent: str
    per_host_delay: float = 5.0
    allow_private: frozenset[str] = frozenset()
    deadline: float = 30.0
    tries: int = 3
    longest_crawl_delay: float = 60.0
    robots_age: timedelta = timedelta(days=1)
    head_bytes: int = 96 * 1024
    wire_bytes: int = 5 * MEGABYTE
    body_bytes: int = 5 * MEGABYTE
    invited: frozenset[str] = frozenset()


class HostBook(Protocol):
    """Where the state of hosts is kept, so that manners survive a restart."""

    def load(self, host: str) -> HostState:
        """Give what is remembered of a host, which for a new one is nothing."""

    def save(self, state: HostState) -> None:
        """Remember a host's state."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to recognise its answer by, exactly as received (F-10)."""

    etag: str | None = None
    last_modified: str | None = None


def user_agent(contact: str) -> str:
    """Name the program and, for the one who reads the server's log, whom to write to."""
    if not (contact.isascii() and contact.isprintable()):
        raise ConfigError("must be printable ASCII", key="collect.contact")
    name = f"tickertrack/{version('tickertrack')}"
    return f"{name} (+{contact})" if contact else name


def manners_of(settings: Collect) -> Manners:
    """Give the manners that settings ask for."""
    return Manners(
        user_agent=user_agent(settings.contact),
        per_host_delay=settings.per_host_delay,
        allow_private=frozenset(settings.allow_private),
    )


def request_headers(manners: Manners, validators: Validators) -> Headers:
    """Say who asks, what is understood, and what is known already."""
    return (
        ("User-Agent", manners.user_agent),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept-Encoding", "gzip"),
        *([("If-None-Match", validators.etag)] if validators.etag else []),
        *([("If-Modified-Since", validators.last_modified)] if validators.last_modified else []),
    )


def seconds_due(state: HostState, delay: float, now: datetime) -> float:
    """Give the seconds until the next request may start; a clock set back costs one delay only."""
    if state.last_request_at is None:
        return 0.0
    since = (now - state.last_request_at).total_seconds()
    return min(max(delay - since, 0.0), delay)


def pause_after(tries: int) -> float:
    """Give the seconds to wait after so many failed tries, by chance: full jitter, capped."""
    longest = min(_PAUSE * 2 ** (tries - 1), _LONGEST_PAUSE)
    return max(random.SystemRandom().uniform(0, longest), _LEAST_PAUSE)


def refuse_resting(state: HostState, url: str, now: datetime) -> None:
    """Raise FetchError while a host wants to be left alone."""
    until = state.not_before
    # A rest longer than any that we set was set by another clock.
    if until is not None and now < until <= now + LONGEST_REST:
        what = f"{state.host} is left alone until {until:%Y-%m-%d %H:%M:%S} UTC"
        raise fault("host_resting", what, url, until)


def rested(state: HostState, error: FetchError, now: datetime) -> HostState:
    """
    Give a host's state after a fetch that failed in spite of all tries.

    It rests at once where the host is at fault or asks for it, else at the third failure in a
    row; for 2, 4, 8 ... minutes by the failures so far, an hour at most, or longer if it asked.
    """
    failures = state.failures + 1
    asked = error.retry_at
    if error.reason in OF_HOST or failures >= _BROKEN_PAGES:
        own = now + min(_REST * 2 ** min(failures, _MOST_DOUBLINGS), _LONGEST_OWN_REST)
        asked = max(asked, own) if asked else own
    return replace(state, failures=failures, not_before=asked)


def retry_at(value: str | None, date: datetime | None, now: datetime) -> datetime | None:
    """
    Read a Retry-After header, in seconds or as a date, as a time of our clock; None for nonsense.

    A date is taken against the server's own `date`, as its clock may not be ours.
    """
    text = (value or "").strip()
    moment = http_time(text)
    if text.removeprefix("-").isdecimal() and text.isascii():
        rest = timedelta(seconds=max(min(int(text[:12]), 10**9), 0))
    elif moment is not None:
        rest = moment - (date or now)
    else:
        return None
    return now + min(max(rest, SHORTEST_REST), LONGEST_REST)


def http_time(text: str | None) -> datetime | None:
    """Read the date of an HTTP header, in UTC; None for what is none."""
    try:
        moment = parsedate_to_datetime(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
