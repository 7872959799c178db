"""Answers as files, by their endings: whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tickertrack.errors import LeftOutError, QueryError, TickertrackError
from tickertrack.frames.ledgers import to_beancount, to_ledger
from tickertrack.frames.typed import DAYS, MOMENTS
from tickertrack.harmless import safe_cell
from tickertrack.suggest import meant

__all__ = ["EXPORTS", "drafted", "unknown_ending", "write_file"]

# What a sheet and one of its cells hold; of a text in halves of a pair, as it counts them.
_SHEET_ROWS, _CELL = 1_048_576, 32_767
_GROUP = 50
# So much of a symbol, and of so many of them, is told where they are left out.
_SHOWN, _MOST = 60, 3


def write_file(
    answer: pd.DataFrame | pa.RecordBatchReader, path: Path, others: Iterable[str] = ()
) -> int:
    """
    Write a frame or a stream by the ending of its path, whole or not at all; count its rows.

    Texts are made harmless for CSV and spreadsheets. What is there keeps its mode, and a link
    still points to it. Raises QueryError for an unknown ending, and suggests one of ours or of
    the others that its caller writes; and LeftOutError, once all else is written, where there are
    symbols that a book cannot name.
    """
    writer = EXPORTS.get(path.suffix.lower())
    if writer is None:
        raise unknown_ending(path, (*EXPORTS, *others))
    if isinstance(answer, pd.DataFrame):
        answer = _read(answer)
    counts: list[int] = []
    with drafted(path) as draft:
        left = writer(_counted(answer, counts), draft)
    if left:
        raise _lacking(path, left, sum(counts))
    return sum(counts)


def _lacking(path: Path, left: Counter[str], rows: int) -> LeftOutError:
    shown = ", ".join(repr(symbol[:_SHOWN]) for symbol in list(left)[:_MOST])
    more = f" and {len(left) - _MOST} more" if len(left) > _MOST else ""
    book = path.suffix.removeprefix(".").lower()
    lacks = f"{left.total()} of {rows} rows left out, of {shown}{more}, which {book} cannot name"
    return LeftOutError(lacks, path=path, symbols=tuple(left), written=rows - left.total())


def unknown_ending(path: Path, known: Iterable[str]) -> QueryError:
    """Say of a path's ending that nothing is written by it, and which may be meant."""
    # Without the dot, which makes any two alike.
    names = [one.removeprefix(".") for one in known]
    if not path.suffix:
        listed = ", ".join(sorted(names))
        return QueryError(f"{path.name!r} has no ending to write it by", advice=f"known: {listed}")
    advice = meant(path.suffix.removeprefix("."), names)
    return QueryError(f"no way to write {path.suffix!r}", advice=advice)


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """
    Give a file to write, which takes the place of `path` when that is done, and only then.

    Raises TickertrackError for a place that cannot be written.
    """
    try:
        target = path.resolve()
        handle, draft = tempfile.mkstemp(dir=target.parent, suffix=path.suffix)
        os.close(handle)
        try:
            yield Path(draft)
            _settle(Path(draft), target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise TickertrackError(f"{path}: cannot be written ({reason})") from error


def _read(table: pd.DataFrame) -> pa.RecordBatchReader:
    """Read a frame as a stream, its note with it."""
    plain = pa.Table.from_pandas(table, preserve_index=False)
    note = json.dumps(table.attrs.get("tickertrack", {})).encode()
    metadata = {**(plain.schema.metadata or {}), b"tickertrack": note}
    return plain.replace_schema_metadata(metadata).to_reader()


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


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    return _mapped(table, safe_cell)


def _mapped(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    texts = [column for column in table.columns if pd.api.types.is_string_dtype(table[column])]
    return table.assign(**{column: table[column].map(change, "ignore") for column in texts})


def _days_as_text(table: pd.DataFrame) -> pd.DataFrame:
    days = [name for name in table.columns if name in DAYS]
    moments = [name for name in table.columns if name in MOMENTS]
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
        cells = _mapped(_cells(_days_as_text(table)), _fitting)
        cells.to_excel(book, index=False, sheet_name="tickertrack")


def _fitting(text: str) -> str:
    """Cut a text that is longer than a cell: the writer would, without a sign of it."""
    if len(text) * 2 <= _CELL:
        return text
    pairs = text.encode("utf-16-le")
    if len(pairs) <= 2 * _CELL:
        return text
    return pairs[: 2 * (_CELL - 1)].decode("utf-16-le", "ignore") + "…"


EXPORTS: dict[str, Callable[[pa.RecordBatchReader, Path], Counter[str] | None]] = {
    ".csv": _to_csv,
    ".json": _to_json,
    ".jsonl": _to_jsonl,
    ".parquet": _to_parquet,
    ".feather": _to_feather,
    ".xlsx": _to_xlsx,
    ".ledger": to_ledger,
    ".beancount": to_beancount,
}
