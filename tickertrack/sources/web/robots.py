"""robots.txt by RFC 9309: what was fetched, how long it holds, and what it forbids."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from protego import Protego

from tickertrack.models import HostState
from tickertrack.sources.web.addresses import Address

__all__ = ["PATH", "Rules", "is_fresh", "kept", "rules_of"]

PATH = "/robots.txt"
# RFC 9309, 2.5: at least so much of it is read; more does not count.
LIMIT = 500 * 1024
# RFC 9309, 2.2.1: the product token, without version and contact.
NAME = "tickertrack"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a robots.txt says to us."""

    parsed: Protego

    def allow(self, address: Address) -> bool:
        """Say whether an address may be asked for."""
        return self.parsed.can_fetch(address.url, NAME)

    def delay(self, longest: float) -> float:
        """Give the seconds that it wants between two requests, up to a bound."""
        return min(self.parsed.crawl_delay(NAME) or 0.0, longest)


def is_fresh(state: HostState, age: timedelta, now: datetime) -> bool:
    """Say whether what is kept still holds; a time to come was told by another clock."""
    at = state.robots_fetched_at
    return at is not None and timedelta() <= now - at < age


def kept(body: bytes) -> bytes:
    """Cut a robots.txt to what counts of it, at the end of a line."""
    body = body.removeprefix(codecs.BOM_UTF8)
    return body if len(body) <= LIMIT else body[: body.rfind(b"\n", 0, LIMIT) + 1]


@lru_cache(maxsize=16)
def rules_of(robots: bytes | None) -> Rules:
    """Read what was kept; where there is no robots.txt all is allowed."""
    return Rules(Protego.parse((robots or b"").decode("utf-8", "replace")))
