"""The drain report of this node: whatever lies here, and each origin's newest word that others have proven it."""

from __future__ import annotations

from lumbung_cluster.drain import DrainReport, LeftThere, SignedDrainReport, sign_drain
from lumbung_cluster.errors import InventoryUnknown, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber, all_units, units_of_mask
from lumbung_cluster.inventory.claims import make_claims
from lumbung_node.services.core import Core
from lumbung_node.services.dropping import units_gone
from lumbung_node.services.session.releasing import load_release
from lumbung_node.services.session.stakes import own_stake

__all__ = ["drain_report"]


async def drain_report(core: Core) -> SignedDrainReport:
    """Signed, whether anything is at stake or not: that is for its reader to judge. Raises Rejected."""
    if core.condition.stopped:
        raise Rejected(StatusCode.FAILED_PRECONDITION, "another machine lives as this node: nothing is signed here")
    origins = [await _left_here(core, origin) for origin in sorted(core.store.state.counts) if origin != core.number]
    stake = own_stake(core, core.number)
    report = DrainReport(
        cluster=core.cluster,
        node=core.number,
        generation=core.store.state.generation,
        roster_epoch=core.rosters.roster.epoch,
        roster_hash=core.rosters.signed.hash,
        made_ms=core.clock.now_ms(),
        own_blobs=stake.blobs,
        own_without_copy=stake.without_copy,
        own_with_one_copy=stake.with_one_copy,
        origins=tuple(left for left in origins if left.claims),
    )
    return sign_drain(report, core.receipt_signer)


async def _left_here(core: Core, origin: NodeNumber) -> LeftThere:
    try:
        snapshot = await core.store.inventories.snapshot(origin)
    except InventoryUnknown as exc:
        raise Rejected(StatusCode.FAILED_PRECONDITION, f"inventory of origin {origin} unknown: {exc}") from exc
    there = all_units() & ~await units_gone(core, origin, all_units())
    units = sum(1 << unit for unit in units_of_mask(there) if snapshot.inventory.digest(unit).count)
    if units & snapshot.doubted:
        raise Rejected(StatusCode.UNAVAILABLE, f"inventory of origin {origin} is being made anew, try again")
    claims = make_claims(core.store.inventories.key, origin, snapshot.inventory.digests(all_units()), units)
    return LeftThere(origin, claims, await load_release(core, origin))
