"""What a page's own dates, and an imported series, say about the session of its boards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

import numpy as np

from tickertrack.dating.axis import FIRST_MINUTES, Axis, Vector
from tickertrack.models import Board, Member

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "AxisSeries",
    "Series",
    "date_evidence",
    "on_axis",
    "own_evidence",
    "series_evidence",
]

# Of a capture time: how often the strip is of the last session that had opened, of the session
# before (a cached copy), or older. In the first minutes the site has not refreshed yet.
_CAPTURED, _CAPTURED_EARLY = (0.97, 0.02, 0.01), (0.60, 0.39, 0.01)
# Of a page date: measured on 126 real pages (DESIGN.md, fact 2): 94 that session, 30 the one
# before, 2 neither.
_STATED = (0.746, 0.238, 0.016)
# How often a flat board is one of before the open, and not of a market without a trade.
_FLAT = 0.95
_OLD_DAYS = 900
# No page shows the future, but a date may be wrong.
_FUTURE = 1e-9
# An article's strip is not older than the session before it (fact 1), unless its date is wrong;
# and that old only as a cached copy is: as often as among captures.
_BEFORE_PUBLISHED, _LONG_BEFORE = 0.06, 1e-4
_LIKELY_OPEN = 0.01

# An index moves about 1.2 % a day; a stock's reference price lies about 0.6 % off the official
# close where the site keeps its own (fact 5).
_DAILY, _OFF_CLOSE = 0.012, 0.006
# Within a session it may stand further from the close than a day's move: 5 % on 2024-12-19.
_MOVES = ((0.9, 0.012), (0.1, 0.04))
_ROOT_TWO_PI = math.sqrt(2 * math.pi)
_MISMATCH = 1e-6
_STOCK_FLOOR, _STOCK_UNKNOWN = 1e-3, 0.05
_FAR = 80.0
# Printed price to a whole point (half of it), change to a tenth (half of that): fact 4 and a hair.
INDEX_ROUNDING = 6_000
_SETTLED_SHARE = 0.5

Prices = Mapping[str, int]
Series = Mapping[date, int]


@dataclass(frozen=True, slots=True)
class AxisSeries:
    """An imported daily series laid on the axis: of each day the nearest known close."""

    known: NDArray[np.bool_]
    nearest: Vector
    gap: Vector


def on_axis(axis: Axis, series: Series) -> AxisSeries:
    """Lay a series of closes, in 1/10,000, on the axis."""
    places = np.array(sorted(axis.index(day) for day in series))
    closes = np.array([series[axis.day(int(place))] for place in places], dtype=np.float64)
    days = np.arange(len(axis))
    after = np.clip(np.searchsorted(places, days), 0, len(places) - 1)
    before = np.clip(after - 1, 0, len(places) - 1)
    nearer = np.where(days - places[before] <= places[after] - days, before, after)
    gap = np.abs(days - places[nearer]).astype(np.float64)
    return AxisSeries(gap == 0, closes[nearer], gap)


@dataclass(frozen=True, slots=True)
class _Shares:
    """How evidence is divided over the last session, the one before, and older ones."""

    last: float
    before: float
    older: float


def own_evidence(axis: Axis, member: Member, *, flat: bool) -> Vector | None:
    """Give the likelihood of each day by the page's own dates; None where it has none that date."""
    found = [*_captured(axis, [member]), *_stated(axis, [member], flat=flat)]
    return np.prod(found, axis=0) if found else None


def date_evidence(axis: Axis, members: Sequence[Member], *, flat: bool) -> Vector:
    """
    Give the joint likelihood by the dates of pages that show one session's board.

    Equal dates count once: ten copies of one morning are one witness, not ten.
    """
    stated = _stated(axis, members, flat=flat)
    found = [*_captured(axis, members), *stated, *_bounded(axis, members)]
    joint = np.ones(len(axis))
    for likelihood in found:
        joint = joint * likelihood
        joint /= joint.max() or 1.0
    return joint


def series_evidence(
    axis: Axis, board: Board, shown: tuple[Prices, Prices], series: Mapping[str, AxisSeries]
) -> Vector:
    """
    Give the likelihood of each day by the imported daily closes of a board's symbols.

    `shown` are its last prices and its reference prices.
    """
    joint = np.ones(len(axis))
    prices, references = shown
    for symbol in sorted(references.keys() & series.keys()):
        closes = series[symbol]
        reference, price = references[symbol], prices[symbol]
        if board == "index":
            joint = joint * _index_reference(axis, reference, closes)
            joint = joint * _index_price(price, closes)
        else:
            joint = joint * _stock_reference(axis, reference, closes)
        joint /= joint.max() or 1.0
    return joint


def _captured(axis: Axis, members: Iterable[Member]) -> list[Vector]:
    moments = sorted({one.captured_at for one in members if one.captured_at})
    by_shown: dict[bytes, Vector] = {}
    for moment in moments:
        shown = axis.shown_at(moment)
        shares = _CAPTURED_EARLY if axis.is_early(moment) else _CAPTURED
        local = moment.astimezone(axis.zone).date()
        likelihood = _shared(axis, shown, _Shares(*shares), until=local)
        by_shown.setdefault(shown.tobytes(), likelihood)
    return list(by_shown.values())


def _stated(axis: Axis, members: Iterable[Member], *, flat: bool) -> list[Vector]:
    stated = {
        one.page_date
        for one in members
        if one.page_date and axis.inside(one.page_date) and not one.captured_at
    }
    return [_stated_on(axis, day, flat=flat) for day in sorted(stated)]


def _stated_on(axis: Axis, day: date, *, flat: bool) -> Vector:
    if flat:
        # It stands before the open (fact 3), so what it repeats is of the session before.
        morning = _FLAT * axis.shown_before(day) + (1.0 - _FLAT) * axis.shown_on(day)
        return _shared(axis, morning, _Shares(*_CAPTURED), until=day)
    return _shared(axis, axis.shown_on(day), _Shares(*_STATED), until=day)


def _bounded(axis: Axis, members: Iterable[Member]) -> list[Vector]:
    stamps = [one.published.at for one in members if one.published]
    if not stamps:
        return []
    # The latest article bounds best; a wrong date among many must not bound alone.
    bounds = [_not_before(axis, stamp) for stamp in stamps]
    return [min(bounds, key=lambda bound: float(bound.sum()))]


def _not_before(axis: Axis, stamp: date | datetime) -> Vector:
    if not isinstance(stamp, datetime):
        stamp = datetime.combine(stamp, time(), axis.zone)
    # In the first minutes the page may still show the session before.
    shown = axis.shown_at(stamp - FIRST_MINUTES)
    before = axis.earlier(shown)
    first = _first_likely(shown * axis.open_probability, axis.index(stamp.date()))
    result = np.full(len(axis), _LONG_BEFORE)
    result[_first_likely(before * axis.open_probability, first) :] = _BEFORE_PUBLISHED
    result[first:] = 1.0
    return result


def _first_likely(weights: Vector, otherwise: int) -> int:
    likely = np.flatnonzero(weights > _LIKELY_OPEN)
    return int(likely[0]) if len(likely) else max(otherwise, 0)


def _shared(axis: Axis, shown: Vector, shares: _Shares, *, until: date) -> Vector:
    older = np.zeros(len(axis))
    end = min(axis.index(until) + 1, len(axis))
    older[max(end - _OLD_DAYS, 0) : max(end, 0)] = 1.0 / _OLD_DAYS
    likelihood: Vector = shares.last * shown + shares.before * axis.earlier(shown)
    likelihood += shares.older * older
    return likelihood.clip(min=_FUTURE)


def _index_reference(axis: Axis, reference: int, closes: AxisSeries) -> Vector:
    """The session before must have closed at the reference price (fact 4)."""
    matching = np.abs(closes.nearest - reference) <= INDEX_ROUNDING
    fits = np.where(matching, 1.0, _MISMATCH)
    fits = np.where(closes.known, fits, _by_chance(reference, closes))
    return axis.following(fits * axis.open_probability)


def _index_price(price: int, closes: AxisSeries) -> Vector:
    """After the close the printed price is the close; before, it is a day's move away at most."""
    settled = np.abs(closes.nearest - price) <= INDEX_ROUNDING
    moving = np.zeros(len(settled))
    for share, deviation in _MOVES:
        moving += share * _density(price, closes.nearest, np.full(len(settled), deviation))
    fits = np.maximum(_SETTLED_SHARE * settled + (1.0 - _SETTLED_SHARE) * moving, _MISMATCH)
    return np.where(closes.known, fits, _by_chance(price, closes))


def _stock_reference(axis: Axis, reference: int, closes: AxisSeries) -> Vector:
    """The site's own last price of the session before lies near its official close (fact 5)."""
    z = np.log(reference / closes.nearest) / _OFF_CLOSE
    near = np.exp(-0.5 * z * z) + _STOCK_FLOOR
    return axis.following(np.where(closes.known, near, _STOCK_UNKNOWN) * axis.open_probability)


def _by_chance(value: int, closes: AxisSeries) -> Vector:
    """How likely an unknown close of each day falls within the rounding of a value."""
    # A known close that does not fit must not be likelier than an unknown one that cannot: else
    # a series of another index would draw all boards onto its days.
    likely = _density(value, closes.nearest, _DAILY * np.sqrt(closes.gap + 1.0))
    return np.maximum(likely, _MISMATCH)


def _density(value: int, centre: Vector, deviation: Vector) -> Vector:
    z = np.log(value / centre) / deviation
    window = 2 * INDEX_ROUNDING / (value * deviation * _ROOT_TWO_PI)
    return np.minimum(window, 1.0) * np.exp(-0.5 * np.minimum(z * z, _FAR))
