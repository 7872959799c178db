"""What stands in an archive of ours and not yet in the database: a round was cut short there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tickertrack.sources.warc import mend
from tickertrack.store.stored import kept_until

if TYPE_CHECKING:
    from tickertrack.sources.warc import Archive
    from tickertrack.tracker import Tracker

__all__ = ["unstored"]


def unstored(tracker: Tracker, archive: Archive) -> Iterator[tuple[Path, int]]:
    """Yield the files that hold more than the database has of them, mended, and from where on."""
    known = kept_until(tracker.writer(), archive.folder)
    # Only the last files can have been cut short; older ones were whole when the next began.
    for path in archive.files()[-2:]:
        until = known.get(str(path.absolute()), 0)
        if mend(path, until) > until:
            yield path, until
