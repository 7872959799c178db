"""What puts something in: init, ingest, resolve, reference import."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import click

from tickertrack.cli.output import complain, say
from tickertrack.dialects.grammar import YEARS
from tickertrack.errors import QueryError, SourceError, TickertrackError
from tickertrack.models import Page
from tickertrack.tracker import Progress, Tracker

__all__ = ["ingest", "init", "reference", "resolve"]

FAILED = 1


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """
    Write config.toml and jobs/ into FOLDER; never over what is there.

    \b
    tickertrack init mytracker
    """
    try:
        _write_settings(folder)
    except OSError as error:
        raise TickertrackError(f"{folder}: cannot be written ({error.strerror})") from error


def _write_settings(folder: Path) -> None:
    (folder / "jobs").mkdir(parents=True, exist_ok=True)
    target = folder / "config.toml"
    if target.exists():
        say(f"{target}: is there already, left as it is")
    else:
        text = (resources.files("tickertrack") / "template.toml").read_text(encoding="utf-8")
        target.write_text(text, encoding="utf-8")
        say(f"{target}: written")


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--captured-at", help="When the pages were captured, where they do not say; ISO 8601."
)
@click.option("--publisher", help="Whose pages they are, whatever their address.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that read files.")
@click.option("--report", is_flag=True, help="Print what was new as one JSON object.")
@click.pass_obj
def ingest(
    tracker: Tracker,
    paths: tuple[str, ...],
    captured_at: str | None,
    publisher: str | None,
    workers: int,
    report: bool,
) -> int:
    """
    Read pages from PATHS: .txt .html .jsonl .parquet (also .gz), folders, or - for standard input.

    \b
    tickertrack ingest pages/ crawl.jsonl --report
    """
    refused: list[SourceError] = []
    with _progress() as progress:
        counts = tracker.ingest(
            paths,
            captured_at=_moment(captured_at),
            publisher=publisher,
            workers=workers,
            progress=progress,
            refused=refused.append,
        )
    for error in refused:
        complain(str(error))
    if report:
        click.echo(json.dumps(asdict(counts)))
    else:
        say(
            f"{counts.pages} pages, {counts.articles} articles, {counts.strips} strips, "
            f"{counts.quotes} quotes new; {counts.duplicates} lines known, "
            f"{counts.quarantined} quarantined"
        )
    return FAILED if refused else 0


@click.command()
@click.pass_obj
def resolve(tracker: Tracker) -> None:
    """
    Date all boards and rebuild prices; ingest does so by itself.

    \b
    tickertrack resolve
    """
    tracker.resolve()


@click.group()
def reference() -> None:
    """Import series that help to date strips; they never become prices."""


@reference.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--symbol", required=True, help="Whose closes they are, as strips print it.")
@click.pass_obj
def import_series(tracker: Tracker, file: Path, symbol: str) -> None:
    """
    Import a daily series from a CSV FILE with the columns date and close.

    \b
    tickertrack reference import kse100.csv --symbol KSE100
    """
    stored = tracker.import_series(symbol.upper(), list(_closes(file)))
    say(f"{stored} closes of {symbol.upper()}")


def _closes(path: Path) -> Iterator[tuple[date, float]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot be read ({error})", path=path) from error
    reader = csv.DictReader(text.splitlines())
    names = {name.strip().lower(): name for name in reader.fieldnames or ()}
    if not {"date", "close"} <= names.keys():
        raise SourceError("lacks a column date or close", path=path, line=1)
    for number, row in enumerate(reader, start=2):
        try:
            day = date.fromisoformat(row[names["date"]].strip()[:10])
            close = float(row[names["close"]].strip().replace(",", ""))
        except (ValueError, AttributeError) as error:
            raise SourceError(f"is no date and close ({error})", path=path, line=number) from error
        if not 0 < close < 1e12:  # noqa: PLR2004  (also refuses nan)
            raise SourceError(f"a close of {close} is none", path=path, line=number)
        yield day, close


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError as error:
        advice = "write it YYYY-MM-DDTHH:MM:SS+00:00"
        raise QueryError(f"--captured-at: no time: {text[:40]!r}", advice=advice) from error
    if stamp.year not in YEARS:
        raise QueryError(f"--captured-at: no capture is of the year {stamp.year}")
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(UTC)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show a bar on a terminal's stderr, and nothing where there is none."""
    context = click.get_current_context()
    if not sys.stderr.isatty() or context.meta.get("tickertrack.quiet"):
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415  # noqa: PLC0415
        MofNCompleteColumn,
        Progress as Bar,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns: list[Any] = [SpinnerColumn(), TextColumn("pages"), MofNCompleteColumn()]
    with Bar(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pages", total=None)

        def advance(page: Page) -> None:  # noqa: ARG001
            bar.advance(task)

        yield advance
