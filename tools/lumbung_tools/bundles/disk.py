"""One disk being filled: parts, and a manifest that its node has sealed after each of them.

The order that makes it resumable: a part is synced -> the node seals the manifest and remembers the cursor -> the
manifest is synced on the disk. A disk that is pulled out keeps all sealed parts; what came after goes out again.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from lumbung_cluster import limits
from lumbung_cluster.bundle import END_SIZE_BYTES, HEAD_SIZE_BYTES, Batch, PartHead
from lumbung_cluster.bundle_manifest import Manifest, OriginSpan, PartRecord, SignedManifest
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.world import Blocking
from lumbung_tools.bundles.folder import BundleFolder
from lumbung_tools.bundles.verify import verify_part
from lumbung_tools.bundles.writer import PartWriter, Room

__all__ = ["DiskWriter", "Seal", "adopt_parts"]

Seal = Callable[[Manifest], Awaitable[SignedManifest]]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskWriter:
    """Made when the first batch comes, so that an export with nothing to carry leaves nothing behind."""

    def __init__(
        self,
        folder: BundleFolder,
        manifest: Manifest,
        next_part: int,
        room: Room,
        seal: Seal,
        blocking: Blocking,
        part_bytes_max: int,
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._next_part = next_part
        self._room = room
        self._seal = seal
        self._blocking = blocking
        self._part_bytes_max = part_bytes_max
        self._part: PartWriter | None = None
        self._spans = {span.origin: span for span in manifest.origins}
        self._left_bytes = 0
        self._batch: Batch | None = None
        self.path: Path = folder.path
        self.entries = 0
        self.blob_bytes = 0

    @property
    def manifest(self) -> Manifest:
        """What is sealed."""
        return self._manifest

    async def begin_batch(self, batch: Batch) -> int:
        """Room for a batch, or for its first entries: how many are taken. 0 when the disk is full.

        Raises OSError for a disk that fails.
        """
        if self._part is not None and self._part.blob_bytes + batch.blob_bytes > self._part_bytes_max:
            await self.close_part()
        return await self._blocking.run(partial(self._begin, batch))

    def _begin(self, batch: Batch) -> int:
        fresh = HEAD_SIZE_BYTES + END_SIZE_BYTES if self._part is None else 0
        count = self._room.fitting(batch, fresh)
        if not count:
            return 0
        if self._part is None:
            self._part = PartWriter(self._folder, self._head())
            self._room.spend(fresh, 0)
        places = batch.places[:count]
        batch = replace(batch, part=self._next_part, batch=self._part.next_batch, places=places)
        try:
            self._part.begin_batch(batch)
        except OSError as exc:
            self._forget(exc)
            return 0
        self._batch, self._left_bytes = batch, batch.blob_bytes
        return count

    async def write(self, payload: memoryview) -> bool:
        """The batch's next bytes; False when the disk turned out to be full (the batch is gone then)."""
        assert len(payload) <= self._left_bytes
        return await self._blocking.run(partial(self._write, payload))

    def _write(self, payload: memoryview) -> bool:
        assert self._part is not None
        try:
            self._part.write(payload)
        except OSError as exc:
            self._forget(exc)
            return False
        self._part.sync_when_due()
        self._left_bytes -= len(payload)
        return True

    def _forget(self, exc: OSError) -> None:
        """Another writer was quicker, or a quota is smaller than the free space: the batch goes. Raises others."""
        assert self._part is not None
        if exc.errno not in _FULL:
            raise exc
        self._part.roll_back()
        self._batch = None

    async def forget_batch(self) -> None:
        """The node could not read the blob to its end."""
        assert self._part is not None
        await self._blocking.run(self._part.roll_back)
        self._batch = None

    @property
    def batch_bytes_left(self) -> int:
        """Of the batch that was begun; 0 when all of them are there."""
        return self._left_bytes

    def end_batch(self) -> None:
        assert self._batch is not None
        assert not self._left_bytes
        entries, size = len(self._batch.places), self._batch.blob_bytes
        self._room.spend(len(self._batch.pack()) + size, entries)
        self.entries += entries
        self.blob_bytes += size
        self._batch = None

    def cover(self, origin: NodeNumber, upto: int) -> None:
        """The feed of `origin` is on this disk, or not needed, up to here; it counts with the next seal."""
        span = self._spans[origin]
        self._spans[origin] = replace(span, upto=max(span.upto, upto))

    async def close_part(self) -> None:
        """Sync the open part, if it has anything, and have the node seal it."""
        parts = await self._finish_part()
        if len(parts) > len(self._manifest.parts):
            await self.seal(parts, is_complete=False)

    async def finish(self, *, is_complete: bool) -> None:
        """Everything that was taken is on the disk, sealed, when it returns."""
        await self.seal(await self._finish_part(), is_complete=is_complete)

    async def _finish_part(self) -> tuple[PartRecord, ...]:
        """All parts of this disk, the open one among them once it is synced. Raises OSError: then it is gone."""
        part, self._part = self._part, None
        if part is None:
            return self._manifest.parts
        if not part.batches:
            await self._blocking.run(part.discard)
            return self._manifest.parts
        try:
            record: PartRecord = await self._blocking.run(part.finish)
        except OSError:
            # Never synced again: what the disk has of it is unknown, and goes out anew.
            part.close()
            raise
        self._next_part += 1
        return (*self._manifest.parts, record)

    async def seal(self, parts: tuple[PartRecord, ...], *, is_complete: bool) -> None:
        spans: tuple[OriginSpan, ...] = tuple(self._spans[span.origin] for span in self._manifest.origins)
        wanted = replace(self._manifest, parts=parts, origins=spans, is_complete=is_complete)
        signed = await self._seal(wanted)
        await self._blocking.run(partial(self._folder.write_manifest, signed))
        self._manifest = signed.content

    def close(self) -> None:
        if self._part is not None:
            self._part.close()
        self._folder.close()

    def _head(self) -> PartHead:
        sealed = self._manifest
        return PartHead(sealed.cluster, sealed.bundle, sealed.exporter, sealed.holder, sealed.disk, self._next_part)


def adopt_parts(folder: BundleFolder, head: PartHead, next_part: int) -> list[PartRecord]:
    """The whole parts of this disk below `next_part`: also one that was sealed when the disk was pulled out, before
    its manifest was written. Raises OSError."""
    records = []
    for number in folder.parts():
        if number >= next_part:
            continue
        with folder.open_part(number) as file:
            report = verify_part(number, file, replace(head, part=number), lambda signed: None, lambda: None)
        if report.is_whole and report.record is not None:
            records.append(report.record)
    return records


assert limits.BUNDLE_PART_BYTES_MAX >= limits.BLOB_SIZE_BYTES_MAX, "a part must be able to hold any blob"
