"""Reading stored bytes in steps and checking them against their ids, while people come first.

While nobody works the next step is read as this one is hashed. While somebody works a step is one chunk, and after each
the disk is left alone for a nap (cluster/scrub_pace.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio
from blake3 import blake3

from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BlobId, blob_hasher
from lumbung_cluster.limits import (
    CHUNK_SIZE_BYTES,
    SCRUB_READS_AT_ONCE,
    SCRUB_STEP_BUSY_BYTES,
    SCRUB_STEP_BYTES_MAX,
)
from lumbung_node.hashing import hash_where_it_pays
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.ports.world import Blocking
from lumbung_node.services.activity import Activity
from lumbung_node.store.layout import BlobRow, place_key

__all__ = ["ByteReader", "Stored"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob and where its bytes lie."""

    blob: BlobId
    row: BlobRow


@dataclass(slots=True)
class _Step:
    """Chunks that are read together: (index of the blob, last chunk of it?) for each."""

    keys: list[bytes] = field(default_factory=list)
    owners: list[tuple[int, bool]] = field(default_factory=list)


class ByteReader:
    """`nap` is told how long the work took and how many bytes it was, and waits as long as it finds right."""

    def __init__(
        self, kv: KeyValue, blocking: Blocking, activity: Activity, nap: Callable[[float, int], Awaitable[None]]
    ) -> None:
        self._kv = kv
        self._blocking = blocking
        self._activity = activity
        self._nap = nap

    async def wrong(self, stored: Sequence[Stored]) -> list[int]:
        """The indexes of those whose bytes are not the blob, or cannot be read."""
        bad: set[int] = set()
        hashers: dict[int, blake3] = {}
        at, chunk = 0, 0
        ahead: list[bytes | None] = []
        step = _Step()
        while at < len(stored) or step.keys:
            begun = trio.current_time()
            following = _Step()
            at, chunk = self._fill(following, stored, at, chunk)
            async with trio.open_nursery() as nursery:
                if step.keys:
                    nursery.start_soon(self._hash, step, ahead, stored, hashers, bad)
                read = await self._read(following.keys)
            await self._nap(trio.current_time() - begun, sum(len(value) for value in read if value is not None))
            step, ahead = following, read
        return sorted(bad)

    def _fill(self, step: _Step, stored: Sequence[Stored], at: int, chunk: int) -> tuple[int, int]:
        """Take chunks from (blob `at`, its chunk `chunk`) on, as many as one step may have."""
        bytes_max = SCRUB_STEP_BUSY_BYTES if self._activity.is_busy else SCRUB_STEP_BYTES_MAX
        size_bytes = 0
        while at < len(stored) and (not step.keys or size_bytes < bytes_max):
            row = stored[at].row
            step.keys.append(place_key(row.place + chunk))
            step.owners.append((at, chunk + 1 == row.chunks))
            size_bytes += min(CHUNK_SIZE_BYTES, row.size_bytes)
            chunk += 1
            if chunk == row.chunks:
                at, chunk = at + 1, 0
        return at, chunk

    async def _read(self, keys: list[bytes]) -> list[bytes | None]:
        """The chunks in order, by several threads at once while nobody works: a disk is quickest with a queue."""
        parts = 1 if self._activity.is_busy else SCRUB_READS_AT_ONCE
        size = max(1, -(-len(keys) // parts))
        slices = [keys[at : at + size] for at in range(0, len(keys), size)]
        found: list[list[bytes | None]] = [[] for _ in slices]

        async def read(index: int) -> None:
            found[index] = await self._read_part(slices[index])

        async with trio.open_nursery() as nursery:
            for index in range(len(slices)):
                nursery.start_soon(read, index)
        return [value for part in found for value in part]

    async def _read_part(self, keys: list[bytes]) -> list[bytes | None]:
        try:
            return await self._kv.get(Family.CHUNKS, keys)
        except BlobDamaged:  # one corrupt block fails them all: tell which
            return [await self._read_one(key) for key in keys]

    async def _read_one(self, key: bytes) -> bytes | None:
        try:
            return (await self._kv.get(Family.CHUNKS, [key]))[0]
        except BlobDamaged:
            return None

    async def _hash(
        self,
        step: _Step,
        values: list[bytes | None],
        stored: Sequence[Stored],
        hashers: dict[int, blake3],
        bad: set[int],
    ) -> None:
        work = partial(_take, step.owners, values, stored, hashers, bad)
        size_bytes = sum(len(value) for value in values if value is not None)
        await hash_where_it_pays(self._blocking, size_bytes, work)


def _take(
    owners: list[tuple[int, bool]],
    values: list[bytes | None],
    stored: Sequence[Stored],
    hashers: dict[int, blake3],
    bad: set[int],
) -> None:
    """Hash one step's chunks; a blob is judged at its last one."""
    for (index, is_last), value in zip(owners, values, strict=True):
        if value is None:
            bad.add(index)
        elif is_last and index not in hashers:
            if blake3(value).digest() != stored[index].blob.raw:
                bad.add(index)
        else:
            hashers.setdefault(index, blob_hasher()).update(value)
            if is_last and hashers[index].digest() != stored[index].blob.raw:
                bad.add(index)
        if is_last:
            hashers.pop(index, None)
