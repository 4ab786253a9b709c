"""Mistakes about feeds and marks: what may be left out of an offer, and when a mark moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

import trio

from lumbung_cluster.feed import FeedEnd, Mark, MarkVerdict
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.services.session import feed_lanes, repair_lanes
from lumbung_node.services.session.eager import EagerBytes
from lumbung_node.services.session.incoming import Incoming, _Taking
from lumbung_node.services.session.offers import OfferedItem, Offers, OpenOffer, OutLane
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.store import committer
from lumbung_node.store.known import Known
from lumbung_node.store.layout import FeedRow, MarkRow
from lumbung_node.store.state import StoreState
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _mark_believed_after_a_rollback() -> AbstractContextManager[object]:
    def judge(mark: Mark | None, generation: Generation, end: FeedEnd, hash_at_mark: bytes | None) -> MarkVerdict:
        return MarkVerdict.BELIEVED if mark is not None and mark.number else MarkVerdict.NONE

    return patched(feed_lanes, "judge_mark", judge)


@contextmanager
def _learnt_from_filter_across_generations() -> Iterator[None]:
    def was_learnt_from(row: FeedRow, peer: NodeNumber, generation: Generation) -> bool:
        return row.source == peer

    with ExitStack() as stack:
        for module in (feed_lanes, repair_lanes):
            stack.enter_context(patched(module, "was_learnt_from", was_learnt_from))
        yield


@contextmanager
def _jumped_put_moves_the_mark() -> Iterator[None]:
    send = Offers.send

    async def send_with_end(self: Offers, offer: OpenOffer) -> None:
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
        stack.enter_context(patched(Offers, "send", send_with_end))
        stack.enter_context(patched(Incoming, "_next_mark", next_mark))
        yield


def _refused_offer_forgotten() -> AbstractContextManager[object]:
    original = Outgoing.on_applied

    def on_applied(self: Outgoing, applied: peer_pb2.Applied) -> OpenOffer | None:
        offer = original(self, applied)
        for cursor in self._feeds.cursors.values():
            cursor.is_refused = False
        return offer

    return patched(Outgoing, "on_applied", on_applied)


def _lost_row_comes_back_under_another_number() -> AbstractContextManager[object]:
    async def nothing(
        kv: KeyValue, state: StoreState, wanted: Sequence[tuple[NodeNumber, BlobId]]
    ) -> dict[tuple[NodeNumber, BlobId], Known]:
        await trio.lowlevel.checkpoint()
        return {}

    return patched(committer, "read_known", nothing)


def _bytes_along_in_another_order() -> AbstractContextManager[object]:
    """Whose are they, if two blobs of one size change places? Nobody can tell, until they are hashed."""
    original = EagerBytes.read

    async def read(self: EagerBytes, items: Sequence[OfferedItem]) -> list[bytes] | None:
        contents = await original(self, items)
        return contents and contents[::-1]

    return patched(EagerBytes, "read", read)


MUTANTS = (
    Mutant("bytes along in another order", _bytes_along_in_another_order),
    Mutant("a lost row comes back under another number", _lost_row_comes_back_under_another_number, is_quick=False),
    Mutant("mark believed after a rollback", _mark_believed_after_a_rollback),
    Mutant("learnt-from filter across generations", _learnt_from_filter_across_generations, is_quick=False),
    Mutant("jumped put moves the mark", _jumped_put_moves_the_mark),
    Mutant("refused offer forgotten", _refused_offer_forgotten, is_quick=False),
)
