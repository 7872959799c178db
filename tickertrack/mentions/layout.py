"""An article laid out as one text, so that one pass reads it, and places go back to its fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tickertrack.mentions.spotter import plain
from tickertrack.models import Field

__all__ = ["Layout", "is_loud", "is_title_case", "lay_out"]

# A sentence's end; not that of "Rs. 5" or "D.G. Khan", which no capital or a short word betrays.
_STOP = re.compile(r"(?<=[a-z0-9%)\"'][.!?])[\"')]*\s+(?=[\"'(]?[A-Z])|\n")
# The lead is the first sentence, or the first few where they are short.
_LEAD = 80
_LONGEST_LEAD = 600
_STOPS = (". ", "? ", "! ", "\n")
_NEAR = 300
_LOUD = 0.6
_TITLE_CASE = 0.7
_SHORT_WORD, _FEW_WORDS = 3, 3


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole text, title first, then text, then tags, and where its parts begin and end."""

    whole: str
    title_end: int
    first_end: int  # of the text's first sentence
    lead_end: int
    text_end: int

    @property
    def text_start(self) -> int:
        """Where the text begins, behind the title and an empty line."""
        return self.title_end + 2

    @property
    def title(self) -> str:
        """The headline."""
        return self.whole[: self.title_end]

    def place(self, start: int) -> tuple[Field, int]:
        """Give a place's field and where that field's own count begins."""
        if start < self.text_start:
            return "title", 0
        if start < self.lead_end:
            return "lead", self.text_start
        if start <= self.text_end:
            return "body", self.text_start
        return "tags", self.text_end + 2

    def sentence(self, start: int, end: int) -> str:
        """Give the sentence around a place, or of a very long one what is near."""
        low, high = max(0, start - _NEAR), min(len(self.whole), end + _NEAR)
        begin = max(self.whole.rfind(stop, low, start) for stop in _STOPS)
        stops = [self.whole.find(stop, end, high) for stop in _STOPS]
        return self.whole[max(begin, low) : min((at for at in stops if at >= 0), default=high)]


def lay_out(title: str | None, text: str, tags: Sequence[str]) -> Layout:
    """Lay title, text and tags out as one text of plain marks."""
    head = plain(title or "")
    body = plain(text)
    start = len(head) + 2
    whole = f"{head}\n\n{body}\n\n{plain(', '.join(tags))}"
    first, lead = _opening(body)
    return Layout(whole, len(head), start + first, start + lead, start + len(body))


def is_loud(line: str) -> bool:
    """Say whether a HEADLINE IS PRINTED LIKE THIS."""
    letters = [letter for letter in line if letter.isalpha()]
    return sum(map(str.isupper, letters)) > _LOUD * len(letters)


def is_title_case(line: str) -> bool:
    """Say whether a headline Prints Its Words Like This, so that capitals mean nothing in it."""
    words = [word for word in re.findall(r"[A-Za-z']+", line) if len(word) > _SHORT_WORD]
    capitals = sum(word[0].isupper() for word in words)
    return len(words) >= _FEW_WORDS and capitals >= _TITLE_CASE * len(words)


def _opening(body: str) -> tuple[int, int]:
    """Give the ends of the first sentence and of the lead."""
    end = min(len(body), _LONGEST_LEAD)
    first = end
    for stop in _STOP.finditer(body, 0, end):
        first = min(first, stop.start())
        if stop.start() >= _LEAD:
            return first, stop.start()
    return first, end
