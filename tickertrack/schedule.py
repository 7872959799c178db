"""What a scheduled job is, and which there are: one file, one `JOB = Job(...)`, no logic."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from tickertrack.errors import ConfigError
from tickertrack.models import Outcome
from tickertrack.shift import Shift

__all__ = ["Job", "Roster", "find_jobs", "load_job"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FIELDS = 5
_OTHERS = stat.S_IWOTH
_GROUP = stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class Job:
    """
    When something is to be done, what, and how long it may take.

    `schedule` are lines of five fields as in a crontab, in the daemon's zone; together they say
    when. Raises ConfigError for what cannot be a schedule.
    """

    schedule: str | tuple[str, ...]
    run: Callable[[Shift], Outcome]
    deadline: timedelta = timedelta(minutes=10)
    enabled: bool = True

    def __post_init__(self) -> None:
        """Refuse what nobody could mean."""
        if not self.lines or not all(len(line.split()) == _FIELDS for line in self.lines):
            advice = "five fields as in a crontab: '*/5 9-16 * * mon-fri'"
            raise ConfigError(f"is no schedule: {self.schedule!r}", key="schedule", advice=advice)
        # Crontabs count days from Sunday, the scheduler from Monday: only names mean one day.
        if any(re.search("[0-9]", line.split()[-1]) for line in self.lines):
            raise ConfigError("counts weekdays", key="schedule", advice="name them: mon-fri")
        if self.deadline <= timedelta():
            raise ConfigError("must be longer than nothing", key="deadline")

    @property
    def lines(self) -> tuple[str, ...]:
        """Give the schedule as a tuple of its lines."""
        return (self.schedule,) if isinstance(self.schedule, str) else tuple(self.schedule)

    @property
    def plan(self) -> str:
        """Give the schedule in one line, as people are shown it."""
        return " | ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Roster:
    """The jobs of a folder by name, and the files that were refused, with the reason."""

    jobs: dict[str, Job]
    refused: dict[str, str]


def find_jobs(folder: Path) -> Roster:
    """List a folder's jobs; a file that is refused costs only itself."""
    if not folder.is_dir():
        advice = "`tickertrack init` writes one, or name another under [daemon] jobs"
        raise ConfigError("no such folder of jobs", path=folder, advice=advice)
    jobs: dict[str, Job] = {}
    refused: dict[str, str] = {}
    for path in sorted(folder.glob("[!_.]*.py")):
        try:
            job = load_job(path)
        except ConfigError as error:
            refused[path.stem] = ": ".join(part for part in (error.key, error.what) if part)
            continue
        if job.enabled:
            jobs[path.stem] = job
    return Roster(jobs, refused)


def load_job(path: Path) -> Job:
    """
    Load the job of a file; raises ConfigError for one that is broken or not ours to trust.

    A job's file is code that the daemon runs, so nobody else may be able to write it.
    """
    if not _NAME.fullmatch(path.stem):
        raise ConfigError("a job's name is lower case letters, digits and _", path=path)
    for fault in _distrust(path):
        raise ConfigError(fault, path=path, advice="the file and its folders must be yours alone")
    module = ModuleType(f"tickertrack_jobs.{path.stem}")
    module.__file__ = str(path)
    try:
        exec(compile(_source(path), str(path), "exec"), module.__dict__)  # noqa: S102  (their code is what a job is)
    except ConfigError as error:
        raise ConfigError(error.what, path=path, key=error.key, advice=error.advice) from error
    except Exception as error:
        what = f"cannot be loaded ({type(error).__name__}: {error})"
        raise ConfigError(" ".join(what.split())[:300], path=path) from error
    job = module.__dict__.get("JOB")
    if not isinstance(job, Job):
        raise ConfigError("declares no `JOB = Job(...)`", path=path)
    return job


def _source(path: Path) -> bytes:
    with path.open("rb") as file:
        # What was looked at by name may have been exchanged since: look at what is open.
        for fault in _owned_by_others(os.fstat(file.fileno())):
            raise ConfigError(fault, path=path)
        return file.read()


def _distrust(path: Path) -> Iterator[str]:
    try:
        real = path.resolve(strict=True)
        if real.parent != path.parent.resolve():
            yield "is a link out of its folder"
            return
        yield from _owned_by_others(real.stat())
        for folder in real.parents:
            for fault in _owned_by_others(folder.stat()):
                yield f"stands in {folder}, which {fault}"
    except OSError as error:
        yield f"cannot be read ({error.strerror})"


def _owned_by_others(found: os.stat_result) -> Iterator[str]:
    if found.st_uid not in {0, os.geteuid()}:
        yield "belongs to another user"
    # In a sticky folder, as /tmp is, others can neither rename nor remove what is ours.
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & _OTHERS and not sticky:
        yield "is writable by others"
    # A user's private group, with the user's own number, is the user alone.
    if found.st_mode & _GROUP and found.st_gid not in {0, found.st_uid} and not sticky:
        yield "is writable by a group"
