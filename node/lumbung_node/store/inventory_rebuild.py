"""Units of an inventory made anew from what lies on disk: the ids that the feed names, each once.

Usually feed and id rows agree, and their sums say so. Where they do not (a row was lost behind the index's back, an id
came anew and stands twice in the feed), the feed is walked once more, each entry held against its id row. An id whose
row is lost stays in the set, as damage does: what is not there is withdrawn by the scrub, never dropped from anybody's
set. But the unit is *contradictory* then, and must sign nothing until its rows are put right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged, InventoryUnknown
from lumbung_cluster.ids import NodeNumber, units_of_mask
from lumbung_cluster.inventory.fingerprint import InventoryKey, UnitDigest
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.ports.world import Blocking
from lumbung_node.store.inventory_reads import id_of_row, number_of_row, read_feed, read_unit
from lumbung_node.store.layout import feed_key

__all__ = ["Anew", "make_anew"]

_ODD_MAX = 65_536  # ids whose rows say something else than the feed: more is not one unit's trouble


@dataclass(frozen=True, slots=True)
class Anew:
    """`inventory` has the units asked for, of all others nothing; `contradictory` are those whose rows do not agree."""

    inventory: Inventory
    contradictory: int


@dataclass(slots=True)
class _Walk:
    """Ids of `units` in feed rows; `odd` are those that their id row does not confirm under that number."""

    kv: KeyValue
    origin: NodeNumber
    units: int
    inventory: Inventory
    odd: dict[bytes, int] = field(default_factory=dict)

    async def take(self, after: int, rows: Sequence[bytes | None]) -> list[bytes]:
        """Of some feed rows the ids that their id rows confirm."""
        named = [(number, id_of_row(row)) for number, row in enumerate(rows, after + 1) if row is not None]
        named = [(number, raw) for number, raw in named if self.units >> (raw[0] >> 2) & 1]
        values = await _id_rows(self.kv, self.origin, [raw for _, raw in named])
        confirmed = []
        for (number, raw), value in zip(named, values, strict=True):
            at = number_of_row(value) if value is not None else 0
            if at == number:
                confirmed.append(raw)
            else:
                self.odd[raw] = at
        if len(self.odd) > _ODD_MAX:
            raise InventoryUnknown(f"feed of origin {self.origin}: over {_ODD_MAX} entries have no id row of their own")
        return confirmed

    async def left(self) -> list[bytes]:
        """Of the odd ones those that stand under no number of their own: each once."""
        keys = [feed_key(self.origin, at) for at in self.odd.values()]
        rows = await _get(self.kv, Family.FEEDS, keys)
        return [raw for raw, row in zip(self.odd, rows, strict=True) if row is None or id_of_row(row) != raw]


async def make_anew(
    kv: KeyValue,
    blocking: Blocking,
    key: InventoryKey,
    origin: NodeNumber,
    units: int,
    number: int,
    holes: Collection[int],
) -> Anew:
    """These units (a mask) as of feed number `number`: 1,000,000 ids in about 5 s. Raises InventoryUnknown.

    `holes` are numbers of feed rows that are known to be lost for ever.
    """
    held: dict[int, UnitDigest] = {}
    for unit in units_of_mask(units):
        held[unit] = (await read_unit(kv, blocking, key, origin, unit, number)).digest
    made = Inventory(key)
    await _fold_feed(kv, blocking, origin, units, number, holes, made)
    unequal = _unequal(made, held)
    if unequal:
        careful = _Walk(kv, origin, unequal, Inventory(key))
        await _fold_confirmed(careful, blocking, number, holes)
        for unit in units_of_mask(unequal):
            made.replace_unit(unit, careful.inventory.digest(unit), careful.inventory.symbols(1 << unit))
    return Anew(made, _unequal(made, held))


def _unequal(made: Inventory, held: dict[int, UnitDigest]) -> int:
    return sum(1 << unit for unit, digest in held.items() if made.digest(unit) != digest)


async def _fold_feed(
    kv: KeyValue,
    blocking: Blocking,
    origin: NodeNumber,
    units: int,
    number: int,
    holes: Collection[int],
    made: Inventory,
) -> None:
    for after in range(0, number, limits.INVENTORY_FOLD_ROWS_MAX):
        last = min(number, after + limits.INVENTORY_FOLD_ROWS_MAX)
        rows = await read_feed(kv, origin, after, last, holes)
        raw_ids = [id_of_row(row) for row in rows if row is not None]
        await blocking.run(partial(made.fold, [raw for raw in raw_ids if units >> (raw[0] >> 2) & 1]))


async def _fold_confirmed(walk: _Walk, blocking: Blocking, number: int, holes: Collection[int]) -> None:
    for after in range(0, number, limits.INVENTORY_FOLD_ROWS_MAX):
        last = min(number, after + limits.INVENTORY_FOLD_ROWS_MAX)
        confirmed = await walk.take(after, await read_feed(walk.kv, walk.origin, after, last, holes))
        await blocking.run(partial(walk.inventory.fold, confirmed))
    walk.inventory.fold(await walk.left())


async def _id_rows(kv: KeyValue, origin: NodeNumber, raw_ids: Sequence[bytes]) -> list[bytes | None]:
    head = origin.to_bytes(4, "big")
    return await _get(kv, Family.BLOBS, [head + raw for raw in raw_ids])


async def _get(kv: KeyValue, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
    try:
        return await kv.get(family, keys) if keys else []
    except BlobDamaged as exc:
        raise InventoryUnknown(f"rows of {family.value}: {exc}") from exc
