"""Counting copies: receipts in the ledger and the own intact bytes, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from lumbung_cluster.copies import proven_copies
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core

__all__ = ["BlobCopies", "CopyBook"]

_COUNTED_MAX = 1000  # 64 units, and the few combinations of their holders


@dataclass(frozen=True, slots=True)
class BlobCopies:
    """Proven copies of one blob: how many count, who proved them (origin first) and who has not."""

    count: int
    wanted: int
    safe: bool
    proven: tuple[NodeNumber, ...]
    missing: tuple[NodeNumber, ...]


class CopyBook:
    """Answers for blobs of this node's own origin."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rosters = core.rosters.roster, core.ledger_roster
        self._counted: dict[tuple[int, bool, tuple[NodeNumber, ...]], BlobCopies] = {}

    def of(self, number: int, blob: BlobId) -> BlobCopies:
        """The copies of the own blob with this feed number; it must be durable here."""
        core = self._core
        roster, unit = core.rosters.roster, blob.unit
        self._forget_old_rosters()
        receivers = roster.receivers_of(core.number, unit) or (core.number,)
        others = core.store.proofs.ledger.proven(number, receivers)
        damaged = core.store.state.damaged
        key = (unit, bool(damaged) and (core.number, blob) in damaged, others)
        copies = self._counted.get(key)
        if copies is None:
            copies = self._counted[key] = self._count(*key)
        return copies

    def highest_proven(self) -> int:
        """Blobs behind this feed number have one copy at most: nobody else has proven them."""
        return self._core.store.proofs.ledger.highest_proven()

    def _forget_old_rosters(self) -> None:
        rosters = self._core.rosters.roster, self._core.ledger_roster
        # By identity: to compare two rosters costs more than all that is kept here.
        is_same = self._rosters[0] is rosters[0] and self._rosters[1] is rosters[1]
        if not is_same or len(self._counted) > _COUNTED_MAX:
            self._rosters = rosters
            self._counted.clear()

    def _count(self, unit: int, is_damaged: bool, others: tuple[NodeNumber, ...]) -> BlobCopies:
        """Copies of a blob of this unit that is proven at `others`."""
        core = self._core
        roster, held = core.rosters.roster, core.ledger_roster
        # Under another roster a holder may have passed over this unit: that is no proof.
        elsewhere = (n for n in others if n != core.number and held.units_held(n, core.number) >> unit & 1)
        proven = (*(() if is_damaged else (core.number,)), *elsewhere)
        copies = proven_copies(roster, core.number, proven)
        missing = tuple(node for node in roster.holders_of(core.number, unit) if node not in proven)
        return BlobCopies(copies.count, roster.copies_required(), copies.safe, proven, missing)

    async def wait(self, blobs: Sequence[tuple[int, BlobId, int]], deadline: float) -> None:
        """Return when every (number, id, copies wanted) has its copies, or at the trio time `deadline`."""
        pulse = self._core.store.proofs.changed
        with trio.move_on_at(deadline):
            while not all(self.of(number, blob).count >= wanted for number, blob, wanted in blobs):
                await pulse.wait()
