"""A file that only takes space: removed when the disk is full, so that the store can reopen and say what is wrong.

Blocking calls; run them in a thread.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from lumbung_cluster.errors import DiskFailed
from lumbung_cluster.limits import BALLAST_SIZE_BYTES

__all__ = ["ensure_ballast", "release_ballast"]

_NAME = "ballast"
_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def ensure_ballast(folder: Path, *, size_bytes: int = BALLAST_SIZE_BYTES) -> bool:
    """Keep `size_bytes` really allocated in `folder`. False when the disk has no room for it now; raises DiskFailed."""
    path = folder / _NAME
    try:
        _allocate(path, size_bytes)
    except OSError as exc:
        with suppress(OSError):  # a disk that takes nothing any more takes no unlinking either
            path.unlink(missing_ok=True)
        if exc.errno in _NO_ROOM:
            return False
        raise DiskFailed(f"ballast {path}: {exc.strerror}") from exc
    return True


def release_ballast(folder: Path) -> bool:
    """Give the space back. False when there was no ballast; raises DiskFailed."""
    path = folder / _NAME
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise DiskFailed(f"ballast {path}: {exc.strerror}") from exc
    return True


def _allocate(path: Path, size_bytes: int) -> None:
    """Blocks, not a hole: a sparse file would give nothing back. What lies there already costs a start no sync."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(handle)
        if found.st_size == size_bytes and found.st_blocks * _BLOCK_BYTES >= size_bytes:
            return
        os.ftruncate(handle, size_bytes)
        os.posix_fallocate(handle, 0, size_bytes)
        os.fsync(handle)
    finally:
        os.close(handle)
