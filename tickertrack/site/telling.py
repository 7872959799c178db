"""Stories to articles as printed: what a story leaves open is filled in by day and prices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tickertrack.site.newsroom import Piece, Story, load_stories
from tickertrack.site.walk import STOCKS, Walk

__all__ = ["Crowd", "Told", "tell"]

_NO_LETTER = re.compile(r"[^a-z0-9]+")
# Far above the numbers of any timetable.
_CROWD = 9_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """An article as it is printed; `published` is in the newspaper's zone."""

    id: int
    title: str
    byline: str
    paragraphs: tuple[str, ...]
    tags: tuple[str, ...]
    published: datetime

    @property
    def path(self) -> str:
        """Its address on the site."""
        return f"/news/{self.id}/{_NO_LETTER.sub('-', self.title.lower()).strip('-')}"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many articles at once, for whoever must bear many: the first is the newest, of `at`."""

    count: int
    at: datetime

    def __iter__(self) -> Iterator[Told]:
        """Yield them all, newest first."""
        return map(self._told, range(self.count))

    def find(self, number: int) -> Told | None:
        """Find one by its number; None where it is none of them."""
        place = number - _CROWD
        return self._told(place) if 0 <= place < self.count else None

    def _told(self, place: int) -> Told:
        stories = [story for story in load_stories() if story.kind == "other"]
        published = self.at - timedelta(seconds=place)
        told = _printed(_CROWD + place, stories[place % len(stories)], published, {})
        return replace(told, title=f"{told.title}, part {place + 1}")


def tell(piece: Piece, walk: Walk) -> Told:
    """Print a piece; what is told of the market is true of the walk when it appeared."""
    of_market = piece.story.kind in {"preview", "wrap"}
    figures = _figures(walk, piece.published) if of_market else {}
    return _printed(piece.id, piece.story, piece.published, figures)


def _printed(number: int, story: Story, published: datetime, figures: dict[str, str]) -> Told:
    words = {"day": f"{published:%A}", **figures}
    return Told(
        id=number,
        title=story.title.format(**words),
        byline=story.byline,
        paragraphs=tuple(story.text.format(**words).strip().split("\n\n")),
        tags=story.tags,
        published=published,
    )


def _figures(walk: Walk, moment: datetime) -> dict[str, str]:
    here = walk.at(moment)
    prices, before = here.prices, here.course.references
    change = prices["KSE100"] - before["KSE100"]
    moves = {stock: 100 * (prices[stock] / before[stock] - 1) for stock in STOCKS}
    gainer, loser = max(moves, key=moves.__getitem__), min(moves, key=moves.__getitem__)
    return {
        "level": f"{prices['KSE100'] / 100:,.0f}",
        "points": f"{abs(change) / 100:,.0f}",
        "higher": "higher" if change > 0 else "lower",
        "gainer": gainer,
        "gain": f"{moves[gainer]:.1f}",
        "loser": loser,
        "loss": f"{moves[loser]:.1f}",
    }
