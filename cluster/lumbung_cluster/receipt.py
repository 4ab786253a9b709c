"""Receipts and withdrawals: a holder's signed word that some ids are durable with it, and its taking that word back.

Body of a commit receipt (domain `lumbung/receipt/0`), integers big endian:

    kind            u8      1 = commit receipt
    cluster id      16 B
    holder          u32
    generation      u32     of the holder
    roster epoch    u32     that the holder obeys
    origin          u32     whose blobs
    nonce           u64     the asking origin's; orders the holder's words, a holder's clock decides nothing
    durable number  u64     end of the holder's own feed of that origin, durable
    verified since  u64     UTC milliseconds: the oldest time at which some byte under it was last read and checked
    count           u32     1 to 256
    ids             count x 32 B

A withdrawal (domain `lumbung/withdrawal/0`) has the same body with kind 3, and means the opposite; its nonce is the
highest that the holder has seen from that origin.

An inventory receipt (domain `lumbung/inventory/0`) has kind 2, and in place of ids 1 to 64 units, rising:

    unit            u8      0 to 63: the top 6 bits of the ids
    blobs           u32     how many of the origin's ids the holder has in this unit
    digest          32 B    `inventory.claims.claim_digest` of exactly these ids, keyed with the cluster's secret

from one moment at which the holder's inventory was folded exactly to the durable number. Whoever has the same ids gets
the same digest; it tells nothing to anybody else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, UNITS, BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import RECEIPT_IDS_MAX
from lumbung_cluster.signed import (
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
    split_signed,
)

__all__ = ["CLAIM_DIGEST_SIZE_BYTES", "SignedStatement", "Statement", "StatementKind", "UnitClaim", "sign_statement"]

CLAIM_DIGEST_SIZE_BYTES = 32
_HEAD = struct.Struct(">B16sIIIIQQQI")
_CLAIM = struct.Struct(">BI32s")


class StatementKind(Enum):
    """What the holder says of the ids; the value is the body's first byte."""

    COMMIT_RECEIPT = 1
    INVENTORY_RECEIPT = 2
    WITHDRAWAL = 3

    @property
    def domain(self) -> Domain:
        return _DOMAINS[self]


_DOMAINS = {
    StatementKind.COMMIT_RECEIPT: Domain.RECEIPT,
    StatementKind.INVENTORY_RECEIPT: Domain.INVENTORY,
    StatementKind.WITHDRAWAL: Domain.WITHDRAWAL,
}


@dataclass(frozen=True, slots=True)
class UnitClaim:
    """What an inventory receipt says of one unit."""

    unit: int
    blobs: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """What one holder says of some blobs of one origin: inventory receipts have `units`, the others have `blobs`."""

    kind: StatementKind
    cluster: ClusterId
    holder: NodeNumber
    generation: Generation
    roster_epoch: int
    origin: NodeNumber
    nonce: int
    durable_number: int
    verified_since_ms: int
    blobs: tuple[BlobId, ...]
    units: tuple[UnitClaim, ...] = ()

    def __post_init__(self) -> None:
        assert not (self.blobs if self.kind is StatementKind.INVENTORY_RECEIPT else self.units)

    @property
    def unit_mask(self) -> int:
        """The units of an inventory receipt: bit n stands for unit n."""
        return sum(1 << claim.unit for claim in self.units)

    def pack(self) -> bytes:
        head = _HEAD.pack(
            self.kind.value,
            self.cluster.raw,
            self.holder,
            self.generation,
            self.roster_epoch,
            self.origin,
            self.nonce,
            self.durable_number,
            self.verified_since_ms,
            len(self.blobs) + len(self.units),
        )
        claims = (_CLAIM.pack(claim.unit, claim.blobs, claim.digest) for claim in self.units)
        return b"".join((head, *(blob.raw for blob in self.blobs), *claims))

    @classmethod
    def parse(cls, body: bytes) -> Statement:
        """Strict. Raises Malformed."""
        if len(body) < _HEAD.size:
            raise Malformed("receipt", f"at least {_HEAD.size} bytes", f"{len(body)}")
        raw_kind, cluster, holder, generation, epoch, origin, nonce, number, since, count = _HEAD.unpack_from(body)
        try:
            kind = StatementKind(raw_kind)
        except ValueError as exc:
            raise Malformed("receipt kind", "1, 2 or 3", str(raw_kind)) from exc
        is_inventory = kind is StatementKind.INVENTORY_RECEIPT
        _check_size(body, count, is_inventory=is_inventory)
        return cls(
            kind,
            ClusterId(cluster),
            NodeNumber(holder),
            Generation(generation),
            epoch,
            NodeNumber(origin),
            nonce,
            number,
            since,
            () if is_inventory else _read_ids(body),
            _read_claims(body) if is_inventory else (),
        )


def _check_size(body: bytes, count: int, *, is_inventory: bool) -> None:
    count_max, item_size = (UNITS, _CLAIM.size) if is_inventory else (RECEIPT_IDS_MAX, BLOB_ID_SIZE_BYTES)
    if not 1 <= count <= count_max:
        raise Malformed("receipt count", f"1 to {count_max}", str(count))
    if len(body) != _HEAD.size + count * item_size:
        raise Malformed("receipt", f"{_HEAD.size + count * item_size} bytes", f"{len(body)}")


def _read_ids(body: bytes) -> tuple[BlobId, ...]:
    return tuple(BlobId(body[at : at + BLOB_ID_SIZE_BYTES]) for at in range(_HEAD.size, len(body), BLOB_ID_SIZE_BYTES))


def _read_claims(body: bytes) -> tuple[UnitClaim, ...]:
    claims = tuple(UnitClaim(*fields) for fields in _CLAIM.iter_unpack(body[_HEAD.size :]))
    units = [claim.unit for claim in claims]
    if units[-1] >= UNITS or any(left >= right for left, right in pairwise(units)):
        raise Malformed("receipt units", f"rising, 0 to {UNITS - 1}", " ".join(map(str, units)))
    return claims


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with the bytes it came as; `to_bytes` is what is stored, shown and carried."""

    content: Statement
    body: bytes
    signature: Signature

    @classmethod
    def parse(cls, body: bytes, signature: Signature) -> SignedStatement:
        return cls(Statement.parse(body), body, signature)

    @classmethod
    def from_bytes(cls, raw: bytes) -> SignedStatement:
        """The body, then public key (32 B) and signature (64 B). Raises Malformed."""
        return cls.parse(*split_signed("receipt", raw))

    def to_bytes(self) -> bytes:
        return self.body + self.signature.to_bytes()

    def is_valid(self, verifier: Verifier) -> bool:
        """Whether the signature is its key's; whether that key is the holder's is the roster's to say."""
        return is_signed_by(self.content.kind.domain, self.body, self.signature, verifier)


def sign_statement(content: Statement, signer: Signer) -> SignedStatement:
    body = content.pack()
    return SignedStatement(content, body, sign(content.kind.domain, body, signer))
