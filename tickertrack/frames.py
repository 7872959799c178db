"""Rows to data frames and files: the only room that imports pandas."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tickertrack.errors import QueryError, TickertrackError
from tickertrack.harmless import safe_cell
from tickertrack.suggest import meant

__all__ = ["EXPORTS", "Style", "frame", "stream", "styled", "write_file"]

Style = Literal["tidy", "wide", "yfinance"]
Row = Mapping[str, Any]
Values = tuple[Any, ...]

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
_OBJECTS = {"evidence"}
_SHEET_ROWS = 1_048_576
_GROUP = 50
_PRICES = {"Open": "first", "High": "high", "Low": "low", "Close": "price"}


def frame(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """
    Build a tidy frame of rows; an empty answer keeps its columns and dtypes.

    Days are datetime64[us], moments datetime64[us, UTC], numbers float64 (the unknown is NaN),
    counts int64, everything else str.
    """
    values = [tuple(row[name] for name in columns) for row in rows]
    table: pd.DataFrame = stream([values], columns).read_pandas()
    return table


def stream(batches: Iterable[Sequence[Values]], columns: Sequence[str]) -> pa.RecordBatchReader:
    """Type an answer batch by batch, as `frame` does the whole of it, without ever holding it."""
    schema = pa.schema([(name, _arrow_type(name)) for name in columns])
    return pa.RecordBatchReader.from_batches(schema, (_batch(rows, schema) for rows in batches))


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
    raise QueryError(f"no style {style!r}", advice=meant(style, get_args(Style)))


def write_file(answer: pd.DataFrame | pa.RecordBatchReader, path: Path) -> int:
    """
    Write a frame or a stream by the ending of its path, whole or not at all; count its rows.

    Texts are made harmless for CSV and spreadsheets. What is there keeps its mode, and a link
    still points to it. Raises QueryError for an unknown ending.
    """
    writer = EXPORTS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(sorted(EXPORTS))
        raise QueryError(f"no way to write {path.suffix or path.name!r}", advice=f"known: {known}")
    if isinstance(answer, pd.DataFrame):
        answer = pa.Table.from_pandas(answer, preserve_index=False).to_reader()
    counts: list[int] = []
    try:
        target = path.resolve()
        handle, draft = tempfile.mkstemp(dir=target.parent, suffix=path.suffix)
        os.close(handle)
        try:
            writer(_counted(answer, counts), Path(draft))
            _settle(Path(draft), target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise TickertrackError(f"{path}: cannot be written ({reason})") from error
    return sum(counts)


def _counted(answer: pa.RecordBatchReader, counts: list[int]) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        for batch in answer:
            counts.append(batch.num_rows)
            yield batch

    return pa.RecordBatchReader.from_batches(answer.schema, batches())


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


def _batch(rows: Sequence[Values], schema: pa.Schema) -> pa.RecordBatch:
    # Column by column; where there are no rows the columns are still there.
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [_array(values, field) for values, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _array(values: Values, field: pa.Field) -> pa.Array:
    if field.name in _LISTS:
        values = tuple(map(", ".join, values))
    if field.name in _OBJECTS:
        values = tuple(None if value is None else _as_json(value) for value in values)
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.string()).cast(field.type)
    return pa.array(values, field.type)


def _arrow_type(name: str) -> pa.DataType:
    return next((kind for names, kind in _TYPES if name in names), pa.string())


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


_TYPES: tuple[tuple[set[str], pa.DataType], ...] = (
    (_DAYS, pa.timestamp("us")),
    (_MOMENTS, pa.timestamp("us", "UTC")),
    (_FLOATS, pa.float64()),
    (_WHOLE, pa.int64()),
    (_TRUTHS, pa.bool_()),
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


def _to_csv(answer: pa.RecordBatchReader, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(answer.schema.names) + "\n")
        for batch in answer:
            cells = _cells(_days_as_text(batch.to_pandas()))
            cells.to_csv(file, header=False, index=False, lineterminator="\n")


def _to_json(answer: pa.RecordBatchReader, path: Path) -> None:
    table = _days_as_text(answer.read_pandas())
    table.to_json(path, orient="records", indent=2, double_precision=15)


def _to_jsonl(answer: pa.RecordBatchReader, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in answer:
            table = _days_as_text(batch.to_pandas())
            table.to_json(file, orient="records", lines=True, double_precision=15)


def _to_parquet(answer: pa.RecordBatchReader, path: Path) -> None:
    with pq.ParquetWriter(path, answer.schema) as file:
        # A reader passes over what it does not want by row groups: each is to be worth it.
        while group := list(islice(answer, _GROUP)):
            file.write_table(pa.Table.from_batches(group))


def _to_feather(answer: pa.RecordBatchReader, path: Path) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(path, answer.schema, options=options) as file:
        for batch in answer:
            file.write_batch(batch)


def _to_xlsx(answer: pa.RecordBatchReader, path: Path) -> None:
    table = answer.read_pandas()
    if len(table) >= _SHEET_ROWS:
        # The writer would leave out what is too much, and say nothing.
        raise OSError(errno.EFBIG, f"a sheet has {_SHEET_ROWS:,} rows, its head among them")
    # As strings, whatever they look like: a title is no formula and no link.
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        _cells(_days_as_text(table)).to_excel(book, index=False, sheet_name="tickertrack")


EXPORTS: dict[str, Callable[[pa.RecordBatchReader, Path], None]] = {
    ".csv": _to_csv,
    ".json": _to_json,
    ".jsonl": _to_jsonl,
    ".parquet": _to_parquet,
    ".feather": _to_feather,
    ".xlsx": _to_xlsx,
}
