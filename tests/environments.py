"""Environments apart from ours: made once and kept beside it, or made for a test; and our wheel."""

from __future__ import annotations

import shutil
import site
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def python_of(name: str, packages: Sequence[str]) -> Path:
    """
    Give the python of an environment that stands beside ours, made where it is not there yet.

    Skips the test where its packages cannot be installed.
    """
    environment = Path(sys.prefix).parent / name
    if not environment.exists():
        # Made beside its place and moved there: of two at once, the later finds it taken.
        made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=environment.parent))
        venv.create(made, with_pip=False)
        install = ["--python", str(made / "bin" / "python"), "install", *packages]
        done = subprocess.run([*PIP, *install], capture_output=True, check=False)
        if done.returncode:
            shutil.rmtree(made)
            pytest.skip(f"{packages[0]} cannot be installed: {done.stderr.decode()[-200:]}")
        try:
            made.rename(environment)
        except OSError:
            shutil.rmtree(made)
    return environment / "bin" / "python"


def built(folder: Path) -> Path:
    """Build our wheel into a folder."""
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*PIP, *build], check=True)
    (wheel,) = folder.glob("tickertrack-*.whl")
    return wheel


def packages_of(environment: Path) -> Path:
    """Give the folder of an environment's packages."""
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def lend(folder: Path) -> None:
    """Lend what this environment has, all but the checkout itself, to what looks in a folder."""
    (folder / "lent.pth").write_text(site.getsitepackages()[0])
