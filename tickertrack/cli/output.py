"""Rows on stdout in the form that was asked for; everything else on stderr, harmless."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import click

from tickertrack.cli.params import Choice
from tickertrack.errors import QueryError
from tickertrack.harmless import safe_cell, safe_term
from tickertrack.suggest import meant

__all__ = [
    "FORMATS",
    "NUMBERS",
    "Row",
    "chosen",
    "columns_given",
    "complain",
    "counted",
    "form_option",
    "format_option",
    "refuse_rows",
    "say",
    "short",
    "show",
    "show_object",
]

Row = Mapping[str, Any]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_COLUMNS = "tickertrack.columns"
_WIDEST, _READ = 60, 600
NUMBERS = (int, float)
# In Markdown: what would end a cell, or begin markup, a link, code or stress.
_TEXT = str.maketrans({letter: f"\\{letter}" for letter in "\\|<[`*"})
# A time in a table needs no seconds and no more than a letter for UTC.
_UTC = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00"


def show(rows: Sequence[Row], columns: Sequence[str], form: str | None) -> None:
    """
    Print rows: a table where stdout is a terminal, CSV otherwise, or what was asked for.

    Raises QueryError for a column that was asked for and is none.
    """
    sys.stdout.write(FORMATS[chosen(form)](rows, _asked_for(columns)))


def _asked_for(columns: Sequence[str]) -> Sequence[str]:
    context = click.get_current_context(silent=True)
    names = context.meta.get(_COLUMNS) if context else None
    if names is None:
        return columns
    wanted = dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip())
    for name in wanted or ("",):
        if name not in columns:
            raise QueryError(f"no column {name!r}", advice=meant(name, columns))
    return list(wanted)


def show_object(found: Row, form: str) -> None:
    """Print one object, as JSON on several lines or on one."""
    indent = 2 if form == "json" else None
    sys.stdout.write(f"{_dumped(found, ensure_ascii=True, indent=indent)}\n")


def chosen(form: str | None) -> str:
    """Give the form that was asked for: without one a table on a terminal, else CSV."""
    return form or ("table" if sys.stdout.isatty() else "csv")


def columns_given() -> bool:
    """Say whether columns were asked for by name."""
    return click.get_current_context().meta.get(_COLUMNS) is not None


def refuse_rows(form: str | None, advice: str) -> None:
    """Raise UsageError where a form or columns of rows were asked for, and there are none."""
    if form or columns_given():
        raise click.UsageError(f"-f and -c are for rows: {advice}")


def counted(number: int, thing: str) -> str:
    """Give a number of things as people say it: 1 page, 2 pages."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


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
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.15g}"
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return _dumped(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _dumped(value: Any, **how: Any) -> str:
    # Imported where it is used, as everything is that the start of a command can do without.
    import json  # noqa: PLC0415

    return json.dumps(value, **how)


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    cells = (_cells([row[column] for row in rows]) for column in columns)
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def _cells(values: Sequence[Any]) -> list[str]:
    # As `_cell` does, but most cells of a long table are fractions, and a call takes time.
    return [f"{one:.15g}" if isinstance(one, float) else _cell(one) for one in values]


def _cell(value: Any) -> str:
    # A falling price is a number, not a formula: only texts are made harmless.
    return plain(value) if isinstance(value, NUMBERS) else safe_cell(plain(value))


def _json(rows: Sequence[Row], columns: Sequence[str]) -> str:
    objects = [{column: row[column] for column in columns} for row in rows]
    return f"{_dumped(objects, ensure_ascii=True, indent=2)}\n"


def _jsonl(rows: Sequence[Row], columns: Sequence[str]) -> str:
    objects = ({column: row[column] for column in columns} for row in rows)
    return "".join(f"{_dumped(one, ensure_ascii=True)}\n" for one in objects)


def _markdown(rows: Sequence[Row], columns: Sequence[str]) -> str:
    body = [[short(row[column]).translate(_TEXT) for column in columns] for row in rows]
    lines = [list(columns), ["---"] * len(columns), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    # Imported where it is used: 70 ms.
    from tickertrack.cli.table import table  # noqa: PLC0415

    return table(rows, columns)


def short(value: Any, longest: int = _WIDEST) -> str:
    """Give a value as one line of text, and a short one if not said otherwise."""
    whole = plain(value)
    # No more of it than may be shown: a text of megabytes is one too.
    text = safe_term(whole[:_READ])
    if re.fullmatch(_UTC, text):
        return f"{text[:16]}Z"
    if len(text) <= longest and len(whole) <= _READ:
        return text
    return text[: longest - 1] + "…"


FORMATS: dict[str, Callable[[Sequence[Row], Sequence[str]], str]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "markdown": _markdown,
}

form_option = click.option(
    "-f",
    "--format",
    "form",
    type=Choice(list(FORMATS)),
    help="Default: table on a terminal, else csv.",
)
_columns_option = click.option(
    "-c",
    "--columns",
    expose_value=False,
    callback=lambda ctx, _, names: ctx.meta.update({_COLUMNS: names}),
    help="Only these columns, in this order: session,price.",
)


def format_option(command: _Command) -> _Command:
    """Add the options of what gives rows: their form, and which columns."""
    return form_option(_columns_option(command))
