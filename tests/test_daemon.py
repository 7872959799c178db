"""The daemon: jobs when they are due, every run accounted for, an end whenever it is asked for."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from daemons import (
    ENDED,
    PATIENCE,
    cli,
    command,
    daemon_of,
    folder_of,
    process,
    rows,
    running,
    shortly_before_a_minute,
    stubborn_process,
    told,
    until,
)

from tickertrack.config import load_config
from tickertrack.daemon import run_once
from tickertrack.errors import LockedError

# --- what runs ------------------------------------------------------------------------------------


def test_a_job_that_never_ran_runs_at_once_and_leaves_a_row(tmp_path: Path):
    folder = folder_of(tmp_path, tell={})
    with running(daemon_of(folder)):
        until(lambda: rows(folder, "SELECT * FROM runs WHERE status = 'ok'"))
    (row,) = rows(folder)
    assert (row["job"], row["cause"], row["status"]) == ("tell", "start", "ok")
    assert json.loads(row["counts"]) == {"told": 1}
    assert row["scheduled_for"] is None


def test_a_job_runs_when_its_schedule_says_so(tmp_path: Path):
    folder = folder_of(tmp_path, tell={"schedule": "* * * * *"})
    with running(daemon_of(folder, clock=shortly_before_a_minute())):
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE cause = 'schedule' AND status = 'ok'"))
    scheduled = rows(folder)[-1]
    assert scheduled["scheduled_for"].endswith(":00+00:00")
    assert scheduled["started_at"] == scheduled["scheduled_for"]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("raise ValueError('no such thing')", "error", "ValueError: no such thing"),
        ("raise SystemExit(3)", "error", "SystemExit: 3"),
        ("raise MemoryError", "error", "MemoryError: "),
        ("return 7", "error", "TypeError: its run gave int, not an Outcome"),
        ("os._exit(9)", "aborted", "its process ended by code 9"),
        ("os.kill(os.getpid(), 9)", "aborted", "its process ended by "),
        ("return Outcome({'pages': 2}, ('one page is odd',))", "partial", "one page is odd"),
        ("return Outcome({}, ('the source is away',))", "error", "the source is away"),
    ],
)
def test_whatever_a_job_does_its_run_is_a_row(tmp_path: Path, body: str, status: str, error: str):
    folder = folder_of(tmp_path, odd={"body": body})
    run_once(load_config(folder / "config.toml", {}))
    (row,) = rows(folder)
    assert row["status"] == status
    assert row["error"].startswith(error)


def test_a_job_that_hangs_is_ended_and_holds_nobody_back(tmp_path: Path):
    hang = {
        "body": "signal = __import__('signal'); signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    }
    folder = folder_of(tmp_path, hang=hang | {"deadline": 2}, tell={})
    begun = time.monotonic()
    with running(daemon_of(folder)):
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE job = 'tell' AND status = 'ok'"))
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE job = 'hang' AND status = 'error'"))
        # By itself it would take a minute.
        assert time.monotonic() - begun < 2 + ENDED
    hung = rows(folder, "SELECT error FROM runs WHERE job = 'hang'")
    assert hung == [{"error": "took longer than its deadline and was ended"}]


def test_a_time_at_which_the_last_run_still_goes_on_is_a_row_too(tmp_path: Path):
    folder = folder_of(tmp_path, slow={"schedule": "* * * * *", "body": "shift.wait(30)"})
    with running(daemon_of(folder, clock=shortly_before_a_minute())):
        skipped = until(lambda: rows(folder, "SELECT * FROM runs WHERE status = 'skipped'"))
    assert skipped[0]["error"] == "the run before is still going on"
    assert skipped[0]["fires"] == 1


# --- what another process asks for ----------------------------------------------------------------


def listed(folder: Path) -> dict[str, str]:
    (job,) = json.loads(cli(folder, "jobs", "list", "-f", "json").stdout)
    return job


def test_another_process_lists_runs_pauses_and_resumes_jobs(tmp_path: Path):
    folder = folder_of(tmp_path, tell={})
    with process(folder):
        until(lambda: told(folder) == ["tell"])
        assert "the daemon runs as process" in cli(folder, "jobs", "list").stderr
        cli(folder, "jobs", "pause", "tell")
        until(lambda: listed(folder)["state"] == "paused")
        cli(folder, "jobs", "run", "tell")
        until(lambda: told(folder) == ["tell", "tell"])
        cli(folder, "jobs", "resume", "tell")
        until(lambda: listed(folder)["state"] == "waiting")
        assert listed(folder)["schedule"] == "0 0 1 1 *"
        until(lambda: listed(folder)["next_run_at"].endswith("12-31T19:00:00+00:00"))
    history = json.loads(cli(folder, "jobs", "history", "tell", "-f", "json").stdout)
    assert [row["cause"] for row in history] == ["request", "start"]
    assert history[0]["counts"] == {"told": 1}


def test_a_paused_job_skips_its_times(tmp_path: Path):
    folder = folder_of(tmp_path, tell={"schedule": "* * * * *"})
    cli(folder, "jobs", "pause", "tell")
    with running(daemon_of(folder, clock=shortly_before_a_minute())):
        skipped = until(lambda: rows(folder, "SELECT * FROM runs WHERE status = 'skipped'"))
    assert skipped[0]["error"] == "paused"
    assert told(folder) == []


def test_a_job_that_is_not_there_is_named_with_a_near_one(tmp_path: Path):
    folder = folder_of(tmp_path, collect={})
    asked = cli(folder, "jobs", "run", "colect")
    assert asked.returncode == 2
    assert "did you mean 'collect'?" in asked.stderr


# --- one daemon -----------------------------------------------------------------------------------


def test_a_second_daemon_is_told_of_the_first_and_ends_with_75(tmp_path: Path):
    folder = folder_of(tmp_path, tell={})
    with process(folder) as first:
        until(lambda: told(folder))
        second = cli(folder, "run")
        assert second.returncode == 75
        assert f"process {first.pid}" in second.stderr
        with pytest.raises(LockedError) as refused:
            run_once(load_config(folder / "config.toml", {}))
        assert refused.value.pid == first.pid
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert cli(folder, "run", "--once").returncode == 0


def test_of_six_started_at_once_one_runs(tmp_path: Path):
    folder = folder_of(tmp_path, tell={"body": "time.sleep(2)"})
    crowd = [
        subprocess.Popen(command(folder, "run", "--once"), stderr=subprocess.DEVNULL)
        for _ in range(6)
    ]
    codes = Counter(one.wait(PATIENCE) for one in crowd)
    # Those that come after the first one's end find nothing due.
    assert set(codes) <= {0, 75}
    assert told(folder) == ["tell"]


def test_what_a_killed_daemon_left_open_is_closed_by_the_next(tmp_path: Path):
    folder = folder_of(tmp_path, slow={"body": "time.sleep(30)"})
    with process(folder) as daemon:
        until(lambda: told(folder))
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
    assert rows(folder)[0]["status"] == "running"
    with running(daemon_of(folder)):
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE status = 'aborted'"))
    assert rows(folder)[0]["error"] == "the daemon ended before the run did"


def test_a_job_dies_with_its_daemon(tmp_path: Path):
    folder = folder_of(tmp_path, slow={"body": "time.sleep(30)"})
    with process(folder) as daemon:
        until(lambda: told(folder))
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
        job = int((folder / "told").read_text().split()[1])
        until(lambda: not Path(f"/proc/{job}").exists() or "zombie" in status_of(job))


def status_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "zombie"


# --- an end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["pass", "time.sleep(1)", "shift.wait(60)"])
def test_sigterm_ends_the_daemon_with_0_before_its_job_would(tmp_path: Path, body: str):
    folder = folder_of(tmp_path, one={"body": body})
    with process(folder) as daemon:
        until(lambda: told(folder))
        daemon.terminate()
        # Ten on a machine that has nothing else to do.
        assert daemon.wait(ENDED) == 0
    assert (
        rows(folder, "SELECT count(*) AS open FROM runs WHERE status = 'running'")[0]["open"] == 0
    )


def test_a_job_that_ignores_the_end_is_ended(tmp_path: Path):
    body = "signal = __import__('signal'); signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    folder = folder_of(tmp_path, stubborn={"body": body})
    with process(folder) as daemon:
        until(lambda: told(folder))
        daemon.terminate()
        assert daemon.wait(ENDED) == 0
    assert rows(folder)[0]["status"] == "aborted"


def test_a_second_sigterm_ends_the_daemon_at_once(tmp_path: Path):
    body = "signal = __import__('signal'); signal.signal(15, signal.SIG_IGN); time.sleep(3600)"
    folder = folder_of(tmp_path, stubborn={"body": body, "deadline": 7200})
    with stubborn_process(folder) as daemon:
        until(lambda: told(folder))
        # Again and again, as two that come at one moment are one.
        until(lambda: daemon.terminate() or daemon.poll() is not None)
        assert daemon.wait() == 0


def test_a_signal_to_the_whole_group_lets_jobs_end_by_themselves(tmp_path: Path):
    folder = folder_of(tmp_path, one={"body": "time.sleep(2)"})
    with process(folder) as daemon:
        until(lambda: told(folder))
        os.killpg(daemon.pid, signal.SIGTERM)
        assert daemon.wait(ENDED) == 0
    assert [row["status"] for row in rows(folder)] == ["ok"]


def test_ctrl_c_ends_with_130(tmp_path: Path):
    folder = folder_of(tmp_path, one={})
    with process(folder) as daemon:
        until(lambda: told(folder))
        os.killpg(daemon.pid, signal.SIGINT)
        assert daemon.wait(ENDED) == 130


def ended_at_random(folder: Path, moments: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  (the same moments again, not a secret)
    for _ in range(moments):
        with process(folder) as daemon:
            # From the first moment at which the interpreter itself has come up.
            time.sleep(rng.uniform(0.15, 1.5))
            daemon.terminate()
            assert daemon.wait(ENDED) in {0, -signal.SIGTERM}
