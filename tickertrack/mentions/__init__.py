"""Who and what is an article about: companies named and meant, its sector, or the market."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from tickertrack.markets import Market
from tickertrack.markets.talk import Talk, Themes, talk_of, themes_of
from tickertrack.mentions.about import about
from tickertrack.mentions.case import Case, Sense
from tickertrack.mentions.judge import Named, judge
from tickertrack.mentions.layout import Layout, lay_out
from tickertrack.mentions.names import Form, Line, forms_of
from tickertrack.mentions.spotter import NameFinder, WordFinder
from tickertrack.mentions.topics import Listener
from tickertrack.models import Mention, Reading

__all__ = ["Spotter", "read_article", "spotter_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Spotter:
    """A market's names and themes, made ready for reading any number of articles."""

    names: NameFinder
    listener: Listener
    sense: Sense


@lru_cache(maxsize=16)
def spotter_of(market: Market) -> Spotter:
    """Make a market's names and themes ready; once per market."""
    forms, talk, themes = forms_of(market), talk_of(market), themes_of(market)
    sense = Sense(
        talk=talk,
        business=WordFinder(talk.business),
        own=WordFinder(talk.venue.own),
        scenes=WordFinder(talk.scenes),
        posts=WordFinder(talk.posts),
        results=WordFinder(talk.results),
        deals=WordFinder(talk.deals),
        trades=_trades(themes),
        words=_telling_words(forms, talk),
        codes=_codes(forms),
    )
    return Spotter(NameFinder(forms), Listener(themes), sense)


def read_article(
    spotter: Spotter, title: str | None, text: str, tags: Sequence[str], published: date | None
) -> Reading:
    """
    Read whom and what an article is about; `published` is its day at the exchange, if known.

    Pure: the same article and market give the same reading.
    """
    layout = lay_out(title, text, tags)
    hearing = spotter.listener.hear(layout)
    case = Case(layout, published, hearing.is_wrap, spotter.sense)
    named = judge(spotter.names.spots(layout.whole), case)
    opening = [one for one in named if one.start < layout.lead_end]
    hearing = hearing.outside((one.start, one.end) for one in opening)
    of_company = any(one.end <= layout.title_end for one in named)
    market = spotter.listener.market(hearing, case.small, of_company=of_company)
    sector = None if market else spotter.listener.sector(hearing, of_company=of_company)
    fields = {"title": title or "", "lead": text, "body": text, "tags": ", ".join(tags)}
    return Reading(
        about=about(named, case, of_sector=sector is not None),
        mentions=tuple(_mention(one, layout, fields) for one in named),
        sectors=(sector,) if sector else (),
        market_wide=market,
    )


def _mention(one: Named, layout: Layout, fields: Mapping[str, str]) -> Mention:
    field, begin = layout.place(one.start)
    start, end = one.start - begin, one.end - begin
    return Mention(one.symbol, field, start, end, fields[field][start:end], one.kind)


def _trades(themes: Themes) -> dict[str, WordFinder]:
    """Give each sector of the exchange the words of its trade."""
    return {
        sector: WordFinder(theme.nouns | theme.bodies)
        for theme in themes.sectors
        for sector in theme.sectors
    }


def _telling_words(forms: Mapping[str, Sequence[Form]], talk: Talk) -> dict[Line, frozenset[str]]:
    """Give each company the words of its names that no other needs to share."""
    words: dict[Line, set[str]] = defaultdict(set)
    for spelling, found in forms.items():
        telling = {
            word.lower()
            for word in spelling.split()
            if word.title() not in talk.common | talk.tails | talk.legal
        }
        for form in found:
            words[form.line] |= telling
    return {line: frozenset(found) for line, found in words.items()}


def _codes(forms: Mapping[str, Sequence[Form]]) -> dict[str, Form]:
    """Give the codes and abbreviations that may stand in brackets behind a name."""
    return {
        spelling: found[0]
        for spelling, found in forms.items()
        if found and " " not in spelling and found[0].kind != "short"
    }
