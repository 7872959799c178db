"""What a page is asked, and what it gives: a template with its values, or another place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from tickertrack.errors import QueryError
from tickertrack.spans import day_of

if TYPE_CHECKING:
    from tickertrack.hints import Hint
    from tickertrack.web.render import Links

__all__ = ["Asked", "Page", "Row", "Turn", "hinted", "missing"]

Row = dict[str, Any]


class Asked(NamedTuple):
    """What an address names in its path, and what stands behind its question mark."""

    named: Mapping[str, str]
    query: Mapping[str, str]

    def day(self) -> date:
        """Give the day that the path names. Raises QueryError for what is none."""
        day = day_of(self.named["day"])
        if day is None:
            raise QueryError("no day is given", advice="write it YYYY-MM-DD")
        return day

    def choice(self, name: str) -> str:
        """Give what was chosen in a form; nothing is the empty text."""
        return (self.query.get(name) or "").strip()


@dataclass(frozen=True, slots=True)
class Page:
    """A template, what it shows, and the status of the answer."""

    template: str
    context: Row
    status: int = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """Another page, to which the visitor is sent."""

    address: Callable[[Links], str]


def missing(what: str, advice: str = "") -> Page:
    """Say that there is nothing of that name here."""
    return Page("fault.html", {"title": "Not found", "fault": what, "advice": advice}, status=404)


def hinted(hint: Hint, session: str = "") -> Page:
    """Say why a symbol, or its move, is not here, and lead to what may be meant."""
    page = missing(f"{hint.symbol}: {hint.why}")
    return replace(page, context={**page.context, "hint": hint, "session": session})
