"""The key-value port: ordered families of byte keys, atomic batches, and one sync that covers all earlier writes.

The store's logic (rows, feeds, marks, receipts) is written once above this port, and so runs unchanged on RocksDB
and on the simulator's virtual disk. Both pass one contract suite (`tests/contracts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

__all__ = ["Batch", "Family", "KeyValue", "SpaceReport"]


class Family(Enum):
    """The column families; the value is the name on disk. docs/disk-format.md describes every key and row."""

    CHUNKS = "chunks"  # u64 place -> at most 1 MiB of a blob
    BLOBS = "blobs"  # origin u32, id 32 B -> row
    FEEDS = "feeds"  # origin u32, number u64 -> feed row
    LISTS = "lists"  # origin u32, generation u32, first number u64 -> signed entry list
    MARKS = "marks"  # sender u32, origin u32 -> mark
    PROOFS = "proofs"  # copies and receipts of own blobs
    TAGS = "tags"  # record tag -> versions
    PENDING = "pending"  # runs of chunks without a row yet
    EVENTS = "events"  # serial u64 -> event
    SYSTEM = "system"  # short names -> values
    INVENTORY = "inventory"  # sums and symbol tables of each origin

    # An enum's own hash is a call into Python, and each put of a batch looks its family up.
    __hash__ = object.__hash__


@dataclass(slots=True)
class Batch:
    """Puts and deletes over any families, applied as one: after a crash either all of it is there or nothing.

    `deletes_range` holds (family, first key, key behind the last). Ranges go first, then deletes, then puts: a put wins
    over a delete of the same batch.
    """

    puts: list[tuple[Family, bytes, bytes]] = field(default_factory=list)
    deletes: list[tuple[Family, bytes]] = field(default_factory=list)
    deletes_range: list[tuple[Family, bytes, bytes]] = field(default_factory=list)

    def put(self, family: Family, key: bytes, value: bytes) -> None:
        self.puts.append((family, key, value))

    def delete(self, family: Family, key: bytes) -> None:
        self.deletes.append((family, key))

    def delete_range(self, family: Family, first: bytes, behind: bytes) -> None:
        self.deletes_range.append((family, first, behind))


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """Free and total bytes of the file system that holds the store."""

    free_bytes: int
    total_bytes: int


class KeyValue(Protocol):
    """An open store. Any number of tasks may call; one `sync` covers every `write` that returned before it began.

    Errors (cluster.errors): DiskFull, DiskFailed, StoreDamaged (structure), BlobDamaged (a block under a key is
    corrupt), StoreClosed. After a failed `write` or `sync` the outcome is unknown and the engine takes no further
    writes until it is opened again (`is_failed` is true); reads go on where they can.
    """

    @property
    def is_failed(self) -> bool:
        """True once a write or a sync has failed: reopen to go on."""
        ...

    async def write(self, batch: Batch) -> None:
        """Apply the batch atomically; visible to reads at once, durable only after the next `sync` returns."""
        ...

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Put rising keys into CHUNKS (at most `limits.COMMIT_BYTES_MAX` of values); durable after the next `sync`.

        The engine chooses the way (a batch through the log, or a sorted file that is ingested). Only rows that a
        later `write` names make chunks count: after a crash any part of them may be there.
        """
        ...

    async def sync(self) -> None:
        """Return only when everything written before this call began survives a power cut."""
        ...

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values in the order of the keys; None where there is none. Raises BlobDamaged for a corrupt block."""
        ...

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """At most `limit` rows with first <= key < behind, rising or falling. Corruption raises, never ends it."""
        ...

    async def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        """For each (first key, key behind the last) at most `limit` rows, rising: many look-ups in one hop."""
        ...

    async def space(self) -> SpaceReport:
        """What the file system has left."""
        ...

    async def close(self) -> None:
        """Let go of every handle and the lock; calls under way raise StoreClosed."""
        ...
