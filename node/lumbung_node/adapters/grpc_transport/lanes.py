"""The two directions of a call between the loops, each a bounded queue: a slow reader stops the writer.

Each side keeps its own state and changes the other's only by a hop. The writer counts what it handed over until the
reader gives it back as credit, in lots of half a window: so neither a lost wake-up nor a hop for each message. The lot
can be waited for safely: when the writer waits, a whole window is out, so reading it gives at least one lot back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import trio

from lumbung_cluster.limits import MESSAGES_WAITING_MAX, MIB
from lumbung_node.adapters.grpc_transport.bridge import Bridge

__all__ = ["WINDOW_BYTES", "End", "IncomingLane", "OutgoingLane"]

WINDOW_BYTES: Final = 4 * MIB  # of one direction of one call; a message may stand over it, so at most one more
_LOT_BYTES: Final = WINDOW_BYTES // 2
# Of a queued message beside its bytes. Small ones cost their receiver more than their sender, and 4,096 of each of 16
# streams would be seconds of the loop before anything slows the caller down.
_MESSAGE_COST_BYTES: Final = WINDOW_BYTES // MESSAGES_WAITING_MAX


class End:
    """The mark behind the last message."""


_END: Final = End()


class IncomingLane:
    """From gRPC's reader in asyncio to `receive` in trio. Of the smallest messages `waiting_max` may wait."""

    def __init__(self, bridge: Bridge, waiting_max: int = MESSAGES_WAITING_MAX) -> None:
        self._bridge = bridge
        self._message_cost_bytes = WINDOW_BYTES // waiting_max
        # asyncio's side
        self._out_bytes = 0
        self._room: asyncio.Future[None] | None = None
        # trio's side
        self._queue: deque[bytes] = deque()
        self._readers = trio.lowlevel.ParkingLot()
        self._taken_bytes = 0
        self._ended = False
        self._error: Exception | None = None

    async def put(self, message: bytes) -> None:
        """In asyncio: hand one message over, then wait until there is room for another."""
        self._out_bytes += self._cost(message)
        self._bridge.to_trio(lambda: self._arrive(message))
        while self._out_bytes >= WINDOW_BYTES:
            self._room = self._bridge.loop.create_future()
            await self._room

    def put_last(self, message: bytes) -> None:
        """In asyncio: hand over the one message behind which none follows."""
        self._bridge.to_trio(lambda: self._arrive_last(message))

    def end(self, error: Exception | None) -> None:
        """In asyncio: no message follows; `receive` gives None, or raises `error`. The first end stands."""
        self._bridge.to_trio(lambda: self.end_now(error))

    def end_now(self, error: Exception | None) -> None:
        """In trio: as `end`."""
        if not self._ended:
            self._ended, self._error = True, error
            self._readers.unpark_all()

    async def receive(self) -> bytes | None:
        """In trio: the next message; after the end None, or its error."""
        if self._queue or self._ended:
            await trio.lowlevel.checkpoint()
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._ended:
                return None
            await self._readers.park()
        message = self._queue.popleft()
        self._taken_bytes += self._cost(message)
        if self._taken_bytes >= _LOT_BYTES:
            lot, self._taken_bytes = self._taken_bytes, 0
            self._bridge.to_asyncio(lambda: self._give_back(lot))
        return message

    def _arrive(self, message: bytes) -> None:
        self._queue.append(message)
        self._readers.unpark()

    def _arrive_last(self, message: bytes) -> None:
        self._queue.append(message)
        self.end_now(None)

    def _cost(self, message: bytes) -> int:
        return len(message) + self._message_cost_bytes

    def _give_back(self, lot_bytes: int) -> None:
        self._out_bytes -= lot_bytes
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


class OutgoingLane:
    """From `send` in trio to gRPC's writer in asyncio."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        # trio's side
        self._out_bytes = 0
        self._writers = trio.lowlevel.ParkingLot()
        self._error: Exception | None = None
        # asyncio's side
        self._queue: deque[bytes | End] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._written_bytes = 0

    async def send(self, message: bytes) -> None:
        """In trio: hand one message over; waits while the window is full. Raises what `close` was given."""
        await trio.lowlevel.checkpoint()
        while self._out_bytes >= WINDOW_BYTES and self._error is None:
            await self._writers.park()
        if self._error is not None:
            raise self._error
        self._out_bytes += _cost(message)
        self._bridge.to_asyncio(lambda: self._arrive(message))

    def finish(self) -> None:
        """In trio: no message follows."""
        self._bridge.to_asyncio(self.put_end)

    def close(self, error: Exception) -> None:
        """In asyncio: nothing is taken any more; `send` raises `error`. The first one stands."""
        self._bridge.to_trio(lambda: self.close_now(error))

    def close_now(self, error: Exception) -> None:
        """In trio: as `close`."""
        if self._error is None:
            self._error = error
            self._writers.unpark_all()

    async def next(self) -> bytes | End:
        """In asyncio: the next message, or the mark behind the last."""
        while not self._queue:
            self._arrival = self._bridge.loop.create_future()
            await self._arrival
        return self._queue.popleft()

    def written(self, message: bytes) -> None:
        """In asyncio: gRPC has taken `message`."""
        self._written_bytes += _cost(message)
        if self._written_bytes >= _LOT_BYTES:
            lot, self._written_bytes = self._written_bytes, 0
            self._bridge.to_trio(lambda: self._give_back(lot))

    def put_end(self) -> None:
        """In asyncio: as `finish`."""
        self._arrive(_END)

    def put_end_at_once(self) -> None:
        """In asyncio: forget what was not written; no message follows."""
        self._queue.clear()
        self._arrive(_END)

    def _arrive(self, item: bytes | End) -> None:
        self._queue.append(item)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _give_back(self, lot_bytes: int) -> None:
        self._out_bytes -= lot_bytes
        self._writers.unpark_all()


def _cost(message: bytes) -> int:
    return len(message) + _MESSAGE_COST_BYTES
