"""BLAKE3 in one thread."""

from __future__ import annotations

import os
import time

from blake3 import blake3

__all__ = ["hash_mb_s"]

_MEGA = 1_000_000


def hash_mb_s(size_bytes: int, seconds: float) -> float:
    """Whole blobs of `size_bytes`, one after the other."""
    piece, hashed = os.urandom(size_bytes), 0
    started_at = time.monotonic()
    while not hashed or time.monotonic() - started_at < seconds:
        blake3(piece).digest()
        hashed += len(piece)
    return hashed / (time.monotonic() - started_at) / _MEGA
