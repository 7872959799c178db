"""Questions: history, quotes, coverage, quarantine, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tickertrack.cli.output import counted, format_option, refuse_rows, say, show
from tickertrack.cli.params import Choice, complete_symbols
from tickertrack.hints import hints
from tickertrack.spans import span_of
from tickertrack.store import read
from tickertrack.tracker import Tracker

__all__ = ["coverage", "export", "hint", "history", "quarantine", "quotes", "upper"]

WHAT = ("prices", "quotes", "moves", "links", "news", "coverage")

start_option = click.option("-s", "--start", help="First session, YYYY-MM-DD, included.")
end_option = click.option("-e", "--end", help="Last session, YYYY-MM-DD, included.")
as_of_option = click.option(
    "--as-of", help="Answer with only what was stored by this time, ISO 8601."
)
follow_renames_option = click.option(
    "--follow-renames", is_flag=True, help="Add what the symbol traded as before."
)
adjusted_option = click.option(
    "--adjusted", is_flag=True, help="Adjust for the actions that actions.csv confirms."
)


@click.command()
@click.argument("symbols", nargs=-1, required=True, shell_complete=complete_symbols)
@start_option
@end_option
@as_of_option
@follow_renames_option
@adjusted_option
@click.option("--chart", is_flag=True, help="Draw each symbol's prices on the terminal.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A picture, .png or .svg, or what export writes, by its ending.",
)
@format_option
@click.pass_obj
def history(
    tracker: Tracker,
    symbols: tuple[str, ...],
    start: str | None,
    end: str | None,
    as_of: str | None,
    follow_renames: bool,
    adjusted: bool,
    chart: bool,
    output: Path | None,
    form: str | None,
) -> None:
    """
    Show the price series of SYMBOLS, a row for each session, or as a picture.

    \b
    tickertrack history ANL -s 2021-04-01 -e 2021-04-30
    tickertrack history ANL KSE100 -f json
    tickertrack history ANL --as-of 2024-06-30
    tickertrack history ANL --chart
    tickertrack history ANL -o ANL.png
    """
    if chart or output:
        refuse_rows(form, "--chart draws, and -o goes by its ending")
    names = upper(symbols)
    with tracker.past(as_of) as past:
        rows = past.history_rows(
            names, start, end, follow_renames=follow_renames, adjusted=adjusted
        )
        hint(past, names, rows)
        if output or chart:
            # Imported here: most answers are rows.
            from tickertrack.cli import pictures  # noqa: PLC0415
        if output:
            note = past.note(span_of(start, end), as_of)
            say(f"{counted(pictures.write(past, rows, output, note), 'row')} in {output}")
        if chart:
            pictures.draw(past, rows)
    if not (output or chart):
        show(rows, read.HISTORY, form)


@click.command()
@click.argument("symbols", nargs=-1, required=True, shell_complete=complete_symbols)
@start_option
@end_option
@as_of_option
@format_option
@click.pass_obj
def quotes(
    tracker: Tracker,
    symbols: tuple[str, ...],
    start: str | None,
    end: str | None,
    as_of: str | None,
    form: str | None,
) -> None:
    """
    Show every observed line of SYMBOLS, a row for each page that shows it.

    \b
    tickertrack quotes ANL -f jsonl
    tickertrack quotes ANL --as-of 2024-06-30T12:00:00+05:00
    """
    names = upper(symbols)
    with tracker.past(as_of) as past:
        rows = past.quote_rows(names, start, end)
        hint(past, names, rows)
    show(rows, read.QUOTES, form)


@click.command()
@click.argument("symbols", nargs=-1, shell_complete=complete_symbols)
@start_option
@end_option
@as_of_option
@format_option
@click.pass_obj
def coverage(
    tracker: Tracker,
    symbols: tuple[str, ...],
    start: str | None,
    end: str | None,
    as_of: str | None,
    form: str | None,
) -> None:
    """
    Show sessions by SYMBOLS: captured, implied, missing or conflicting.

    \b
    tickertrack coverage ANL -s 2021-04-01
    tickertrack coverage --as-of 2024-06-30
    """
    names = upper(symbols)
    with tracker.past(as_of) as past:
        rows = past.coverage_rows(names, start, end)
        if names:
            hint(past, names, rows)
    show(rows, read.COVERAGE, form)


@click.command()
@format_option
@click.pass_obj
def quarantine(tracker: Tracker, form: str | None) -> None:
    """
    Show the lines and pages that were refused, and why.

    \b
    tickertrack quarantine -f csv
    """
    show(tracker.quarantine_rows(), read.QUARANTINE, form)


@click.command()
@click.argument("what", type=Choice(WHAT))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@start_option
@end_option
@as_of_option
@follow_renames_option
@adjusted_option
@click.pass_obj
def export(
    tracker: Tracker,
    what: str,
    output: Path,
    start: str | None,
    end: str | None,
    as_of: str | None,
    follow_renames: bool,
    adjusted: bool,
) -> None:
    """
    Write WHAT to a file: .csv .json .jsonl .parquet .feather or .xlsx, by its ending.

    Prices also as price lines for books, .ledger or .beancount; and only they are adjusted or
    followed through renames.

    \b
    tickertrack export prices -o prices.parquet
    tickertrack export prices -o psx.beancount --as-of 2024-06-30
    tickertrack export prices -o prices.csv --follow-renames --adjusted
    """
    how = {"follow_renames": follow_renames, "adjusted": adjusted}
    written = tracker.export(what, output, start, end, as_of=as_of, **how)
    say(f"{counted(written, 'row')} in {output}")


def upper(symbols: Sequence[str]) -> list[str]:
    """Give symbols in capitals, as they are listed."""
    return [symbol.upper() for symbol in symbols]


def hint(tracker: Tracker, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Say what there is to say of symbols without a row: an empty answer is an answer."""
    for line in hints(tracker, names, rows):
        say(line)
