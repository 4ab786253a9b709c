"""Counting copies: receipts in the ledger and the own intact bytes, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from lumbung_cluster.copies import Copies, proven_copies
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core

__all__ = ["BlobCopies", "CopyBook"]


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
        self._counted: dict[tuple[int, tuple[NodeNumber, ...]], Copies] = {}

    def of(self, number: int, blob: BlobId) -> BlobCopies:
        """The copies of the own blob with this feed number; it must be durable here."""
        core = self._core
        roster = core.rosters.roster
        receivers = roster.receivers_of(core.number, blob.unit) or (core.number,)
        others = core.store.proofs.ledger.proven(number, receivers)
        own = () if (core.number, blob) in core.store.state.damaged else (core.number,)
        # Under another roster a holder may have passed over this unit: that is no proof.
        held = core.ledger_roster
        proven = (
            *own,
            *(n for n in others if n != core.number and held.units_held(n, core.number) >> blob.unit & 1),
        )
        copies = self._count(roster.epoch, proven)
        holders = roster.holders_of(core.number, blob.unit)
        missing = tuple(node for node in holders if node not in proven)
        return BlobCopies(copies.count, roster.copies_required(), copies.safe, proven, missing)

    def _count(self, epoch: int, proven: tuple[NodeNumber, ...]) -> Copies:
        key = (epoch, proven)
        if key not in self._counted:
            if len(self._counted) > 1000:  # a few holders make few combinations; old epochs go
                self._counted.clear()
            self._counted[key] = proven_copies(self._core.rosters.roster, self._core.number, proven)
        return self._counted[key]

    async def wait(self, blobs: Sequence[tuple[int, BlobId, int]], deadline: float) -> None:
        """Return when every (number, id, copies wanted) has its copies, or at the trio time `deadline`."""
        pulse = self._core.store.proofs.changed
        with trio.move_on_at(deadline):
            while not all(self.of(number, blob).count >= wanted for number, blob, wanted in blobs):
                await pulse.wait()
