"""Group commit: the only writer of rows. Chunks first, then one batch, then one sync, and only then any answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import trio

from lumbung_cluster.errors import DiskFull, LumbungError, OutcomeUnknown, StoreClosed
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import COMMIT_BLOBS_MAX, COMMIT_BYTES_MAX
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.ports.metrics import Metric, Metrics
from lumbung_node.ports.world import Signer, WallClock
from lumbung_node.store.at_hand import ContentsAtHand
from lumbung_node.store.group import Group
from lumbung_node.store.homecoming import read_old_places
from lumbung_node.store.jobs import Job
from lumbung_node.store.known import read_known
from lumbung_node.store.layout import BlobRow, FeedRow, ListPlace, TagVersion, blob_key, feed_key, unpack_versions
from lumbung_node.store.readable import read_rows
from lumbung_node.store.reads import is_intact
from lumbung_node.store.state import StoreState

__all__ = ["Committer"]

_Id: TypeAlias = tuple[NodeNumber, BlobId]

_JOBS_WAITING_MAX = 256  # each bounded by the ingest memory; more would only add waiting time


class Committer:
    """Runs as one task. A failure before the sync returned makes every job of the group `OutcomeUnknown`, and stops the
    store: whoever runs it opens it again, and what is durable then is the truth. The fsync is never tried again.
    """

    def __init__(
        self,
        kv: KeyValue,
        state: StoreState,
        signer: Signer,
        clock: WallClock,
        metrics: Metrics,
        at_hand: ContentsAtHand,
    ) -> None:
        self._kv = kv
        self._state = state
        self._signer = signer
        self._clock = clock
        self._metrics = metrics
        self._at_hand = at_hand
        self._send, self._receive = trio.open_memory_channel[Job](_JOBS_WAITING_MAX)
        self._failed: Exception | None = None
        self._own_under_way = 0

    @property
    def own_under_way(self) -> int:
        """How many puts of this node are submitted and not durable yet."""
        return self._own_under_way

    async def commit(self, job: Job) -> Job:
        """Wait until `job` is durable. Raises OutcomeUnknown, DiskFull (nothing stored) or StoreClosed."""
        await self.submit(job)
        return await self.settle(job)

    async def submit(self, job: Job) -> None:
        """Queue `job`: jobs are committed in the order of submission. Raises as `commit`."""
        if self._failed is not None:
            raise OutcomeUnknown("the store failed and is being opened again; try again") from self._failed
        # Before it waits: whoever brought them may be gone, and his claim with him, before they are committed.
        runs = {item.content.place for item in job.foreign if item.content.chunk_count}
        self._state.runs_handed_over |= runs
        self._own_under_way += len(job.own)
        try:
            await self._send.send(job)
        except trio.Cancelled:
            self._own_under_way -= len(job.own)
            self._state.runs_handed_over -= runs
            raise
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise StoreClosed("the store is closing") from exc  # for good: nothing is counted here any more

    async def settle(self, job: Job) -> Job:
        """Wait until a submitted job is durable. Raises as `commit`."""
        await job.done.wait()
        if job.error is not None:
            raise job.error
        return job

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]], pending: Batch | None) -> None:
        """Write part of a long run ahead of its commit; not durable, and nothing refers to it yet."""
        if pending is not None:
            await self._kv.write(pending)
        await self._kv.write_chunks(rows)

    async def run(self) -> None:
        """Commit until cancelled. Raises the failure that stopped the store."""
        waiting: Job | None = None
        try:
            while True:
                jobs, waiting = await self._gather(waiting)
                await self._commit_group(jobs)
        except LumbungError as exc:
            self._failed = exc
            raise
        finally:
            self._refuse_waiting(waiting)

    async def _gather(self, first: Job | None) -> tuple[list[Job], Job | None]:
        """The jobs of the next group, and one that no longer fitted."""
        job = first or await self._receive.receive()
        jobs = [job]
        blobs, memory = job.blobs, job.memory_bytes
        while True:
            try:
                job = self._receive.receive_nowait()
            except trio.WouldBlock:
                return jobs, None
            blobs, memory = blobs + job.blobs, memory + job.memory_bytes
            if blobs > COMMIT_BLOBS_MAX or memory > COMMIT_BYTES_MAX:
                return jobs, job
            jobs.append(job)

    async def _commit_group(self, jobs: list[Job]) -> None:
        # Shielded: once bytes are on their way to the disk, the answer has to be known or unknown, never abandoned.
        with trio.CancelScope(shield=True):
            try:
                coming = _coming(jobs, self._state.node)
                rows = await self._rows(jobs, coming)
                versions, feed_rows = await self._versions(jobs), await self._feed_rows(jobs, rows)
                known = await read_known(self._kv, self._state, _without_row(jobs, coming, rows))
                old_places = await read_old_places(
                    self._kv, self._state, [item for job in jobs for item in job.foreign]
                )
                now_ms = self._clock.now_ms()
                group = Group(self._state, self._signer, now_ms, rows, versions, feed_rows, known, old_places)
                group.add(jobs)
                group.finish()
                await self._write(group)
                group.publish()
            except Exception as exc:  # whatever it is: callers wait for their answer behind a shield
                self._fail(jobs, exc)
                raise
            finally:
                self._own_under_way -= sum([len(job.own) for job in jobs])
            self._at_hand.note([(place, new.blob, new.content.chunks[0]) for place, new in group.new_small])
        self._state.repairing -= group.repaired
        self._metrics.add(Metric.COMMITTED_BLOBS, sum(job.blobs for job in jobs))
        for job in jobs:
            job.done.set()
        self._state.grown.beat()

    async def _write(self, group: Group) -> None:
        self._state.repairing |= group.repaired
        part: list[tuple[bytes, bytes]] = []
        size = 0
        for row in group.chunk_rows:
            if part and size + len(row[1]) > COMMIT_BYTES_MAX:
                await self._kv.write_chunks(part)
                part, size = [], 0
            part.append(row)
            size += len(row[1])
        if part:
            await self._kv.write_chunks(part)
        await self._kv.write(group.batch)
        begun = trio.current_time()
        await self._kv.sync()
        self._metrics.observe(Metric.SYNC, trio.current_time() - begun)

    async def _rows(self, jobs: list[Job], coming: Iterable[bytes]) -> dict[bytes, BlobRow]:
        """The rows of what comes, and of all else that the jobs are about."""
        keys = list(coming)
        keys += [blob_key(damage.origin, damage.blob) for job in jobs for damage in job.damage]
        keys += [blob_key(remade.origin, remade.blob) for job in jobs for remade in job.remade]
        keys += [blob_key(dropped.origin, dropped.blob) for job in jobs for dropped in job.dropped]
        keys += [blob_key(self._state.node, again.entry.blob) for job in jobs for again in job.signed_again]
        keys += [blob_key(adopted.origin, adopted.entry.blob) for job in jobs for adopted in job.adopted]
        # A row that cannot be read is one that is not there: the commit that mends it must go through.
        rows = await read_rows(self._kv, Family.BLOBS, keys, BlobRow.unpack)
        return {key: row for key, row in zip(keys, rows, strict=True) if row is not None}

    async def _feed_rows(self, jobs: list[Job], rows: dict[bytes, BlobRow]) -> dict[tuple[NodeNumber, int], FeedRow]:
        """The feed rows of blobs that come back with another list than the one that they had."""
        if all(is_intact(row) for row in rows.values()):
            return {}
        wanted = []
        for foreign in (item for job in jobs for item in job.foreign):
            origin = foreign.signed.content.origin
            row = rows.get(blob_key(origin, foreign.signed.content.entries[foreign.index].blob))
            if row is not None and not is_intact(row) and row.signed != ListPlace.of(foreign.signed, foreign.index):
                wanted.append((origin, row.number))
        keys = [feed_key(*number) for number in wanted]
        found = await read_rows(self._kv, Family.FEEDS, keys, FeedRow.unpack)
        return {number: row for number, row in zip(wanted, found, strict=True) if row is not None}

    async def _versions(self, jobs: list[Job]) -> dict[bytes, list[TagVersion]]:
        """What is known under the record tags of new own blobs; nobody else writes them meanwhile."""
        tags = list(dict.fromkeys(own.record_tag for job in jobs for own in job.own if own.record_tag))
        tags += [tag for job in jobs for tag in job.tags if tag not in tags]
        # Of what cannot be read nothing is known: a duplicate is better than a recording that never comes in.
        found = await read_rows(self._kv, Family.TAGS, tags, unpack_versions)
        return {tag: versions for tag, versions in zip(tags, found, strict=True) if versions is not None}

    def _fail(self, jobs: list[Job], cause: Exception) -> None:
        for job in jobs:
            job.error = cause if isinstance(cause, DiskFull) else _unknown(cause)
            job.done.set()

    def _refuse_waiting(self, waiting: Job | None) -> None:
        self._send.close()
        left = [waiting] if waiting is not None else []
        while True:
            try:
                left.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        for job in left:
            job.error = _unknown(self._failed)
            job.done.set()
        self._receive.close()


def _coming(jobs: list[Job], node: NodeNumber) -> dict[bytes, _Id]:
    """The blobs that come, once each, by the keys of their rows."""
    coming: dict[bytes, _Id] = {blob_key(node, own.blob): (node, own.blob) for job in jobs for own in job.own}
    for job in jobs:
        for foreign in job.foreign:
            content = foreign.signed.content
            origin, blob = content.origin, content.entries[foreign.index].blob
            coming[blob_key(origin, blob)] = origin, blob
    return coming


def _without_row(jobs: list[Job], coming: dict[bytes, _Id], rows: dict[bytes, BlobRow]) -> list[_Id]:
    """Blobs that come and have no row, and rows that are to get a number."""
    adopted = [(item.origin, item.entry.blob) for job in jobs for item in job.adopted]
    return [*(each for key, each in coming.items() if key not in rows), *adopted]


def _unknown(cause: Exception | None) -> OutcomeUnknown:
    error = OutcomeUnknown(
        "an error came before the bytes were known to be on disk: neither stored nor lost, try again"
    )
    error.__cause__ = cause
    return error
