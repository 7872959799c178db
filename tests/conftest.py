"""What holds for every test, however the suite is started and whatever else the machine does."""

from __future__ import annotations

import gc
import logging
import signal

from hypothesis import HealthCheck, settings

# How long an example takes, or is in the making, is the machine's affair.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    # Importing all that is tested makes much and leaves no garbage: a quarter of the time goes
    # to looking for it, in each worker.
    gc.disable()
    # In the background of a shell Ctrl-C is ignored, by every process that a test starts too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_runtest_setup() -> None:
    # What a command said -q or -v to in this process is not said to the next test.
    logging.getLogger("tickertrack").setLevel(logging.NOTSET)
