"""A real scheduler and real workers, one of which is killed half-way: what one machine would do."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from scans import contents, scanned, slow

from tickertrack.errors import ClusterError, ConfigError, SourceError

INPUTS = 10
_PATIENCE = 60


@dataclass
class Cluster:
    """A scheduler and its workers, each a process with its name."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        file = self.folder / "scheduler.json"
        until(lambda: file.exists() and file.read_text().endswith("}"))
        return str(json.loads(file.read_text())["address"])

    def begin(self, name: str, kind: str, *words: str) -> None:
        """Begin a scheduler or a worker."""
        line = [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1", "--no-dashboard", *words]
        self.processes[name] = subprocess.Popen(line, stderr=subprocess.DEVNULL, cwd=self.folder)

    def add(self, name: str) -> None:
        """Let a worker join."""
        self.begin(name, "worker", self.address, "--no-nanny", "--nthreads", "1", "--name", name)

    def signal(self, number: int, *names: str) -> None:
        """Send a signal to workers."""
        for name in names:
            self.processes[name].send_signal(number)


def until(so: Callable[[], Any]) -> None:
    end = time.monotonic() + _PATIENCE
    while not so():
        assert time.monotonic() < end
        time.sleep(0.002)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    begun = Cluster(folder)
    try:
        begun.begin("scheduler", "scheduler", "--port", "0", "--scheduler-file", "scheduler.json")
        for name in ("first", "second"):
            begun.add(name)
        yield begun
    finally:
        for process in begun.processes.values():
            process.kill()
            process.wait()


def killed(some: Cluster, names: tuple[str, str], parts: Path) -> bool:
    """
    Kill the first of two workers when some parts are there and it has others in hand.

    Says whether it did: we may be held up for so long that all is done before.
    """
    with Client(some.address, set_as_default=False) as client:
        while len(list(parts.glob("parts/*.json"))) < INPUTS:
            until(lambda: list(parts.glob("parts/*.json")))
            some.signal(signal.SIGSTOP, *names)
            if all(_busy(client, names[0]) for _ in range(3)):
                some.signal(signal.SIGKILL, names[0])
                some.signal(signal.SIGCONT, names[1])
                return True
            some.signal(signal.SIGCONT, *names)
            time.sleep(0.005)
    return False


def _busy(client: Client, name: str) -> bool:
    # What it said before it was stopped may still be on its way.
    time.sleep(0.02)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    (address,) = (one for one, about in workers.items() if about["name"] == name)
    return bool(client.processing()[address])


def allow(some: Cluster, failures: int) -> None:
    """Say how many workers may die of a task before it is given up."""

    def set_on(dask_scheduler: Any) -> None:
        dask_scheduler.allowed_failures = failures

    with Client(some.address, set_as_default=False) as client:
        client.run_on_scheduler(set_on)
        client.wait_for_workers(2)


def scanned_with_a_kill(
    some: Cluster, names: tuple[str, str], place: Path, parts: Path
) -> list[SourceError]:
    told: list[SourceError] = []
    with ThreadPoolExecutor(1) as threads:
        killing = threads.submit(killed, some, names, parts)
        report = scanned(place, parts, told, engine="dask", scheduler=some.address)
    assert report.inputs == INPUTS
    if killing.result():
        return told
    shutil.rmtree(parts)
    return scanned_with_a_kill(some, names, place, parts)


def test_a_worker_killed_half_way_changes_nothing(tmp_path: Path):
    place = slow(tmp_path / "in", INPUTS)
    scanned(place, tmp_path / "alone")
    with cluster(tmp_path) as some:
        # The control: what is not tried again is missing, and told of.
        allow(some, 0)
        told = scanned_with_a_kill(some, ("first", "second"), place, tmp_path / "lossy")
        assert {error.what for error in told} == {"crashes its reader (each worker died)"}
        lossy = contents(tmp_path / "lossy")
        assert lossy != contents(tmp_path / "alone")
        some.add("third")
        allow(some, 3)
        assert not scanned_with_a_kill(some, ("third", "second"), place, tmp_path / "parts")
        assert contents(tmp_path / "parts") == contents(tmp_path / "alone")
        # The next call finishes what the control lost, and reads nothing else.
        scheduler = {"engine": "dask", "scheduler": some.address}
        assert scanned(place, tmp_path / "lossy", **scheduler).read == len(told)
        assert contents(tmp_path / "lossy") == contents(tmp_path / "alone")
        with pytest.raises(ConfigError, match="not there on a worker"):
            scanned(place, "memory://mine/alone", **scheduler)


@pytest.mark.slow
def test_a_scheduler_that_dies_ends_the_call(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    place, parts = slow(tmp_path / "in", INPUTS), tmp_path / "parts"
    with cluster(tmp_path) as some:
        allow(some, 3)
        thread = threading.Thread(target=_kill_scheduler, args=(some, parts))
        thread.start()
        with pytest.raises(ClusterError, match="is gone; call again"):
            scanned(place, parts, engine="dask", scheduler=some.address)
        thread.join()
    assert not caplog.records
    scanned(place, parts)
    scanned(place, tmp_path / "alone")
    assert contents(parts) == contents(tmp_path / "alone")


def _kill_scheduler(some: Cluster, parts: Path) -> None:
    until(lambda: list(parts.glob("parts/*.json")))
    some.signal(signal.SIGKILL, "scheduler")


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tickertrack.scan.cluster._CONNECT", 0.5)
    place = slow(tmp_path / "in", 1)
    with pytest.raises(ClusterError, match="does not answer") as told:
        scanned(place, tmp_path / "parts", engine="dask", scheduler="tcp://127.0.0.1:9")
    assert told.value.exit_code == 75
