"""Putting right what a walk, or somebody who read, has found wrong at some numbers of one feed.

Each number is diagnosed alone (diagnosis.py), and all that is to be done goes into one commit: damage is durable before
anything else is said or sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.limits import SCRUB_STEP_BLOBS_MAX
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.census import rows_by_number
from lumbung_node.services.scrub.diagnosis import Diagnosis, diagnose
from lumbung_node.services.scrub.looking import look
from lumbung_node.services.scrub.reading import ByteReader
from lumbung_node.store.events import NO_BLOB, Event, EventKind, FoundBy
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import dropped_key

__all__ = ["Mending"]

_ROUNDS = 2  # a list that was signed anew lets the bytes be judged


class Mending:
    """One at a time. `doubt` begins a new generation because of our own feed."""

    def __init__(self, core: Core, reader: ByteReader, doubt: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._reader = reader
        self._doubt = doubt
        self._turn = trio.Lock()

    async def mend(self, origin: NodeNumber, suspects: Sequence[int]) -> None:
        """Diagnose each number and commit what is to be done."""
        if not suspects:
            return
        async with self._turn:
            for _ in range(_ROUNDS):
                found = Diagnosis()
                lost = await self._lost(origin, suspects)
                rows = await rows_by_number(self._core.store.kv, origin, lost) if lost else {}
                for number in sorted({*suspects, *lost}):
                    await diagnose(self._core, self._reader, origin, number, rows, found)
                await self._commit(found)
                if not found.job.signed_again and not found.job.feed_mends:
                    return

    async def _lost(self, origin: NodeNumber, suspects: Sequence[int]) -> set[int]:
        """The suspects whose feed row is gone, and what is gone right behind them: whoever stumbled saw the first."""
        breaks, end = self._core.store.state.scrub.breaks, self._core.store.state.end(origin).number
        lost = set[int]()
        for number in suspects:
            for item in await look(self._core, origin, number, min(number + SCRUB_STEP_BLOBS_MAX, end)):
                if item.feed is not None or (item.number != number and (origin, item.number) in breaks):
                    break
                lost.add(item.number)
        return lost

    async def _commit(self, found: Diagnosis) -> None:
        job, book = found.job, self._core.store.state.scrub
        for origin, unit in sorted(found.let_go):
            await self._say_let_go(origin, unit)
        if not (job.damage or job.remade or job.feed_mends or job.signed_again or found.twice or found.breaks):
            return
        await self._core.store.committer.commit(job)
        book.twice.update(found.twice)
        for origin, blob in found.twice:
            # The fold counted it once for each number: made anew from the rows it counts once, as at everybody else.
            self._core.store.inventories.doubt(origin, 1 << blob.unit)
        book.breaks.update(found.breaks)
        for place in found.filled:
            book.breaks.pop(place, None)
        for origin, _ in found.breaks:  # what was folded may be what is lost
            self._core.store.inventories.doubt(origin, all_units())
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

    async def _say_let_go(self, origin: NodeNumber, unit: int) -> None:
        """Bytes of a unit that others hold are gone: should a roster give it back, all of it is fetched first."""
        core, state = self._core, self._core.store.state
        async with state.units_turn:
            if core.rosters.roster.units_held(core.number, origin) >> unit & 1:
                return  # a new roster gives it back just now: what is missing is found again, as lost
            mask = state.dropped_units.get(origin, 0) | 1 << unit
            job = Job()
            job.extra.put(Family.SYSTEM, dropped_key(origin), mask.to_bytes(8, "big"))
            state.dropped_units[origin] = mask
            await core.store.committer.commit(job)
        core.log.error("scrub found a unit let go unsaid", origin=origin, unit=unit)
