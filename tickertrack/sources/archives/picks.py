"""Which captures are worth a request: a few of each session, spread over its day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from tickertrack.markets import Market
from tickertrack.markets.calendar import sessions_between
from tickertrack.sources.archives.listed import Listed

__all__ = ["Stretch", "picked", "spread", "stretches"]

# No market rests so long: the session before the first day lies within.
_BEFORE = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class Stretch:
    """
    The time in which strips show one session: from its open to the next one's.

    `since` and `until` bound what is asked for; `open_at` and `close_at` are the session's own.
    """

    session: date
    open_at: datetime
    close_at: datetime
    since: datetime
    until: datetime


def stretches(market: Market, zone: ZoneInfo, first: date, last: date) -> list[Stretch]:
    """List the sessions that captures of these days (the publisher's, both included) show."""
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    days = sessions_between(market, first - _BEFORE, last)
    bounds = [*(day.open_at for day in days), end]
    found = [
        Stretch(day.session, day.open_at, day.close_at, max(opened, begin), min(following, end))
        for day, (opened, following) in zip(days, pairwise(bounds), strict=True)
    ]
    return [one for one in found if one.since < one.until]


def picked(
    captures: Sequence[Listed], stretch: Stretch, most: int | None, seen: set[str]
) -> Iterator[Listed]:
    """
    Yield the captures of a session that are to be fetched, at most so many with those that were.

    Contents of `seen` are passed over; each one yielded is added to it. Whoever takes it out again
    before asking for the next has refused it, and its place goes to another.
    """
    done = sum(one.state == "done" for one in captures)
    left = len(captures) if most is None else most - done
    for one in spread(captures, stretch) if most else captures:
        if left <= 0:
            return
        if one.state == "listed" and one.content not in seen:
            seen.add(one.content)
            yield one
            left -= one.content in seen


def spread(captures: Sequence[Listed], stretch: Stretch) -> Iterator[Listed]:
    """
    Order captures so that the first few, however few, lie far from each other.

    First the first one after the close, which shows last prices; then always the one that is
    farthest from those before it, within the session's hours, as between them nothing moves.
    """
    waiting = sorted(captures, key=lambda one: (one.captured_at, one.url))
    if not waiting:
        return
    after = [one for one in waiting if one.captured_at >= stretch.close_at]
    chosen = after[0] if after else waiting[-1]
    gaps = {one: (float("inf"), float("inf")) for one in waiting}
    while True:
        yield chosen
        del gaps[chosen]
        if not gaps:
            return
        for one, gap in gaps.items():
            gaps[one] = min(gap, _gap(one, chosen, stretch))
        # Of equals the first: dictionaries keep the order of time.
        chosen = max(gaps, key=gaps.__getitem__)


def _gap(one: Listed, other: Listed, stretch: Stretch) -> tuple[float, float]:
    within = abs(_within(one, stretch) - _within(other, stretch))
    return within.total_seconds(), abs(one.captured_at - other.captured_at).total_seconds()


def _within(one: Listed, stretch: Stretch) -> datetime:
    return min(max(one.captured_at, stretch.open_at), stretch.close_at)
