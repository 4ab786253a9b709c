"""The scrub as a task: passes over all origins, a cursor that survives restarts, and what operators may tell it.

A walk goes through one origin's feed in the order of its numbers, which is nearly the order of places on the disk. For
each number: the running hash follows from the one before, the signed list is there and vouches for the blob, the row
agrees with both, and the bytes hash to the id. Behind the last number all rows are looked through for those that no
feed row names. Whatever is wrong is looked at again, alone, and put right or withdrawn (diagnosis.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import SCRUB_SAVE_INTERVAL_S, SCRUB_STEP_BLOBS_MAX
from lumbung_cluster.scrub_chain import LinkState
from lumbung_cluster.scrub_pace import PassTimes, ScrubSettings, nap_s, next_pass_in_s
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.census import rows_by_number, unlisted_rows
from lumbung_node.services.scrub.diagnosis import Diagnosis, diagnose
from lumbung_node.services.scrub.looking import Looked, links_of, look, previous_hash
from lumbung_node.services.scrub.reading import ByteReader, Stored
from lumbung_node.store.events import NO_BLOB, Event, EventKind, FoundBy
from lumbung_node.store.jobs import Adopted, Job
from lumbung_node.store.layout import BlobRow, RowState, verified_key
from lumbung_node.store.scrub_rows import PassRow, put_progress
from lumbung_node.store.state import Pulse

__all__ = ["Scrubber"]

_MEND_ROUNDS = 2  # a list that was signed anew lets the bytes be judged


class Scrubber:
    """`doubt` begins a new generation because of our own feed."""

    def __init__(self, core: Core, settings: ScrubSettings, doubt: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._book = core.store.state.scrub
        self._settings = settings
        self._doubt = doubt
        self._told = Pulse()
        self._is_hurried = False
        self._reader = ByteReader(core.store.kv, core.blocking, core.activity, self._nap)
        self._mending = trio.Lock()
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
                await self._mend(origin, [number for of, number in suspects if of == origin])
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
            await self._step(origin, number + 1, min(number + SCRUB_STEP_BLOBS_MAX, state.end(origin).number))
            active_ms = self._book.pass_row.active_ms + int((trio.current_time() - begun) * 1000)
            self._book.pass_row = replace(self._book.pass_row, active_ms=active_ms)
            if trio.current_time() - self._saved_at >= SCRUB_SAVE_INTERVAL_S:
                await self._save(origin)
        await self._take_in_unlisted(origin)
        self._book.origins[origin] = self._book.progress(origin).end()
        await self._save(origin, verified_since_ms=begun_ms)
        return True

    async def _step(self, origin: NodeNumber, first: int, last: int) -> None:
        """Check these numbers; the cursor moves past them once everything wrong is marked or mended."""
        begun = trio.current_time()
        end = self._core.store.state.end(origin).number
        looked = await look(self._core, origin, first, min(last + 1, end))
        ahead = looked.pop() if last < end else None
        links = links_of(looked, await previous_hash(self._core, origin, first), ahead)
        suspects: list[int] = []
        stored: list[Stored] = []
        numbers: list[int] = []
        for item, (state, _) in zip(looked, links, strict=True):
            if not self._is_in_order(origin, item, state):
                suspects.append(item.number)
            elif item.feed is not None and item.row is not None and _has_bytes(item, item.row):
                stored.append(Stored(item.feed.blob, item.row))
                numbers.append(item.number)
        await self._nap(trio.current_time() - begun, 0)
        suspects += [numbers[index] for index in await self._reader.wrong(stored)]
        await self._mend(origin, sorted(suspects))
        row = self._book.pass_row
        read_bytes = row.read_bytes + sum(item.row.size_bytes for item in stored)
        self._book.pass_row = replace(row, blobs=row.blobs + len(looked), read_bytes=read_bytes)
        self._book.origins[origin] = replace(self._book.progress(origin), number=last)

    def _is_in_order(self, origin: NodeNumber, item: Looked, link: LinkState) -> bool:
        """Whether nothing but the bytes is left to be looked at."""
        if item.is_changing:
            return True
        is_known_break = (origin, item.number) in self._book.breaks
        if item.feed is None:
            return is_known_break
        if item.signed is None or (link not in (LinkState.HOLDS, LinkState.OTHER_ENTRY) and not is_known_break):
            return False
        if item.row is None:
            return not self._core.rosters.roster.units_held(self._core.number, origin) >> item.feed.blob.unit & 1
        if item.row.state is RowState.DROPPED:
            return item.agrees
        if item.row.number != item.number:
            return item.number in self._book.twice.get((origin, item.feed.blob), ())
        return item.agrees and item.row.state is RowState.INTACT and item.row.chunks > 0

    # --- mending -----------------------------------------------------------------------------------------------

    async def _mend(self, origin: NodeNumber, suspects: Sequence[int]) -> None:
        """Diagnose each number and commit what is to be done, damage before anything else is said or sent."""
        if not suspects:
            return
        async with self._mending:
            for _ in range(_MEND_ROUNDS):
                found = Diagnosis()
                lost = [
                    item.number
                    for number in suspects
                    for item in await look(self._core, origin, number, number)
                    if item.feed is None
                ]
                rows = await rows_by_number(self._core.store.kv, origin, set(lost)) if lost else {}
                for number in suspects:
                    await diagnose(self._core, self._reader, origin, number, rows, found)
                await self._commit(found)
                if not found.job.signed_again and not found.job.feed_mends:
                    return

    async def _commit(self, found: Diagnosis) -> None:
        job = found.job
        if not (job.damage or job.remade or job.feed_mends or job.signed_again or found.twice or found.breaks):
            return
        await self._core.store.committer.commit(job)
        self._book.twice.update(found.twice)
        for origin, blob in found.twice:
            # The fold counted it once for each number: made anew from the rows it counts once, as at everybody else.
            self._core.store.inventories.doubt(origin, 1 << blob.unit)
        self._book.breaks.update(found.breaks)
        for damage in job.damage:
            self._core.log.error(
                "scrub found damage", origin=damage.origin, blob=str(damage.blob), kind=damage.kind.name
            )
        for remade in job.remade:
            self._core.log.error(
                "scrub found a wrong row", origin=remade.origin, blob=str(remade.blob), kind=remade.kind.name
            )
        self._core.tell_damage([*((d.origin, d.blob) for d in job.damage), *((r.origin, r.blob) for r in job.remade)])
        if found.doubt:
            now_ms = self._core.clock.now_ms()
            doubted = Event(EventKind.DOUBTED, FoundBy.SCRUB, False, self._core.number, NO_BLOB, 0, now_ms)
            await self._core.store.committer.commit(Job(events=[doubted]))
            await self._doubt(found.doubt)

    async def _take_in_unlisted(self, origin: NodeNumber) -> None:
        """Rows that no feed row names, and that have a list: nothing that is here stays unknown to the others."""
        state, reader = self._core.store.state, self._core.store.reader
        async for page in unlisted_rows(self._core.store.kv, origin, self._book.progress(origin).number):
            begun = trio.current_time()
            job = Job()
            lists = await reader.lists(origin, [row.signed for _, row in page])
            for (blob, row), signed in zip(page, lists, strict=True):
                entries = signed.content.entries if signed is not None else ()
                if row.signed.index < len(entries) and entries[row.signed.index].blob == blob:
                    job.adopted.append(Adopted(origin, entries[row.signed.index], row))
            if job.adopted and not state.suspects:
                await self._core.store.committer.commit(job)
            await self._nap(trio.current_time() - begun, 0)

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


def _has_bytes(item: Looked, row: BlobRow) -> bool:
    """Whether this number's bytes are to be read: what was let go has none, what is twice in the feed one run."""
    return row.number == item.number and row.state is not RowState.DROPPED
