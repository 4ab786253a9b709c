"""The simulation finds planted mistakes. `make mutants` looks for every one in two ranges of seeds; here are those that
a few seeds find, so that an invariant or a fault which grows blind is noticed at once."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import trio.testing

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.session import covering, incoming, proving
from lumbung_testing.session_pair import OFFICE, PEER, box, living
from lumbung_testing.simulation.misbehaviour import Misbehaviour, misbehaving
from lumbung_testing.simulation.misfolding import misfolding
from lumbung_testing.simulation.mutants import ALL_MUTANTS
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched
from lumbung_testing.simulation.pool import find_mutant

QUICK = [mutant.name for mutant in ALL_MUTANTS if mutant.is_quick]


@pytest.mark.parametrize("mutant", ALL_MUTANTS, ids=lambda mutant: mutant.name)
def test_the_seam_of_a_mistake_is_there(mutant: Mutant) -> None:
    with mutant.plant():
        pass


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_mistake_is_found(name: str) -> None:
    assert find_mutant(name, 0).invariant


async def test_a_mistake_in_what_is_signed_stays_planted_beside_liars(
    autojump_clock: trio.testing.MockClock,
) -> None:
    asked = []

    async def receipt(core: Core, origin: NodeNumber, nonce: int, blobs: Sequence[BlobId]) -> None:
        asked.append("receipt")

    async def inventory(core: Core, origin: NodeNumber, nonce: int) -> None:
        asked.append("inventory")

    seams = [(incoming, "commit_receipt", receipt), (proving, "commit_receipt", receipt)]
    liars = Misbehaviour(random.Random(1))
    async with living(box(OFFICE)) as core:
        with (
            patched(*seams[0]),
            patched(*seams[1]),
            patched(covering, "inventory_receipt", inventory),
            misbehaving(liars),
            misfolding(liars),
        ):
            for module, name, _ in seams:
                await vars(module)[name](core, PEER, 1, ())
            await vars(covering)["inventory_receipt"](core, PEER, 1)
    assert asked == ["receipt", "receipt", "inventory"]
