"""Whether bytes could hold a ticker line, before anybody decodes or parses them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from ahocorasick_rs import BytesAhoCorasick

from tickertrack.dialects.grammar import Dialect

__all__ = ["Finder", "finder", "markers_of", "rarest"]

# What may stand between the words of a marker: white space of any kind, also in markup.
_BETWEEN = rb"(?:\s|\xc2\xa0|\xa0|&nbsp;|&#160;|&#x[aA]0;|<[^<>]{0,300}>)+"
_REACH = 1_000


def markers_of(dialects: Iterable[Dialect]) -> frozenset[str] | None:
    """List the markers of dialects, one of which each line has; None where a line may have none."""
    listed = list(dialects)
    if not all(dialect.markers for dialect in listed):
        return None
    return frozenset(marker for dialect in listed for marker in dialect.markers)


def rarest(markers: Iterable[str]) -> frozenset[str]:
    """Give the longest word of each marker, as the one that stands in the fewest texts."""
    return frozenset(max(marker.split(), key=len) for marker in markers)


class Finder:
    """
    Tells whether any marker stands in bytes of ASCII's family.

    The rarest word of each is searched for, all at once, at the speed of memory; only around those
    the whole marker is.
    """

    def __init__(self, markers: frozenset[str]) -> None:
        """Look for markers as they are printed."""
        words = sorted({encoded for word in rarest(markers) for encoded in _encoded(word)})
        self._words = BytesAhoCorasick(words).find_matches_as_indexes
        self._marker = re.compile(b"|".join(map(_pattern, sorted(markers)))).search

    def __call__(self, content: bytes) -> bool:
        """Say whether one stands in a text."""
        return any(True for _ in self.among(content, [0]))

    def among(self, content: bytes, starts: Sequence[int]) -> Iterator[int]:
        """Yield, of texts that follow one another, the numbers of those in which one stands."""
        known, looked, ahead = 0, 0, _REACH
        # Nearly every page of an archive has none.
        for _, begin, end in self._words(content):
            if begin < known or end <= looked:
                continue
            # Where words crowd, each further look goes twice as far: all of them would be square.
            ahead = ahead * 2 if begin - looked < _REACH else _REACH
            number = bisect_right(starts, begin) - 1
            after = starts[number + 1] if number + 1 < len(starts) else len(content)
            near = max(begin - _REACH, starts[number]), min(end + ahead, after)
            if self._marker(content, *near):
                known = after
                yield number
            looked = near[1] if near[1] == after else near[1] - _REACH


@lru_cache(maxsize=16)
def finder(markers: frozenset[str]) -> Finder:
    """Make what finds markers, once for each set of them."""
    return Finder(markers)


def _pattern(marker: str) -> bytes:
    return _BETWEEN.join(
        b"(?:" + b"|".join(sorted(map(re.escape, _encoded(word)))) + b")" for word in marker.split()
    )


def _encoded(word: str) -> set[bytes]:
    # Charsets of pages differ, if at all, in these two ways.
    return {word.encode(charset, "ignore") for charset in ("utf-8", "cp1252")} - {b""}
