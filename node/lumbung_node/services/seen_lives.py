"""What this node has met of the lives of whoever asks: the question of a node that an operator recovers."""

from __future__ import annotations

from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import CallKind, Method, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.requests import read_request
from lumbung_node.services.session.lives import life_message
from lumbung_proto.v1 import lives_pb2

__all__ = ["SEEN_LIFE", "answer_seen_life"]

SEEN_LIFE = Method("/lumbung.v1.LivesService/SeenLife", CallKind.UNARY)


async def answer_seen_life(core: Core, call: ServerCall, node: NodeNumber) -> None:
    await read_request(call, lives_pb2.SeenLifeRequest)
    state = core.store.state
    response = lives_pb2.SeenLifeResponse(generation=state.generations_seen.get(node, 0))
    if node in state.lives:
        response.life.CopyFrom(life_message(state.lives[node]))
    await call.send(response.SerializeToString())
