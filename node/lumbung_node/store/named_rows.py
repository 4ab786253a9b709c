"""Named proofs saved: one row a holder, from which a start goes on instead of reading the row of every blob.

A row counts every receipt with a serial below its `serial`; those from there on are read again at the next start. So
an old row costs a longer start and nothing else, whoever wrote receipts since, and rows need no sync of their own: what
they count lies before them in the same log.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.named_proofs import NamedProofs
from lumbung_cluster.number_set import NumberSet

__all__ = ["NAMED_KEYS", "NamedRow", "holder_of", "named_key"]

NAMED_KEYS = (b"n", b"o")
_VERSION = 0
_HEAD = struct.Struct(">BIQQI")
_WITHDRAWN = struct.Struct(">QQ")


def named_key(holder: NodeNumber) -> bytes:
    """PROOFS: 'n', holder u32."""
    return NAMED_KEYS[0] + holder.to_bytes(4, "big")


def holder_of(key: bytes) -> NodeNumber:
    return NodeNumber(int.from_bytes(key[1:], "big"))


@dataclass(frozen=True, slots=True)
class NamedRow:
    """PROOFS 'n': version u8, holder's generation u32, verified since u64 (UTC ms), first receipt serial that is not
    counted u64, withdrawn u32, for each of these own number u64 and nonce u64; then a bit for each own number, number n
    being bit n % 8, the lowest first, of byte n // 8."""

    serial: int
    proofs: NamedProofs

    def pack(self) -> bytes:
        proofs = self.proofs
        head = _HEAD.pack(_VERSION, proofs.generation, proofs.verified_since_ms, self.serial, len(proofs.withdrawn))
        withdrawn = b"".join(_WITHDRAWN.pack(*each) for each in sorted(proofs.withdrawn.items()))
        return head + withdrawn + proofs.proven.to_bytes()

    @classmethod
    def unpack(cls, value: bytes) -> NamedRow:
        if len(value) < _HEAD.size or value[0] != _VERSION:
            raise StoreDamaged(f"named proofs: expected at least {_HEAD.size} bytes of version {_VERSION}")
        _, generation, verified_since_ms, serial, count = _HEAD.unpack_from(value)
        bits_at = _HEAD.size + count * _WITHDRAWN.size
        if len(value) < bits_at:
            raise StoreDamaged(f"named proofs: expected {count} withdrawn numbers, got {len(value)} bytes")
        withdrawn = dict(_WITHDRAWN.iter_unpack(value[_HEAD.size : bits_at]))
        proofs = NamedProofs(Generation(generation), verified_since_ms, NumberSet(value[bits_at:]), withdrawn)
        return cls(serial, proofs)
