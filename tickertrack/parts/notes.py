"""What is noted of each part: of which input it is, how it was read, and what it holds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib import metadata
from typing import Any

from tickertrack.errors import SourceError
from tickertrack.parts.folder import SCHEMA, Folder, newer

__all__ = ["NOTES", "Head", "Note", "name_of", "note_of", "notes_of"]

NOTES = "parts"
_SHOWN = 80


@cache
def _version() -> str:
    return metadata.version("tickertrack")


@dataclass(frozen=True, slots=True)
class Head:
    """
    What a part is of: an input by its path or address, its `state` when it was read, and the order.

    Equal heads give equal parts, as far as one tickertrack reads them.
    """

    input: str
    state: str
    order: str
    tickertrack: str = field(default_factory=_version)
    schema: int = SCHEMA

    @property
    def reading(self) -> str:
        """A digest that all tables of one part share."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Note:
    """
    A part that is there: its head, and the rows of its tables (of no rows there is no file).

    `found` counts lines that look like ticker lines, `refused` those in quarantine, `bare` pages
    without any, `errors` what could not be read; `size` is in bytes. A part that is not `whole` is
    of an input that was out of reach.
    """

    head: Head
    rows: Mapping[str, int] = field(default_factory=dict)
    found: int = 0
    refused: int = 0
    bare: int = 0
    errors: int = 0
    size: int = 0
    whole: bool = True

    @property
    def digest(self) -> str:
        """What tells the part from all others, and from itself when it was read otherwise."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]

    def stands(self, head: Head) -> bool:
        """Say whether it is what reading its input again would give."""
        same = (head.input, head.state, head.order, head.schema)
        mine = (self.head.input, self.head.state, self.head.order, self.head.schema)
        return self.whole and mine == same


def name_of(place: str) -> str:
    """Name the part of an input: by its own name, and by a digest of all of its path or address."""
    shown = re.sub(r"[^A-Za-z0-9._-]+", "_", place.rstrip("/").rpartition("/")[2])[-_SHOWN:]
    digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{shown.lstrip('.-')}-{digest[:16]}"


def note_of(folder: Folder, name: str) -> Note | None:
    """Give what is noted of a part; None where nothing is, or nothing that we can read."""
    told = folder.read(f"{NOTES}/{name}.json")
    read = None if told is None else _read(told, name)
    return read if isinstance(read, Note) else None


def notes_of(folder: Folder) -> Iterator[tuple[str, Note | SourceError]]:
    """Give what is noted of all parts, by name."""
    for file, told in folder.read_all(NOTES).items():
        if file.endswith(".json") and not file.startswith("."):
            name = file.removesuffix(".json")
            yield name, _read(told, folder.path(f"{NOTES}/{file}"))


def _read(told: bytes, path: str) -> Note | SourceError:
    try:
        table: dict[str, Any] = json.loads(told)
        head = table.pop("head")
        if head["schema"] > SCHEMA:
            return SourceError(newer(head["schema"]), path=path, advice="upgrade tickertrack")
        return Note(Head(**head), **{one.name: table[one.name] for one in fields(Note)[1:]})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return SourceError(f"is no note of a part ({error!r})", path=path, advice="scan again")
