"""Rows to data frames and files: the only room that imports pandas."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from tickertrack.errors import QueryError, TickertrackError
from tickertrack.harmless import safe_cell

__all__ = ["EXPORTS", "Style", "frame", "styled", "write_file"]

Style = Literal["tidy", "wide", "yfinance"]
Row = Mapping[str, Any]

_DAYS = {"session", "page_date"}
_MOMENTS = {"captured_at", "first_seen", "last_seen"}
_FLOATS = {
    "price",
    "reference_price",
    "change",
    "change_percent",
    "percent",
    "first",
    "high",
    "low",
    "confidence",
    *("expected", "abnormal", "t", "p", "score", "factor", "amount"),
}
_WHOLE = {"quotes", "n"}
_TRUTHS = {"market_wide"}
_LISTS = {"tags", "about", "mentions"}
_SHEET_ROWS = 1_048_576
_PRICES = {"Open": "first", "High": "high", "Low": "low", "Close": "price"}


def frame(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """
    Build a tidy frame; an empty answer keeps its columns and dtypes.

    Days are datetime64[us], moments datetime64[us, UTC], numbers float64 (the unknown is NaN),
    counts int64, everything else str.
    """
    values = {name: pd.Series([row[name] for row in rows], dtype="object") for name in columns}
    return pd.DataFrame({name: _typed(column, name) for name, column in values.items()})


def styled(table: pd.DataFrame, style: Style, *, symbols: Sequence[str], zone: str) -> pd.DataFrame:
    """
    Give a tidy price history another shape.

    `wide`: prices, sessions by symbols. `yfinance`: index `Date` in the exchange's zone, columns
    Open High Low Close Volume, several symbols as column levels Price and Ticker; what a strip
    does not show is NaN, never 0. Raises QueryError for an unknown style.
    """
    if style == "tidy":
        return table
    if style == "wide":
        return _wide(table, symbols)
    if style == "yfinance":
        return _yfinance(table, symbols, zone)
    raise QueryError(f"no style {style!r}", advice="tidy, wide and yfinance are known")


def write_file(table: pd.DataFrame, path: Path) -> None:
    """
    Write a frame by the ending of its path, whole or not at all.

    Texts are made harmless for CSV and spreadsheets. What is there keeps its mode, and a link
    still points to it. Raises QueryError for an unknown ending.
    """
    writer = EXPORTS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(sorted(EXPORTS))
        raise QueryError(f"no way to write {path.suffix or path.name!r}", advice=f"known: {known}")
    try:
        target = path.resolve()
        handle, draft = tempfile.mkstemp(dir=target.parent, suffix=path.suffix)
        os.close(handle)
        try:
            writer(table, Path(draft))
            _settle(Path(draft), target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TickertrackError(f"{path}: cannot be written ({reason})") from error


def _settle(draft: Path, target: Path) -> None:
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    # A private draft's mode is not the user's: give it the old file's, or that of a new one.
    draft.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_mask())
    draft.replace(target)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _typed(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    for names, typed in _TYPES:
        if name in names:
            return typed(column)
    return column.astype("str")


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


_TYPES: tuple[tuple[set[str], Callable[[pd.Series[Any]], pd.Series[Any]]], ...] = (
    (_DAYS, lambda column: pd.to_datetime(column, format="ISO8601").astype("datetime64[us]")),
    (
        _MOMENTS,
        lambda column: pd.to_datetime(column, format="ISO8601", utc=True).astype(
            "datetime64[us, UTC]"
        ),
    ),
    (_FLOATS, lambda column: column.astype("float64")),
    (_WHOLE, lambda column: column.astype("int64")),
    (_TRUTHS, lambda column: column.astype("bool")),
    (_LISTS, lambda column: column.map(", ".join).astype("str")),
    ({"evidence"}, lambda column: column.map(_as_json, "ignore").astype("str")),
)


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
    dates = pd.DatetimeIndex(table["session"], name="Date").tz_localize(zone)
    columns = {name: table[source].to_numpy() for name, source in _PRICES.items()}
    candles = pd.DataFrame(columns, index=dates).astype("float64")
    # A strip names no volume, and its first quote is no opening price unless it was the first.
    return candles.assign(Volume=float("nan"))


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    texts = [column for column in table.columns if pd.api.types.is_string_dtype(table[column])]
    return table.assign(**{column: table[column].map(safe_cell, "ignore") for column in texts})


def _days_as_text(table: pd.DataFrame) -> pd.DataFrame:
    days = [name for name in table.columns if name in _DAYS]
    moments = [name for name in table.columns if name in _MOMENTS]
    text = table.assign(**{name: table[name].dt.strftime("%Y-%m-%d") for name in days})
    return text.assign(
        **{name: table[name].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00") for name in moments}
    )


def _to_csv(table: pd.DataFrame, path: Path) -> None:
    _cells(_days_as_text(table)).to_csv(path, index=False, lineterminator="\n")


def _to_json(table: pd.DataFrame, path: Path) -> None:
    _days_as_text(table).to_json(path, orient="records", indent=2, double_precision=15)


def _to_jsonl(table: pd.DataFrame, path: Path) -> None:
    _days_as_text(table).to_json(path, orient="records", lines=True, double_precision=15)


def _to_xlsx(table: pd.DataFrame, path: Path) -> None:
    if len(table) >= _SHEET_ROWS:
        # The writer would leave out what is too much, and say nothing.
        raise ValueError(f"a sheet has {_SHEET_ROWS:,} rows, its head among them")
    # As strings, whatever they look like: a title is no formula and no link.
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        _cells(_days_as_text(table)).to_excel(book, index=False, sheet_name="tickertrack")


EXPORTS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _to_csv,
    ".json": _to_json,
    ".jsonl": _to_jsonl,
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
    ".feather": lambda table, path: table.to_feather(path),
    ".xlsx": _to_xlsx,
}
