"""Asking a partner that we do not trust for its roster.

A partner under another TLS key than our roster pins may have been given a new one while we were away, and then it
refuses us nothing but we refuse it. Its roster is asked for without a pin: custodians have signed it, no carrier can
alter it, and only if it is newer and pins that key does the link come up.
"""

from __future__ import annotations

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.limits import DEADLINE_UNARY_S
from lumbung_node.ports.transport import CallKind, Dialer, Endpoint, Method
from lumbung_node.services.rosters import RosterKeeper
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import roster_pb2

__all__ = ["GET_ROSTER", "ask_roster"]

GET_ROSTER = Method("/lumbung.v1.RosterService/GetRoster", CallKind.UNARY)


async def ask_roster(transport: Dialer, endpoint: Endpoint, rosters: RosterKeeper) -> bool:
    """True when another roster is in force now. `endpoint` is dialled whatever its key."""
    channel = transport.dial(Endpoint(endpoint.address, endpoint.uri, (), endpoint.link))
    try:
        raw = await channel.call(GET_ROSTER, b"", deadline_s=DEADLINE_UNARY_S)
        return await rosters.offer([decode_message(roster_pb2.GetRosterResponse, raw).roster])
    except (LumbungError, MalformedFrame):
        return False  # the link stays refused, with its own sentence
    finally:
        await channel.close()
