"""A price series on a terminal: a line of dots, and a mark where it is no plain quote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import pairwise
from shutil import get_terminal_size
from typing import NamedTuple

import click

from tickertrack.course import Course, Kind, Point
from tickertrack.harmless import safe_term

__all__ = ["LEVELS", "chart", "levels", "paper"]

# Where output is piped; and the least and most that a chart is drawn in.
_PIPE_SIZE = (100, 24)
_LEAST_WIDTH, _LEAST_HEIGHT, _MOST_HEIGHT = 40, 5, 16
# Lines of a terminal that are for the title, the axis, its days, the legend and the next prompt.
_AROUND = 6
# A date under the middle of the axis wants room beside those at its ends.
_ROOM_FOR_THREE = 44

# Of a sparkline: no price, then from low to high.
LEVELS = "·▁▂▃▄▅▆▇█"
_PLAIN_LEVELS = " _.-:=+*#"

# Braille: the dots of a letter, from the top left one, by column and row.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK_BRAILLE = 0x2800
_PLAIN_LINE, _PLAIN_QUOTE = 1, 2
_HUES: dict[Kind, str] = {
    "seen": "cyan",
    "implied": "yellow",
    "provisional": "magenta",
    "missing": "red",
}


class Ink(NamedTuple):
    """The letters of a chart: dots in each, across and down; marks; corner, bar and axis."""

    across: int
    down: int
    marks: dict[Kind, str]
    frame: tuple[str, str, str]


class Paper(NamedTuple):
    """What a chart is drawn on: so many letters wide and high, with an ink, in colour or not."""

    width: int
    height: int
    ink: Ink
    coloured: bool


_BRAILLE = Ink(
    2, 4, {"seen": "⠒", "implied": "○", "provisional": "◇", "missing": "x"}, ("┤", "└", "─")
)
_ASCII = Ink(
    1, 1, {"seen": "*", "implied": "o", "provisional": "p", "missing": "x"}, ("|", "+", "-")
)

Cell = tuple[int, int]


def paper() -> Paper:
    """Measure the terminal; ASCII where its encoding has no more, colours where it wants them."""
    width, lines = get_terminal_size(_PIPE_SIZE)
    height = min(max(lines - _AROUND, _LEAST_HEIGHT), _MOST_HEIGHT)
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    ink = (
        _BRAILLE
        if _can_show("".join(_BRAILLE.marks.values()) + "".join(_BRAILLE.frame))
        else _ASCII
    )
    return Paper(max(width, _LEAST_WIDTH), height, ink, wanted and sys.stdout.isatty())


def levels() -> str:
    """Give the letters of a sparkline that stdout's encoding has."""
    return LEVELS if _can_show(LEVELS) else _PLAIN_LEVELS


def chart(course: Course, sheet: Paper) -> str:
    """Draw a course: title, prices on the left, days below, a legend of what is in it."""
    labels = _labels(course, sheet.height)
    margin = max(map(len, labels))
    room = sheet.width - margin - 2
    cells = _plotted(course, sheet, room)
    bar, corner, axis = sheet.ink.frame
    lines = [safe_term(course.title())[: sheet.width]]
    for row, label in enumerate(labels):
        letters = (_letter(cells.get((column, row)), sheet) for column in range(room))
        lines.append(f"{label:>{margin}} {bar}{''.join(letters)}".rstrip())
    lines += [
        f"{'':{margin}} {corner}{_axis(course, sheet, room, axis)}",
        f"{'':{margin}}  {_days(course, room)}",
        *(f"{'':{margin}}  {line}" for line in _legend(course, sheet, room)),
    ]
    return "".join(f"{line}\n" for line in lines)


def _can_show(letters: str) -> bool:
    try:
        letters.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _labels(course: Course, height: int) -> list[str]:
    """Write the highest, the middle and the lowest price at their rows; each price once."""
    low, high = min(course.prices()), max(course.prices())
    middle = height // 2
    if low == high:
        return [f"{low:,.2f}" if row == middle else "" for row in range(height)]
    at = {0: high, height - 1: low, middle: high - (high - low) * middle / (height - 1)}
    return [f"{at[row]:,.2f}" if row in at else "" for row in range(height)]


class _Drawn(NamedTuple):
    """What a letter shows: its dots, and the kind of session whose mark hides them."""

    dots: int
    kind: Kind


def _plotted(course: Course, sheet: Paper, room: int) -> dict[Cell, _Drawn]:
    ink = sheet.ink
    places = _places(course, room * ink.across, sheet.height * ink.down)
    cells: dict[Cell, _Drawn] = {}
    for one, other in pairwise(places):
        # The line ends where a session is missing: what is between is not known.
        if one and other:
            for spot in _between(one, other):
                _put(cells, spot, _PLAIN_LINE, ink)
    for place, point in zip(places, course.points, strict=True):
        if place:
            _put(cells, place, _PLAIN_QUOTE, ink, point.kind)
    return cells


def _places(course: Course, width: int, height: int) -> list[Cell | None]:
    """Place each point on a grid of dots: sessions evenly, the highest price on top."""
    low, high = min(course.prices()), max(course.prices())
    last = max(len(course.points) - 1, 1)

    def place(number: int, point: Point) -> Cell | None:
        if point.price is None:
            return None
        share = (point.price - low) / (high - low) if high > low else 0.5
        return round(number / last * (width - 1)), round((1 - share) * (height - 1))

    return [place(number, point) for number, point in enumerate(course.points)]


def _between(one: Cell, other: Cell) -> Iterator[Cell]:
    """Give the dots of a straight line."""
    (left, top), (right, bottom) = one, other
    steps = max(abs(right - left), abs(bottom - top), 1)
    for step in range(steps + 1):
        share = step / steps
        yield round(left + (right - left) * share), round(top + (bottom - top) * share)


def _put(cells: dict[Cell, _Drawn], spot: Cell, plain: int, ink: Ink, kind: Kind = "seen") -> None:
    column, down = divmod(spot[0], ink.across)
    row, across = divmod(spot[1], ink.down)
    before = cells.get((column, row), _Drawn(0, "seen"))
    dot = _DOTS[down][across] if ink is _BRAILLE else plain
    # A mark is not hidden by a plain quote in the same letter.
    cells[column, row] = _Drawn(before.dots | dot, before.kind if kind == "seen" else kind)


def _letter(drawn: _Drawn | None, sheet: Paper) -> str:
    if drawn is None:
        return " "
    if drawn.kind != "seen":
        letter = sheet.ink.marks[drawn.kind]
    elif sheet.ink is _BRAILLE:
        letter = chr(_BLANK_BRAILLE + drawn.dots)
    else:
        letter = sheet.ink.marks["seen"] if drawn.dots & _PLAIN_QUOTE else "."
    return _painted(letter, drawn.kind, sheet)


def _painted(letter: str, kind: Kind, sheet: Paper) -> str:
    return click.style(letter, fg=_HUES[kind]) if sheet.coloured else letter


def _axis(course: Course, sheet: Paper, room: int, line: str) -> str:
    """Draw the axis, with a mark where a session is missing."""
    last = max(len(course.points) - 1, 1)
    missing = {
        round(number / last * (room * sheet.ink.across - 1)) // sheet.ink.across
        for number, point in enumerate(course.points)
        if point.kind == "missing"
    }
    mark = _painted(sheet.ink.marks["missing"], "missing", sheet)
    return "".join(mark if column in missing else line for column in range(room))


def _days(course: Course, room: int) -> str:
    """Write the first, the middle and the last day under the axis."""
    days = [point.session for point in course.points]
    if len(days) == 1:
        return days[0]
    first, last = days[0], days[-1]
    between = room - len(first) - len(last)
    middle = days[len(days) // 2] if len(days) > 2 and room >= _ROOM_FOR_THREE else ""  # noqa: PLR2004
    return f"{first}{middle:^{max(between, 1)}}{last}"


def _legend(course: Course, sheet: Paper, room: int) -> list[str]:
    """Name the kinds of sessions that there are, on one line where there is room for it."""
    found = [point.kind for point in course.points]
    told = [(mark, kind) for kind, mark in sheet.ink.marks.items() if kind in found]
    needed = sum(len(f"{mark} {kind} {found.count(kind)}  ") for mark, kind in told)
    lines = [f"{_painted(mark, kind, sheet)} {kind} {found.count(kind)}" for mark, kind in told]
    return ["  ".join(lines)] if needed - len("  ") <= room else lines
