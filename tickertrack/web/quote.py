"""A quote: the line as printed, its verdict, its strip, how that was dated, and where it lies."""

from __future__ import annotations

from pathlib import Path

from tickertrack.store import browse
from tickertrack.store.connect import told
from tickertrack.tracker import Tracker
from tickertrack.web.showing import Asked, Page, missing

__all__ = ["quote"]

_PAGES = 10
# An id has 63 bits; what is above is no number of SQLite's.
_HIGHEST = (1 << 63) - 1


def quote(tracker: Tracker, asked: Asked) -> Page:
    """Show one line of a page's strip."""
    page_id, line = int(asked.named["page"]), int(asked.named["line"])
    if page_id > _HIGHEST:
        return missing("no page has such a number")
    with told(tracker.path):
        connection = tracker.reader()
        found = browse.quote_on_page(connection, page_id, line)
        if found is None:
            return missing("no such line is stored", "A page that reads otherwise has new lines.")
        count, others = browse.other_pages(connection, found["strip_id"], page_id, _PAGES)
        context = {
            "title": f"{found['symbol']}: a line of a strip",
            "quote": found,
            "file_name": Path(found["file"]).name,
            "strip": browse.strip_lines(connection, found["strip_id"]),
            "sittings": browse.sittings_on_page(connection, page_id),
            "others": others,
            "other_count": count,
        }
    return Page("quote.html", context)
