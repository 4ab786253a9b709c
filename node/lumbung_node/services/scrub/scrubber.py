"""The scrub as a task: passes over all origins, a cursor that survives restarts, and what operators may tell it.

A walk goes through one origin's feed in the order of its numbers, which is nearly the order of places on the disk
(walking.py). Whatever is wrong is looked at again, alone, and put right or withdrawn (diagnosis.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import SCRUB_SAVE_INTERVAL_S, SCRUB_STEP_BLOBS_MAX
from lumbung_cluster.scrub_pace import PassTimes, ScrubSettings, nap_s, next_pass_in_s
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.mending import Mending
from lumbung_node.services.scrub.reading import ByteReader
from lumbung_node.services.scrub.walking import Step, Walker
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import verified_key
from lumbung_node.store.scrub_rows import PassRow, put_progress
from lumbung_node.store.state import Pulse

__all__ = ["Scrubber"]


class Scrubber:
    """`doubt` begins a new generation because of our own feed."""

    def __init__(self, core: Core, settings: ScrubSettings, doubt: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._book = core.store.state.scrub
        self._settings = settings
        self._told = Pulse()
        self._is_hurried = False
        reader = ByteReader(core.store.kv, core.blocking, core.activity, self._nap)
        self._mending = Mending(core, reader, doubt)
        self._walker = Walker(core, reader, self._mending, self._nap)
        self._begun_at = trio.current_time()
        self._saved_at = trio.current_time()
        self._worked_s = 0.0
        self._worked_bytes = 0
        self.settings = settings

    async def run(self) -> None:
        """Scrub until cancelled; store failures are raised."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_where_readers_stumbled)
            await self._wait(self._settings.start_delay_s)
            while True:
                await self._until_due()
                await self._pass()

    # --- what an operator may tell -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Go on if paused, and begin a pass now if none is under way."""
        if self._book.pass_row.is_paused:
            self._book.pass_row = replace(self._book.pass_row, is_paused=False)
            await self._save(None)
        self._is_hurried = not self._book.pass_row.is_going
        self._told.beat()

    async def pause(self) -> None:
        """Stop behind the present step, until `start`, over restarts too."""
        self._book.pass_row = replace(self._book.pass_row, is_paused=True)
        self._is_hurried = False
        await self._save(None)
        self._told.beat()

    def times(self) -> PassTimes:
        """Of the pass under way, or of the last one."""
        row = self._book.pass_row
        return PassTimes(self._total_bytes(), row.read_bytes, row.active_ms / 1000)

    # --- when --------------------------------------------------------------------------------------------------

    async def _until_due(self) -> None:
        """Wait until a pass is to begin, or one that was cut short is to go on."""
        row = self._book.pass_row
        wait_s = next_pass_in_s(row.begun_ms, self._core.clock.now_ms(), self._settings) if row.begun_ms else 0.0
        # Taken once, in elapsed time: a wall clock that is set while we wait must not put the pass off for ever.
        due_at = trio.current_time() + wait_s
        while True:
            row = self._book.pass_row
            if row.is_paused:
                await self._told.wait()
            elif row.is_going or self._is_hurried or trio.current_time() >= due_at:
                return
            else:
                await self._wait(due_at - trio.current_time())

    async def _wait(self, seconds: float) -> None:
        """At most so long: an operator, or a reader that stumbled, may not want to wait."""
        if not self._is_hurried:
            with trio.move_on_after(seconds):
                await self._told.wait()

    async def _look_where_readers_stumbled(self) -> None:
        """Sessions and people come to lost index rows before the walk does: mend those at once, then walk."""
        state = self._core.store.state
        while True:
            if not state.suspects:
                await state.suspected.wait()
            suspects, state.suspects = sorted(state.suspects), {}
            for origin in dict.fromkeys(origin for origin, _ in suspects):
                await self._mending.mend(origin, [number for of, number in suspects if of == origin])
            self._is_hurried = not self._book.pass_row.is_paused
            self._told.beat()
            await trio.sleep(self._settings.start_delay_s)

    # --- one pass ----------------------------------------------------------------------------------------------

    async def _pass(self) -> None:
        if not self._book.pass_row.is_going:
            self._begin_pass()
        begun_ms = self._book.pass_row.begun_ms
        self._begun_at = trio.current_time() - max(0.0, (self._core.clock.now_ms() - begun_ms) / 1000)
        while (origin := self._next_origin()) is not None:
            if not await self._walk(origin):
                return  # paused
        times, row = self.times(), self._book.pass_row
        self._book.pass_row = replace(
            row, ended_ms=max(1, self._core.clock.now_ms()), last_rate_bytes_s=int(times.rate_bytes_s)
        )
        await self._save(None)
        self._core.log.info("scrub pass ended", blobs=row.blobs, read_bytes=row.read_bytes, wrong=row.wrong)

    def _begin_pass(self) -> None:
        self._is_hurried = False
        old = self._book.pass_row
        begun_ms = max(1, self._core.clock.now_ms())
        if begun_ms == old.begun_ms:  # the walks tell passes apart by this time
            begun_ms += 1
        self._book.pass_row = PassRow(begun_ms=begun_ms, last_rate_bytes_s=old.last_rate_bytes_s)
        self._core.log.info("scrub pass begins", origins=len(self._core.store.state.counts))

    def _next_origin(self) -> NodeNumber | None:
        begun_ms = self._book.pass_row.begun_ms
        for origin in sorted(self._core.store.state.counts):
            if self._book.progress(origin).checked_begun_ms != begun_ms:
                return origin
        return None

    async def _walk(self, origin: NodeNumber) -> bool:
        """One origin, from where its walk stands to its end; False when it was paused before."""
        state, begun_ms = self._core.store.state, self._book.pass_row.begun_ms
        if self._book.progress(origin).begun_ms != begun_ms:
            self._book.origins[origin] = self._book.progress(origin).begin(begun_ms)
        while (number := self._book.progress(origin).number) < state.end(origin).number:
            if self._book.pass_row.is_paused:
                await self._save(origin)
                return False
            begun = trio.current_time()
            last = min(number + SCRUB_STEP_BLOBS_MAX, state.end(origin).number)
            self._count(await self._walker.step(origin, number + 1, last), trio.current_time() - begun)
            self._book.origins[origin] = replace(self._book.progress(origin), number=last)
            if trio.current_time() - self._saved_at >= SCRUB_SAVE_INTERVAL_S:
                await self._save(origin)
        await self._walker.finish(origin, self._book.progress(origin).number)
        self._book.origins[origin] = self._book.progress(origin).end()
        await self._save(origin, verified_since_ms=begun_ms)
        return True

    def _count(self, step: Step, active_s: float) -> None:
        row = self._book.pass_row
        self._book.pass_row = replace(
            row,
            active_ms=row.active_ms + int(active_s * 1000),
            blobs=row.blobs + step.blobs,
            read_bytes=row.read_bytes + step.read_bytes,
        )

    # --- pace and cursor ---------------------------------------------------------------------------------------

    async def _nap(self, worked_s: float, read_bytes: int) -> None:
        self._worked_s += worked_s
        self._worked_bytes += read_bytes
        pause_s = nap_s(
            worked_s,
            is_busy=self._core.activity.is_busy,
            left_bytes=max(0, self._total_bytes() - self._book.pass_row.read_bytes),
            work_rate_bytes_s=self._worked_bytes / self._worked_s if self._worked_s else 0.0,
            left_s=self._settings.pass_interval_s - (trio.current_time() - self._begun_at),
        )
        await trio.sleep(pause_s)

    def _total_bytes(self) -> int:
        return sum(counts.size_bytes for counts in self._core.store.state.counts.values())

    async def _save(self, origin: NodeNumber | None, *, verified_since_ms: int = 0) -> None:
        """Make the cursor durable; behind a whole walk also since when all bytes of the origin are checked."""
        self._saved_at = trio.current_time()
        job, state = Job(), self._core.store.state
        put_progress(job.extra, self._book, origin)
        if origin is not None and verified_since_ms > state.verified_since_ms.get(origin, 0):
            job.extra.put(Family.SYSTEM, verified_key(origin), verified_since_ms.to_bytes(8, "big"))
            state.verified_since_ms[origin] = verified_since_ms
        await self._core.store.committer.commit(job)
