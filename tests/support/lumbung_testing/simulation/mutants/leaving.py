"""Mistakes about letting go: what counts as proof that nobody will miss it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import trio

from lumbung_cluster import release
from lumbung_cluster.ids import NodeNumber, units_of_mask
from lumbung_cluster.receipt import UnitClaim
from lumbung_cluster.release import Release, SignedRelease, UnitVerdict
from lumbung_cluster.roster import Roster
from lumbung_node.ports.world import Verifier
from lumbung_node.services import dropping
from lumbung_node.services.session.releasing import Releasing
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _drop_without_fresh_proof() -> AbstractContextManager[object]:
    """The roster says that others hold it now: what more should one ask?"""

    def judge(
        roster: Roster,
        node: NodeNumber,
        origin: NodeNumber,
        claims: Sequence[UnitClaim],
        word: SignedRelease | None,
        verifier: Verifier,
        now_ms: int,
    ) -> dict[int, str]:
        held = roster.units_held(node, origin)
        return {
            claim.unit: UnitVerdict.STILL_HELD if held >> claim.unit & 1 else UnitVerdict.MAY_GO for claim in claims
        }

    return patched(dropping, "judge_release", judge)


def _drop_believes_an_old_proof() -> AbstractContextManager[object]:
    """The origin released this unit once; that it has grown since, who looks?"""

    def judge_unit(roster: Roster, origin: NodeNumber, mine: UnitClaim, word: Release) -> str:
        return UnitVerdict.MAY_GO if word.claim(mine.unit) is not None else UnitVerdict.NOT_IN_RELEASE

    return patched(release, "_judge_unit", judge_unit)


def _drop_of_a_unit_that_a_present_holder_lacks() -> AbstractContextManager[object]:
    """One of the holders has proven all: that will do for a release."""

    async def proven_units(self: Releasing, units: int, number: int) -> int:
        await trio.lowlevel.checkpoint()
        ledger = self._core.store.proofs.ledger
        return sum(
            1 << unit
            for unit in units_of_mask(units)
            if any(ledger.account(holder).upto >= number for holder in self._present(unit))
        )

    return patched(Releasing, "_proven_units", proven_units)


MUTANTS = (
    Mutant("drop without fresh proof", _drop_without_fresh_proof, is_quick=False),
    Mutant("drop believes an old proof", _drop_believes_an_old_proof, is_quick=False),
    Mutant("drop of a unit that a present holder lacks", _drop_of_a_unit_that_a_present_holder_lacks, is_quick=False),
)
