"""Answers with types: rows to frames and to streams of Arrow batches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tickertrack.frames.notes import Note

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DAYS", "MOMENTS", "frame", "stream"]

Row = Mapping[str, Any]
Values = tuple[Any, ...]

DAYS = {"session", "page_date"}
MOMENTS = {"captured_at", "first_seen", "last_seen"}
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


def frame(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """
    Build a tidy frame of rows; an empty answer keeps its columns and dtypes.

    Days are datetime64[us], moments datetime64[us, UTC], numbers float64 (the unknown is NaN),
    counts int64, everything else str.
    """
    values = [tuple(row[name] for name in columns) for row in rows]
    table: pd.DataFrame = stream([values], columns).read_pandas()
    return table


def stream(
    batches: Iterable[Sequence[Values]], columns: Sequence[str], note: Note | None = None
) -> pa.RecordBatchReader:
    """
    Type an answer batch by batch, as `frame` does the whole of it, without ever holding it.

    A note goes with it as metadata of its schema, which Parquet and Feather keep.
    """
    metadata = {"tickertrack": json.dumps(asdict(note))} if note else None
    fields = [(name, _arrow_type(name)) for name in columns]
    schema = pa.schema(fields, metadata=metadata)
    return pa.RecordBatchReader.from_batches(schema, (_batch(rows, schema) for rows in batches))


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
    (DAYS, pa.timestamp("us")),
    (MOMENTS, pa.timestamp("us", "UTC")),
    (_FLOATS, pa.float64()),
    (_WHOLE, pa.int64()),
    (_TRUTHS, pa.bool_()),
)
