"""Rows on stdout in the form that was asked for; everything else on stderr, harmless."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from tickertrack.harmless import safe_cell, safe_term

__all__ = ["FORMATS", "complain", "format_option", "say", "show"]

Row = Mapping[str, Any]

_WIDEST = 60
# What reads best on a terminal, where there is less room than columns.
_NUMBERS = (int, float)


def show(rows: Sequence[Row], columns: Sequence[str], form: str | None) -> None:
    """Print rows: a table where stdout is a terminal, CSV otherwise, or what was asked for."""
    form = form or ("table" if sys.stdout.isatty() else "csv")
    text = FORMATS[form](rows, columns)
    sys.stdout.write(text)


def say(text: str) -> None:
    """Tell the user something on stderr, unless they asked for quiet."""
    context = click.get_current_context(silent=True)
    if context is None or not context.meta.get("tickertrack.quiet"):
        click.echo(safe_term(text), err=True)


def complain(text: str) -> None:
    """Report an error as one line on stderr."""
    click.echo(safe_term(f"tickertrack: {text}"), err=True)


def plain(value: Any) -> str:
    """Give a value as text: numbers without an idle fraction, lists with commas, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
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

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        numeric = any(isinstance(row[column], _NUMBERS) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # As Text: square brackets in a title are no markup.
        table.add_row(*(Text(_short(row[column])) for column in columns))
    text = io.StringIO()
    terminal = Console()
    width = max(terminal.width, 40) if sys.stdout.isatty() else 160
    Console(file=text, width=width, color_system=None).print(table)
    return text.getvalue()


def _short(value: Any) -> str:
    text = safe_term(plain(value))
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
