"""An explained move as people read it: a paragraph, then its news as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from shutil import get_terminal_size
from typing import Any

import click

from tickertrack.cli.output import FORMATS
from tickertrack.harmless import safe_term

__all__ = ["tell"]

Row = Mapping[str, Any]

_WIDTH = 96
# So much of a day's other news is listed on a terminal.
_OTHERS = 12
_UNUSUAL = 0.05
_LINKED = ("relation", "score", "title", "because", "url")
_OTHER = ("published_at", "publisher", "title")
_SEEN = {
    "final": "closed at",
    "intraday": "was last seen at",
    "implied": "closed, by the next session's reference price, at",
}
_RELATIONS = {
    "about": ("is about it", "are about it"),
    "mention": ("mentions it", "mention it"),
    "sector": ("is of its sector", "are of its sector"),
    "market": ("is of the whole market", "are of the whole market"),
}
_NUMBERS = "No One Two Three Four Five Six Seven Eight Nine Ten".split()


def tell(found: Row, index: str, form: str) -> str:
    """Tell a move and its news; `form` is table or markdown."""
    move = found["move"]
    sentences = (_price(move), _expectation(move, index), _caution(move), _news(found))
    paragraph = safe_term(" ".join(sentence for sentence in sentences if sentence))
    width = min(get_terminal_size((_WIDTH, 25)).columns, _WIDTH)
    parts = [f"{_wrapped(paragraph, width)}\n"]
    if found["links"]:
        rows = [{**link, "because": _because(link["evidence"])} for link in found["links"]]
        parts.append(FORMATS[form](rows, _LINKED))
    if found["same_day"]:
        parts.append(_rest(found["same_day"], form))
    return "\n".join(parts)


def _wrapped(text: str, width: int) -> str:
    # A figure and its sign stay together.
    joined = click.wrap_text(text.replace(" %", "\N{NO-BREAK SPACE}%"), width)
    return joined.replace("\N{NO-BREAK SPACE}%", " %")


def _price(move: Row) -> str:
    day = date.fromisoformat(move["session"])
    seen = _SEEN.get(move["status"], "was at")
    price = f"{move['symbol']} {seen} {_figure(move['price'])} on {day:%A}, {day.day} {day:%B %Y}"
    if move["change"] is None:
        return f"{price}; what it moved from is not known."
    if not move["change"]:
        return f"{price}, unchanged."
    way, change = "up" if move["change"] > 0 else "down", _figure(abs(move["change"]))
    percent = f"{abs(move['change_percent']):.2f} %"
    return f"{price}, {way} {change} ({percent}) from {_figure(move['reference_price'])}."


def _expectation(move: Row, index: str) -> str:
    if move["change"] is None or move["symbol"] == index or move["status"] == "conflicting":
        return ""
    if move["expected"] is None:
        return f"No {index} of that session is known, so nothing can be expected of it."
    rest = f"{abs(move['abnormal']):.2f} points {'more' if move['abnormal'] >= 0 else 'less'}"
    if move["model"] == "adjusted":
        past = f"{move['n'] or 'no'} past session{'' if move['n'] == 1 else 's'}"
        return (
            f"{index} moved by {move['expected']:+.2f} %, so it did {rest}; with {past} to compare"
            " it with, nothing is tested."
        )
    expected = f"By {move['n']} past sessions and {index} it was expected to move by"
    told = f"{expected} {move['expected']:+.2f} %; it did {rest}"
    if move["p"] is None:
        return f"{told}."
    verdict = "unusual" if move["p"] <= _UNUSUAL else "nothing unusual"
    return f"{told}: {verdict} (t = {move['t']:.2f}, p = {_chance(move['p'])})."


def _chance(p: float) -> str:
    return "below 0.0001" if p < 0.0001 else f"{p:.2g}"  # noqa: PLR2004


def _caution(move: Row) -> str:
    return f"Take care: {'; '.join(move['flags'])}." if move["flags"] else ""


def _news(found: Row) -> str:
    articles, publishers = found["coverage"]["articles"], found["coverage"]["publishers"]
    if not articles:
        return "No article of that session was read, so of its news nothing can be said."
    read = f"{_count(articles)} read for that session ({_listed(publishers)})"
    if not found["links"]:
        symbol = found["move"]["symbol"]
        if articles == 1:
            none = f"it is not about {symbol}, its sector or the market, and does not name {symbol}"
            return f"{read}; {none}."
        return f"{read}; none is about {symbol}, its sector or the market, or names {symbol}."
    counts = Counter(link["relation"] for link in found["links"])
    found_of = [(name, counts[name]) for name in _RELATIONS if counts[name]]
    told = [f"{count} {_RELATIONS[name][count > 1]}" for name, count in found_of]
    return f"{read}: {', '.join(told)}."


def _count(articles: int) -> str:
    number = _NUMBERS[articles] if articles < len(_NUMBERS) else f"{articles:,}"
    return f"{number} article was" if articles == 1 else f"{number} articles were"


def _listed(publishers: Mapping[str, int]) -> str:
    if len(publishers) == 1:
        return next(iter(publishers))
    return ", ".join(f"{name} {count}" for name, count in publishers.items())


def _because(evidence: Row) -> str:
    words = evidence.get("words", ())
    found = words if isinstance(words, list) else [one for part in words.values() for one in part]
    place = evidence["place"]["field"]
    told = f"{', '.join(map(str, found))} in the {place}" if found else f"in the {place}"
    again = "; told before" if "repeats" in evidence["novelty"] else ""
    return told + again


def _rest(rows: Sequence[Row], form: str) -> str:
    shown = rows[:_OTHERS]
    more = len(rows) - len(shown)
    title = "Also of that session" + (f" ({more} more: -f json shows all)" if more else "")
    return f"{title}:\n\n{FORMATS[form](shown, _OTHER)}"


def _figure(value: float) -> str:
    return f"{value:,.2f}"
