"""Whether a receipt holds, by its own bytes and a roster: what an auditor needs, without any node.

A roster of the receipt's epoch or any later one serves, because keys are never removed from it. Which of a holder's
lives is the newest, and whether it took its word back since, only the origin's ledger knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import Verifier
from lumbung_tools.client.ask import BlobName

__all__ = ["Fault", "fault_of"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a receipt does not hold, as a catalogue key with its values."""

    key: str
    values: dict[str, object]


def fault_of(found: SignedStatement, roster: Roster, verifier: Verifier, wanted: BlobName | None) -> Fault | None:
    """The first reason not to believe it, or None."""
    content = found.content
    if not found.is_valid(verifier):
        return Fault("receipt.bad.signature", {})
    if content.kind is StatementKind.WITHDRAWAL:
        return Fault("receipt.bad.kind", {})
    if content.cluster != roster.cluster:
        return Fault("receipt.bad.cluster", {})
    if content.roster_epoch > roster.epoch:
        return Fault("receipt.bad.epoch", {"epoch": content.roster_epoch, "held": roster.epoch})
    holder = roster.node(content.holder)
    if holder is None:
        return Fault("receipt.bad.holder", {"holder": str(content.holder)})
    keys = {key.key for key in roster.receipt_keys(content.holder) if key.holds_in(content.roster_epoch)}
    if found.signature.key_public not in keys:
        return Fault("receipt.bad.key", {"holder": holder.name, "epoch": content.roster_epoch})
    if wanted is not None and content.kind is StatementKind.INVENTORY_RECEIPT:
        return Fault("receipt.bad.inventory", {"id": wanted})
    if wanted is not None and not any(wanted.matches(blob.raw) for blob in content.blobs):
        return Fault("receipt.bad.id", {"id": wanted})
    return None
