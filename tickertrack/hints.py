"""What there is to say of symbols that an answer lacks: an empty answer is an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tickertrack.suggest import near

if TYPE_CHECKING:
    from tickertrack.tracker import Tracker

__all__ = ["hints", "unknown"]

# To look for near names takes milliseconds, for each.
_MOST = 10


def hints(tracker: Tracker, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say of each symbol without a row why that is, or which may be meant."""
    found = {row["symbol"] for row in rows}
    missing = [name for name in names if name not in found]
    known = tracker.symbols() if missing else []
    for name in missing[:_MOST]:
        if name in known:
            lines = f"`tickertrack quotes {name}` shows its lines, dated or not"
            yield f"{name}: no price here; {lines}"
        else:
            yield f"{name}: {unknown(name, known, tracker)}"
    if len(missing) > _MOST:
        yield f"and no price of {len(missing) - _MOST} more"


def unknown(name: str, known: Sequence[str], tracker: Tracker) -> str:
    """Say what is known of a symbol that no page shows, or what else may be meant."""
    # Imported here: most who ask know their symbols.
    from tickertrack.markets import symbols_of  # noqa: PLC0415

    listed = symbols_of(tracker.market())
    if name in listed:
        return f"listed ({listed[name].name}), but on no page that is stored"
    found = near(name, known, listed)
    return "no such symbol" + (f"; did you mean {' or '.join(found)}?" if found else "")
