"""Compiles a dialect, a table of named pieces, into a reader of ticker lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

from tickertrack.config import refuse_unknown
from tickertrack.errors import ConfigError
from tickertrack.models import Direction

__all__ = ["REPLACEMENT", "Dialect", "Reading", "compile_dialect"]

# A ticker line is short. The bound keeps every pattern's work small, whatever a page holds.
LINE_LIMIT = 512
# What a decoder leaves where bytes were no text.
REPLACEMENT = "\ufffd"
# Prices are kept as integers of 1/10,000, so a number may have four decimals and no more.
_DIGITS, _DECIMALS = 12, 4

_KEYS = {"name", "title", "extends", "from", "until", "line", "sign"}
_TABLES: Mapping[str, set[str]] = {
    "number": {"group", "decimal", "minus"},
    "symbol": {"pattern"},
    "words": {"up", "down", "flat"},
    "arrows": {"up", "down"},
    "strip": {"prefix", "stop", "masthead"},
}
_PIECES = {"symbol", "price", "word", "arrow", "change", "percent"}
_DIRECTIONS: tuple[Direction, ...] = ("up", "down", "flat")
_PIECE = re.compile(r"\{(?P<name>\w+)(?P<optional>\?)?\}(?P<space> ?)")

Sign = Literal["number", "word", "arrow"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A ticker line taken apart: what is printed, not yet what is true."""

    symbol: str
    price: Decimal
    change: Decimal
    percent: Decimal
    word: Direction | None
    arrow: Direction | None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a publisher prints a ticker line in one period."""

    name: str
    title: str
    since: date | None
    until: date | None
    sign: Sign
    group: str
    decimal: str
    minus: str
    words: Mapping[str, Direction]
    arrows: Mapping[str, Direction]
    pattern: re.Pattern[str]
    marker: re.Pattern[str]
    literals: tuple[str, ...]
    prefix: re.Pattern[str] | None
    stop: re.Pattern[str] | None
    masthead: re.Pattern[str] | None

    def valid_on(self, day: date) -> bool:
        """Say whether the publisher printed so on that day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )

    def could_read(self, line: str) -> bool:
        """Say, at the price of a search for a literal, whether reading a line is worth a try."""
        return not self.literals or any(literal in line for literal in self.literals)

    def looks_like_line(self, line: str) -> bool:
        """Say whether a line of the strip's block was meant as a ticker line, read or not."""
        return len(line) <= LINE_LIMIT and self.marker.match(line) is not None

    def read(self, line: str) -> Reading | None:
        """Read one whole line, white space already folded; None where it is no ticker line."""
        found = self.pattern.fullmatch(line) if len(line) <= LINE_LIMIT else None
        if found is None:
            return None
        pieces = found.groupdict()
        word = self.words.get(pieces.get("word") or "")
        arrow = self.arrows.get(pieces.get("arrow") or "")
        return Reading(
            symbol=pieces["symbol"],
            price=self._number(pieces["price"]),
            change=self._signed(pieces["change"], word, arrow),
            percent=self._signed(pieces["percent"], word, arrow),
            word=word,
            arrow=arrow,
        )

    def _signed(self, text: str, word: Direction | None, arrow: Direction | None) -> Decimal:
        number = self._number(text)
        deciding = {"number": None, "word": word, "arrow": arrow}[self.sign]
        # "down -0.90%" is one negation, so a sign of its own does not turn it round.
        return -abs(number) if deciding == "down" else number

    def _number(self, text: str) -> Decimal:
        if self.group:
            text = text.replace(self.group, "")
        for minus in self.minus:
            text = text.replace(minus, "-")
        return Decimal(text.replace(self.decimal, ".").replace("+", ""))


def compile_dialect(table: Mapping[str, Any], *, path: Path) -> Dialect:
    """
    Build a dialect from its TOML table, `extends` already resolved.

    Raises ConfigError, with file and key, where a piece is missing, unknown or no pattern.
    """
    _check_shape(table, path)
    numbers = {"group": ",", "decimal": ".", "minus": "-", **table.get("number", {})}
    words = _direction_table(table.get("words", {}))
    arrows = _direction_table(table.get("arrows", {}))
    strip = table.get("strip", {})
    return Dialect(
        name=table["name"],
        title=table.get("title", table["name"]),
        since=table.get("from"),
        until=table.get("until"),
        sign=cast("Sign", table.get("sign", "number")),
        group=numbers["group"],
        decimal=numbers["decimal"],
        minus=numbers["minus"],
        words=words,
        arrows=arrows,
        pattern=_line_pattern(table, numbers, words, arrows, path),
        marker=_marker(words, arrows, path),
        literals=tuple(words) if "{word}" in table["line"] else (),
        prefix=_any_of(strip.get("prefix", ()), path, "strip.prefix"),
        stop=_any_of(strip.get("stop", ()), path, "strip.stop"),
        masthead=_any_of(strip.get("masthead", ()), path, "strip.masthead"),
    )


def _check_shape(table: Mapping[str, Any], path: Path) -> None:
    refuse_unknown(table, _KEYS | set(_TABLES), path=path)
    for name, keys in _TABLES.items():
        refuse_unknown(table.get(name, {}), keys, path=path, prefix=f"{name}.")
    for key in ("name", "line"):
        if not isinstance(table.get(key), str):
            raise ConfigError("must be a text", path=path, key=key)
    if table.get("sign", "number") not in {"number", "word", "arrow"}:
        raise ConfigError("must be 'number', 'word' or 'arrow'", path=path, key="sign")


def _direction_table(table: Mapping[str, Iterable[str]]) -> dict[str, Direction]:
    return {text: direction for direction in _DIRECTIONS for text in table.get(direction, ())}


def _line_pattern(
    table: Mapping[str, Any],
    numbers: Mapping[str, str],
    words: Mapping[str, Direction],
    arrows: Mapping[str, Direction],
    path: Path,
) -> re.Pattern[str]:
    unsigned = _number_pattern(numbers)
    signed = f"[{re.escape(numbers['minus'])}+]?{unsigned}"
    pieces = {
        "symbol": table.get("symbol", {}).get("pattern", r"[A-Z0-9][A-Z0-9&.\-]{0,15}"),
        "price": unsigned,
        "word": _choice(words),
        "arrow": _choice(arrows),
        "change": signed,
        "percent": signed,
    }
    line: str = table["line"]
    names = [found["name"] for found in _PIECE.finditer(line)]
    missing = {"symbol", "price", "change", "percent"} - set(names)
    if missing or set(names) - _PIECES or len(names) != len(set(names)):
        raise ConfigError(
            f"must name each of {sorted(_PIECES)} at most once, and may not lack {sorted(missing)}",
            path=path,
            key="line",
        )
    return _compiled(_template(line, pieces), path, "line")


def _template(line: str, pieces: Mapping[str, str]) -> str:
    parts: list[str] = []
    end = 0
    for found in _PIECE.finditer(line):
        parts.append(re.escape(line[end : found.start()]))
        piece = f"(?P<{found['name']}>{pieces[found['name']]}){found['space']}"
        parts.append(f"(?:{piece})?" if found["optional"] else piece)
        end = found.end()
    return "".join((*parts, re.escape(line[end:])))


def _number_pattern(numbers: Mapping[str, str]) -> str:
    decimal = re.escape(numbers["decimal"])
    plain = rf"[0-9]{{1,{_DIGITS}}}"
    if numbers["group"]:
        group = re.escape(numbers["group"])
        plain = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}}){{1,3}}|{plain})"
    return rf"{plain}(?:{decimal}[0-9]{{1,{_DECIMALS}}})?"


def _choice(table: Mapping[str, Direction]) -> str:
    longest_first = sorted(table, key=lambda text: (-len(text), text))
    return "|".join(re.escape(text) for text in longest_first) or r"(?!)"


def _marker(
    words: Mapping[str, Direction], arrows: Mapping[str, Direction], path: Path
) -> re.Pattern[str]:
    # Symbol, figure and then a direction, or a direction and a percent: meant as a ticker line
    # even where a letter is damaged (`Incr?ased By`). Not a headline that says "Increased By".
    tails = {text[len(text) // 4 :] for text in words}
    signs = "|".join(re.escape(text) for text in sorted(tails | set(arrows))) or r"(?!)"
    return _compiled(
        rf"\S{{1,24}} \S*[0-9]\S* .*(?:{signs}|{REPLACEMENT})|.*(?:{signs}).*%\)$", path, "words"
    )


def _any_of(patterns: Iterable[str], path: Path, key: str) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return _compiled(joined, path, key) if joined else None


def _compiled(pattern: str, path: Path, key: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"is no regular expression: {error}", path=path, key=key) from error
