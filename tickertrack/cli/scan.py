"""What reads on many machines: scan."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import asdict

import click

from tickertrack.cli.output import complain, counted, say
from tickertrack.cli.params import Choice, complete_files, complete_publishers
from tickertrack.cli.progress import shown
from tickertrack.errors import QueryError, SourceError
from tickertrack.ingest import Sources
from tickertrack.scan import Engine, Listening, Machines, ScanReport, Target, scan as scan_files
from tickertrack.sources.remote import file_of
from tickertrack.spans import capture_of
from tickertrack.tracker import Tracker

__all__ = ["scan"]

FAILED = 1
_ADDRESS = re.compile(r"[a-z]+://.+:[0-9]+")


@click.command()
@click.argument("paths", nargs=-1, required=True, shell_complete=complete_files)
@click.option("-o", "--output", required=True, help="The folder of the parts: a path, or a URL.")
@click.option("--engine", type=Choice(["local", "dask"]), help="Default: local.")
@click.option("--scheduler", help="Dask's scheduler, as tcp://host:8786; without it, one is begun.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=lambda: os.cpu_count() or 1,
    help="Processes of this machine; as many as there are cores, unless it says otherwise.",
)
@click.option("--captured-at", help="When the pages were captured, where they do not say.")
@click.option(
    "--publisher",
    shell_complete=complete_publishers,
    help="Whose pages they are, whatever their address.",
)
@click.option("--again", is_flag=True, help="Also inputs whose part is there.")
@click.option("--report", is_flag=True, help="Print what the parts hold as one JSON object.")
@click.pass_obj
def scan(
    tracker: Tracker,
    paths: tuple[str, ...],
    output: str,
    engine: Engine | None,
    scheduler: str | None,
    workers: int,
    captured_at: str | None,
    publisher: str | None,
    again: bool,
    report: bool,
) -> int:
    """
    Read each file of PATHS into a Parquet part of its own; `tickertrack ingest` merges them.

    \b
    tickertrack scan 'crawl-data/*.warc.wet.gz' -o parts/
    tickertrack scan 'crawl-data/*.warc.wet.gz' -o parts/ --scheduler tcp://10.0.0.1:8786
    """
    machines = _machines(engine, scheduler, workers)
    refused: list[SourceError] = []
    seen: Counter[str] = Counter()
    sources = Sources(tuple(map(file_of, paths)), capture_of(captured_at))
    with shown(seen) as progress:
        listening = Listening(progress, refused.append)
        target = Target(output, again)
        counts = scan_files(sources, tracker.desk(publisher), target, machines, listening)
    for error in refused:
        complain(str(error))
    _tell(counts, report=report)
    return FAILED if refused else 0


def _machines(engine: Engine | None, scheduler: str | None, workers: int) -> Machines:
    if scheduler is None:
        return Machines(engine or "local", workers)
    if engine == "local":
        raise QueryError("--scheduler: is of --engine dask")
    if not _ADDRESS.fullmatch(scheduler):
        raise QueryError(f"--scheduler: no address: {scheduler!r}", advice="write tcp://host:8786")
    return Machines("dask", workers, scheduler)


def _tell(counts: ScanReport, *, report: bool) -> None:
    if report:
        click.echo(json.dumps(asdict(counts)))
        return
    say(
        f"{counted(counts.inputs, 'input')}, {counts.read} read now: "
        f"{counted(counts.pages, 'page')}, {counted(counts.articles, 'article')}, "
        f"{counted(counts.strips, 'strip')}, {counted(counts.quotes, 'quote')}; "
        f"{counted(counts.duplicates, 'line')} again, {counts.quarantined} quarantined"
    )
