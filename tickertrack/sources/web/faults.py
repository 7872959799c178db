"""
Every reason that a fetch fails for, and what follows from it.

    of the address      malformed scheme credentials host port ip_literal foreign_host
    of a redirect       downgrade too_many_redirects
    of the answer       status_NNN coding too_large no_length no_range wrong_part
    of a feed           not_a_feed dtd too_deep too_many
    of an archive       not_an_index wrong_record
    of manners          robots

These will be so again tomorrow. The rest is temporary:

    of manners          host_resting
    of the host         unresolved unreachable tls private_address robots_unreachable status_429
    of the way          timeout broken undecodable status_408 status_425 status_500 to status_599
"""

from __future__ import annotations

from datetime import datetime

from tickertrack.errors import FetchError

__all__ = ["OF_ADDRESS", "OF_HOST", "OF_WAY", "RETRIED", "fault", "status_fault"]

OF_ADDRESS = frozenset(
    "malformed scheme credentials host port ip_literal foreign_host downgrade too_many_redirects"
    "".split()
)
# The host is told by these, not a page of it: it is left alone at once.
OF_HOST = frozenset(
    "unresolved unreachable tls private_address robots_unreachable status_429".split()
)
# No 4xx but these two goes away by waiting (F-12).
OF_WAY = frozenset(
    ("timeout", "broken", *(f"status_{number}" for number in (408, 425, *range(500, 600))))
)
# What may go away within seconds.
RETRIED = OF_WAY | {"unresolved", "unreachable"}
_TEMPORARY = OF_WAY | OF_HOST | {"host_resting", "undecodable"}


def fault(reason: str, what: str, url: str, retry_at: datetime | None = None) -> FetchError:
    """Make the error of a reason; whether it is temporary follows from that."""
    return FetchError(
        what, url=url, reason=reason, temporary=reason in _TEMPORARY, retry_at=retry_at
    )


def status_fault(
    status: int, phrase: str, url: str, retry_at: datetime | None = None
) -> FetchError:
    """Make the error of a status that brings no page."""
    what = f"answered {status} {phrase[:80]}".rstrip()
    return fault(f"status_{status}", what, url, retry_at)
