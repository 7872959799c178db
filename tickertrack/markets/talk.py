"""How a market's news speaks: aliases, traps, and the words that names and themes are known by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from tickertrack.config import read_toml, refuse_unknown
from tickertrack.errors import ConfigError
from tickertrack.markets import Market, read_rows

__all__ = [
    "Alias",
    "Talk",
    "Theme",
    "Themes",
    "Trust",
    "Venue",
    "aliases_of",
    "talk_of",
    "themes_of",
]

# What a name needs to be believed. `alone`: nothing. `context`: words of business in the article;
# `sentence`: in its own sentence. `support`: its company is also named beyond doubt.
Trust = Literal["alone", "context", "sentence", "support"]


@dataclass(frozen=True, slots=True)
class Alias:
    """A row of aliases.csv: what a symbol's company is also called, from when to when."""

    name: str
    symbol: str
    since: date | None
    until: date | None
    trust: Trust


@dataclass(frozen=True, slots=True)
class Venue:
    """The exchange, a company too: `own` are the words of news about itself."""

    symbol: str
    names: frozenset[str]
    own: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """names.toml and traps.csv: the words that tell a company from what only looks like one."""

    legal: frozenset[str]
    country: frozenset[str]
    papers: frozenset[str]
    tails: frozenset[str]
    common: frozenset[str]
    spellings: Mapping[str, tuple[str, ...]]
    others: frozenset[str]
    abroad: frozenset[str]
    scenes: frozenset[str]
    posts: frozenset[str]
    business: frozenset[str]
    brokers: frozenset[str]
    results: frozenset[str]
    result_verbs: frozenset[str]
    deals: frozenset[str]
    venue: Venue
    traps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """A sector as news speaks of it: `bodies` speak for it alone, `nouns` beside a trade word."""

    name: str
    sectors: frozenset[str]
    bodies: frozenset[str]
    nouns: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Themes:
    """themes.toml: the sectors, and what moves or measures the market as a whole."""

    sectors: tuple[Theme, ...]
    trade: frozenset[str]
    index: frozenset[str]
    market: frozenset[str]
    measures: frozenset[str]
    macro: frozenset[str]
    home: frozenset[str]
    abroad: frozenset[str]


@lru_cache(maxsize=16)
def aliases_of(market: Market) -> tuple[Alias, ...]:
    """Read a market's aliases.csv. Raises ConfigError with the file and the row."""
    path = market.folder / "aliases.csv"
    return tuple(_alias(row, path) for row in read_rows(path))


@lru_cache(maxsize=16)
def talk_of(market: Market) -> Talk:
    """Read a market's names.toml and traps.csv; a word list that is not there is empty."""
    table = _table(market.folder / "names.toml")
    words = {key: frozenset(table.get(key, ())) for key in _WORDS}
    venue = table.get("venue", {})
    return Talk(
        **words,
        spellings=_spellings(table.get("spellings", ())),
        venue=Venue(
            symbol=venue.get("symbol", ""),
            names=frozenset(venue.get("names", ())),
            own=frozenset(venue.get("own", ())),
        ),
        traps=tuple(row["phrase"] for row in read_rows(market.folder / "traps.csv")),
    )


@lru_cache(maxsize=16)
def themes_of(market: Market) -> Themes:
    """Read a market's themes.toml; where there is none, no news is of a sector or the market."""
    table = _table(market.folder / "themes.toml")
    sectors = (
        Theme(
            name=name,
            sectors=frozenset(row.get("sectors", ())),
            bodies=frozenset(row.get("bodies", ())),
            nouns=frozenset(row.get("nouns", ())),
        )
        for name, row in table.get("sector", {}).items()
    )
    words = {key: frozenset(table.get(key, ())) for key in _THEME_WORDS}
    return Themes(sectors=tuple(sectors), **words)


_WORDS = (
    *(
        "legal",
        "country",
        "papers",
        "tails",
        "common",
        "others",
        "abroad",
        "scenes",
        "posts",
        "business",
    ),
    *("brokers", "results", "result_verbs", "deals"),
)
_THEME_WORDS = ("trade", "index", "market", "measures", "macro", "home", "abroad")
_KEYS = {*_WORDS, *_THEME_WORDS, "spellings", "venue", "sector"}


def _table(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    table = read_toml(path)
    refuse_unknown(table, _KEYS, path=path)
    return table


def _alias(row: Mapping[str, str], path: Path) -> Alias:
    trust = row["trust"] or "alone"
    if trust not in get_args(Trust):
        raise ConfigError(
            f"{row['alias']}: no trust called {trust!r}",
            path=path,
            advice=f"known: {', '.join(get_args(Trust))}, or nothing",
        )
    try:
        return Alias(
            name=row["alias"],
            symbol=row["symbol"],
            since=_day(row["valid_from"]),
            until=_day(row["valid_to"]),
            trust=cast("Trust", trust),
        )
    except ValueError as error:
        raise ConfigError(f"{row['alias']}: {error}", path=path) from error


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _spellings(pairs: Iterable[list[str]]) -> Mapping[str, tuple[str, ...]]:
    ways: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        for word in pair:
            ways[word].update(pair)
    return {word: tuple(sorted(others)) for word, others in ways.items()}
