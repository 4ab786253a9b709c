"""What this machine can do at all, measured in the folder and the minutes of the benchmark: its limits."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from lumbung_cluster.limits import KIB, MIB

__all__ = ["MachineLimits", "measure_machine", "sequential_write_mb_s"]

_MEGA = 1_000_000
_APPEND_S = 1.5
_SEQUENTIAL_SIZE_BYTES = 256 * MIB
_SEQUENTIAL_PIECE_BYTES = MIB
_HASH_S = 0.5


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """Appends are one at a time, each with its fdatasync; the sequential write ends with one."""

    append_4k_per_s: float
    append_300k_per_s: float
    sequential_write_mb_s: float
    blake3_300k_mb_s: float


def measure_machine(folder: Path) -> MachineLimits:
    """About 6 s and 256 MiB of disk, which is free again at the end."""
    return MachineLimits(
        append_4k_per_s=_append_rate(folder / "append-4k", 4 * KIB),
        append_300k_per_s=_append_rate(folder / "append-300k", 300 * KIB),
        sequential_write_mb_s=sequential_write_mb_s(folder),
        blake3_300k_mb_s=_hash_rate(300 * KIB),
    )


def _append_rate(file: Path, size_bytes: int) -> float:
    piece, appended = os.urandom(size_bytes), 0
    with file.open("wb", buffering=0) as target:
        started_at = time.monotonic()
        while time.monotonic() - started_at < _APPEND_S:
            target.write(piece)
            os.fdatasync(target.fileno())
            appended += 1
        elapsed_s = time.monotonic() - started_at
    file.unlink()
    return appended / elapsed_s


def sequential_write_mb_s(folder: Path) -> float:
    """256 MiB into a new file of the folder, with one fdatasync at the end; the file is gone again."""
    file = folder / "sequential"
    piece = os.urandom(_SEQUENTIAL_PIECE_BYTES)
    with file.open("wb", buffering=0) as target:
        started_at = time.monotonic()
        for _ in range(_SEQUENTIAL_SIZE_BYTES // len(piece)):
            target.write(piece)
        os.fdatasync(target.fileno())
        elapsed_s = time.monotonic() - started_at
    file.unlink()
    return _SEQUENTIAL_SIZE_BYTES / elapsed_s / _MEGA


def _hash_rate(size_bytes: int) -> float:
    piece, hashed = os.urandom(size_bytes), 0
    started_at = time.monotonic()
    while time.monotonic() - started_at < _HASH_S:
        blake3(piece).digest()
        hashed += len(piece)
    return hashed / (time.monotonic() - started_at) / _MEGA
