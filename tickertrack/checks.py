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
_PERCENT_DECIMALS = 2


def check(
    reading: Reading,
    *,
    exact: bool,
    limit: PriceLimit | None = None,
    percent_decimals: int = _PERCENT_DECIMALS,
) -> Verdict:
    """
    Judge a line by itself.

    `exact`: stocks print price and change in full, so only the percent is rounded; an index
    prints a price to the whole point, whose rounding the percent's tolerance must carry.
    """
    if _signs_conflict(reading):
        return "sign_conflict"
    reference = reading.price - reading.change
    if reference <= 0 or reading.price <= 0:
        return "impossible_reference"
    half = _half_unit(percent_decimals)
    if _percent_error(reading, reference) > half + _carried(reading, reference, exact=exact):
        return "percent_mismatch"
    if limit is not None and abs(reading.change) > limit.reach(reference):
        return "out_of_range"
    return "ok"


def direction_of(reading: Reading) -> Direction:
    """Say which way the price went: by the word, else by the sign of the change."""
    return reading.word or _sign(reading.change)


def may_witness(verdict: Verdict) -> bool:
    """Say whether a quote of this verdict may support a price."""
    return verdict in WITNESSES


def _signs_conflict(reading: Reading) -> bool:
    signs = {_sign(reading.change)} if reading.change else set()
    if reading.percent:
        signs.add(_sign(reading.percent))
    if reading.word is not None:
        # A small change of a large index is honestly printed as `Increased By 0.0 (0%)`.
        signs.add(reading.word)
    if reading.arrow is not None and reading.word != "flat":
        signs.add(reading.arrow)
    return len(signs) > 1


def _sign(number: Decimal) -> Direction:
    if number == 0:
        return "flat"
    return "up" if number > 0 else "down"


def _percent_error(reading: Reading, reference: Decimal) -> Decimal:
    return abs(_HUNDRED * reading.change / reference - reading.percent)


def _carried(reading: Reading, reference: Decimal, *, exact: bool) -> Decimal:
    """Give how much of the percent's error the rounding of price and change explains."""
    if exact:
        return Decimal(0)
    # d(100c/r) for a price off by half a printed unit and a change off by half of its own. A
    # change of 219 is 219.0 with its zero dropped: an index never prints less than tenths.
    change_off = _half_unit(max(_decimals(reading.change), 1))
    reference_off = change_off + _half_unit(_decimals(reading.price))
    return _HUNDRED * (
        change_off / reference + abs(reading.change) * reference_off / (reference * reference)
    )


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _half_unit(decimals: int) -> Decimal:
    return Decimal(5).scaleb(-decimals - 1)
