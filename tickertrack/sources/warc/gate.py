"""Which records of an archive could hold a strip, before anybody reads their headers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, repeat

from ahocorasick_rs import BytesAhoCorasick

from tickertrack.dialects.markers import finder

__all__ = ["Gate"]

_TEXTS = tuple(b"WARC/1.%d\r\nWARC-Type: conversion\r\n" % minor for minor in range(2))
_HEADS = 4_096


class Gate:
    """
    Lets through the records in which a marker stands, or in which none could be seen.

    Those are records that must be unpacked or joined first, and those with zeros; so are ours.
    """

    def __init__(self, markers: frozenset[str], ours: str) -> None:
        """Look for markers; a field of a record's header says that it is `ours`."""
        self._finder = finder(markers)
        # The common word by itself: a search for one word, or for words of rare letters, goes at
        # the speed of memory.
        self._coded = BytesAhoCorasick([b"ncoding:"]).find_matches_as_indexes
        self._coded_or_ours = BytesAhoCorasick([b"NCODING:", ours.encode()]).find_matches_as_indexes

    def __call__(self, content: bytes, starts: Sequence[int]) -> list[int]:
        """Give, of records that follow one another, the numbers of those that are let through."""
        found = {*self._finder.among(content, starts), *_wide(content, starts)}
        # An archive's own texts have no headers of a server.
        if not all(map(content.startswith, repeat(_TEXTS), starts)):
            found.update(self._unseen(content, starts))
        return sorted(found)

    def _unseen(self, content: bytes, starts: Sequence[int]) -> Iterator[int]:
        for number, (start, end) in enumerate(pairwise(chain(starts, [len(content)]))):
            if not content.startswith(_TEXTS, start):
                head = content[start : min(start + _HEADS, end)]
                if self._coded(head) or self._coded_or_ours(head):
                    yield number


def _wide(content: bytes, starts: Sequence[int]) -> Iterator[int]:
    """Yield the records with zeros: UTF-16 and UTF-32 write one beside each of our letters."""
    place = content.find(b"\0")
    while place >= 0:
        after = bisect_right(starts, place)
        yield after - 1
        place = content.find(b"\0", starts[after]) if after < len(starts) else -1
