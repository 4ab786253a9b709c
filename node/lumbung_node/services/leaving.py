"""The methods about stopping, leaving and letting go; operators of the node's own office may call them."""

from __future__ import annotations

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.stake import Stake
from lumbung_node.ports.transport import CallKind, Method, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.draining import drain_report
from lumbung_node.services.dropping import Dropping
from lumbung_node.services.replicator import Replicator
from lumbung_node.services.requests import read_request
from lumbung_node.services.session.stakes import own_stake
from lumbung_proto.v1 import leaving_pb2

__all__ = ["DRAINED", "DROP", "PLAN_DROP", "SAFE_TO_STOP", "Leaving"]

SAFE_TO_STOP = Method("/lumbung.v1.LeavingService/SafeToStop", CallKind.UNARY)
PLAN_DROP = Method("/lumbung.v1.LeavingService/PlanDrop", CallKind.UNARY)
DRAINED = Method("/lumbung.v1.LeavingService/Drained", CallKind.SERVER_STREAM)
DROP = Method("/lumbung.v1.LeavingService/Drop", CallKind.UNARY)

_PART_BYTES = 512 * 1024


class Leaving:
    """Answers from the own ledger, and from the origins with which a session is open."""

    def __init__(self, core: Core, replicator: Replicator) -> None:
        self._core = core
        self._replicator = replicator
        self._dropping = Dropping(core, replicator.start_new_life)
        self._turn = trio.Lock()

    async def safe_to_stop(self, call: ServerCall) -> None:
        request = await read_request(call, leaving_pb2.SafeToStopRequest)
        node = NodeNumber(request.node)
        found: dict[NodeNumber, Stake | None] = {}
        async with trio.open_nursery() as nursery:
            for origin in self._core.rosters.roster.origins_held(node):
                nursery.start_soon(self._ask, origin, node, found)
        response = leaving_pb2.SafeToStopResponse()
        for origin in sorted(found):
            response.stakes.append(_stake_message(origin, found[origin]))
        await call.send(response.SerializeToString())

    async def _ask(self, origin: NodeNumber, node: NodeNumber, found: dict[NodeNumber, Stake | None]) -> None:
        if origin == self._core.number:
            found[origin] = own_stake(self._core, node)
            return
        link = self._replicator.links.get(origin)
        session = link.session if link is not None else None
        found[origin] = await session.ask_stake(node) if session is not None else None

    async def drained(self, call: ServerCall) -> None:
        await read_request(call, leaving_pb2.DrainedRequest)
        raw = (await drain_report(self._core)).encode()
        for at in range(0, len(raw), _PART_BYTES):
            await call.send(leaving_pb2.DrainedResponse(content=raw[at : at + _PART_BYTES]).SerializeToString())

    async def plan_drop(self, call: ServerCall) -> None:
        request = await read_request(call, leaving_pb2.PlanDropRequest)
        response = leaving_pb2.PlanDropResponse()
        for plan in await self._dropping.plan(NodeNumber(request.origin) if request.origin else None):
            kept = [leaving_pb2.KeptUnits(reason=reason, units=units) for reason, units in plan.kept]
            response.origins.add(
                origin=plan.origin, units=plan.units, blobs=plan.blobs, size_bytes=plan.size_bytes, kept=kept
            )
        await call.send(response.SerializeToString())

    async def drop(self, call: ServerCall) -> None:
        request = await read_request(call, leaving_pb2.DropRequest)
        async with self._turn:
            blobs, size_bytes = await self._dropping.drop(NodeNumber(request.origin), request.units)
        await call.send(leaving_pb2.DropResponse(blobs=blobs, size_bytes=size_bytes).SerializeToString())


def _stake_message(origin: NodeNumber, stake: Stake | None) -> leaving_pb2.OriginStake:
    if stake is None:
        return leaving_pb2.OriginStake(origin=origin, known=False)
    return leaving_pb2.OriginStake(
        origin=origin,
        known=True,
        blobs=stake.blobs,
        without_copy=stake.without_copy,
        with_one_copy=stake.with_one_copy,
        verified_since_ms=stake.verified_since_ms,
    )
