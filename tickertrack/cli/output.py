"""Rows on stdout in the form that was asked for; everything else on stderr, harmless."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from shutil import get_terminal_size
from typing import Any

import click

from tickertrack.harmless import safe_cell, safe_term

__all__ = ["FORMATS", "chosen", "complain", "format_option", "say", "show", "show_object"]

Row = Mapping[str, Any]

_WIDEST = 60
_NUMBERS = (int, float)
# A table's width where it is piped, and the least on any terminal.
_PIPE_WIDTH, _LEAST_WIDTH = 160, 40
# Columns whose texts are longer may be folded down to this; _GAP stands between columns.
_FOLDED, _GAP = 21, 2
_MOST_DECIMALS = 6
# What a table goes without where there are more columns than room, in this order.
_LEFT_OUT_FIRST = (
    *("raw", "verdict", "direction", "percent", "first", "high", "low", "page_date"),
    *("published_precision", "publisher", "byline", "tags", "file", "published_at"),
    *("reference_price", "change", "confidence", "captured_at", "quotes", "t", "expected"),
)
# A time in a table needs no seconds and no more than a letter for UTC.
_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")


def show(rows: Sequence[Row], columns: Sequence[str], form: str | None) -> None:
    """Print rows: a table where stdout is a terminal, CSV otherwise, or what was asked for."""
    sys.stdout.write(FORMATS[chosen(form)](rows, columns))


def show_object(found: Row, form: str) -> None:
    """Print one object, as JSON on several lines or on one."""
    indent = 2 if form == "json" else None
    sys.stdout.write(json.dumps(found, ensure_ascii=True, indent=indent) + "\n")


def chosen(form: str | None) -> str:
    """Give the form that was asked for: without one a table on a terminal, else CSV."""
    return form or ("table" if sys.stdout.isatty() else "csv")


def say(text: str) -> None:
    """Tell the user something on stderr, unless they asked for quiet."""
    context = click.get_current_context(silent=True)
    if context is None or not context.meta.get("tickertrack.quiet"):
        _tell(text)


def complain(text: str) -> None:
    """Report an error as one line on stderr."""
    _tell(f"tickertrack: {text}")


def _tell(text: str) -> None:
    # Where it cannot be told, that must not cost the answer.
    with suppress(OSError):
        click.echo(safe_term(text), err=True)


def plain(value: Any) -> str:
    """Give a value as text: no idle fractions, lists with commas, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    # A falling price is a number, not a formula: only texts are made harmless.
    return plain(value) if isinstance(value, _NUMBERS) else safe_cell(plain(value))


def _json(rows: Sequence[Row], columns: Sequence[str]) -> str:
    objects = [{column: row[column] for column in columns} for row in rows]
    return json.dumps(objects, ensure_ascii=True, indent=2) + "\n"


def _jsonl(rows: Sequence[Row], columns: Sequence[str]) -> str:
    objects = ({column: row[column] for column in columns} for row in rows)
    return "".join(json.dumps(one, ensure_ascii=True) + "\n" for one in objects)


def _markdown(rows: Sequence[Row], columns: Sequence[str]) -> str:
    body = [[_short(row[column]).replace("|", "\\|") for column in columns] for row in rows]
    lines = [list(columns), ["---"] * len(columns), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    # Imported where it is used: 70 ms.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    width = max(get_terminal_size((_PIPE_WIDTH, 25)).columns, _LEAST_WIDTH)
    cells = {column: _column(rows, column) for column in columns}
    heads = _heads(cells, width)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, head in heads.items():
        numeric = any(isinstance(row[column], _NUMBERS) for row in rows)
        fixed = max(map(len, cells[column]), default=0) <= _FOLDED
        table.add_column(
            head, justify="right" if numeric else "left", overflow="fold", no_wrap=fixed
        )
    for row in zip(*(cells[column] for column in heads), strict=True):
        # As Text: square brackets in a title are no markup.
        table.add_row(*map(Text, row))
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(table)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _column(rows: Sequence[Row], column: str) -> list[str]:
    values = [row[column] for row in rows]
    if not any(isinstance(value, float) for value in values):
        return [_short(value) for value in values]
    # As many decimals as a symbol's figures need, point below point.
    places: dict[Any, int] = defaultdict(int)
    for row in rows:
        places[row.get("symbol")] = max(places[row.get("symbol")], _decimals(row[column]))
    most = max(places.values())
    return [_figure(row[column], places[row.get("symbol")], most) for row in rows]


def _figure(value: Any, places: int, most: int) -> str:
    if not isinstance(value, _NUMBERS):
        return _short(value)
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
    for column in _LEFT_OUT_FIRST:
        if _needed(cells, heads) <= width:
            break
        if heads.pop(column, None) is not None:
            left_out.append(column)
    if left_out:
        say(f"no room for {', '.join(left_out)}: -f csv, json, jsonl or markdown shows all")
    return heads


def _needed(cells: Mapping[str, Sequence[str]], heads: Mapping[str, str]) -> int:
    """Give the width that columns need where long texts are folded as far as may be."""
    widths = (
        max(
            min(max(map(len, cells[column]), default=0), _FOLDED),
            *map(len, head.splitlines()),
        )
        for column, head in heads.items()
    )
    return sum(widths) + _GAP * (len(heads) - 1)


def _short(value: Any) -> str:
    text = safe_term(plain(value))
    if _UTC.fullmatch(text):
        return f"{text[:16]}Z"
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


FORMATS: dict[str, Callable[[Sequence[Row], Sequence[str]], str]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "markdown": _markdown,
}

format_option = click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="Default: table on a terminal, else csv.",
)
