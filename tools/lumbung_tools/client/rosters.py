"""Rosters and access lists between a client and a node: bytes that are judged by their signatures wherever they go."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_cluster import limits
from lumbung_cluster.access import SignedAccess
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import PeerGone
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import roster_pb2
from lumbung_tools.client.methods import GET_ROSTER, PUBLISH_ACCESS, PUBLISH_ROSTER

__all__ = ["fetch_access_lists", "fetch_roster", "publish_access", "publish_roster"]


async def fetch_roster(channel: Channel, *, deadline_s: float = limits.DEADLINE_UNARY_S) -> bytes:
    """The signed roster that the node obeys, not judged yet. Raises as `Channel.call`."""
    raw = await channel.call(GET_ROSTER, b"", deadline_s=deadline_s)
    try:
        return decode_message(roster_pb2.GetRosterResponse, raw).roster
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


async def fetch_access_lists(channel: Channel) -> list[SignedAccess]:
    """The signed access lists that the node holds, not judged yet. Raises as `Channel.call`."""
    raw = await channel.call(GET_ROSTER, b"", deadline_s=limits.DEADLINE_UNARY_S)
    try:
        lists = decode_message(roster_pb2.GetRosterResponse, raw).access_lists
        return [SignedAccess.decode(each) for each in lists]
    except (MalformedFrame, Malformed) as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


async def publish_roster(channel: Channel, rosters: Sequence[bytes]) -> tuple[int, bool]:
    """The epoch that the node obeys now, and whether that changed. Raises Rejected with the node's reason."""
    request = roster_pb2.PublishRosterRequest(rosters=rosters)
    raw = await channel.call(PUBLISH_ROSTER, request.SerializeToString(), deadline_s=limits.DEADLINE_UNARY_S)
    answer = roster_pb2.PublishRosterResponse.FromString(raw)
    return answer.epoch, answer.changed


async def publish_access(channel: Channel, access_list: bytes) -> tuple[int, bool]:
    """The version that the node obeys now, and whether that changed. Raises Rejected with the node's reason."""
    request = roster_pb2.PublishAccessRequest(access_list=access_list)
    raw = await channel.call(PUBLISH_ACCESS, request.SerializeToString(), deadline_s=limits.DEADLINE_UNARY_S)
    answer = roster_pb2.PublishAccessResponse.FromString(raw)
    return answer.version, answer.changed
