"""The simulation finds planted mistakes. `make mutants` looks for every one in two ranges of seeds; here are those that
a few seeds find, so that an invariant or a fault which grows blind is noticed at once."""

from __future__ import annotations

import pytest

from lumbung_testing.simulation.mutants import ALL_MUTANTS
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.pool import find_mutant

QUICK = [mutant.name for mutant in ALL_MUTANTS if mutant.is_quick]


@pytest.mark.parametrize("mutant", ALL_MUTANTS, ids=lambda mutant: mutant.name)
def test_the_seam_of_a_mistake_is_there(mutant: Mutant) -> None:
    with mutant.plant():
        pass


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_mistake_is_found(name: str) -> None:
    assert find_mutant(name, 0).invariant
