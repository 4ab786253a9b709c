"""One origin's walk: a step looks at some numbers of the feed, and behind the last one everything is held together.

For each number: the running hash follows from the one before, the signed list is there and vouches for the blob, the
row agrees with both, the number row leads back, and the bytes hash to the id. At the end all blob rows are looked
through for those that no feed row names, their sizes and states are added up against the counts, and each unit's ids
are summed up against the inventory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import trio

from lumbung_cluster.entry import Entry
from lumbung_cluster.errors import InventoryUnknown
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.scrub_chain import LinkState
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.census import Census
from lumbung_node.services.scrub.diagnosis import is_proven_elsewhere
from lumbung_node.services.scrub.looking import Looked, links_of, look, previous_hash
from lumbung_node.services.scrub.mending import Mending
from lumbung_node.services.scrub.reading import ByteReader, Stored
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.inventories import Snapshot
from lumbung_node.store.jobs import Adopted, Damage, Job, Recount
from lumbung_node.store.layout import BlobRow, RowState, number_key

__all__ = ["Nap", "Step", "Walker"]

Nap = Callable[[float, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step:
    """How much was looked at."""

    blobs: int
    read_bytes: int


class Walker:
    """`nap` is told how long the work took and how many bytes it was, and waits as long as it finds right."""

    def __init__(self, core: Core, reader: ByteReader, mending: Mending, nap: Nap) -> None:
        self._core = core
        self._reader = reader
        self._mending = mending
        self._nap = nap

    async def step(self, origin: NodeNumber, first: int, last: int) -> Step:
        """Check these numbers; everything wrong is marked or mended when it returns."""
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
        await self._write_number_rows(origin, looked)
        await self._nap(trio.current_time() - begun, 0)
        suspects += [numbers[index] for index in await self._reader.wrong(stored)]
        await self._mending.mend(origin, sorted(suspects))
        return Step(len(looked), sum(item.row.size_bytes for item in stored))

    async def finish(self, origin: NodeNumber, upto: int) -> None:
        """Behind the last number: all rows against feed, counts and inventory, in one look.

        Counts that differ are put right, unless commits went on meanwhile. Units that differ sign nothing until they
        were made anew.
        """
        state, before = self._core.store.state, self._core.store.state.count(origin)
        snapshot = await self._snapshot(origin)
        census = Census(self._core, origin, snapshot.number if snapshot is not None else 0)
        async with aclosing(census.unlisted(upto)) as pages:
            async for page in pages:
                begun = trio.current_time()
                job = await self._taken_in(origin, page)
                if (job.adopted or job.damage) and not state.suspects:
                    await self._core.store.committer.commit(job)
                    self._core.tell_damage([(damage.origin, damage.blob) for damage in job.damage])
                await self._nap(trio.current_time() - begun, 0)
        if census.tells_counts and census.counts != before:
            self._core.log.error("scrub found wrong counts", origin=origin)
            await self._core.store.committer.commit(Job(recounts=[Recount(origin, before, census.counts)]))
        if snapshot is not None and census.is_complete:
            doubted = self._core.store.inventories.compare(snapshot, census.inventory)
            if doubted:
                self._core.log.error("scrub doubts an inventory", origin=origin, units=doubted.bit_count())

    async def _snapshot(self, origin: NodeNumber) -> Snapshot | None:
        """The inventory now; None when the feed cannot be read."""
        try:
            return await self._core.store.inventories.snapshot(origin)
        except InventoryUnknown as exc:
            self._core.log.error("inventory unknown", origin=origin, reason=str(exc))
            return None

    def _is_in_order(self, origin: NodeNumber, item: Looked, link: LinkState) -> bool:
        """Whether nothing but the bytes is left to be looked at."""
        state = self._core.store.state
        if item.is_changing:
            return True
        is_known_break = (origin, item.number) in state.scrub.breaks
        if item.feed is None:
            return is_known_break
        if item.signed is None or (link not in (LinkState.HOLDS, LinkState.OTHER_ENTRY) and not is_known_break):
            return False
        if item.row is None:
            return not self._core.rosters.roster.units_held(self._core.number, origin) >> item.feed.blob.unit & 1
        if item.row.state is RowState.DROPPED:
            return item.agrees and state.is_let_go(origin, item.feed.blob)
        if item.row.number != item.number:
            return item.number in state.scrub.twice.get((origin, item.feed.blob), ())
        is_intact = item.row.state is RowState.INTACT and (origin, item.feed.blob) not in state.damaged
        return item.agrees and is_intact and item.row.chunks > 0

    async def _write_number_rows(self, origin: NodeNumber, looked: Sequence[Looked]) -> None:
        """Those that were lost, and of entries that came before there were any. Nothing is ever said from them."""
        job = Job()
        for item in looked:
            if item.feed is not None and item.lacks_number_row and not item.is_changing:
                job.extra.put(Family.FEEDS, number_key(origin, item.feed.blob), item.number.to_bytes(8, "big"))
        if job.extra.puts:
            await self._core.store.committer.commit(job)

    async def _taken_in(self, origin: NodeNumber, page: Sequence[Stored]) -> Job:
        """What to do about rows that no feed row names: they get a number, with the list that vouches for them.

        One whose list is lost is asked for elsewhere, with its list. An own one that nobody has proven is nowhere else:
        we sign for it anew, without the epoch that it was sealed in, which stood in the list alone.
        """
        lists = await self._core.store.reader.lists(origin, [item.row.signed for item in page])
        job = Job()
        for item, signed in zip(page, lists, strict=True):
            entries = signed.content.entries if signed is not None else ()
            index, row = item.row.signed.index, item.row
            if index < len(entries) and entries[index].blob == item.blob:
                job.adopted.append(Adopted(origin, entries[index], row))
            elif row.state is not RowState.INTACT:
                continue  # asked for already, or let go
            elif origin == self._core.number and not is_proven_elsewhere(self._core, item.blob, row.number):
                if not self._core.condition.stopped:
                    entry = Entry(item.blob, row.size_bytes, row.time_ms, 0)
                    job.adopted.append(Adopted(origin, entry, row, is_unsigned=True))
            else:
                job.damage.append(Damage(origin, item.blob, EventKind.LOST_LIST, FoundBy.SCRUB, row.place))
        return job


def _has_bytes(item: Looked, row: BlobRow) -> bool:
    """Whether this number's bytes are to be read: what was let go has none, nor has a lost row that is being mended
    just now, and what is twice in the feed has one run."""
    return row.number == item.number and row.state is not RowState.DROPPED and row.chunks > 0
