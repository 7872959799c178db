"""Clocks that are set, machines that sleep, loops that die: nothing is lost, nothing runs twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from daemons import PATIENCE, daemon_of, folder_of, minute_process, rows, running, told, until
from hypothesis import given, settings, strategies as st

from tickertrack.daemon.guard import Guard
from tickertrack.daemon.ledger import Ledger
from tickertrack.daemon.supervisor import Daemon
from tickertrack.daemon.triggers import Plan

KARACHI = ZoneInfo("Asia/Karachi")
NOON = datetime(2024, 5, 6, 7, 10, tzinfo=UTC)
HOURLY = {"schedule": "0 * * * *"}
# What the guard promises.
RECOVERY = 5.0

HOUR = timedelta(hours=1)


@contextmanager
def travelling(folder: Path, kind: type[Daemon] = Daemon) -> Iterator[time_machine.Traveller]:
    """Run a daemon whose machine's clock can be set; its jobs have run once when this begins."""
    with time_machine.travel(NOON, tick=True) as traveller:
        daemon = daemon_of(folder)
        daemon.__class__ = kind
        with running(daemon):
            until(lambda: len(rows(folder, "SELECT 1 FROM runs WHERE status = 'ok'")) == 1)
            yield traveller


@pytest.mark.parametrize(
    ("step", "missed"),
    [(HOUR, 0), (24 * HOUR, 23), (-HOUR, 0)],
    ids=["an hour on", "a day on", "an hour back"],
)
def test_after_a_clock_was_set_what_was_passed_over_runs_once(
    tmp_path: Path, step: timedelta, missed: int
):
    folder = folder_of(tmp_path, tell=HOURLY)
    with travelling(folder) as traveller:
        traveller.shift(step)
        set_at = datetime.now(UTC)
        until(lambda: len(told(folder)) == 2)
        # And only once: a while later there is no third run.
        time.sleep(2)
    assert len(told(folder)) == 2
    second = rows(folder, "SELECT * FROM runs WHERE started_at IS NOT NULL ORDER BY id")[1]
    assert (second["cause"], second["status"]) == ("catch-up", "ok")
    # By the daemon's books: how long the job's own process takes to begin is the machine's affair.
    begun = datetime.fromisoformat(second["started_at"])
    # What it promises, where the machine has nothing else to do; unguarded it would be an hour.
    assert begun - set_at < timedelta(seconds=RECOVERY + PATIENCE)
    passed_over = rows(folder, "SELECT fires FROM runs WHERE status = 'missed'")
    assert [row["fires"] for row in passed_over] == ([missed] if missed else [])


# A job that goes on until it is let go.
WAITING = HOURLY | {
    "body": 'go = told.with_name("go")\n    while not go.exists():\n        time.sleep(0.05)'
}


class Hasty(Daemon):
    """The control: the same daemon, which does not wait for the run that goes on."""

    def _catch_up(self) -> None:
        """Run at once whatever was passed over."""
        while self._owed:
            self._run_now(self._owed.pop(), "catch-up")


@contextmanager
def set_while_at_work(folder: Path, kind: type[Daemon]) -> Iterator[None]:
    """Run a daemon whose machine's clock is set an hour on while its only job is at work."""
    with time_machine.travel(NOON, tick=True) as traveller:
        daemon = daemon_of(folder)
        daemon.__class__ = kind
        with running(daemon):
            until(lambda: told(folder) == ["wait"])
            traveller.shift(HOUR)
            yield


def test_what_was_passed_over_while_a_run_went_on_runs_after_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = folder_of(tmp_path, wait=WAITING)
    with set_while_at_work(folder, Daemon):
        until(lambda: "the clock was set" in caplog.text)
        (folder / "go").touch()
        until(lambda: len(told(folder)) == 2)
        until(lambda: len(rows(folder, "SELECT 1 FROM runs WHERE status = 'ok'")) == 2)
    first, second = rows(folder)
    assert (first["cause"], first["status"]) == ("start", "ok")
    assert (second["cause"], second["status"]) == ("catch-up", "ok")
    assert second["scheduled_for"]


def test_run_at_once_it_would_be_skipped(tmp_path: Path):
    folder = folder_of(tmp_path, wait=WAITING)
    with set_while_at_work(folder, Hasty):
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE status = 'skipped'"))
        (folder / "go").touch()
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE status = 'ok'"))
        time.sleep(1)
    assert told(folder) == ["wait"]


class Unguarded(Daemon):
    """The control: the same daemon, whose supervisor does not look at the clock."""

    def _recover(self, jump: object) -> None:
        """Look away."""


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_without_the_guard_a_set_clock_is_slept_through(tmp_path: Path, step: timedelta):
    folder = folder_of(tmp_path, tell=HOURLY)
    with travelling(folder, Unguarded) as traveller:
        traveller.shift(step)
        with pytest.raises(AssertionError, match="in vain"):
            until(lambda: len(told(folder)) == 2, RECOVERY)


def test_after_an_hour_back_the_schedule_goes_on_from_there(tmp_path: Path):
    folder = folder_of(tmp_path, tell=HOURLY)
    with travelling(folder) as traveller:
        traveller.shift(-HOUR)
        until(lambda: len(told(folder)) == 2)
        # 06:10 by now: the times from 07:00 on come again, and are new ones.
        traveller.shift(HOUR)
        until(lambda: len(told(folder)) == 3)
    last = rows(folder)[-1]
    assert last["scheduled_for"] == "2024-05-06T07:00:00+00:00"
    assert Counter(row["status"] for row in rows(folder)) == {"ok": 3}


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.slow)], ids="{}s".format)
def test_a_process_that_was_stopped_for_a_while_goes_on(tmp_path: Path, seconds: int):
    folder = folder_of(tmp_path, tell={"schedule": "* * * * *"})
    with minute_process(folder) as daemon:
        until(lambda: len(told(folder)) == 1)
        # A full minute passes unseen.
        os.kill(daemon.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(daemon.pid, signal.SIGCONT)
        # On a machine so slow that it passed before the first run, the next one is the second.
        until(lambda: len(told(folder)) == 2, 60 + PATIENCE)
    assert {row["cause"] for row in rows(folder)} <= {"start", "schedule", "catch-up"}


def test_times_missed_while_no_daemon_ran_are_one_catch_up_and_one_row(tmp_path: Path):
    folder = folder_of(tmp_path, tell=HOURLY)
    with travelling(folder) as traveller:
        traveller.shift(HOUR)
        until(lambda: len(told(folder)) == 2)
    with time_machine.travel(NOON + 27 * HOUR, tick=True), running(daemon_of(folder)):
        until(lambda: len(told(folder)) == 3)
    *_, missed, caught = rows(folder)
    assert (missed["status"], missed["fires"]) == ("missed", 25)
    assert (caught["cause"], caught["status"]) == ("catch-up", "ok")
    assert caught["scheduled_for"] == "2024-05-07T10:00:00+00:00"


def test_a_loop_that_died_is_started_again(tmp_path: Path):
    folder = folder_of(tmp_path, tell={})
    daemon = daemon_of(folder)
    with running(daemon):
        until(lambda: told(folder))
        loop = daemon._thread  # noqa: SLF001

        def fault() -> None:
            raise RuntimeError("a trigger that raises")

        daemon._scheduler._process_jobs = fault  # noqa: SLF001
        daemon._scheduler.wakeup()  # noqa: SLF001
        until(lambda: not loop.is_alive())
        until(lambda: daemon._thread is not loop)  # noqa: SLF001
        daemon._run_now("tell", "request")  # noqa: SLF001
        until(lambda: len(told(folder)) == 2)


# A loop that dies says so on stderr by itself.
test_a_loop_that_died_is_started_again = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)(test_a_loop_that_died_is_started_again)


@pytest.mark.parametrize(
    "days", [12, pytest.param(30, marks=pytest.mark.slow)], ids="{} days".format
)
def test_days_leave_no_time_unaccounted_for_and_no_growth(tmp_path: Path, days: int):
    folder = folder_of(
        tmp_path,
        often={"schedule": ("0 10,13,16 * * mon-fri", "20 */3 * * *")},
        nightly={"schedule": "30 2 * * *"},
        failing={"schedule": "0 */6 * * *", "body": "raise ValueError('always')"},
    )
    start = datetime(2024, 5, 1, tzinfo=KARACHI)
    sizes: list[tuple[int, int, int]] = []
    with time_machine.travel(start, tick=False) as traveller:
        daemon = daemon_of(folder)
        with looping(daemon):
            step_through(daemon, traveller, start + timedelta(days=days), sizes)
        plans = daemon.plans
    for name, plan in plans.items():
        due = plan.between(start, start + timedelta(days=days))
        counted = rows(
            folder,
            f"SELECT sum(fires) AS n FROM runs WHERE job = '{name}' AND scheduled_for IS NOT NULL",
        )
        assert due is not None
        assert counted == [{"n": due.count}], name
    assert {row["status"] for row in rows(folder)} == {"ok", "error"}
    # The first days warm up: what is loaded then is loaded once.
    files, resident, log = zip(*sizes[5:], strict=True)
    assert len(files) > days // 2
    assert max(files[-6:]) <= max(files[:6])
    assert resident[-1] - resident[0] <= 5 * 1024 * 1024
    assert max(log) <= 8 * 1024 * 1024


@contextmanager
def looping(daemon: Daemon) -> Iterator[None]:
    """Open a daemon and APScheduler's loop, without the supervisor: the test says when to wake."""
    daemon.ledger = Ledger(daemon.config.database_path, daemon.plans, daemon._clock)  # noqa: SLF001
    daemon.ledger.never_run.clear()
    daemon._start_loop()  # noqa: SLF001
    until(lambda: daemon._scheduler.running)  # noqa: SLF001
    try:
        yield
    finally:
        daemon._scheduler.shutdown(wait=True)  # noqa: SLF001


def step_through(
    daemon: Daemon,
    traveller: time_machine.Traveller,
    end: datetime,
    sizes: list[tuple[int, int, int]],
) -> None:
    """Go from one time of any schedule to the next, and let the loop do what is due there."""
    while (moment := next_due(daemon)) <= end:
        traveller.move_to(moment, tick=False)
        daemon._scheduler.wakeup()  # noqa: SLF001
        wait_for(lambda moment=moment: next_due(daemon) > moment)
        wait_for(lambda: not daemon._scheduler._executors["default"]._instances)  # noqa: SLF001
        if moment.hour == 12 and moment.minute == 20:
            sizes.append(size_of(daemon))


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def next_due(daemon: Daemon) -> datetime:
    until = daemon.ledger._until  # noqa: SLF001
    times = (plan.after(until[name]) for name, plan in daemon.plans.items())
    return min(time for time in times if time)


def size_of(daemon: Daemon) -> tuple[int, int, int]:
    """Give open files, resident bytes and the write-ahead log's bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    log = daemon.config.database_path.with_name("tickertrack.db-wal")
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        pages * os.sysconf("SC_PAGE_SIZE"),
        log.stat().st_size if log.exists() else 0,
    )


# --- the guard and the plans, by themselves -------------------------------------------------------


def test_the_guard_tells_a_step_from_a_sleep():
    times = iter([(0, 0), (1, 1), (3601, 2), (1, 3), (64, 66)])
    wall, steady = zip(*times, strict=True)
    walls, steadies = iter(wall), iter(steady)
    guard = Guard(lambda: NOON + timedelta(seconds=next(walls)), lambda: float(next(steadies)))
    assert guard.look() is None
    ahead, back, asleep = guard.look(), guard.look(), guard.look()
    assert ahead is not None
    assert back is not None
    assert asleep is not None
    assert (ahead.step, back.step) == (3599, -3601)
    assert asleep.asleep == 63


def test_ten_years_of_a_five_minute_job_are_counted_in_bounded_time():
    plan = Plan(("*/5 * * * *",), KARACHI)
    begun = time.perf_counter()
    fires = plan.between(NOON, NOON + timedelta(days=3650))
    assert time.perf_counter() - begun < 10
    assert fires is not None
    assert fires.count == 10_000
    assert NOON + timedelta(days=3650) - fires.last < timedelta(minutes=5)


@settings(max_examples=30, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(["*/7 * * * *", "0 9-17 * * mon-fri", "30 2 * * *", "5 5 1 * *"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    cuts=st.lists(st.integers(0, 14 * 24 * 60), min_size=2, max_size=6, unique=True),
)
def test_however_a_span_is_cut_its_times_are_counted_once(lines: list[str], cuts: list[int]):
    plan = Plan(tuple(lines), KARACHI)
    moments = [NOON + timedelta(minutes=cut) for cut in sorted(cuts)]
    pieces = [plan.between(a, b) for a, b in pairwise(moments)]
    whole = plan.between(moments[0], moments[-1])
    assert sum(piece.count for piece in pieces if piece) == (whole.count if whole else 0)
