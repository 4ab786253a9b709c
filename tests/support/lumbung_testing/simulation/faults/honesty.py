"""Peers that do not do what they say, for a while (`misbehaviour` has how), and floods in a peer's name."""

from __future__ import annotations

import random
from functools import partial

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import FRAME_HEADER_SIZE_BYTES_MAX
from lumbung_node.ports.transport import ClientStream, Endpoint
from lumbung_node.services.replicator import SESSION
from lumbung_node.services.session.lives import read_life
from lumbung_proto.codec import decode_frame, encode_frame
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.rosters import CLUSTER
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.misbehaviour import KINDS
from lumbung_testing.simulation.node import address_of, node_caller

__all__ = ["FAULTS"]

_FRAMES_MAX = 400
_FLOOD_S = 20.0


async def _misbehave(how: str, stage: Stage, draws: random.Random) -> None:
    node, misbehaviour = stage.some_node(draws), stage.cluster.misbehaviour
    if misbehaviour.who is not None:
        return
    misbehaviour.begin(node.number, how)
    stage.tell(node, how)
    if draws.random() < 0.5:  # a Hello, or a life, is needed before it can show
        stage.cluster.network.kill_streams(node.host)
    await trio.sleep(draws.uniform(5.0, 60.0))
    misbehaviour.end()


def _heal(stage: Stage) -> None:
    stage.cluster.misbehaviour.end()


async def _flood(stage: Stage, draws: random.Random) -> None:
    """Somebody with a node's key opens a session and sends without end: needs, questions, rubbish, or nothing."""
    one, other = draws.sample(list(stage.cluster.nodes.values()), 2)
    kind = draws.choice(("need", "prove", "pieces", "rubbish", "offer", "silence"))
    stage.tell(one, "flood", f"{kind} to {other.host}")
    stage.cluster.misbehaviour.flooded_in_the_name_of(one.number)
    caller = node_caller(other.number)
    async with stage.cluster.network.transport(f"x{one.number}", node_caller(one.number)) as transport:
        channel = transport.dial(Endpoint(address_of(other.host, other.number), caller.uri, (caller.key_pin,)))
        try:
            with trio.move_on_after(_FLOOD_S):
                async with channel.stream(SESSION) as stream:
                    await _send_without_end(stage, draws, stream, one.number, other.number, kind)
        except LumbungError as exc:
            stage.tell(one, "flood refused", type(exc).__name__)
        finally:
            with trio.CancelScope(shield=True):
                await channel.close()


async def _send_without_end(
    stage: Stage, draws: random.Random, stream: ClientStream, sender: NodeNumber, target: NodeNumber, kind: str
) -> None:
    message = await stream.receive()
    if message is None:
        return
    header, _ = decode_frame(peer_pb2.SessionResponse, message, header_bytes_max=FRAME_HEADER_SIZE_BYTES_MAX)
    theirs = header.frame.hello
    if not theirs.HasField("life_seen"):
        return
    life = read_life(theirs.life_seen)
    hello = peer_pb2.Hello(
        cluster_id=CLUSTER.raw,
        node=sender,
        generation=life.content.generation,
        life=theirs.life_seen,
        roster_epoch=theirs.roster_epoch,
        roster_hash=theirs.roster_hash,
        session_nonce=draws.randbytes(16),
    )
    await _send(stream, peer_pb2.SessionFrame(hello=hello), b"")
    for serial in range(_FRAMES_MAX):
        if kind == "silence":
            await trio.sleep_forever()
        elif kind == "rubbish":
            await stream.send(draws.randbytes(draws.randint(0, 300)))
        else:
            await _send(stream, _frame(draws, kind, serial + 1, sender, target), b"")


def _frame(
    draws: random.Random, kind: str, serial: int, sender: NodeNumber, target: NodeNumber
) -> peer_pb2.SessionFrame:
    ids = [draws.randbytes(32) for _ in range(256)]
    match kind:
        case "need":
            return peer_pb2.SessionFrame(need=peer_pb2.Need(origin=draws.choice((sender, target)), ids=ids))
        case "prove":
            prove = peer_pb2.Prove(question=serial, origin=sender, nonce=serial, ids=ids)
            return peer_pb2.SessionFrame(prove=prove)
        case "pieces":
            return peer_pb2.SessionFrame(pieces=peer_pb2.Pieces(offer=serial, pieces=[peer_pb2.Piece(entry=0)]))
        case _:
            offer = peer_pb2.Offer(
                offer=serial, origin=sender, lane=peer_pb2.LANE_FEED, upto=serial, running_hash=draws.randbytes(32)
            )
            return peer_pb2.SessionFrame(offer=offer)


async def _send(stream: ClientStream, frame: peer_pb2.SessionFrame, payload: bytes) -> None:
    await stream.send(encode_frame(peer_pb2.SessionRequest(frame=frame), [payload]))


FAULTS = (
    *(Fault(f"{how} peer", 8, partial(_misbehave, how), _heal) for how in KINDS),
    Fault("flood", 8, _flood),
)
