"""Stores that were set aside from a virtual disk: the simulator's double of `AsideFolders`."""

from __future__ import annotations

import random
from collections.abc import Sequence

import trio

from lumbung_cluster.errors import BlobDamaged, StoreDamaged
from lumbung_node.ports.keyvalue import Family
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.virtual_tables import Tables

__all__ = ["VirtualAside"]


class VirtualAside:
    """Outlives the node's process, as folders do. `refuses` names those that nothing opens."""

    def __init__(self, disk: VirtualDisk) -> None:
        self._disk = disk
        self.tables: dict[str, Tables] = {}
        self.refuses: set[str] = set()

    async def set_aside(self, now_ms: int) -> str:
        await trio.lowlevel.checkpoint()
        name = f"aside-{now_ms:020d}-{len(self.tables):04d}"
        self.tables[name] = self._disk.take_away()
        return name

    async def names(self) -> list[str]:
        await trio.lowlevel.checkpoint()
        return sorted(self.tables)

    async def open(self, name: str) -> _VirtualSource:
        await trio.lowlevel.checkpoint()
        if name not in self.tables or name in self.refuses:
            raise StoreDamaged(f"{name} cannot be read in any way")
        return _VirtualSource(self.tables[name])

    def hurt(self, luck: random.Random, *, damaged: bool) -> None:
        """Flip a bit of some chunk of some set-aside store; with `damaged` its checksum tells."""
        stores = [tables for _, tables in sorted(self.tables.items()) if tables.all_keys(Family.CHUNKS)]
        if not stores:
            return
        tables = luck.choice(stores)
        key = luck.choice(tables.all_keys(Family.CHUNKS))
        old = tables.get(Family.CHUNKS, key)
        assert old is not None
        tables.overwrite(Family.CHUNKS, key, bytes([old[0] ^ 1]) + old[1:], damaged=damaged)


class _VirtualSource:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        await trio.lowlevel.checkpoint()
        return [self._value(family, key) for key in keys]

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        await trio.lowlevel.checkpoint()
        rows: list[tuple[bytes, bytes]] = []
        for key in self._tables.keys(family, first, behind, backwards=backwards):
            if len(rows) >= limit:
                break
            value = self._value(family, key)
            assert value is not None
            rows.append((key, value))
        return rows

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()

    def _value(self, family: Family, key: bytes) -> bytes | None:
        if self._tables.is_damaged(family, key):
            raise BlobDamaged(f"block checksum mismatch under {family.value} key {key.hex()}")
        return self._tables.get(family, key)
