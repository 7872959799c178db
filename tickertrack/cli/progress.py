"""A bar on stderr while files are read."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from tickertrack.tracker import Progress, Step

__all__ = ["shown"]


@contextmanager
def shown(counts: Counter[str]) -> Iterator[Progress]:
    """Count pages, all and bare of a strip; show a bar on a terminal's stderr, none elsewhere."""
    context = click.get_current_context()

    def note(step: Step) -> None:
        counts["read"] += step.pages
        counts["bare"] += step.bare

    if not sys.stderr.isatty() or context.meta.get("tickertrack.quiet"):
        yield note
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress as Bar,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns: list[Any] = [BarColumn(), DownloadColumn(), TransferSpeedColumn()]
    pages = TextColumn("{task.fields[pages]} pages")
    columns += [pages, TimeRemainingColumn()]
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, pages=0)

        def advance(step: Step) -> None:
            note(step)
            done = bar.tasks[task].fields["pages"] + step.pages
            bar.update(task, advance=step.size, total=step.total, pages=done)

        yield advance
