"""Lives and rosters: an older machine gets no word, an older roster is never obeyed again.

older lives are void    a session with a generation older than the newest met carries nothing
no lower epoch          a node never obeys an older roster than it did before
"""

from __future__ import annotations

import trio

from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["HEARD", "SAYS", "SAYS_ANYTHING"]


def _hear_hello(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.heard = frame.hello
    if frame.hello.generation_seen > ends.said.generation and node.stopped_at is None:
        node.stopped_at = trio.current_time()


def _says_hello(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.said = frame.hello
    before, epoch = node.epoch_obeyed, frame.hello.roster_epoch
    if epoch < before:
        claims.broken("no lower epoch", f"{node.host} obeys {epoch}, before {before}")
    node.epoch_obeyed = epoch


def _believes_the_newest(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    kind = frame.WhichOneof("kind")
    if kind in ("hello", "goodbye") or node.core is None or not ends.generation:
        return
    newest = node.core.store.state.generations_seen.get(ends.peer, 0)
    if ends.generation < newest:
        claims.broken(
            "older lives are void",
            f"{node.host} sends {kind} to node {ends.peer} of generation {ends.generation}, newest met {newest}",
        )


HEARD = {"hello": _hear_hello}
SAYS = {"hello": _says_hello}
SAYS_ANYTHING = (_believes_the_newest,)
