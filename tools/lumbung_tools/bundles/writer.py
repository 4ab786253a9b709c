"""Writes the parts of one disk: a batch is there whole or not at all, and nothing beyond the room that there is."""

from __future__ import annotations

import os
from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster import limits
from lumbung_cluster.bundle import Batch, PartEnd, PartHead
from lumbung_cluster.bundle_manifest import PartRecord
from lumbung_tools.bundles.folder import BundleFolder

__all__ = ["PartWriter", "Room"]


class Room:
    """How much a disk still takes: by its own free space, and by the limit that a person set.

    Each entry keeps a little room free for the holder's receipt, which has to fit on a disk that came full.
    """

    def __init__(self, folder: BundleFolder, limit_bytes: int | None) -> None:
        self._folder = folder
        self._left_bytes = limit_bytes
        self.entries = 0

    def spend(self, size_bytes: int, entries: int) -> None:
        self.entries += entries
        if self._left_bytes is not None:
            self._left_bytes -= size_bytes

    def free_bytes(self) -> int:
        """For parts, now. Raises OSError."""
        found = os.fstatvfs(self._folder.handle)
        on_disk = found.f_bavail * found.f_frsize
        left = on_disk if self._left_bytes is None else min(on_disk, self._left_bytes)
        return left - limits.BUNDLE_DISK_RESERVE_BYTES - self.entries * limits.BUNDLE_RECEIPT_BYTES

    def fitting(self, batch: Batch, overhead_bytes: int) -> int:
        """How many of the batch's entries, from the first on, there is room for. Raises OSError."""
        left = self.free_bytes() - overhead_bytes - len(batch.pack())
        for count, entry in enumerate(batch.entries):
            left -= entry.size_bytes + limits.BUNDLE_RECEIPT_BYTES
            if left < 0:
                return count
        return len(batch.places)


@dataclass(slots=True)
class _Checkpoint:
    """Where the part stood before a batch."""

    size_bytes: int
    hasher: blake3
    batches: int
    entries: int
    blob_bytes: int


class PartWriter:
    """One part, growing. Methods block on the disk and raise OSError."""

    def __init__(self, folder: BundleFolder, head: PartHead) -> None:
        self.head = head
        self._folder = folder
        self._file = folder.create_part(head.part)
        self._hasher = blake3()
        self._unsynced_bytes = 0
        self._at = _Checkpoint(0, self._hasher.copy(), 0, 0, 0)
        self.size_bytes = 0
        self.batches = 0
        self.entries = 0
        self.blob_bytes = 0
        self._write(head.pack())

    @property
    def next_batch(self) -> int:
        return self.batches + 1

    def begin_batch(self, batch: Batch) -> None:
        self._at = _Checkpoint(self.size_bytes, self._hasher.copy(), self.batches, self.entries, self.blob_bytes)
        self.batches += 1
        self.entries += len(batch.places)
        self.blob_bytes += batch.blob_bytes
        self._write(batch.pack())

    def write(self, content: bytes | memoryview) -> None:
        self._write(content)
        self._unsynced_bytes += len(content)

    def sync_when_due(self) -> None:
        """A failure is final, whatever its reason: what it dropped, of earlier batches too, no later sync saves."""
        if self._unsynced_bytes >= limits.BUNDLE_SYNC_BYTES:
            os.fdatasync(self._file)
            self._unsynced_bytes = 0

    def roll_back(self) -> None:
        """As if the batch that was begun last had never been."""
        at = self._at
        os.ftruncate(self._file, at.size_bytes)
        os.lseek(self._file, at.size_bytes, os.SEEK_SET)
        self._hasher = at.hasher.copy()
        self.size_bytes, self.batches = at.size_bytes, at.batches
        self.entries, self.blob_bytes = at.entries, at.blob_bytes

    def finish(self) -> PartRecord:
        """The part is whole and on the disk when it returns."""
        fixed = PartEnd.fixed(self.head.bundle, self.head.part, self.batches, self.entries, self.blob_bytes)
        self._write(fixed)
        self._write(self._hasher.digest())
        os.fsync(self._file)
        self._folder.sync()
        self.close()
        return PartRecord(self.head.part, self.size_bytes, self.entries, self.blob_bytes, self._hasher.digest())

    def discard(self) -> None:
        """Nothing of it stays."""
        self.close()
        self._folder.remove_part(self.head.part)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, content: bytes | memoryview) -> None:
        view = memoryview(content)
        while view:
            written = os.write(self._file, view)
            self._hasher.update(view[:written])
            self.size_bytes += written
            view = view[written:]
