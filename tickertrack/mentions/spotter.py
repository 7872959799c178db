"""One pass over an article for every place that may name a company, or that says a known word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ahocorasick_rs import AhoCorasick

from tickertrack.mentions.names import Form

__all__ = ["NameFinder", "Spot", "WordFinder", "lowered", "plain"]

# Marks that are printed in more than one way, each to one plain sign: every place stays its place.
# Quotes (left, right, modifier), hyphens and dashes, blanks that do not break, e with an accent.
_WAYS = {
    "'": "\u2018\u2019\u02bc",
    '"': "\u201c\u201d",
    "-": "\u2010\u2011\u2013\u2014",
    " ": "\u00a0\u2009\u202f",
    "e": "\u00e8\u00e9\u00ea\u00eb",
}
_PLAIN = [(way, sign) for sign, ways in _WAYS.items() for way in ways]


def plain(text: str) -> str:
    """Print a text's dashes, quotes and accents in one way, character for character."""
    if not text.isascii():
        # Ten times as fast as one str.translate, which looks every letter up.
        for way, sign in _PLAIN:
            text = text.replace(way, sign)
    return text


def lowered(text: str) -> str:
    """Give a text in small letters, character for character."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


class Spot:
    """A place that may name a company: `forms` is what it may mean, nobody in a trap."""

    __slots__ = ("end", "forms", "start", "text")

    def __init__(self, text: str, start: int, end: int, forms: tuple[Form, ...]) -> None:
        """Keep the place and its possible meanings."""
        self.text = text
        self.start = start
        self.end = end
        self.forms = forms


class NameFinder:
    """Every spelling of every company, as one automaton."""

    def __init__(self, forms: Mapping[str, tuple[Form, ...]]) -> None:
        """Build the automaton; takes some milliseconds for a market."""
        self._names = list(forms)
        self._forms = list(forms.values())
        self._automaton = AhoCorasick(self._names)

    def spots(self, text: str) -> list[Spot]:
        """
        Find the places in order; where names overlap the first wins, and then the longest.

        So Ghani Global Glass is not Ghani Glass, and what a trap covers names nobody.
        """
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        found.sort(key=_first_then_longest)
        spots: list[Spot] = []
        reached = 0
        for name, start, end in found:
            if start >= reached and _stands_alone(text, start, end):
                reached = end
                spots.append(Spot(self._names[name], start, end, self._forms[name]))
        return spots


class WordFinder:
    """Words and phrases in any case, as one automaton."""

    def __init__(self, words: Iterable[str]) -> None:
        """Build the automaton."""
        self._words = sorted({word.lower() for word in words})
        self._automaton = AhoCorasick(self._words)

    def words(self, small: str) -> Iterator[tuple[str, int, int]]:
        """Yield the words of a text in small letters, each with its place; longer ones first."""
        found = self._automaton.find_matches_as_indexes(small, overlapping=True)
        found.sort(key=_first_then_longest)
        reached = 0
        for word, start, end in found:
            if start >= reached and _stands_alone(small, start, end):
                reached = end
                yield self._words[word], start, end

    def any(self, small: str) -> bool:
        """Say whether a text in small letters has one of the words."""
        return next(self.words(small), None) is not None


def _first_then_longest(match: tuple[int, int, int]) -> tuple[int, int]:
    return match[1], -match[2]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether a place is made of whole words: POL is not in POLICE, Shell not in shelling."""
    if start and (text[start - 1].isalnum() or text[start - 1] in "_@"):
        return False
    return end == len(text) or not (text[end].isalnum() or text[end] == "_")
