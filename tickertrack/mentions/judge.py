"""Which of the places that may name a company do so: the rules of context."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tickertrack.mentions.brackets import bindings
from tickertrack.mentions.case import Case
from tickertrack.mentions.names import Form, Line
from tickertrack.mentions.spotter import Spot, lowered
from tickertrack.models import MentionKind

__all__ = ["Named", "judge"]

_NEXT_WORD = re.compile(r"\s([A-Z][\w-]*)")
_NEXT_NAME = re.compile(r"\s[A-Z][a-z]")
# A word with a capital, inside of a sentence: one that opens it may be any word.
_NAME_BEFORE = re.compile(r"[\w,;)]\s[A-Z][\w'-]*\s$")
_LEGAL = re.compile(
    r"(?:\s(?:Company|Corporation|Limited|\(Private\)|\(?Pakistan\)?|(?:Co|Corp|Ltd)\.?|\(?Pvt\.?\)?)(?!\w))+"
)
_LEGAL_STARTS = {" C", " L", " (", " P"}
_LONGEST_NAME = 30
_TO_BRACKET = re.compile(r"(?:'s)?\s*(?=\()")


class Named(NamedTuple):
    """A place that names a company: which, by which symbol, and how."""

    start: int
    end: int
    line: Line
    symbol: str
    kind: MentionKind


Pending = Sequence[tuple[Spot, tuple[Form, ...]]]


def judge(spots: Sequence[Spot], case: Case) -> list[Named]:
    """
    Tell the places that name a company of the article's day, in their order.

    Each round knows the companies that the rounds before it found.
    """
    spots = spots if _is_of_venue(spots, case) else _without_venue(spots, case)
    read: Pending = [(spot, _meanings(spot, case)) for spot in spots]
    case.bound.update(_read_brackets(read, case))
    named = list(_by_brackets(spots, case))
    case.sure.update(one.line for one in named)
    pending: Pending = [
        (spot, forms) for spot, forms in read if forms and spot.text not in case.bound
    ]
    for rule in (_by_itself, _by_context, _by_support, _by_house):
        if not pending:
            break
        found = {
            spot.start: _named(spot, form, case)
            for spot, forms in pending
            if (form := rule(spot, forms, case))
        }
        pending = [(spot, forms) for spot, forms in pending if spot.start not in found]
        case.sure.update(one.line for one in found.values())
        named.extend(found.values())
    return _at_one_time(sorted(named), case)


def _meanings(spot: Spot, case: Case) -> tuple[Form, ...]:
    """Give what a place may mean on the article's day; nothing, where it names somebody else."""
    if _goes_on(spot.end, case):
        return ()
    if case.day is None:
        # Of an unknown day, a name means whom it meant first: ENGRO, not ENGROH.
        return tuple(form for form in spot.forms if form.since is None) or spot.forms
    return tuple(form for form in spot.forms if form.holds_on(case.day))


def _goes_on(end: int, case: Case) -> bool:
    """Say whether a name goes on: HBL Microfinance Bank, Engro Energy, Berger Paints India."""
    follows = _NEXT_WORD.match(case.layout.whole, end)
    talk = case.sense.talk
    return follows is not None and (follows[1] in talk.others or follows[1] in talk.abroad)


def _read_brackets(pending: Pending, case: Case) -> dict[str, Form | None]:
    whole = case.layout.whole
    if "(" not in whole:
        return {}
    before = {}
    for spot, forms in pending:
        end = _end(spot, whole)
        bracket = _TO_BRACKET.match(whole, end)
        if bracket and (form := _only(forms)):
            before[bracket.end()] = (whole[spot.start : end], form)
    bound: dict[str, Form | None] = {}
    for code, form in bindings(whole, before, case.sense):
        bound.setdefault(code, form)
    return bound


def _by_brackets(spots: Sequence[Spot], case: Case) -> Iterator[Named]:
    """Take every abbreviation for what the article itself says that it stands for."""
    others = [spot for spot in spots if spot.text not in case.bound]
    ends = [spot.end for spot in others]
    meant = {code: form for code, form in case.bound.items() if form}
    if not meant:
        return
    longest_first = "|".join(map(re.escape, sorted(meant, key=len, reverse=True)))
    for place in re.finditer(rf"(?<!\w)(?:{longest_first})(?!\w)", case.layout.whole):
        start, end = place.span()
        after = bisect_right(ends, start)
        inside = after < len(others) and others[after].start < end
        if not inside and not _goes_on(end, case):
            form = meant[place[0]]
            kind = form.kind if place[0] == form.symbol else "abbreviation"
            yield Named(start, end, form.line, form.symbol_on(case.day), kind)


def _by_itself(_spot: Spot, forms: tuple[Form, ...], _case: Case) -> Form | None:
    """Believe a name that can only be one company's."""
    form = _only(forms)
    return form if form and form.trust == "alone" else None


def _by_context(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """Believe a code in capitals where the talk is of business: PSO is also an officer's post."""
    form = _only(forms)
    if form is None or form.kind == "short" or _in_loud_headline(spot, case):
        return None
    # Where the market's day is told, even UNITY and POWER are companies.
    believed = case.wrap or (form.trust != "support" and _is_business(spot, form, case))
    return form if believed else None


def _by_support(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """
    Take a short name for the company that the article also names in full.

    Of a house, its own head first (Engro), then the member that is named most.
    """
    backed = [form for form in forms if form.line in case.sure]
    if not backed or _is_part_of_a_name(spot, case):
        return None
    return max(backed, key=lambda form: (form.kind != "short", case.sure[form.line]))


def _by_house(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """Take a house's name, where none of its members is named, for its head."""
    heads = tuple(form for form in forms if form.kind != "short")
    return (_by_itself(spot, heads, case) or _by_context(spot, heads, case)) if heads else None


def _only(forms: tuple[Form, ...]) -> Form | None:
    """Give the most trusted form of a name that means one company, whichever way."""
    return forms[0] if len({form.line for form in forms}) == 1 else None


def _in_loud_headline(spot: Spot, case: Case) -> bool:
    return spot.end <= case.layout.title_end and case.loud


def _is_business(spot: Spot, form: Form, case: Case) -> bool:
    if form.trust == "context":
        return case.speaks_business or case.speaks_of(form.line.sector)
    sentence = lowered(case.layout.sentence(spot.start, spot.end))
    trade = case.sense.trades.get(form.line.sector)
    return case.sense.business.any(sentence) or (trade is not None and trade.any(sentence))


def _is_part_of_a_name(spot: Spot, case: Case) -> bool:
    """Say whether a short name is somebody's: Habib Jalib, Saeed Ghani, Lucky Ali."""
    if " " in spot.text or (case.title_case and spot.end <= case.layout.title_end):
        return False
    whole = case.layout.whole
    before = _NAME_BEFORE.search(whole, max(0, spot.start - _LONGEST_NAME), spot.start)
    return before is not None or _NEXT_NAME.match(whole, spot.end) is not None


def _is_of_venue(spots: Sequence[Spot], case: Case) -> bool:
    """Say whether an article is news of the exchange itself: its headline tells its own figures."""
    names = case.sense.talk.venue.names
    titled = [spot.text in names for spot in spots if spot.end <= case.layout.title_end]
    alone = bool(titled) and all(titled) and not case.wrap
    return alone and case.sense.own.any(case.small[: case.layout.title_end])


def _without_venue(spots: Sequence[Spot], case: Case) -> list[Spot]:
    """Leave out the exchange where others' news happens: PSX: HUBC, PSX notice, at the PSX."""
    return [spot for spot in spots if spot.text not in case.sense.talk.venue.names]


def _named(spot: Spot, form: Form, case: Case) -> Named:
    end = _end(spot, case.layout.whole)
    return Named(spot.start, end, form.line, form.symbol_on(case.day), form.kind)


def _at_one_time(named: list[Named], case: Case) -> list[Named]:
    """Let an article of an unknown day name a company by one symbol: the oldest that it names."""
    if case.day is not None:
        return named
    symbols = {one.symbol for one in named}
    oldest = {
        one.line: next(symbol for _, symbol in one.line.symbols if symbol in symbols)
        for one in named
    }
    return [one._replace(symbol=oldest[one.line]) for one in named]


def _end(spot: Spot, whole: str) -> int:
    """Give the end of a name with its Company, (Pvt) and Limited."""
    if whole[spot.end : spot.end + 2] not in _LEGAL_STARTS:
        return spot.end
    legal = _LEGAL.match(whole, spot.end)
    return legal.end() if legal else spot.end
