"""A blob service of a few lines that keeps what it is given in memory and misbehaves on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import FRAME_HEADER_SIZE_BYTES_MAX, FRAME_PARTS_MAX, MIB, PIECE_SIZE_BYTES_MAX
from lumbung_node.ports.transport import Handler, Method, ServerCall
from lumbung_proto.codec import decode_frame, encode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.methods import GET, LIST, PUT, READ, STAT

__all__ = ["FakeBlobs", "Put", "line_breaks_at"]


@dataclass(slots=True)
class Put:
    """A blob under way or complete."""

    start: wire.PutStart
    content: bytearray = field(default_factory=bytearray)

    @property
    def is_complete(self) -> bool:
        return len(self.content) == self.start.size_bytes


Rule = Callable[[Put, int], wire.PutAnswer | None]
"""Answer for a complete blob and the number of blobs completed so far; None keeps silent. May raise."""


class FakeBlobs:
    """`blobs` is what a node would have on disk. `rule` decides the final answers, `interim` sends one before each.

    Without `counts` it is a node of an earlier build, which never says what it has received.
    `rotten` blobs, or all if it is `corrupt`, are given with a wrong byte; a stream of reads breaks where it has given
    `gives_most`, and of the blob `stalls_in` only the first MiB comes.
    """

    def __init__(self, number: int = 1, *, interim: bool = False, rule: Rule | None = None) -> None:
        self.number = number
        self.blobs: dict[bytes, bytes] = {}
        self.starts: list[wire.PutStart] = []
        self.frames: list[int] = []
        self.open_most = 0
        self.corrupt = False
        self.rotten: set[bytes] = set()
        self.gives_most: int | None = None
        self.stalls_in = b""
        self.asked: list[bytes] = []
        self.counts = True
        self.copies_now: wire.CopyCount | None = None
        self.rule = rule or self.stored
        self._interim = interim
        self._completed = 0

    @property
    def handlers(self) -> dict[Method, Handler]:
        return {PUT: self._put, GET: self._get, READ: self._read, STAT: self._stat, LIST: self._list}

    def stored(self, put: Put, completed: int) -> wire.PutAnswer:
        copies = wire.CopyCount(count=3, wanted=3, safe=True, holders=[self.number, 2, 3])
        return wire.PutAnswer(outcome=wire.PUT_OUTCOME_STORED, id=put.start.id, copies=copies, final=True)

    async def _put(self, call: ServerCall) -> None:
        open_puts: dict[int, Put] = {}
        received_bytes = 0
        while (message := await call.receive()) is not None:
            header, payload = decode_frame(wire.PutRequest, message, header_bytes_max=FRAME_HEADER_SIZE_BYTES_MAX)
            assert len(payload) <= PIECE_SIZE_BYTES_MAX
            assert 0 < len(header.parts) <= FRAME_PARTS_MAX
            self.frames.append(len(header.parts))
            received_bytes += len(payload)
            await self._take(call, header, payload, open_puts, received_bytes if self.counts else 0)
        assert not open_puts, "the client finished inside a blob"

    async def _take(
        self,
        call: ServerCall,
        header: wire.PutRequest,
        payload: memoryview,
        open_puts: dict[int, Put],
        received_bytes: int,
    ) -> None:
        response, at = wire.PutResponse(received_bytes=received_bytes), 0
        for part in header.parts:
            if part.HasField("start"):
                self.starts.append(part.start)
                open_puts[part.ticket] = Put(part.start)
            put = open_puts[part.ticket]
            put.content += payload[at : at + part.length_bytes]
            at += part.length_bytes
            self.open_most = max(self.open_most, len(open_puts))
            if put.is_complete:
                del open_puts[part.ticket]
                await self._complete(call, response, part.ticket, put)
        assert at == len(payload)
        if response.answers or received_bytes:
            await call.send(response.SerializeToString())

    async def _complete(self, call: ServerCall, response: wire.PutResponse, ticket: int, put: Put) -> None:
        assert BlobId.of(bytes(put.content)).raw == put.start.id
        self._completed += 1
        answer = self.rule(put, self._completed)
        if answer is None:
            return
        if answer.outcome in (wire.PUT_OUTCOME_STORED, wire.PUT_OUTCOME_REPEATED):
            self.blobs[put.start.id] = bytes(put.content)
        answer.ticket = ticket
        if self._interim and answer.final:
            copies = wire.CopyCount(count=1, wanted=3, holders=[self.number], missing=[2, 3])
            early = wire.PutAnswer(
                ticket=ticket, outcome=wire.PUT_OUTCOME_STORED, id=put.start.id, copies=copies, final=False
            )
            response.answers.append(early)
        response.answers.append(answer)

    def _find(self, wanted: bytes) -> bytes:
        found = [known for known in self.blobs if known.startswith(wanted)]
        if not found:
            raise Rejected(StatusCode.NOT_FOUND, f"blob: expected one of {len(self.blobs)}, got {wanted.hex()}")
        if len(found) > 1:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"id {wanted.hex()}: expected one blob, got {len(found)}")
        return found[0]

    async def _get(self, call: ServerCall) -> None:
        request = wire.GetRequest.FromString(await call.receive() or b"")
        self.asked.append(request.id)
        await self._give(call, wire.GetResponse, self._find(request.id), request.origin)

    async def _read(self, call: ServerCall) -> None:
        given = 0
        while (message := await call.receive()) is not None:
            request = wire.ReadRequest.FromString(message)
            self.asked.append(request.id)
            if given == self.gives_most:
                raise PeerGone("the connection broke")
            try:
                await self._give(call, wire.ReadResponse, self._find(request.id), request.origin)
                given += 1
            except Rejected as exc:
                refusal = wire.ReadRefusal(status_code=exc.code.value, sentence=exc.sentence)
                await call.send(encode_frame(wire.ReadResponse(refusal=refusal)))

    async def _give(
        self, call: ServerCall, kind: type[wire.GetResponse] | type[wire.ReadResponse], raw: bytes, origin: int
    ) -> None:
        content = self.blobs[raw]
        if self.corrupt or raw in self.rotten:
            content = bytes([content[0] ^ 1]) + content[1:]
        start = wire.GetStart(id=raw, origin=origin or self.number, size_bytes=len(content), time_ms=1)
        for at in range(0, len(content), MIB):
            await call.send(encode_frame(kind(start=start if at == 0 else None), [content[at : at + MIB]]))
            if raw == self.stalls_in:
                await trio.sleep_forever()

    async def _stat(self, call: ServerCall) -> None:
        request = wire.StatRequest.FromString(await call.receive() or b"")
        raw = self._find(request.id)
        blob = wire.BlobSummary(id=raw, origin=request.origin or self.number, size_bytes=len(self.blobs[raw]))
        if self.copies_now is not None:
            blob.copies.CopyFrom(self.copies_now)
        await call.send(wire.StatResponse(blob=blob).SerializeToString())

    async def _list(self, call: ServerCall) -> None:
        request = wire.ListRequest.FromString(await call.receive() or b"")
        rows = list(enumerate(self.blobs.items(), start=1))[request.after : request.after + request.limit]
        page = wire.ListResponse(next_after=rows[-1][0] if rows and rows[-1][0] < len(self.blobs) else 0)
        for number, (raw, content) in rows:
            page.blobs.append(wire.BlobSummary(id=raw, origin=self.number, size_bytes=len(content), number=number))
        await call.send(page.SerializeToString())


def line_breaks_at(blob: int) -> Rule:
    """Stores, but the first time that the given blob is complete the line breaks, before any answer to it."""
    broken = False

    def rule(put: Put, completed: int) -> wire.PutAnswer | None:
        nonlocal broken
        if completed == blob and not broken:
            broken = True
            raise PeerGone("line broke")
        copies = wire.CopyCount(count=3, wanted=3, safe=True)
        return wire.PutAnswer(outcome=wire.PUT_OUTCOME_STORED, id=put.start.id, copies=copies, final=True)

    return rule
