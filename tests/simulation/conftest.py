"""One pool of processes for all seeds and mutants of a test run: what is asked for first is begun first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lumbung_testing.simulation.pool import SeedPool, seed_pool


@pytest.fixture(scope="session")
def pool() -> Iterator[SeedPool]:
    with seed_pool() as running:
        yield running
