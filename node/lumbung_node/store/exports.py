"""Bundles that this node has written for holders: how far each has come, and which nonce their receipts must name."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.limits import BUNDLES_REMEMBERED_MAX
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_node.store.state import scan_all

__all__ = ["ExportRow", "Exports"]

_ROW = struct.Struct(">B16sIIQIIBH")
_CURSOR = struct.Struct(">IQQ")
_VERSION = 0
_FIRST, _BEHIND = b"x", b"y"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """SYSTEM 'x', nonce u64 -> version u8, bundle id 16 B, holder u32, own generation u32, created u64 (UTC ms),
    disks u32, parts u32, complete u8, origins u16, each: origin u32, after u64, upto u64.

    `after` and `upto` are numbers of this node's feed: where the bundle began and how far sealed disks go.
    """

    nonce: int
    bundle: bytes
    holder: NodeNumber
    generation: Generation
    created_ms: int
    disks: int
    parts: int
    is_complete: bool
    cursors: tuple[tuple[NodeNumber, int, int], ...]

    @property
    def origins(self) -> tuple[NodeNumber, ...]:
        return tuple(origin for origin, _, _ in self.cursors)

    def key(self) -> bytes:
        return _FIRST + self.nonce.to_bytes(8, "big")

    def pack(self) -> bytes:
        head = _ROW.pack(
            _VERSION,
            self.bundle,
            self.holder,
            self.generation,
            self.created_ms,
            self.disks,
            self.parts,
            self.is_complete,
            len(self.cursors),
        )
        return b"".join((head, *(_CURSOR.pack(*cursor) for cursor in self.cursors)))

    @classmethod
    def unpack(cls, key: bytes, value: bytes) -> ExportRow:
        """Raises StoreDamaged."""
        if len(value) < _ROW.size or (len(value) - _ROW.size) % _CURSOR.size:
            raise StoreDamaged(f"export row: expected {_ROW.size} bytes and cursors, got {len(value)}")
        version, bundle, holder, generation, created, disks, parts, complete, count = _ROW.unpack_from(value)
        cursors = [(NodeNumber(origin), after, upto) for origin, after, upto in _CURSOR.iter_unpack(value[_ROW.size :])]
        if version != _VERSION or len(cursors) != count:
            raise StoreDamaged(f"export row: expected version {_VERSION} and {count} cursors, got {version}")
        nonce = int.from_bytes(key[1:], "big")
        owner, life = NodeNumber(holder), Generation(generation)
        return cls(nonce, bundle, owner, life, created, disks, parts, bool(complete), tuple(cursors))


class Exports:
    """The rows, read from disk when asked for: an export is a matter of hours."""

    def __init__(self, kv: KeyValue, committer: Committer) -> None:
        self._kv = kv
        self._committer = committer

    async def all(self) -> list[ExportRow]:
        """Rising by nonce: the newest last."""
        return [ExportRow.unpack(key, value) for key, value in await scan_all(self._kv, Family.SYSTEM, _FIRST, _BEHIND)]

    async def under(self, nonce: int) -> ExportRow | None:
        """What was exported under this nonce; None when nothing was, or when it is forgotten."""
        key = _FIRST + nonce.to_bytes(8, "big")
        (value,) = await self._kv.get(Family.SYSTEM, [key])
        return ExportRow.unpack(key, value) if value is not None else None

    async def of_bundle(self, bundle: bytes) -> ExportRow | None:
        return next((row for row in await self.all() if row.bundle == bundle), None)

    async def newest_for(self, holder: NodeNumber, origins: Sequence[NodeNumber]) -> ExportRow | None:
        """The newest bundle for this holder with just these origins."""
        rows = [row for row in await self.all() if row.holder == holder and row.origins == tuple(origins)]
        return rows[-1] if rows else None

    async def save(self, row: ExportRow) -> None:
        """Durable when it returns; forgets the oldest rows beyond the bound."""
        job = Job()
        job.extra.put(Family.SYSTEM, row.key(), row.pack())
        others = [held for held in await self.all() if held.nonce != row.nonce]
        for held in others[: max(0, len(others) + 1 - BUNDLES_REMEMBERED_MAX)]:
            job.extra.delete(Family.SYSTEM, held.key())
        await self._committer.commit(job)
