"""A market's companies to the forms that news names them by: in full, short, by code, by alias."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import get_args

from tickertrack.markets import Market, Symbol, renames_of, symbols_of
from tickertrack.markets.talk import Talk, Trust, aliases_of, talk_of
from tickertrack.models import MentionKind

__all__ = ["Form", "Line", "forms_of", "lines_of", "spellings_of"]

# A company takes its new name before its symbol follows (ICI Pakistan: December to January).
_NAME_COMES_FIRST = timedelta(days=90)
_SHORT_WORD = 4
_INITIALS = re.compile(r"(?:[A-Z]\.)+[A-Z]?")
_JOINTS = {"&", "and", "of"}


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One instrument under all its symbols, oldest first, each with its first session."""

    symbols: tuple[tuple[date, str], ...]
    sector: str

    def symbol_on(self, day: date) -> str:
        """Give the symbol that the line trades under on a day."""
        return next(symbol for since, symbol in reversed(self.symbols) if since <= day)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to name a line; `since` and `until` are the days on which it means it, inclusive."""

    line: Line
    symbol: str
    kind: MentionKind
    trust: Trust
    since: date | None = None
    until: date | None = None

    def holds_on(self, day: date | None) -> bool:
        """Say whether the form means its company on a day; of an unknown day, it may."""
        return day is None or (self.since or day) <= day <= (self.until or day)

    def symbol_on(self, day: date | None) -> str:
        """Give the line's symbol of a day; of an unknown day, the one the form goes with."""
        if day is None or len(self.line.symbols) == 1:
            return self.symbol
        return self.line.symbol_on(day)


def lines_of(market: Market) -> dict[str, Line]:
    """Give each symbol its line: the chain of renames that it is part of."""
    symbols = symbols_of(market)
    chains = {symbol: [(date.min, symbol)] for symbol in symbols}
    for rename in renames_of(market):
        chain = [*chains.get(rename.old, [(date.min, rename.old)]), (rename.session, rename.new)]
        chains |= {symbol: chain for _, symbol in chain}
    lines = {id(chain): _line(chain, symbols) for chain in chains.values()}
    return {symbol: lines[id(chain)] for symbol, chain in chains.items()}


def forms_of(market: Market) -> dict[str, tuple[Form, ...]]:
    """
    List every spelling that may name a company, with what it may mean; a trap means nobody.

    What aliases.csv lists holds in place of what is derived, but for the names of houses.
    """
    talk, lines = talk_of(market), lines_of(market)
    derived = _spelled(_derived(market, lines), talk)
    listed = _spelled(_listed(market, lines), talk)
    traps = {spelling: () for trap in talk.traps for spelling in spellings_of(trap, talk)}
    known = {
        name: _known(name, derived.get(name, ()), listed.get(name)) for name in derived | listed
    }
    return known | traps


def spellings_of(name: str, talk: Talk) -> Iterator[str]:
    """
    Give the ways to print a name: `&` or `and`, with dots and hyphens or without, in capitals.

    A name without a small letter, as a code is, is printed in one way only.
    """
    if name.isupper() and " " not in name:
        yield name
        return
    for words in product(*(_ways(word, talk) for word in name.split())):
        spelling = " ".join(words)
        yield from (spelling, spelling.upper())


def _ways(word: str, talk: Talk) -> set[str]:
    ways = set(talk.spellings.get(word, (word,)))
    if _INITIALS.fullmatch(word):
        ways |= {word.replace(".", dots).strip() for dots in ("", " ", ". ")} | {word.rstrip(".")}
    if "-" in word:
        first, rest = word.split("-", 1)
        ways |= {f"{first} {rest}", f"{first}-{rest.lower()}"}
    if word[0].isalpha() and not word.isupper():
        # "NetSol" is also printed Netsol, "Hum" HUM, and "of" Of in a headline.
        ways.add(word[0].upper() + word[1:].lower() if "-" not in word else word.title())
        ways |= {word.upper()} if len(word) <= _SHORT_WORD else set()
    return ways


def _line(chain: list[tuple[date, str]], symbols: dict[str, Symbol]) -> Line:
    sectors = [symbols[symbol].sector for _, symbol in chain if symbol in symbols]
    return Line(tuple(chain), sectors[-1] if sectors else "")


def _spelled(named: Iterator[tuple[str, Form]], talk: Talk) -> dict[str, tuple[Form, ...]]:
    forms: dict[str, dict[Form, None]] = defaultdict(dict)
    for name, form in named:
        for spelling in spellings_of(name, talk):
            forms[spelling][form] = None
    return {spelling: tuple(found) for spelling, found in forms.items()}


def _known(
    name: str, derived: tuple[Form, ...], listed: tuple[Form, ...] | None
) -> tuple[Form, ...]:
    shorts = [form for form in derived if form.kind == "short"]
    heads = listed or tuple(form for form in derived if form.kind != "short")
    if heads and " " in name:
        # Nishat Chunian is not short for Nishat Chunian Power. A house goes by one word: "Engro"
        # is Engro Corporation, or else the member of its house that the article names.
        return heads
    return tuple(sorted((*heads, *shorts), key=lambda form: get_args(Trust).index(form.trust)))


def _listed(market: Market, lines: dict[str, Line]) -> Iterator[tuple[str, Form]]:
    for alias in aliases_of(market):
        line = lines.setdefault(alias.symbol, Line(((date.min, alias.symbol),), ""))
        kind: MentionKind = "ticker" if alias.name == alias.symbol else "alias"
        yield alias.name, Form(line, alias.symbol, kind, alias.trust, alias.since, alias.until)


def _derived(market: Market, lines: dict[str, Line]) -> Iterator[tuple[str, Form]]:
    talk = talk_of(market)
    taken = {rename.new: rename.session - _NAME_COMES_FIRST for rename in renames_of(market)}
    for symbol, row in symbols_of(market).items():
        if not row.traded:
            # Nothing can move: a future, or who left the exchange before the record begins.
            continue
        line, since = lines[symbol], taken.get(symbol)
        # Any three capitals are some company's code; those that everybody knows are listed.
        yield symbol, Form(line, symbol, "ticker", "sentence", since)
        for name, kind, trust in _names(row.name, talk):
            yield name, Form(line, symbol, kind, trust, since)


def _names(registered: str, talk: Talk) -> Iterator[tuple[str, MentionKind, Trust]]:
    """Cut a registered name down as news does, for as long as it still tells its company."""
    if not registered or any(paper in registered for paper in talk.papers):
        return
    words = [
        bare if (bare := word.rstrip(".")) in talk.legal else word for word in registered.split()
    ]
    words = words[1:] if words[0] == "The" else words
    core = _without(words, talk.legal)
    if len(core) == 1:
        # "Packages", "Cyan" and "Treet" are words too; "Packages Limited" is a company.
        ends = {"Limited", "Ltd", *words[1:]}
        yield from ((f"{core[0]} {end}", "name", "alone") for end in sorted(ends))
    else:
        yield " ".join(core), "name", "alone"
    yield from _cut(core, talk)


def _cut(core: list[str], talk: Talk) -> Iterator[tuple[str, MentionKind, Trust]]:
    if core[-1].strip("()") in talk.country:
        # Without the country's name it may be the parent abroad: Nestle, Philip Morris, Siemens.
        yield " ".join([*core[:-1], core[-1].strip("()")]), "name", "alone"
        core = core[:-1]
        yield " ".join(core), "short", "support"
    elif core[0] not in talk.common:
        # Kohinoor Textile (Mills), Maple Leaf Cement (Factory), Crescent Steel (& Allied Products).
        brief = _without(core[: core.index("&")] if "&" in core else core, talk.tails)
        if len(brief) > 1:
            yield " ".join(brief), "short", "alone"
    for short in (core[:2], core[:1]):
        # Gul Ahmed, Meezan: what a text goes on with once it has said the whole name.
        telling = not talk.common.issuperset(short) and short[-1] not in _JOINTS
        if telling and (short != core or len(core) == 1):
            yield " ".join(short), "short", "support"


def _without(words: list[str], endings: frozenset[str]) -> list[str]:
    """Take words off the end as long as they are endings and something is left."""
    while len(words) > 1 and words[-1] in endings:
        words = words[:-1]
    return words
