"""
What there is to say of symbols that an answer lacks: an empty answer is an answer.

The command line says it, Python warns of it, and pages make links of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tickertrack.errors import SymbolWarning
from tickertrack.spans import day_of
from tickertrack.suggest import near

if TYPE_CHECKING:
    from datetime import date

    from tickertrack.asking.base import Questions
    from tickertrack.asking.prices import PriceQuestions

__all__ = ["Hint", "hints", "no_move", "unknown", "warn_of_strangers"]

# To look for near names takes milliseconds, for each.
_MOST = 10
_OURS = str(Path(__file__).parent)


class Hint(NamedTuple):
    """Why a symbol has no row; the symbols that may be meant, or the nearest sessions that are."""

    symbol: str
    why: str
    near: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one line."""
        more = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
        more += f"; nearest: {' and '.join(self.sessions)}" if self.sessions else ""
        return f"{self.symbol}: {self.why}{more}"


def hints(asked: Questions, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say of each symbol without a row why that is, or which may be meant."""
    found = {row["symbol"] for row in rows}
    missing = [name for name in names if name not in found]
    for name in missing[:_MOST]:
        lines = f"no price here; `tickertrack quotes {name}` shows its lines, dated or not"
        yield str(unknown(asked, name) or Hint(name, lines))
    if len(missing) > _MOST:
        yield f"and no price of {len(missing) - _MOST} more"


def unknown(asked: Questions, name: str) -> Hint | None:
    """Say of a symbol that no page shows what is known, or what may be meant; None of any other."""
    known = asked.symbols()
    if name in known:
        return None
    # Imported here: most who ask know their symbols.
    from tickertrack.markets import symbols_of  # noqa: PLC0415

    listed = symbols_of(asked.market())
    if name in listed:
        return Hint(name, f"listed ({listed[name].name}), but on no page that is stored")
    return Hint(name, "no such symbol", tuple(near(name, known, listed)))


def no_move(asked: PriceQuestions, symbol: str, day: str | date) -> Hint:
    """Say why there is no such move: who is not known, or the nearest sessions with a price."""
    stranger = unknown(asked, symbol)
    if stranger:
        return stranger
    session = f"{day_of(day):%Y-%m-%d}"
    priced = [row["session"] for row in asked.history_rows([symbol])]
    before = [one for one in priced if one < session][-1:]
    after = [one for one in priced if one > session][:1]
    return Hint(symbol, f"no price on {session}, a {day_of(day):%A}", (), (*before, *after))


def warn_of_strangers(asked: Questions, names: Sequence[str], found: Iterable[str]) -> None:
    """Warn, where our caller is called from, of symbols without a row that no page shows."""
    missing = sorted({*names} - {*found})
    strangers = (unknown(asked, name) for name in missing[:_MOST])
    for one in filter(None, strangers):
        warnings.warn(str(one), SymbolWarning, stacklevel=_depth())


def _depth() -> int:
    """Count the calls from one outside of this package to ours: whose line a warning is to name."""
    # Imported here: most questions have an answer.
    from inspect import currentframe  # noqa: PLC0415
    from traceback import walk_stack  # noqa: PLC0415

    files = (frame.f_code.co_filename for frame, _ in walk_stack(currentframe()))
    return sum(1 for _ in takewhile(lambda file: file.startswith(_OURS), files))
