"""Compiles a dialect, a table of named pieces, into a reader of ticker lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

from tickertrack.config import named_as_its_file, refuse_unknown
from tickertrack.dialects.figures import (
    NUMBER,
    check_numbers,
    marks_of,
    percent_off,
    signed_pattern,
    unsigned_pattern,
)
from tickertrack.dialects.grammar import NOTHING, PIECES, REPLACEMENT, Dialect, Place, Sign, Token
from tickertrack.errors import ConfigError
from tickertrack.models import Direction

__all__ = ["KEYS", "TABLES", "compile_dialect"]

KEYS = {"name", "title", "extends", "from", "until", "line", "sign"}
TABLES: Mapping[str, set[str] | None] = {
    "number": set(NUMBER),
    "symbol": {"pattern"},
    "words": {"up", "down", "flat"},
    "arrows": {"up", "down"},
    "strip": {"place", "between", "prefix", "stop", "masthead"},
    "samples": {"read", "refuse"},
    # Of these the keys are the dialect's own.
    "skip": None,
    "refuse": None,
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sign": ("number", "word", "arrow"),
    "strip.place": ("header", "article"),
}
_DIRECTIONS: tuple[Direction, ...] = ("up", "down", "flat")
_PIECE = re.compile(r"\{(?P<name>\w+)(?P<optional>\?)?\}(?P<space> ?)")
_OWN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SYMBOL = r"[A-Z0-9][A-Z0-9&.\-]{0,15}"
# What a line says besides its pieces, if that is words: every line has it.
_SAID = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,})*")
_FIGURE_FIRST = re.compile(r"\{symbol\} \{price\} .*\{(?:word|arrow)\}")
_LOOSE = {"word": r"\S{1,24}(?: \S{1,24}){0,2}", "symbol": r"\S.{0,39}?"}


def compile_dialect(table: Mapping[str, Any], *, path: Path) -> Dialect:
    """
    Build a dialect from its TOML table, `extends` already resolved.

    Raises ConfigError, with file and key, where a piece is missing, unknown or no pattern.
    """
    _check_shape(table, path)
    numbers = {**NUMBER, **table.get("number", {})}
    check_numbers(numbers, path)
    words = _direction_table(table, "words", path)
    arrows = _direction_table(table, "arrows", path)
    lines = _lines(table, path)
    pieces = _pieces(table, numbers, (words, arrows), path)
    forms = [_form(line, pieces, table, path) for line in lines]
    patterns = [_compiled(_whole(form), path, "line") for form in forms]
    refusals = _refusals(table.get("refuse", {}), path)
    strip = table.get("strip", {})
    return Dialect(
        name=table["name"],
        title=table.get("title", table["name"]),
        since=table.get("from"),
        until=table.get("until"),
        sign=cast("Sign", table.get("sign", "number")),
        place=cast("Place", strip.get("place", "header")),
        marks=marks_of(numbers),
        percent_off=percent_off(numbers),
        words=words,
        arrows=arrows,
        pattern=patterns[0] if patterns else re.compile(NOTHING),
        others=tuple(patterns[1:]),
        forms=tuple(map(tuple, forms)),
        refusals=refusals,
        marker=_marker(lines, words, arrows, path),
        markers=() if refusals else _markers(lines, words),
        between=_between(strip, path),
        prefix=_each(strip, "prefix", path),
        stop=_any_of(strip.get("stop", ()), path, "strip.stop"),
        masthead=_mastheads(strip, path),
    )


def _check_shape(table: Mapping[str, Any], path: Path) -> None:
    refuse_unknown(table, KEYS | set(TABLES), path=path)
    named_as_its_file(table, path)
    for key in ("from", "until"):
        if not isinstance(table.get(key, date.min), date):
            raise ConfigError("must be a date, as 2021-04-07", path=path, key=key)
    for name in TABLES:
        _check_table(table.get(name, {}), name, path)
    for key, known in _CHOICES.items():
        section, _, last = key.rpartition(".")
        value = (table.get(section, {}) if section else table).get(last, known[0])
        if value not in known:
            listed = ", ".join(map(repr, known[:-1]))
            raise ConfigError(f"must be {listed} or {known[-1]!r}", path=path, key=key)


def _check_table(table: Any, name: str, path: Path) -> None:
    if not isinstance(table, dict):
        raise ConfigError("must be a table", path=path, key=name)
    known = TABLES[name]
    if known is not None:
        refuse_unknown(table, known, path=path, prefix=f"{name}.")
    for key, value in table.items():
        fault = _value_fault(name, key, value)
        if fault:
            raise ConfigError(fault, path=path, key=f"{name}.{key}")


def _value_fault(name: str, key: str, value: Any) -> str:
    """Say what a value of a table must be, where it is something else."""
    if name == "number":
        fits = type(value) is type(NUMBER[key])
        kinds = {str: "a text", int: "a count", bool: "true or false"}
        return "" if fits else f"must be {kinds[type(NUMBER[key])]}"
    if name in {"symbol", "skip"} or key in {"place", "between"}:
        return "" if isinstance(value, str) else "must be a text"
    listed = isinstance(value, list) and all(item and isinstance(item, str) for item in value)
    return "" if listed else "must be a list of texts"


def _lines(table: Mapping[str, Any], path: Path) -> list[str]:
    """Give the forms of a line; none is needed where the dialect only says what to refuse."""
    given = table.get("line", [])
    lines = [given] if isinstance(given, str) else given
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ConfigError("must be a text, or a list of texts", path=path, key="line")
    if not lines and not table.get("refuse"):
        advice = 'write one, such as "{symbol} {price} {change} ({percent}%)"'
        raise ConfigError("names no form of a line", path=path, key="line", advice=advice)
    return lines


def _direction_table(table: Mapping[str, Any], name: str, path: Path) -> dict[str, Direction]:
    found: dict[str, Direction] = {}
    for direction in _DIRECTIONS:
        for text in table.get(name, {}).get(direction, ()):
            if found.setdefault(text, direction) != direction:
                raise ConfigError(
                    f"{text!r} is {found[text]!r} already", path=path, key=f"{name}.{direction}"
                )
    return found


def _pieces(
    table: Mapping[str, Any],
    numbers: Mapping[str, Any],
    directions: tuple[Mapping[str, Direction], Mapping[str, Direction]],
    path: Path,
) -> dict[str, str]:
    """Give each piece its pattern: those that are read, and the dialect's own, that are skipped."""
    signed = signed_pattern(numbers)
    words, arrows = directions
    read = {
        "symbol": table.get("symbol", {}).get("pattern", _SYMBOL),
        "price": unsigned_pattern(numbers),
        "word": _choice(words),
        "arrow": _choice(arrows),
        "change": signed,
        "percent": signed,
    }
    _check_own(read["symbol"], path, "symbol.pattern")
    for name, pattern in table.get("skip", {}).items():
        if name in PIECES or not _OWN_NAME.fullmatch(name):
            raise ConfigError("is no name for a piece", path=path, key=f"skip.{name}")
        _check_own(pattern, path, f"skip.{name}")
    return {**read, **table.get("skip", {})}


def _check_own(pattern: str, path: Path, key: str) -> None:
    compiled = _compiled(pattern, path, key)
    if compiled.groupindex or compiled.fullmatch(""):
        raise ConfigError("may name no group and not match nothing", path=path, key=key)


def _form(
    line: str, pieces: Mapping[str, str], table: Mapping[str, Any], path: Path
) -> list[Token]:
    _check_pieces([found["name"] for found in _PIECE.finditer(line)], set(pieces), path)
    for name in ("word", "arrow"):
        named = f"{{{name}" in line
        if named and pieces[name] == NOTHING:
            raise ConfigError(f"is empty, though line names {{{name}}}", path=path, key=f"{name}s")
        if table.get("sign") == name and not named:
            fault = f"needs {{{name}}} in every form of line"
            advice = "what stands there on some lines only, such as '=', may be a word"
            raise ConfigError(fault, advice=advice, path=path, key="sign")
    return _tokens(line, pieces)


def _check_pieces(names: list[str], known: set[str], path: Path) -> None:
    missing = {"symbol", "price"} - set(names)
    if missing or set(names) - known or len(names) != len(set(names)):
        raise ConfigError(
            f"must name each of {sorted(known)} at most once, and may not lack {sorted(missing)}",
            path=path,
            key="line",
        )
    if not {"change", "percent"} & set(names):
        raise ConfigError("must name change or percent, or both", path=path, key="line")


def _joined(form: Iterable[Token]) -> str:
    return "".join(token.pattern for token in form)


def _whole(form: Iterable[Token]) -> str:
    """Give the pattern of a form, with groups that stay empty for the pieces that it lacks."""
    pattern = _joined(form)
    lacking = [name for name in PIECES if f"(?P<{name}>" not in pattern]
    return pattern + "".join(f"(?P<{name}>{NOTHING})?" for name in lacking)


def _tokens(line: str, pieces: Mapping[str, str]) -> list[Token]:
    tokens: list[Token] = []
    end = 0
    for found in _PIECE.finditer(line):
        before = line[end : found.start()]
        end = found.end()
        name, pattern = found["name"], pieces[found["name"]]
        group = f"(?P<{name}>{pattern})" if name in PIECES else f"(?:{pattern})"
        piece = f"{group}{found['space']}"
        if found["optional"]:
            before, piece = _optional(line, found, before, group)
        tokens += [Token(before, re.escape(before)), Token(f"{{{name}}}", piece)]
    tokens.append(Token(line[end:], re.escape(line[end:])))
    return [token for token in tokens if token.pattern]


def _optional(line: str, found: re.Match[str], before: str, group: str) -> tuple[str, str]:
    """Let a piece be left out, with one of the blanks beside it; what it is glued to stays."""
    apart = found.start() == 0 or line[found.start() - 1] == " "
    if apart and found.end() == len(line) and before.endswith(" "):
        # At the line's end the blank before the piece goes with it.
        return before[:-1], f"(?: {group})?"
    if apart:
        return before, f"(?:{group}{found['space']})?"
    return before, f"(?:{group})?{found['space']}"


def _choice(table: Mapping[str, Direction]) -> str:
    longest_first = sorted(table, key=lambda text: (-len(text), text))
    return "|".join(re.escape(text) for text in longest_first) or NOTHING


def _marker(
    lines: Iterable[str],
    words: Mapping[str, Direction],
    arrows: Mapping[str, Direction],
    path: Path,
) -> re.Pattern[str]:
    # Symbol, figure and then a direction or a percent, or a direction and a percent: meant as a
    # ticker line even where letters are damaged. Not a headline that says "Increased By".
    tails = {text[len(text) // 4 :] for text in words}
    signs = "|".join(re.escape(text) for text in sorted(tails | set(arrows))) or NOTHING
    # Written so that its work grows with the line, not with the line's square.
    figure = r"[^\s0-9]*[0-9]\S*"
    percent = r"\([^()]*[0-9] ?%\)$"
    damaged = rf"\S{{1,24}} {figure} .*(?:{signs}|{REPLACEMENT}|{percent})|(?=.*%\)$).*(?:{signs})"
    # A line that goes on with its figure and says its direction is found so already.
    others = (line for line in lines if not (signs != NOTHING and _FIGURE_FIRST.match(line)))
    return _compiled("|".join((damaged, *map(_loose, others))), path, "words")


def _loose(line: str) -> str:
    """Give the pattern of what has a line's layout, whatever stands where its pieces should."""
    names = {found["name"] for found in _PIECE.finditer(line)}
    figure = r"[^\s0-9]{0,8}[0-9][^\s]{0,24}?"
    other = r"\S.{0,60}?"
    kinds = dict.fromkeys(names, other) | dict.fromkeys(names.intersection(PIECES), figure) | _LOOSE
    kinds["arrow"] = r"\S{1,3}"
    # Groups are named for the template's sake; of several lines each would name them anew.
    return re.sub(r"\(\?P<\w+>", "(?:", _joined(_tokens(line, kinds))) + "$"


def _markers(lines: Iterable[str], words: Mapping[str, Direction]) -> tuple[str, ...]:
    """List texts of which each line has one; none where a form of a line says no words."""
    found: set[str] = set()
    for line in lines:
        said = [text for part in _PIECE.split(line)[::4] for text in _SAID.findall(part)]
        spoken = set(words) if "{word}" in line else set()
        longest = {max(said, key=len)} if said else set()
        # The longer a text is, the fewer pages have it that have no such line.
        best = max((spoken, longest), key=lambda texts: min(map(len, texts), default=0))
        if not best:
            return ()
        found |= best
    return tuple(sorted(found))


def _refusals(
    table: Mapping[str, list[str]], path: Path
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    for reason in table:
        if not _OWN_NAME.fullmatch(reason):
            raise ConfigError("is no reason: a-z, 0-9 and _", path=path, key=f"refuse.{reason}")
    return tuple(
        (reason, _compiled(pattern, path, f"refuse.{reason}"))
        for reason, patterns in table.items()
        for pattern in patterns
    )


def _between(strip: Mapping[str, Any], path: Path) -> re.Pattern[str] | None:
    if "between" not in strip:
        return None
    compiled = _compiled(strip["between"], path, "strip.between")
    if compiled.groups or compiled.fullmatch(""):
        raise ConfigError("may have no group and not match nothing", path=path, key="strip.between")
    return compiled


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
