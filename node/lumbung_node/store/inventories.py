"""Inventories kept behind the commits: one for each origin, folded from this node's feed of it.

    feed rows 1 to N durable --fold, at most 1,024 at a time--> digests and symbols at N   in memory, 150 KB an origin
    with each fold           --> sums row ('d')                 2.6 KB
    every 16,384 rows, and at a clean stop --> table row ('t')  150 KB

Rules:
- nothing behind the durable end is folded, so nothing behind it can be signed;
- rows are written without a sync of their own: the feed has everything, and they lie in the same log behind it. A row
  that a crash took, or that does not fit the feed (running hash), costs a longer replay and nothing else;
- a unit is *doubted* when what was folded contradicts what lies on disk: it is made anew from there, and left out of
  receipts until feed and id rows agree about it (inventory_rebuild.py). One unit of one origin after the other is
  audited all the time.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import InventoryUnknown, LumbungError
from lumbung_cluster.ids import UNITS, NodeNumber, all_units, units_of_mask
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.ports.log import Log
from lumbung_node.ports.world import Blocking
from lumbung_node.store.inventory_folding import UNWRITTEN, Folding, Kept
from lumbung_node.store.inventory_reads import read_unit
from lumbung_node.store.inventory_rebuild import make_anew
from lumbung_node.store.state import StoreState

__all__ = ["Inventories", "Snapshot"]

_UNKNOWN_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of an origin's set here: folded exactly to the durable `number`; no later fold changes it.

    `doubted` are the units (a mask) of which this node must not say anything yet.
    """

    origin: NodeNumber
    number: int
    running_hash: bytes
    inventory: Inventory
    doubted: int


class Inventories:
    """`run` must run as a task for rows to be written; a snapshot folds what is missing itself."""

    def __init__(self, kv: KeyValue, state: StoreState, key: InventoryKey, blocking: Blocking) -> None:
        self.key = key
        self._kv = kv
        self._state = state
        self._blocking = blocking
        self._folding = Folding(kv, state, key, blocking)
        self._kept: dict[NodeNumber, Kept] = {}
        self._unknown_until: dict[NodeNumber, float] = {}
        self._has_new_doubts = False
        self._audits = 0
        self._audit_at = 0.0

    @property
    def rows_behind(self) -> int:
        """Durable feed rows of all origins that are not folded yet."""
        return sum(
            end.number - (self._kept[origin].number if origin in self._kept else 0)
            for origin, end in self._state.ends.items()
        )

    @property
    def units_doubted(self) -> int:
        """How many units sign nothing until they are rebuilt."""
        return sum(kept.doubted.bit_count() for kept in self._kept.values())

    @property
    def origins_unknown(self) -> int:
        """Of how many origins the feed here cannot be read, so that nothing may be said of their sets."""
        return len(self._unknown_until)

    async def snapshot(self, origin: NodeNumber) -> Snapshot:
        """The set as it is durable now; waits for a fold of what is new (1.2 us an entry). Raises InventoryUnknown."""
        async with self._turn(origin) as kept:
            await self._folding.fold(kept, self._state.end(origin).number)
            return Snapshot(origin, kept.number, kept.running_hash, kept.inventory.copy(), kept.doubted)

    async def audit(self, origin: NodeNumber, unit: int) -> bool:
        """Compute one unit anew from the id rows (0.1 s for 15,600 ids); True when it is what was folded.

        A unit that differs is doubted from now on, and rebuilt by `run`. A blob that was let go of a unit that is said
        to be here is told to the scrub. Raises InventoryUnknown.
        """
        async with self._turn(origin) as kept:
            await self._folding.fold(kept, self._state.end(origin).number)
            number, folded = kept.number, kept.inventory.digest(unit)
        found = await read_unit(self._kv, self._blocking, self.key, origin, unit, number)
        if found.let_go and not self._state.dropped_units.get(origin, 0) >> unit & 1:
            self._state.suspects.update(dict.fromkeys((origin, let_go) for let_go in found.let_go))
            self._state.suspected.beat()
        if found.digest != folded:
            self.doubt(origin, 1 << unit)
        return found.digest == folded

    def compare(self, snapshot: Snapshot, found: Inventory) -> int:
        """Hold a snapshot against the ids that rows had up to its number; units (a mask) that differ are doubted.

        What was doubted before is left alone: it is looked at again by `run`.
        """
        units = snapshot.inventory.differing(found) & ~snapshot.doubted
        if units:
            self.doubt(snapshot.origin, units)
        return units

    def doubt(self, origin: NodeNumber, units: int) -> None:
        """These units (a mask) contradict what lies on disk: nothing is signed for them until they are rebuilt."""
        kept = self._kept.get(origin)
        if kept is not None:
            kept.doubted |= units
            kept.summed = UNWRITTEN
            self._has_new_doubts = True
            self._state.grown.beat()

    async def rebuild(self, origin: NodeNumber, units: int = all_units()) -> None:
        """Make these units (a mask) anew: 1,000,000 ids in about 5 s. Doubted stay only those whose rows disagree.

        Raises InventoryUnknown, and nothing is changed.
        """
        async with self._turn(origin) as kept:
            await self._folding.fold(kept, self._state.end(origin).number)
            holes = self._folding.holes(origin)
            anew = await make_anew(self._kv, self._blocking, self.key, origin, units, kept.number, holes)
            for unit in units_of_mask(units):
                kept.inventory.replace_unit(unit, anew.inventory.digest(unit), anew.inventory.symbols(1 << unit))
            kept.doubted = kept.doubted & ~units | anew.contradictory
            kept.rebuilds += 1
        self._state.grown.beat()

    async def run(self, log: Log) -> None:
        """Follow the durable ends until cancelled, and write what was folded. Writes all tables when it ends."""
        try:
            while True:
                has_folded = await self._fold_all(log)
                if self._has_new_doubts:
                    await self._rebuild_doubted(log)
                elif not has_folded:
                    await self._wait_and_audit(log)
                elif self.rows_behind < limits.INVENTORY_FOLD_ROWS_MAX:
                    await trio.sleep(limits.INVENTORY_FOLD_PAUSE_S)
        finally:
            await self._write_at_stop()

    async def _wait_and_audit(self, log: Log) -> None:
        """Wait for new rows; when it is time, audit the next unit, and look again at those that are doubted."""
        with trio.move_on_at(self._audit_at if self._kept else math.inf):
            await self._state.grown.wait()
        if trio.current_time() < self._audit_at or not self._kept:
            return
        pause_s = limits.INVENTORY_AUDIT_INTERVAL_S / len(self._kept)
        self._audit_at = trio.current_time() + max(limits.INVENTORY_AUDIT_PAUSE_S, pause_s)
        origins = sorted(self._kept)
        self._audits += 1
        round_number, place = divmod(self._audits, len(origins))
        try:
            if not await self.audit(origins[place], round_number % UNITS):
                log.error("inventory doubted", origin=origins[place], units=1)
        except InventoryUnknown as exc:
            log.error("inventory unknown", origin=origins[place], reason=str(exc))
        self._has_new_doubts |= self.units_doubted > 0

    # --- folding -----------------------------------------------------------------------------------------------

    async def _fold_all(self, log: Log) -> bool:
        """One round over all origins; true when anything was folded or written."""
        has_folded = False
        for origin in sorted(self._state.ends):
            kept = self._kept.get(origin)
            is_done = kept is not None and kept.summed == self._state.end(origin).number and not kept.must_table
            if is_done or self._unknown_until.get(origin, 0.0) > trio.current_time():
                continue
            try:
                await self._fold_and_write(origin)
                self._unknown_until.pop(origin, None)
                has_folded = True
            except InventoryUnknown as exc:
                log.error("inventory unknown", origin=origin, reason=str(exc))
                self._unknown_until[origin] = trio.current_time() + _UNKNOWN_RETRY_S
        return has_folded

    async def _fold_and_write(self, origin: NodeNumber) -> None:
        """At most one batch: whoever waits for a snapshot gets a turn in between."""
        async with self._turn(origin) as kept:
            target = min(self._state.end(origin).number, kept.number + limits.INVENTORY_FOLD_ROWS_MAX)
            await self._folding.fold(kept, target)
            with_table, number, rebuilds = kept.must_table, kept.number, kept.rebuilds
            batch = self._folding.rows(kept, with_table=with_table)
            kept.summed = number  # a doubt that comes while we write makes it unwritten again
        await self._kv.write(batch)
        if with_table:
            kept.tabled, kept.rebuilds = number, kept.rebuilds - rebuilds

    async def _rebuild_doubted(self, log: Log) -> None:
        self._has_new_doubts = False
        for origin in sorted(self._kept):
            units = self._kept[origin].doubted
            if units:
                try:
                    await self.rebuild(origin, units)
                    left = self._kept[origin].doubted.bit_count()
                    log.error("inventory made anew", origin=origin, units=units.bit_count(), still_doubted=left)
                except InventoryUnknown as exc:  # they stay doubted, and sign nothing
                    log.error("inventory unknown", origin=origin, reason=str(exc))

    async def _write_at_stop(self) -> None:
        """So that the next start replays nothing. A store that failed, or a disk that is slow, is left as it is."""
        with trio.move_on_after(limits.INVENTORY_STOP_S, shield=True):
            for origin in sorted(self._kept):
                kept = self._kept[origin]
                is_written = kept.number == kept.tabled and not kept.rebuilds
                if self._kv.is_failed or not kept.is_loaded or is_written or kept.turn.locked():
                    continue
                try:
                    await self._kv.write(self._folding.rows(kept, with_table=True))
                except LumbungError:  # the engine is gone already: it is as after a crash
                    return

    # --- loading -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _turn(self, origin: NodeNumber) -> AsyncIterator[Kept]:
        """The origin's inventory, loaded, for one who may change it."""
        kept = self._kept.get(origin)
        if kept is None:  # made for a new one only: an empty one costs as much as the fold of a few rows
            kept = self._kept[origin] = Kept(origin, Inventory(self.key))
        async with kept.turn:
            if not kept.is_loaded:
                await self._folding.load(kept)
                kept.is_loaded = True
                self._has_new_doubts |= kept.doubted != 0
            try:
                yield kept
            except LumbungError:
                raise
            except Exception:
                # A bug in the middle of a change: what is in memory now nobody knows, and the next fold would go on
                # from it. Made anew from the rows it is what they say; until then it signs nothing.
                kept.doubted, kept.summed = all_units(), UNWRITTEN
                self._has_new_doubts = True
                raise
