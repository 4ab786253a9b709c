"""Questions to the own node about stopping nodes and letting go of what others have proven."""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.drain import SignedDrainReport
from lumbung_cluster.errors import PeerGone
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import leaving_pb2
from lumbung_tools.client.methods import DRAINED, DROP, PLAN_DROP, SAFE_TO_STOP

__all__ = ["ask_drain_report", "ask_stakes", "drop_units", "plan_drop"]

_DRAINED_DEADLINE_S = 300.0  # 514 origins, each with a snapshot of its inventory
_DROP_DEADLINE_S = 3600.0  # of one origin: a group of 256 blobs is one commit


async def ask_stakes(channel: Channel, node: NodeNumber) -> list[leaving_pb2.OriginStake]:
    """What would be at stake if `node` stopped, origin by origin. Raises as `Channel.call`."""
    request = leaving_pb2.SafeToStopRequest(node=node)
    raw = await channel.call(SAFE_TO_STOP, request.SerializeToString(), deadline_s=limits.DEADLINE_UNARY_S)
    try:
        return list(decode_message(leaving_pb2.SafeToStopResponse, raw).stakes)
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


async def ask_drain_report(channel: Channel) -> SignedDrainReport:
    """The own node's report; whether it is drained is for the reader to judge. Raises as `Channel.stream`."""
    raw = bytearray()
    async with channel.stream(DRAINED, deadline_s=_DRAINED_DEADLINE_S) as stream:
        await stream.send(leaving_pb2.DrainedRequest().SerializeToString())
        await stream.finish_sending()
        while (message := await stream.receive()) is not None:
            try:
                raw += decode_message(leaving_pb2.DrainedResponse, message).content
            except MalformedFrame as exc:
                raise PeerGone(f"answer not understood: {exc}") from exc
            if len(raw) > limits.DRAIN_REPORT_SIZE_BYTES_MAX:
                raise PeerGone(f"answer not understood: more than {limits.DRAIN_REPORT_SIZE_BYTES_MAX} bytes")
    try:
        return SignedDrainReport.decode(bytes(raw))
    except Malformed as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


async def plan_drop(channel: Channel, origin: NodeNumber | None) -> list[leaving_pb2.OriginDrop]:
    """What the own node could let go of; changes nothing."""
    request = leaving_pb2.PlanDropRequest(origin=origin or 0)
    raw = await channel.call(PLAN_DROP, request.SerializeToString(), deadline_s=_DROP_DEADLINE_S)
    try:
        return list(decode_message(leaving_pb2.PlanDropResponse, raw).origins)
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


async def drop_units(channel: Channel, origin: int, units: int) -> tuple[int, int]:
    """Let units of one origin go: blobs and bytes that went. Raises Rejected when they may no longer go."""
    request = leaving_pb2.DropRequest(origin=origin, units=units)
    raw = await channel.call(DROP, request.SerializeToString(), deadline_s=_DROP_DEADLINE_S)
    answer = leaving_pb2.DropResponse.FromString(raw)
    return answer.blobs, answer.size_bytes
