"""Digests of sets of ids: linear, so that sets add and subtract, and keyed, so that nobody outside the cluster aims.

lift(id)   = BLAKE3 keyed with the cluster's secret K over the id, as a 256-bit integer, little endian
UnitDigest = (sum of lift(id) modulo 2^256, number of ids), of one origin and unit

A plain sum of ids falls to a generalised birthday attack by whoever writes blobs; a sum of keyed hashes does not, as
long as K stays inside the cluster (facts and rejected choices: decision "reconcile"). What crosses the wire is cut to
16 bytes (a root over whole units) or 8 (one origin or unit) under a key of the session's two nonces, so that short
fingerprints cannot be ground beforehand. A fingerprint proves agreement of claims, never possession.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from blake3 import blake3

__all__ = [
    "DIGEST_SIZE_BYTES",
    "INNER_SIZE_BYTES",
    "INVENTORY_SECRET_SIZE_BYTES",
    "NONCE_SIZE_BYTES",
    "NO_IDS",
    "ROOT_SIZE_BYTES",
    "Fingerprints",
    "InventoryKey",
    "Part",
    "UnitDigest",
]

INVENTORY_SECRET_SIZE_BYTES = 32
DIGEST_SIZE_BYTES = 40  # sum 32 little endian, count u64 little endian
ROOT_SIZE_BYTES = 16
INNER_SIZE_BYTES = 8
NONCE_SIZE_BYTES = 8
_MODULUS_MASK = (1 << 256) - 1
_SESSION_DOMAIN = b"lumbung/reconcile-session/0\0"


@dataclass(frozen=True, slots=True)
class InventoryKey:
    """The cluster's secret under which ids are lifted; a version says which, because secrets are replaced one day."""

    version: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != INVENTORY_SECRET_SIZE_BYTES:
            raise ValueError(f"inventory key: expected {INVENTORY_SECRET_SIZE_BYTES} bytes, got {len(self.secret)}")
        if not 0 <= self.version < 1 << 32:
            raise ValueError(f"inventory key: expected a version below 2^32, got {self.version}")

    def lift(self, raw_id: bytes) -> int:
        """The id as a 256-bit number that only the cluster can compute (about 1.5 us)."""
        return int.from_bytes(blake3(raw_id, key=self.secret).digest(), "little")

    def digest_of(self, raw_ids: Iterable[bytes]) -> UnitDigest:
        """The digest of these ids, each counted once; they must be distinct."""
        total = 0
        count = 0
        for raw in raw_ids:
            total += self.lift(raw)
            count += 1
        return UnitDigest(total & _MODULUS_MASK, count)

    def fingerprints(self, asker_nonce: bytes, teller_nonce: bytes) -> Fingerprints:
        """The short fingerprints of one exchange, under a key that both nonces make new."""
        if len(asker_nonce) != NONCE_SIZE_BYTES or len(teller_nonce) != NONCE_SIZE_BYTES:
            raise ValueError(f"nonce: expected {NONCE_SIZE_BYTES} bytes")
        return Fingerprints(blake3(_SESSION_DOMAIN + asker_nonce + teller_nonce, key=self.secret).digest())


@dataclass(frozen=True, slots=True)
class UnitDigest:
    """The sum of a set's lifted ids modulo 2^256, and how many they are."""

    total: int
    count: int

    def plus(self, other: UnitDigest) -> UnitDigest:
        """The digest of the union of two disjoint sets."""
        return UnitDigest((self.total + other.total) & _MODULUS_MASK, self.count + other.count)

    def minus(self, other: UnitDigest) -> UnitDigest:
        """The digest of the set without a part of it. A count below zero says that it was no part: never equal."""
        return UnitDigest((self.total - other.total) & _MODULUS_MASK, self.count - other.count)

    def to_bytes(self) -> bytes:
        """40 bytes: the sum and the count, little endian. A negative count wraps: such a digest equals none."""
        return self.total.to_bytes(32, "little") + (self.count & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little")

    @classmethod
    def from_bytes(cls, raw: bytes) -> UnitDigest:
        """The reverse. Raises ValueError."""
        if len(raw) != DIGEST_SIZE_BYTES:
            raise ValueError(f"unit digest: expected {DIGEST_SIZE_BYTES} bytes, got {len(raw)}")
        return cls(int.from_bytes(raw[:32], "little"), int.from_bytes(raw[32:], "little"))


NO_IDS = UnitDigest(0, 0)
"""The digest of the empty set."""


Part: TypeAlias = tuple[int, int, Sequence[UnitDigest]]
"""What one part of a fingerprint covers: an origin, a mask of its units, and the digests of these, rising."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Roots and inner fingerprints of one exchange: BLAKE3 keyed with the exchange's key, cut short.

    Hashed are, for each part in the order given: origin u32 and units u64 (both big endian), then 40 bytes for each of
    the units; one byte in front tells roots (`r`) from inner ones (`i`).
    """

    key: bytes = field(repr=False)

    def root(self, parts: Iterable[Part]) -> bytes:
        """16 bytes over all that is compared, origins rising."""
        return self._hash(b"r", parts)[:ROOT_SIZE_BYTES]

    def inner(self, part: Part) -> bytes:
        """8 bytes over one origin, or over one unit of it."""
        return self._hash(b"i", (part,))[:INNER_SIZE_BYTES]

    def _hash(self, kind: bytes, parts: Iterable[Part]) -> bytes:
        hasher = blake3(kind, key=self.key)
        for origin, units, digests in parts:
            hasher.update(origin.to_bytes(4, "big") + units.to_bytes(8, "big"))
            hasher.update(b"".join(digest.to_bytes() for digest in digests))
        return hasher.digest()
