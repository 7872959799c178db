"""Simulated power cuts: what was not synced is lost, reordered or torn; what was stays whole."""
# ruff: noqa: D102, D107, N802  (what SQLite calls, by the names that it calls)

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest
from support import TABLES, faults, made_pages, watching, write_pages

import tickertrack as tt

# Few pages to a transaction, and the log written back often: cuts fall into all of it.
PAGES, BATCH, WRITE_BACK = 36, 3, 60
SECTOR = 512
DURABLE = "PRAGMA synchronous = FULL"
CARELESS = "PRAGMA synchronous = OFF"

Script = list[str]
State = tuple[frozenset[tuple[object, ...]], ...]
NOTHING: State = ()


@dataclass(frozen=True)
class Event:
    """One thing that a program asked of its disk: to write, truncate, sync or delete a file."""

    kind: str
    file: str
    offset: int = 0
    data: bytes = b""


@dataclass
class Protocol:
    """All that was asked of a disk, in order, and after how much of it each commit returned."""

    events: list[Event] = field(default_factory=list)
    commits: list[tuple[int, State]] = field(default_factory=lambda: [(0, NOTHING)])

    def add(self, kind: str, file: str | None, offset: int = 0, data: bytes = b"") -> None:
        if file:
            self.events.append(Event(kind, Path(file).name, offset, bytes(data)))


class RecordedFile(apsw.VFSFile):
    """A file as SQLite knows it, with a protocol."""

    def __init__(
        self, name: str | apsw.URIFilename | None, flags: list[int], kept: Protocol
    ) -> None:
        super().__init__("", name, flags)
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.kept = kept

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self.kept.add("write", self.name, offset, data)

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self.kept.add("truncate", self.name, newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self.kept.add("sync", self.name)


class RecordedDisk(apsw.VFS):
    """A disk as SQLite knows it, with a protocol."""

    def __init__(self, name: str, kept: Protocol) -> None:
        super().__init__(name, "")
        self.name = name
        self.kept = kept

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> RecordedFile:
        return RecordedFile(name, flags, self.kept)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001
        super().xDelete(filename, syncdir)
        self.kept.add("delete", filename)


# --- what tickertrack really asks of SQLite, and what SQLite then asks of the disk ---------------


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> list[Script]:
    """Write down every statement of two real ingests, connection by connection."""
    folder = tmp_path_factory.mktemp("traced")
    pages = made_pages(PAGES)
    traced: list[Script] = []

    def trace(connection: sqlite3.Connection) -> None:
        traced.append([])
        connection.set_trace_callback(traced[-1].append)

    patch = pytest.MonkeyPatch()
    patch.setattr("tickertrack.tracker.BATCH", BATCH)
    with watching(trace):
        for half in (pages[::2], pages[1::2]):
            with tt.open(folder / "x.db") as tracker:
                tracker.ingest(write_pages(folder / "pages.jsonl", half))
    patch.undo()
    return [list(_own(script)) for script in traced]


def _own(script: Script) -> Iterator[str]:
    # What triggers and the search index do is traced too, as a comment or as the statement that
    # set it off once more; they do it by themselves.
    before = ""
    for statement in script:
        if not statement.startswith("--") and statement != before:
            yield statement
            before = statement


def replayed(scripts: list[Script], folder: Path) -> Protocol:
    """Run the statements on a recorded disk."""
    kept = Protocol()
    disk = RecordedDisk("recorded", kept)
    database = folder / "x.db"
    for script in scripts:
        connection = apsw.Connection(str(database), vfs=disk.name)
        connection.execute(f"PRAGMA wal_autocheckpoint = {WRITE_BACK}")
        for statement in script:
            for _ in connection.execute(statement):
                pass
            if statement == "COMMIT":
                kept.commits.append((len(kept.events), state_of(connection)))
        connection.close()
    disk.unregister()
    return kept


def state_of(connection: sqlite3.Connection | apsw.Connection) -> State:
    """Say what a database holds, in every row: after each transaction it is something else."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not version:
        return NOTHING
    selected = (connection.execute(f"SELECT * FROM {table}") for table in TABLES)
    return tuple(frozenset(map(tuple, rows)) for rows in selected)


# --- the cut -------------------------------------------------------------------------------------


def left_on_disk(events: list[Event], rng: random.Random) -> dict[str, bytearray]:
    """
    Rebuild what the disk holds after a power cut behind the last event.

    A file's events before its last sync are there. Of the later ones each is there, is not, or is
    there by some of its sectors. A deletion holds once anything was synced after it.
    """
    synced = {event.file: number for number, event in enumerate(events) if event.kind == "sync"}
    lastly = max(synced.values(), default=-1)
    keeping = rng.random()
    files: dict[str, bytearray] = {}
    kept_from: set[str] = set()
    for number, event in enumerate(events):
        certain = number <= synced.get(event.file, -1)
        if event.kind == "delete":
            if number <= lastly or rng.random() < keeping:
                files.pop(event.file, None)
            else:
                kept_from.add(event.file)
        elif event.file in kept_from or event.kind == "sync":
            continue
        elif certain or rng.random() < keeping:
            _apply(event, files.setdefault(event.file, bytearray()), None)
        elif rng.random() < keeping:
            _apply(event, files.setdefault(event.file, bytearray()), rng)
    return files


def _apply(event: Event, content: bytearray, torn: random.Random | None) -> None:
    if event.kind == "truncate":
        del content[event.offset :]
        return
    for start, piece in _sectors(event):
        if torn is None or torn.random() < 1 / 2:
            content.extend(bytes(max(start + len(piece) - len(content), 0)))
            content[start : start + len(piece)] = piece


def _sectors(event: Event) -> Iterator[tuple[int, bytes]]:
    start, end = event.offset, event.offset + len(event.data)
    while start < end:
        stop = min((start // SECTOR + 1) * SECTOR, end)
        yield start, event.data[start - event.offset : stop - event.offset]
        start = stop


def outcome(kept: Protocol, folder: Path, rng: random.Random) -> str:
    """Cut the power at random and open what is left: `whole`, or what is wrong with it."""
    cut = rng.randrange(len(kept.events) + 1)
    files = left_on_disk(kept.events[:cut], rng)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        found = _recovered(folder / "x.db")
    except sqlite3.DatabaseError:
        found = None
    finally:
        for left in folder.glob("x.db*"):
            left.unlink()
    states = [state for _, state in kept.commits]
    acknowledged = sum(returned <= cut for returned, _ in kept.commits) - 1
    if found not in states:
        return "corrupt"
    return "whole" if found in states[acknowledged:] else "lost"


def _recovered(database: Path) -> State | None:
    with closing(sqlite3.connect(database)) as connection:
        state = state_of(connection)
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    return state if sound and (state == NOTHING or not faults(database)) else None


def cuts(kept: Protocol, folder: Path, number: int) -> Counter[str]:
    rng = random.Random(2021)  # noqa: S311
    folder.mkdir()
    return Counter(outcome(kept, folder, rng) for _ in range(number))


def test_power_cuts_lose_nothing_acknowledged(scripts: list[Script], tmp_path: Path) -> None:
    assert all(DURABLE in script for script in scripts)
    kept = replayed(scripts, tmp_path)
    assert len(kept.commits) > PAGES // BATCH
    assert cuts(kept, tmp_path / "cut", 150) == {"whole": 150}


@pytest.mark.slow
def test_ten_thousand_power_cuts_lose_nothing(scripts: list[Script], tmp_path: Path) -> None:
    kept = replayed(scripts, tmp_path)
    assert cuts(kept, tmp_path / "cut", 10_000) == {"whole": 10_000}


def test_without_syncs_the_same_cuts_lose_and_corrupt(
    scripts: list[Script], tmp_path: Path
) -> None:
    # The control: the disk is as merciless as it claims to be.
    careless = [[one.replace(DURABLE, CARELESS) for one in script] for script in scripts]
    found = cuts(replayed(careless, tmp_path), tmp_path / "cut", 100)
    assert found["lost"] > 10
    assert found["corrupt"] > 10
