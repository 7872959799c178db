"""What a machine is told of the daemon: systemd, log lines, doctor."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import ENDED, cli, command, daemon_of, folder_of, rows, running, told, until

from tickertrack.errors import ConfigError
from tickertrack.models import HostState
from tickertrack.shipped import unit_file
from tickertrack.store.connect import open_writing
from tickertrack.store.fetches import StoredHosts

# --- systemd ---


@contextmanager
def manager(path: Path) -> Iterator[socket.socket]:
    """Listen as a service manager does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.settimeout(90)
        yield channel


def heard_until(channel: socket.socket, word: str) -> list[str]:
    heard: list[str] = []
    while not any(word in one for one in heard):
        heard.extend(channel.recv(4096).decode().splitlines())
    return heard


def test_the_manager_hears_ready_alive_and_stopping(tmp_path: Path):
    folder = folder_of(tmp_path / "own", tell={})
    with manager(tmp_path / "notify") as channel:
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        daemon = subprocess.Popen(
            command(folder, "run"), env={**os.environ, **environ}, stderr=subprocess.DEVNULL
        )
        assert heard_until(channel, "READY=1")[0] == "READY=1"
        # Ready means that the database is there and the jobs are declared.
        assert rows(folder, "SELECT 1 FROM sqlite_schema")
        alive = heard_until(channel, "STATUS=")
        assert "WATCHDOG=1" in alive
        daemon.terminate()
        heard_until(channel, "STOPPING=1")
        assert daemon.wait(ENDED) == 0


def test_a_daemon_that_is_stuck_does_not_say_that_it_is_alive(tmp_path: Path):
    folder = folder_of(tmp_path / "own", tell={})
    with manager(tmp_path / "notify") as channel:
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        daemon = subprocess.Popen(
            command(folder, "run"), env={**os.environ, **environ}, stderr=subprocess.DEVNULL
        )
        heard_until(channel, "WATCHDOG=1")
        os.kill(daemon.pid, signal.SIGSTOP)
        channel.settimeout(2)
        with pytest.raises(TimeoutError):
            heard_until(channel, "never")
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_the_unit_file_is_sound_and_hardened(tmp_path: Path):
    unit = tmp_path / "tickertrack.service"
    unit.write_text(unit_file(tmp_path / "own"))
    checked = analyzed("verify", "--man=no", str(unit))
    assert checked.returncode == 0
    # The image of a container may lack units that every machine has.
    own = [line for line in checked.stderr.splitlines() if unit.name in line]
    assert own == []
    exposure = analyzed("security", "--offline=true", "--threshold=20", str(unit))
    assert exposure.returncode == 0, exposure.stdout[-300:]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_a_bare_unit_file_is_not(tmp_path: Path):
    # The control: the same check of a unit without a word of hardening.
    unit = tmp_path / "bare.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyzed("security", "--offline=true", "--threshold=20", str(unit)).returncode != 0


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words],  # noqa: S607  (wherever it is)
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["two words", "100%", 'a"quote', "$HOME"])
def test_a_folder_that_systemd_would_misread_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match="cannot name"):
        unit_file(tmp_path / name)


# --- log lines ---

HOSTILE = "a\x1b[2Jb\nc\u202ed\x07" + "x" * 3000


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_line_is_one_line_whatever_a_page_says(tmp_path: Path, form: str):
    body = f"raise ValueError({HOSTILE!r})"
    folder = folder_of(tmp_path, odd={"body": body})
    done = cli(folder, "-v", "run", "--once", "--log-format", form)
    assert done.returncode == 1
    for line in done.stderr.splitlines():
        assert not any(ord(letter) < 32 or ord(letter) in {0x7F, 0x9B, 0x202E} for letter in line)


def test_json_lines_are_json(tmp_path: Path):
    folder = folder_of(tmp_path, tell={}, odd={"body": f"raise ValueError({HOSTILE!r})"})
    daemon = subprocess.Popen(
        command(folder, "run", "--log-format", "json"), stderr=subprocess.PIPE, text=True
    )
    until(lambda: told(folder).count("odd") and told(folder).count("tell"))
    until(lambda: not rows(folder, "SELECT 1 FROM runs WHERE finished_at IS NULL"))
    daemon.terminate()
    _, said = daemon.communicate(timeout=ENDED)
    lines = [json.loads(line) for line in said.splitlines()]
    assert {"time", "level", "logger", "event"} == set(lines[0])
    events = [line["event"] for line in lines]
    assert "job tell ended: ok (1 told)" in events
    assert all(len(line) < 8192 for line in said.splitlines())
    assert datetime.fromisoformat(lines[0]["time"]).tzinfo is not None


# --- doctor ---


def findings(folder: Path) -> dict[str, dict[str, object]]:
    done = cli(folder, "doctor", "-f", "json")
    return {one["check"]: one for one in json.loads(done.stdout)}


def test_doctor_tells_of_jobs_hosts_and_clock(tmp_path: Path):
    folder = folder_of(tmp_path, tell={}, odd={"body": "raise ValueError('no')"})
    (folder / "jobs" / "broken.py").write_text("1 / 0")
    with running(daemon_of(folder)):
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE job = 'odd' AND status = 'error'"))
        until(lambda: rows(folder, "SELECT 1 FROM runs WHERE job = 'tell' AND status = 'ok'"))
        found = findings(folder)
        assert found["daemon"]["value"] == os.getpid()
    assert found["job tell"]["state"] == "ok"
    assert found["job tell"]["value"] <= 20
    assert "next " in str(found["job tell"]["detail"])
    assert found["job odd"]["state"] == "problem"
    assert found["job broken"]["state"] == "problem"
    assert findings(folder)["daemon"]["state"] == "note"
    assert cli(folder, "doctor").returncode == 4


def test_doctor_tells_of_a_host_that_is_left_alone_and_of_a_clock_that_is_wrong(tmp_path: Path):
    folder = folder_of(tmp_path)
    path = folder / "tickertrack.db"
    later = datetime.now(UTC) + timedelta(hours=1)
    book = StoredHosts(open_writing(path), path)
    book.save(HostState("one.example", not_before=later, failures=3, skew=7200.0))
    book.save(HostState("two.example", last_request_at=later, skew=7201.0))
    found = findings(folder)
    assert found["host one.example"]["state"] == "note"
    assert found["host two.example"]["state"] == "ok"
    assert found["clock"]["state"] == "problem"
    assert found["clock"]["value"] == pytest.approx(7200, abs=2)


def test_doctor_tells_of_a_log_that_a_reader_keeps_from_being_emptied(tmp_path: Path):
    folder = folder_of(tmp_path)
    path = folder / "tickertrack.db"
    writer, reader = open_writing(path), open_writing(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM pages").fetchone()
    blob = "x" * 1_000_000
    for number in range(70):
        writer.execute("INSERT INTO alerts VALUES (?, ?, '2024-05-06')", (str(number), blob))
    assert findings(folder)["write-ahead log"]["state"] == "problem"
    reader.execute("COMMIT")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert findings(folder)["write-ahead log"]["state"] == "ok"
