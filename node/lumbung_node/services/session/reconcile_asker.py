"""The asker of reconcile: one go over some origins with the peer of a session.

compare   one root over all origins; equal: done in one round trip
search    for each origin that differs: what exactly (cluster/reconcile/search.py)
move      fetch what we lack, offer what the peer lacks, on the repair lanes, at once
prove     our digests, less what we offered and with what came, must be the teller's root; else unit fingerprints and
          lists of full ids, once more
settle    both sides adopt marks where a feed waits for one
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import InventoryUnknown
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import NONCE_SIZE_BYTES, Fingerprints
from lumbung_cluster.inventory.symbols import short_id
from lumbung_cluster.reconcile.messages import Broken
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Order, Outcome, Reason, Result
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_mending import Mender, Mending
from lumbung_node.services.session.reconcile_talk import Line, Refused, Talk
from lumbung_node.services.session.reconcile_views import NO_NONCE, View, take_view
from lumbung_node.services.session.reconcile_wire import printable, split_fingerprints, unpack_eager
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["Asker", "Equal"]


@dataclass(frozen=True, slots=True)
class Equal:
    """An origin that the comparison found equal."""

    origin: NodeNumber
    number: int
    running_hash: bytes
    root: bytes
    beyond: int
    is_short: bool = False


class Asker:
    """`go` runs once at a time; `take` hands it the peer's answers."""

    def __init__(
        self,
        core: Core,
        link: FrameLink,
        peer: NodeNumber,
        greeting: Greeting,
        outgoing: Outgoing,
        incoming: Incoming,
        confirm: Callable[[NodeNumber, bool], None],
    ) -> None:
        self._core = core
        self._peer = peer
        self._greeting = greeting
        self._outgoing = outgoing
        self._incoming = incoming
        self._confirm = confirm
        self._line = Line(link)
        self._mender = Mender(core, peer, outgoing)
        self._turn = trio.Lock()

    async def take(self, frame: peer_pb2.SessionFrame, payload: memoryview) -> None:
        await self._line.take(frame, payload, self._adopt)

    async def go(self, order: Order, origins: Sequence[NodeNumber], *, is_patient: bool) -> list[Result]:
        """Compare and mend these origins (rising); `is_patient` passes over those whose feeds are under way."""
        async with self._turn:
            before = replace(self._line.cost)
            try:
                return await self._go(order, origins, is_patient=is_patient)
            except (Refused, Broken) as exc:
                results = [_given_up(Result(self._peer, origin), exc) for origin in origins]
            finally:
                order.cost.add(self._line.cost.since(before))
        for result in results:
            order.report(result)
        return results

    async def _go(self, order: Order, origins: Sequence[NodeNumber], *, is_patient: bool) -> list[Result]:
        if not order.goes_on():
            return [Result(self._peer, origin).end(Outcome.PARTLY, Reason.STOPPED) for origin in origins]
        views = [await take_view(self._core, origin, self._peer) for origin in origins]
        nonce = self._core.randomness.bytes(NONCE_SIZE_BYTES)
        compared, payload = await self._compare(origins, views, nonce)
        if len(compared.nonce) != NONCE_SIZE_BYTES:
            raise Broken(f"expected a nonce of {NONCE_SIZE_BYTES} bytes, got {len(compared.nonce)}")
        both = self._core.store.inventories.key.fingerprints(nonce, compared.nonce)
        talk = Talk(self._line, compared.serial, both)
        differing = _differing(compared, both, origins, views)
        if compared.eager_origin in differing:
            talk.eager_origin, talk.eager = compared.eager_origin, unpack_eager(compared, payload)
        equal = {
            origin: Equal(origin, view.number, view.running_hash, both.root((view.part,)), view.beyond)
            for origin, view in zip(origins, views, strict=True)
            if origin not in differing
        }
        doubted = {origin for origin, view in zip(origins, views, strict=True) if view.is_doubted}
        results = []
        for origin in origins:
            result = Result(self._peer, origin)
            is_busy = origin in compared.busy or self._outgoing.is_feeding(origin)
            if origin in equal:
                await self._confirm_equal(talk, equal[origin], result, compared.waiting)
            elif origin in doubted:
                result.end(Outcome.BUSY, Reason.INVENTORY_REBUILT, "the inventory here is being rebuilt")
            elif is_busy and is_patient:
                result.end(Outcome.BUSY, Reason.ON_ITS_WAY, "what differs is on its way in feed order")
            elif not order.goes_on():
                result.end(Outcome.PARTLY, Reason.STOPPED)
            else:
                await self._mend_or_say(talk, result, differing[origin], order)
            order.report(result)
            results.append(result)
        return results

    async def _compare(
        self, origins: Sequence[NodeNumber], views: Sequence[View], nonce: bytes
    ) -> tuple[pb.ReconcileCompared, memoryview]:
        key, roster = self._core.store.inventories.key, self._core.rosters.roster
        asked = key.fingerprints(nonce, NO_NONCE)
        message = pb.ReconcileCompare(serial=self._line.next_serial(), nonce=nonce, key_version=key.version)
        message.root = asked.root(view.part for view in views)
        if tuple(origins) != roster.origins_shared(self._core.number, self._peer):
            message.origins.extend(origins)
        if 1 < len(origins) <= limits.RECONCILE_FINGERPRINTS_MAX:
            message.fingerprints = b"".join(asked.inner(view.part) for view in views)
        frame, payload = await self._line.ask(peer_pb2.SessionFrame(reconcile_compare=message), "reconcile_compared")
        if frame.reconcile_compared.key_version not in (0, key.version):
            self._outgoing.start_over()
        if frame.reconcile_compared.refusal:
            raise Refused(Reason.PEER_REFUSED, printable(frame.reconcile_compared.refusal))
        return frame.reconcile_compared, payload

    async def _confirm_equal(self, talk: Talk, equal: Equal, result: Result, peers_waiting: Sequence[int]) -> None:
        self._confirm(equal.origin, False)
        result.end(Outcome.EQUAL)
        if self._outgoing.is_waiting(equal.origin) or equal.origin in peers_waiting:
            await self._settle(talk, equal, (), ())

    async def _mend_or_say(self, talk: Talk, result: Result, peer_count: int, order: Order) -> None:
        try:
            async with self._core.reconcile_mending:
                mending = await self._mender.mend(talk, result, peer_count, order)
            if mending is not None:
                await self._end(talk, mending)
        except InventoryUnknown as exc:
            result.end(Outcome.BUSY, Reason.INVENTORY_REBUILT, str(exc))
        except (Refused, Broken) as exc:
            _given_up(result, exc)

    async def _end(self, talk: Talk, mending: Mending) -> None:
        """How it ended; marks are settled when we know the teller's set exactly."""
        result, peer = mending.result, self._peer
        is_settled = mending.is_proven and await self._settle_mended(talk, mending)
        result.damaged_here, result.damaged_there = len(mending.damaged_here), len(mending.damaged_there)
        result.not_taken, result.not_come = mending.refused_there, mending.missing
        if mending.is_stopped:
            result.end(Outcome.PARTLY, Reason.STOPPED)
        elif mending.refused_there:
            sentence = mending.refusal or f"node {peer} did not take {mending.refused_there}"
            result.end(Outcome.NOT_DELIVERED, Reason.NOT_TAKEN, sentence)
        elif mending.missing:
            reason = Reason.DISK_FULL_HERE if self._core.refuses(mending.origin) else Reason.NOT_COME
            sentence = f"{mending.missing} of {result.lacked_here} did not come from node {peer}"
            result.end(Outcome.NOT_DELIVERED, reason, sentence)
        elif mending.is_proven and (mending.damaged_here or mending.damaged_there):
            sentence = f"damaged or void at the only one of the two that has them: {result.damaged_here} here, "
            result.end(Outcome.NOT_DELIVERED, Reason.NO_GOOD_BYTES, sentence + f"{result.damaged_there} at node {peer}")
        elif is_settled:
            self._confirm(mending.origin, True)
            result.end(Outcome.MENDED)
        elif mending.is_proven or mending.is_partial:
            result.end(Outcome.PARTLY, Reason.MORE_LEFT, "what was found was moved: compare again")
        else:
            sentence = f"what node {peer} says of its set does not add up, also by full ids"
            result.end(Outcome.UNEXPLAINED, Reason.DOES_NOT_ADD_UP, sentence)

    async def _settle_mended(self, talk: Talk, mending: Mending) -> bool:
        """Marks pass over what is damaged at its sender, as the feed lane does; over nothing that was not taken."""
        lacked = [short_id(raw) for raw in mending.ours if raw not in mending.damaged_here]
        undelivered = list(mending.damaged_here)
        if (
            mending.refused_there
            or mending.is_stopped
            or len(lacked) > limits.RECONCILE_SETTLE_IDS_MAX
            or len(undelivered) > limits.RECONCILE_UNDELIVERED_MAX
        ):
            return False
        return await self._settle(talk, mending, lacked, undelivered)

    async def _settle(
        self, talk: Talk, moment: Mending | Equal, lacked: Sequence[int], undelivered: Sequence[bytes]
    ) -> bool:
        """Tell the teller that we hold all that it can give; true when it found the same of what we told."""
        message = pb.ReconcileSettle(serial=talk.serial, origin=moment.origin, root=moment.root)
        message.undelivered = b"".join(undelivered)
        message.is_short = moment.is_short
        if self._outgoing.is_waiting(moment.origin) and moment.beyond:
            self._outgoing.settle(moment.origin, 0)
        elif self._outgoing.is_waiting(moment.origin):
            message.number, message.running_hash = moment.number, moment.running_hash
        is_settled = await talk.settle(message, lacked)
        if is_settled and message.number:
            self._outgoing.settle(moment.origin, message.number)
        return is_settled

    async def _adopt(self, settled: pb.ReconcileSettled) -> None:
        """The teller's feed goes on from here: what we proved before we asked for the settlement."""
        if settled.is_settled and settled.number and len(settled.running_hash) == HASH_SIZE_BYTES:
            mark = Mark(self._greeting.generation, settled.number, settled.running_hash)
            await self._incoming.adopt(NodeNumber(settled.origin), mark)


def _differing(
    compared: pb.ReconcileCompared, both: Fingerprints, origins: Sequence[NodeNumber], views: Sequence[View]
) -> dict[NodeNumber, int]:
    """The origins that differ, with the teller's counts. Raises Broken for an answer that cannot be."""
    if compared.root:
        if compared.root != both.root(view.part for view in views):
            raise Broken("it says that all is equal, and its fingerprint is another")
        return {origin: 0 for origin, view in zip(origins, views, strict=True) if view.is_doubted}
    told = split_fingerprints(compared.fingerprints)
    if not len(told) == len(compared.counts) == len(origins):
        raise Broken(f"expected {len(origins)} fingerprints and counts, got {len(told)} and {len(compared.counts)}")
    return {
        origin: count
        for origin, view, fingerprint, count in zip(origins, views, told, compared.counts, strict=True)
        if view.is_doubted or both.inner(view.part) != fingerprint
    }


def _given_up(result: Result, exc: Refused | Broken) -> Result:
    if isinstance(exc, Broken):
        return result.end(Outcome.UNEXPLAINED, Reason.DOES_NOT_ADD_UP, str(exc))
    outcome = Outcome.BUSY if exc.reason is Reason.PEER_BUSY else Outcome.REFUSED
    return result.end(outcome, exc.reason, str(exc))
