"""Visible markup to the lines that a reader sees; ticker lines however they are boxed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tickertrack.pages.visible import ATTRIBUTES, TAG, VOID
from tickertrack.strips import fold, fold_seen

__all__ = ["boxed_lines", "plain_lines"]

_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol option p pre "
    "section select summary table tbody td tfoot th thead tr ul".split()
)
_BREAK = re.compile(rf"</?(?:{'|'.join(sorted(_BLOCKS))}){ATTRIBUTES}>")
# A ticker line is a handful of words in a handful of elements; more is no line.
_PIECES, _LENGTH = 16, 512


def plain_lines(html: str) -> list[str]:
    """Give the lines of markup that holds no ticker line: they end where blocks do."""
    text = TAG.sub("", _BREAK.sub("\n", html.replace("\n", " ")))
    return fold_seen(_unescaped(text))


def boxed_lines(html: str, is_line: Callable[[str], bool]) -> list[str]:
    """
    Give the lines of markup; `is_line` says whether a text is a whole ticker line.

    However its pieces are boxed, an element that says one ticker line is that line.
    """
    walk = _Walk(is_line)
    # Text, slash and name in turn, and a text at last.
    parts = TAG.split(html)
    for number in range(0, len(parts) - 1, 3):
        text, slash, name = parts[number : number + 3]
        if text:
            walk.take_text(_unescaped(text))
        if slash:
            walk.close(name)
        else:
            walk.enter(name)
    walk.take_text(_unescaped(parts[-1]))
    walk.flush()
    return walk.lines


def _unescaped(text: str) -> str:
    # The four that a parser writes.
    if "&" not in text:
        return text
    text = text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">")
    return text.replace("&amp;", "&")


@dataclass(slots=True)
class _Frame:
    """An element that is open: where its lines begin, and its text while it is short."""

    lines: int
    buffered: int
    pieces: list[str] | None


@dataclass(slots=True)
class _Walk:
    """The state of one walk over tags: lines so far, and the line being put together."""

    is_line: Callable[[str], bool]
    lines: list[str] = field(default_factory=list)
    buffer: list[str] = field(default_factory=list)
    open: list[_Frame] = field(default_factory=list)
    length: int = 0

    def take_text(self, text: str) -> None:
        """Go on with the line; a line break of the markup is white space, or ends a ticker line."""
        for number, part in enumerate(text.split("\n")):
            if number:
                self._break_softly()
            if part:
                self.buffer.append(part)
                self.length += len(part)
        if self.open and text and not text.isspace():
            frame = self.open[-1]
            frame.pieces = _with(frame.pieces, [text])

    def enter(self, name: str) -> None:
        """Open an element."""
        if name in _BLOCKS:
            self.flush()
        if name not in VOID:
            self.open.append(_Frame(len(self.lines), len(self.buffer), []))

    def close(self, name: str) -> None:
        """Close the element that was opened last; it may be a ticker line."""
        frame = self.open.pop() if self.open else _Frame(0, 0, None)
        text = fold(" ".join(frame.pieces)) if frame.pieces else ""
        if text and self.is_line(text):
            del self.lines[frame.lines :], self.buffer[frame.buffered :]
            self.flush()
            self.lines.append(text)
            frame.pieces = None
        elif name in _BLOCKS:
            self.flush()
        if self.open:
            self.open[-1].pieces = _with(self.open[-1].pieces, frame.pieces)

    def flush(self) -> None:
        """End the line."""
        text = fold("".join(self.buffer))
        self.buffer.clear()
        self.length = 0
        if text:
            self.lines.append(text)

    def _break_softly(self) -> None:
        if not self.buffer or self.buffer[-1] == " ":
            return
        if self.length <= _LENGTH and self.is_line(fold("".join(self.buffer))):
            self.flush()
        else:
            self.buffer.append(" ")
            self.length += 1


def _with(pieces: list[str] | None, more: list[str] | None) -> list[str] | None:
    if pieces is None or more is None:
        return None
    joined = [*pieces, *more]
    long = len(joined) > _PIECES or sum(map(len, joined)) > _LENGTH
    return None if long else joined
