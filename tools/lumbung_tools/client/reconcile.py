"""A reconcile on demand at the own node, as it goes."""

from __future__ import annotations

from collections.abc import Callable

from lumbung_cluster.errors import PeerGone
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import reconcile_pb2
from lumbung_tools.client.methods import RECONCILE

__all__ = ["reconcile"]


async def reconcile(
    channel: Channel,
    partner: NodeNumber | None,
    origin: NodeNumber | None,
    *,
    is_all: bool,
    on_response: Callable[[reconcile_pb2.ReconcileResponse], None],
) -> None:
    """Hand on what the node says until it has ended; it ends too when we are cancelled. Raises as `Channel.stream`."""
    request = reconcile_pb2.ReconcileRequest(partner=partner or 0, origin=origin or 0, all_origins=is_all)
    async with channel.stream(RECONCILE) as stream:
        await stream.send(request.SerializeToString())
        await stream.finish_sending()
        while (raw := await stream.receive()) is not None:
            try:
                response = decode_message(reconcile_pb2.ReconcileResponse, raw)
            except MalformedFrame as exc:
                raise PeerGone(f"answer not understood: {exc}") from exc
            on_response(response)
