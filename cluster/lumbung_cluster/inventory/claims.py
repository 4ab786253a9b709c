"""Inventory receipts judged: what a holder claims of our ids, held against our own set.

The holder signs for each unit how many ids it has and the digest of exactly these (`claim_digest`). We believe a unit
only when we see the same set ourselves:

    all our ids of the unit, at our durable end; or
    all but our newest k, when the holder counts k fewer: it has not applied these yet.

Whatever else the difference is, the unit is not believed: nothing is counted that was not seen to be equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.ids import UNITS, BlobId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey, UnitDigest
from lumbung_cluster.receipt import UnitClaim

__all__ = ["Believed", "claim_digest", "judge_claims", "make_claims"]

_DOMAIN = b"lumbung/inventory-claim/0\0"


@dataclass(frozen=True, slots=True)
class Believed:
    """The units (a mask) whose claims equal our set, up to our own feed number `number`."""

    units: int
    number: int


def claim_digest(key: InventoryKey, origin: NodeNumber, unit: int, digest: UnitDigest) -> bytes:
    """32 bytes that stand for a unit's set in a receipt: BLAKE3 keyed with the cluster's secret, over

    "lumbung/inventory-claim/0" 00, origin u32 big endian, unit u8, the digest's 40 bytes

    so that a receipt, which may be shown to anybody, gives no sum of lifted ids away.
    """
    raw = _DOMAIN + origin.to_bytes(4, "big") + unit.to_bytes(1, "big") + digest.to_bytes()
    return blake3(raw, key=key.secret).digest()


def make_claims(
    key: InventoryKey, origin: NodeNumber, digests: Sequence[UnitDigest], units: int
) -> tuple[UnitClaim, ...]:
    """What a holder signs of the units in the mask; empty units too: "nothing" is a claim like any other."""
    return tuple(
        UnitClaim(unit, digest.count, claim_digest(key, origin, unit, digest))
        for unit, digest in enumerate(digests)
        if units >> unit & 1
    )


def judge_claims(
    key: InventoryKey,
    origin: NodeNumber,
    claims: Sequence[UnitClaim],
    own: Sequence[UnitDigest],
    end: int,
    tail: Iterable[tuple[int, BlobId]],
    floor: int,
) -> Believed:
    """Which claims we believe; `own` are our 64 digests at our number `end`, `tail` our newest entries, newest first.

    The number is the highest up to which all believed units are equal; a unit that is not equal up to `floor` (what an
    older receipt covers) is not believed, so that no unit draws the others down. Costs one lift for each id of `tail`
    that some claim leaves out.
    """
    assert len(own) == UNITS
    short = {claim.unit: own[claim.unit].count - claim.blobs for claim in claims}
    behind = _newest(tail, {unit: count for unit, count in short.items() if count > 0})
    units, number = 0, end
    for claim in claims:
        newest = behind.get(claim.unit, ())
        if len(newest) != short[claim.unit]:
            continue  # more than we have, or further behind than we look
        equal_to = newest[-1][0] - 1 if newest else end
        if equal_to < floor:
            continue
        digest = own[claim.unit].minus(key.digest_of(blob.raw for _, blob in newest))
        if claim_digest(key, origin, claim.unit, digest) == claim.digest:
            units |= 1 << claim.unit
            number = min(number, equal_to)
    return Believed(units, number)


def _newest(tail: Iterable[tuple[int, BlobId]], wanted: Mapping[int, int]) -> dict[int, list[tuple[int, BlobId]]]:
    """For each unit as many of its newest entries as wanted, newest first; fewer when the tail ends before."""
    found: dict[int, list[tuple[int, BlobId]]] = {}
    missing = sum(wanted.values())
    for number, blob in tail:
        if not missing:
            break
        of_unit = found.setdefault(blob.unit, [])
        if len(of_unit) < wanted.get(blob.unit, 0):
            of_unit.append((number, blob))
            missing -= 1
    return found
