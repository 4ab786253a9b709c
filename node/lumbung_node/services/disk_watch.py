"""Watching the disk: two marks, looked at every few seconds; everything comes back by itself when space returns."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from lumbung_node.services.core import Core
from lumbung_node.store.runs import drop_old_runs

__all__ = ["DiskMarks", "watch_disk"]

_LOOK_INTERVAL_S = 5.0
_STAGING_AGE_MS = 24 * 3600 * 1000
_SWEEP_INTERVAL_S = 3600.0


@dataclass(frozen=True, slots=True)
class DiskMarks:
    """Free bytes: below the first foreign copies are refused, below the second own puts too. Reads always go on."""

    foreign_free_bytes: int
    own_free_bytes: int


async def watch_disk(core: Core, marks: DiskMarks) -> None:
    """Runs until cancelled. Also takes away the pieces of replication that nobody resumed for a day."""
    swept = trio.current_time() - _SWEEP_INTERVAL_S
    while True:
        await look(core, marks)
        if trio.current_time() - swept >= _SWEEP_INTERVAL_S:
            swept = trio.current_time()
            before_ms = core.clock.now_ms() - _STAGING_AGE_MS
            await drop_old_runs(core.store.kv, begun_before_ms=before_ms, busy=set())
        await trio.sleep(_LOOK_INTERVAL_S)


async def look(core: Core, marks: DiskMarks) -> None:
    """Compare free space with the marks once."""
    space = await core.store.kv.space()
    condition = core.condition
    condition.free_bytes, condition.total_bytes = space.free_bytes, space.total_bytes
    foreign, own = space.free_bytes < marks.foreign_free_bytes, space.free_bytes < marks.own_free_bytes
    if (foreign, own) != (condition.refuses_foreign, condition.refuses_own):
        core.log.warning("disk marks", free_bytes=space.free_bytes, refuses_foreign=foreign, refuses_own=own)
    condition.refuses_foreign, condition.refuses_own = foreign, own
