"""Is what we store true, and is the database well: verify, doctor."""

from __future__ import annotations

import click

from tickertrack.cli.output import counted, format_option, say, show
from tickertrack.shift import utc_now
from tickertrack.tracker import Tracker

__all__ = ["doctor", "verify"]

PROBLEMS = 4


@click.command()
@format_option
@click.pass_obj
def verify(tracker: Tracker, form: str | None) -> int:
    """
    Read every stored quote again from its page; exit code 4 where one differs.

    \b
    tickertrack verify
    """
    from tickertrack.audit import DIFFERENCE, verify_pages  # noqa: PLC0415

    checked, differences = verify_pages(tracker)
    show(differences, DIFFERENCE, form)
    say(f"{counted(checked, 'page')} read again, {counted(len(differences), 'difference')}")
    return PROBLEMS if differences else 0


@click.command()
@format_option
@click.pass_obj
def doctor(tracker: Tracker, form: str | None) -> int:
    """
    Examine database, calendar, jobs, hosts and clock; exit code 4 where something is wrong.

    \b
    tickertrack doctor -f json
    """
    from tickertrack.audit import FINDING, examine  # noqa: PLC0415
    from tickertrack.health import health  # noqa: PLC0415
    from tickertrack.lock import holder  # noqa: PLC0415

    findings = [*examine(tracker), *health(tracker, utc_now(), holder(tracker.path))]
    show(findings, FINDING, form)
    return PROBLEMS if any(finding["state"] == "problem" for finding in findings) else 0
