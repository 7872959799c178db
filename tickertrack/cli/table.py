"""Rows as a table, as wide as the terminal: rich is imported only where one is shown."""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from shutil import get_terminal_size
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tickertrack.cli.output import NUMBERS, Row, say, short

__all__ = ["table"]

# A table's width where it is piped, and the least on any terminal.
_PIPE_WIDTH, _LEAST_WIDTH = 160, 40
# Columns whose texts are longer may be folded down to this; _GAP stands between columns.
_FOLDED, _GAP = 21, 2
# What is folded last, so that it can be copied; and sentences, of which the end may matter most.
_ADDRESS, _SENTENCES, _SENTENCE = frozenset({"url"}), {"detail"}, 400
_MOST_DECIMALS = 6
# What a table goes without where there are more columns than room, in this order.
_LEFT_OUT_FIRST = (
    *("raw", "verdict", "direction", "percent", "first", "high", "low", "page_date"),
    *("published_precision", "publisher", "byline", "tags", "file", "published_at"),
    *("reference_price", "change", "confidence", "captured_at", "quotes", "t", "expected"),
    *("scheduled_for", "started_at", "fires", "last_ok_at", "cause"),
    *("course", "n", "method", "p", "abnormal", "status"),
)


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Lay rows out for a screen: what there is no room for is left out, and named."""
    width = max(get_terminal_size((_PIPE_WIDTH, 25)).columns, _LEAST_WIDTH)
    cells = {column: _column(rows, column) for column in columns}
    heads = _heads(cells, width)
    unfolded = _ADDRESS if _needed(cells, heads, _ADDRESS) <= width else ()
    laid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    numeric = {name for name in heads if any(isinstance(row[name], NUMBERS) for row in rows)}
    for column, head in heads.items():
        justify: Any = "right" if column in numeric else "left"
        fixed = column in unfolded or _longest(cells[column]) <= _FOLDED
        laid.add_column(head, justify=justify, overflow="fold", no_wrap=fixed)
    texts = (_texts(cells[name], head if name in numeric else "") for name, head in heads.items())
    for row in zip(*texts, strict=True):
        laid.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(laid)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _texts(cells: Sequence[str], above: str) -> list[Text]:
    """Set figures below the right end of their head; texts, which are given none, to the left."""
    # Not by rich, which would strip what a figure leaves empty behind it.
    width = max(_longest(cells), _longest(above.splitlines())) if above else 0
    # As Text: square brackets in a title are no markup.
    return [Text(cell.rjust(width), justify="left") for cell in cells]


def _column(rows: Sequence[Row], column: str) -> list[str]:
    values = [row[column] for row in rows]
    if column in _SENTENCES:
        return [short(value, _SENTENCE) for value in values]
    if not any(isinstance(value, float) for value in values):
        return [short(value) for value in values]
    # As many decimals as a symbol's figures need, point below point.
    places: dict[Any, int] = defaultdict(int)
    for row in rows:
        places[row.get("symbol")] = max(places[row.get("symbol")], _decimals(row[column]))
    most = max(places.values())
    return [_figure(row[column], places[row.get("symbol")], most) for row in rows]


def _figure(value: Any, places: int, most: int) -> str:
    if not isinstance(value, NUMBERS):
        return short(value)
    text = f"{value:.{places}f}"
    text = text if float(text) else text.removeprefix("-")
    # Where others have a point, a figure without one leaves its place empty too.
    return text + " " * (most - places + (1 if most and not places else 0))


def _decimals(value: Any) -> int:
    if not isinstance(value, float):
        return 0
    _, _, digits = f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")
    return len(digits)


def _heads(cells: Mapping[str, Sequence[str]], width: int) -> dict[str, str]:
    """Choose the columns that a terminal has room for, and how their heads are written."""
    heads = {column: column for column in cells}
    if _needed(cells, heads) <= width:
        return heads
    heads = {column: column.replace("_", "_\n") for column in cells}
    left_out = []
    for column in (*_LEFT_OUT_FIRST, *reversed(list(heads)[1:])):
        if _needed(cells, heads) <= width:
            break
        if heads.pop(column, None) is not None:
            left_out.append(column)
    if left_out:
        say(f"no room for {', '.join(left_out)}: -f csv, json, jsonl or markdown shows all")
    return heads


def _needed(
    cells: Mapping[str, Sequence[str]],
    heads: Mapping[str, str],
    unfolded: Collection[str] = (),
) -> int:
    """Give the width that columns need where long texts are folded as far as may be."""
    widths = (
        max(
            min(_longest(cells[column]), sys.maxsize if column in unfolded else _FOLDED),
            _longest(head.splitlines()),
        )
        for column, head in heads.items()
    )
    return sum(widths) + _GAP * (len(heads) - 1)


def _longest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)
