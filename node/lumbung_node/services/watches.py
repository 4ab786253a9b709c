"""Watching the disk and the clock: two marks of free space, and a wall clock that must not jump.

Everything comes back by itself when space returns or the clock is set right.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import trio

from lumbung_cluster.errors import BlobDamaged, DiskFailed, DiskFull
from lumbung_cluster.health import CLOCK_SKEW_MS, is_clock_confirmed
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.keyvalue import Batch
from lumbung_node.services.core import Core

__all__ = ["DiskMarks", "look", "watch_clock", "watch_disk"]

_LOOK_INTERVAL_S = 5.0
_STAGING_AGE_MS = 24 * 3600 * 1000
_SWEEP_INTERVAL_S = 3600.0
_CLOCK_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True)
class DiskMarks:
    """Free bytes: below the first foreign copies are refused, below the second own puts too. Reads always go on."""

    foreign_free_bytes: int
    own_free_bytes: int


async def watch_disk(core: Core, marks: DiskMarks, sweep: Callable[[int], Awaitable[None]]) -> None:
    """Runs until cancelled. Also takes away the pieces of replication that nobody resumed for a day.

    Raises what was the matter once a write has failed: it may have been a call's, of a large blob ahead of its commit,
    and whoever opens again hears of no call. Until then each next one would fail, and only a commit would tell.

    `sweep(before_ms)` takes away those that began before and that no session is bringing now.
    """
    swept = trio.current_time() - _SWEEP_INTERVAL_S
    while True:
        if core.store.kv.is_failed:
            # Every write raises now, and says what it was: a store that is found damaged again is to be set aside, and
            # under the name of a disk that failed it would only be opened, for ever.
            await core.store.kv.write(Batch())
            raise DiskFailed("a write or a sync failed: the store is to be opened again")
        await look(core, marks)
        if trio.current_time() - swept >= _SWEEP_INTERVAL_S:
            swept = trio.current_time()
            try:
                await sweep(core.clock.now_ms() - _STAGING_AGE_MS)
            except BlobDamaged as exc:  # a block under the rows of what was cut: recording must not stop for that
                core.log.error("pieces of cut blobs not looked at", reason=str(exc))
        await trio.sleep(_LOOK_INTERVAL_S)


async def watch_clock(core: Core, offsets_ms: Callable[[], Sequence[int]]) -> None:
    """Compare the wall clock with elapsed time, and with the last time that the identity remembers.

    A clock that jumped (a dead battery puts it years back) is CLOCK_SKEW until it is set; nothing orders by it. When
    most partners have our time (`offsets_ms`: theirs less ours), it is the memory that was wrong: a clock that was
    years ahead for a day must not be held against the right one for ever.
    """
    record = await core.store.identity.load()
    behind_ms = core.clock.now_ms() - record.clock_seen_ms if record is not None else 0
    condition = core.condition
    condition.clock_jump_ms = min(0, behind_ms)
    wall_ms, elapsed = core.clock.now_ms(), trio.current_time()
    while True:
        await trio.sleep(_CLOCK_INTERVAL_S)
        expected_ms = wall_ms + int((trio.current_time() - elapsed) * 1000)
        drift_ms = core.clock.now_ms() - expected_ms
        if abs(drift_ms) >= CLOCK_SKEW_MS:
            core.log.error("clock jumped", offset_ms=drift_ms)
            condition.clock_jump_ms += drift_ms
            wall_ms, elapsed = core.clock.now_ms(), trio.current_time()
        if abs(condition.clock_jump_ms) < CLOCK_SKEW_MS or is_clock_confirmed(offsets_ms()):
            condition.clock_jump_ms = 0
            try:
                await core.store.update_identity(partial(_with_clock, core.clock.now_ms()))
            except (
                DiskFailed,
                DiskFull,
            ) as exc:  # must not stop recording: the time is only advisory
                core.log.warning("clock not remembered", reason=str(exc))


def _with_clock(now_ms: int, record: IdentityRecord) -> IdentityRecord:
    return replace(record, clock_seen_ms=now_ms)


async def look(core: Core, marks: DiskMarks) -> None:
    """Compare free space with the marks once."""
    space = await core.store.kv.space()
    condition = core.condition
    condition.free_bytes, condition.total_bytes = space.free_bytes, space.total_bytes
    foreign = space.free_bytes < marks.foreign_free_bytes or bool(condition.fallback)
    own = space.free_bytes < marks.own_free_bytes
    if (foreign, own) != (condition.refuses_foreign, condition.refuses_own):
        core.log.warning("disk marks", free_bytes=space.free_bytes, refuses_foreign=foreign, refuses_own=own)
    if foreign and not condition.refuses_foreign:
        condition.refusing_since = trio.current_time()
    condition.refuses_foreign, condition.refuses_own = foreign, own
    core.store.state.scrub.has_room = not foreign  # replaced bytes are kept as evidence only while there is room
