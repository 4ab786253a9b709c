"""The blob rows of one unit: ids that begin with the same six bits lie beside each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lumbung_cluster.ids import UNITS, BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.layout import BlobRow

__all__ = ["UnitRows", "for_each_group"]

_UNIT_STEP = 256 // UNITS  # how many first bytes share a unit
_Group = list[tuple[BlobId, BlobRow]]


@dataclass(frozen=True, slots=True)
class UnitRows:
    """Where the rows of one unit of one origin lie."""

    kv: KeyValue
    origin: NodeNumber
    unit: int

    async def group(self, after: BlobId | None, count_max: int) -> _Group:
        """At most `count_max` rows behind the id `after`, in the order of ids, as they lie on disk now."""
        head = self.origin.to_bytes(4, "big")
        first = head + bytes([self.unit * _UNIT_STEP]) if after is None else head + after.raw + b"\0"
        behind = head + bytes([self.unit * _UNIT_STEP + _UNIT_STEP - 1]) + b"\xff" * 32
        rows = await self.kv.scan(Family.BLOBS, first, behind, count_max)
        return [(BlobId(key[4:]), BlobRow.unpack(value)) for key, value in rows]


async def for_each_group(rows: UnitRows, count_max: int, work: Callable[[_Group], Awaitable[None]]) -> None:
    """Give all rows of the unit to `work`, group by group; it may change the rows that it was given."""
    after: BlobId | None = None
    while group := await rows.group(after, count_max):
        await work(group)
        after = group[-1][0]
