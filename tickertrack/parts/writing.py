"""Facts of one input to its part: a table each, and a note when all of them are there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from tickertrack.closing import Closing
from tickertrack.errors import OutOfReachError, SourceError
from tickertrack.parts.folder import Folder
from tickertrack.parts.notes import NOTES, Head, Note, name_of
from tickertrack.parts.tables import TABLES, rows_of, schema_of, table_of
from tickertrack.reading import Batch
from tickertrack.store.facts import Facts, Row

__all__ = ["GROUP", "write_part"]

# Pages of a row group: with so many of each table a merge has work enough, and memory for it.
GROUP = 2_000


def write_part(folder: Folder, head: Head, batches: Iterable[Batch], before: Note | None) -> Note:
    """
    Write what was read of an input, over what was there `before`.

    Raises StoreError; and OutOfReachError where the input is out of reach now, and a whole part is
    there, which stays.

    The same row group of each table is of the same pages. Nothing is there until all is read, and
    without its note, which comes last, a part does not count: half a part is written again.
    """
    with _Sheets(head) as sheets:
        for facts in _groups(batches, sheets.errors):
            sheets.add(facts)
        if sheets.beyond and before and before.whole:
            raise sheets.beyond
        sheets.add_errors()
        name = name_of(head.input)
        note = f"{NOTES}/{name}.json"
        if before:
            folder.remove(note)
        for table in TABLES:
            path = f"{table}/{name}.parquet"
            content = sheets.content(table)
            if content is not None:
                folder.write(path, content)
            elif before and before.rows.get(table):
                folder.remove(path)
        told = sheets.note()
        folder.write(note, json.dumps(asdict(told)).encode() + b"\n")
    return told


def _groups(batches: Iterable[Batch], errors: list[SourceError]) -> Iterator[Facts]:
    """Cut facts into groups of so many pages, however they came; errors are set aside."""
    group = Facts([], {})
    for batch in batches:
        errors.extend(batch.errors)
        strips = dict(batch.facts.strips)
        for page in batch.facts.pages:
            group.pages.append(page)
            if page.strip_id in strips:
                group.strips[page.strip_id] = strips.pop(page.strip_id)
            if len(group.pages) == GROUP:
                yield group
                group = Facts([], {})
    if group.pages:
        yield group


@dataclass(slots=True, eq=False)
class _Sheets(Closing):
    """The tables of one part while they are made, in files that go with the process."""

    head: Head
    errors: list[SourceError] = field(default_factory=list)
    _files: dict[str, IO[bytes]] = field(default_factory=dict)
    _writers: dict[str, Any] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=lambda: {"found": 0, "refused": 0, "bare": 0})
    _groups: int = 0
    _size: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Give the files back."""
        self._stack.close()

    @property
    def beyond(self) -> OutOfReachError | None:
        """Give the first error that says no more than that the input is out of reach now."""
        return next((one for one in self.errors if isinstance(one, OutOfReachError)), None)

    def add(self, facts: Facts) -> None:
        """Write a row group of each table."""
        rows = rows_of(facts)
        for table in TABLES:
            self._write(table, rows[table])
        self._groups += 1
        self._counts["found"] += sum(page.found for page in facts.pages)
        self._counts["bare"] += sum(page.found == 0 for page in facts.pages)
        self._counts["refused"] += len(rows["quarantine"])

    def add_errors(self) -> None:
        """Write what could not be read below what was refused."""
        rows: list[Row] = [
            (None, str(error.path), error.line, error.reason, error.what) for error in self.errors
        ]
        for start in range(0, len(rows), GROUP):
            self._write("quarantine", rows[start : start + GROUP])

    def content(self, table: str) -> IO[bytes] | None:
        """Give a table as a file; None where it has no row."""
        if table not in self._writers:
            return None
        self._writers[table].close()
        file = self._files[table]
        self._size += file.tell()
        file.seek(0)
        return file

    def note(self) -> Note:
        """Say what was written."""
        counts = {**self._counts, "errors": len(self.errors), "size": self._size}
        return Note(self.head, self._rows, whole=self.beyond is None, **counts)

    def _write(self, table: str, rows: Sequence[Row]) -> None:
        if not rows and table not in self._writers:
            return
        writer = self._writers.get(table) or self._begun(table)
        writer.write_table(table_of(table, rows, writer.schema), row_group_size=max(len(rows), 1))
        self._rows[table] = self._rows.get(table, 0) + len(rows)

    def _begun(self, table: str) -> Any:
        import pyarrow.parquet as pq  # noqa: PLC0415  (only a scan writes parts)

        metadata = {
            "tickertrack.schema": str(self.head.schema),
            "tickertrack.version": self.head.tickertrack,
            "tickertrack.order": self.head.order,
            "tickertrack.reading": self.head.reading,
        }
        schema = schema_of(table).with_metadata(metadata)
        file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the stack)
        self._files[table] = self._stack.enter_context(file)
        how = {"compression": "zstd", "write_page_checksum": True}
        writer = self._writers[table] = pq.ParquetWriter(file, schema, **how)
        # It begins where the others are.
        for _ in range(self._groups):
            writer.write_table(schema.empty_table())
        return writer
