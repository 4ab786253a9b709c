"""With whom a node speaks at all.

no word to a stranger    nothing but greetings and rosters goes to a node that the roster obeyed does not name, or to a
                         van that its office has struck off in the newest list held here
"""

from __future__ import annotations

import trio

from lumbung_node.services.core import Core
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.invariants.claims import UNDER_WAY_S, Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["SAYS_ANYTHING"]

_TO_ANYBODY = ("hello", "goodbye", "roster", "access")


def _speaks(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    kind = frame.WhichOneof("kind")
    if kind in _TO_ANYBODY or node.core is None:
        return
    if node.core.rosters.roster.node(ends.peer) is None:
        claims.broken("no word to a stranger", f"{node.host} sends {kind} to node {ends.peer}, which no roster names")
    if _is_struck_off(node.core, ends):
        since = claims.struck_off.setdefault((node.host, ends.peer), trio.current_time())
        if trio.current_time() - since > UNDER_WAY_S:
            claims.broken("no word to a stranger", f"{node.host} sends {kind} to van {ends.peer}, gone since {since}")


def _is_struck_off(core: Core, ends: SessionEnds) -> bool:
    vans = (van for access in core.rosters.access_lists.values() for van in access.content.vans)
    return any(van.number == ends.peer and van.is_gone for van in vans)


SAYS_ANYTHING = (_speaks,)
