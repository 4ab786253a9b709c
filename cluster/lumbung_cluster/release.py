"""Releases: an origin's signed word that a node which leaves may let go of some units, because all others proved them.

Body (domain `lumbung/release/0`, signed with a receipt key of the origin), integers big endian:

    cluster id     16 B
    origin         u32
    generation     u32     of the origin
    roster epoch   u32     in which `node` was leaving
    node           u32     who may let go
    number         u64     the origin's own feed number up to which the holders proved everything of these units
    signed         u64     UTC milliseconds: fresh for a week, and counts for nothing while it is more than a day ahead
    holders        u8 count (1 to 16), u32 each, rising: the present holders, each of which proved all of it
    units          u8 count (1 to 64), rising, each: unit u8, blobs u32, digest 32 B (`inventory.claims.claim_digest`)

The digests are those of the origin's own set at `number`. A node lets go of a unit only while its own set equals the
claim: then nothing lies there that the holders have not proven. A release never deletes anything by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import UNITS, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import ANSWER_NODES_MAX, RELEASE_AGE_MS_MAX, RELEASE_AHEAD_MS_MAX
from lumbung_cluster.receipt import UnitClaim
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import (
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
    split_signed,
)

__all__ = ["Release", "SignedRelease", "UnitVerdict", "judge_leaving", "judge_release", "sign_release"]

_HEAD = struct.Struct(">16sIIIIQQ")
_NODE = struct.Struct(">I")
_CLAIM = struct.Struct(">BI32s")


@dataclass(frozen=True, slots=True)
class Release:
    """One origin's word for one node."""

    cluster: ClusterId
    origin: NodeNumber
    generation: Generation
    roster_epoch: int
    node: NodeNumber
    number: int
    signed_ms: int
    holders: tuple[NodeNumber, ...]
    units: tuple[UnitClaim, ...]

    def pack(self) -> bytes:
        head = _HEAD.pack(
            self.cluster.raw,
            self.origin,
            self.generation,
            self.roster_epoch,
            self.node,
            self.number,
            self.signed_ms,
        )
        holders = b"".join(_NODE.pack(holder) for holder in self.holders)
        units = b"".join(_CLAIM.pack(claim.unit, claim.blobs, claim.digest) for claim in self.units)
        return head + bytes([len(self.holders)]) + holders + bytes([len(self.units)]) + units

    @classmethod
    def parse(cls, body: bytes) -> Release:
        """Strict: only what `pack` writes comes through. Raises Malformed."""
        if len(body) < _HEAD.size + 1:
            raise Malformed("release", f"at least {_HEAD.size + 1} bytes", f"{len(body)}")
        cluster, origin, generation, epoch, node, number, signed_ms = _HEAD.unpack_from(body)
        holders, at = _holders(body, _HEAD.size)
        found = cls(
            ClusterId(cluster),
            NodeNumber(origin),
            Generation(generation),
            epoch,
            NodeNumber(node),
            number,
            signed_ms,
            holders,
            _units(body, at),
        )
        if not (origin and generation and node) or node == origin:
            raise Malformed("release head", "an origin, a generation and another node", f"{origin}, {generation}")
        return found

    def is_dated_ahead(self, now_ms: int) -> bool:
        """Signed later than clocks differ: nobody knows how old it is, and it would be fresh for years."""
        return self.signed_ms - now_ms > RELEASE_AHEAD_MS_MAX

    def claim(self, unit: int) -> UnitClaim | None:
        return next((claim for claim in self.units if claim.unit == unit), None)


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """A release with the bytes it came as; `to_bytes` is what is stored."""

    content: Release
    body: bytes
    signature: Signature

    @classmethod
    def parse(cls, body: bytes, signature: Signature) -> SignedRelease:
        return cls(Release.parse(body), body, signature)

    @classmethod
    def from_bytes(cls, raw: bytes) -> SignedRelease:
        """The body, then public key (32 B) and signature (64 B). Raises Malformed."""
        return cls.parse(*split_signed("signed release", raw))

    def to_bytes(self) -> bytes:
        return self.body + self.signature.to_bytes()


class UnitVerdict:
    """Why a unit may not be let go, as catalogue keys; `MAY_GO` when it may."""

    MAY_GO = "may_go"
    STILL_HELD = "still_held"
    NO_RELEASE = "no_release"
    NOT_IN_RELEASE = "not_in_release"
    OTHER_HOLDERS = "other_holders"
    TOO_OLD = "too_old"
    DATED_AHEAD = "dated_ahead"
    SET_DIFFERS = "set_differs"
    BAD_SIGNATURE = "bad_signature"


def sign_release(content: Release, signer: Signer) -> SignedRelease:
    body = content.pack()
    return SignedRelease(content, body, sign(Domain.RELEASE, body, signer))


def judge_release(
    roster: Roster,
    node: NodeNumber,
    origin: NodeNumber,
    claims: Sequence[UnitClaim],
    release: SignedRelease | None,
    verifier: Verifier,
    now_ms: int,
) -> dict[int, str]:
    """For each unit of which `node` has something (`claims`: its own set now) whether it may be let go.

    A unit may go when the roster no longer gives it to `node`, a release younger than a week names it, each present
    holder of the roster in force is among those that proved it, and our set is exactly the one that they proved.
    """
    verdicts = {}
    whole = _objection(roster, node, origin, release, verifier, now_ms)
    for mine in claims:
        if roster.units_held(node, origin) >> mine.unit & 1:
            verdicts[mine.unit] = UnitVerdict.STILL_HELD
        elif whole is not None or release is None:
            verdicts[mine.unit] = whole or UnitVerdict.NO_RELEASE
        else:
            verdicts[mine.unit] = _judge_unit(roster, origin, mine, release.content)
    return verdicts


def judge_leaving(
    roster: Roster,
    node: NodeNumber,
    origin: NodeNumber,
    claims: Sequence[UnitClaim],
    release: SignedRelease | None,
    verifier: Verifier,
    at_ms: int,
) -> dict[int, str]:
    """As `judge_release`, of a node that may still be leaving: whether nothing would be lost if it were gone."""
    whole = _objection(roster, node, origin, release, verifier, at_ms)
    verdicts = {}
    for mine in claims:
        if node in roster.holders_of(origin, mine.unit):
            verdicts[mine.unit] = UnitVerdict.STILL_HELD
        elif whole is not None or release is None:
            verdicts[mine.unit] = whole or UnitVerdict.NO_RELEASE
        else:
            verdicts[mine.unit] = _judge_unit(roster, origin, mine, release.content)
    return verdicts


def _objection(
    roster: Roster,
    node: NodeNumber,
    origin: NodeNumber,
    release: SignedRelease | None,
    verifier: Verifier,
    now_ms: int,
) -> str | None:
    if release is None:
        return UnitVerdict.NO_RELEASE
    content = release.content
    keys = {key.key for key in roster.receipt_keys(origin) if key.holds_in(content.roster_epoch)}
    is_ours = (content.cluster, content.origin, content.node) == (roster.cluster, origin, node)
    is_good = release.signature.key_public in keys and is_signed_by(
        Domain.RELEASE, release.body, release.signature, verifier
    )
    if not is_ours or not is_good:
        return UnitVerdict.BAD_SIGNATURE
    if content.is_dated_ahead(now_ms):
        return UnitVerdict.DATED_AHEAD
    return UnitVerdict.TOO_OLD if now_ms - content.signed_ms > RELEASE_AGE_MS_MAX else None


def _judge_unit(roster: Roster, origin: NodeNumber, mine: UnitClaim, release: Release) -> str:
    claim = release.claim(mine.unit)
    if claim is None:
        return UnitVerdict.NOT_IN_RELEASE
    present = {n for n in roster.holders_of(origin, mine.unit) if n != origin and roster.is_present(n)}
    if not present or not present <= set(release.holders):
        return UnitVerdict.OTHER_HOLDERS
    return UnitVerdict.MAY_GO if claim == mine else UnitVerdict.SET_DIFFERS


def _holders(body: bytes, at: int) -> tuple[tuple[NodeNumber, ...], int]:
    count = body[at]
    end = at + 1 + count * _NODE.size
    if not 1 <= count <= ANSWER_NODES_MAX or len(body) <= end:
        raise Malformed("release holders", f"1 to {ANSWER_NODES_MAX}", str(count))
    holders = tuple(NodeNumber(number) for (number,) in _NODE.iter_unpack(body[at + 1 : end]))
    if list(holders) != sorted(set(holders)):
        raise Malformed("release holders", "rising numbers without repeats", str(holders))
    return holders, end


def _units(body: bytes, at: int) -> tuple[UnitClaim, ...]:
    count = body[at]
    if not 1 <= count <= UNITS or len(body) != at + 1 + count * _CLAIM.size:
        raise Malformed("release units", f"1 to {UNITS} of {_CLAIM.size} bytes", str(count))
    claims = tuple(UnitClaim(*fields) for fields in _CLAIM.iter_unpack(body[at + 1 :]))
    units = [claim.unit for claim in claims]
    if units != sorted(set(units)) or units[-1] >= UNITS:
        raise Malformed("release units", "rising units below 64", str(units[:8]))
    return claims
