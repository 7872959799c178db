"""What holds for every test, however the suite is started and whatever else the machine does."""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from netarchive import Library
    from serving import Site

    from tickertrack import Tracker

# How long an example takes, or is in the making, is the machine's affair.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unhurried")

# A file is one worker's. These take longest: none of them is to be begun when the others are done.
# By turns one that mostly waits and one that mostly works.
LONGEST = (
    *("test_clock", "test_scan", "test_daemon", "test_store", "test_live", "test_docs"),
    *("test_service", "test_remote", "test_demo", "test_isolation", "test_schedule"),
    *("test_collect", "test_ends", "test_sources", "test_kills", "test_order"),
)


def pytest_configure() -> None:
    # Importing all that is tested makes much and leaves no garbage: a quarter of the time goes
    # to looking for it, in each worker.
    gc.disable()
    # In the background of a shell Ctrl-C is ignored, by every process that a test starts too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(LONGEST)))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_runtest_setup() -> None:
    # What a command said -q or -v to in this process is not said to the next test.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("tickertrack").setLevel(logging.NOTSET)


# --- what several files read; each import is of those alone that ask for it ----------------------


@pytest.fixture(scope="module")
def site(config: Path) -> Iterator[Site]:
    """Serve the tracker that a file's own `config` lays out."""
    from serving import served  # noqa: PLC0415

    with served(config) as site:
        yield site


@pytest.fixture(scope="module")
def tracker(config: Path) -> Iterator[Tracker]:
    """Open the tracker that a file's own `config` lays out."""
    from tickertrack import open_tracker  # noqa: PLC0415

    with open_tracker(config=config) as tracker:
        yield tracker


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Library]:
    """Serve an archive of crawls that holds nothing yet."""
    from netarchive import library  # noqa: PLC0415

    with library(tmp_path / "archive", ()) as served:
        yield served


@pytest.fixture
def folder(archive: Library, tmp_path: Path) -> Path:
    """Lay out a tracker that asks the archive."""
    from past import tracker_folder  # noqa: PLC0415

    return tracker_folder(tmp_path / "own", archive.port)
