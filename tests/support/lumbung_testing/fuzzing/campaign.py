"""A run over everything that reads bytes from outside: counted inputs, the slowest one, and how memory grew."""

from __future__ import annotations

import random
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio
import trio.testing

from lumbung_testing.fuzzing.calls import fuzz_calls
from lumbung_testing.fuzzing.files import file_targets
from lumbung_testing.fuzzing.live import fuzz_session
from lumbung_testing.fuzzing.targets import Target, byte_targets, feed

__all__ = ["Tally", "fuzz_live", "fuzz_target", "targets_of"]


@dataclass(slots=True)
class Tally:
    """What became of the inputs of one target."""

    name: str
    inputs: int = 0
    accepted: int = 0
    slowest_s: float = 0.0
    growth_kib: int = 0


def targets_of(seed: int) -> list[Target]:
    draws = random.Random(f"{seed}/samples")
    return [*byte_targets(draws), *file_targets(draws)]


def fuzz_target(target: Target, inputs: int, seed: int) -> Tally:
    """Raises Broken with the input."""
    draws, tally = random.Random(f"{seed}/{target.name}"), Tally(target.name, inputs)
    before = _peak_kib()
    for _ in range(inputs):
        raw = target.draw(draws)
        begun = time.perf_counter()
        tally.accepted += feed(target, raw)
        tally.slowest_s = max(tally.slowest_s, time.perf_counter() - begun)
    tally.growth_kib = _peak_kib() - before
    return tally


def fuzz_live(runs: int, seed: int) -> Counter[str]:
    """Sessions and calls under virtual clocks; what was seen. Raises Broken or what escaped, its seed in a note."""
    seen: Counter[str] = Counter()
    works: tuple[Callable[[random.Random, Counter[str]], Awaitable[None]], ...] = (fuzz_session, fuzz_calls)
    for number in range(runs):
        for work in works:
            name = f"{seed}/{work.__name__}/{number}"
            try:
                trio.run(work, random.Random(name), seen, clock=trio.testing.MockClock(autojump_threshold=0))
            except BaseException as exc:
                exc.add_note(f"draws: random.Random({name!r})")
                raise
    return seen


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
