"""Job files: found by being there, refused by name when broken or writable by others."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from daemons import ROOT, cli, folder_of, told

from tickertrack.config import load_config
from tickertrack.daemon.triggers import Plan, planned, zone_of
from tickertrack.errors import ConfigError
from tickertrack.models import Outcome
from tickertrack.schedule import Job, find_jobs, load_job

KARACHI = ZoneInfo("Asia/Karachi")


def nothing(_shift: object) -> Outcome:
    return Outcome()


def test_the_shipped_jobs_load_and_have_times():
    roster, plans = planned(find_jobs(ROOT / "jobs"), KARACHI)
    assert roster.refused == {}
    assert sorted(plans) == ["alert", "backup", "check", "collect", "link", "resolve"]
    now = datetime(2024, 5, 6, tzinfo=UTC)
    assert all(plan.after(now) for plan in plans.values())


def test_collect_runs_every_five_minutes_around_the_session_and_else_hourly():
    plan = Plan(load_job(ROOT / "jobs" / "collect.py").lines, KARACHI)
    monday = datetime(2024, 5, 6, tzinfo=KARACHI)
    fires = {
        hour: plan.between(
            monday + timedelta(hours=hour, seconds=-1), monday + timedelta(hours=hour, minutes=59)
        )
        for hour in (3, 11, 22)
    }
    assert {hour: found.count for hour, found in fires.items() if found} == {3: 1, 11: 12, 22: 1}


@pytest.mark.parametrize(
    ("schedule", "fault"),
    [
        ("", "is no schedule"),
        ("every day", "is no schedule"),
        ((), "is no schedule"),
        ("0 0 * * 1-5", "counts weekdays"),
        (("0 0 * * *", "0 0 * * 0"), "counts weekdays"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(schedule: str, fault: str):
    with pytest.raises(ConfigError, match=fault):
        Job(schedule=schedule, run=nothing)


def test_a_schedule_whose_numbers_are_out_of_range_costs_only_its_job(tmp_path: Path):
    folder = folder_of(tmp_path, good={}, odd={"schedule": "99 * * * *"})
    roster, plans = planned(find_jobs(folder / "jobs"), KARACHI)
    assert list(plans) == ["good"]
    assert roster.refused["odd"].startswith("schedule: is no schedule")


BROKEN = {
    "seven": ("JOB = 7", "declares no `JOB = Job(...)`"),
    "empty": ("", "declares no `JOB = Job(...)`"),
    "words": ("this is no Python", "cannot be loaded (SyntaxError: "),
    "lacking": ("import no_such_module", "cannot be loaded (ModuleNotFoundError: "),
    "dividing": ("1 / 0", "cannot be loaded (ZeroDivisionError: "),
    "timeless": (
        "from tickertrack.schedule import Job\nJOB = Job('x', print)",
        "schedule: is no schedule: ",
    ),
}


def test_broken_jobs_are_refused_by_name_and_the_others_run(tmp_path: Path):
    folder = folder_of(tmp_path, good={})
    for name, (text, _) in BROKEN.items():
        (folder / "jobs" / f"{name}.py").write_text(text)
    done = cli(folder, "run", "--once")
    assert done.returncode == 1
    for name, (_, why) in BROKEN.items():
        assert f"{name}: refused: {why}" in done.stderr
    assert "Traceback" not in done.stderr
    assert told(folder) == ["good"]


def as_root() -> bool:
    return os.geteuid() == 0


def writable_by_others(path: Path) -> None:
    path.chmod(0o646)


def writable_by_a_group(path: Path) -> None:
    os.chown(path, -1, 4321)
    path.chmod(0o664)


def of_another_user(path: Path) -> None:
    os.chown(path, 4321, -1)


def in_a_folder_of_others(path: Path) -> None:
    path.parent.chmod(0o777)


def in_another_users_folder(path: Path) -> None:
    os.chown(path.parent, 4321, -1)


def below_a_folder_of_others(path: Path) -> None:
    path.parents[1].chmod(0o777)


def linked_from_elsewhere(path: Path) -> None:
    elsewhere = path.parents[1] / "elsewhere.py"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.py")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (writable_by_others, "is writable by others"),
        (writable_by_a_group, "is writable by a group"),
        (of_another_user, "belongs to another user"),
        (in_a_folder_of_others, "which is writable by others"),
        (in_another_users_folder, "which belongs to another user"),
        (below_a_folder_of_others, "which is writable by others"),
        (linked_from_elsewhere, "is a link out of its folder"),
        (dangling, "cannot be read"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_job_that_others_could_write_is_refused_and_not_run(
    tmp_path: Path, spoil: Callable[[Path], None], why: str
):
    if not as_root() and "other" in spoil.__name__ + why:
        pytest.skip("only root may give a file away")
    folder = folder_of(tmp_path / "own", odd={})
    path = folder / "jobs" / "odd.py"
    # That it would show if the file were but imported.
    path.write_text(f"open({str(folder / 'imported')!r}, 'w')\n{path.read_text()}")
    spoil(path)
    roster = find_jobs(folder / "jobs")
    assert roster.jobs == {}
    assert why in roster.refused["odd"]
    assert not (folder / "imported").exists()


def test_a_job_of_ones_own_is_loaded(tmp_path: Path):
    # The control: the same file, unspoiled, and in a folder that is sticky as /tmp is.
    folder = folder_of(tmp_path / "own", odd={})
    (tmp_path / "own").chmod(0o1777)
    assert list(find_jobs(folder / "jobs").jobs) == ["odd"]


def test_a_disabled_job_and_other_files_are_passed_over(tmp_path: Path):
    folder = folder_of(tmp_path, off={})
    path = folder / "jobs" / "off.py"
    path.write_text(path.read_text().replace("run=run,", "run=run, enabled=False,"))
    for name in ("_parts.py", ".hidden.py", "notes.txt"):
        (folder / "jobs" / name).write_text("1 / 0")
    roster = find_jobs(folder / "jobs")
    assert (roster.jobs, roster.refused) == ({}, {})


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    (tmp_path / "config.toml").touch()
    done = cli(tmp_path, "run", "--once")
    assert done.returncode == 2
    assert "no such folder of jobs" in done.stderr
    assert "tickertrack init" in done.stderr


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Mars/Olympus"])
def test_a_zone_with_summer_time_is_refused(tmp_path: Path, zone: str):
    folder = folder_of(tmp_path, zone=zone)
    with pytest.raises(ConfigError) as refused:
        zone_of(load_config(folder / "config.toml", {}))
    assert refused.value.key == "daemon.timezone"


@pytest.mark.parametrize("zone", ["Asia/Karachi", "UTC", "Asia/Tokyo"])
def test_in_a_zone_without_it_a_daily_job_runs_every_day(zone: str):
    first = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone))
    for hour in (0, 2, 3, 23):
        fires = Plan((f"30 {hour} * * *",), ZoneInfo(zone)).between(first, first.replace(year=2025))
        assert fires is not None
        assert fires.count == 366


def test_init_writes_jobs_that_run(tmp_path: Path):
    done = cli_init(tmp_path / "mine")
    assert done == 0
    roster, plans = planned(find_jobs(tmp_path / "mine" / "jobs"), KARACHI)
    assert roster.refused == {}
    assert "collect" in plans
    before = (tmp_path / "mine" / "jobs" / "collect.py").read_bytes()
    (tmp_path / "mine" / "jobs" / "collect.py").write_bytes(b"# mine\n")
    assert cli_init(tmp_path / "mine") == 0
    assert (tmp_path / "mine" / "jobs" / "collect.py").read_bytes() == b"# mine\n" != before


def cli_init(folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    (folder.parent / "config.toml").touch()
    return cli(folder.parent, "init", str(folder)).returncode
