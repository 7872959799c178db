"""Page text made harmless: for a terminal no control character, for a spreadsheet no formula."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["safe_cell", "safe_term"]

# C0 but tab and line feed, DEL, C1, and the marks that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_LINE_BREAKS = re.compile(r"[\t\n]+")
_FORMULA = frozenset("=+-@\t\r\n|")


def safe_term(text: str) -> str:
    """Show what would move a terminal's cursor as a visible mark; line breaks become blanks."""
    return _CONTROL.sub(_mark, _LINE_BREAKS.sub(" ", text))


def safe_cell(text: str) -> str:
    """Take the meaning of a formula from a text, also where it begins after blanks or a break."""
    text = _CONTROL.sub(_mark, text)
    begins = (line.lstrip(" \u00a0\u3000\ufeff") for line in text.split("\n"))
    risky = any(
        line and (line[0] in _FORMULA or unicodedata.normalize("NFKC", line[0]) in _FORMULA)
        for line in begins
    )
    return f"'{text}" if risky else text


def _mark(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < ord(" ") else "\ufffd"
