"""Mistakes about inventories and the receipts over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.inventory.claims import Believed
from lumbung_cluster.inventory.fingerprint import InventoryKey, UnitDigest
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.receipt import UnitClaim
from lumbung_node.services.session import covering
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _cover_of_an_old_generation_counted() -> AbstractContextManager[object]:
    original = Ledger.meet

    def meet(self: Ledger, holder: NodeNumber, generation: Generation) -> bool:
        cover = self.account(holder).cover
        voids = original(self, holder, generation)
        if cover is not None and self.account(holder).cover is None:
            self.account(holder).take_cover(replace(cover, nonce=0), [], [])
        return voids

    return patched(Ledger, "meet", meet)


def _believed_though_the_own_set_differs() -> AbstractContextManager[object]:
    def judge(
        key: InventoryKey,
        origin: NodeNumber,
        claims: Sequence[UnitClaim],
        own: Sequence[UnitDigest],
        end: int,
        tail: Iterable[tuple[int, BlobId]],
        floor: int,
    ) -> Believed:
        return Believed(sum(1 << claim.unit for claim in claims), end)

    return patched(covering, "judge_claims", judge)


MUTANTS = (
    Mutant("inventory receipt of an old generation counted", _cover_of_an_old_generation_counted),
    Mutant("inventory believed though the own set differs", _believed_though_the_own_set_differs, is_quick=False),
)
