"""An article to its session: the first one in which its news could be traded."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from tickertrack.models import Alignment, Published

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["align"]


def align(published: Published, sessions: Sequence[date], market: Market) -> Alignment | None:
    """
    Find the first session in which an article could be traded (its first tradable moment).

    Published at or before the close of continuous trading: that session. After it the price can
    move no more (the post-close session trades at the close): the next one, as on closed days.
    `sessions` are the market's trading days, earliest first; None where they end too soon.
    """
    if not isinstance(published.at, datetime):
        session = _at_or_after(published.at, sessions)
        return Alignment(session, "day") if session else None
    local = published.at.astimezone(market.zone)
    day, hours = local.date(), market.hours_on(local.date())
    session = _at_or_after(day, sessions)
    if session is None:
        return None
    if session > day:
        return Alignment(session, "closed_day")
    if local <= market.local(day, hours.close):
        return Alignment(day, "in_session" if local.time() >= hours.open else "before_open")
    following = _after(day, sessions)
    return Alignment(following, "after_close") if following else None


def _at_or_after(day: date, sessions: Sequence[date]) -> date | None:
    place = bisect_left(sessions, day)
    return sessions[place] if place < len(sessions) else None


def _after(day: date, sessions: Sequence[date]) -> date | None:
    place = bisect_right(sessions, day)
    return sessions[place] if place < len(sessions) else None
