"""Mistakes about the disk: what is durable, what is checked, whose row it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import trio

from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import OutcomeUnknown
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.identity import IdentityState
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.services import node as node_module
from lumbung_node.services.session import arrivals
from lumbung_node.services.storing import Offered, Result, Storing, _Batch
from lumbung_node.store.committer import Committer
from lumbung_node.store.group import Group
from lumbung_node.store.jobs import Content, Job
from lumbung_node.store.layout import BlobRow, ListPlace
from lumbung_node.store.reads import Reader, is_intact
from lumbung_node.store.state import KEY_TOKEN, KEY_UUID
from lumbung_node.store.store import Store, open_store
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched
from lumbung_testing.virtual_disk import VirtualKeyValue

__all__ = ["MUTANTS"]


def _ack_before_sync() -> AbstractContextManager[object]:
    original = Committer._commit_group

    async def commit_group(self: Committer, jobs: list[Job]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(original, self, jobs)
            while not all(len(job.results) == job.blobs for job in jobs):
                await trio.lowlevel.checkpoint()
            for job in jobs:
                job.done.set()

    return patched(Committer, "_commit_group", commit_group)


def _feed_offered_ahead_of_the_sync() -> AbstractContextManager[object]:
    original = Committer._write

    async def write(self: Committer, group: Group) -> None:
        news = [put for put in group.batch.puts if put[0] is Family.FEEDS]
        if not news:
            await original(self, group)
            return
        family, key, value = news[-1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(original, self, group)
            while (await self._kv.get(family, [key]))[0] != value:  # noqa: ASYNC110 (polled)
                await trio.sleep(0.0001)
            group.publish()
            self._state.grown.beat()

    return patched(Committer, "_write", write)


def _receipt_before_sync() -> AbstractContextManager[object]:
    def durable(self: Reader, origin: NodeNumber, key: bytes, value: bytes | None) -> BlobRow | None:
        return BlobRow.unpack(value) if value is not None else None

    return patched(Reader, "_durable", durable)


def _old_folder_taken_for_the_present_one() -> AbstractContextManager[object]:
    async def open_as_known(kv: KeyValue, identity: IdentityState, **parts: object) -> Store:
        record = await identity.load()
        uuid, token = await kv.get(Family.SYSTEM, [KEY_UUID, KEY_TOKEN])
        if record is not None:
            known = replace(record, store_uuid=uuid or record.store_uuid, token=token or b"", token_next=b"")
            await identity.save(known)
        return await open_store(kv, identity, **parts)  # type: ignore[arg-type]

    return patched(node_module, "open_store", open_as_known)


def _no_hash_check_on_receive() -> AbstractContextManager[object]:
    def believe(blob: BlobId, content: bytes | bytearray) -> Content:
        return Content(len(content), arrivals.split_chunks(content))

    return patched(arrivals, "verified_content", believe)


def _no_check_on_read() -> AbstractContextManager[object]:
    async def read_whole(self: Reader, blob: BlobId, row: BlobRow) -> bytes:
        return b"".join(await self._chunks(blob, row, 0, row.chunks))

    return patched(Reader, "read_whole", read_whole)


def _repeat_acknowledged_over_rotten_bytes() -> AbstractContextManager[object]:
    async def verifies(self: Storing, blob: BlobId, row: BlobRow) -> bool:
        return is_intact(row)

    return patched(Storing, "_verifies", verifies)


def _repeat_under_another_origin_answered_as_stored() -> AbstractContextManager[object]:
    original = Storing._prepare

    async def prepare(self: Storing, item: Offered, content: Content, row: BlobRow | None, batch: _Batch) -> Result:
        for origin in self._core.rosters.roster.origins_held(self._core.number):
            other = await self._core.store.reader.row(origin, item.blob)
            if row is None and other is not None:
                return Result(item.blob, blobs_pb2.PUT_OUTCOME_REPEATED, other.number)
        return await original(self, item, content, row, batch)

    return patched(Storing, "_prepare", prepare)


def _one_list_kept_for_a_number() -> AbstractContextManager[object]:
    def of(signed: SignedList, index: int) -> ListPlace:
        return ListPlace(signed.content.generation, signed.content.first, 0, index)

    return patched(ListPlace, "of", staticmethod(of))


def _failed_sync_taken_for_one_that_worked() -> AbstractContextManager[object]:
    original = VirtualKeyValue.sync

    async def sync(self: VirtualKeyValue) -> None:
        try:
            await original(self)
        except OutcomeUnknown:
            return

    return patched(VirtualKeyValue, "sync", sync)


def _row_ahead_of_its_chunks() -> AbstractContextManager[object]:
    original = Committer._write

    async def write(self: Committer, group: Group) -> None:
        chunks, group._places.chunk_rows = group.chunk_rows, []
        await original(self, group)
        if chunks:
            await self._kv.write_chunks(chunks)

    return patched(Committer, "_write", write)


MUTANTS = (
    Mutant("ack before sync", _ack_before_sync),
    Mutant("feed offered ahead of the sync", _feed_offered_ahead_of_the_sync),
    Mutant("receipt before sync", _receipt_before_sync, is_quick=False),
    Mutant("old folder taken for the present one", _old_folder_taken_for_the_present_one, is_quick=False),
    Mutant("no hash check on receive", _no_hash_check_on_receive, is_quick=False),
    Mutant("no check on read", _no_check_on_read),
    Mutant("repeat acknowledged over rotten bytes", _repeat_acknowledged_over_rotten_bytes, is_quick=False),
    Mutant("repeat under another origin answered as stored", _repeat_under_another_origin_answered_as_stored),
    Mutant("one list kept for a number", _one_list_kept_for_a_number, is_quick=False),
    Mutant("failed sync taken for one that worked", _failed_sync_taken_for_one_that_worked, is_quick=False),
    Mutant("row ahead of its chunks", _row_ahead_of_its_chunks),
)
