"""Dialling a node back, for an operator who asks whether the outside reaches it: only where the roster says it is.

One handshake and one question of the standard health service an address, so that nobody makes us dial elsewhere or
often: the caller is a node of the roster, and asks at most once in a while.
"""

from __future__ import annotations

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import CallKind, Dialer, Endpoint, LinkClass, Method, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.requests import read_request
from lumbung_proto.v1 import reach_pb2

__all__ = ["DIAL_BACK", "HEALTH_CHECK", "DialBack"]

DIAL_BACK = Method("/lumbung.v1.ReachService/DialBack", CallKind.UNARY)
HEALTH_CHECK = Method("/grpc.health.v1.Health/Check", CallKind.UNARY)


class DialBack:
    def __init__(self, core: Core, transport: Dialer) -> None:
        self._core = core
        self._transport = transport
        self._asked_at: dict[NodeNumber, float] = {}  # of nodes in the roster only

    async def answer(self, call: ServerCall, node: NodeNumber) -> None:
        await read_request(call, reach_pb2.DialBackRequest)
        self._check_turn(node)
        response = reach_pb2.DialBackResponse(clock_ms=self._core.clock.now_ms())
        for endpoint in self._endpoints(node):
            sentence = await self._dial(endpoint)
            response.results.add(address=endpoint.address, reached=not sentence, sentence=sentence)
        await call.send(response.SerializeToString())

    def _check_turn(self, node: NodeNumber) -> None:
        now, last = trio.current_time(), self._asked_at.get(node)
        if last is not None and now - last < limits.DIAL_BACK_INTERVAL_S:
            wait_s = limits.DIAL_BACK_INTERVAL_S
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED, f"expected at most one question in {wait_s:.0f} s, got another"
            )
        self._asked_at[node] = now

    def _endpoints(self, node: NodeNumber) -> list[Endpoint]:
        roster = self._core.rosters.roster
        record = roster.node(node)
        if record is None:
            return []
        uri, pins = f"lumbung://{self._core.cluster}/node/{node}", roster.tls_pins(node)
        link = LinkClass(record.link.value)
        return [Endpoint(address, uri, pins, link) for address in record.addresses[: limits.DIAL_BACK_ADDRESSES_MAX]]

    async def _dial(self, endpoint: Endpoint) -> str:
        """Why it was not reached; empty when it was."""
        channel = self._transport.dial(endpoint)
        try:
            await channel.call(HEALTH_CHECK, b"", deadline_s=limits.DIAL_BACK_S)
        except Rejected:
            return ""  # it has answered, under its own key: whom it lets in is another question
        except LumbungError as exc:
            return str(exc)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + limits.DIAL_BACK_S):
                await channel.close()
        return ""
