"""Dated quotes to the time series: one price per symbol and session, with its status."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tickertrack.models import DatedBoard, Method, Price, Status, TradingDay, is_flat

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = [
    "Boards",
    "Chains",
    "Proofs",
    "Series",
    "by_session",
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


class Shown(NamedTuple):
    """A board of a session as it witnesses prices, and what is known of its moment."""

    prices: Mapping[str, int]
    references: Mapping[str, int]
    page_id: int
    strip_id: int
    publisher: str
    method: Method
    seen_at: datetime | None
    settled: bool
    rounding: int


class Witness(NamedTuple):
    """A quote that supports a price: a line of a board."""

    price: int
    reference: int | None
    shown: Shown


# Of one session, by symbol.
Witnesses = Mapping[str, list[Witness]]
# By the session that they are placed on.
Boards = Mapping[date, Iterable[DatedBoard]]


def resolve_prices(
    boards: Iterable[DatedBoard], sessions: Sequence[TradingDay], market: Market
) -> list[Price]:
    """
    Resolve the whole series, sorted by symbol and session; a pure function of the dated boards.

    A session without a quote of its own gets an `implied` price from the next session's reference
    only where references are proven to be last prices (DESIGN.md, fact 5: never assume).
    """
    series = Series(by_session(boards), sessions)
    return series.prices(market, proofs_of(series.chains()))


def by_session(boards: Iterable[DatedBoard]) -> dict[date, list[DatedBoard]]:
    """Lay boards out by the session that they are placed on, but for those that are on none."""
    found: dict[date, list[DatedBoard]] = defaultdict(list)
    for board in boards:
        if board.sitting.session is not None:
            found[board.sitting.session].append(board)
    return found


class Series:
    """
    The time series of sessions whose boards, and those of their neighbours, are given.

    Who witnesses which price is laid out for two sessions at a time, however many there are.
    """

    def __init__(self, boards: Boards, sessions: Sequence[TradingDay]) -> None:
        """Begin with the boards; `sessions` are all that there are."""
        self._boards = boards
        self._days = {day.session: day for day in sessions}
        self._following, self._preceding = _neighbours(self._days, 1), _neighbours(self._days, -1)

    def prices(self, market: Market, proofs: Proofs) -> list[Price]:
        """Resolve prices, sorted by symbol and session."""
        prices: dict[Key, Price] = {}
        implied: dict[Key, Price] = {}
        for session, witnesses, later in self._steps():
            for symbol, found in witnesses.items():
                key = (symbol, session)
                prices[key] = _price(key, found, later.get(symbol, ()), market)
                implied |= self._implied(prices, key, found, proofs)
        prices |= implied
        return [prices[key] for key in sorted(prices)]

    def chains(self) -> Chains:
        """Count, by session and publisher, how often a settled price was the next reference."""
        counts: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0])
        for session, witnesses, later in self._steps():
            for symbol, found in witnesses.items():
                for publisher, holds in _links(found, later.get(symbol, ())):
                    counts[session, publisher][0] += holds
                    counts[session, publisher][1] += 1
        return {key: (held, of) for key, (held, of) in counts.items()}

    def _steps(self) -> Iterator[tuple[date, Witnesses, Witnesses]]:
        """Give each session of boards, its witnesses, and those of the session after it."""
        ahead: Witnesses = {}
        following: date | None = None
        for session in sorted(self._boards):
            witnesses = ahead if session == following else self._witnesses(session)
            following = self._following.get(session)
            ahead = self._witnesses(following) if following else {}
            yield session, witnesses, ahead

    def _witnesses(self, session: date) -> Witnesses:
        if session not in self._boards:
            return {}
        found: dict[str, list[Witness]] = defaultdict(list)
        day = self._days.get(session)
        for shown in sorted((_laid(board, day) for board in self._boards[session]), key=_order):
            references = shown.references
            for symbol, price in shown.prices.items():
                found[symbol].append(Witness(price, references.get(symbol), shown))
        return found

    def _implied(
        self, prices: Mapping[Key, Price], key: Key, found: Sequence[Witness], proofs: Proofs
    ) -> dict[Key, Price]:
        """Give the price of the session before, where no board shows it and this one tells it."""
        symbol, session = key
        before = self._preceding.get(session)
        if before is None or (symbol, before) in prices or found[0].shown.rounding:
            return {}
        reference = _proven(found, quarter_of(before), proofs)
        if reference is None:
            return {}
        earlier = self._preceding.get(before)
        last = prices.get((symbol, earlier)) if earlier else None
        return {(symbol, before): _told_by(prices[key], before, reference, last)}


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


def _laid(board: DatedBoard, day: TradingDay | None) -> Shown:
    sighting, method = board.sighting, board.sitting.method
    flat = is_flat(sighting)
    return Shown(
        prices=sighting.prices,
        references={} if flat else sighting.references,
        page_id=sighting.page_id,
        strip_id=sighting.strip_id,
        publisher=sighting.publisher,
        method=method or "stated",
        seen_at=sighting.captured_at,
        settled=flat or _is_settled(board, day),
        rounding=_INDEX_ROUNDING if sighting.board == "index" else 0,
    )


def _is_settled(board: DatedBoard, day: TradingDay | None) -> bool:
    """Say whether a board was shown after its session's last trade."""
    sighting, session = board.sighting, board.sitting.session
    if sighting.captured_at is not None:
        return day is not None and sighting.captured_at >= day.close_at
    return sighting.page_date is not None and session is not None and sighting.page_date > session


def _order(shown: Shown) -> tuple[object, ...]:
    # The known moments in their order, then the unknown, in an order that no arrival changes.
    moment = shown.seen_at.timestamp() if shown.seen_at else float("inf")
    return (moment, shown.strip_id, shown.page_id)


def _links(found: Sequence[Witness], later: Sequence[Witness]) -> Iterator[tuple[str, bool]]:
    """Say by publisher whether a session's settled price is the reference of the next."""
    settled = {witness.price for witness in found if witness.shown.settled}
    if len(settled) != 1 or found[0].shown.rounding:
        return
    for publisher in {witness.shown.publisher for witness in found}:
        references = {
            one.reference
            for one in later
            if one.reference is not None and one.shown.publisher == publisher
        }
        if len(references) == 1:
            yield publisher, settled == references


def _price(
    key: Key, witnesses: Sequence[Witness], following: Sequence[Witness], market: Market
) -> Price:
    chosen, is_final = _chosen(witnesses, following)
    reference = _reference(witnesses, chosen)
    observed = [witness.price for witness in witnesses]
    methods = {witness.shown.method for witness in witnesses}
    moments = [witness.shown.seen_at for witness in witnesses if witness.shown.seen_at]
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
        quotes=len({witness.shown.page_id for witness in witnesses}),
        method=next(method for method in _METHODS if method in methods),
        first_seen=min(moments, default=None),
        last_seen=max(moments, default=None),
        conflict=_conflict(key, witnesses, reference, market),
    )


def _chosen(witnesses: Sequence[Witness], following: Sequence[Witness]) -> tuple[Witness, bool]:
    """Choose the last price: seen after the close, confirmed by the next session, or latest."""
    settled = [witness for witness in witnesses if witness.shown.settled]
    if settled:
        return _latest(settled), True
    references = {one.reference for one in following if one.reference is not None}
    confirmed = [
        witness
        for witness in witnesses
        if any(abs(witness.price - reference) <= witness.shown.rounding for reference in references)
    ]
    if confirmed:
        return _latest(confirmed), True
    return _latest(witnesses), False


def _latest(witnesses: Sequence[Witness]) -> Witness:
    timed = [witness for witness in witnesses if witness.shown.seen_at]
    if timed:
        return timed[-1]
    # No moment is known: what most pages show, and of equals the same one in any order.
    counts = Counter(witness.price for witness in witnesses)
    return max(
        witnesses, key=lambda one: (counts[one.price], one.shown.strip_id, one.shown.page_id)
    )


def _reference(witnesses: Sequence[Witness], chosen: Witness) -> int | None:
    known = [witness.reference for witness in witnesses if witness.reference is not None]
    if chosen.reference is not None:
        known.append(chosen.reference)
    counts = Counter(known)
    reference = max(counts, key=lambda value: (counts[value], -value), default=None)
    return reference if reference is None or reference > 0 else None


def _conflict(
    key: Key, witnesses: Sequence[Witness], reference: int | None, market: Market
) -> str | None:
    """Say why the witnesses of one session cannot all be right; nothing is averaged."""
    rounding = witnesses[0].shown.rounding
    references = {one.reference for one in witnesses if one.reference is not None}
    if references and max(references) - min(references) > rounding:
        return f"reference prices {_shown(references)}"
    settled = {witness.price for witness in witnesses if witness.shown.settled}
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


def _proven(found: Sequence[Witness], quarter: int, proofs: Proofs) -> int | None:
    """Give the one reference of witnesses, where theirs are proven to be last prices."""
    references = {one.reference for one in found if one.reference is not None}
    proven = all(is_proven(proofs, one.shown.publisher, quarter) for one in found)
    return references.pop() if len(references) == 1 and proven else None


def _told_by(own: Price, before: date, reference: int, last: Price | None) -> Price:
    """Make the price of the session before one whose reference price it is."""
    return Price(
        symbol=own.symbol,
        session=before,
        price=reference,
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


def _neighbours(days: Iterable[date], step: int) -> dict[date, date]:
    ordered = sorted(days)
    pairs = list(pairwise(ordered))
    return dict(pairs) if step > 0 else {two: one for one, two in pairs}
