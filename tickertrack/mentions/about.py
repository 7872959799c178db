"""Which of the companies that an article names it is about."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tickertrack.mentions.case import Case
from tickertrack.mentions.judge import Named
from tickertrack.mentions.spotter import WordFinder
from tickertrack.models import Scored

__all__ = ["about"]

_TITLE, _LEAD, _BODY = 0.9, 0.65, 0.55
# Each further place adds a little, so that of two subjects the one spoken of more comes first.
_PER_PLACE, _MOST_PLACES = 0.01, 9
# More companies than that in one sentence are a list.
_FEW = 2
_IN_BRACKETS = re.compile(r"^\s*\([^)]*\)")
_STOP = re.compile(r"[.;!?]\s|\n")
# How many characters around a name say what it is there for.
_NEAR = 28


def about(named: Sequence[Named], case: Case, *, of_sector: bool) -> tuple[Scored, ...]:
    """
    Tell the companies that an article is about, surest first.

    It is about whom its headline names, the other side of a deal, whose results it tells; where
    the headline names nobody, about the one company of its text. A report of the market's day is
    about none of the companies in it.
    """
    places: dict[str, list[Named]] = defaultdict(list)
    for one in named:
        if one.start <= case.layout.text_end:
            places[one.symbol].append(one)
    if case.wrap or not places:
        return ()
    subjects = _of_headline(places, case)
    if subjects:
        subjects += [symbol for symbol in places if _is_second(symbol, places, case)]
    else:
        subjects = _of_text(places, case, of_sector=of_sector)
    scored = [_scored(symbol, places, case) for symbol in dict.fromkeys(subjects)]
    return tuple(sorted(scored, key=lambda one: -one.score))


def _of_headline(places: Mapping[str, Sequence[Named]], case: Case) -> list[str]:
    end = case.layout.title_end
    titled = [
        symbol
        for symbol, found in places.items()
        if found[0].end <= end and not all(_is_near(case.sense.scenes, one, case) for one in found)
    ]
    # "AKD Securities sees upside in Maple Leaf Cement" is about the cement maker.
    brokers = case.sense.talk.brokers
    return [symbol for symbol in titled if symbol not in brokers] or titled


def _is_second(symbol: str, places: Mapping[str, Sequence[Named]], case: Case) -> bool:
    """Say whether a company is about as much as those of the headline: by a deal or a result."""
    if symbol in case.sense.talk.brokers:
        return False
    first = places[symbol][0]
    in_lead = first.end <= case.layout.lead_end
    return (in_lead and case.tells_deal and not _is_passing(first, case)) or (
        case.tells_results and any(_has_result(one, case) for one in places[symbol])
    )


def _has_result(one: Named, case: Case) -> bool:
    """Say whether a name is followed by what it earned: National Refinery (NRL) dropped 35pc."""
    rest = _IN_BRACKETS.sub("", case.small[one.end : one.end + _NEAR], count=1).lstrip()
    return any(rest.startswith(verb) for verb in case.sense.talk.result_verbs)


def _of_text(places: Mapping[str, Sequence[Named]], case: Case, *, of_sector: bool) -> list[str]:
    """
    Give whom a headline means that speaks of a trade and names nobody of it.

    Of a sector's news, the one or two companies of the first sentence; else the one company of
    the trade in the text.
    """
    brokers, end = case.sense.talk.brokers, case.layout.first_end
    meant = [
        symbol
        for symbol, found in places.items()
        if symbol not in brokers
        and (found[0].end <= end or not of_sector)
        and case.heads_with(found[0].line.sector)
    ]
    if len(meant) > (_FEW if of_sector else 1):
        return []
    return [symbol for symbol in meant if not all(_is_passing(one, case) for one in places[symbol])]


def _is_passing(one: Named, case: Case) -> bool:
    """Say whether a name only tells whose: a Bank of Punjab CEO, an Allied Bank branch."""
    return _is_near(case.sense.scenes, one, case) or _is_near(case.sense.posts, one, case)


def _is_near(words: WordFinder, one: Named, case: Case) -> bool:
    small = case.small
    before = _STOP.split(small[max(0, one.start - _NEAR) : one.start])[-1]
    after = _STOP.split(small[one.end : one.end + _NEAR], maxsplit=1)[0]
    return words.any(before) or words.any(after)


def _scored(symbol: str, places: Mapping[str, Sequence[Named]], case: Case) -> Scored:
    first = places[symbol][0]
    field, _ = case.layout.place(first.start)
    base = {"title": _TITLE, "lead": _LEAD}.get(field, _BODY)
    count = len(places[symbol])
    evidence = {
        "place": field,
        "text": case.layout.whole[first.start : first.end],
        "times": count,
        "of": sum(map(len, places.values())),
    }
    return Scored(symbol, base + _PER_PLACE * min(count - 1, _MOST_PLACES), evidence)
