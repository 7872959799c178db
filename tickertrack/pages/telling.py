"""Ticker lines told from other text, in any of the dialects in question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from html import escape

from tickertrack.dialects import Dialect
from tickertrack.dialects.markers import markers_of
from tickertrack.pages.lines import boxed_lines, plain_lines

__all__ = ["Telling", "telling_of"]

# A strip stands on some ten pages, and a site's menu on all: what was said of the last ones is
# known. Few lines of either are longer.
_REMEMBERED, _LONGEST = 8_192, 1_024
_PIECES, _PIECE = 512, 32_768


@dataclass(frozen=True, slots=True)
class Telling:
    """
    How ticker lines are told: by reading a whole one, in each dialect.

    In each stands one of the `signs`, also while it is markup; with none of them, any text may be.
    """

    dialects: tuple[Dialect, ...]
    signs: tuple[str, ...]

    def is_line(self, text: str) -> bool:
        """Say whether a text is a whole ticker line, or begins with one and is to be cut."""
        asked = _is_line if len(text) <= _LONGEST else _is_line.__wrapped__
        return asked(text, self.dialects)

    def is_meant_as_line(self, text: str) -> bool:
        """Say whether a text in a header belongs to its strip: is a line, damaged or not."""
        asked = _is_meant_as_line if len(text) <= _LONGEST else _is_meant_as_line.__wrapped__
        return asked(text, self.dialects)

    def could_hold_line(self, html: str) -> bool:
        """Say, at the price of a search for words, whether markup may hold a ticker line."""
        return not self.signs or any(sign in html for sign in self.signs)

    def lines_of(self, html: str) -> list[str]:
        """Give the lines of a piece of visible markup."""
        if self.could_hold_line(html):
            return boxed_lines(html, self.is_line)
        # Most of a page does not, and is read at a tenth of the price.
        return plain_lines(html)

    def known_lines_of(self, html: str) -> list[str]:
        """Give the same of a piece of a header, which often stood on the pages before."""
        return _lines_of(html, self) if len(html) <= _PIECE else self.lines_of(html)


@lru_cache(maxsize=64)
def telling_of(dialects: tuple[Dialect, ...]) -> Telling:
    """Say how the lines of dialects are told."""
    # Of a marker the longest word, as its words may stand in different elements.
    longest = {max(marker.split(), key=len) for marker in markers_of(dialects) or ()}
    return Telling(dialects, tuple(sorted(escape(word, quote=False) for word in longest)))


@lru_cache(_REMEMBERED)
def _is_line(text: str, dialects: tuple[Dialect, ...]) -> bool:
    return any(
        one.could_read(text) and one.read(one.without_prefix(one.cut(text)[0])[0])
        for one in dialects
    )


@lru_cache(_REMEMBERED)
def _is_meant_as_line(text: str, dialects: tuple[Dialect, ...]) -> bool:
    return any(
        stamp is not None or one.looks_like_line(bare) or one.read(bare) is not None
        for one in dialects
        for bare, stamp in (one.without_prefix(one.cut(text)[0]),)
    )


@lru_cache(_PIECES)
def _lines_of(html: str, telling: Telling) -> list[str]:
    return telling.lines_of(html)
