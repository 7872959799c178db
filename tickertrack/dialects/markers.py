"""Whether bytes could hold a ticker line, before anybody decodes or parses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from ahocorasick_rs import BytesAhoCorasick

from tickertrack.dialects.grammar import Dialect

__all__ = ["finder", "markers_of", "rarest"]

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


@lru_cache(maxsize=16)
def finder(markers: frozenset[str]) -> Callable[[bytes], bool]:
    """
    Make a function that says whether any marker stands in bytes of ASCII's family.

    The rarest word of each is searched for, all at once, at the speed of memory; only around those
    the whole marker is.
    """
    words = sorted({encoded for word in rarest(markers) for encoded in _encoded(word)})
    search = BytesAhoCorasick(words).find_matches_as_indexes
    pattern = re.compile(b"|".join(_pattern(marker) for marker in sorted(markers)))

    def found_in(content: bytes) -> bool:
        places = search(content)
        # Nearly every page of an archive has none.
        return bool(places) and any(
            pattern.search(content, max(start - _REACH, 0), end + _REACH)
            for _, start, end in places
        )

    return found_in


def _pattern(marker: str) -> bytes:
    return _BETWEEN.join(
        b"(?:" + b"|".join(sorted(map(re.escape, _encoded(word)))) + b")" for word in marker.split()
    )


def _encoded(word: str) -> set[bytes]:
    # Charsets of pages differ, if at all, in these two ways.
    return {word.encode(charset, "ignore") for charset in ("utf-8", "cp1252")} - {b""}
