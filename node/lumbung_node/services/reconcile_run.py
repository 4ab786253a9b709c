"""Reconcile on demand: an operator's run over partners and origins, told as it goes, one run at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import CallKind, Method, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Cost, Order, Outcome, Reason, Result
from lumbung_node.services.reconcile_words import result_message
from lumbung_node.services.replicator import Replicator
from lumbung_node.services.requests import read_request
from lumbung_proto.v1 import reconcile_pb2 as pb

__all__ = ["RECONCILE", "ReconcileDesk"]

RECONCILE = Method("/lumbung.v1.OperationsService/Reconcile", CallKind.SERVER_STREAM)


class ReconcileDesk:
    """One for the node. A run ends with its call: whoever goes takes it away."""

    def __init__(self, core: Core, replicator: Replicator) -> None:
        self._core = core
        self._replicator = replicator
        self._turn = trio.Lock()
        self._open_now = 0

    async def reconcile(self, call: ServerCall) -> None:
        request = await read_request(call, pb.ReconcileRequest)
        wanted = self._wanted(request)
        most = limits.RECONCILE_RUNS_WAITING_MAX
        if self._open_now > most:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED, f"expected at most {most} reconciles that wait, try again later"
            )
        self._open_now += 1
        try:
            if self._open_now > 1:
                await _say(call, pb.ReconcileResponse(waits=pb.ReconcileWaits()))
            async with self._turn:
                await _Run(self._core, self._replicator, call, wanted).run()
        finally:
            self._open_now -= 1

    def _wanted(self, request: pb.ReconcileRequest) -> dict[NodeNumber, tuple[NodeNumber, ...]]:
        """The origins to compare with each partner. Raises Rejected for a request that names nothing."""
        roster, own = self._core.rosters.roster, self._core.number
        partners = roster.partners_of(own)
        partner, origin = NodeNumber(request.partner), NodeNumber(request.origin)
        name = roster.name_of
        if partner and partner not in partners:
            raise Rejected(StatusCode.FAILED_PRECONDITION, f"{name(partner)} shares no origin with this node")
        if origin and request.all_origins:
            raise Rejected(StatusCode.INVALID_ARGUMENT, "expected one origin or all, got both")
        is_all = request.all_origins or (not origin and not self._core.store.state.count(own).blobs)
        chosen = (partner,) if partner else partners
        wanted = {}
        for each in chosen:
            shared = roster.origins_shared(own, each)
            origins = shared if is_all else tuple(o for o in shared if o == (origin or own))
            if origins:
                wanted[each] = origins
        if not wanted and partner:
            sentence = f"{name(partner)} and this node share nothing of origin {name(origin or own)}"
            raise Rejected(StatusCode.FAILED_PRECONDITION, sentence)
        if not wanted:
            sentence = f"no partner holds origin {name(origin or own)} beside this node"
            raise Rejected(StatusCode.FAILED_PRECONDITION, sentence)
        return wanted


@dataclass(slots=True)
class _Run:
    """One call's run. What changed is kept until it is sent, the newest of each pair: a slow reader costs no memory."""

    core: Core
    replicator: Replicator
    call: ServerCall
    wanted: Mapping[NodeNumber, Sequence[NodeNumber]]
    cost: Cost = field(default_factory=Cost)
    changed: dict[tuple[NodeNumber, NodeNumber], Result] = field(default_factory=dict)

    async def run(self) -> None:
        pairs = sum(len(origins) for origins in self.wanted.values())
        await _say(self.call, pb.ReconcileResponse(begun=pb.ReconcileBegun(pairs=pairs)))
        slots = trio.CapacityLimiter(limits.RECONCILE_PEERS_AT_ONCE)
        async with trio.open_nursery() as telling:
            telling.start_soon(self._keep_telling)
            async with trio.open_nursery() as working:
                for peer in self.wanted:
                    working.start_soon(self._with_peer, peer, slots)
            telling.cancel_scope.cancel()
        await self._tell()
        ended = pb.ReconcileEnded(protocol_bytes=self.cost.size_bytes, questions=self.cost.questions)
        await _say(self.call, pb.ReconcileResponse(ended=ended))

    async def _with_peer(self, peer: NodeNumber, slots: trio.CapacityLimiter) -> None:
        async with slots:
            order = Order(tuple(self.wanted[peer]), self._note_progress)
            for result in await self._ask(peer, order):
                self._note(result)
            self.cost.add(order.cost)

    async def _ask(self, peer: NodeNumber, order: Order) -> list[Result]:
        link = self.replicator.links.get(peer)
        session = link.session if link is not None else None
        if session is not None:
            await session.settled.wait()  # its hello is on the way, or it is over without one
        if session is None or session.reconciling is None:
            sentence = link.sentence if link is not None else ""
            return [
                Result(peer, origin).end(Outcome.NOT_CONNECTED, Reason.NO_SESSION, sentence) for origin in order.origins
            ]
        return await session.reconciling.request(order)

    def _note(self, result: Result) -> None:
        self.changed[result.peer, result.origin] = replace(result)

    def _note_progress(self, result: Result) -> None:
        """Of one go: another may follow, and say how it ends."""
        progress = replace(result, reason=Reason.NONE, sentence="")
        self._note(progress if result.is_whole else progress.end(Outcome.WORKING))

    async def _keep_telling(self) -> None:
        while True:
            await trio.sleep(limits.RECONCILE_REPORT_S)
            await self._tell()

    async def _tell(self) -> None:
        while self.changed:
            pair, result = next(iter(self.changed.items()))
            await _say(self.call, pb.ReconcileResponse(result=result_message(result)))
            if (
                self.changed[pair] is result
            ):  # behind the send: who is cancelled in it leaves the word to the last telling
                del self.changed[pair]


async def _say(call: ServerCall, response: pb.ReconcileResponse) -> None:
    await call.send(response.SerializeToString())
