"""Which of the places that may name a company do so: the rules of context."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tickertrack.mentions.brackets import bindings
from tickertrack.mentions.case import Case
from tickertrack.mentions.names import Form, Line
from tickertrack.mentions.spotter import Spot, lowered
from tickertrack.models import MentionKind

__all__ = ["Named", "judge"]

_NEXT_WORD = re.compile(r"\s([A-Z][\w-]*)")
_WORD_BEFORE = re.compile(r"([A-Z][\w'-]*)\s$")
_LEGAL = re.compile(
    r"(?:\s(?:Company|Co|Corporation|Corp|Limited|Ltd|\(?Pvt\.?\)?|\(Private\)|\(?Pakistan\)?)(?!\w)\.?)+"
)
_LEGAL_STARTS = {" C", " L", " (", " P"}
_LONGEST_WORD = 24
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
    spots = [spot for spot in spots if not _is_venue(spot, spots, case)]
    read: Pending = [(spot, _meanings(spot, case)) for spot in spots]
    case.bound.update(_read_brackets(read, case))
    named = list(_by_brackets(spots, case))
    case.sure.update(one.line for one in named)
    pending: Pending = [(spot, forms) for spot, forms in read if forms and spot.text not in case.bound]
    for rule in (_by_itself, _by_context, _by_support, _by_house):
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
    if _goes_on(spot, case):
        return ()
    if case.day is None:
        # Of an unknown day, a name means whom it meant first: ENGRO, not ENGROH.
        return tuple(form for form in spot.forms if form.since is None) or spot.forms
    return tuple(form for form in spot.forms if form.holds_on(case.day))


def _goes_on(spot: Spot, case: Case) -> bool:
    """Say whether the name goes on: HBL Microfinance Bank, Engro Energy, Berger Paints India."""
    follows = _NEXT_WORD.match(case.layout.whole, spot.end)
    talk = case.sense.talk
    return follows is not None and (follows[1] in talk.others or follows[1] in talk.abroad)


def _read_brackets(pending: Pending, case: Case) -> dict[str, Form | None]:
    whole = case.layout.whole
    if "(" not in whole:
        return {}
    before = {
        bracket.end(): forms[0]
        for spot, forms in pending
        if len({form.line for form in forms}) == 1
        and (bracket := _TO_BRACKET.match(whole, _end(spot, whole)))
    }
    bound: dict[str, Form | None] = {}
    for code, form in bindings(whole, before, case.sense):
        bound.setdefault(code, form)
    return bound


def _by_brackets(spots: Sequence[Spot], case: Case) -> Iterator[Named]:
    """Take every abbreviation for what the article itself says that it stands for."""
    others = [(spot.start, spot.end) for spot in spots if spot.text not in case.bound]
    for code, form in case.bound.items():
        if form is None:
            continue
        for place in re.finditer(rf"(?<!\w){re.escape(code)}(?!\w)", case.layout.whole):
            if not any(start < place.end() and place.start() < end for start, end in others):
                kind = form.kind if code == form.symbol else "abbreviation"
                yield Named(*place.span(), form.line, form.symbol_on(case.day), kind)


def _by_itself(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """Believe a name that can only be one company's."""
    form = _only(forms)
    return form if form and form.trust == "alone" else None


def _by_context(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """Believe a code in capitals where the talk is of business: PSO is also an officer's post."""
    form = _only(forms)
    if form is None or form.kind == "short":
        return None
    if form.line in case.sure:
        return form
    if case.loud and spot.end <= case.layout.title_end:
        return None
    if case.wrap:
        # Where the market's day is told, even UNITY and POWER are companies.
        return form
    if form.trust == "support":
        return None
    return form if _is_business(spot, form, case) else None


def _by_support(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """
    Take a short name for the company that the article also names in full.

    Of a house, its own head first (Engro), then the member that is named most.
    """
    backed = [form for form in forms if form.line in case.sure]
    if not backed or _is_part_of_a_name(spot, backed[0], case):
        return None
    return max(backed, key=lambda form: (form.kind != "short", case.sure[form.line]))


def _by_house(spot: Spot, forms: tuple[Form, ...], case: Case) -> Form | None:
    """Take a house's name, where none of its members is named, for its head."""
    heads = tuple(form for form in forms if form.kind != "short")
    return (_by_itself(spot, heads, case) or _by_context(spot, heads, case)) if heads else None


def _only(forms: tuple[Form, ...]) -> Form | None:
    return forms[0] if len(forms) == 1 or len({form.line for form in forms}) == 1 else None


def _is_business(spot: Spot, form: Form, case: Case) -> bool:
    if form.kind != "ticker":
        return case.speaks_business or case.speaks_of(form.line.sector)
    # Any three capitals are some company's code: for these, the sentence must speak of business.
    sentence = lowered(case.layout.sentence(spot.start, spot.end))
    trade = case.sense.trades.get(form.line.sector)
    return case.sense.business.any(sentence) or (trade is not None and trade.any(sentence))


def _is_part_of_a_name(spot: Spot, form: Form, case: Case) -> bool:
    """Say whether a short name is somebody's: Habib Jalib, Saeed Ghani, Fatima Jinnah, Lucky Ali."""
    if form.kind != "short" or (case.title_case and spot.end <= case.layout.title_end):
        return False
    whole = case.layout.whole
    follows, precedes = _NEXT_WORD.match(whole, spot.end), _before(whole, spot.start)
    return follows is not None or precedes


def _before(whole: str, start: int) -> bool:
    """Say whether a word with a capital stands right before, other than one that opens a sentence."""
    found = _WORD_BEFORE.search(whole, max(0, start - _LONGEST_WORD), start)
    return found is not None and found.start() > 0 and whole[: found.start()].rstrip(" ")[-1:] not in ".!?:\n\"'"


def _is_venue(spot: Spot, spots: Sequence[Spot], case: Case) -> bool:
    """Say whether the exchange is only where things happen: it is news itself by its own figures."""
    venue = case.sense.talk.venue
    if spot.text not in venue.names:
        return False
    title = case.layout.title_end
    others = any(one.end <= title and one.text not in venue.names for one in spots)
    named = any(one.end <= title and one.text in venue.names for one in spots)
    own = case.sense.own.any(case.small[:title])
    return case.wrap or others or not (named and own)


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
