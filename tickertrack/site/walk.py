"""Prices that walk: a step every five minutes of a session, to the paisa, within the limits."""

from __future__ import annotations

import math
import random
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from tickertrack.markets import Market
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import TradingDay

__all__ = ["INDICES", "STOCKS", "Course", "Moment", "Walk"]

# Listed symbols, invented prices: round numbers in paisa, and in hundredths of a point.
STOCKS = {
    "AIRLINK": 70_00,
    "BOP": 5_00,
    "CNERGY": 4_20,
    "DFML": 32_00,
    "DGKC": 78_00,
    "FCCL": 20_00,
    "FFBL": 33_00,
    "FFL": 10_00,
    "GGL": 10_50,
    "HBL": 115_00,
    "HUBC": 135_00,
    "HUMNL": 7_00,
    "KEL": 4_50,
    "KOSM": 4_80,
    "MLCF": 38_00,
    "OGDC": 135_00,
    "PAEL": 23_00,
    "PIBTL": 7_00,
    "PPL": 113_00,
    "PRL": 27_00,
    "PTC": 14_50,
    "SEARL": 56_00,
    "SNGP": 66_00,
    "TELE": 9_00,
    "TRG": 68_00,
    "UNITY": 24_00,
    "WTL": 1_40,
}
INDICES = {"BR100": 7_500_00, "BR30": 25_000_00, "KSE100": 72_000_00, "KSE30": 24_000_00}

STEP = timedelta(minutes=5)
# From then on the stocks read `No Change`, until the open (DESIGN.md, fact 3).
RESET = time(8, 45)

# How far a step goes, as a share of the price: the stock's own way, the market's, and back home.
_OWN, _COMMON, _HOME = 0.0016, 0.0008, 0.0004
# No stock becomes free.
_LEAST = 20

Prices = Mapping[str, int]
Pushes = Mapping[str, tuple[datetime, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """One session: the prices of all symbols after each of its steps, and what they began from."""

    session: date
    open_at: datetime
    reset_at: datetime
    references: Prices
    steps: tuple[Prices, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the walk stands: after which step of which session, and since when it has not moved."""

    course: Course
    step: int
    reset: bool
    since: datetime

    @property
    def prices(self) -> Prices:
        """The last prices, in hundredths."""
        return self.course.steps[self.step]


class Walk:
    """The walk of all symbols from a first day on; the same day and seed, the same prices."""

    def __init__(
        self, market: Market, first: date, news: Callable[[date], Pushes], seed: str = "courier"
    ) -> None:
        """Begin at the first session from `first` on; `news` tells whom a session's news moves."""
        self._market = market
        self._news = news
        self._seed = seed
        self._next = first
        self._courses: list[Course] = []
        self._extending = threading.Lock()

    def at(self, moment: datetime) -> Moment:
        """Tell where the walk stands; raises ValueError before its first open."""
        courses = self._until(moment.astimezone(self._market.zone).date())
        place = bisect_right(courses, moment, key=lambda course: course.open_at) - 1
        if place < 0:
            raise ValueError(f"prices begin with {courses[0].session if courses else self._next}")
        course, following = courses[place], courses[place + 1 : place + 2]
        if following and following[0].reset_at <= moment:
            return Moment(course, len(course.steps) - 1, reset=True, since=following[0].reset_at)
        step = min((moment - course.open_at) // STEP, len(course.steps) - 1)
        return Moment(course, step, reset=False, since=course.open_at + step * STEP)

    def courses(self, until: datetime) -> Iterator[Course]:
        """Yield the sessions whose last step was taken by a moment, earliest first."""
        for course in self._until(until.astimezone(self._market.zone).date()):
            if course.open_at + (len(course.steps) - 1) * STEP <= until:
                yield course

    def _until(self, day: date) -> list[Course]:
        with self._extending:
            if day >= self._next:
                for session in sessions_between(self._market, self._next, day):
                    self._courses.append(self._course(session))
                self._next = day + timedelta(days=1)
            return self._courses[:]

    def _course(self, day: TradingDay) -> Course:
        references = self._courses[-1].steps[-1] if self._courses else {**STOCKS, **INDICES}
        closes = self._market.local(day.session, self._market.hours_on(day.session).close)
        count = (closes - day.open_at) // STEP + 1
        common = random.Random(f"{self._seed} {day.session}")  # noqa: S311  (the same prices again)
        market = [common.gauss(0, _COMMON) for _ in range(count)]
        ways = {
            symbol: list(self._way(symbol, references[symbol], day, market)) for symbol in STOCKS
        }
        steps = ({symbol: way[step] for symbol, way in ways.items()} for step in range(count))
        return Course(
            session=day.session,
            open_at=day.open_at,
            reset_at=self._market.local(day.session, RESET).astimezone(UTC),
            references=references,
            steps=tuple({**stocks, **self._indices(stocks, references)} for stocks in steps),
        )

    def _way(
        self, symbol: str, reference: int, day: TradingDay, market: list[float]
    ) -> Iterator[int]:
        chance = random.Random(f"{self._seed} {day.session} {symbol}")  # noqa: S311
        lowest, highest = self._bounds(reference, day.session)
        told_at, push = self._news(day.session).get(symbol, (None, 0.0))
        price = reference
        for number, common in enumerate(market):
            share = common + chance.gauss(0, _OWN) - _HOME * math.log(price / STOCKS[symbol])
            if told_at and told_at <= day.open_at + number * STEP:
                share, told_at = share + push / 100, None
            # Rounded by chance: a stock of a rupee moves by less than a paisa at most steps.
            price += math.floor(price * share + chance.random())
            price = min(max(price, lowest), highest)
            yield price

    def _bounds(self, reference: int, session: date) -> tuple[int, int]:
        limit = self._market.limit_on(session)
        reach = int(100 * limit.reach(Decimal(reference) / 100)) if limit else reference // 20
        return max(reference - reach, _LEAST), reference + reach

    def _indices(self, stocks: Prices, references: Prices) -> Prices:
        """Move each index by the mean of its stocks' moves, each by its own weight."""
        moves = {symbol: price / references[symbol] for symbol, price in stocks.items()}
        return {
            index: round(references[index] * _mean(moves, _weights(f"{self._seed} {index}")))
            for index in INDICES
        }


@lru_cache(maxsize=64)
def _weights(seed: str) -> dict[str, float]:
    chance = random.Random(seed)  # noqa: S311
    return {symbol: chance.random() for symbol in STOCKS}


def _mean(moves: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(weights[symbol] * move for symbol, move in moves.items()) / sum(weights.values())
