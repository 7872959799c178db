"""A digest of what a reader is told: parts that were read by another order are read again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Set as AbstractSet
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from tickertrack.reading import Order

__all__ = ["digest_of"]


def digest_of(order: Order) -> str:
    """Give the same for the same publishers, dialects, market and words, on any machine."""
    told = json.dumps([_plain(order.desk), _plain(order.given)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    """Give a value by what it says, not by where it lies or in which order."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return sorted([_plain(key), _plain(one)] for key, one in value.items())
    if isinstance(value, AbstractSet):
        return sorted(_plain(one) for one in value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    # Where a market's files lie is this machine's own.
    return None if isinstance(value, Path) else str(value)
