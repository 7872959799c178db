"""Chain breaks, and the corporate actions that would explain them: proposed, never assumed."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tickertrack.errors import ConfigError
from tickertrack.models import Action, ActionKind, Price, TradingDay

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["ACTIONS_FILE", "Decision", "adjust", "decided", "propose_actions", "read_decisions"]

ACTIONS_FILE = "actions.csv"

_SCALE = 10_000
# What a bonus adds to 100 shares, and into how many shares one is split or gathered.
_BONUSES = (
    "5 7.5 10 12.5 15 17.5 20 22.5 25 30 33.3333 35 40 45 50 60 70 75 80 90 100 120 125 150 200 300"
).split()
_SPLITS = (4, 5, 10, 20, 50, 100)
_GATHERED = (2, 4, 5, 10, 20)
# At the Pakistan Stock Exchange dividends are declared in percent of a face value of 10 rupees, in
# steps of 2.5 %; rights are mostly offered at par.
_STEP, _PAR = 2_500, 100_000
# Prices are printed to the paisa: half of one, and a little.
_ROUNDING = 60
# The site's own last price lies 0.2 to 0.5 % off the official close in the median (DESIGN.md,
# fact 5): a gap of more is a break whatever the others do.
_NOISE = 0.03
# A smaller one counts only where the chain of its session holds for the other stocks.
_LEAST_COMPARED, _MOST_BROKEN = 5, 0.2
# The last price seen before the close may still have moved, from one limit to the other.
_LIMITS = 2

_NEEDED = ("symbol", "session", "status")
_WORDS = {
    "status": ("proposed", "confirmed", "denied"),
    "kind": ("bonus", "split", "dividend", "right", "unexplained"),
}
_LARGEST = 1e6
_SCALED = ("price", "reference_price", "change", "first", "high", "low")
_DECIMALS = 4

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of the user's actions.csv: a break confirmed or denied, or an action of their own."""

    symbol: str
    session: date
    status: str
    kind: ActionKind | None
    factor: float | None
    amount: float | None
    where: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A last price and the reference price of the session after it, in 1/10,000."""

    symbol: str
    session: date
    last: int
    reference: int
    settled: bool
    reach: int

    @property
    def share(self) -> float:
        """How far apart they are, as a part of the last price."""
        return abs(self.reference - self.last) / self.last

    @property
    def is_large(self) -> bool:
        """Say whether no noise, and no trade after the last quote, explains the gap."""
        if self.settled:
            return self.share > _NOISE
        return abs(self.reference - self.last) > max(_LIMITS * self.reach, _NOISE * self.last)


def propose_actions(
    prices: Sequence[Price], sessions: Sequence[TradingDay], market: Market
) -> list[Action]:
    """
    Propose an action for each chain break: witnessed neighbours of which one's reference price is
    not the other's last price, by a clean ratio or a whole amount, or by more than any noise.

    Sorted by symbol and session; a pure function of the price series.
    """
    found = list(_gaps(prices, sessions, market))
    tallies = _tallies(found)
    proposals = (_proposal(gap, tallies[gap.session]) for gap in found if gap.share)
    return [proposal for proposal in proposals if proposal]


def decided(actions: Iterable[Action], decisions: Iterable[Decision]) -> list[Action]:
    """
    Let the user's decisions confirm, deny or correct what is proposed, or add to it.

    Raises ConfigError for a confirmed action whose factor nothing tells.
    """
    known = {(action.symbol, action.session): action for action in actions}
    for decision in decisions:
        key = decision.symbol, decision.session
        action = _decided(known.get(key), decision)
        if action is not None:
            known[key] = action
    return [known[key] for key in sorted(known)]


def read_decisions(folder: Path) -> tuple[Decision, ...]:
    """
    Read the user's actions.csv where there is one: symbol, session, status, and what is known.

    Raises ConfigError with file and line for what cannot be meant.
    """
    path = folder / ACTIONS_FILE
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = (_decision(row, f"{path}:{reader.line_num}") for row in reader)
            return tuple(one for one in found if one)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot be read ({error})", path=path) from error


def adjust(rows: Sequence[Row], actions: Sequence[Action]) -> list[Row]:
    """Make rows of a history comparable with its last ones, by confirmed actions alone."""
    confirmed = [action for action in actions if action.status == "confirmed"]
    return [_adjusted(row, confirmed) for row in rows]


# ---- what breaks the chain


def _gaps(prices: Sequence[Price], sessions: Sequence[TradingDay], market: Market) -> Iterator[Gap]:
    following = dict(pairwise(sorted(day.session for day in sessions)))
    for last, price in pairwise(sorted(prices, key=lambda one: (one.symbol, one.session))):
        neighbours = last.symbol == price.symbol and following.get(last.session) == price.session
        if neighbours and _is_fit(last) and _is_fit(price) and price.reference_price:
            if market.board_of(price.symbol) == "index":
                continue
            yield Gap(
                symbol=price.symbol,
                session=price.session,
                last=last.price,
                reference=price.reference_price,
                settled=last.status == "final",
                reach=_reach(last, market),
            )


def _is_fit(price: Price) -> bool:
    return price.quotes > 0 and price.conflict is None


def _reach(last: Price, market: Market) -> int:
    limit = market.limit_on(last.session)
    return int(limit.reach(Decimal(last.price) / _SCALE) * _SCALE) if limit else 0


def _tallies(gaps: Iterable[Gap]) -> Mapping[date, tuple[int, int]]:
    """Count, for each session, the settled prices that met their reference, and all of them."""
    counts: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for gap in gaps:
        counts[gap.session][0] += gap.settled and not gap.share
        counts[gap.session][1] += gap.settled
    return {session: (joined, of) for session, (joined, of) in counts.items()}


def _proposal(gap: Gap, tally: tuple[int, int]) -> Action | None:
    joined, of = tally
    holds = of >= _LEAST_COMPARED and of - joined <= _MOST_BROKEN * of
    if not gap.is_large and not (gap.settled and holds):
        return None
    fits = [*_ratios(gap), *_amounts(gap)]
    if not fits and not gap.is_large:
        return None
    best = fits[0] if fits else Fit("unexplained", gap.reference / gap.last)
    evidence: dict[str, object] = {
        "last_price": gap.last / _SCALE,
        "last_price_is_final": gap.settled,
        "reference_price": gap.reference / _SCALE,
        "fits": [fit.terms for fit in fits],
        "chains_that_hold": f"{joined} of {of}",
    }
    return Action(
        gap.symbol, gap.session, best.kind, best.factor, best.amount, "proposed", evidence
    )


# ---- what would explain it: the rarer a fit is by chance, the earlier it stands


@dataclass(frozen=True, slots=True)
class Fit:
    """An action whose terms give the reference price to the paisa."""

    kind: ActionKind
    factor: float
    amount: float | None = None
    terms: str = ""


def _ratios(gap: Gap) -> Iterator[Fit]:
    for percent in _BONUSES:
        factor = 100 / (100 + float(percent))
        if _meets(gap, gap.last * factor):
            yield Fit("bonus", factor, None, f"bonus of {percent} %")
    for shares in _SPLITS:
        if _meets(gap, gap.last / shares):
            yield Fit("split", 1 / shares, None, f"split, {shares} for 1")
    for shares in _GATHERED:
        if _meets(gap, gap.last * shares):
            yield Fit("split", float(shares), None, f"reverse split, 1 for {shares}")


def _amounts(gap: Gap) -> Iterator[Fit]:
    factor, amount = gap.reference / gap.last, gap.last - gap.reference
    if amount > 0 and amount % _STEP == 0:
        shown = f"dividend of {amount / _SCALE:g} a share"
        yield Fit("dividend", factor, amount / _SCALE, shown)
    if gap.is_large and gap.last > _PAR:
        for percent in _BONUSES:
            part = float(percent) / 100
            if _meets(gap, (gap.last + part * _PAR) / (1 + part)):
                yield Fit("right", factor, None, f"right of {percent} % at {_PAR // _SCALE}")


def _meets(gap: Gap, reference: float) -> bool:
    return abs(gap.reference - reference) <= _ROUNDING


# ---- what the user says of it


def _decided(action: Action | None, decision: Decision) -> Action | None:
    if decision.status == "denied":
        return replace(action, status="denied") if action else None
    own = action or _given(decision)
    amount = own.amount if decision.amount is None else decision.amount
    factor = own.factor if decision.factor is None else decision.factor
    last = own.evidence.get("last_price")
    if decision.factor is None and decision.amount is not None and isinstance(last, float):
        factor = 1 - decision.amount / last
    if factor <= 0:
        raise ConfigError(f"{decision.amount:g} is more than the last price", path=decision.where)
    kind = decision.kind or own.kind
    return replace(own, kind=kind, factor=factor, amount=amount, status="confirmed")


def _given(decision: Decision) -> Action:
    if decision.factor is None:
        raise ConfigError(
            f"no action of {decision.symbol} is proposed for {decision.session}",
            path=decision.where,
            advice="give its factor: what makes prices before it comparable with those after",
        )
    evidence: dict[str, object] = {"given": ACTIONS_FILE}
    return Action(
        decision.symbol, decision.session, "unexplained", decision.factor, None, "", evidence
    )


def _decision(row: Mapping[str | None, Any], where: str) -> Decision | None:
    cells = {name: str(value or "").strip() for name, value in row.items() if name}
    if any(not cells.get(name) for name in _NEEDED):
        advice = "`tickertrack actions -f csv` gives such a file"
        raise ConfigError(f"needs {', '.join(_NEEDED)}", path=where, advice=advice)
    for name, known in _WORDS.items():
        if cells.get(name) and cells[name] not in known:
            advice = f"known: {', '.join(known)}"
            raise ConfigError(f"no {name} {cells[name]!r}", path=where, advice=advice)
    if cells["status"] == "proposed":
        return None
    return Decision(
        symbol=cells["symbol"].upper(),
        session=_day(cells["session"], where),
        status=cells["status"],
        kind=cast("ActionKind", cells["kind"]) if cells.get("kind") else None,
        factor=_positive(cells.get("factor"), where),
        amount=_positive(cells.get("amount"), where),
        where=where,
    )


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        advice = "write it YYYY-MM-DD"
        raise ConfigError(f"no date: {text[:40]!r}", path=where, advice=advice) from error


def _positive(text: str | None, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if 0 < value < _LARGEST:
        return value
    raise ConfigError(f"no number above zero: {text[:40]!r}", path=where)


def _adjusted(row: Row, confirmed: Sequence[Action]) -> Row:
    factor = 1.0
    for action in confirmed:
        if action.symbol == row["symbol"] and row["session"] < action.session.isoformat():
            factor *= action.factor
    if factor == 1.0:
        return row
    scaled = {
        name: None if row[name] is None else round(row[name] * factor, _DECIMALS)
        for name in _SCALED
    }
    return row | scaled
