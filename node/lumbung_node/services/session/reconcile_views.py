"""What both sides of a comparison take from their inventories."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.errors import InventoryUnknown
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import NONCE_SIZE_BYTES, Part, UnitDigest
from lumbung_node.services.core import Core

__all__ = ["NO_NONCE", "View", "common_units", "take_view", "units_beyond"]

NO_NONCE = bytes(NONCE_SIZE_BYTES)
"""Stands for the teller's nonce in what the asker says first."""

_NOISE_SIZE_BYTES = 32


@dataclass(frozen=True, slots=True)
class View:
    """One origin at one moment: the end of our feed, and the digests of the units that both hold.

    `is_doubted`: the inventory cannot be spoken of now; it is being rebuilt. `beyond` counts what we have of units that
    only the peer still has to hold: a comparison does not see it, so no mark may pass over it.
    """

    part: Part
    number: int
    running_hash: bytes
    count: int
    is_doubted: bool
    beyond: int


def common_units(core: Core, origin: NodeNumber, peer: NodeNumber) -> int:
    """The mask of the units of `origin` that both hold, by the roster."""
    roster = core.rosters.roster
    return roster.units_held(core.number, origin) & roster.units_held(peer, origin)


def units_beyond(core: Core, origin: NodeNumber, peer: NodeNumber) -> int:
    """The mask of the units of `origin` that the peer holds by the roster and we do not (we may have some even so)."""
    roster = core.rosters.roster
    return roster.units_held(peer, origin) & ~roster.units_held(core.number, origin)


async def take_view(core: Core, origin: NodeNumber, peer: NodeNumber) -> View:
    """The set as it is durable now. Costs a fold of what is new, and 30 us."""
    units = common_units(core, origin, peer)
    try:
        snapshot = await core.store.inventories.snapshot(origin)
    except InventoryUnknown:
        # Nobody has this digest: that of no ids would be equal to a wiped peer's, and its mark pass over all.
        noise = UnitDigest(int.from_bytes(core.randomness.bytes(_NOISE_SIZE_BYTES), "big"), 0)
        end = core.store.state.end(origin)
        return View((origin, units, (noise,) * units.bit_count()), end.number, end.running_hash, 0, True, 0)
    inventory = snapshot.inventory
    part: Part = (origin, units, inventory.digests(units))
    is_doubted = bool(snapshot.doubted & units)
    beyond = inventory.count_of(units_beyond(core, origin, peer))
    return View(part, snapshot.number, snapshot.running_hash, inventory.count_of(units), is_doubted, beyond)
