"""What holds for every test."""

from __future__ import annotations

import gc


def pytest_configure() -> None:
    # Importing all that is tested makes much and leaves no garbage: a quarter of the time goes
    # to looking for it, in each worker.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
