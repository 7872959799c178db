"""Page text made harmless: for a terminal no control character, for a spreadsheet no formula."""

from __future__ import annotations

import re

__all__ = ["safe_cell", "safe_markup", "safe_term"]

# What is shown instead: of C0, but tab and line feed, its picture; of DEL, C1, the marks that turn
# the direction of writing, and what is no letter to any XML, that something stood there.
_MARKS = {code: chr(0x2400 + code) for code in (*range(0x09), *range(0x0B, 0x20))} | dict.fromkeys(
    (
        *(*range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F)),
        *(*range(0x2066, 0x2070), 0xFEFF, 0xFFFE, 0xFFFF),
    ),
    "\ufffd",
)
# Markup breaks its lines by carriage returns too.
_IN_MARKUP = re.compile(f"[{re.escape(''.join(map(chr, _MARKS)))}]".replace("\r", ""))
# What begins a formula, and what compatibility makes the same of.
_SIGNS = "=+\\-@|⁺⁼₊₌⩵⩶﬩﹢﹣﹦﹫＋－＝＠｜"  # noqa: RUF001  (they are sought because they look alike)
_BLANKS = " \u00a0\u00ad\u200b-\u200d\u2060\u3000\ufffd"
# Where a cell may begin. A reader for whom a comma separates nothing takes no heed of our quotes
# either: to it a semicolon or a line break within a text begins another one.
_FORMULA = re.compile(rf"(?:^|[\n;])(?=[{_BLANKS}]*+[{_SIGNS}])")
# Nor is a tab of use in a cell, and to some it separates too.
_IN_CELL = {**_MARKS, 0x09: " "}


def safe_term(text: str) -> str:
    """Show what would move a terminal's cursor as a visible mark; line breaks become blanks."""
    if text.isprintable():
        # As most are.
        return text
    return re.sub(r"[\t\n]+", " ", text).translate(_MARKS)


def safe_markup(markup: str) -> str:
    """Show in whatever is ready to be sent what would turn its direction, or is no text at all."""
    return _IN_MARKUP.sub(lambda found: _MARKS[ord(found[0])], markup)


def safe_cell(text: str) -> str:
    """Take the meaning of a formula from a text, wherever in it one might begin."""
    if text[:1].isalnum() and text.isprintable() and ";" not in text:
        # As most are, and a long table has a hundred thousand of them.
        return text
    return _FORMULA.sub(r"\g<0>'", text.translate(_IN_CELL))
