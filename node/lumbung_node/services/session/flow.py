"""Blob bytes of one session on their way: no more than the link carries in about three seconds."""

from __future__ import annotations

from collections.abc import Iterable

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.flow import FLIGHT_S, Flight
from lumbung_node.services.session.link import FrameLink
from lumbung_node.store.state import Pulse
from lumbung_proto.v1 import peer_pb2

__all__ = ["FlowLink", "ReceivedBytes"]


class FlowLink:
    """Sends pieces of all lanes when there is room; first come, first served, so that every lane has its share."""

    def __init__(self, link: FrameLink, flight_s: float = FLIGHT_S) -> None:
        self._link = link
        self._flight = Flight(flight_s)
        self._turn = trio.Lock()
        self._counted = Pulse()

    @property
    def sent_bytes(self) -> int:
        return self._flight.sent_bytes

    def piece_bytes(self) -> int:
        return self._flight.piece_bytes()

    def offer_bytes_max(self) -> int:
        """What one offer may carry: the receiver keeps memory for it, and on a slow line for as many minutes."""
        return min(limits.OFFER_BYTES_MAX, limits.OFFER_FLIGHTS_MAX * self._flight.window_bytes)

    async def send_pieces(
        self, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview], size_bytes: int
    ) -> None:
        async with self._turn:
            while not self._flight.has_room(size_bytes):
                await self._counted.wait()
            self._flight.send(size_bytes, trio.current_time())
            await self._link.send(frame, payload)

    def eager_bytes_max(self) -> int:
        """What may go in one frame though nobody has asked for it: half of what may be under way, a second or two."""
        return self._flight.window_bytes // 2

    def takes_now(self, size_bytes: int) -> bool:
        """Whether `send_pieces` would send so many at once: there is room, and nobody's turn is before ours."""
        return not self._turn.locked() and self._flight.has_room(size_bytes)

    def count(self, total_bytes: int) -> None:
        """The peer has taken so many bytes. Raises Rejected for more than were sent."""
        if not self._flight.count(total_bytes, trio.current_time()):
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"received: {total_bytes} bytes are more than were sent")
        self._counted.beat()


class ReceivedBytes:
    """The receiving half: counts what came, and tells the peer. `run` until cancelled."""

    def __init__(self, link: FrameLink) -> None:
        self._link = link
        self._grown = Pulse()
        self._told = 0
        self.total = 0

    def add(self, size_bytes: int) -> None:
        self.total += size_bytes

    def tell_soon(self) -> None:
        """More bytes are to come before an Applied says the count."""
        self._grown.beat()

    def tell_now(self) -> int:
        """The count, for a frame that says it now."""
        self._told = self.total
        return self.total

    async def run(self) -> None:
        # A task of its own: whoever reads must never wait for his own frames to leave.
        while True:
            if self.total == self._told:
                await self._grown.wait()
            await self._link.send(peer_pb2.SessionFrame(received=peer_pb2.Received(bytes=self.tell_now())))
