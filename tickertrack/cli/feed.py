"""What puts something in: init, ingest, resolve, link, reference import."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import click

from tickertrack.cli.output import complain, counted, say
from tickertrack.cli.params import (
    Group,
    complete_files,
    complete_publishers,
    complete_symbols,
)
from tickertrack.cli.progress import shown
from tickertrack.dialects.grammar import YEARS
from tickertrack.errors import QueryError, SourceError, TickertrackError
from tickertrack.markets import symbols_of
from tickertrack.shipped import shipped, unit_file
from tickertrack.suggest import near
from tickertrack.tracker import Tracker

__all__ = ["ingest", "init", "link", "reference", "resolve"]

FAILED = 1
# A series that fits none of so many stored lines is likely another's.
_ENOUGH = 5
# Half as much again, or a third less, is more than any day has seen; a stock's split is more.
_STEP = 1.5
# Prices are kept in 1/10,000, and grouped by thousands where they are grouped.
_CLOSE = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?")
_LEAST, _BEYOND = 0.0001, 1e12


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--unit", is_flag=True, help="Also a unit file for systemd, for who asks.")
def init(folder: Path, unit: bool) -> None:
    """
    Write config.toml and jobs/ into FOLDER; never over what is there.

    \b
    tickertrack init mytracker
    tickertrack init mytracker --unit
    """
    try:
        _write_settings(folder)
        if unit:
            _write(folder / "tickertrack.service", unit_file(folder))
    except OSError as error:
        raise TickertrackError(f"{folder}: cannot be written ({error.strerror})") from error


def _write_settings(folder: Path) -> None:
    (folder / "jobs").mkdir(parents=True, exist_ok=True)
    for name in [
        "config.toml",
        *sorted(f"jobs/{one.name}" for one in shipped("jobs").glob("[!_]*.py")),
    ]:
        _write(folder / name, shipped(name).read_text(encoding="utf-8"))


def _write(target: Path, text: str) -> None:
    if target.exists():
        say(f"{target}: is there already, left as it is")
        return
    target.write_text(text, encoding="utf-8")
    # Jobs are code: not for others to write to, whatever this shell's umask says.
    target.chmod(target.stat().st_mode & ~0o022)
    say(f"{target}: written")


@click.command()
@click.argument("paths", nargs=-1, required=True, shell_complete=complete_files)
@click.option(
    "--captured-at",
    help="When the pages were captured, where they do not say: 2024-05-06T14:00+05:00 (without an "
    "offset UTC), or just the day.",
)
@click.option(
    "--publisher",
    shell_complete=complete_publishers,
    help="Whose pages they are, whatever their address.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=lambda: os.cpu_count() or 1,
    help="Processes that read files; as many as there are cores, unless it says otherwise.",
)
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
    Read pages from PATHS: .txt .html .jsonl .warc .wet (each also .gz), .parquet, folders,
    patterns, addresses, or - for standard input. Of archives, only the publishers' own pages that
    may hold a strip are read.
    A folder that a scan has written is merged as it is.

    \b
    tickertrack ingest pages/ crawl.jsonl --report
    tickertrack ingest 's3://crawls/*.warc.gz' https://archive.example/a.warc.wet.gz
    """
    refused: list[SourceError] = []
    seen: Counter[str] = Counter()
    with shown(seen) as progress:
        counts = tracker.ingest(
            paths,
            captured_at=captured_at,
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
            f"{counted(counts.pages, 'page')}, {counted(counts.articles, 'article')}, "
            f"{counted(counts.strips, 'strip')}, {counted(counts.quotes, 'quote')} new; "
            f"{counted(counts.duplicates, 'line')} known, {counts.quarantined} quarantined"
        )
        _tell_dating(tracker, seen["bare"] if counts.pages else 0)
        if not seen["read"] and not refused:
            say(f"no page of {_names(tracker)}, or of its lines; --publisher says whose they are")
    return FAILED if refused else 0


def _tell_dating(tracker: Tracker, bare: int) -> None:
    """Say what a newcomer would otherwise look for in vain."""
    boards, undated = tracker.dating()
    say(f"{counted(boards, 'board')} in all, {undated} undated")
    if undated == boards > 0:
        say("nothing dates them: give --captured-at, or `tickertrack reference import` a series")
    if bare:
        show = "shows" if bare == 1 else "show"
        told = f"{counted(bare, 'page')} {show} no strip of {_names(tracker)}"
        say(f"{told}; --publisher says whose they are")


def _names(tracker: Tracker) -> str:
    return ", ".join(tracker.config.collect.publishers)


@click.command()
@click.option("--afresh", is_flag=True, help="All that is stored, not only what is new.")
@click.pass_obj
def resolve(tracker: Tracker, afresh: bool) -> None:
    """
    Date boards and rebuild prices; ingest does so by itself.

    \b
    tickertrack resolve
    tickertrack resolve --afresh
    """
    tracker.resolve(afresh=afresh)
    tracker.link()
    boards, undated = tracker.dating()
    say(f"{counted(boards, 'board')}, {undated} undated")


@click.command()
@click.option("--afresh", is_flag=True, help="All that is stored, not only what is new.")
@click.pass_obj
def link(tracker: Tracker, afresh: bool) -> None:
    """
    Read articles for names and link moves to them; ingest does so by itself.

    \b
    tickertrack link
    tickertrack link --afresh
    """
    done = tracker.link(afresh=afresh)
    sessions, links = counted(done.sessions, "session"), counted(done.links, "link")
    say(f"{counted(done.articles, 'article')} read, {sessions} linked, {links}")


@click.group(cls=Group)
def reference() -> None:
    """
    Import series that help to date strips; they never become prices.

    \b
    tickertrack reference import kse100.csv --symbol KSE100
    """


@reference.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--symbol",
    required=True,
    shell_complete=complete_symbols,
    help="Whose closes they are, as strips print it.",
)
@click.pass_obj
def import_series(tracker: Tracker, file: Path, symbol: str) -> None:
    """
    Import a daily series from a CSV FILE with the columns date and close.

    \b
    tickertrack reference import kse100.csv --symbol KSE100
    """
    name = symbol.upper()
    _refuse_unlisted(tracker, name)
    stored = tracker.import_series(name, _steady(list(_closes(file)), file))
    known, explained = tracker.series_fit(name)
    say(f"{stored} closes of {name}; {explained} of {known} stored reference prices are among them")
    if known >= _ENOUGH and not explained:
        say(f"none fits: is it another index? `tickertrack reference remove --symbol {name}`")


@reference.command("remove")
@click.option(
    "--symbol",
    required=True,
    shell_complete=complete_symbols,
    help="Whose imported closes are to be forgotten.",
)
@click.pass_obj
def remove_series(tracker: Tracker, symbol: str) -> None:
    """
    Forget an imported series, and date again without it.

    \b
    tickertrack reference remove --symbol KSE100
    """
    say(f"{tracker.remove_series(symbol.upper())} closes of {symbol.upper()} removed")


def _refuse_unlisted(tracker: Tracker, name: str) -> None:
    listed = symbols_of(tracker.market())
    if name in listed:
        return
    found = near(name, listed)
    advice = f"did you mean {' or '.join(found)}?" if found else "name it as strips print it"
    raise QueryError(f"--symbol: the market lists no {name}", advice=advice)


def _steady(closes: list[tuple[date, float]], path: Path) -> list[tuple[date, float]]:
    """Refuse what cannot be one daily series: none, two, the future, steps that no day makes."""
    ordered = sorted(set(closes))
    if not ordered:
        raise SourceError("holds no close", path=path)
    today = datetime.now(UTC).date()
    for (earlier, before), (day, close) in pairwise([*ordered[:1], *ordered]):
        if day == earlier and close != before:
            raise SourceError(f"{day} has two closes", path=path)
        if day > today:
            raise SourceError(f"{day} is still to come", path=path)
        if not 1 / _STEP < close / before < _STEP:
            what = f"from {before:g} to {close:g} on {day} is no step of one series"
            raise SourceError(what, path=path, advice="check symbol and units")
    return ordered


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
            day = datetime.fromisoformat(row[names["date"]].strip()).date()
            close = _close(row[names["close"]].strip())
        except (ValueError, AttributeError) as error:
            raise SourceError(f"is no date and close ({error})", path=path, line=number) from error
        if None in row:
            raise SourceError("has more fields than its head", path=path, line=number)
        if day.year not in YEARS:
            raise SourceError(f"no page is of {day}", path=path, line=number, advice="leave it out")
        yield day, close


def _close(text: str) -> float:
    """Read a close as a price is printed, in ASCII digits; raises ValueError for what is none."""
    if not _CLOSE.fullmatch(text) or not _LEAST <= float(text.replace(",", "")) < _BEYOND:
        raise ValueError(f"no close: {text[:40]!r}")
    return float(text.replace(",", ""))
