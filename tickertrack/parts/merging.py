"""Parts of a scan back to facts, batch by batch: what ingest does with a scan's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tickertrack.errors import SourceError
from tickertrack.parts.folder import SCHEMA, Folder, newer
from tickertrack.parts.notes import Note, notes_of
from tickertrack.parts.tables import TABLES, facts_from, rows_out, schema_of
from tickertrack.reading import Batch
from tickertrack.store.facts import Row

__all__ = ["Merge", "errors_of", "merge_of"]

_AGAIN = "scan its input again"


class Merge:
    """The parts of some scans, as their notes have them."""

    def __init__(self, folders: Iterable[Folder], merged: frozenset[str] = frozenset()) -> None:
        """Read the notes, and no part yet; those whose digests are `merged` are passed over."""
        self._parts = [
            (folder, name, note)
            for folder in folders
            for name, note in notes_of(folder)
            if isinstance(note, SourceError) or note.digest not in merged
        ]

    @property
    def size(self) -> int:
        """Count the bytes of all parts."""
        return sum(note.size for _, _, note in self._parts if isinstance(note, Note))

    def batches(self) -> Iterator[Batch]:
        """
        Yield what the parts hold; what their inputs were refused is told no second time.

        A part that cannot be read costs itself: it yields its error instead.
        """
        for folder, name, note in self._parts:
            try:
                if isinstance(note, SourceError):
                    raise note
                yield from _batches(folder, name, note)
            except SourceError as error:
                yield Batch(errors=(error,))


def merge_of(places: Iterable[str], merged: frozenset[str] = frozenset()) -> Merge:
    """Lay out the merge of scans by their folders, without what was. Raises StoreError."""
    return Merge(map(Folder, places), merged)


def errors_of(folder: Folder, name: str, note: Note) -> tuple[SourceError, ...]:
    """List what could not be read of a part's input. Raises SourceError."""
    if not note.errors:
        return ()
    with ExitStack() as stack:
        table = _Table(folder, "quarantine", name, note)
        table.open(stack)
        rows = (row for number in range(table.groups) for row in table.rows(number))
        return _errors(rows)


def _batches(folder: Folder, name: str, note: Note) -> Iterator[Batch]:
    left = note.size
    with ExitStack() as stack:
        tables = [_Table(folder, table, name, note) for table in TABLES if note.rows.get(table)]
        for table in tables:
            table.open(stack)
        groups = max((table.groups for table in tables), default=0)
        for number in range(groups):
            rows: dict[str, list[Row]] = {kind: [] for kind in TABLES}
            rows |= {table.kind: table.rows(number) for table in tables}
            size = note.size // groups
            left -= size
            with _told(folder.path(f"pages/{name}.parquet")):
                facts = facts_from(rows)
            yield Batch(facts, size=size, refusals=_errors(rows["quarantine"]))
    # Of an input that was out of reach there may be more, under the same note.
    yield Batch(size=left, merged={note.digest: note.head.input} if note.whole else {})


class _Table:
    """One table of a part; whatever is wrong with it is a SourceError that names its file."""

    def __init__(self, folder: Folder, kind: str, name: str, note: Note) -> None:
        """Open nothing yet."""
        self.kind = kind
        self._folder, self._file, self._note = folder, f"{kind}/{name}.parquet", note
        self._path = folder.path(self._file)
        self._opened: Any = None

    @property
    def groups(self) -> int:
        """Count its row groups."""
        return int(self._opened.num_row_groups)

    def open(self, stack: ExitStack) -> None:
        """Open it, as long as the stack stands."""
        import pyarrow.parquet as pq  # noqa: PLC0415  (only a merge reads parts)

        with _told(self._path):
            file = stack.enter_context(self._folder.open(self._file))
            checked = pq.ParquetFile(file, page_checksum_verification=True)
            self._opened = stack.enter_context(checked)
            self._check()

    def rows(self, number: int) -> list[Row]:
        """Read a row group: what could not be read stands below the pages, in groups of its own."""
        with _told(self._path):
            there = number < self.groups
            return rows_out(self._opened.read_row_group(number)) if there else []

    def _check(self) -> None:
        schema = self._opened.schema_arrow
        metadata = schema.metadata or {}
        version = int(metadata.get(b"tickertrack.schema", b"0"))
        if version > SCHEMA:
            raise SourceError(newer(version), path=self._path, advice="upgrade tickertrack")
        if not schema.remove_metadata().equals(schema_of(self.kind)):
            raise SourceError("has other columns than a part", path=self._path, advice=_AGAIN)
        told = (metadata.get(b"tickertrack.reading"), self._opened.metadata.num_rows)
        if told != (self._note.head.reading.encode(), self._note.rows[self.kind]):
            raise SourceError("is not what its note is of", path=self._path, advice=_AGAIN)


@contextmanager
def _told(path: str) -> Iterator[None]:
    import pyarrow as pa  # noqa: PLC0415  (likewise)

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        words = " ".join(str(error).split())[:200]
        raise SourceError(f"is no readable part ({words})", path=path, advice=_AGAIN) from error


def _errors(rows: Iterable[Row]) -> tuple[SourceError, ...]:
    return tuple(_error(*row) for row in rows if row[0] is None)


def _error(_: Any, file: Any, line: Any, reason: Any, raw: Any) -> SourceError:
    error = SourceError(raw, path=file, line=line)
    error.reason = reason
    return error
