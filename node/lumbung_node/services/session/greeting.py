"""Hello: who speaks, in which generation, how far each has applied the other's feeds, and whether to go on."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.life import SignedLife
from lumbung_cluster.limits import HELD_MAX, HELLO_MARKS_MAX
from lumbung_cluster.wire import SPOKEN, WireRange
from lumbung_node.services.core import Core
from lumbung_node.services.session.lives import judge_our_life, judge_their_life, life_message, read_life
from lumbung_node.store.layout import MarkRow, OriginCounts
from lumbung_proto.v1 import peer_pb2

__all__ = ["Greeting", "judge_greeting", "make_hello", "read_hello"]


@dataclass(frozen=True, slots=True)
class Greeting:
    """A parsed Hello of the other side."""

    node: NodeNumber
    cluster: ClusterId
    wire: int
    life: SignedLife
    life_seen: SignedLife | None
    roster_epoch: int
    roster_hash: bytes
    marks: dict[NodeNumber, Mark]
    clock_ms: int
    access_versions: dict[NodeNumber, int]
    software: str
    stopped: bool
    nonce: int
    held: dict[NodeNumber, OriginCounts]

    @property
    def generation(self) -> Generation:
        return self.life.content.generation


def make_hello(core: Core, peer: NodeNumber) -> peer_pb2.Hello:
    """Our Hello for `peer`; marks only of origins that the roster still has both of us hold, under as many units."""
    state, roster = core.store.state, core.rosters.roster
    hello = peer_pb2.Hello(
        wire_low=core.wire.low,
        wire_high=core.wire.high,
        cluster_id=core.cluster.raw,
        node=core.number,
        generation=state.generation,
        life=life_message(core.store.life),
        roster_epoch=roster.epoch,
        roster_hash=core.rosters.signed.hash,
        clock_ms=core.clock.now_ms(),
        session_nonce=core.randomness.bytes(16),
        software=core.software,
        stopped=core.condition.stopped,
        nonce=state.take_nonce(),
    )
    if peer in state.lives:
        hello.life_seen.CopyFrom(life_message(state.lives[peer]))
    for origin in roster.origins_shared(core.number, peer):
        counts = state.count(origin)
        hello.held.add(origin=origin, blobs=counts.blobs, size_bytes=counts.size_bytes)
        row = state.marks.get((peer, origin))
        if row is not None and covers_units(row, roster.units_held(core.number, origin)):
            hello.marks.append(mark_message(origin, row.mark))
    for office, version in core.rosters.access_versions():
        hello.access_versions.append(peer_pb2.AccessVersion(office=office, version=version))
    return hello


def covers_units(row: MarkRow, units: int) -> bool:
    """Whether the mark was advanced while this node held at least these units."""
    return units & ~row.units == 0


def mark_message(origin: NodeNumber, mark: Mark) -> peer_pb2.OriginMark:
    return peer_pb2.OriginMark(
        origin=origin, generation=mark.generation, number=mark.number, running_hash=mark.running_hash
    )


def read_mark(message: peer_pb2.OriginMark) -> Mark:
    if len(message.running_hash) != HASH_SIZE_BYTES:
        raise _malformed(f"mark: expected a running hash of {HASH_SIZE_BYTES} bytes, got {len(message.running_hash)}")
    return Mark(Generation(message.generation), message.number, message.running_hash)


def read_hello(frame: peer_pb2.SessionFrame, spoken: WireRange = SPOKEN) -> Greeting:
    """Raises Rejected for a frame that is no Hello, or one that breaks a bound."""
    if frame.WhichOneof("kind") != "hello":
        raise _malformed(f"expected a hello first, got {frame.WhichOneof('kind')}")
    hello = frame.hello
    if max(len(hello.marks), len(hello.held)) > HELLO_MARKS_MAX or len(hello.access_versions) > HELLO_MARKS_MAX:
        raise _malformed(f"hello: expected at most {HELLO_MARKS_MAX} marks, got {len(hello.marks)}")
    life = read_life(hello.life)
    if len(hello.cluster_id) != 16 or hello.generation != life.content.generation:
        raise _malformed("hello: expected a cluster id of 16 bytes and the generation of the life shown")
    wire = spoken.common(WireRange(hello.wire_low, hello.wire_high))
    if wire is None:
        older = "yours" if hello.wire_high < spoken.low else "ours"
        raise Rejected(
            StatusCode.FAILED_PRECONDITION,
            f"no common wire version: we speak {spoken.low} to {spoken.high}, you {hello.wire_low} to "
            f"{hello.wire_high}; update the older lumbung, {older}",
        )
    return Greeting(
        NodeNumber(hello.node),
        ClusterId(hello.cluster_id),
        wire,
        life,
        read_life(hello.life_seen) if hello.HasField("life_seen") else None,
        hello.roster_epoch,
        hello.roster_hash,
        {NodeNumber(mark.origin): read_mark(mark) for mark in hello.marks},
        hello.clock_ms,
        {NodeNumber(item.office): item.version for item in hello.access_versions},
        hello.software,
        hello.stopped,
        hello.nonce,
        {
            NodeNumber(item.origin): OriginCounts(min(item.blobs, HELD_MAX), min(item.size_bytes, HELD_MAX))
            for item in hello.held
        },
    )


async def judge_greeting(core: Core, peer: NodeNumber, greeting: Greeting) -> None:
    """Learn from the greeting and refuse what must not go on. Raises Rejected, DoubtAboutOurselves, LifeUnknown."""
    if greeting.cluster != core.cluster or greeting.node != peer:
        raise Rejected(
            StatusCode.PERMISSION_DENIED,
            f"expected node {peer} of cluster {core.cluster}, got node {greeting.node} of {greeting.cluster}",
        )
    if greeting.life_seen is not None:
        await judge_our_life(core, peer, greeting.life_seen, greeting.roster_epoch)
    await judge_their_life(core, peer, greeting.life)


def _malformed(sentence: str) -> Rejected:
    return Rejected(StatusCode.INVALID_ARGUMENT, sentence)
