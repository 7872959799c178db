"""Page text made harmless: for a terminal no control character, for a spreadsheet no formula."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["safe_cell", "safe_term"]

# What is shown instead: of C0, but tab and line feed, its picture; of DEL, C1, and the marks that
# turn the direction of writing, that something stood there.
_MARKS = {code: chr(0x2400 + code) for code in (*range(0x09), *range(0x0B, 0x20))} | dict.fromkeys(
    (*range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF),
    "\ufffd",
)
_FORMULA = frozenset("=+-@\t\r\n|")


def safe_term(text: str) -> str:
    """Show what would move a terminal's cursor as a visible mark; line breaks become blanks."""
    return re.sub(r"[\t\n]+", " ", text).translate(_MARKS)


def safe_cell(text: str) -> str:
    """Take the meaning of a formula from a text, also where it begins after blanks or a break."""
    if text[:1].isalnum() and text.isprintable():
        # As most are, and a long table has a hundred thousand of them.
        return text
    text = text.translate(_MARKS)
    begins = (line.lstrip(" \u00a0\u3000\ufeff") for line in text.split("\n"))
    risky = any(
        line and (line[0] in _FORMULA or unicodedata.normalize("NFKC", line[0]) in _FORMULA)
        for line in begins
    )
    return f"'{text}" if risky else text
