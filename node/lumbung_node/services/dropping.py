"""Letting go of units that all present holders have proven: only an operator says so, and sees first what would go.

A unit goes when `judge_release` says that it may. First it is said, durably, that rows of it may be gone. Then those
rows that were looked at become DROPPED and their chunks are deleted, group by group; what comes meanwhile, out of a
store that was set aside, nobody has proven, and it stays. Nothing else is forgotten: the feed and the inventory keep
every entry, so that the node can hold the unit again one day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import trio

from lumbung_cluster.errors import InventoryUnknown, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber, all_units, units_of_mask
from lumbung_cluster.inventory.claims import make_claims
from lumbung_cluster.release import UnitVerdict, judge_release
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.releasing import load_release
from lumbung_node.store.jobs import Dropped, Job
from lumbung_node.store.layout import BlobRow, RowState, dropped_key
from lumbung_node.store.unit_rows import UnitRows, for_each_group

__all__ = ["Dropping", "OriginPlan", "units_gone"]

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class OriginPlan:
    """Of one origin whose blobs lie here: the units that may go, with what would be freed, and why others may not.

    `number` is that of our feed up to which it was looked at. `kept` counts units by their verdict (`UnitVerdict`),
    those that the roster gives to this node left out.
    """

    origin: NodeNumber
    number: int
    units: int
    blobs: int
    size_bytes: int
    kept: tuple[tuple[str, int], ...]


class Dropping:
    """Plans without changing anything, and carries out what a plan says now."""

    def __init__(self, core: Core, start_new_life: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._start_new_life = start_new_life

    async def plan(self, only: NodeNumber | None = None) -> list[OriginPlan]:
        """One for each origin of which something lies here that the roster does not give to this node."""
        core = self._core
        plans = []
        for origin in sorted(core.store.state.counts):
            if origin == core.number or (only is not None and origin != only):
                continue
            found = await self._plan_of(origin)
            if found is not None:
                plans.append(found)
        return plans

    async def drop(self, origin: NodeNumber, units: int) -> tuple[int, int]:
        """Let these units go, all of which a plan made now says may go: blobs and bytes freed. Raises Rejected."""
        plan = await self._plan_of(origin)
        if plan is None or units & ~plan.units:
            raise Rejected(
                StatusCode.FAILED_PRECONDITION,
                f"origin {origin}: expected only units that every present holder has freshly proven, ask for a plan",
            )
        # Before the first byte goes: a roster may give us the units back, and an origin that has our old receipts for
        # them would count copies that are gone. Words of an older life are void, and in the new one none is said.
        await self._commit(origin, units, [])
        await self._start_new_life(f"{units.bit_count()} units of origin {origin} are let go")
        sizes: list[int] = []
        for unit in units_of_mask(units):
            rows = UnitRows(self._core.store.kv, origin, unit)
            await for_each_group(rows, _ROWS_AT_ONCE, partial(self._let_go, rows, plan.number, sizes))
        self._core.log.warning(
            "units let go", origin=origin, units=units.bit_count(), blobs=len(sizes), bytes=sum(sizes)
        )
        return len(sizes), sum(sizes)

    async def _let_go(self, rows: UnitRows, number: int, sizes: list[int], group: list[tuple[BlobId, BlobRow]]) -> None:
        gone = [(blob, row) for blob, row in group if row.state is not RowState.DROPPED and row.number <= number]
        await self._commit(rows.origin, 1 << rows.unit, gone)
        sizes += [row.size_bytes for _, row in gone]

    async def _commit(self, origin: NodeNumber, units: int, gone: list[tuple[BlobId, BlobRow]]) -> None:
        """Say that rows of these units may be gone, and let these go."""
        state = self._core.store.state
        async with state.units_turn:
            # Asked again for each group: a roster that gives the unit back must find the rest of it here.
            if back := units & self._core.rosters.roster.units_held(self._core.number, origin):
                raise Rejected(
                    StatusCode.ABORTED,
                    f"origin {origin}: a new roster gives units {list(units_of_mask(back))} to this node again",
                )
            mask = state.dropped_units.get(origin, 0) | units
            job = Job(dropped=[Dropped(origin, blob, row) for blob, row in gone])
            job.extra.put(Family.SYSTEM, dropped_key(origin), mask.to_bytes(8, "big"))
            state.dropped_units[origin] = mask  # before the commit: a mask that says too much only keeps us silent
            # An operator who hangs up does not end the turn: what is on its way to the disk is not in the rows yet.
            with trio.CancelScope(shield=True):
                await self._core.store.committer.commit(job)

    async def _plan_of(self, origin: NodeNumber) -> OriginPlan | None:
        core = self._core
        try:
            snapshot = await core.store.inventories.snapshot(origin)
        except InventoryUnknown:
            return None
        foreign = all_units() & ~core.rosters.roster.units_held(core.number, origin)
        if core.store.state.count(origin).size_bytes:
            foreign &= ~await units_gone(core, origin, foreign)
        else:  # an emptied node need not read a million rows to say so
            foreign &= ~core.store.state.dropped_units.get(origin, 0)
        units = sum(1 << unit for unit in units_of_mask(foreign) if snapshot.inventory.digest(unit).count)
        if not units:
            return None
        claims = make_claims(core.store.inventories.key, origin, snapshot.inventory.digests(all_units()), units)
        release, now_ms = await load_release(core, origin), core.clock.now_ms()
        verdicts = judge_release(core.rosters.roster, core.number, origin, claims, release, core.verifier, now_ms)
        may_go = sum(1 << unit for unit, verdict in verdicts.items() if verdict == UnitVerdict.MAY_GO)
        may_go &= ~snapshot.doubted
        blobs, size_bytes = await _weigh(core, origin, may_go)
        kept = [verdict for unit, verdict in verdicts.items() if not may_go >> unit & 1]
        reasons = tuple((each, kept.count(each)) for each in sorted(set(kept)))
        return OriginPlan(origin, snapshot.number, may_go, blobs, size_bytes, reasons)


async def units_gone(core: Core, origin: NodeNumber, units: int) -> int:
    """Those of the units of which nothing is left here.

    A unit that was once let go may have something: letting go was cut short in the middle of it, or a roster gave it
    back, and what came since lies here while the rest is still asked for.
    """
    dropped = units & core.store.state.dropped_units.get(origin, 0)
    return sum([1 << unit for unit in units_of_mask(dropped) if not (await _weigh(core, origin, 1 << unit))[0]])


async def _weigh(core: Core, origin: NodeNumber, units: int) -> tuple[int, int]:
    """Blobs and bytes that are still here of these units."""
    sizes: list[int] = []

    async def weigh(group: list[tuple[BlobId, BlobRow]]) -> None:
        sizes.extend(row.size_bytes for _, row in group if row.state is not RowState.DROPPED)

    for unit in units_of_mask(units):
        await for_each_group(UnitRows(core.store.kv, origin, unit), _ROWS_AT_ONCE, weigh)
    return len(sizes), sum(sizes)
