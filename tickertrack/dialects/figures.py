"""How a dialect writes numbers: which patterns they fit, and what makes decimals of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickertrack.errors import ConfigError

__all__ = [
    "NUMBER",
    "check_numbers",
    "marks_of",
    "percent_off",
    "signed_pattern",
    "unsigned_pattern",
]

# Prices are kept as integers of 1/10,000, so a number may have four decimals and no more.
_DIGITS, _DECIMALS = 12, 4
_GROUPED = {
    "thousands": "[1-9][0-9]{0,2}(?:{mark}[0-9]{3}){1,3}",
    # 1,23,45,678: hundreds of thousands and of tens of millions have names in South Asia.
    "lakh": "[1-9][0-9]?(?:{mark}[0-9]{2}){0,4}{mark}[0-9]{3}",
}

# Percents are rounded to two decimals where nothing else is said.
NUMBER: Mapping[str, Any] = {
    "group": ",",
    "grouping": "thousands",
    "decimal": ".",
    "minus": "-",
    "signed": False,
    "spaced": False,
    "brackets": False,
    "percent_decimals": 2,
    "cut": False,
}


def check_numbers(numbers: Mapping[str, Any], path: Path) -> None:
    """Refuse what leaves a number in doubt; raises ConfigError."""
    decimal, decimals = numbers["decimal"], numbers["percent_decimals"]
    if not decimal or decimal in numbers["group"] or decimal in numbers["minus"]:
        raise ConfigError("must be a mark of its own", path=path, key="number.decimal")
    if numbers["grouping"] not in _GROUPED:
        known = " or ".join(map(repr, _GROUPED))
        raise ConfigError(f"must be {known}", path=path, key="number.grouping")
    if decimals not in range(_DECIMALS + 1):
        raise ConfigError(
            f"must be from 0 to {_DECIMALS}", path=path, key="number.percent_decimals"
        )


def unsigned_pattern(numbers: Mapping[str, Any]) -> str:
    """Give the pattern of a number without a sign."""
    # No publisher prints a leading zero: `033.30` has lost or gained a digit.
    plain = rf"0|[1-9][0-9]{{0,{_DIGITS - 1}}}"
    if numbers["group"]:
        grouped = _GROUPED[numbers["grouping"]].replace("{mark}", _any_of(numbers["group"]))
        plain = f"{grouped}|{plain}"
    return rf"(?:{plain})(?:{re.escape(numbers['decimal'])}[0-9]{{1,{_DECIMALS}}})?"


def signed_pattern(numbers: Mapping[str, Any]) -> str:
    """Give the pattern of a number that may have a sign, must have it, or has brackets instead."""
    unsigned = unsigned_pattern(numbers)
    sign = _any_of(numbers["minus"] + "+") + (" ?" if numbers["spaced"] else "")
    signed = f"(?:{sign})?{unsigned}"
    if numbers["signed"]:
        # What has lost its sign is not up: only nothing needs none.
        signed = rf"(?:{sign}{unsigned}|0(?:{re.escape(numbers['decimal'])}0+)?)"
    return rf"(?:{signed}|\({unsigned}\))" if numbers["brackets"] else signed


def marks_of(numbers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """List what is to be replaced, in this order, for a number to be an ASCII decimal."""
    groups = ((one, "") for one in numbers["group"])
    minus = ((one, "-") for one in numbers["minus"])
    brackets = (("(", "-"), (")", "")) if numbers["brackets"] else ()
    spaces = ((" ", ""),) if numbers["spaced"] else ()
    marks = (*groups, *minus, *brackets, *spaces, (numbers["decimal"], "."))
    return tuple((mark, plain) for mark, plain in marks if mark != plain)


def percent_off(numbers: Mapping[str, Any]) -> Decimal:
    """Say how far a printed percent may be off: half of its last unit, or all of it where cut."""
    unit = Decimal(1).scaleb(-numbers["percent_decimals"])
    return unit if numbers["cut"] else unit / 2


def _any_of(marks: str) -> str:
    return re.escape(marks) if len(marks) == 1 else f"[{re.escape(marks)}]"
