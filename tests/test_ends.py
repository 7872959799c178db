"""The daemon told to end at any moment: it ends with 0, soon, and leaves nothing open."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from daemons import ENDED, rows
from live import crowded, kept, stored, world

_MANY = 100


@pytest.mark.parametrize(
    "moments", [4, pytest.param(500, marks=pytest.mark.slow)], ids="{} ends".format
)
def test_sigterm_at_any_moment_is_0_before_the_round_is_over(tmp_path: Path, moments: int):
    # The slow tier has the machine to itself: there it is held to what service managers ask.
    within = ENDED if moments < _MANY else 10
    rng = random.Random(20240507)  # noqa: S311
    with world(tmp_path / "own") as here:
        crowded(here, 10 * moments)
        for _ in range(moments):
            here.request()
            with here.process() as daemon:
                # From when it has said its first word: before that it is only being imported.
                assert daemon.stderr is not None
                daemon.stderr.readline()
                time.sleep(rng.uniform(0.0, 1.0))
                os.killpg(daemon.pid, signal.SIGTERM)
                assert daemon.wait(within) == 0
        assert not rows(here.folder, "SELECT 1 FROM runs WHERE status = 'running'")
        # What was kept as the time ran out is stored by the next round; nothing is there twice.
        here.collect(20)
        assert Counter(kept(here)) == Counter(stored(here))
        assert max(Counter(stored(here)).values()) == 1
        assert len(stored(here)) > 0
