"""Dated quotes to the time series: one price per symbol and session, with its status."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from tickertrack.models import DatedBoard, Method, Price, Status, TradingDay, is_flat

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = [
    "Chains",
    "Proofs",
    "Series",
    "first_day",
    "is_proven",
    "proofs_of",
    "quarter_of",
    "resolve_prices",
]

_SCALE = 10_000
_METHODS: tuple[Method, ...] = ("matched", "captured", "stated")
# References are proven to be the last prices of the session before where, in the same and the
# neighbouring quarters, at least so many comparisons were possible and so many of them held.
_PROOF_COUNT, _PROOF_SHARE = 20, 0.95
# Index prices are printed to the point: two prints of one value may differ by a rounding.
_INDEX_ROUNDING = 12_000
# A limit is counted from the exchange's reference; the site's own lies a little off it.
_LIMIT_SLACK = 2

Key = tuple[str, date]
Era = tuple[str, int]
# By session and publisher: how many last prices were the next references, of how many compared.
Chains = Mapping[tuple[date, str], tuple[int, int]]
Proofs = Mapping[Era, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Witness:
    """A quote that supports a price, and what is known of its moment."""

    price: int
    reference: int | None
    page_id: int
    strip_id: int
    publisher: str
    method: Method
    seen_at: datetime | None
    settled: bool
    rounding: int


def resolve_prices(
    boards: Iterable[DatedBoard], sessions: Sequence[TradingDay], market: Market
) -> list[Price]:
    """
    Resolve the whole series, sorted by symbol and session; a pure function of the dated boards.

    A session without a quote of its own gets an `implied` price from the next session's reference
    only where references are proven to be last prices (DESIGN.md, fact 5: never assume).
    """
    series = Series(boards, sessions)
    return series.prices(market, proofs_of(series.chains()))


class Series:
    """The time series of sessions whose boards, and those of their neighbours, are given."""

    def __init__(self, boards: Iterable[DatedBoard], sessions: Sequence[TradingDay]) -> None:
        """Lay out who witnesses which price; `sessions` are all that there are."""
        days = {day.session: day for day in sessions}
        self._witnesses = _witnesses(boards, days)
        self._following, self._preceding = _neighbours(days, 1), _neighbours(days, -1)

    def prices(self, market: Market, proofs: Proofs) -> list[Price]:
        """Resolve prices, sorted by symbol and session."""
        witnesses = self._witnesses
        prices = {
            key: _price(key, found, self._later(key), market) for key, found in witnesses.items()
        }
        prices |= _implied(witnesses, prices, self._preceding, proofs)
        return [prices[key] for key in sorted(prices)]

    def chains(self) -> Chains:
        """Count, by session and publisher, how often a settled price was the next reference."""
        counts: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0])
        for key, found in self._witnesses.items():
            settled = {witness.price for witness in found if witness.settled}
            if len(settled) != 1 or found[0].rounding:
                continue
            later = self._later(key)
            for publisher in {witness.publisher for witness in found}:
                references = {
                    one.reference
                    for one in later
                    if one.reference is not None and one.publisher == publisher
                }
                if len(references) == 1:
                    tally = counts[key[1], publisher]
                    tally[0] += settled == references
                    tally[1] += 1
        return {key: (held, of) for key, (held, of) in counts.items()}

    def _later(self, key: Key) -> list[Witness]:
        session = self._following.get(key[1])
        return self._witnesses.get((key[0], session), []) if session else []


def proofs_of(chains: Chains) -> Proofs:
    """Add up chains by publisher and quarter."""
    counts: dict[Era, list[int]] = defaultdict(lambda: [0, 0])
    for (session, publisher), (held, of) in chains.items():
        counts[publisher, quarter_of(session)][0] += held
        counts[publisher, quarter_of(session)][1] += of
    return {era: (held, of) for era, (held, of) in counts.items()}


def is_proven(proofs: Proofs, publisher: str, quarter: int) -> bool:
    """Say whether a publisher's references are proven to be last prices in a quarter."""
    near = [proofs.get((publisher, one), (0, 0)) for one in (quarter - 1, quarter, quarter + 1)]
    held, of = (sum(column) for column in zip(*near, strict=True))
    return bool(of >= _PROOF_COUNT and held >= _PROOF_SHARE * of)


def quarter_of(day: date) -> int:
    """Number the quarters of all years."""
    return day.year * 4 + (day.month - 1) // 3


def first_day(quarter: int) -> date:
    """Give the first day of a quarter."""
    return date(quarter // 4, quarter % 4 * 3 + 1, 1)


def _witnesses(
    boards: Iterable[DatedBoard], days: Mapping[date, TradingDay]
) -> dict[Key, list[Witness]]:
    found: dict[Key, list[Witness]] = defaultdict(list)
    for board in boards:
        session = board.sitting.session
        if session is None:
            continue
        flat = is_flat(board.sighting)
        settled = flat or _is_settled(board, days.get(session))
        for symbol, price in board.sighting.prices.items():
            found[symbol, session].append(_witness(board, symbol, price, flat, settled))
    return {key: sorted(found[key], key=_order) for key in sorted(found)}


def _witness(board: DatedBoard, symbol: str, price: int, flat: bool, settled: bool) -> Witness:  # noqa: FBT001
    sighting, method = board.sighting, board.sitting.method
    return Witness(
        price=price,
        reference=None if flat else sighting.references[symbol],
        page_id=sighting.page_id,
        strip_id=sighting.strip_id,
        publisher=sighting.publisher,
        method=method or "stated",
        seen_at=sighting.captured_at,
        settled=settled,
        rounding=_INDEX_ROUNDING if sighting.board == "index" else 0,
    )


def _is_settled(board: DatedBoard, day: TradingDay | None) -> bool:
    """Say whether a board was shown after its session's last trade."""
    sighting, session = board.sighting, board.sitting.session
    if sighting.captured_at is not None:
        return day is not None and sighting.captured_at >= day.close_at
    return sighting.page_date is not None and session is not None and sighting.page_date > session


def _order(witness: Witness) -> tuple[object, ...]:
    # The known moments in their order, then the unknown, in an order that no arrival changes.
    moment = witness.seen_at.timestamp() if witness.seen_at else float("inf")
    return (moment, witness.strip_id, witness.page_id)


def _price(key: Key, witnesses: list[Witness], following: list[Witness], market: Market) -> Price:
    chosen, is_final = _chosen(witnesses, following)
    reference = _reference(witnesses, chosen)
    observed = [witness.price for witness in witnesses]
    methods = {witness.method for witness in witnesses}
    moments = [witness.seen_at for witness in witnesses if witness.seen_at]
    first = observed[0] if moments or len(set(observed)) == 1 else None
    status: Status = "final" if is_final else "intraday"
    return Price(
        symbol=key[0],
        session=key[1],
        price=chosen.price,
        reference_price=reference,
        first=first,
        high=max(observed),
        low=min(observed),
        status="provisional" if methods == {"stated"} else status,
        quotes=len({witness.page_id for witness in witnesses}),
        method=next(method for method in _METHODS if method in methods),
        first_seen=min(moments, default=None),
        last_seen=max(moments, default=None),
        conflict=_conflict(key, witnesses, reference, market),
    )


def _chosen(witnesses: list[Witness], following: list[Witness]) -> tuple[Witness, bool]:
    """Choose the last price: seen after the close, confirmed by the next session, or latest."""
    settled = [witness for witness in witnesses if witness.settled]
    if settled:
        return _latest(settled), True
    references = {one.reference for one in following if one.reference is not None}
    confirmed = [
        witness
        for witness in witnesses
        if any(abs(witness.price - reference) <= witness.rounding for reference in references)
    ]
    if confirmed:
        return _latest(confirmed), True
    return _latest(witnesses), False


def _latest(witnesses: list[Witness]) -> Witness:
    timed = [witness for witness in witnesses if witness.seen_at]
    if timed:
        return timed[-1]
    # No moment is known: what most pages show, and of equals the same one in any order.
    counts = Counter(witness.price for witness in witnesses)
    return max(witnesses, key=lambda one: (counts[one.price], one.strip_id, one.page_id))


def _reference(witnesses: list[Witness], chosen: Witness) -> int | None:
    known = [witness.reference for witness in witnesses if witness.reference is not None]
    if chosen.reference is not None:
        known.append(chosen.reference)
    counts = Counter(known)
    reference = max(counts, key=lambda value: (counts[value], -value), default=None)
    return reference if reference is None or reference > 0 else None


def _conflict(
    key: Key, witnesses: list[Witness], reference: int | None, market: Market
) -> str | None:
    """Say why the witnesses of one session cannot all be right; nothing is averaged."""
    rounding = witnesses[0].rounding
    references = {one.reference for one in witnesses if one.reference is not None}
    if references and max(references) - min(references) > rounding:
        return f"reference prices {_shown(references)}"
    settled = {witness.price for witness in witnesses if witness.settled}
    if settled and max(settled) - min(settled) > rounding:
        return f"prices after the close {_shown(settled)}"
    limit = None if rounding or reference is None else market.limit_on(key[1])
    if limit is None or reference is None:
        return None
    reach = int(limit.reach(Decimal(reference) / _SCALE) * _SCALE) * _LIMIT_SLACK
    beyond = {one.price for one in witnesses if abs(one.price - reference) > reach}
    return f"prices {_shown(beyond)} beyond the day's limits" if beyond else None


def _shown(values: Iterable[int]) -> str:
    return " and ".join(f"{value / _SCALE:g}" for value in sorted(values))


def _implied(
    witnesses: Mapping[Key, list[Witness]],
    prices: Mapping[Key, Price],
    preceding: Mapping[date, date],
    proofs: Proofs,
) -> dict[Key, Price]:
    implied = {}
    for (symbol, session), found in witnesses.items():
        before = preceding.get(session)
        if before is None or (symbol, before) in witnesses:
            continue
        references = {one.reference for one in found if one.reference is not None}
        quarter = quarter_of(before)
        proven = all(is_proven(proofs, one.publisher, quarter) for one in found)
        if len(references) != 1 or not proven or found[0].rounding:
            continue
        own = prices[symbol, session]
        earlier = preceding.get(before)
        last = prices.get((symbol, earlier)) if earlier else None
        implied[symbol, before] = Price(
            symbol=symbol,
            session=before,
            price=references.pop() or 0,
            reference_price=last.price if last and last.status == "final" else None,
            first=None,
            high=None,
            low=None,
            status="provisional" if own.status == "provisional" else "implied",
            quotes=0,
            method=own.method,
            first_seen=None,
            last_seen=None,
            conflict=None,
        )
    return implied


def _neighbours(days: Iterable[date], step: int) -> dict[date, date]:
    ordered = sorted(days)
    pairs = list(pairwise(ordered))
    return dict(pairs) if step > 0 else {two: one for one, two in pairs}
