"""Questions: history, quotes, coverage, quarantine, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tickertrack.cli.output import format_option, say, show
from tickertrack.store import read
from tickertrack.tracker import Tracker

__all__ = ["coverage", "export", "hint", "history", "quarantine", "quotes", "unknown", "upper"]

WHAT = ("prices", "quotes", "moves", "links", "news", "coverage")

_SHORTEST_NEAR = 0.5
# To look for near names takes milliseconds, for each.
_MOST_HINTS = 10

start_option = click.option("-s", "--start", help="First session, YYYY-MM-DD, included.")
end_option = click.option("-e", "--end", help="Last session, YYYY-MM-DD, included.")


as_of_option = click.option(
    "--as-of", help="Answer with only what was stored by this time, ISO 8601."
)


@click.command()
@click.argument("symbols", nargs=-1, required=True)
@start_option
@end_option
@as_of_option
@click.option("--follow-renames", is_flag=True, help="Add what the symbol traded as before.")
@click.option("--adjusted", is_flag=True, help="Adjust for the actions that actions.csv confirms.")
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
    form: str | None,
) -> None:
    """
    Show the price series of SYMBOLS, a row for each session.

    \b
    tickertrack history ANL -s 2021-04-01 -e 2021-04-30
    tickertrack history ANL KSE100 -f json
    """
    names = upper(symbols)
    rows = tracker.history_rows(
        names, start, end, as_of=as_of, follow_renames=follow_renames, adjusted=adjusted
    )
    hint(tracker, names, rows)
    show(rows, read.HISTORY, form)


@click.command()
@click.argument("symbols", nargs=-1, required=True)
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
    """
    names = upper(symbols)
    rows = tracker.quote_rows(names, start, end, as_of=as_of)
    hint(tracker, names, rows)
    show(rows, read.QUOTES, form)


@click.command()
@click.argument("symbols", nargs=-1)
@start_option
@end_option
@format_option
@click.pass_obj
def coverage(
    tracker: Tracker, symbols: tuple[str, ...], start: str | None, end: str | None, form: str | None
) -> None:
    """
    Show sessions by SYMBOLS: captured, implied, missing or conflicting.

    \b
    tickertrack coverage ANL -s 2021-04-01
    """
    names = upper(symbols)
    rows = tracker.coverage_rows(names, start, end)
    if names:
        hint(tracker, names, rows)
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
@click.argument("what", type=click.Choice(WHAT))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@start_option
@end_option
@as_of_option
@click.pass_obj
def export(
    tracker: Tracker,
    what: str,
    output: Path,
    start: str | None,
    end: str | None,
    as_of: str | None,
) -> None:
    """
    Write WHAT to a file: .csv .json .jsonl .parquet .feather or .xlsx, by its ending.

    Prices also as price lines for books: .ledger or .beancount.

    \b
    tickertrack export prices -o prices.parquet
    tickertrack export prices -o psx.beancount --as-of 2024-06-30
    """
    say(f"{tracker.export(what, output, start, end, as_of=as_of)} rows in {output}")


def upper(symbols: Sequence[str]) -> list[str]:
    """Give symbols in capitals, as they are listed."""
    return [symbol.upper() for symbol in symbols]


def hint(tracker: Tracker, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Name near symbols for those of whom nothing is known: an empty answer is an answer."""
    found = {row["symbol"] for row in rows}
    missing = [name for name in names if name not in found]
    known = tracker.symbols() if missing else []
    for name in missing[:_MOST_HINTS]:
        if name in known:
            say(f"{name}: no price here; `tickertrack quotes {name}` shows its lines, dated or not")
            continue
        say(f"{name}: {unknown(name, known, tracker)}")
    if len(missing) > _MOST_HINTS:
        say(f"and no price of {len(missing) - _MOST_HINTS} more")


def unknown(name: str, known: Sequence[str], tracker: Tracker) -> str:
    """Say what is known of a symbol that no page shows, or what else may be meant."""
    # Imported here: most who ask know their symbols.
    import difflib  # noqa: PLC0415

    from tickertrack.markets import symbols_of  # noqa: PLC0415

    listed = symbols_of(tracker.market())
    if name in listed:
        return f"listed ({listed[name].name}), but on no page that is stored"
    near = difflib.get_close_matches(name, known, n=3, cutoff=_SHORTEST_NEAR)
    near = near or difflib.get_close_matches(name, listed, n=3, cutoff=_SHORTEST_NEAR)
    return "no such symbol" + (f"; near: {', '.join(near)}" if near else "")
