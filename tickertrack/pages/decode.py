"""Bytes to text: byte-order mark, valid UTF-8, the declared charset, damaged UTF-8, cp1252."""

from __future__ import annotations

import codecs
import re

__all__ = ["MARKS", "decode"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:\-]{2,40})""", re.IGNORECASE
)
# Where a page may declare its charset (WHATWG: the first 1,024 bytes).
_HEAD = 1024
_FALLBACK = "cp1252"
_OF_PAGES = re.compile(
    r"utf-(?:8|16(?:-[bl]e)?)|cp[0-9]+|iso8859-[0-9]+|iso2022_jp|koi8-[rut]|mac-[a-z]+|kz1048|"
    r"gb2312|gbk|gb18030|hz|big5|big5hkscs|euc_(?:jp|kr)|johab|shift_jis|tis-620"
)


def decode(content: bytes, declared: str | None = None) -> str:
    """
    Decode a page; what is no text in the last resort becomes U+FFFD, never a guess.

    `declared` is the charset of the transport, if any; else the page's own head is asked.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        charset = _charset(content, declared)
        return _damaged(content) if charset == "utf-8" else content.decode(charset, "replace")


def _charset(content: bytes, declared: str | None) -> str:
    found = _DECLARED.search(content[:_HEAD])
    # Where nothing is declared, the pages themselves say whether they are UTF-8 but for a byte.
    label = declared or (found[1].decode("ascii") if found else "utf-8")
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return _FALLBACK
    # A latin-1 label means cp1252 to every browser. What is no charset of pages (`hex`, `utf-7`,
    # `unicode_escape`) would run or rewrite what it reads.
    known = name not in {"iso8859-1", "ascii"} and _OF_PAGES.fullmatch(name) is not None
    return name if known else _FALLBACK


def _damaged(content: bytes) -> str:
    """Decode what is not quite UTF-8: damaged UTF-8, or cp1252 under a wrong label or none."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = sum(character > "\x7f" for character in text) - broken
    # Text of cp1252 makes a whole letter of UTF-8 by the rarest chance: one outweighs one stray.
    return text if whole >= broken else content.decode(_FALLBACK, "replace")
