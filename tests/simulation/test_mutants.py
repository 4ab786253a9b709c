"""The simulation finds planted mistakes. `make mutants` looks for every one in two ranges of seeds; here are those that
a few seeds find, so that an invariant or a fault which grows blind is noticed at once."""

from __future__ import annotations

import pytest

from lumbung_testing.simulation.hunting import RANGES, hunt
from lumbung_testing.simulation.mutants import ALL_MUTANTS
from lumbung_testing.simulation.mutants.mutant import Mutant


@pytest.mark.parametrize("mutant", [m for m in ALL_MUTANTS if m.is_quick], ids=lambda mutant: mutant.name)
def test_a_planted_mistake_is_found(mutant: Mutant) -> None:
    assert hunt(mutant, RANGES[0]).invariant
