"""What a scan writes: of each input a part, some tables of Parquet with a note, in one folder."""

from tickertrack.parts.folder import Folder, is_scan
from tickertrack.parts.merging import Merge, errors_of, merge_of
from tickertrack.parts.notes import Head, Note, name_of, note_of
from tickertrack.parts.writing import write_part

__all__ = [
    "Folder",
    "Head",
    "Merge",
    "Note",
    "errors_of",
    "is_scan",
    "merge_of",
    "name_of",
    "note_of",
    "write_part",
]
