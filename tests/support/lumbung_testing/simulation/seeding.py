"""One seed, one history. trio shuffles its ready tasks by a private random generator: it is seeded here, nowhere else.

`_ALLOW_DETERMINISTIC_SCHEDULING` makes trio sort its ready tasks before it shuffles them, so that neither addresses
nor hashes decide. The switch is private and trio's version is pinned; `tests/simulation/test_seeding.py` guards both.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
import trio.testing
from trio._core import _run

from lumbung_testing.simulation.patching import patched

__all__ = ["StillClock", "luck", "run_seeded"]

T = TypeVar("T")


def run_seeded(seed: int, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` under a clock that jumps whenever all tasks wait; equal seeds give equal schedules."""
    with patched(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True):
        _run._r.seed(f"{seed}/schedule")
        return trio.run(work, clock=trio.testing.MockClock(autojump_threshold=0))


class StillClock(trio.abc.Instrument):
    """Notices when tasks run on and on while the clock, which jumps only when all wait, stands still."""

    def __init__(self, steps_max: int, on_still: Callable[[], None]) -> None:
        self._steps_max = steps_max
        self._on_still = on_still
        self._now = -1.0
        self._steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        now = trio.current_time()
        if now != self._now:
            self._now, self._steps = now, 0
        self._steps += 1
        if self._steps == self._steps_max:
            self._on_still()


def luck(seed: int, purpose: str) -> random.Random:
    """One stream for each purpose, so that a new fault does not move every other draw."""
    return random.Random(f"{seed}/{purpose}")
