"""Moves with what was expected of them, and what their news is: what is asked, put together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from tickertrack.models import Action
from tickertrack.returns import Abnormal, Returns, abnormal_returns

__all__ = ["MOVES", "Past", "flags_of", "judge", "judged", "news_status"]

MOVES = (
    *("symbol", "session", "price", "reference_price", "change", "change_percent"),
    *("expected", "abnormal", "t", "p", "n", "status", "news_status", "top_news"),
)
_FOUND = {
    "about": "about_found",
    "mention": "mention_found",
    "sector": "sector_only",
    "market": "market_only",
}
_PERCENT = 100
# Moves that are judged at once: a day of a market, or a few years of one symbol.
_AT_ONCE = 1_000

Row = dict[str, Any]
Series = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Past:
    """What moves are judged by: sessions in order, returns by symbol, breaks, and the index."""

    sessions: Sequence[str]
    returns: Mapping[str, Series]
    breaks: Mapping[str, Sequence[str]]
    index: str


def judge(moves: Sequence[Row], past: Past) -> list[Abnormal]:
    """Judge each move by its own symbol's past; of the index itself nothing is expected."""
    by_symbol: dict[str, list[int]] = {}
    for place, move in enumerate(moves):
        by_symbol.setdefault(move["symbol"], []).append(place)
    found: dict[int, Abnormal] = {}
    for group in _groups(by_symbol):
        asked = {
            symbol: [moves[place]["session"] for place in places]
            for symbol, places in group.items()
        }
        found |= zip(chain.from_iterable(group.values()), _judge(asked, past), strict=True)
    return [found[place] for place in range(len(moves))]


def _groups(by_symbol: Mapping[str, list[int]]) -> Iterator[dict[str, list[int]]]:
    """Put symbols together until they have many moves: few of many are quicker judged at once."""
    group: dict[str, list[int]] = {}
    count = 0
    for symbol, places in by_symbol.items():
        group[symbol] = places
        count += len(places)
        if count >= _AT_ONCE:
            yield group
            group, count = {}, 0
    if group:
        yield group


def _judge(asked: Mapping[str, Sequence[str]], past: Past) -> list[Abnormal]:
    """Judge the moves of some symbols, whose series are laid one behind the other."""
    length = len(past.sessions)
    market, nothing = (_laid(of, past.sessions) for of in (past.returns.get(past.index, {}), {}))
    stocks = [_laid(past.returns.get(symbol, {}), past.sessions) for symbol in asked]
    indices = [nothing if symbol == past.index else market for symbol in asked]
    places: list[int] = []
    since: list[int] = []
    for number, (symbol, sessions) in enumerate(asked.items()):
        own = [bisect_left(past.sessions, session) for session in sessions]
        breaks = [bisect_left(past.sessions, session) for session in past.breaks.get(symbol, ())]
        begun = (max((one for one in breaks if one <= place), default=0) for place in own)
        # No window reaches back into the series before.
        since += [number * length + place for place in begun]
        places += [number * length + place for place in own]
    returns = Returns(np.concatenate(stocks), np.concatenate(indices))
    return abnormal_returns(returns, np.array(places, dtype=np.int64), np.array(since))


def _laid(values: Series, sessions: Sequence[str]) -> Any:
    return np.array([values.get(session, np.nan) for session in sessions], dtype=np.float64)


def judged(move: Row, abnormal: Abnormal) -> Row:
    """Add to a move what was expected of it and how far off it was, in percent."""
    return {
        **move,
        "expected": _percent(abnormal.expected),
        "abnormal": _percent(abnormal.abnormal),
        "t": abnormal.t,
        "p": abnormal.p,
        "n": abnormal.n,
    }


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else _PERCENT * fraction


def news_status(relation: str | None, articles: int) -> str:
    """Say what news a move has: nothing found is not the same as nothing read."""
    if relation is not None:
        return _FOUND[relation]
    return "no_news_found" if articles else "no_source_read"


def flags_of(move: Row, breaks: Sequence[Action], verdicts: Mapping[str, int]) -> list[str]:
    """List what speaks against trusting a move's figures."""
    flags = []
    if move["status"] == "provisional":
        flags.append("its session rests on a page's date alone")
    if move["conflict"]:
        flags.append(f"its witnesses disagree: {move['conflict']}")
    flags += [f"{count} of its lines: {name}" for name, count in verdicts.items() if name != "ok"]
    flags += [
        f"chain break, {action.kind} {action.status}"
        for action in breaks
        if (action.symbol, action.session.isoformat()) == (move["symbol"], move["session"])
    ]
    return flags
