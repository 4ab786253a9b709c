"""Mistakes planted at the seams: whoever cannot find them has no right to say that the real code is free of them.

Each is named after what somebody might have written. They exist in the simulation only; nothing that ships can switch
them on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

import trio

from lumbung_cluster.entry import SignedList
from lumbung_cluster.feed import FeedEnd, Mark, MarkVerdict
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.ledger import HolderAccount, Ledger
from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_node.ports.identity import IdentityState
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.services import node as node_module
from lumbung_node.services.core import Core
from lumbung_node.services.session import arrivals, outgoing, session
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.incoming import Incoming, _Taking
from lumbung_node.services.session.outgoing import OpenOffer, Outgoing, OutLane
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.storing import Offered, Result, Storing, _Batch
from lumbung_node.store.committer import Committer
from lumbung_node.store.group import Group
from lumbung_node.store.jobs import Content, Job
from lumbung_node.store.layout import BlobRow, FeedRow, ListPlace, MarkRow, blob_key
from lumbung_node.store.proofs import Proofs
from lumbung_node.store.reads import Reader, is_intact
from lumbung_node.store.state import KEY_TOKEN, KEY_UUID
from lumbung_node.store.store import Store, open_store
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.simulation.patching import patched
from lumbung_testing.world import MemoryDocuments

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`plant` holds the mistake for a block; `seeds` are tried by the quick test: none when it takes many more."""

    name: str
    plant: Callable[[], AbstractContextManager[object]]
    seeds: tuple[int, ...] = (1, 2, 3, 4)


# --- the disk --------------------------------------------------------------------------------------------------


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
    async def believe(core: Core, blob: BlobId, content: bytes | bytearray) -> Content:
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


# --- feeds and marks -------------------------------------------------------------------------------------------


def _mark_believed_after_a_rollback() -> AbstractContextManager[object]:
    def judge(mark: Mark | None, generation: Generation, end: FeedEnd, hash_at_mark: bytes | None) -> MarkVerdict:
        return MarkVerdict.BELIEVED if mark is not None and mark.number else MarkVerdict.NONE

    return patched(outgoing, "judge_mark", judge)


def _learnt_from_filter_across_generations() -> AbstractContextManager[object]:
    def was_learnt_from(row: FeedRow, peer: NodeNumber, generation: Generation) -> bool:
        return row.source == peer

    return patched(outgoing, "_was_learnt_from", was_learnt_from)


@contextmanager
def _jumped_put_moves_the_mark() -> Iterator[None]:
    send = Outgoing._send

    async def send_with_end(self: Outgoing, offer: OpenOffer) -> None:
        if offer.lane is not OutLane.FEED and offer.items:
            row = await self._core.store.reader.row(offer.origin, offer.items[-1].blob)
            if row is not None:
                offer.upto = row.number
                offer.running_hash = await self._core.store.reader.hash_at(offer.origin, row.number) or b""
        await send(self, offer)

    def next_mark(self: Incoming, taking: _Taking) -> MarkRow | None:
        message = taking.message
        if not message.running_hash:
            return None
        units = self._core.rosters.roster.units_held(self._core.number, taking.origin)
        return MarkRow(Mark(self._greeting.generation, message.upto, message.running_hash), units)

    with ExitStack() as stack:
        stack.enter_context(patched(Outgoing, "_send", send_with_end))
        stack.enter_context(patched(Incoming, "_next_mark", next_mark))
        yield


def _refused_offer_forgotten() -> AbstractContextManager[object]:
    original = Outgoing.on_applied

    def on_applied(self: Outgoing, applied: peer_pb2.Applied) -> OpenOffer | None:
        offer = original(self, applied)
        for cursor in self._cursors.values():
            cursor.is_refused = False
        return offer

    return patched(Outgoing, "on_applied", on_applied)


# --- what counts as a copy -------------------------------------------------------------------------------------


def _mark_counted_as_a_copy() -> AbstractContextManager[object]:
    original = Outgoing.on_applied

    def on_applied(self: Outgoing, applied: peer_pb2.Applied) -> OpenOffer | None:
        offer = original(self, applied)
        if offer is not None and offer.origin == self._core.number and applied.mark.number:
            numbers = range(1, applied.mark.number + 1)
            ledger = self._core.store.proofs.ledger
            ledger.receive(self._peer, self._greeting.generation, offer.nonce, numbers, 0)
            self._core.store.proofs.changed.beat()
        return offer

    return patched(Outgoing, "on_applied", on_applied)


def _withdrawal_applied_as_a_deletion() -> AbstractContextManager[object]:
    original = Proofs.record

    async def record(self: Proofs, statement: SignedStatement, now_ms: int) -> None:
        await original(self, statement, now_ms)
        if statement.content.kind is StatementKind.WITHDRAWAL:
            job = Job()
            for blob in statement.content.blobs:
                job.extra.delete(Family.BLOBS, blob_key(self._state.node, blob))
            await self._committer.commit(job)

    return patched(Proofs, "record", record)


def _receipt_of_an_old_generation_counted() -> AbstractContextManager[object]:
    def meet(self: Ledger, holder: NodeNumber, generation: Generation) -> bool:
        account = self._accounts.setdefault(holder, HolderAccount(generation))
        account.generation = max(account.generation, generation)
        return False

    return patched(Ledger, "meet", meet)


def _receipts_ordered_by_the_holders_clock() -> AbstractContextManager[object]:
    original = Proofs.record

    async def record(self: Proofs, statement: SignedStatement, now_ms: int) -> None:
        content = replace(statement.content, nonce=statement.content.verified_since_ms)
        await original(self, replace(statement, content=content), now_ms)

    return patched(Proofs, "record", record)


def _withdrawal_ignored() -> AbstractContextManager[object]:
    async def take_withdrawal(self: Proving, message: peer_pb2.Withdraw) -> None:
        await trio.lowlevel.checkpoint()

    return patched(Proving, "take_withdrawal", take_withdrawal)


def _nobody_asks_for_proof() -> AbstractContextManager[object]:
    return patched(Proving, "_ask_for_proofs", _sleep)


def _damage_kept_quiet() -> AbstractContextManager[object]:
    return patched(Proving, "_tell_damage", _sleep)


async def _sleep(self: Proving) -> None:
    await trio.sleep_forever()


# --- lives and rosters -----------------------------------------------------------------------------------------


def _two_machines_with_one_identity_both_believed() -> AbstractContextManager[object]:
    async def judge(core: Core, peer: NodeNumber, greeting: Greeting) -> None:
        await core.store.see_generation(peer, greeting.generation)

    return patched(session, "judge_greeting", judge)


def _roster_not_kept() -> AbstractContextManager[object]:
    async def save_roster(self: MemoryDocuments, epoch: int, raw: bytes) -> None:
        await trio.lowlevel.checkpoint()

    return patched(MemoryDocuments, "save_roster", save_roster)


MUTANTS = (
    Mutant("ack before sync", _ack_before_sync),
    Mutant("feed offered ahead of the sync", _feed_offered_ahead_of_the_sync),
    Mutant("receipt before sync", _receipt_before_sync, ()),
    Mutant("old folder taken for the present one", _old_folder_taken_for_the_present_one, ()),
    Mutant("no hash check on receive", _no_hash_check_on_receive),
    Mutant("no check on read", _no_check_on_read),
    Mutant("repeat acknowledged over rotten bytes", _repeat_acknowledged_over_rotten_bytes, ()),
    Mutant("repeat under another origin answered as stored", _repeat_under_another_origin_answered_as_stored),
    Mutant("mark believed after a rollback", _mark_believed_after_a_rollback),
    Mutant("learnt-from filter across generations", _learnt_from_filter_across_generations),
    Mutant("jumped put moves the mark", _jumped_put_moves_the_mark),
    Mutant("refused offer forgotten", _refused_offer_forgotten),
    Mutant("mark counted as a copy", _mark_counted_as_a_copy, ()),
    Mutant("withdrawal applied as a deletion", _withdrawal_applied_as_a_deletion),
    Mutant("receipt of an old generation counted", _receipt_of_an_old_generation_counted),
    Mutant("receipts ordered by the holder's clock", _receipts_ordered_by_the_holders_clock, ()),
    Mutant("withdrawal ignored", _withdrawal_ignored, ()),
    Mutant("nobody asks for proof", _nobody_asks_for_proof),
    Mutant("damage kept quiet", _damage_kept_quiet),
    Mutant("two machines with one identity both believed", _two_machines_with_one_identity_both_believed),
    Mutant("roster not kept", _roster_not_kept, ()),
    Mutant("one list kept for a number", _one_list_kept_for_a_number, ()),
)
"""The last one needs a rollback that nobody notices at once and new puts in that time: rare, and kept for its story."""
