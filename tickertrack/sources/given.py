"""What the caller says of pages, and which of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

__all__ = ["Given", "given_of"]


@dataclass(frozen=True, slots=True)
class Given:
    """
    What the caller says of pages that say nothing themselves.

    Of archives only pages of `hosts` that hold any of `markers` are wanted, where these are given.
    """

    captured_at: datetime | None = None
    captured_on: date | None = None
    hosts: frozenset[str] | None = None
    markers: frozenset[str] | None = None


def given_of(captured_at: datetime | date | None) -> Given:
    """Tell a time from a bare day."""
    if captured_at is None or isinstance(captured_at, datetime):
        return Given(captured_at)
    return Given(captured_on=captured_at)
