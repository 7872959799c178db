"""Bytes to text: byte-order mark, then valid UTF-8, then the declared charset, then cp1252."""

from __future__ import annotations

import codecs
import re

__all__ = ["decode"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:\-]{2,40})""", re.IGNORECASE)
# Where a page may declare its charset (WHATWG: the first 1,024 bytes).
_HEAD = 1024
_FALLBACK = "cp1252"


def decode(content: bytes, declared: str | None = None) -> str:
    """
    Decode a page; what is no text in the last resort becomes U+FFFD, never a guess.

    `declared` is the charset of the transport, if any; else the page's own head is asked.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(_charset(content, declared), "replace")


def _charset(content: bytes, declared: str | None) -> str:
    found = _DECLARED.search(content[:_HEAD])
    label = declared or (found[1].decode("ascii") if found else "")
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return _FALLBACK
    # A latin-1 label means cp1252 to every browser; a UTF-8 label did not hold, as we saw.
    return _FALLBACK if name in {"iso8859-1", "ascii", "utf-8"} else name
