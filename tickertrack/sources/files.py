"""Files, folders and standard input: text, HTML, JSONL, Parquet and WARC to captured copies."""

from __future__ import annotations

import codecs
import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import zstandard
from isal import igzip, isal_zlib

from tickertrack.errors import OutOfReachError, SourceError
from tickertrack.models import Locator
from tickertrack.pages import Capture, decode, looks_like_html
from tickertrack.pages.decode import MARKS
from tickertrack.sources.given import Given, given_of
from tickertrack.sources.remote import File, Remote, is_pattern, list_remote, opened
from tickertrack.sources.rows import STDIN, json_lines, name_of, parquet_rows

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

# Marks a folder that a scan has written: no pages, but facts of pages.
SCAN = "tickertrack-scan.json"
# Its own types call the second class an error that it is not one of.
_DAMAGE = (EOFError, cast("type[Exception]", isal_zlib.error), zstandard.ZstdError)
_BINARY, _GZIP = b"\x00", b"\x1f\x8b"
_SNIFF = 8192

Found = Iterator[Capture | SourceError]


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
    except _DAMAGE as error:
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
        yield from json_lines(content.splitlines(keepends=True), where, given)
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
        locator=Locator(name_of(path), 0, len(content)),
        html=looks_like_html(text) if html is None else html,
        captured_at=given.captured_at,
        captured_on=given.captured_on,
        capture_basis="given" if given.captured_at else "unknown",
    )


def _jsonl_file(path: File, given: Given) -> Found:
    with _unpacked(path) as lines:
        yield from json_lines(lines, path, given)


@contextmanager
def _unpacked(path: File) -> Iterator[IO[bytes]]:
    """Open a file, unpacked as its name says."""
    name = path.name.lower()
    with opened(path) as file:
        if name.endswith(".gz"):
            if not file.peek().startswith(_GZIP):
                # What is shorter than a header it calls cut off.
                raise gzip.BadGzipFile(f"Not a gzipped file ({file.peek()[:2]!r})")
            with igzip.open(file) as unpacked:  # type: ignore[no-untyped-call]
                yield cast("IO[bytes]", unpacked)
        elif name.endswith(".zst"):
            with BufferedReader(zstandard.open(file, "rb")) as unpacked:
                yield unpacked
        else:
            yield file


def _warc_file(path: File, given: Given) -> Found:
    yield from _archive(path, given, None)


def _archive(path: File, given: Given, stretch: Stretch | None) -> Found:
    # Imported where it is used, as Parquet's reader is.
    from tickertrack.sources import warc  # noqa: PLC0415

    yield from warc.captures_in(path, given.hosts, given.markers, stretch)


_READERS: dict[str, Callable[[File, Given], Found]] = {
    "page": _page_file,
    "jsonl": _jsonl_file,
    "parquet": parquet_rows,
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
