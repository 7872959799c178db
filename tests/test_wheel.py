"""An installed wheel is all that a user needs: init, then run, also where no net is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import tomllib
import venv
from pathlib import Path

import pytest
from daemons import ROOT, own_process, until
from environments import PIP, built, lend, packages_of
from test_docs import all_as_printed, commands_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; give its folder of commands."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel, environment = built(folder), folder / "environment"
    venv.create(environment, with_pip=False)
    install = ["--python", str(environment / "bin" / "python"), "install", "--no-deps", str(wheel)]
    subprocess.run([*PIP, *install], check=True)
    lend(packages_of(environment))
    return environment / "bin"


def test_the_package_comes_from_the_wheel(installed: Path, tmp_path: Path):
    words = [installed / "python", "-c", "import tickertrack; print(tickertrack.__file__)"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(installed.parent) in done.stdout
    # A dialect's samples come along.
    tried = subprocess.run(
        [installed / "tickertrack", "dialects", "check", "brecorder-2022"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "samples as they should be" in tried.stderr


def test_init_and_run_work_and_say_that_the_net_is_out_of_reach(installed: Path, tmp_path: Path):
    command = str(installed / "tickertrack")
    subprocess.run([command, "init", "mytracker"], cwd=tmp_path, check=True)
    folder = tmp_path / "mytracker"
    names = sorted(path.name for path in (folder / "jobs").iterdir())
    assert names == [path.name for path in sorted((ROOT / "jobs").glob("[!_]*.py"))]
    out_of_reach(folder)
    begun = time.monotonic()
    with own_process([command, "--config", str(folder / "config.toml"), "run"]) as daemon:
        until(lambda: status_of(command, folder, "collect"), 60)
        # It goes on: what failed is due again by its schedule.
        assert daemon.poll() is None
        daemon.terminate()
        assert daemon.wait(40) == 0
        assert daemon.stderr is not None
        said = daemon.stderr.read()
    assert time.monotonic() - begun < 90
    assert "Traceback" not in said
    assert any("courier.invalid" in line and "warning" in line for line in said.splitlines())


# ---- each extra alone

# What each extra is for, and what a user does with it.
EXTRAS = {
    "alerts": "import apprise, tickertrack.alerts",
    "dask": "import dask, distributed",
    "http": "import fsspec; fsspec.filesystem('http')",
    "openbb": "from tickertrack.openbb import provider; assert provider.fetcher_dict",
    "plot": "from tickertrack.cli import main; main(['history', 'ANL', '-o', 'anl.svg'])",
    "s3": "import fsspec; fsspec.filesystem('s3', anon=True)",
    "web": "import datasette",
}
EVERY_ROOM = """
import pkgutil, importlib, tickertrack
for room in pkgutil.walk_packages(tickertrack.__path__, "tickertrack.", onerror=lambda _: None):
    if room.name not in {"tickertrack.__main__"} and not room.name.startswith(("tickertrack.openbb",
        "tickertrack.web")):
        importlib.import_module(room.name)
"""
SEED = " date 2021-04-07 ANL 33.30 Increased By ▲ 0.20 (0.6%)\nHarbour lights\n\nThey are lit.\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel; skips where no registry is in reach, for it would say nothing of us."""
    folder = tmp_path_factory.mktemp("alone")
    probe = [*PIP, "download", "--no-deps", "--dest", str(folder / "probe"), "click"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no package can be downloaded here")
    return built(folder)


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {*project["optional-dependencies"]} - {"dev"}


def test_each_extra_has_its_check():
    assert {*EXTRAS} == declared()


def installed_alone(wheel: str, folder: Path) -> Path:
    """Install the wheel, with an extra if named, and import every room; give its commands."""
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    own = [*PIP, "--python", str(python)]
    subprocess.run([*own, "install", wheel], check=True)
    subprocess.run([*own, "check"], check=True)
    subprocess.run([python, "-c", EVERY_ROOM], cwd=folder, env=outside(), check=True)
    return environment / "bin"


def outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_wheel_with_one_extra_alone_installs_and_imports(
    wheel: Path, extra: str, tmp_path: Path
):
    programs = installed_alone(f"{wheel}[{extra}]", tmp_path)
    (tmp_path / "page.txt").write_text(SEED, encoding="utf-8")
    command = programs / "tickertrack"
    subprocess.run([command, "-q", "ingest", "page.txt"], cwd=tmp_path, env=outside(), check=True)
    program = [programs / "python", "-c", EXTRAS[extra]]
    subprocess.run(program, cwd=tmp_path, env=outside(), check=True)
    words = [command, "history", "ANL", "-c", "price"]
    asked = subprocess.run(words, cwd=tmp_path, env=outside(), capture_output=True, check=True)
    assert asked.stdout == b"price\n33.3\n"
    # Half a gigabyte each.
    shutil.rmtree(programs.parent)


def test_the_wheel_alone_takes_a_newcomer_through_the_tutorial(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    programs = installed_alone(str(wheel), tmp_path)
    (tmp_path / "home").mkdir()
    all_as_printed(commands_of(ROOT / "docs/tutorial.md"), tmp_path / "home", programs)
    shutil.rmtree(programs.parent)


def out_of_reach(folder: Path) -> None:
    """Have it read a site whose name nobody can have."""
    (folder / "publishers").mkdir()
    (folder / "publishers" / "courier.toml").write_text(
        'name = "courier"\nhosts = ["courier.invalid"]\nfeeds = ["https://courier.invalid/feed"]\n'
        '[[dialects]]\nname = "brecorder-2022"\n'
    )
    config = folder / "config.toml"
    config.write_text(config.read_text().replace('"brecorder"', '"courier"'))


def status_of(command: str, folder: Path, job: str) -> str | None:
    words = [command, "--config", str(folder / "config.toml"), "jobs", "list", "-f", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))
    listed = {row["job"]: row for row in json.loads(done.stdout or "[]")}
    status = listed.get(job, {}).get("last_status")
    return str(status) if status else None
