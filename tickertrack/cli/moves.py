"""Questions about moves and their news: moves, explain, news, actions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from tickertrack.asking import ACTIONS, EXPLANATION, explained
from tickertrack.cli.ask import as_of_option, end_option, hint, start_option, upper
from tickertrack.cli.output import (
    chosen,
    counted,
    form_option,
    format_option,
    say,
    show,
    show_object,
)
from tickertrack.cli.params import complete_symbols
from tickertrack.hints import Hint, no_move, unknown
from tickertrack.moves import MOVES
from tickertrack.store.news import NEWS
from tickertrack.tracker import Tracker

__all__ = ["actions", "explain", "moves", "news"]

day_option = click.option("-d", "--date", "day", help="One day, YYYY-MM-DD.")

# What a table's figures are rounded to; every other form gives them as they are.
_PLACES = {"expected": 2, "abnormal": 2, "t": 2, "p": 4, "factor": 4}

# In what people look at, the last ten sessions stand beside the move.
_BESIDE = MOVES.index("change_percent") + 1
_WITH_COURSE = (*MOVES[:_BESIDE], "course", *MOVES[_BESIDE:])

Row = dict[str, Any]


@click.command()
@click.argument("symbols", nargs=-1, shell_complete=complete_symbols)
@day_option
@start_option
@end_option
@click.option("--min-percent", type=float, default=0.0, help="Moves of so many percent or more.")
@click.option("--significant", is_flag=True, help="Moves that chance explains 1 time in 20.")
@as_of_option
@format_option
@click.pass_obj
def moves(
    tracker: Tracker,
    symbols: tuple[str, ...],
    day: str | None,
    start: str | None,
    end: str | None,
    min_percent: float,
    significant: bool,
    as_of: str | None,
    form: str | None,
) -> None:
    """
    Show the moves of SYMBOLS, or of all: what was expected of them, and the news they have.

    In JSON the moves of a single day also carry `news`: every article of their session.

    \b
    tickertrack moves -d 2021-04-07
    tickertrack moves ANL -s 2021-04-01 --min-percent 5 -f json
    tickertrack moves --significant --as-of 2024-06-30
    """
    if not as_of:
        _tell_waiting(tracker)
    names, since, until = upper(symbols), day or start, day or end
    with tracker.past(as_of) as past:
        rows = past.move_rows(names, since, until, min_percent=min_percent, significant=significant)
        if names and not (min_percent or significant):
            hint(past, names, rows)
        if chosen(form) in {"json", "jsonl"} and since and since == until:
            show(past.with_news(rows, since), (*MOVES, "news"), form)
            return
        if chosen(form) in {"table", "markdown"}:
            # Imported here: only people look at a course.
            from tickertrack.cli.pictures import sparked  # noqa: PLC0415

            show(sparked(past, _rounded(rows, form)), _WITH_COURSE, form)
            return
    show(rows, MOVES, form)


@click.command()
@click.argument("symbol", shell_complete=complete_symbols)
@click.argument("day", metavar="DATE")
@as_of_option
@form_option
@click.pass_obj
def explain(tracker: Tracker, symbol: str, day: str, as_of: str | None, form: str | None) -> None:
    """
    Explain the move of SYMBOL on DATE: figures, ranked news with evidence, the rest of the day.

    \b
    tickertrack explain ANL 2021-04-07
    tickertrack explain ANL 2021-04-07 -f json
    tickertrack explain ANL 2021-04-07 --as-of 2021-04-08
    """
    if not as_of:
        _tell_waiting(tracker)
    form = chosen(form)
    with tracker.past(as_of) as past:
        found = past.explanation(symbol, day)
        if found["move"] is None:
            say(str(no_move(past, symbol.upper(), day)))
    if form in {"json", "jsonl"}:
        show_object(found, form)
    elif form == "csv" or found["move"] is None:
        show(explained(found), EXPLANATION, form)
    else:
        # Imported here: only people read prose.
        from tickertrack.cli.prose import tell  # noqa: PLC0415

        sys.stdout.write(tell(found, tracker.config.market.index, form))


@click.command()
@day_option
@start_option
@end_option
@click.option(
    "--symbol",
    shell_complete=complete_symbols,
    help="Articles that are about this symbol, or mention it.",
)
@click.option("--search", help='Articles with these words; "in quotes" as they stand.')
@as_of_option
@format_option
@click.pass_obj
def news(
    tracker: Tracker,
    day: str | None,
    start: str | None,
    end: str | None,
    symbol: str | None,
    search: str | None,
    as_of: str | None,
    form: str | None,
) -> None:
    """
    Show articles by the day on which they say they appeared.

    \b
    tickertrack news -d 2021-04-07
    tickertrack news --symbol ANL --search "denim exports"
    tickertrack news -d 2024-06-28 --as-of 2024-06-30
    """
    if not as_of:
        _tell_waiting(tracker)
    with tracker.past(as_of) as past:
        rows = past.news_rows(day or start, day or end, symbol=symbol, search=search)
        if symbol and not rows:
            _say_who(past, symbol.upper())
    show(rows, NEWS, form)


@click.command()
@click.argument("symbols", nargs=-1, shell_complete=complete_symbols)
@start_option
@end_option
@as_of_option
@format_option
@click.pass_obj
def actions(
    tracker: Tracker,
    symbols: tuple[str, ...],
    start: str | None,
    end: str | None,
    as_of: str | None,
    form: str | None,
) -> None:
    """
    Show chain breaks and the actions that would explain them; actions.csv confirms or denies.

    \b
    tickertrack actions -f csv > actions.csv    then write confirmed or denied for proposed
    tickertrack history ANL --adjusted
    """
    with tracker.past(as_of) as past:
        rows = past.action_rows(upper(symbols), start, end)
    show(_rounded(rows, form), ACTIONS, form)


def _rounded(rows: Sequence[Row], form: str | None) -> Sequence[Row]:
    if chosen(form) not in {"table", "markdown"}:
        return rows
    return [{name: _round(name, value) for name, value in row.items()} for row in rows]


def _round(name: str, value: Any) -> Any:
    return round(value, _PLACES[name]) if name in _PLACES and value is not None else value


def _tell_waiting(tracker: Tracker) -> None:
    articles, sessions = tracker.waiting()
    if articles or sessions:
        waiting = f"{counted(articles, 'article')} and {counted(sessions, 'session')}"
        say(f"{waiting} wait to be linked: `tickertrack link`")


def _say_who(tracker: Tracker, symbol: str) -> None:
    say(str(unknown(tracker, symbol) or Hint(symbol, "no article that names it")))
