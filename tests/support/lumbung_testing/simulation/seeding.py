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

__all__ = ["luck", "run_seeded"]

T = TypeVar("T")


def run_seeded(seed: int, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` under a clock that jumps whenever all tasks wait; equal seeds give equal schedules."""
    with patched(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True):
        _run._r.seed(f"{seed}/schedule")
        return trio.run(work, clock=trio.testing.MockClock(autojump_threshold=0))


def luck(seed: int, purpose: str) -> random.Random:
    """One stream for each purpose, so that a new fault does not move every other draw."""
    return random.Random(f"{seed}/{purpose}")
