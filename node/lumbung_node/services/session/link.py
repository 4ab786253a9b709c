"""Frames over one stream: the same on the side that dialled and on the side that was dialled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import trio

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.limits import FRAME_HEADER_SIZE_BYTES_MAX
from lumbung_cluster.wire import may_send
from lumbung_node.ports.transport import ClientStream, ServerCall
from lumbung_proto.codec import MalformedFrame, decode_frame, encode_frame
from lumbung_proto.v1 import peer_pb2

__all__ = ["FrameLink", "dialled_link", "served_link"]


class _Messages(Protocol):
    async def send(self, message: bytes) -> None: ...

    async def receive(self) -> bytes | None: ...


class FrameLink:
    """Senders take turns frame by frame (first come, first served), so that each lane of the link has its share."""

    def __init__(
        self,
        messages: _Messages,
        incoming: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
        outgoing: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
    ) -> None:
        self._messages = messages
        self._incoming = incoming
        self._outgoing = outgoing
        self._turn = trio.Lock()
        self.wire = 0  # until both hellos are known
        self.heard_at: float | None = None  # trio time of the last frame that came

    def speaks(self, kind: str) -> bool:
        """Whether the peer may be sent frames of this kind."""
        return may_send(kind, self.wire)

    async def send(self, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        """A frame that the peer's version does not know stays here: whoever waits for an answer asks `speaks` first."""
        if not self.speaks(frame.WhichOneof("kind") or ""):
            return
        message = encode_frame(self._outgoing(frame=frame), payload)
        async with self._turn:
            await self._messages.send(message)

    async def receive(self) -> tuple[peer_pb2.SessionFrame, memoryview] | None:
        """The next frame and its payload; None at the end. Raises Rejected for bytes that are no frame."""
        message = await self._messages.receive()
        if message is None:
            return None
        self.heard_at = trio.current_time()
        try:
            header, payload = decode_frame(self._incoming, message, header_bytes_max=FRAME_HEADER_SIZE_BYTES_MAX)
        except MalformedFrame as exc:
            raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
        return header.frame, payload


def dialled_link(stream: ClientStream) -> FrameLink:
    return FrameLink(stream, peer_pb2.SessionResponse, peer_pb2.SessionRequest)


def served_link(call: ServerCall) -> FrameLink:
    return FrameLink(call, peer_pb2.SessionRequest, peer_pb2.SessionResponse)
