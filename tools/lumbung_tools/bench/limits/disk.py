"""The disk alone: one file written in sequence, and appends that are each made durable."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lumbung_cluster.limits import MIB

__all__ = ["append_rate", "sequential_write_mb_s"]

_MEGA = 1_000_000
_SEQUENTIAL_SIZE_BYTES = 256 * MIB
_SEQUENTIAL_PIECE_BYTES = MIB


def append_rate(folder: Path, size_bytes: int, seconds: float) -> float:
    """Appends of `size_bytes` in a second, one at a time, each with its fdatasync."""
    file = folder / "appended"
    piece, appended = os.urandom(size_bytes), 0
    with file.open("wb", buffering=0) as target:
        started_at = time.monotonic()
        while not appended or time.monotonic() - started_at < seconds:
            target.write(piece)
            os.fdatasync(target.fileno())
            appended += 1
        elapsed_s = time.monotonic() - started_at
    file.unlink()
    return appended / elapsed_s


def sequential_write_mb_s(folder: Path, size_bytes: int = _SEQUENTIAL_SIZE_BYTES) -> float:
    """So much into a new file of the folder, with one fdatasync at the end; the file is gone again."""
    file = folder / "sequential"
    piece = os.urandom(_SEQUENTIAL_PIECE_BYTES)
    pieces = max(1, size_bytes // len(piece))
    with file.open("wb", buffering=0) as target:
        started_at = time.monotonic()
        for _ in range(pieces):
            target.write(piece)
        os.fdatasync(target.fileno())
        elapsed_s = time.monotonic() - started_at
    file.unlink()
    return pieces * len(piece) / elapsed_s / _MEGA
