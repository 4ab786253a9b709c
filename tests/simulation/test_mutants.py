"""The simulation finds planted mistakes. `make mutants` looks for each in two ranges of seeds; here those known to find
it are run, so that an invariant or a fault which grows blind is noticed at once."""

from __future__ import annotations

import pytest

from lumbung_testing.simulation.hunting import hunt
from lumbung_testing.simulation.mutants import ALL_MUTANTS
from lumbung_testing.simulation.mutants.mutant import Mutant


@pytest.mark.parametrize("mutant", [m for m in ALL_MUTANTS if m.seeds], ids=lambda mutant: mutant.name)
def test_a_planted_mistake_is_found(mutant: Mutant) -> None:
    assert hunt(mutant, mutant.seeds).invariant
