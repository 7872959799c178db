"""What runs by itself: run, jobs."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from tickertrack.cli.output import complain, format_option, say, show
from tickertrack.cli.params import Choice, Group, complete_jobs
from tickertrack.errors import TickertrackError
from tickertrack.logs import Form, Logging, speak
from tickertrack.shift import utc_now
from tickertrack.tracker import Tracker

if TYPE_CHECKING:
    from tickertrack.daemon import Daemon

__all__ = ["jobs", "run"]

FAILED, INTERRUPTED = 1, 130


@click.command()
@click.option("--once", is_flag=True, help="Run what is due, once, and end.")
@click.option("--job", shell_complete=complete_jobs, help="With --once: just this job, due or not.")
@click.option(
    "--log-format",
    type=Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How log lines are written to stderr.",
)
@click.pass_obj
def run(tracker: Tracker, once: bool, job: str | None, log_format: Form) -> int:
    """
    Run the jobs of jobs/ by their schedules, until SIGTERM or Ctrl-C.

    With --once the exit code is that of the worst run; 75 where another daemon runs.

    \b
    tickertrack run
    tickertrack run --once --job collect
    """
    if job and not once:
        raise click.UsageError("--job goes with --once; a live daemon: `tickertrack jobs run NAME`")
    settings = Logging(_level(), log_format)
    speak(settings)
    return _run_once(tracker, job, settings) if once else _run_daemon(tracker, settings)


def _run_daemon(tracker: Tracker, settings: Logging) -> int:
    from tickertrack.daemon import Daemon  # noqa: PLC0415  (a third of a second)

    daemon = Daemon(tracker.config, logging=settings)
    ended_by = _Signals(daemon)
    daemon.run()
    code = INTERRUPTED if ended_by.number == signal.SIGINT else 0
    # Not by the interpreter's own way out, which waits for threads: theirs may hang.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Signals:
    """The first SIGTERM or Ctrl-C asks the daemon to end; the second ends it at once."""

    def __init__(self, daemon: Daemon) -> None:
        self.number: int | None = None
        self._daemon = daemon
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            os._exit(0 if number == signal.SIGTERM else INTERRUPTED)
        self.number = number
        self._daemon.stop()


def _run_once(tracker: Tracker, job: str | None, settings: Logging) -> int:
    from tickertrack.daemon import run_once  # noqa: PLC0415

    outcomes = run_once(tracker.config, job, logging=settings)
    for name, outcome in outcomes.items():
        say(f"{name}: {outcome.told}")
        for fault in outcome.faults:
            complain(f"{name}: {fault}")
    if not outcomes:
        say("nothing is due")
    return 0 if all(outcome.status == "ok" for outcome in outcomes.values()) else FAILED


@click.group(cls=Group)
def jobs() -> None:
    """
    Look at the daemon's jobs, and ask for things, from any process.

    \b
    tickertrack jobs list
    tickertrack jobs run collect
    """


@jobs.command("list")
@format_option
@click.pass_obj
def list_jobs(tracker: Tracker, form: str | None) -> None:
    """
    Show each job with its state, schedule, next run and last runs.

    \b
    tickertrack jobs list -f json
    """
    from tickertrack.store.runs import JOBS, job_rows  # noqa: PLC0415

    _tell_holder(tracker)
    show(job_rows(tracker.writer()), JOBS, form)


@jobs.command("history")
@click.argument("name", required=False, shell_complete=complete_jobs)
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@format_option
@click.pass_obj
def job_history(tracker: Tracker, name: str | None, limit: int, form: str | None) -> None:
    """
    Show the last runs, newest first: of the job NAME, or of all.

    \b
    tickertrack jobs history collect --limit 5
    """
    from tickertrack.store.runs import RUNS, run_rows  # noqa: PLC0415

    rows = run_rows(tracker.reader(), name, limit)
    if name and not rows:
        say(_why_none(tracker, name))
    show([{**row, "counts": _in_words(row["counts"], form)} for row in rows], RUNS, form)


@jobs.command("run")
@click.argument("name", shell_complete=complete_jobs)
@click.pass_obj
def run_job(tracker: Tracker, name: str) -> None:
    """
    Ask a live daemon to run the job NAME at once.

    \b
    tickertrack jobs run collect
    """
    _book(tracker).request(_known(tracker, name), utc_now())
    say(f"{name}: asked for" + ("" if _tell_holder(tracker) else "; it runs when a daemon starts"))


@jobs.command("pause")
@click.argument("name", shell_complete=complete_jobs)
@click.pass_obj
def pause_job(tracker: Tracker, name: str) -> None:
    """
    Have the job NAME skip its schedule until it is resumed.

    \b
    tickertrack jobs pause collect
    """
    _book(tracker).pause(_known(tracker, name))
    say(f"{name}: paused")


@jobs.command("resume")
@click.argument("name", shell_complete=complete_jobs)
@click.pass_obj
def resume_job(tracker: Tracker, name: str) -> None:
    """
    Have the job NAME follow its schedule again.

    \b
    tickertrack jobs resume collect
    """
    _book(tracker).resume(_known(tracker, name))
    say(f"{name}: resumed")


def _book(tracker: Tracker) -> Any:
    from tickertrack.store.runs import RunBook  # noqa: PLC0415

    return RunBook(tracker.writer(), tracker.path)


def _known(tracker: Tracker, name: str) -> str:
    from tickertrack.daemon.once import checked  # noqa: PLC0415
    from tickertrack.schedule import find_jobs  # noqa: PLC0415

    return checked(name, find_jobs(tracker.config.jobs_path))


def _why_none(tracker: Tracker, name: str) -> str:
    """Say why a job has no runs: an empty answer is an answer, also of a job that is none."""
    try:
        return f"{_known(tracker, name)}: has not run yet"
    except TickertrackError as error:
        return str(error)


def _tell_holder(tracker: Tracker) -> bool:
    from tickertrack.lock import holder  # noqa: PLC0415

    pid = holder(tracker.path)
    say(f"the daemon runs as process {pid}" if pid else "no daemon runs on this database")
    return pid is not None


def _in_words(counts: dict[str, int], form: str | None) -> Any:
    if form in {"json", "jsonl"}:
        return counts
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _level() -> int:
    asked: int = click.get_current_context().meta["tickertrack.level"]
    # A daemon says what it does; -q leaves its faults.
    return asked if asked > logging.WARNING else min(asked, logging.INFO)
