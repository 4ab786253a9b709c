"""Looking for planted mistakes: how many seeds of a range it takes, and which invariant tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.scenario import Plan, run_scenario
from lumbung_testing.simulation.story import Violation

__all__ = ["RANGES", "Find", "hunt"]

RANGES = (range(1, 51), range(1001, 1051))
"""Fixed before the mutants were written, so that no mutant has its seeds chosen for it."""


@dataclass(frozen=True, slots=True)
class Find:
    """`tried` seeds until it was found at `seed` by `invariant`; no invariant when it was not."""

    tried: int
    seed: int = 0
    invariant: str = ""


def hunt(mutant: Mutant, seeds: Iterable[int]) -> Find:
    tried = 0
    with mutant.plant():
        for seed in seeds:
            tried += 1
            try:
                run_scenario(Plan(seed))
            except Violation as violation:
                return Find(tried, seed, violation.invariant)
    return Find(tried)
