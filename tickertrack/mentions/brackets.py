"""What an article's brackets call its companies: an abbreviation belongs to the words before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tickertrack.mentions.case import Sense
from tickertrack.mentions.names import Form

__all__ = ["bindings"]

_BRACKETS = re.compile(
    r"\((?:(?P<exchange>PSX|KSE)\s*:\s*)?(?P<code>[A-Z][A-Za-z0-9&-]{1,11}(?: Corp)?)\)"
)
_PHRASE = re.compile(r"(?:[A-Z][\w'.&-]*\s+(?:(?:of|and|the|for|&)\s+)*)+$")
_LONGEST_PHRASE = 90


def bindings(
    whole: str, before: Mapping[int, tuple[str, Form]], sense: Sense
) -> Iterator[tuple[str, Form | None]]:
    """
    Yield each abbreviation with the company it stands for here, or None: somebody else.

    `before` holds the names that end where a bracket opens.
    """
    for found in _BRACKETS.finditer(whole):
        code = found["code"]
        own = sense.codes.get(code)
        name, named = before.get(found.start(), ("", None))
        if named and ((own and own.line is named.line) or _abbreviates(code, name, named)):
            yield code, named
        elif own and found["exchange"]:
            yield code, own
        elif own:
            yield from _by_phrase(code, own, _phrase(whole, found.start()), sense)


def _abbreviates(code: str, name: str, named: Form) -> bool:
    """Say whether a code is made of a name's letters: Silk Bank Limited (SBL), not Hascol (UAE)."""
    letters = iter(name.lower())
    in_order = all(letter in letters for letter in code.lower() if letter.isalpha())
    return named.trust == "alone" and code[0] == name[0] and in_order


def _by_phrase(
    code: str, own: Form, phrase: list[str], sense: Sense
) -> Iterator[tuple[str, Form | None]]:
    if sense.words[own.line].intersection(word.lower() for word in phrase):
        # A spelling that no list has, with a word of the company's name and its code.
        yield code, own
    elif "".join(word[0] for word in phrase if word[0].isupper()).endswith(code):
        # Power Purchase Price (PPP), International Cricket Council (ICC).
        yield code, None


def _phrase(whole: str, end: int) -> list[str]:
    found = _PHRASE.search(whole, max(0, end - _LONGEST_PHRASE), end)
    return found[0].split() if found else []
