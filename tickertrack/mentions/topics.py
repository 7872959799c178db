"""What an article is news of besides companies: a sector's trade, or the market as a whole."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tickertrack.markets.talk import Theme, Themes
from tickertrack.mentions.layout import Layout
from tickertrack.mentions.spotter import WordFinder, lowered
from tickertrack.models import Topic

__all__ = ["Heard", "Hearing", "Listener"]

Span = tuple[int, int]

# How surely words make an article a sector's: a body of the trade in the headline ("cement
# sales", APTMA), its goods there beside a word of trade, a body in the lead alone.
_BY_BODY, _BY_GOODS, _BY_LEAD = 0.9, 0.7, 0.6
# "Exports to China" are no news of China.
_TOWARDS = re.compile(r"\b(?:to|from|with)\s$")
_BY_INDEX, _BY_MACRO = 0.95, 0.8


class Heard(NamedTuple):
    """A known word of a headline or lead, with its place."""

    word: str
    start: int
    end: int
    in_title: bool


class Hearing:
    """The known words of one article's headline and lead, by the lists that they stand in."""

    def __init__(self, heard: Sequence[Heard], lists: dict[str, list[str]]) -> None:
        """Sort the words by their lists."""
        self._heard = heard
        self._lists = lists
        self.title: dict[str, list[str]] = defaultdict(list)
        self.lead: dict[str, list[str]] = defaultdict(list)
        for one in heard:
            part = self.title if one.in_title else self.lead
            for name in lists[one.word]:
                part[name].append(one.word)

    def outside(self, names: Iterable[Span]) -> Hearing:
        """Leave out the words of names: Kohat Cement says nothing of cement."""
        spans = list(names)
        if not spans:
            return self
        kept = [
            one
            for one in self._heard
            if not any(start < one.end and one.start < end for start, end in spans)
        ]
        return self if len(kept) == len(self._heard) else Hearing(kept, self._lists)

    @property
    def is_wrap(self) -> bool:
        """Whether the headline names an index, or the lead does beside its points or the market."""
        led = "index" in self.lead and ("market" in self.title or "measures" in self.lead)
        return led or "index" in self.title

    def evidence(self, *lists: str) -> dict[str, object]:
        """Give the words of some lists, by where they stand."""
        found: dict[str, object] = {}
        for field, part in (("title", self.title), ("lead", self.lead)):
            words = [word for name in lists for word in part.get(name, ())]
            if words:
                found[field] = list(dict.fromkeys(words))
        return found


class Listener:
    """A market's themes, made ready for listening."""

    def __init__(self, themes: Themes) -> None:
        """Turn lists of words into words with their lists."""
        self._sectors = [(theme.name, *_lists_of(theme)) for theme in themes.sectors]
        self._abroad = themes.abroad
        self._home = WordFinder(themes.home)
        lists: dict[str, list[str]] = defaultdict(list)
        for name, words in _lists(themes):
            for word in words:
                lists[word].append(name)
        self._lists = dict(lists)
        self._finder = WordFinder(lists)

    def hear(self, layout: Layout) -> Hearing:
        """Listen to headline and lead."""
        small = lowered(layout.whole[: layout.lead_end])
        heard = [
            Heard(word, start, end, start < layout.title_end)
            for word, start, end in self._finder.words(small)
            if word not in self._abroad or not _TOWARDS.search(small, max(0, start - 6), start)
        ]
        return Hearing(heard, self._lists)

    def sector(self, hearing: Hearing, *, of_company: bool) -> Topic | None:
        """
        Name the sector that an article is news of, if any: the surest.

        Where the headline names a company (`of_company`), goods are no more than its business.
        """
        if "abroad" in hearing.title:
            return None
        least = _BY_BODY if of_company else _BY_GOODS
        spoken = hearing.title.keys() | hearing.lead.keys()
        scores = [
            (_surety(body, noun, hearing), name, body, noun)
            for name, body, noun in self._sectors
            if body in spoken or noun in spoken
        ]
        score, name, *lists = max(scores, key=lambda one: one[0], default=(0.0, ""))
        return Topic(name, score, hearing.evidence(*lists, "trade")) if score >= least else None

    def market(self, hearing: Hearing, small: str, *, of_company: bool) -> Topic | None:
        """Say whether an article is news of the whole market, by its index or the economy."""
        if hearing.is_wrap:
            return Topic("market", _BY_INDEX, hearing.evidence("index", "market"))
        # The economy of another country, or what the economy does to one company, is neither.
        if "macro" in hearing.title and not of_company and not self._is_abroad(hearing, small):
            return Topic("market", _BY_MACRO, hearing.evidence("macro"))
        return None

    def _is_abroad(self, hearing: Hearing, small: str) -> bool:
        return "abroad" in hearing.title or ("abroad" in hearing.lead and not self._home.any(small))


def _lists(themes: Themes) -> Iterator[tuple[str, frozenset[str]]]:
    for name in ("trade", "index", "market", "measures", "macro", "abroad"):
        yield name, getattr(themes, name)
    for theme in themes.sectors:
        body, noun = _lists_of(theme)
        yield body, theme.bodies
        yield noun, theme.nouns


def _lists_of(theme: Theme) -> tuple[str, str]:
    return f"{theme.name} body", f"{theme.name} noun"


def _surety(body: str, noun: str, hearing: Hearing) -> float:
    title, lead = hearing.title, hearing.lead
    if body in title or (noun in title and body in lead):
        return _BY_BODY
    if noun in title and ("trade" in title or "trade" in lead):
        return _BY_GOODS
    return _BY_LEAD if body in lead else 0.0
