"""Rows of the family INVENTORY, byte for byte (docs/disk-format.md shows the same). Head integers are big endian.

Both kinds say how far they are folded: the feed number, and the running hash of this node's feed there. A row counts
only when the feed has that very hash at that number: it belongs to this history, whatever was restored or lost.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.ids import UNITS, NodeNumber
from lumbung_cluster.inventory.fingerprint import DIGEST_SIZE_BYTES, InventoryKey, UnitDigest
from lumbung_cluster.inventory.inventory import INVENTORY_SIZE_BYTES

__all__ = ["Folded", "SumsRow", "TableRow", "differing_units", "key_check", "sums_key", "table_key"]

_VERSION = 0
_FOLDED = struct.Struct(">B8sQ32s")
_MASK = struct.Struct(">Q")
_KEY_CHECK = b"lumbung/inventory-key/0\0"
_SUMS_SIZE = _FOLDED.size + _MASK.size + UNITS * DIGEST_SIZE_BYTES
_TABLE_SIZE = _FOLDED.size + INVENTORY_SIZE_BYTES


def sums_key(origin: NodeNumber) -> bytes:
    """'d', origin u32."""
    return b"d" + origin.to_bytes(4, "big")


def table_key(origin: NodeNumber) -> bytes:
    """'t', origin u32."""
    return b"t" + origin.to_bytes(4, "big")


def key_check(key: InventoryKey) -> bytes:
    """8 bytes that tell one cluster secret from another without giving it away."""
    return blake3(_KEY_CHECK + key.version.to_bytes(4, "big"), key=key.secret).digest(8)


@dataclass(frozen=True, slots=True)
class Folded:
    """version u8, key check 8 B, number u64, running hash 32 B: under which secret, and how far."""

    key_check: bytes
    number: int
    running_hash: bytes

    def pack(self) -> bytes:
        return _FOLDED.pack(_VERSION, self.key_check, self.number, self.running_hash)

    @classmethod
    def unpack(cls, value: bytes) -> Folded | None:
        version, check, number, running_hash = _FOLDED.unpack_from(value)
        return cls(check, number, running_hash) if version == _VERSION else None


@dataclass(frozen=True, slots=True)
class SumsRow:
    """INVENTORY 'd': head as above, doubted units u64 (a mask), 64 digests of 40 B. Written with every fold."""

    folded: Folded
    doubted: int
    digests: tuple[UnitDigest, ...]

    def pack(self) -> bytes:
        return b"".join((self.folded.pack(), _MASK.pack(self.doubted), *(digest.to_bytes() for digest in self.digests)))

    @classmethod
    def unpack(cls, value: bytes | None) -> SumsRow | None:
        """None for no row, or one that this version does not read: the feed has everything."""
        if value is None or len(value) != _SUMS_SIZE or (folded := Folded.unpack(value)) is None:
            return None
        (doubted,) = _MASK.unpack_from(value, _FOLDED.size)
        starts = range(_FOLDED.size + _MASK.size, len(value), DIGEST_SIZE_BYTES)
        digests = tuple(UnitDigest.from_bytes(value[at : at + DIGEST_SIZE_BYTES]) for at in starts)
        return cls(folded, doubted, digests)


@dataclass(frozen=True, slots=True)
class TableRow:
    """INVENTORY 't': head as above, then the inventory's own bytes (150,021). Written now and then."""

    folded: Folded
    inventory: bytes

    def pack(self) -> bytes:
        return self.folded.pack() + self.inventory

    @classmethod
    def unpack(cls, value: bytes | None) -> TableRow | None:
        """As `SumsRow.unpack`."""
        if value is None or len(value) != _TABLE_SIZE or (folded := Folded.unpack(value)) is None:
            return None
        return cls(folded, value[_FOLDED.size :])


def differing_units(row: SumsRow, digests: Sequence[UnitDigest]) -> int:
    """The units (a mask) whose kept digest is not the one that was folded anew."""
    return sum(1 << unit for unit in range(UNITS) if row.digests[unit] != digests[unit])
