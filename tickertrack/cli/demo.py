"""Everything at once, offline: the shipped sample, read, dated, priced and asked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from tickertrack.cli.output import show
from tickertrack.config import load_config
from tickertrack.tracker import Tracker

__all__ = ["demo"]

SAMPLE = Path(__file__).parent.parent / "sample"
STOCK, INDEX = "BOP", "KSE100"
COVERED = ("AIRLINK", "BOP", "KEL", "TRG", "UNITY", "BR100", "KSE100")

# What fits side by side on a page; the commands show more.
_HISTORY = (
    *("symbol", "session", "price", "reference_price", "change", "change_percent"),
    *("status", "quotes", "method"),
)
_ORIGIN = ("session", "price", "method", "confidence", "page", "what the page says")
_REFUSED = ("page", "line", "reason", "raw")
_JUDGED = ("symbol", "session", "price", "verdict", "raw")
_LETTERS = {"captured": "C", "implied": "i", "conflicting": "x", "missing": "."}
_LEGEND = "C captured   i implied by the next session   x conflicting   . missing"
_SUGGESTED = (
    ("tickertrack history TRG -s 2024-05-01 -f csv", "a range, for another program"),
    ("tickertrack export prices -o prices.xlsx", "all prices, in a spreadsheet"),
    ("tickertrack verify", "every stored quote, read again from its page"),
    ("tickertrack doctor", "is the database well, does the calendar hold"),
    ("tickertrack init ../mine", "settings of a tracker of your own"),
)
_WIDTH = 100
_NAME = 12
# An article so much older than the session that its page shows was captured anew.
_OLD_DAYS = 30

Row = dict[str, Any]


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Only the old pages, in this new folder that stays; else all, in a temporary one.",
)
@click.option("--serve", is_flag=True, help="Only serve the newspaper's site, until Ctrl-C.")
def demo(keep: Path | None, serve: bool) -> None:
    """
    Collect an invented newspaper's site, then read old pages of it; nothing leaves this machine.

    \b
    tickertrack demo
    tickertrack demo --keep courier
    tickertrack demo --serve
    """
    # Imported here: the site and the daemon are for the demo alone.
    from tickertrack.cli.live import serve_site, three_sessions  # noqa: PLC0415

    with _folder(keep) as folder:
        if serve:
            serve_site(folder)
            return
        if keep is None:
            # Of a site that is gone there is nothing to keep.
            _heading("A daemon on a live site, through three sessions", "tickertrack run")
            three_sessions(folder / "live")
        click.echo()
        click.echo("Old pages of the newspaper around real printed quotes, in a fresh database")
        click.echo(f"in {folder}.")
        shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
        # Without the environment: the sample must not end in a database of the user's own.
        with Tracker(load_config(folder / "config.toml", environ={})) as tracker:
            _read(tracker, folder / "pages")
            _histories(tracker)
            _coverage(tracker)
            _refused(tracker)
            _origins(tracker)
    _next(keep)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="tickertrack-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_empty = not any(keep.iterdir())
    except OSError as error:
        fault = f"{keep}: {error.strerror}"
        raise click.BadParameter(fault, param_hint="--keep") from error
    if not is_empty:
        fault = f"{keep} is not empty; name a new folder"
        raise click.BadParameter(fault, param_hint="--keep")
    yield keep


def _read(tracker: Tracker, pages: Path) -> None:
    _heading("The pages, read, dated and priced", "tickertrack ingest pages")
    report = asdict(tracker.ingest(pages))
    show([report], tuple(report), "table")
    _note("Every line that looks like a quote is counted: new, known already, or refused.")


def _histories(tracker: Tracker) -> None:
    _heading("The price history of a stock", f"tickertrack history {STOCK}")
    show(tracker.history_rows([STOCK]), _HISTORY, "table")
    _note("final: seen after the close, or confirmed by the next session. provisional: a page date")
    _note("alone. implied: no page of that day, but the next session's reference price tells it.")
    _heading("... and of an index", f"tickertrack history {INDEX}")
    show(tracker.history_rows([INDEX]), _HISTORY, "table")


def _coverage(tracker: Tracker) -> None:
    _heading("What is covered", f"tickertrack coverage {' '.join(COVERED)}")
    rows = tracker.coverage_rows(COVERED)
    sessions = sorted({date.fromisoformat(row["session"]) for row in rows})
    letters = {(row["symbol"], row["session"]): _LETTERS[row["coverage"]] for row in rows}
    months = [
        f"{month:<{3 * len(list(days))}}"
        for month, days in groupby(sessions, lambda day: f"{day:%b}")
    ]
    click.echo(f"{'':9}{''.join(months)}".rstrip())
    click.echo(f"{'':9}{''.join(f'{day:%d} ' for day in sessions)}".rstrip())
    for symbol in COVERED:
        found = (letters.get((symbol, day.isoformat()), " ") for day in sessions)
        click.echo(f"{symbol:9}{''.join(f'{letter:<3}' for letter in found)}".rstrip())
    _note(_LEGEND)
    for row in rows:
        if row["conflict"]:
            _note(f"{row['symbol']} on {row['session']}: {row['conflict']}; nothing is averaged")


def _refused(tracker: Tracker) -> None:
    _heading("What was refused, and why", "tickertrack quarantine")
    rows = [{**row, "page": Path(row["file"]).name} for row in tracker.quarantine_rows()]
    show(rows, _REFUSED, "table")
    lines = tracker.quote_rows(tracker.symbols())
    judged = {(row["symbol"], row["raw"]): row for row in lines if row["verdict"] != "ok"}
    _heading("... and what was kept with a verdict", "tickertrack quotes HUMNL SEARL")
    show(list(judged.values()), _JUDGED, "table")
    _note("out_of_range is a warning; a percent_mismatch never becomes a price.")


def _origins(tracker: Tracker) -> None:
    _heading("Where each price came from", f"tickertrack quotes {STOCK}")
    zone = tracker.market().zone
    rows = [_origin(row, zone) for row in tracker.quote_rows([STOCK])]
    show(rows, _ORIGIN, "table")
    _note(
        "matched: by its numbers. captured: by its time of capture. stated: by its page date alone."
    )


def _origin(row: Row, zone: tzinfo) -> Row:
    says = _says(row, zone)
    return {**row, "page": _page(row["url"]), "what the page says": says}


def _page(url: str) -> str:
    """Name a page by its address without the headline, or by its file."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        name = Path(parts.path).stem
        return name if len(name) <= _NAME else name[: _NAME - 1] + "…"
    return "/".join(parts.path.split("/")[:3])


def _says(row: Row, zone: tzinfo) -> str:
    if row["captured_at"]:
        moment = datetime.fromisoformat(row["captured_at"]).astimezone(zone)
        shown, day = f"captured {_day(moment)} {moment:%H:%M}", moment.date()
    elif row["page_date"]:
        day = date.fromisoformat(row["page_date"])
        shown = f"says it is {_day(day)}"
    else:
        return "no date" if row["session"] else "no date and no neighbour: left undated"
    return shown + _aside(row, day)


def _aside(row: Row, day: date) -> str:
    """Tell what would mislead: a page of another day than its session, or of an old article."""
    session = date.fromisoformat(row["session"]) if row["session"] else day
    if session != day:
        return f", shows {_day(session)}"
    published = date.fromisoformat((row["published_at"] or row["session"])[:10])
    return f", an article of {published.year}" if (day - published).days > _OLD_DAYS else ""


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _next(keep: Path | None) -> None:
    _heading("What next", "tickertrack --help")
    folder = keep or Path("courier")
    if keep is None:
        _note(f"tickertrack demo --keep {folder}    keeps all this in a folder of that name")
    _note(f"cd {folder}")
    for command, does in _SUGGESTED:
        _note(f"{command:<46}{does}")


def _heading(title: str, command: str) -> None:
    """Say in one line what follows, and what a user types to see it."""
    typed = f"$ {command}"
    width = min(shutil.get_terminal_size((_WIDTH, 25)).columns, _WIDTH)
    click.echo()
    click.secho(f"{title:<{max(width - len(typed) - 1, 0)}} {typed}", bold=True)


def _note(text: str) -> None:
    click.secho(f"  {text}", dim=True)
