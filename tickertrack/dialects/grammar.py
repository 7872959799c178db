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
# How many lines of masthead, sections and boxes may stand between a page's top and its headline.
FURNITURE_LIMIT = 500
# A page of a web site is of such a year; a date far outside is a misprint or a trap.
YEARS = range(1990, 2200)
# What a decoder leaves where bytes were no text.
REPLACEMENT = "\ufffd"
# Prices are kept as integers of 1/10,000, so a number may have four decimals and no more.
_DIGITS, _DECIMALS = 12, 4

_KEYS = {"name", "title", "extends", "from", "until", "line", "sign"}
_TABLES: Mapping[str, set[str]] = {
    "number": {"group", "decimal", "minus", "percent_decimals"},
    "symbol": {"pattern"},
    "words": {"up", "down", "flat"},
    "arrows": {"up", "down"},
    "strip": {"prefix", "stop", "masthead"},
}
# The tables whose every value is a list of texts.
_LISTS = {"words", "arrows", "strip"}
# Percents are rounded to two decimals where nothing else is said.
_NUMBER: Mapping[str, Any] = {"group": ",", "decimal": ".", "minus": "-", "percent_decimals": 2}
_PIECES = {"symbol", "price", "word", "arrow", "change", "percent"}
_DIRECTIONS: tuple[Direction, ...] = ("up", "down", "flat")
_PIECE = re.compile(r"\{(?P<name>\w+)(?P<optional>\?)?\}(?P<space> ?)")

Sign = Literal["number", "word", "arrow"]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A ticker line taken apart: what is printed, not yet what is true; equal to itself alone."""

    symbol: str
    price: Decimal
    change: Decimal
    percent: Decimal
    word: Direction | None
    arrow: Direction | None


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """
    How a publisher prints a ticker line in one period; compiled once, so itself.

    Every line has one of the `markers`, where there are any.
    """

    name: str
    title: str
    since: date | None
    until: date | None
    sign: Sign
    marks: tuple[tuple[str, str], ...]
    percent_decimals: int
    words: Mapping[str, Direction]
    arrows: Mapping[str, Direction]
    pattern: re.Pattern[str]
    marker: re.Pattern[str]
    markers: tuple[str, ...]
    prefix: tuple[re.Pattern[str], ...]
    stop: re.Pattern[str] | None
    masthead: tuple[re.Pattern[str], ...]

    def valid_on(self, day: date) -> bool:
        """Say whether the publisher printed so on that day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )

    def could_read(self, line: str) -> bool:
        """Say, at the price of a search for a word, whether reading a line is worth a try."""
        return not self.markers or any(marker in line for marker in self.markers)

    def looks_like_line(self, line: str) -> bool:
        """Say whether a line of the strip's block was meant as a ticker line, read or not."""
        return len(line) <= LINE_LIMIT and self.marker.match(line) is not None

    def is_furniture(self, line: str) -> bool:
        """Say whether a line belongs to the page's head: its masthead, a section, a box."""
        patterns = (self.stop, *self.masthead)
        return len(line) <= LINE_LIMIT and any(one and one.fullmatch(line) for one in patterns)

    def without_prefix(self, line: str) -> tuple[str, date | None]:
        """Take off what may stand before a line's symbol; give the day that it stamps, if any."""
        for pattern in self.prefix:
            found = pattern.match(line)
            if found is not None:
                return line[found.end() :].strip(), _stamp(found)
        return line, None

    def read(self, line: str) -> Reading | None:
        """Read one whole line, white space already folded; None where it is no ticker line."""
        if len(line) > LINE_LIMIT or REPLACEMENT in line:
            return None
        found = self.pattern.fullmatch(line)
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
        if self.sign == "number":
            return number
        deciding = word if self.sign == "word" else arrow
        # "down -0.90%" is one negation, so a sign of its own does not turn it round.
        return -abs(number) if deciding == "down" else number

    def _number(self, text: str) -> Decimal:
        for mark, plain in self.marks:
            text = text.replace(mark, plain)
        return Decimal(text)


def _stamp(found: re.Match[str]) -> date | None:
    try:
        day = date.fromisoformat(found.groupdict().get("date") or "")
    except ValueError:
        return None
    return day if day.year in YEARS else None


def compile_dialect(table: Mapping[str, Any], *, path: Path) -> Dialect:
    """
    Build a dialect from its TOML table, `extends` already resolved.

    Raises ConfigError, with file and key, where a piece is missing, unknown or no pattern.
    """
    _check_shape(table, path)
    numbers = {**_NUMBER, **table.get("number", {})}
    _check_numbers(numbers, path)
    words = _direction_table(table, "words", path)
    arrows = _direction_table(table, "arrows", path)
    strip = table.get("strip", {})
    return Dialect(
        name=table["name"],
        title=table.get("title", table["name"]),
        since=table.get("from"),
        until=table.get("until"),
        sign=cast("Sign", table.get("sign", "number")),
        marks=_marks(numbers),
        percent_decimals=numbers["percent_decimals"],
        words=words,
        arrows=arrows,
        pattern=_line_pattern(table, numbers, words, arrows, path),
        marker=_marker(words, arrows, path),
        markers=tuple(sorted(words)) if "{word}" in table["line"] else (),
        prefix=_each(strip, "prefix", path),
        stop=_any_of(strip.get("stop", ()), path, "strip.stop"),
        masthead=_mastheads(strip, path),
    )


def _check_shape(table: Mapping[str, Any], path: Path) -> None:
    refuse_unknown(table, _KEYS | set(_TABLES), path=path)
    for key in ("name", "line"):
        if not isinstance(table.get(key), str):
            raise ConfigError("must be a text", path=path, key=key)
    for key in ("from", "until"):
        if not isinstance(table.get(key, date.min), date):
            raise ConfigError("must be a date, as 2021-04-07", path=path, key=key)
    if table.get("sign", "number") not in {"number", "word", "arrow"}:
        raise ConfigError("must be 'number', 'word' or 'arrow'", path=path, key="sign")
    for name in _TABLES:
        _check_table(table.get(name, {}), name, path)


def _check_table(table: Any, name: str, path: Path) -> None:
    if not isinstance(table, dict):
        raise ConfigError("must be a table", path=path, key=name)
    refuse_unknown(table, _TABLES[name], path=path, prefix=f"{name}.")
    for key, value in table.items():
        listed = isinstance(value, list) and all(item and isinstance(item, str) for item in value)
        if name in _LISTS and not listed:
            raise ConfigError("must be a list of texts", path=path, key=f"{name}.{key}")
        if name not in _LISTS and not isinstance(value, type(_NUMBER.get(key, ""))):
            raise ConfigError("must be a text or a count", path=path, key=f"{name}.{key}")


def _check_numbers(numbers: Mapping[str, Any], path: Path) -> None:
    decimal, group, decimals = numbers["decimal"], numbers["group"], numbers["percent_decimals"]
    if not decimal or decimal == group or decimal in numbers["minus"]:
        raise ConfigError("must be a mark of its own", path=path, key="number.decimal")
    if decimals not in range(_DECIMALS + 1):
        raise ConfigError(
            f"must be from 0 to {_DECIMALS}", path=path, key="number.percent_decimals"
        )


def _marks(numbers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """List what is to be replaced, in this order, for a number to be an ASCII decimal."""
    minus = ((one, "-") for one in numbers["minus"])
    marks = ((numbers["group"], ""), *minus, (numbers["decimal"], "."))
    return tuple((mark, plain) for mark, plain in marks if mark and mark != plain)


def _direction_table(table: Mapping[str, Any], name: str, path: Path) -> dict[str, Direction]:
    found: dict[str, Direction] = {}
    for direction in _DIRECTIONS:
        for text in table.get(name, {}).get(direction, ()):
            if found.setdefault(text, direction) != direction:
                raise ConfigError(
                    f"{text!r} is {found[text]!r} already", path=path, key=f"{name}.{direction}"
                )
    return found


def _line_pattern(
    table: Mapping[str, Any],
    numbers: Mapping[str, Any],
    words: Mapping[str, Direction],
    arrows: Mapping[str, Direction],
    path: Path,
) -> re.Pattern[str]:
    unsigned = _number_pattern(numbers)
    signed = f"[{re.escape(numbers['minus'])}+]?{unsigned}"
    pieces = {
        "symbol": _symbol_pattern(table, path),
        "price": unsigned,
        "word": _choice(words),
        "arrow": _choice(arrows),
        "change": signed,
        "percent": signed,
    }
    line: str = table["line"]
    _check_pieces([found["name"] for found in _PIECE.finditer(line)], path)
    for name, texts in (("word", words), ("arrow", arrows)):
        named = f"{{{name}" in line
        if named and not texts:
            raise ConfigError(f"is empty, though line names {{{name}}}", path=path, key=f"{name}s")
        if table.get("sign") == name and not named:
            raise ConfigError(f"needs {{{name}}} in line", path=path, key="sign")
    return _compiled(_template(line, pieces), path, "line")


def _check_pieces(names: list[str], path: Path) -> None:
    missing = {"symbol", "price", "change", "percent"} - set(names)
    if missing or set(names) - _PIECES or len(names) != len(set(names)):
        raise ConfigError(
            f"must name each of {sorted(_PIECES)} at most once, and may not lack {sorted(missing)}",
            path=path,
            key="line",
        )


def _symbol_pattern(table: Mapping[str, Any], path: Path) -> str:
    pattern: str = table.get("symbol", {}).get("pattern", r"[A-Z0-9][A-Z0-9&.\-]{0,15}")
    compiled = _compiled(pattern, path, "symbol.pattern")
    if compiled.groupindex or compiled.fullmatch(""):
        raise ConfigError(
            "may name no group and not match nothing", path=path, key="symbol.pattern"
        )
    return pattern


def _template(line: str, pieces: Mapping[str, str]) -> str:
    parts: list[str] = []
    end = 0
    for found in _PIECE.finditer(line):
        before = line[end : found.start()]
        end = found.end()
        piece = f"(?P<{found['name']}>{pieces[found['name']]}){found['space']}"
        if found["optional"] and end == len(line) and before.endswith(" "):
            # At the line's end the blank before the piece goes with it.
            before, piece = before[:-1], f" {piece}"
        parts.extend((re.escape(before), f"(?:{piece})?" if found["optional"] else piece))
    return "".join((*parts, re.escape(line[end:])))


def _number_pattern(numbers: Mapping[str, Any]) -> str:
    decimal = re.escape(numbers["decimal"])
    # No publisher prints a leading zero: `033.30` has lost or gained a digit.
    plain = rf"0|[1-9][0-9]{{0,{_DIGITS - 1}}}"
    if numbers["group"]:
        group = re.escape(numbers["group"])
        plain = rf"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}}){{1,3}}|{plain}"
    return rf"(?:{plain})(?:{decimal}[0-9]{{1,{_DECIMALS}}})?"


def _choice(table: Mapping[str, Direction]) -> str:
    longest_first = sorted(table, key=lambda text: (-len(text), text))
    return "|".join(re.escape(text) for text in longest_first) or r"(?!)"


def _marker(
    words: Mapping[str, Direction], arrows: Mapping[str, Direction], path: Path
) -> re.Pattern[str]:
    # Symbol, figure and then a direction or a percent, or a direction and a percent: meant as a
    # ticker line even where letters are damaged. Not a headline that says "Increased By".
    tails = {text[len(text) // 4 :] for text in words}
    signs = "|".join(re.escape(text) for text in sorted(tails | set(arrows))) or r"(?!)"
    # Written so that its work grows with the line, not with the line's square.
    figure = r"[^\s0-9]*[0-9]\S*"
    percent = r"\([^()]*[0-9] ?%\)$"
    return _compiled(
        rf"\S{{1,24}} {figure} .*(?:{signs}|{REPLACEMENT}|{percent})|(?=.*%\)$).*(?:{signs})",
        path,
        "words",
    )


def _each(strip: Mapping[str, Iterable[str]], key: str, path: Path) -> tuple[re.Pattern[str], ...]:
    return tuple(_compiled(pattern, path, f"strip.{key}") for pattern in strip.get(key, ()))


def _mastheads(strip: Mapping[str, Iterable[str]], path: Path) -> tuple[re.Pattern[str], ...]:
    compiled = _each(strip, "masthead", path)
    if all("date" in one.groupindex for one in compiled):
        return compiled
    raise ConfigError("each must name (?P<date>…)", path=path, key="strip.masthead")


def _any_of(patterns: Iterable[str], path: Path, key: str) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return _compiled(joined, path, key) if joined else None


def _compiled(pattern: str, path: Path, key: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"is no regular expression: {error}", path=path, key=key) from error
