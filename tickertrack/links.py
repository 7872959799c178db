"""Moves to the news of their day: ranked, with evidence, and silent where there is none."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from itertools import pairwise

from tickertrack.models import Field, Link, Mention, Relation, Scored, Story, Topic

__all__ = ["Session", "link_session"]

# A relation's links lie in a band of their own: no place or time lifts one above a better relation.
_BANDS: dict[Relation, float] = {"about": 0.75, "mention": 0.5, "sector": 0.25, "market": 0.0}
_WIDTH = 0.25
_PLACES: dict[Field, float] = {"title": 1.0, "lead": 0.85, "body": 0.7, "tags": 0.55}
# News is worth half of itself when it is two days older than the close it may have moved.
_HALF_LIFE = 48.0
# A story that shares so much of its title and lead with an earlier one repeats it, and is worth
# down to half; the comparison is of pairs of words, and of this many of them.
_REPEATS, _REPEATED = 0.4, 0.5
_COMPARED = 60
_DECIMALS = 4
_NOON = time(12)

_WORD = re.compile(r"[^\W_]+")

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Session:
    """A session: its local close, who has a price in it, and the sectors each belongs to."""

    day: date
    close_at: datetime
    symbols: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier story that is told again, and how much of the two is the same."""

    story: Story
    likeness: float


def link_session(session: Session, stories: Sequence[Story], before: Sequence[Story]) -> list[Link]:
    """
    Link the moves of one session to the stories aligned to it, each by its closest relation.

    `before` are the stories of the session before: what repeats one of them counts less. A story
    without a subject is linked to nothing; its session still has it (view `moves_news`).
    """
    spoken = [story for story in stories if _has_subject(story)]
    repeats = _repeats(spoken, [story for story in before if _has_subject(story)])
    links = [
        link for story in spoken for link in _links(session, story, repeats.get(story.article_id))
    ]
    return sorted(links, key=lambda one: (one.symbol, -one.score, one.article_id))


def _has_subject(story: Story) -> bool:
    return bool(story.about or story.mentions or story.sectors or story.market_wide)


def _links(session: Session, story: Story, repeat: Repeat | None) -> Iterator[Link]:
    timely, novel = _timing(session, story), _novelty(repeat)
    # Many symbols share one claim: all that are listed share the news of the market.
    judged: dict[int, tuple[float, dict[str, object]]] = {}
    for symbol, claim in _claims(session, story).items():
        if id(claim) not in judged:
            judged[id(claim)] = _judged(claim, timely, novel)
        score, evidence = judged[id(claim)]
        yield Link(symbol, session.day, story.article_id, claim.relation, score, evidence)


def _judged(claim: Claim, timely: Factor, novel: Factor) -> tuple[float, dict[str, object]]:
    place = Factor(_PLACES[claim.place], {"field": claim.place})
    worth = claim.strength * place.factor * timely.factor * novel.factor
    score = round(_BANDS[claim.relation] + _WIDTH * worth, _DECIMALS)
    return score, {
        "relation": claim.relation,
        "strength": claim.strength,
        "place": place.shown(),
        "time": timely.shown(),
        "novelty": novel.shown(),
        **claim.evidence,
    }


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that a score is multiplied by, from 0 to 1, and what speaks for it."""

    factor: float
    evidence: Mapping[str, object]

    def shown(self) -> dict[str, object]:
        """Give factor and evidence as one object."""
        return {**self.evidence, "factor": self.factor}


# ---- relation and place


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a story belongs to a symbol: the relation, how strong it is, where it stands."""

    relation: Relation
    strength: float
    place: Field
    evidence: Mapping[str, object]


def _claims(session: Session, story: Story) -> dict[str, Claim]:
    """Give each symbol of the session its closest claim: later ones replace earlier ones."""
    claims: dict[str, Claim] = {}
    if story.market_wide:
        claims |= dict.fromkeys(session.symbols, _topical("market", story.market_wide))
    for topic in sorted(story.sectors, key=lambda one: (one.score, one.name)):
        claim = _topical("sector", topic)
        claims |= {symbol: claim for symbol, of in session.symbols.items() if topic.name in of}
    named = _named(story)
    claims |= {symbol: _mentioned(found) for symbol, found in named.items()}
    for scored in story.about:
        claims[scored.symbol] = _subject(scored, named.get(scored.symbol, []))
    return {symbol: claims[symbol] for symbol in sorted(claims) if symbol in session.symbols}


def _topical(relation: Relation, topic: Topic) -> Claim:
    # The words of its evidence stand under the fields that they were found in.
    place: Field = next((field for field in _PLACES if field in topic.evidence), "body")
    return Claim(relation, topic.score, place, {"topic": topic.name, "words": topic.evidence})


def _mentioned(found: Sequence[Mention]) -> Claim:
    return Claim("mention", 1.0, _best_place(found), {"words": _words(found)})


def _subject(scored: Scored, found: Sequence[Mention]) -> Claim:
    evidence = {"words": _words(found), "subject": scored.evidence}
    return Claim("about", scored.score, _best_place(found), evidence)


def _named(story: Story) -> dict[str, list[Mention]]:
    named: dict[str, list[Mention]] = defaultdict(list)
    for mention in story.mentions:
        named[mention.symbol].append(mention)
    return named


def _best_place(found: Iterable[Mention]) -> Field:
    return max((one.field for one in found), key=_PLACES.__getitem__, default="body")


def _words(found: Iterable[Mention]) -> list[str]:
    return sorted({one.text for one in found})


# ---- time and novelty


def _timing(session: Session, story: Story) -> Factor:
    since = session.close_at - _moment(story, session.close_at.tzinfo)
    hours = max(since.total_seconds() / 3600, 0.0)
    factor = round(0.5 ** (hours / _HALF_LIFE), _DECIMALS)
    basis = story.alignment.basis
    return Factor(factor, {"basis": basis, "hours_before_close": round(hours, 1)})


def _moment(story: Story, zone: tzinfo | None) -> datetime:
    # Of a bare day the middle is the least wrong.
    at = story.published.at
    return at if isinstance(at, datetime) else datetime.combine(at, _NOON, zone)


def _novelty(repeat: Repeat | None) -> Factor:
    if repeat is None:
        return Factor(1.0, {})
    likeness = round(repeat.likeness, _DECIMALS)
    factor = round(1 - _REPEATED * likeness, _DECIMALS)
    return Factor(factor, {"repeats": repeat.story.title, "likeness": likeness})


def _repeats(stories: Sequence[Story], before: Sequence[Story]) -> dict[int, Repeat]:
    """Find, for each story that tells an earlier one again, the one that is most like it."""
    own = {story.article_id for story in stories}
    told = _Told(defaultdict(list), {})
    repeats: dict[int, Repeat] = {}
    for story in sorted([*stories, *before], key=_order):
        likest = told.likest(story) if story.article_id in own else None
        if likest and likest.likeness >= _REPEATS:
            repeats[story.article_id] = likest
        told.add(story)
    return repeats


def _order(story: Story) -> tuple[datetime, int]:
    return _moment(story, UTC), story.article_id


@dataclass(frozen=True, slots=True)
class _Told:
    """The stories that were told so far, by the pairs of words in their titles and leads."""

    by_pair: dict[tuple[str, str], list[int]]
    stories: dict[int, tuple[Story, Pairs]]

    def add(self, story: Story) -> None:
        """Remember a story."""
        pairs = _pairs(story)
        self.stories[story.article_id] = (story, pairs)
        for pair in pairs:
            self.by_pair[pair].append(story.article_id)

    def likest(self, story: Story) -> Repeat | None:
        """Find the earlier story that shares the most of its pairs (Jaccard's index)."""
        pairs = _pairs(story)
        shared = Counter(other for pair in pairs for other in self.by_pair.get(pair, ()))
        found = (
            Repeat(self.stories[other][0], count / len(pairs | self.stories[other][1]))
            for other, count in shared.items()
        )
        return max(found, key=lambda one: (one.likeness, -one.story.article_id), default=None)


def _pairs(story: Story) -> Pairs:
    words = _WORD.findall(f"{story.title} {story.lead}".casefold())[:_COMPARED]
    return frozenset(pairwise(words))
