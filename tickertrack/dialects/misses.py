"""Why a line is not read: how far a dialect comes with it, and what it wants there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tickertrack.dialects.grammar import LINE_LIMIT, Dialect, Token

__all__ = ["Miss", "nearest_miss"]

_NUMBERS = {"{price}", "{change}", "{percent}"}
# The first of these that a piece's pattern fits shows how it is written.
_EXAMPLES = (
    *(
        "-1,234.50",
        "\u22121,234.50",
        "–1,234.50",
        "1,234.50",
        "-1.234,50",
        "\u22121.234,50",
        "–1.234,50",
    ),
    *("1.234,50", "-1 234,50", "–1 234,50", "1 234,50", "1’234.50", "1'234.50", "1,23,456.50"),
    *("-1234.50", "1234.50", "-1234,50", "1234,50"),
)
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Miss:
    """How far a line is read, the piece that fails there, and what stands in its place."""

    line: str
    read: str
    piece: str
    wanted: str

    @property
    def told(self) -> str:
        """Say it in a sentence."""
        rest = self.line[len(self.read) :]
        stands = f"{rest[:_SHOWN]!r} stands" if rest else "the line ends"
        after = f"after {self.read!r} " if self.read else ""
        return f"{after}{self.wanted} is wanted, where {stands}"


def nearest_miss(line: str, dialect: Dialect) -> Miss | None:
    """
    Find the form of a dialect that comes farthest with a line that it does not read.

    None where none comes beyond its first piece, or the line is longer than any.
    """
    if len(line) > LINE_LIMIT:
        return None
    misses = filter(None, (_miss(line, form, dialect) for form in dialect.forms))
    return max(misses, key=lambda miss: len(miss.read), default=None)


def _miss(line: str, form: tuple[Token, ...], dialect: Dialect) -> Miss | None:
    ends = [_end(line, form[:count]) for count in range(1, len(form) + 1)]
    count = next((number for number, end in enumerate(ends) if end is None), len(form))
    if count and _is_torn_number(line, form, count, ends):
        # `33,30` is no 33 with something behind it.
        count -= 1
    # The first piece is a name, and any word may be one.
    named = sum(token.shown.startswith("{") for token in form[:count])
    if not named:
        return None
    read = line[: ends[count - 1] or 0]
    if count == len(form):
        return Miss(line, read, "", "the line's end")
    return Miss(line, read, form[count].shown, _wanted(form[count], dialect))


def _end(line: str, tokens: Iterable[Token]) -> int | None:
    found = re.match("".join(token.pattern for token in tokens), line)
    return found.end() if found else None


def _is_torn_number(line: str, form: tuple[Token, ...], count: int, ends: list[int | None]) -> bool:
    end = ends[count - 1] or 0
    glued = re.match(r"[^\s()%]*[0-9]", line[end:]) is not None and not line[:end].endswith(" ")
    return form[count - 1].shown in _NUMBERS and glued


def _wanted(token: Token, dialect: Dialect) -> str:
    shown = token.shown
    if shown == "{word}":
        return f"{shown} ({' or '.join(map(repr, dialect.words))})"
    if shown == "{arrow}":
        return f"{shown} ({' or '.join(map(repr, dialect.arrows))})"
    if shown in _NUMBERS:
        found = ((one, re.match(token.pattern, f"{one} ")) for one in _EXAMPLES)
        example = next((one for one, match in found if match and match.end() >= len(one)), None)
        return f"{shown} (such as {example})" if example else shown
    return shown if shown.startswith("{") else repr(shown)
