"""What is concluded: boards on sessions, the price series, corporate actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from tickertrack.models.pages import Board, Published

__all__ = [
    "Action",
    "ActionKind",
    "DatedBoard",
    "Member",
    "Method",
    "Price",
    "Shower",
    "Sighting",
    "Sitting",
    "Status",
    "TradingDay",
    "is_flat",
    "stands_still",
]

ActionKind = Literal["bonus", "split", "dividend", "right", "unexplained"]
Method = Literal["matched", "captured", "stated"]
Status = Literal["final", "intraday", "implied", "provisional"]

# A board is flat when so many stocks all stand still: fewer may do so in any session.
FLAT_STOCKS = 4


@dataclass(frozen=True, slots=True)
class TradingDay:
    """One session of a market; times are UTC; `last` is when prices stand still."""

    session: date
    open_at: datetime
    close_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Member:
    """A page that shows a strip, with every date that it offers."""

    page_id: int
    strip_id: int
    captured_at: datetime | None
    page_date: date | None
    published: Published | None


# A page that shows a strip, its publisher and the strip's dialect.
Shower = tuple[Member, str, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    A board as one page shows it, with every date that the page offers: the input of dating.

    Prices and reference prices are integers of 1/10,000, by symbol, of quotes fit to witness.
    """

    page_id: int
    strip_id: int
    board: Board
    publisher: str
    dialect: str
    prices: dict[str, int]
    references: dict[str, int]
    captured_at: datetime | None
    page_date: date | None
    published: Published | None

    @classmethod
    def of(
        cls, shower: Shower, board: Board, prices: dict[str, int], references: dict[str, int]
    ) -> Self:
        """Put a board and a page that shows it together."""
        member, publisher, dialect = shower
        return cls(
            page_id=member.page_id,
            strip_id=member.strip_id,
            board=board,
            publisher=publisher,
            dialect=dialect,
            prices=prices,
            references=references,
            captured_at=member.captured_at,
            page_date=member.page_date,
            published=member.published,
        )

    @property
    def member(self) -> Member:
        """Give the page that shows it."""
        dates = (self.captured_at, self.page_date, self.published)
        return Member(self.page_id, self.strip_id, *dates)


def is_flat(sighting: Sighting) -> bool:
    """
    Say whether every stock of a board stands still, as before the open (DESIGN.md, fact 3).

    Its prices are the last ones of the session before, and so are its "reference prices".
    """
    return stands_still(sighting.board, sighting.prices, sighting.references)


def stands_still(board: Board, prices: Mapping[str, int], references: Mapping[str, int]) -> bool:
    """Say the same of a board's prices and reference prices."""
    return prices == references and board == "stocks" and len(prices) >= FLAT_STOCKS


@dataclass(frozen=True, slots=True)
class Sitting:
    """A board of a page placed on a session, or, with `session` None, left undated."""

    page_id: int
    board: Board
    session: date | None
    method: Method | None
    confidence: float | None
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class DatedBoard:
    """A sighting together with the sitting that dates it: the input of the price series."""

    sighting: Sighting
    sitting: Sitting


@dataclass(frozen=True, slots=True)
class Price:
    """The resolved row of the time series: one per symbol and session; prices in 1/10,000."""

    symbol: str
    session: date
    price: int
    reference_price: int | None
    first: int | None
    high: int | None
    low: int | None
    status: Status
    quotes: int
    method: Method
    first_seen: datetime | None
    last_seen: datetime | None
    conflict: str | None


@dataclass(frozen=True, slots=True)
class Action:
    """
    A chain break and the corporate action that would explain it.

    `session` is the first one at the new terms; prices before it times `factor` are comparable
    with those after it. `amount` is a dividend per share; status is proposed, confirmed or denied.
    """

    symbol: str
    session: date
    kind: ActionKind
    factor: float
    amount: float | None
    status: str
    evidence: dict[str, object]
