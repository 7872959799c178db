"""What the newspaper prints and when: the stories of stories.toml, by a timetable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from tickertrack.config import read_toml
from tickertrack.markets import Market
from tickertrack.markets.calendar import sessions_between

__all__ = ["MARKETS", "Kind", "Newsroom", "Piece", "Story", "load_stories"]

Kind = Literal["company", "preview", "wrap", "other"]

STORIES = Path(__file__).with_name("stories.toml")
MARKETS: frozenset[Kind] = frozenset({"company", "preview", "wrap"})

# What appears in the course of a day, local time: before the open, in the session, after the close.
_SESSION: tuple[tuple[time, Kind], ...] = (
    (time(7, 50), "other"),
    (time(8, 40), "preview"),
    (time(10, 15), "company"),
    (time(11, 30), "other"),
    (time(13, 5), "other"),
    (time(14, 20), "other"),
    (time(17, 30), "wrap"),
    (time(19, 0), "other"),
    (time(21, 30), "other"),
)
_REST: tuple[tuple[time, Kind], ...] = (
    (time(10, 30), "other"),
    (time(14, 0), "other"),
    (time(19, 15), "other"),
)
# Ids come from day and place in the timetable, so that they are the same whoever counts.
_FIRST_ID, _FIRST_DAY, _PER_DAY = 50_000, date(2020, 1, 1), 10
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Story:
    """What is told; `push` is by how many percent it moves the stock it is about."""

    kind: Kind
    title: str
    byline: str
    text: str
    tags: tuple[str, ...]
    symbol: str = ""
    push: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A story as it appeared: under its number, at its time."""

    id: int
    story: Story
    published: datetime


@cache
def load_stories() -> tuple[Story, ...]:
    """Read the stories; raises ConfigError where the file is damaged."""
    rows = read_toml(STORIES)["stories"]
    return tuple(Story(**row | {"tags": tuple(row["tags"])}) for row in rows)


@dataclass(frozen=True, slots=True, eq=False)
class Newsroom:
    """The timetable of one newspaper, from its first day on: the same day, the same pieces."""

    market: Market
    first: date

    def piece(self, number: int, until: datetime) -> Piece | None:
        """Find a piece by its number; None where none such had appeared by a moment."""
        days, place = divmod(number - _FIRST_ID, _PER_DAY)
        if days > (until.astimezone(self.market.zone).date() - _FIRST_DAY).days:
            return None
        pieces = self.pieces_of(_FIRST_DAY + days * _DAY)
        piece = pieces[place] if place < len(pieces) else None
        return piece if piece and piece.published <= until else None

    def pieces_of(self, day: date) -> tuple[Piece, ...]:
        """List a day's pieces, earliest first."""
        return _pieces(self.market, day) if day >= self.first else ()

    def newest(self, until: datetime, kinds: frozenset[Kind] | None = None) -> Iterator[Piece]:
        """Yield what had appeared by a moment, newest first."""
        day = until.astimezone(self.market.zone).date()
        while day >= self.first:
            for piece in reversed(self.pieces_of(day)):
                if piece.published <= until and (kinds is None or piece.story.kind in kinds):
                    yield piece
            day -= _DAY

    def pushes(self, session: date) -> dict[str, tuple[datetime, float]]:
        """Give the stocks that a session's news moves: from when on, and by how many percent."""
        about = (piece for piece in self.pieces_of(session) if piece.story.push)
        return {piece.story.symbol: (piece.published, piece.story.push) for piece in about}


@lru_cache(maxsize=512)
def _pieces(market: Market, day: date) -> tuple[Piece, ...]:
    timetable = _SESSION if sessions_between(market, day, day) else _REST
    first_id = _FIRST_ID + (day - _FIRST_DAY).days * _PER_DAY
    pieces = []
    for place, (at, kind) in enumerate(timetable):
        stories = [story for story in load_stories() if story.kind == kind]
        daily = sum(one == kind for _, one in _SESSION)
        turn = day.toordinal() * daily + sum(one == kind for _, one in timetable[:place])
        story = stories[turn % len(stories)]
        pieces.append(Piece(first_id + place, story, market.local(day, at)))
    return tuple(pieces)
