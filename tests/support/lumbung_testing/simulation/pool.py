"""Runs seeds and hunts mutants: one here, or many in several processes, begun in the order they were asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from lumbung_testing.simulation.hunting import RANGES, Find, hunt
from lumbung_testing.simulation.mutants import ALL_MUTANTS
from lumbung_testing.simulation.scenario import Outcome, Plan, run_scenario
from lumbung_testing.simulation.story import Violation

__all__ = ["SeedPool", "find_mutant", "run_plan", "seed_pool"]


class SeedPool:
    """Runs plans and hunts mutants; a broken promise comes back as its text."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def run(self, plan: Plan) -> Future[Outcome | str]:
        return self._executor.submit(run_plan, plan)

    def hunt(self, name: str, place: int) -> Future[Find]:
        """Look for the mutant of this name in one of the two ranges of seeds."""
        return self._executor.submit(find_mutant, name, place)


@contextmanager
def seed_pool(processes: int | None = None) -> Iterator[SeedPool]:
    """What is left to do when the block ends is not begun any more."""
    executor = ProcessPoolExecutor(processes or min(os.cpu_count() or 1, 4), get_context("spawn"))
    try:
        yield SeedPool(executor)
    finally:
        executor.shutdown(cancel_futures=True)


def run_plan(plan: Plan) -> Outcome | str:
    try:
        return run_scenario(plan)
    except Violation as violation:
        return str(violation)


def find_mutant(name: str, place: int) -> Find:
    return hunt(next(mutant for mutant in ALL_MUTANTS if mutant.name == name), RANGES[place])
