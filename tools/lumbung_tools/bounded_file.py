"""Reading files that somebody else made: never more than such a file can have."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.canonical import Malformed

__all__ = ["read_bounded"]


def read_bounded(file: Path, size_max: int) -> bytes:
    """Raises Malformed for one that is longer, OSError."""
    with file.open("rb") as source:
        raw = source.read(size_max + 1)
    if len(raw) > size_max:
        raise Malformed(str(file), f"at most {size_max} bytes", "more")
    return raw
