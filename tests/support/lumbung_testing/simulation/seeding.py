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
_LONG_S = 999_999_999  # as trio's own clock: until something happens


def run_seeded(
    seed: int, work: Callable[[], Awaitable[T]], *, turns_max: int = 0, on_still: Callable[[], None] | None = None
) -> T:
    """Run `work` under a clock that jumps whenever all tasks wait; equal seeds give equal schedules.

    `on_still` is called when tasks ran on and on, for `turns_max` turns of the loop, while the clock stood still.
    """
    with patched(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True):
        _run._r.seed(f"{seed}/schedule")
        return trio.run(work, clock=_jumping_clock(turns_max, on_still or _ignore))


def _jumping_clock(turns_max: int, on_still: Callable[[], None]) -> trio.testing.MockClock:
    """trio's clock at rate 0 without its arithmetic on the real clock: it is asked four times for each message.

    The loop asks once a turn how long it may sleep, so turns are counted there: a watch that costs nothing.
    """
    clock = trio.testing.MockClock(autojump_threshold=0)
    turns = 0
    turns_at = -1.0

    def sleep_time(deadline: float) -> float:
        nonlocal turns, turns_at
        now = clock._virtual_base
        turns, turns_at = (turns + 1, now) if now == turns_at else (0, now)
        if turns == turns_max:
            on_still()
        return 0 if deadline <= now else _LONG_S

    # The class is final, so the instance is given its own.
    vars(clock).update(current_time=lambda: clock._virtual_base, deadline_to_sleep_time=sleep_time)
    return clock


def _ignore() -> None:
    """Nobody asked to be told."""


def luck(seed: int, purpose: str) -> random.Random:
    """One stream for each purpose, so that a new fault does not move every other draw."""
    return random.Random(f"{seed}/{purpose}")
