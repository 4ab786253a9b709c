"""Lives and rosters: an older machine gets no word, an older roster is never obeyed again.

older lives are void    a session with a life other than the newest met carries nothing
no lower epoch          a node never obeys an older roster than it did before
stopped means silent    a machine that was told of its newer life begins no other one
"""

from __future__ import annotations

import trio

from lumbung_cluster.life import Life, OwnVerdict, judge_own_life
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["HEARD", "SAYS", "SAYS_ANYTHING"]


def _hear_hello(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.heard = frame.hello
    if frame.hello.HasField("life_seen") and node.stopped_at is None:
        own, shown = Life.parse(ends.said.life.body), Life.parse(frame.hello.life_seen.body)
        if judge_own_life(own, shown) is OwnVerdict.STOP:
            node.stopped_at, node.stopped_in = trio.current_time(), own.order


def _says_hello(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.said = frame.hello
    before, epoch = node.epoch_obeyed, frame.hello.roster_epoch
    if epoch < before:
        claims.broken("no lower epoch", f"{node.host} obeys {epoch}, before {before}")
    node.epoch_obeyed = epoch
    own = Life.parse(frame.hello.life.body)
    if node.stopped_at is not None and own.order > node.stopped_in:
        claims.broken("stopped means silent", f"{node.host} begins generation {own.generation}, told to stop before")


def _believes_the_newest(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    kind = frame.WhichOneof("kind")
    if kind in ("hello", "goodbye", "roster", "access") or node.core is None or not ends.generation:
        return
    newest = node.core.store.state.lives[ends.peer].content
    if Life.parse(ends.heard.life.body).order != newest.order:
        claims.broken(
            "older lives are void",
            f"{node.host} sends {kind} to node {ends.peer} of generation {ends.generation}, newest met "
            f"{newest.generation}",
        )


HEARD = {"hello": _hear_hello}
SAYS = {"hello": _says_hello}
SAYS_ANYTHING = (_believes_the_newest,)
