"""A price history in the shapes that other tools give theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import pandas as pd

from tickertrack.errors import QueryError
from tickertrack.suggest import meant

__all__ = ["Style", "styled"]

Style = Literal["tidy", "wide", "yfinance", "openbb"]

_PRICES = {"Open": "first", "High": "high", "Low": "low", "Close": "price"}
# In the order of OpenBB's model, ours after its own.
_OPENBB = {"first": "open", "high": "high", "low": "low", "price": "close"} | {
    name: name
    for name in "reference_price change change_percent status quotes method symbol".split()
}


def styled(table: pd.DataFrame, style: Style, *, symbols: Sequence[str], zone: str) -> pd.DataFrame:
    """
    Give a tidy price history another shape.

    `wide`: prices, sessions by symbols. `yfinance`: index `Date` in the exchange's zone, columns
    Open High Low Close Volume, several symbols as column levels Price and Ticker; what a strip
    does not show is NaN, never 0. `openbb`: the frame of OpenBB's `to_df()` with us as its
    provider: index `date` of plain days, open high low close and our own columns, change_percent as
    a fraction, no volume, several symbols as rows. Raises QueryError for an unknown style.
    """
    if style == "tidy":
        return table
    if style == "wide":
        return _wide(table, symbols)
    if style == "yfinance":
        return _yfinance(table, symbols, zone)
    if style == "openbb":
        return _openbb(table)
    raise QueryError(f"no style {style!r}", advice=meant(style, get_args(Style)))


def _wide(table: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    wide = table.pivot_table(index="session", columns="symbol", values="price", aggfunc="last")
    # What was asked for has its column, and be it an empty one.
    columns = pd.Index(sorted(set(symbols)), name="symbol", dtype="str")
    return wide.sort_index().reindex(columns=columns).astype("float64")


def _yfinance(table: pd.DataFrame, symbols: Sequence[str], zone: str) -> pd.DataFrame:
    parts = {symbol: _candles(table[table["symbol"] == symbol], zone) for symbol in symbols}
    if len(parts) == 1:
        return next(iter(parts.values()))
    if not parts:
        return _candles(table, zone)
    joined = pd.concat(parts, axis=1, names=["Ticker", "Price"])
    return joined.swaplevel(axis=1).sort_index(axis=1)


def _candles(table: pd.DataFrame, zone: str) -> pd.DataFrame:
    dates = pd.DatetimeIndex(table["session"], name="Date").as_unit("s").tz_localize(zone)
    columns = {name: table[source].to_numpy() for name, source in _PRICES.items()}
    candles = pd.DataFrame(columns, index=dates).astype("float64")
    # A strip names no volume, and its first quote is no opening price unless it was the first.
    return candles.assign(Volume=float("nan"))


def _openbb(table: pd.DataFrame) -> pd.DataFrame:
    # Day by day, as OpenBB sorts; a column without any figure it leaves out, so volume is not here.
    rows = table.sort_values("session", kind="stable")
    days = pd.Index(rows["session"].dt.date, name="date", dtype="object")
    candles = rows[list(_OPENBB)].rename(columns=_OPENBB).set_index(days)
    return candles.assign(change_percent=(candles["change_percent"] / 100).round(8))
