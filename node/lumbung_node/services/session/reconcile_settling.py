"""Settling a comparison as the teller: believe that the asker holds what we told, or not; and adopt marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from lumbung_cluster import limits
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.reconcile.messages import Broken
from lumbung_cluster.reconcile.side import explained_digests
from lumbung_node.services.core import Core
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_moments import Moment, Moments
from lumbung_node.services.session.reconcile_talk import TWINS_MAX
from lumbung_node.services.session.reconcile_wire import split_ids, unpack_shorts
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["Settling"]


class Settling:
    """Of one session. A settlement is believed only when the asker's own fingerprint is exactly what our moment and the
    named differences make of it."""

    def __init__(
        self,
        core: Core,
        greeting: Greeting,
        outgoing: Outgoing,
        incoming: Incoming,
        moments: Moments,
        confirm: Callable[[NodeNumber, bool], None],
    ) -> None:
        self._core = core
        self._greeting = greeting
        self._outgoing = outgoing
        self._incoming = incoming
        self._moments = moments
        self._confirm = confirm

    async def answer(self, message: pb.ReconcileSettle, payload: memoryview) -> pb.ReconcileSettled:
        """The answer; once it is sent, `go_on` with it. Raises Broken."""
        origin = NodeNumber(message.origin)
        settled = pb.ReconcileSettled(origin=origin)
        lacked = unpack_shorts(payload, limits.RECONCILE_SETTLE_IDS_MAX)
        undelivered = split_ids(message.undelivered, limits.RECONCILE_UNDELIVERED_MAX)
        moment = self._moments.of(message.serial, origin)
        if moment is None or not await self._is_explained(message.root, moment, origin, lacked, undelivered):
            return settled
        settled.is_settled = True
        if message.number:
            if len(message.running_hash) != HASH_SIZE_BYTES:
                raise Broken(f"expected a running hash of {HASH_SIZE_BYTES} bytes, got {len(message.running_hash)}")
            await self._incoming.adopt(origin, Mark(self._greeting.generation, message.number, message.running_hash))
        if self._outgoing.is_waiting(origin) and moment.beyond:
            self._outgoing.settle(origin, 0)
        elif self._outgoing.is_waiting(origin):
            settled.number, settled.running_hash = moment.number, moment.running_hash
        if not undelivered and not message.is_short:
            self._confirm(origin, True)
        return settled

    def go_on(self, settled: pb.ReconcileSettled) -> None:
        """The asker has proven that it holds all that we can give: the condition of its question."""
        if settled.number:
            self._outgoing.settle(NodeNumber(settled.origin), settled.number)

    async def _is_explained(
        self, root: bytes, moment: Moment, origin: NodeNumber, lacked: Sequence[int], undelivered: Sequence[bytes]
    ) -> bool:
        """Whether the asker's set was ours, less what it fetched, with what it brought (which we have now), and with
        what it has no good bytes of."""
        frozen = self._moments.frozen
        if frozen is None or frozen.side.origin != origin:
            return not lacked and not undelivered and root == moment.root
        held = await self._core.store.reader.held_under(origin, lacked, TWINS_MAX)
        come = [blob.raw for pairs in held for blob, row in pairs if row.number > frozen.number]
        come += undelivered
        key = self._core.store.inventories.key
        digests = await self._core.blocking.run(partial(explained_digests, key, frozen.side, frozen.fetched, come))
        return frozen.side.root(digests) == root
