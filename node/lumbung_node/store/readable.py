"""Rows that may be wrong: what cannot be read, or is no row at all, counts as not there.

One corrupt block fails a whole read. Whoever mends has to go on beside it, so these reads tell key by key what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lumbung_cluster.errors import BlobDamaged, StoreDamaged
from lumbung_node.ports.keyvalue import Family, KeyValue

__all__ = ["get_readable", "read_rows"]

R = TypeVar("R")


async def get_readable(kv: KeyValue, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
    """The values in the order of the keys; None for what is not there or lies in a corrupt block."""
    try:
        return await kv.get(family, keys) if keys else []
    except BlobDamaged:
        return [await _one(kv, family, key) for key in keys]


async def read_rows(
    kv: KeyValue, family: Family, keys: Sequence[bytes], unpack: Callable[[bytes], R]
) -> list[R | None]:
    """The same, unpacked; None also for bytes that are no such row."""
    return [_unpacked(value, unpack) for value in await get_readable(kv, family, keys)]


async def _one(kv: KeyValue, family: Family, key: bytes) -> bytes | None:
    try:
        return (await kv.get(family, [key]))[0]
    except BlobDamaged:
        return None


def _unpacked(value: bytes | None, unpack: Callable[[bytes], R]) -> R | None:
    if value is None:
        return None
    try:
        return unpack(value)
    except (StoreDamaged, ValueError):
        return None
