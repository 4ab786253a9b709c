"""Names of things: blobs, nodes, clusters and the 64 units of an origin.

Numbers, not labels, stand in keys, signatures and certificates (regions are split and renamed, numbers are for ever).
"""

from __future__ import annotations

from typing import NewType

from blake3 import blake3

from lumbung_cluster.record import record

__all__ = [
    "BLOB_ID_SIZE_BYTES",
    "CLUSTER_ID_SIZE_BYTES",
    "UNITS",
    "BlobId",
    "ClusterId",
    "Generation",
    "NodeNumber",
    "all_units",
    "blob_hasher",
    "units_of_mask",
]

BLOB_ID_SIZE_BYTES = 32
CLUSTER_ID_SIZE_BYTES = 16
UNITS = 64  # fixed for ever: inventories, placement and receipts are cut along them
_UNIT_SHIFT = 2  # the top 6 bits of the first byte

NodeNumber = NewType("NodeNumber", int)
"""A node's (and so an origin's) fixed u32 in the roster, never changed or reused; 0 is nobody."""

Generation = NewType("Generation", int)
"""A counter (u32, from 1) of a node's lives: a new disk or a restored folder is a new one."""


@record(order=True)
class BlobId:
    """BLAKE3-256 of a blob as stored (sealed): what `b3sum` prints."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != BLOB_ID_SIZE_BYTES:
            raise ValueError(f"blob id: expected {BLOB_ID_SIZE_BYTES} bytes, got {len(self.raw)}")

    @classmethod
    def of(cls, content: bytes) -> BlobId:
        """The id of `content`, hashed here and now (2 GB/s a thread)."""
        return cls(blake3(content).digest())

    @classmethod
    def parse(cls, text: str) -> BlobId:
        """The id written as 64 hex digits. Raises ValueError."""
        if len(text) != 2 * BLOB_ID_SIZE_BYTES:
            raise ValueError(f"blob id: expected {2 * BLOB_ID_SIZE_BYTES} hex digits, got {len(text)} characters")
        return cls(bytes.fromhex(text))

    @property
    def unit(self) -> int:
        """Which of the 64 units (0 to 63) this id belongs to: its top 6 bits."""
        return self.raw[0] >> _UNIT_SHIFT

    def __str__(self) -> str:
        return self.raw.hex()


@record
class ClusterId:
    """16 random bytes, drawn when the cluster is founded; stand in every certificate and signature."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != CLUSTER_ID_SIZE_BYTES:
            raise ValueError(f"cluster id: expected {CLUSTER_ID_SIZE_BYTES} bytes, got {len(self.raw)}")

    def __str__(self) -> str:
        return self.raw.hex()


def blob_hasher() -> blake3:
    """A running hasher whose 32-byte digest is the id of what it was fed."""
    return blake3()


def all_units() -> int:
    """The bit mask of all 64 units; bit n stands for unit n."""
    return (1 << UNITS) - 1


def units_of_mask(mask: int) -> tuple[int, ...]:
    """The units in a mask, rising."""
    return tuple(unit for unit in range(UNITS) if mask >> unit & 1)
