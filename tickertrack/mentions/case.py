"""One article before the judge: its layout, its day, and what is known of it so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from tickertrack.markets.talk import Talk
from tickertrack.mentions.layout import Layout, is_loud, is_title_case
from tickertrack.mentions.names import Form, Line
from tickertrack.mentions.spotter import WordFinder, lowered

__all__ = ["Case", "Sense"]


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """What a judge knows of the market's language, made ready for looking up."""

    talk: Talk
    business: WordFinder
    own: WordFinder  # the words of news about the exchange itself
    scenes: WordFinder
    posts: WordFinder
    results: WordFinder
    deals: WordFinder
    trades: Mapping[str, WordFinder]  # exchange sector → the words of its trade
    words: Mapping[Line, frozenset[str]]  # the words that tell a company's names from others'
    codes: Mapping[str, Form]  # OGDC, OGDCL: what stands in brackets behind a name


@dataclass
class Case:
    """One article; `wrap`: it reports the market's day."""

    layout: Layout
    day: date | None
    wrap: bool
    sense: Sense
    # What brackets say: "Silk Bank Limited (SBL)" makes SBL Silk Bank's; None: somebody else's.
    bound: dict[str, Form | None] = field(default_factory=dict)
    # How often each company is named beyond doubt.
    sure: Counter[Line] = field(default_factory=Counter)
    _spoken: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def small(self) -> str:
        """The article in small letters."""
        return lowered(self.layout.whole)

    @cached_property
    def speaks_business(self) -> bool:
        """Whether the article uses the stock market's words."""
        return self.sense.business.any(self.small)

    def speaks_of(self, sector: str) -> bool:
        """Say whether the article uses the words of a sector's trade; looked up once per sector."""
        if sector not in self._spoken:
            trade = self.sense.trades.get(sector)
            self._spoken[sector] = trade is not None and trade.any(self.small)
        return self._spoken[sector]

    def heads_with(self, sector: str) -> bool:
        """Say whether the headline uses the words of a sector's trade."""
        trade = self.sense.trades.get(sector)
        return trade is not None and trade.any(self.small[: self.layout.title_end])

    @cached_property
    def tells_deal(self) -> bool:
        """Whether headline or lead tells of a deal between companies."""
        return self.sense.deals.any(self.small[: self.layout.lead_end])

    @cached_property
    def tells_results(self) -> bool:
        """Whether the headline tells of results."""
        return self.sense.results.any(self.small[: self.layout.title_end])

    @cached_property
    def loud(self) -> bool:
        """Whether the headline is printed in capitals, where a capital tells nothing."""
        return is_loud(self.layout.title)

    @cached_property
    def title_case(self) -> bool:
        """Whether the headline begins most of its words with a capital."""
        return is_title_case(self.layout.title)
