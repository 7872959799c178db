"""What is concluded of articles: their sessions, whom they are about, links to moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

    from tickertrack.models.pages import Published

__all__ = [
    "Alignment",
    "Basis",
    "Field",
    "Link",
    "Mention",
    "MentionKind",
    "Reading",
    "Relation",
    "Scored",
    "Story",
    "Topic",
]

Basis = Literal["before_open", "in_session", "after_close", "closed_day", "day"]
Field = Literal["title", "lead", "body", "tags"]
MentionKind = Literal["name", "alias", "short", "ticker", "abbreviation"]
Relation = Literal["about", "mention", "sector", "market"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """The session of an article, and why it is that one; `day`: no time of day was known."""

    session: date
    basis: Basis


@dataclass(frozen=True, slots=True)
class Mention:
    """
    A place in an article that names an instrument, by the symbol it had on the article's day.

    `start` and `end` count characters of the field as stored: of the title, of the text (both for
    its lead and for its body), or of the tags joined by ", ".
    """

    symbol: str
    field: Field
    start: int
    end: int
    text: str
    kind: MentionKind


@dataclass(frozen=True, slots=True)
class Scored:
    """A symbol that an article is about: score from 0 to 1, and what speaks for it."""

    symbol: str
    score: float
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class Topic:
    """What else an article is news of: a sector by its name, or `market`; and by which words."""

    name: str
    score: float
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class Reading:
    """Who and what an article is about, as far as its words show."""

    about: tuple[Scored, ...]
    mentions: tuple[Mention, ...]
    sectors: tuple[Topic, ...]
    market_wide: Topic | None


@dataclass(frozen=True, slots=True)
class Story:
    """An article as linking sees it: when it could be traded, how it begins, what it is about."""

    article_id: int
    alignment: Alignment
    published: Published
    title: str
    lead: str
    about: tuple[Scored, ...]
    mentions: tuple[Mention, ...]
    sectors: tuple[Topic, ...]
    market_wide: Topic | None


@dataclass(frozen=True, slots=True)
class Link:
    """A move with evidence for an article; `score` is from 0 to 1, the best relation highest."""

    symbol: str
    session: date
    article_id: int
    relation: Relation
    score: float
    evidence: dict[str, object]
