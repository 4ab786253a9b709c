"""Calls of clients with mutated messages, straight into the services: put streams, reads, rosters."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from google.protobuf.message import Message

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.transport import Caller, CallKind, Method
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.giving import Giving
from lumbung_node.services.putting import PutStream
from lumbung_node.services.reading import Reading
from lumbung_node.store.reads import is_intact
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.fuzzing.mutation import mutated_bytes, mutated_message, random_message
from lumbung_testing.fuzzing.targets import Broken
from lumbung_testing.rosters import founding, signed, successor
from lumbung_testing.session_pair import OFFICE, box, living, put

__all__ = ["fuzz_calls"]

_PUTS = 20
_READS = 60
_ROSTERS = 5


class _Call:
    """A call that gives these messages and keeps the answers."""

    caller = Caller("lumbung://00/access/1/station", bytes(32))
    method = Method("/lumbung.v1.BlobService/Any", CallKind.BIDI)
    request_id = bytes(16)

    def __init__(self, messages: Sequence[bytes]) -> None:
        self._messages = list(messages)
        self.answers: list[bytes] = []

    async def receive(self) -> bytes | None:
        return self._messages.pop(0) if self._messages else None

    async def send(self, message: bytes) -> None:
        self.answers.append(message)


async def fuzz_calls(draws: random.Random, seen: Counter[str]) -> None:
    """Some dozens of calls at one node, under an autojumping clock. Raises Broken."""
    async with living(box(OFFICE)) as core:
        stored = [draws.randbytes(draws.choice((1, 100, 5000))) for _ in range(10)]
        await put(core, stored)
        for _ in range(_PUTS):
            await _fuzz_put(core, draws, seen)
        for _ in range(_READS):
            await _fuzz_read(core, [BlobId.of(content) for content in stored], draws, seen)
        for _ in range(_ROSTERS):
            await _fuzz_roster(core, draws, seen)
        if core.memory.taken_bytes:
            raise Broken(f"put: {core.memory.taken_bytes} bytes of memory stay taken")


async def _fuzz_put(core: Core, draws: random.Random, seen: Counter[str]) -> None:
    frames = _put_frames(draws)
    at = draws.randrange(len(frames))
    frames[at] = _meddled(frames[at], draws, [encode_frame(*frame) for frame in frames])
    messages = [frame if isinstance(frame, bytes) else encode_frame(*frame) for frame in frames]
    call = _Call(messages)
    stream = PutStream(core, CopyBook(core), lambda blob, number: None, call)
    seen["mutated put streams"] += 1
    await _only_refusals("put", stream.run)
    for answer in call.answers:
        for item in blobs_pb2.PutResponse.FromString(answer).answers:
            durable = item.outcome in (blobs_pb2.PUT_OUTCOME_STORED, blobs_pb2.PUT_OUTCOME_REPEATED)
            if durable and not is_intact(await core.store.reader.row(OFFICE, BlobId(item.id))):
                raise Broken(f"put: says that {item.id.hex()} is stored, and it is not")


_Frame = tuple[blobs_pb2.PutRequest, list[bytes]]


def _put_frames(draws: random.Random) -> list[bytes | _Frame]:
    """An honest stream: a few blobs, some in several frames."""
    frames: list[bytes | _Frame] = []
    for ticket in range(1, draws.choice((2, 4))):
        content = draws.randbytes(draws.choice((1, 700, 4096)))
        start = blobs_pb2.PutStart(size_bytes=len(content), id=BlobId.of(content).raw, copies=1)
        cut = draws.choice((len(content), max(1, len(content) // 2)))
        first = blobs_pb2.PutPart(ticket=ticket, start=start, length_bytes=cut)
        frames.append((blobs_pb2.PutRequest(parts=[first]), [content[:cut]]))
        if cut < len(content):
            rest = blobs_pb2.PutPart(ticket=ticket, length_bytes=len(content) - cut)
            frames.append((blobs_pb2.PutRequest(parts=[rest]), [content[cut:]]))
    return frames


def _meddled(frame: bytes | _Frame, draws: random.Random, others: list[bytes]) -> bytes:
    assert isinstance(frame, tuple)
    header, payload = frame
    if draws.random() < 0.3:
        return mutated_bytes(encode_frame(header, payload), draws, others)
    raw = mutated_message(header.SerializeToString(), blobs_pb2.PutRequest, draws)
    return encode_frame(blobs_pb2.PutRequest.FromString(raw), payload)


async def _fuzz_read(core: Core, stored: list[BlobId], draws: random.Random, seen: Counter[str]) -> None:
    giving, reading = Giving(core), Reading(core, CopyBook(core))
    kinds: list[tuple[type[Message], Callable[..., Awaitable[None]]]] = [
        (blobs_pb2.GetRequest, giving.get),
        (blobs_pb2.StatRequest, reading.stat),
        (blobs_pb2.ListRequest, reading.list),
    ]
    kind, handler = draws.choice(kinds)
    request = random_message(kind, draws)
    if hasattr(request, "id") and draws.random() < 0.5:
        request.id = draws.choice(stored).raw[: draws.choice((3, 4, 8, 32))]
    raw = request.SerializeToString()
    if draws.random() < 0.3:
        raw = mutated_bytes(raw, draws, [raw])
    seen["mutated reads"] += 1

    async def read() -> None:
        await handler(_Call([raw]), _may_read)

    async def read_on() -> None:
        await giving.read(_Call([raw, raw]), lambda: _may_read)

    await _only_refusals(kind.DESCRIPTOR.name, read)
    if kind is blobs_pb2.GetRequest:  # the same fields: what is a Get may be one of many in a stream
        await _only_refusals("ReadRequest", read_on)


def _may_read(_origin: NodeNumber) -> None:
    """Everything: what is read is looked at here, not who may."""


async def _fuzz_roster(core: Core, draws: random.Random, seen: Counter[str]) -> None:
    held = signed(founding(), "a", "b")
    following = signed(successor(held), "a", "b").encode()
    raw = mutated_bytes(following, draws, [following, held.encode()])
    seen["mutated rosters"] += 1

    async def offer() -> None:
        await core.rosters.offer([raw])

    await _only_refusals("roster", offer)
    if core.rosters.roster.epoch != 1 and raw != following:
        signatures = core.rosters.signed.encode()
        if signatures == raw and core.rosters.signed.hash != signed(successor(held), "a", "b").hash:
            raise Broken("roster: obeys one that nobody signed")


async def _only_refusals(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Raises Broken when `work` ends with anything but a refusal."""
    try:
        await work()
    except LumbungError:
        return
    except BaseExceptionGroup as group:
        rest = group.split(LumbungError)[1]
        if rest is not None:
            raise Broken(f"{name}: {rest!r}") from group
    except Exception as exc:
        raise Broken(f"{name}: {exc!r}") from exc
