"""Files, folders and standard input: text, HTML, JSONL, Parquet and WARC to captured copies."""

from __future__ import annotations

import codecs
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from glob import glob, has_magic
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import zstandard

from tickertrack.errors import OutOfReachError, SourceError
from tickertrack.models import CaptureBasis, Locator
from tickertrack.pages import Capture, decode, looks_like_html
from tickertrack.pages.dates import captured_of
from tickertrack.pages.decode import MARKS
from tickertrack.sources.remote import File, Remote, is_pattern, list_remote, opened

if TYPE_CHECKING:
    from tickertrack.sources.warc import Stretch

__all__ = [
    "SCAN",
    "STDIN",
    "Given",
    "captures_in",
    "captures_of",
    "given_of",
    "is_archive",
    "list_files",
    "stdin_bytes",
    "stretch_in",
]

STDIN = "-"
# Marks a folder that a scan has written: no pages, but facts of pages.
SCAN = "tickertrack-scan.json"
# Web-text corpora call the crawl's time `date` or `timestamp`: it is a capture time, not news.
_CAPTURED = ("captured_at", "timestamp", "date", "crawl_date", "warc_date")
_PUBLISHED = ("published_at", "published")
# What the metadata of a scan's tables have.
_PART = b"tickertrack.schema"
_BINARY = b"\x00"
_SNIFF = 8192

Found = Iterator[Capture | SourceError]


@dataclass(frozen=True, slots=True)
class Given:
    """
    What the caller says of pages that say nothing themselves.

    Of archives only pages of `hosts` that hold any of `markers` are wanted, where these are given.
    """

    captured_at: datetime | None = None
    captured_on: date | None = None
    hosts: frozenset[str] | None = None
    markers: frozenset[str] | None = None


def given_of(captured_at: datetime | date | None) -> Given:
    """Tell a time from a bare day."""
    if captured_at is None or isinstance(captured_at, datetime):
        return Given(captured_at)
    return Given(captured_on=captured_at)


def list_files(path: File) -> list[File]:
    """List the readable files of a folder or a pattern, by name; raises SourceError for none."""
    if isinstance(path, Remote):
        return _listed(path)
    try:
        if not path.exists():
            return _matching(path)
        if path.is_file():
            return [path]
        scans = {one.parent for one in path.rglob(SCAN)}
        files = (one for one in path.rglob("*") if one.is_file() and _kind(one) is not None)
        return sorted(one for one in files if scans.isdisjoint(one.parents))
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", path=path) from error


def _listed(remote: Remote) -> list[File]:
    # What is a file by its name is not asked for before it is read.
    if _kind(remote) and not is_pattern(remote):
        return [remote]
    listed = list_remote(remote)
    scans = tuple(str(one).removesuffix(SCAN) for one in listed if one.name == SCAN)
    return [one for one in listed if _kind(one) is not None and not one.startswith(scans)]


def _matching(path: Path) -> list[File]:
    """List the files of a pattern, by name; raises SourceError where none is meant or matches."""
    # Not Path.glob: that takes no pattern which begins at the root.
    named = glob(str(path), recursive=True) if has_magic(str(path)) else []  # noqa: PTH207
    found = sorted(map(Path, named))
    if not found:
        raise SourceError("no such file or folder", path=path)
    return [file for one in found for file in list_files(one)]


def is_archive(path: File) -> bool:
    """Say whether a file's records can be read each by itself, by its place."""
    return _kind(path) == "warc"


def stretch_in(path: File, given: Given, stretch: Stretch) -> Found:
    """Yield what a stretch of an archive holds, as `captures_in` does; it moves."""
    try:
        yield from _archive(path, given, stretch)
    except SourceError as error:
        yield error
    except OSError as error:
        yield _unreadable(path, error)


def captures_in(path: File, given: Given) -> Found:
    """Yield what a file holds; a record that cannot be read yields its error instead."""
    reader = _READERS.get(_kind(path) or "")
    if reader is None:
        yield SourceError(
            "unknown kind of file", path=path, advice=f"known endings: {', '.join(_ENDINGS)}"
        )
        return
    try:
        yield from reader(path, given)
    except SourceError as error:
        yield error
    except OSError as error:
        yield _unreadable(path, error)
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        yield SourceError(f"is damaged ({error})", path=path)


def _unreadable(path: File, error: OSError) -> SourceError:
    # Damage is an OSError to gzip, and remains.
    kind = SourceError if isinstance(error, gzip.BadGzipFile) else OutOfReachError
    return kind(f"cannot be read ({error.strerror or error})", path=path)


def captures_of(content: bytes, given: Given) -> Found:
    """Yield what stands on standard input: one page, or JSON lines."""
    first = content.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    where = Path(STDIN)
    if first == b"{":
        yield from _json_lines(content.splitlines(keepends=True), where, given)
    else:
        yield from _whole(content, where, given, html=None)


def stdin_bytes() -> bytes:
    """Read standard input to its end."""
    return sys.stdin.buffer.read()


def _kind(path: File) -> str | None:
    name = path.name.lower()
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def _page_file(path: File, given: Given) -> Found:
    name = path.name.lower().removesuffix(".gz")
    with _unpacked(path) as file:
        content = file.read()
    yield from _whole(content, path, given, html=_HTML.get(Path(name).suffix))


def _whole(content: bytes, path: File, given: Given, *, html: bool | None) -> Found:
    if not content.strip():
        yield SourceError("is empty", path=path)
        return
    marked = content.startswith(tuple(mark for mark, _ in MARKS))
    if _BINARY in content[:_SNIFF] and not marked:
        yield SourceError("is binary, not a page", path=path)
        return
    text = decode(content)
    yield Capture(
        text=text,
        locator=Locator(_name(path), 0, len(content)),
        html=looks_like_html(text) if html is None else html,
        captured_at=given.captured_at,
        captured_on=given.captured_on,
        capture_basis="given" if given.captured_at else "unknown",
    )


def _jsonl_file(path: File, given: Given) -> Found:
    with _unpacked(path) as lines:
        yield from _json_lines(lines, path, given)


@contextmanager
def _unpacked(path: File) -> Iterator[IO[bytes]]:
    """Open a file, unpacked as its name says."""
    name = path.name.lower()
    with opened(path) as file:
        if name.endswith(".gz"):
            with gzip.open(file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        elif name.endswith(".zst"):
            with BufferedReader(zstandard.open(file, "rb")) as unpacked:
                yield unpacked
        else:
            yield file


def _json_lines(lines: Any, path: File, given: Given) -> Found:
    offset = records = 0
    for number, line in enumerate(lines, start=1):
        if line.strip():
            records += 1
            locator = Locator(_name(path), offset, len(line))
            yield _json_record(line, path, number, locator, given)
        offset += len(line)
    if records == 0:
        yield SourceError("is empty", path=path)


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


def _parquet_file(path: File, given: Given) -> Found:
    # Imported where it is used: most tickers come as text.
    import pyarrow.parquet as pq  # noqa: PLC0415
    from pyarrow import ArrowException  # noqa: PLC0415

    number = 0
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
            for batch in file.iter_batches(batch_size=1024, columns=wanted):
                for record in batch.to_pylist():
                    locator = Locator(_name(path), number, 1)
                    number += 1
                    yield _record(record, path, number, locator, given)
        if number == 0:
            yield SourceError("is empty", path=path)
    except (ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
        # A time that no calendar has, or a zone that nobody knows, is the file's fault too.
        yield SourceError(f"is no readable Parquet ({_one_line(error)})", path=path)


def _warc_file(path: File, given: Given) -> Found:
    yield from _archive(path, given, None)


def _archive(path: File, given: Given, stretch: Stretch | None) -> Found:
    # Imported where it is used, as Parquet's reader is.
    from tickertrack.sources import warc  # noqa: PLC0415

    yield from warc.captures_in(path, given.hosts, given.markers, stretch)


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


def _name(path: File) -> str:
    return STDIN if str(path) == STDIN else str(path.absolute())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


_READERS: dict[str, Callable[[File, Given], Found]] = {
    "page": _page_file,
    "jsonl": _jsonl_file,
    "parquet": _parquet_file,
    "warc": _warc_file,
}
_ENDINGS = {
    ".txt": "page",
    ".txt.gz": "page",
    ".html": "page",
    ".htm": "page",
    ".html.gz": "page",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".jsonl.zst": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".warc": "warc",
    ".warc.gz": "warc",
    ".warc.zst": "warc",
    ".wet": "warc",
    ".wet.gz": "warc",
    ".wet.zst": "warc",
}
_HTML = {".txt": False, ".html": True, ".htm": True}
_TEXTS = {"html", "text", "content", "raw_content"}
_COLUMNS = {"url", "title", *_TEXTS, *_CAPTURED, *_PUBLISHED}
