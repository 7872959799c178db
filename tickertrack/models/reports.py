"""What calls and runs of jobs say that they did."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Cause",
    "Counts",
    "Fires",
    "IngestReport",
    "LinkReport",
    "Outcome",
    "RunStatus",
    "ScanReport",
    "added",
]

Cause = Literal["schedule", "start", "catch-up", "request", "once"]
RunStatus = Literal["ok", "partial", "error", "missed", "skipped", "aborted"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of what was read, and seconds of wall time."""

    pages: int = 0
    strips: int = 0
    quotes: int = 0
    duplicates: int = 0
    quarantined: int = 0
    articles: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class IngestReport(Counts):
    """What was new in one call."""


@dataclass(frozen=True, slots=True)
class ScanReport(Counts):
    """
    What the parts of the named inputs hold, and how many of them were read in this call.

    A strip or an article that stands in two parts counts in both; `duplicates` are lines of strips
    that their part has already; `errors` counts what could not be read.
    """

    inputs: int = 0
    read: int = 0
    errors: int = 0


_Report = TypeVar("_Report", bound=Counts)


def added(one: _Report, other: _Report) -> _Report:
    """Add up two reports of a kind, but for their seconds: who calls measures those."""
    names = [named.name for named in fields(one) if named.name != "seconds"]
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What one call did: articles read for names, sessions linked, links that these have now."""

    articles: int = 0
    sessions: int = 0
    links: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job's run: counts of what it did, a line for each fault, how it ended."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    ended: RunStatus | None = None

    @property
    def status(self) -> RunStatus:
        """Say how it ended: with faults it is an error, or partial where something was done."""
        if self.ended or not self.faults:
            return self.ended or "ok"
        return "partial" if any(self.counts.values()) else "error"

    @property
    def told(self) -> str:
        """Say in a few words how it ended, with the counts that are any."""
        counts = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
        return f"{self.status} ({counts})" if counts else self.status


@dataclass(frozen=True, slots=True)
class Fires:
    """How many times of a schedule lie in a span (at most a bound), and the last of them."""

    count: int
    last: datetime
