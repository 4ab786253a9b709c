"""Receipts and withdrawals: a holder's signed word that some ids are durable with it, and its taking that word back.

Body of a commit receipt (domain `lumbung/receipt/0`), integers big endian:

    kind            u8      1 = commit receipt (2 is reserved for inventory receipts)
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
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import RECEIPT_IDS_MAX
from lumbung_cluster.signed import (
    PUBLIC_KEY_SIZE_BYTES,
    SIGNATURE_SIZE_BYTES,
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
)

__all__ = ["SignedStatement", "Statement", "StatementKind", "sign_statement"]

_HEAD = struct.Struct(">B16sIIIIQQQI")
_TAIL_SIZE = PUBLIC_KEY_SIZE_BYTES + SIGNATURE_SIZE_BYTES


class StatementKind(Enum):
    """What the holder says of the ids; the value is the body's first byte."""

    COMMIT_RECEIPT = 1
    WITHDRAWAL = 3

    @property
    def domain(self) -> Domain:
        return Domain.RECEIPT if self is StatementKind.COMMIT_RECEIPT else Domain.WITHDRAWAL


@dataclass(frozen=True, slots=True)
class Statement:
    """What one holder says of some blobs of one origin."""

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
            len(self.blobs),
        )
        return b"".join((head, *(blob.raw for blob in self.blobs)))

    @classmethod
    def parse(cls, body: bytes) -> Statement:
        """Strict. Raises Malformed."""
        if len(body) < _HEAD.size:
            raise Malformed("receipt", f"at least {_HEAD.size} bytes", f"{len(body)}")
        kind, cluster, holder, generation, epoch, origin, nonce, number, since, count = _HEAD.unpack_from(body)
        if kind not in (StatementKind.COMMIT_RECEIPT.value, StatementKind.WITHDRAWAL.value):
            raise Malformed("receipt kind", "1 or 3", str(kind))
        if not 1 <= count <= RECEIPT_IDS_MAX:
            raise Malformed("receipt count", f"1 to {RECEIPT_IDS_MAX}", str(count))
        if len(body) != _HEAD.size + count * BLOB_ID_SIZE_BYTES:
            raise Malformed("receipt", f"{_HEAD.size + count * BLOB_ID_SIZE_BYTES} bytes", f"{len(body)}")
        blobs = tuple(
            BlobId(body[at : at + BLOB_ID_SIZE_BYTES]) for at in range(_HEAD.size, len(body), BLOB_ID_SIZE_BYTES)
        )
        return cls(
            StatementKind(kind),
            ClusterId(cluster),
            NodeNumber(holder),
            Generation(generation),
            epoch,
            NodeNumber(origin),
            nonce,
            number,
            since,
            blobs,
        )


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
        if len(raw) < _TAIL_SIZE:
            raise Malformed("receipt", f"at least {_TAIL_SIZE} bytes", f"{len(raw)}")
        body, tail = raw[:-_TAIL_SIZE], raw[-_TAIL_SIZE:]
        signature = Signature(tail[:PUBLIC_KEY_SIZE_BYTES], tail[PUBLIC_KEY_SIZE_BYTES:])
        return cls.parse(body, signature)

    def to_bytes(self) -> bytes:
        return self.body + self.signature.key_public + self.signature.signature

    def is_valid(self, verifier: Verifier) -> bool:
        """Whether the signature is its key's; whether that key is the holder's is the roster's to say."""
        return is_signed_by(self.content.kind.domain, self.body, self.signature, verifier)


def sign_statement(content: Statement, signer: Signer) -> SignedStatement:
    body = content.pack()
    return SignedStatement(content, body, sign(content.kind.domain, body, signer))
