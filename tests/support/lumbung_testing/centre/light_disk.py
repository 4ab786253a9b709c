"""A disk in memory for very many nodes of one process: the long part of their blobs is the same, and is kept once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lumbung_node.ports.keyvalue import Batch, Family, KeyValue, SpaceReport

__all__ = ["LightDisk"]


class LightDisk:
    """A KeyValue above another one: chunks that end as `shared` does are stored without that end."""

    def __init__(self, inner: KeyValue, shared: bytes) -> None:
        self._inner = inner
        self._shared = shared

    @property
    def is_failed(self) -> bool:
        return self._inner.is_failed

    async def write(self, batch: Batch) -> None:
        puts = [
            (family, key, self._cut(value) if family is Family.CHUNKS else value) for family, key, value in batch.puts
        ]
        await self._inner.write(replace(batch, puts=puts))

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        await self._inner.write_chunks([(key, self._cut(value)) for key, value in rows])

    async def sync(self) -> None:
        await self._inner.sync()

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        values = await self._inner.get(family, keys)
        if family is not Family.CHUNKS:
            return values
        return [None if value is None else self._whole(value) for value in values]

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        rows = await self._inner.scan(family, first, behind, limit, backwards=backwards)
        return self._rows(family, rows)

    async def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        return [self._rows(family, rows) for rows in await self._inner.scan_each(family, ranges, limit)]

    async def space(self) -> SpaceReport:
        return await self._inner.space()

    async def close(self) -> None:
        await self._inner.close()

    def _rows(self, family: Family, rows: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [(key, self._whole(value)) for key, value in rows] if family is Family.CHUNKS else rows

    def _cut(self, value: bytes) -> bytes:
        """One byte in front says whether the end is left out."""
        if self._shared and value.endswith(self._shared):
            return b"\1" + value[: -len(self._shared)]
        return b"\0" + value

    def _whole(self, value: bytes) -> bytes:
        return value[1:] + self._shared if value[0] else value[1:]
