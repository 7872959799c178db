"""A ticker line checks itself: its own arithmetic and its own signs (DESIGN.md, facts 7 and 8)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tickertrack.models import Direction, Verdict

if TYPE_CHECKING:
    from tickertrack.dialects import Reading
    from tickertrack.markets import PriceLimit

__all__ = ["WITNESSES", "check", "direction_of", "may_witness"]

WITNESSES: frozenset[Verdict] = frozenset({"ok", "out_of_range"})

_HUNDRED = Decimal(100)
# Percents are rounded to two decimals and lose their trailing zeros, so `(1%)` means 1.00.
_PERCENT_OFF = Decimal("0.005")


def check(
    reading: Reading,
    *,
    exact: bool,
    limit: PriceLimit | None = None,
    percent_off: Decimal = _PERCENT_OFF,
) -> Verdict:
    """
    Judge a line by itself.

    `exact`: stocks print price and change in full, so only the percent is rounded; an index
    prints a price to the whole point, whose rounding the percent's tolerance must carry. A line
    that prints no change or no percent has no arithmetic of its own, and is `unchecked`.
    """
    if _signs_conflict(reading):
        return "sign_conflict"
    change, percent = reading.change, reading.percent
    if change is None or percent is None:
        return "unchecked"
    reference = reading.price - change
    if reference <= 0 or reading.price <= 0:
        return "impossible_reference"
    error = abs(_HUNDRED * change / reference - percent)
    allowed = percent_off if exact else percent_off + _carried(reading.price, change)
    if error > allowed:
        return "percent_mismatch"
    if limit is not None and abs(change) > limit.reach(reference):
        return "out_of_range"
    return "ok"


def direction_of(reading: Reading) -> Direction:
    """Say which way the price went: by the word, else by the sign of change or percent."""
    moved = reading.percent if reading.change is None else reading.change
    return reading.word or _way(moved) or "flat"


def may_witness(verdict: Verdict) -> bool:
    """Say whether a quote of this verdict may support a price."""
    return verdict in WITNESSES


def _signs_conflict(reading: Reading) -> bool:
    word = reading.word
    arrow = None if word == "flat" else reading.arrow
    change, percent = _way(reading.change), _way(reading.percent)
    # What says nothing agrees with all.
    first = word or arrow or change or percent
    return (arrow or first) != first or (change or first) != first or (percent or first) != first


def _way(number: Decimal | None) -> Direction | None:
    # A small change of a large index is honestly printed as `Increased By 0.0 (0%)`.
    if not number:
        return None
    return "up" if number > 0 else "down"


def _carried(price: Decimal, change: Decimal) -> Decimal:
    """Give how much of an index's percent's error the rounding of price and change explains."""
    reference = price - change
    # d(100c/r) for a price off by half a printed unit and a change off by half of its own. A
    # change of 219 is 219.0 with its zero dropped: an index never prints less than tenths.
    change_off = _half_unit(max(_decimals(change), 1))
    reference_off = change_off + _half_unit(_decimals(price))
    return _HUNDRED * (
        change_off / reference + abs(change) * reference_off / (reference * reference)
    )


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _half_unit(decimals: int) -> Decimal:
    return Decimal(5).scaleb(-decimals - 1)
