"""Whose prices they are: symbols, indices, calendar corrections, hours and limits by era."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tickertrack.config import read_toml, refuse_unknown
from tickertrack.errors import ConfigError
from tickertrack.models import Board
from tickertrack.suggest import meant

__all__ = ["Hours", "Market", "PriceLimit", "Rename", "Symbol", "load_market", "read_rows"]

SHIPPED = Path(__file__).parent
_KEYS = {"name", "title", "timezone", "calendar", "currency", "indices"}
_SATURDAY = 5
_HUNDRED, _PAISA = Decimal(100), Decimal("0.01")
_ROWS = {"corrections", "hours", "limits"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A listed instrument; `traded`: a trade of it is known, or nothing is said of trades."""

    symbol: str
    name: str
    sector: str
    traded: bool = True


@dataclass(frozen=True, slots=True)
class Rename:
    """An instrument whose symbol changed: from `session` on it trades as `new`."""

    old: str
    new: str
    session: date


@dataclass(frozen=True, slots=True)
class Hours:
    """A weekday's hours in one era, local time; `final` is when last prices stand still."""

    since: date | None
    until: date | None
    weekdays: frozenset[int]
    open: time
    close: time
    final: time

    def covers(self, day: date) -> bool:
        """Say whether these are the hours of that day."""
        return day.weekday() in self.weekdays and _within(day, self.since, self.until)


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """How far a stock may move in a day: the greater of a percent and an amount."""

    since: date | None
    until: date | None
    percent: Decimal
    amount: Decimal

    def reach(self, reference: Decimal) -> Decimal:
        """Give the largest allowed change from a reference price, to the printed paisa."""
        return max(reference * self.percent / _HUNDRED, self.amount).quantize(_PAISA)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One exchange, as far as reading and dating its strips needs it; loaded once, so itself."""

    name: str
    zone: ZoneInfo
    calendar: str
    currency: str | None
    indices: frozenset[str]
    corrections: Mapping[date, bool]
    hours: tuple[Hours, ...]
    limits: tuple[PriceLimit, ...]
    folder: Path

    def board_of(self, symbol: str) -> Board:
        """Say on which board of a strip a symbol stands."""
        return "index" if symbol in self.indices else "stocks"

    def hours_on(self, day: date) -> Hours:
        """Give a day's hours; where eras overlap, the later row of the file wins."""
        # A special session on a weekend keeps a Monday's hours: the file has none for it.
        weekday = day if day.weekday() < _SATURDAY else day + timedelta(days=7 - day.weekday())
        return next(hours for hours in reversed(self.hours) if hours.covers(weekday))

    def local(self, day: date, at: time) -> datetime:
        """Place a local time of a day, as an aware time of the exchange's zone."""
        return datetime.combine(day, at, self.zone)

    def widest_limit(self, since: date | None, until: date | None) -> PriceLimit | None:
        """Give the widest price limit in force at any time between two days."""
        met = [limit for limit in self.limits if _overlap(limit, since, until)]
        return max(met, key=lambda limit: limit.percent, default=None)

    def limit_on(self, day: date) -> PriceLimit | None:
        """Give the price limit in force on a day."""
        return self.widest_limit(day, day)


@lru_cache(maxsize=16)
def load_market(name: str, folder: Path = Path()) -> Market:
    """
    Load a market by name from `folder`/markets or the shipped ones.

    Raises ConfigError with file and key.
    """
    path = _find(name, (folder / "markets", SHIPPED))
    table = read_toml(path)
    refuse_unknown(table, _KEYS | _ROWS, path=path)
    try:
        return Market(
            name=name,
            zone=ZoneInfo(table["timezone"]),
            calendar=table["calendar"],
            currency=table.get("currency"),
            indices=frozenset(name.upper() for name in table["indices"]),
            corrections={row["date"]: row["open"] for row in table.get("corrections", [])},
            hours=tuple(_hours(row) for row in table["hours"]),
            limits=tuple(_limit(row) for row in table.get("limits", [])),
            folder=path.parent.absolute(),
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ConfigError(f"cannot be used: {error!r}", path=path) from error


@lru_cache(maxsize=16)
def symbols_of(market: Market) -> dict[str, Symbol]:
    """Read a market's symbols.csv: symbol to name and sector."""
    rows = read_rows(market.folder / "symbols.csv")
    symbols = (
        Symbol(row["symbol"], row["name"], row["sector"], row.get("first_trade") != "")
        for row in rows
    )
    return {one.symbol: one for one in symbols}


@lru_cache(maxsize=16)
def renames_of(market: Market) -> tuple[Rename, ...]:
    """Read a market's renames.csv, earliest first."""
    rows = read_rows(market.folder / "renames.csv")
    renames = (Rename(row["old"], row["new"], date.fromisoformat(row["session"])) for row in rows)
    return tuple(sorted(renames, key=lambda rename: rename.session))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a table of a market's folder; one that is not there has no rows."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _find(name: str, folders: Iterable[Path]) -> Path:
    for folder in folders:
        path = folder / name / "market.toml"
        if path.is_file():
            return path
    known = sorted(path.parent.name for path in SHIPPED.glob("*/market.toml"))
    raise ConfigError(f"no market named {name!r}", advice=meant(name, known))


def _hours(row: Mapping[str, Any]) -> Hours:
    return Hours(
        since=row.get("from"),
        until=row.get("until"),
        weekdays=frozenset(row["weekdays"]),
        open=time.fromisoformat(row["open"]),
        close=time.fromisoformat(row["close"]),
        final=time.fromisoformat(row["final"]),
    )


def _limit(row: Mapping[str, Any]) -> PriceLimit:
    return PriceLimit(
        since=row.get("from"),
        until=row.get("until"),
        percent=Decimal(str(row["percent"])),
        amount=Decimal(str(row["amount"])),
    )


def _within(day: date, since: date | None, until: date | None) -> bool:
    return (since is None or since <= day) and (until is None or day <= until)


def _overlap(limit: PriceLimit, since: date | None, until: date | None) -> bool:
    starts_in_time = limit.since is None or until is None or limit.since <= until
    ends_in_time = limit.until is None or since is None or since <= limit.until
    return starts_in_time and ends_in_time
