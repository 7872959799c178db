"""Lines folded: two prints of one line to one text."""

from __future__ import annotations

import re

__all__ = ["fold", "fold_lines", "fold_seen"]

# White space that a reader cannot see apart, and marks that nobody can see at all. Two prints of
# one line must fold to one text; no figure may change by it.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


def fold(line: str) -> str:
    """Fold white space to single blanks and take out what cannot be seen."""
    return " ".join((line if _is_seen(line) else _INVISIBLE.sub("", line)).split())


def fold_lines(text: str) -> list[str]:
    """Fold each line of a text; one with single blanks is folded but for its ends."""
    lines = text.splitlines()
    # White space of ASCII that may stand within a line: other such ends one.
    if "  " in text or "\t" in text or "\x1f" in text:
        return [*map(fold, lines)]
    if text.isascii():
        return [line.strip() for line in lines]
    return [line.strip() if _is_seen(line) else fold(line) for line in lines]


def _is_seen(line: str) -> bool:
    """Say, at once for most lines, that a line holds nothing invisible, nor blanks of its own."""
    # Of all white space only the blank is printable.
    return line.isascii() or line.isprintable()


def fold_seen(text: str) -> list[str]:
    """Fold the lines of a text, and leave out those in which nothing is seen."""
    seen = text if text.isascii() else _INVISIBLE.sub("", text)
    return [" ".join(words) for line in seen.split("\n") if (words := line.split())]
