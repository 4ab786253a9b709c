"""One origin's inventory in memory: folded from the feed, loaded from its rows on disk, and packed into them.

The newest rows that fit the feed (running hash) are taken, and the feed behind them folded; a row that does not fit
costs a longer replay and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.feed import first_hash
from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.ports.world import Blocking
from lumbung_node.store.inventory_reads import fits_feed, hash_of_row, id_of_row, read_feed, read_kept
from lumbung_node.store.inventory_rows import Folded, SumsRow, TableRow, differing_units, key_check, sums_key, table_key
from lumbung_node.store.state import StoreState

__all__ = ["UNWRITTEN", "Folding", "Kept"]

UNWRITTEN = -1
_INLINE_ROWS_MAX = 64  # fewer cost less than the hop to a thread


@dataclass(slots=True, eq=False)
class Kept:
    """One origin's inventory in memory. `turn` is held while it changes.

    `has_caught_up`: what it lacks now was committed since it last had everything.
    `summed` and `tabled` are the numbers of the rows on disk; `rebuilds` counts what no row tells yet.
    """

    origin: NodeNumber
    inventory: Inventory
    is_loaded: bool = False
    has_caught_up: bool = False
    number: int = 0
    running_hash: bytes = b""
    summed: int = UNWRITTEN
    tabled: int = 0
    doubted: int = 0
    rebuilds: int = 0
    turn: trio.Lock = field(default_factory=trio.Lock)

    @property
    def must_table(self) -> bool:
        return self.rebuilds > 0 or self.number - self.tabled >= limits.INVENTORY_CHECKPOINT_ROWS

    def take(self, rows: Sequence[bytes | None], number: int) -> None:
        """Fold packed feed rows and say so in one step: no cancellation comes in between."""
        present = [row for row in rows if row is not None]
        self.inventory.fold([id_of_row(row) for row in present])
        self.number = number
        self.running_hash = hash_of_row(present[-1]) if present else self.running_hash


class Folding:
    """Whoever calls holds the `turn` of what is folded."""

    def __init__(self, kv: KeyValue, state: StoreState, key: InventoryKey, blocking: Blocking) -> None:
        self._kv = kv
        self._state = state
        self._key = key
        self._blocking = blocking

    async def load(self, kept: Kept) -> None:
        """The newest rows that fit the feed, and the feed behind them; from its first row on when none fits."""
        state, origin = self._state, kept.origin
        sums, table = await read_kept(self._kv, origin)
        kept.inventory, kept.number, kept.tabled = Inventory(self._key), 0, 0
        kept.running_hash = first_hash(state.cluster, state.node, origin)
        if table is not None and await fits_feed(self._kv, state, self._key, origin, table.folded):
            try:
                kept.inventory = Inventory.from_bytes(self._key, table.inventory)
            except ValueError:
                pass  # of a version that we do not read
            else:
                kept.number = kept.tabled = table.folded.number
                kept.running_hash = table.folded.running_hash
        if sums is not None and await fits_feed(self._kv, state, self._key, origin, sums.folded):
            await self._judge_sums(kept, sums)

    async def fold(self, kept: Kept, target: int) -> None:
        """Feed rows up to `target`, which is durable. Cut short, it has folded whole batches."""
        while kept.number < target:
            last = min(target, kept.number + limits.INVENTORY_FOLD_ROWS_MAX)
            holes = self.holes(kept.origin)
            while last in holes and last < target:
                last += 1  # the running hash is that of a row that is there
            rows = await read_feed(self._kv, kept.origin, kept.number, last, holes, are_fresh=kept.has_caught_up)
            if len(rows) <= _INLINE_ROWS_MAX:
                kept.take(rows, last)
            else:
                await self._blocking.run(partial(kept.take, rows, last))
        kept.has_caught_up = kept.number == self._state.end(kept.origin).number

    def holes(self, origin: NodeNumber) -> set[int]:
        """Numbers of feed rows that the scrub has found to be lost for ever."""
        return {number for whose, number in self._state.scrub.breaks if whose == origin}

    def rows(self, kept: Kept, *, with_table: bool) -> Batch:
        """What is to be written of it, without a sync of its own."""
        folded = Folded(key_check(self._key), kept.number, kept.running_hash)
        batch = Batch()
        sums = SumsRow(folded, kept.doubted, kept.inventory.digests(all_units()))
        batch.put(Family.INVENTORY, sums_key(kept.origin), sums.pack())
        if with_table:
            batch.put(Family.INVENTORY, table_key(kept.origin), TableRow(folded, kept.inventory.to_bytes()).pack())
        return batch

    async def _judge_sums(self, kept: Kept, sums: SumsRow) -> None:
        """What was folded before must come out again; where it does not, nobody knows which of the two is wrong."""
        kept.doubted = sums.doubted
        if sums.folded.number >= kept.number:
            await self.fold(kept, sums.folded.number)
            kept.summed = kept.number
            kept.doubted |= differing_units(sums, kept.inventory.digests(all_units()))
