"""The file that a blob grows in: hashed as it grows, and without a name that anybody looks for until it is checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import blob_hasher
from lumbung_proto.v1 import blobs_pb2 as wire

__all__ = ["PartFile", "sync_folder"]


class PartFile:
    """Gone after `discard`, but for what was published or got another name. All of it blocks on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._hasher = blob_hasher()
        # Not cut to nothing where it is there: a recording may have its name from these very bytes by a link.
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: BinaryIO = os.fdopen(handle, "wb", buffering=0)

    def write(self, payload: memoryview) -> None:
        left = payload
        while left:  # a disk that is nearly full takes a part of it, and says so only of the next
            left = left[self._file.write(left) :]
        self._hasher.update(payload)
        self.size_bytes += len(payload)

    def check(self, start: wire.GetStart) -> None:
        """Raises BlobDamaged for bytes that are not the blob's."""
        digest = self._hasher.digest()
        if digest != start.id:
            raise BlobDamaged(f"blob: expected bytes that hash to {start.id.hex()}, got {digest.hex()}")

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def publish(self, target: Path) -> None:
        """Durable under its name: whoever is told "here it is" must find it after a power cut."""
        self.sync()
        self._file.close()
        self.path.rename(target)
        sync_folder(target.parent)

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Names in it that are new survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
