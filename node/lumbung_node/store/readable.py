"""Rows that may be wrong: what cannot be read, or is no row at all, counts as not there.

One corrupt block fails a whole read. Whoever mends has to go on beside it, so these reads tell key by key what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lumbung_cluster.errors import BlobDamaged, StoreDamaged
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.state import scan_all

__all__ = ["get_each", "get_readable", "read_rows", "scan_known"]

_KEYS_AT_ONCE = 256
R = TypeVar("R")


async def get_readable(kv: KeyValue, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
    """The values in the order of the keys; None for what is not there or lies in a corrupt block."""
    try:
        return await kv.get(family, keys) if keys else []
    except BlobDamaged:
        return [value for value, _ in [await _one(kv, family, key) for key in keys]]


async def get_each(
    kv: KeyValue, family: Family, keys: Sequence[bytes]
) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
    """The rows that are there, in the order of the keys, and the keys that would lie in a corrupt block."""
    rows: list[tuple[bytes, bytes]] = []
    lost: list[bytes] = []
    for at in range(0, len(keys), _KEYS_AT_ONCE):
        asked = keys[at : at + _KEYS_AT_ONCE]
        try:
            values = await kv.get(family, asked)
        except BlobDamaged:
            found = [await _one(kv, family, key) for key in asked]
            values = [value for value, _ in found]
            lost += [key for key, (_, is_lost) in zip(asked, found, strict=True) if is_lost]
        rows += [(key, value) for key, value in zip(asked, values, strict=True) if value is not None]
    return rows, lost


async def scan_known(
    kv: KeyValue, family: Family, first: bytes, behind: bytes, keys: Sequence[bytes]
) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
    """Every row of a small range, and none that is lost; where a block of it is corrupt, as `get_each` of `keys`."""
    try:
        return await scan_all(kv, family, first, behind), []
    except BlobDamaged:
        return await get_each(kv, family, keys)


async def read_rows(
    kv: KeyValue, family: Family, keys: Sequence[bytes], unpack: Callable[[bytes], R]
) -> list[R | None]:
    """The same, unpacked; None also for bytes that are no such row."""
    return [_unpacked(value, unpack) for value in await get_readable(kv, family, keys)]


async def _one(kv: KeyValue, family: Family, key: bytes) -> tuple[bytes | None, bool]:
    """The value, and whether it would lie in a corrupt block."""
    try:
        return (await kv.get(family, [key]))[0], False
    except BlobDamaged:
        return None, True


def _unpacked(value: bytes | None, unpack: Callable[[bytes], R]) -> R | None:
    if value is None:
        return None
    try:
        return unpack(value)
    except (StoreDamaged, ValueError):
        return None
