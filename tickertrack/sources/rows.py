"""Records of JSON lines and Parquet to captured copies; what cannot be wanted is passed over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from tickertrack.errors import SourceError
from tickertrack.models import CaptureBasis, Locator
from tickertrack.pages import Capture, decode
from tickertrack.pages.dates import captured_of
from tickertrack.sources.given import Given
from tickertrack.sources.remote import File, opened
from tickertrack.sources.sieve import Sieve, sieve_of

__all__ = ["STDIN", "json_lines", "name_of", "parquet_rows"]

STDIN = "-"
# Web-text corpora call the crawl's time `date` or `timestamp`: it is a capture time, not news.
_CAPTURED = ("captured_at", "timestamp", "date", "crawl_date", "warc_date")
_PUBLISHED = ("published_at", "published")
# What the metadata of a scan's tables have.
_PART = b"tickertrack.schema"
_ROWS = 1024
_TEXTS = {"html", "text", "content", "raw_content"}
_COLUMNS = {"url", "title", *_TEXTS, *_CAPTURED, *_PUBLISHED}

Found = Iterator[Capture | SourceError]


def json_lines(lines: Iterable[bytes], path: File, given: Given) -> Found:
    """Yield what JSON lines hold, and an error for each that holds none."""
    sieve = sieve_of(given.hosts, given.markers)
    offset = records = 0
    for number, line in enumerate(lines, start=1):
        if line.strip():
            records += 1
            if sieve is None or sieve.may_want(line):
                locator = Locator(name_of(path), offset, len(line))
                yield from _sifted(_json_record(line, path, number, locator, given), sieve)
        offset += len(line)
    if records == 0:
        yield SourceError("is empty", path=path)


def _sifted(found: Capture | SourceError, sieve: Sieve | None) -> Found:
    wanted = sieve is None or isinstance(found, SourceError) or sieve.wants(found.url, found.text)
    if wanted:
        yield found


def _json_record(
    line: bytes, path: File, number: int, locator: Locator, given: Given
) -> Capture | SourceError:
    try:
        record = json.loads(decode(line))
    except (ValueError, RecursionError) as error:
        return SourceError(f"is not JSON ({error})", path=path, line=number)
    if not isinstance(record, dict):
        return SourceError("is not a JSON object", path=path, line=number)
    return _record(record, path, number, locator, given)


def parquet_rows(path: File, given: Given) -> Found:
    """Yield what the rows of a Parquet file hold, and an error for each that holds nothing."""
    # Imported where it is used: most tickers come as text.
    import pyarrow.parquet as pq  # noqa: PLC0415
    from pyarrow import ArrowException  # noqa: PLC0415

    try:
        with opened(path) as packed, pq.ParquetFile(packed) as file:
            if _PART in (file.schema_arrow.metadata or {}):
                yield SourceError("is a part of a scan", path=path, advice="ingest its folder")
                return
            wanted = [name for name in file.schema_arrow.names if name in _COLUMNS]
            if not _TEXTS.intersection(wanted):
                # Said once, not of every row.
                yield SourceError("has no column text or html", path=path)
                return
            if file.metadata.num_rows == 0:
                yield SourceError("is empty", path=path)
            yield from _rows(file.iter_batches(_ROWS, columns=wanted), path, given)
    except (ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
        # A time that no calendar has, or a zone that nobody knows, is the file's fault too.
        yield SourceError(f"is no readable Parquet ({_one_line(error)})", path=path)


def _rows(batches: Iterable[Any], path: File, given: Given) -> Found:
    sieve = sieve_of(given.hosts, given.markers)
    first = 0
    for batch in batches:
        rows: Sequence[int] = range(batch.num_rows)
        if sieve:
            rows = sieve.sift(batch, _TEXTS.intersection(batch.schema.names))
        kept = batch if len(rows) == batch.num_rows else batch.take(rows)
        for number, record in zip(rows, kept.to_pylist(), strict=True):
            locator = Locator(name_of(path), first + number, 1)
            yield from _sifted(_record(record, path, first + number + 1, locator, given), sieve)
        first += batch.num_rows


def _record(
    record: dict[str, Any], path: File, number: int, locator: Locator, given: Given
) -> Capture | SourceError:
    html, text = _text(record, "html"), _text(record, "text", "content", "raw_content")
    if not (html or text):
        return SourceError("has neither text nor html", path=path, line=number)
    try:
        stated = _captured(record)
    except ValueError as error:
        return SourceError(f"has a capture time that is none: {error}", path=path, line=number)
    day, stated = (None, stated) if isinstance(stated, datetime) else (stated, None)
    basis: CaptureBasis = "stated" if stated else "given" if given.captured_at else "unknown"
    return Capture(
        text=html or text or "",
        locator=locator,
        html=html is not None,
        url=_text(record, "url"),
        captured_at=stated or given.captured_at,
        captured_on=day or (None if stated else given.captured_on),
        capture_basis=basis,
        title=_text(record, "title"),
        published=_text(record, *_PUBLISHED),
    )


def _text(record: dict[str, Any], *keys: str) -> str | None:
    for key in keys:
        value = record.get(key)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, bytes):
            value = decode(value)
        if isinstance(value, str) and value.strip():
            # Half of a surrogate pair is no text, and no database takes it.
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return None


def _captured(record: dict[str, Any]) -> datetime | date | None:
    """Give the capture time in UTC, or the bare day; raises ValueError for what is neither."""
    value = next((record[key] for key in _CAPTURED if record.get(key)), None)
    return None if value is None else captured_of(value)


def name_of(path: File) -> str:
    """Name a file as locators do."""
    return STDIN if str(path) == STDIN else str(path.absolute())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
