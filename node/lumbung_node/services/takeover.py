"""Taking over what can still be read of stores that were set aside, entry by verified entry, while the node works.

For each store: the own origin first, then the others, in the order of ids; each page of its index in the order of
the disk. An entry comes in as from a peer: its list must carry a valid signature of its origin, its bytes must hash to
its id, and it is committed with the place where to go on, so that a crash repeats at most one page. What cannot be read
is counted and named in the log; holders that have it offer it anyway.

It waits while the disk is nearly full, and rests for as long as it worked, so that puts and sessions go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import DiskFailed, DiskFull, LumbungError, StoreDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.aside import AsideStores, Source
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import STORE_FAILURES, Core
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.takeover_entries import Found, SourceEntries
from lumbung_node.services.takeover_source import NotNow, PatientSource, Tries
from lumbung_node.store.jobs import ForeignBlob, Job
from lumbung_node.store.layout import (
    OriginCounts,
    blob_key,
    counts_key,
    unpack_versions,
)
from lumbung_node.store.reads import is_intact
from lumbung_node.store.state import KEY_UUID, NO_END
from lumbung_node.store.takeovers import TakeoverRow, TakeoverState, load_takeovers, takeover_key

__all__ = ["Takeover"]

_PREFIX_BYTES = 2  # a gap in the index is passed over in steps of 1/65,536 of an origin's ids


class Takeover:
    """`run` ends when nothing is left to take; `rows` tell how far each store has come."""

    def __init__(self, core: Core, aside: AsideStores, arrivals: Arrivals) -> None:
        self._core = core
        self._aside = aside
        self._arrivals = arrivals
        self._tries: dict[str, Tries] = {}
        self.rows: dict[str, TakeoverRow] = {}

    async def load(self) -> None:
        """What is known of the stores that lie aside now: those that an operator threw away are no longer spoken of."""
        known = await load_takeovers(self._core.store.kv)
        self.rows = {name: known.get(name, TakeoverRow()) for name in await self._aside.names()}

    async def run(self) -> None:
        left = [name for name, row in self.rows.items() if row.state is TakeoverState.RUNNING]
        while left:
            left = [name for name in left if not await self._has_taken(name)]
            if left:
                await trio.sleep(limits.TAKEOVER_WAIT_S)

    async def _has_taken(self, name: str) -> bool:
        """False for one that cannot be read now: it may be so for long, and the others must not wait for it."""
        try:
            await self._take(name)
        except NotNow as exc:
            self._core.log.warning("set-aside store not read now", store=name, reason=str(exc))
            return False
        except STORE_FAILURES:
            raise  # our own store: it is opened again, and this goes on where it was
        except Exception as exc:  # noqa: BLE001 (a bug met in doubted bytes must not stop the node)
            self._core.log.error("takeover failed", store=name, error=repr(exc))
        return True

    async def _take(self, name: str) -> None:
        source = await self._open(name)
        if source is None:
            return
        try:
            self._core.log.info("takeover begins", store=name)
            expected = await _expected(source)
            if expected is None:
                self._core.log.error("set-aside store gives nothing", store=name)
                await self._keep(name, replace(self.rows[name], state=TakeoverState.REFUSES_TO_OPEN))
                return
            await self._keep(name, replace(self.rows[name], expected=max(expected, self.rows[name].expected)))
            for origin in self._origins(self.rows[name].origin):
                await self._take_origin(name, source, origin)
            await self._take_tags(source)
            await self._keep(name, replace(self.rows[name], state=TakeoverState.ENDED))
        finally:
            with trio.CancelScope(shield=True):
                await source.close()
        row = self.rows[name]
        self._core.log.info("takeover ended", store=name, taken=row.taken, present=row.present, lacking=row.lacking)

    async def _open(self, name: str) -> Source | None:
        """None when it cannot be read at all. Raises NotNow, as while the disk has no room for the working copy."""
        try:
            return PatientSource(await self._aside.open(name), self._tries.setdefault(name, Tries()))
        except StoreDamaged as exc:
            self._core.log.error("set-aside store does not open", store=name, reason=str(exc))
            await self._keep(name, replace(self.rows[name], state=TakeoverState.REFUSES_TO_OPEN))
            return None
        except (DiskFull, DiskFailed) as exc:
            raise NotNow(str(exc)) from exc

    def _origins(self, first: NodeNumber) -> list[NodeNumber]:
        """Own recordings first: they may exist nowhere else. From `first` on, when an earlier life came so far."""
        own = self._core.number
        held = [origin for origin in self._core.rosters.roster.origins_held(own) if origin != own]
        order = [own, *sorted(held)]
        return order[order.index(first) :] if first in order else order

    async def _take_origin(self, name: str, source: Source, origin: NodeNumber) -> None:
        row = self.rows[name]
        first = blob_key(origin, row.last) + b"\0" if row.origin == origin else origin.to_bytes(4, "big")
        while True:
            begun = trio.current_time()
            page = await self._page(name, source, origin, first)
            if not page:
                return
            await self._room(origin)
            await self._take_page(name, source, origin, page)
            first = page[-1][0] + b"\0"
            await trio.sleep(max(limits.TAKEOVER_REST_S_MIN, trio.current_time() - begun))

    async def _page(self, name: str, source: Source, origin: NodeNumber, first: bytes) -> list[tuple[bytes, bytes]]:
        """The next rows of the origin's index; what cannot be read of it is passed over and counted."""
        behind = (origin + 1).to_bytes(4, "big")
        count, is_counted = limits.TAKEOVER_PAGE_ROWS, False
        while first < behind:
            try:
                return await source.scan(Family.BLOBS, first, behind, count)
            except LumbungError:  # of the source, whatever it is: it must never be taken for a failure of our own store
                if count > 1:
                    count = 1
                    continue
                if not is_counted:
                    self.rows[name], is_counted = replace(self.rows[name], gaps=self.rows[name].gaps + 1), True
                first = _next_prefix(first)
                await trio.lowlevel.checkpoint()
        return []

    async def _room(self, origin: NodeNumber) -> None:
        """Below a disk mark nothing is taken: own recordings go on as long as puts do, others' as long as peers' do."""
        condition = self._core.condition
        while condition.refuses_own or (condition.refuses_foreign and origin != self._core.number):  # noqa: ASYNC110
            await trio.sleep(limits.TAKEOVER_WAIT_S)  # polled, as the disk itself is

    async def _take_page(self, name: str, source: Source, origin: NodeNumber, page: list[tuple[bytes, bytes]]) -> None:
        """Commit what is good of a page, in parts that fit the memory of one offer."""
        row = self.rows[name]
        blobs = [BlobId(key[4:]) for key, _ in page]
        here = await self._core.store.reader.rows(origin, blobs)
        lacking = [(b, v) for b, (_, v), held in zip(blobs, page, here, strict=True) if not is_intact(held)]
        row = replace(row, present=row.present + len(page) - len(lacking))
        found: list[Found] = []
        entries = SourceEntries(self._core, self._arrivals, source, origin)
        for blob, value in lacking:
            each = await entries.check(blob, value)
            if isinstance(each, Found):
                found.append(each)
            else:
                self._core.log.warning("blob not taken over", store=name, origin=origin, blob=str(blob), reason=each)
                row = replace(row, refused=row.refused + 1)
        for part in _parts(sorted(found, key=lambda each: each.row.place)):
            row = await self._take_part(name, entries, origin, part, row)
        await self._keep(name, replace(row, origin=origin, last=blobs[-1]))

    async def _take_part(
        self, name: str, entries: SourceEntries, origin: NodeNumber, part: Sequence[Found], row: TakeoverRow
    ) -> TakeoverRow:
        sizes = {each.blob: min(each.entry.size_bytes, limits.MEMORY_BLOB_BYTES_MAX) for each in part}
        async with self._arrivals.claim(origin, [each.blob for each in part], self._core.number) as claimed:
            wanted = [each for each in part if each.blob in claimed]
            row = replace(row, present=row.present + len(part) - len(wanted))
            async with self._core.foreign_memory.hold(sum(sizes[each.blob] for each in wanted)):
                job = Job()
                for each in wanted:
                    content, reason = await entries.content(each)
                    if content is None:
                        self._core.log.warning(
                            "blob not taken over", store=name, origin=origin, blob=str(each.blob), reason=reason
                        )
                        row = replace(row, unreadable=row.unreadable + 1)
                        continue
                    index, generation = each.row.signed.index, self._core.store.state.generation
                    job.foreign.append(ForeignBlob(each.signed, index, content, self._core.number, generation))
                    size = each.entry.size_bytes
                    row = replace(row, taken=row.taken + 1, taken_bytes=row.taken_bytes + size)
                await self._core.store.committer.commit(job)
        return row

    async def _take_tags(self, source: Source) -> None:
        """Which record each own recording belongs to: without it the next repeat of a record would be a duplicate."""
        own, first = self._core.number, b""
        while True:
            try:
                page = await source.scan(Family.TAGS, first, NO_END, limits.TAKEOVER_PAGE_ROWS)
                known = [(tag, unpack_versions(value)) for tag, value in page]
            except LumbungError as exc:
                self._core.log.warning("record tags not taken over", reason=str(exc))
                return
            if not page:
                return
            job = Job()
            for tag, versions in known:
                rows = await self._core.store.reader.rows(own, [version.blob for version in versions])
                job.tags[tag] = [
                    replace(version, number=row.number)
                    for version, row in zip(versions, rows, strict=True)
                    if row is not None
                ]
            await self._core.store.committer.commit(job)
            first = page[-1][0] + b"\0"
            await trio.sleep(limits.TAKEOVER_REST_S_MIN)

    async def _keep(self, name: str, row: TakeoverRow) -> None:
        """Make the row durable, and say it only then."""
        job = Job()
        job.extra.put(Family.SYSTEM, takeover_key(name), row.pack())
        await self._core.store.committer.commit(job)
        if (row.origin, row.last) != (self.rows[name].origin, self.rows[name].last):
            self._tries.setdefault(name, Tries()).progressed()
        self.rows[name] = row


async def _expected(source: Source) -> int | None:
    """How many blobs the store counted; None when not even its name can be read: a repair may leave an empty shell."""
    size = len(counts_key(NodeNumber(0)))
    try:
        (uuid,) = await source.get(Family.SYSTEM, [KEY_UUID])
        rows = await source.scan(Family.SYSTEM, counts_key(NodeNumber(0)), b"o", limits.HELLO_MARKS_MAX)
        counts = [OriginCounts.unpack(value) for key, value in rows if len(key) == size]
    except LumbungError:
        return 0  # something is there: its index may still be readable
    return sum(count.blobs for count in counts) if uuid is not None else None


def _next_prefix(key: bytes) -> bytes:
    """The first key behind all that begin with the same origin and the same first bytes of the id."""
    head = int.from_bytes(key[: 4 + _PREFIX_BYTES].ljust(4 + _PREFIX_BYTES, b"\0"), "big") + 1
    return head.to_bytes(4 + _PREFIX_BYTES, "big")


def _parts(found: Sequence[Found]) -> list[list[Found]]:
    """Runs of at most `limits.OFFER_BYTES_MAX` bytes, at least one blob each."""
    parts: list[list[Found]] = []
    size = 0
    for each in found:
        size += each.entry.size_bytes
        if not parts or size > limits.OFFER_BYTES_MAX:
            parts.append([])
            size = each.entry.size_bytes
        parts[-1].append(each)
    return parts
