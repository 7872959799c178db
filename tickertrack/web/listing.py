"""All symbols, and the way from what is typed to one of them."""

from __future__ import annotations

from datetime import date

from tickertrack.hints import unknown
from tickertrack.store import browse
from tickertrack.store.connect import told
from tickertrack.tracker import Tracker
from tickertrack.web.parts import is_symbol, named
from tickertrack.web.showing import Asked, Page, Turn

__all__ = ["find", "symbols"]


def symbols(tracker: Tracker, asked: Asked) -> Page:
    """List the symbols that have a price, all or those whose symbol or name holds some letters."""
    sought = asked.choice("q")
    with told(tracker.path):
        rows = named(tracker, browse.last_prices(tracker.reader()))
    shown = [row for row in rows if sought.lower() in f"{row['symbol']} {row['name']}".lower()]
    latest = max((row["session"] for row in rows), default=None)
    context = {"title": "Symbols", "rows": shown, "all": len(rows), "sought": sought}
    hint = unknown(tracker, sought.upper()) if sought and not shown else None
    return Page("symbols.html", {**context, "latest": latest, "hint": hint})


def find(tracker: Tracker, asked: Asked) -> Turn:
    """Turn to the symbol or the day that was typed, or to the list of what is near it."""
    sought = asked.choice("q")
    name = sought.upper()
    if _is_day(sought):
        return Turn(lambda links: links.to("day", sought))
    if is_symbol(tracker, name):
        return Turn(lambda links: links.to("symbol", name))
    return Turn(lambda links: links.to("symbols", q=sought))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
