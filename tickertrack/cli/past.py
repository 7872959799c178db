"""What fetches the past: backfill."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from tickertrack.cli.output import complain, counted, format_option, say, show
from tickertrack.cli.params import complete_publishers
from tickertrack.shift import Shift
from tickertrack.spans import span_of
from tickertrack.tracker import Tracker

if TYPE_CHECKING:
    from tickertrack.backfill import Progress, Report

__all__ = ["backfill"]

FAILED, TEMPORARY, INTERRUPTED = 1, 75, 130


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    help="cc (Common Crawl), wayback (the Wayback Machine), or the address of a CDX index.",
)
@click.option("--publisher", required=True, shell_complete=complete_publishers, help="Whose pages.")
@click.option("-s", "--start", help="The first day of capture, in the publisher's zone.")
@click.option("-e", "--end", help="The last one, included; today unless it says otherwise.")
@click.option("--per-session", type=click.IntRange(min=1), help="Captures of each session; all.")
@click.option("--limit", type=click.IntRange(min=1), help="Records fetched in this call; all.")
@click.option("--dry-run", is_flag=True, help="Ask the index only; say what there is to fetch.")
@format_option
@click.pass_obj
def backfill(
    tracker: Tracker,
    source: str,
    publisher: str,
    start: str | None,
    end: str | None,
    per_session: int | None,
    limit: int | None,
    dry_run: bool,
    form: str | None,
) -> int:
    """
    Fetch a publisher's past out of an archive on the net; called again, it goes on.

    Slowly: one request at a time, 5 seconds apart (per_host_delay), as its robots.txt allows. Of
    Common Crawl's hosts alone that file is not asked: it closes them to crawlers, while their
    documents tell programs to ask the index for records, which is all that is done.

    \b
    tickertrack backfill --from cc --publisher brecorder -s 2024-01-01 --per-session 4 --dry-run
    tickertrack backfill --from wayback --publisher brecorder -s 2023-01-01 -e 2023-12-31
    """
    # Imported where they are used, as all that fetches is.
    from tickertrack.backfill import PLAN, Order, backfill as fetch, plan  # noqa: PLC0415

    days = span_of(start, end)
    order = Order(source, publisher, days.start, days.end, per_session, limit)
    shift = Shift(tracker)
    if dry_run:
        with _bar() as progress:
            found = plan(shift, order, progress)
        show([_shown(asdict(found))], PLAN, form)
        return TEMPORARY if found.unanswered else 0
    with _bar() as progress, _heeding(shift):
        report = fetch(shift, order, progress)
    _tell(report)
    if shift.stopped:
        complain("interrupted; what was stored is safe, call again for the rest")
        return INTERRUPTED
    return _code(report)


@contextmanager
def _heeding(shift: Shift) -> Iterator[None]:
    """End after the record that is being fetched when asked to, and at once when asked again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def heed(number: int, _: FrameType | None) -> None:
        shift.stop()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"start": row["start"].isoformat(), "end": row["end"].isoformat()}


def _tell(report: Report) -> None:
    counts, halted = report.counts, report.halted
    for fault in report.faults:
        complain(fault)
    say(
        f"{counted(counts['fetched'], 'record')} fetched ({counts['bytes']:,} bytes), "
        f"{counted(counts['pages'], 'page')}, {counted(counts['articles'], 'article')}, "
        f"{counted(counts['quotes'], 'quote')} new; "
        f"{counts['refused']} refused, {counts['waiting']} wait"
    )
    if counts["unanswered"]:
        complain(f"the index left {counts['unanswered']} questions unanswered; call again")
    if halted is not None and str(halted) not in report.faults:
        complain(str(halted))
    if halted is not None and halted.retry_at:
        say(f"it may go on at {halted.retry_at:%Y-%m-%d %H:%M} UTC, by the same command")


def _code(report: Report) -> int:
    if report.halted is not None:
        return TEMPORARY if report.halted.temporary else FAILED
    if report.counts["waiting"] or report.counts["unanswered"]:
        return TEMPORARY
    return FAILED if report.counts["refused"] else 0


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show a bar with an estimate on a terminal's stderr, and nothing elsewhere."""
    context = click.get_current_context()
    if not sys.stderr.isatty() or context.meta.get("tickertrack.quiet"):
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress as Bar,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    times: list[Any] = [TimeElapsedColumn(), TimeRemainingColumn()]
    with Bar(*columns, *times, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: float, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=total)

        yield advance
