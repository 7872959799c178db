"""WARC: captured pages read out of archives, and what we fetch kept as one."""

from tickertrack.sources.warc.archive import Archive, mend
from tickertrack.sources.warc.captures import (
    Stretch,
    captures_after,
    captures_in,
    copies_after,
    read_at,
    read_each,
)

__all__ = [
    "Archive",
    "Stretch",
    "captures_after",
    "captures_in",
    "copies_after",
    "mend",
    "read_at",
    "read_each",
]
