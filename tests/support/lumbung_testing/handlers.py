"""Handlers that the transport tests serve: echoes, sinks, and one that waits until its caller is gone."""

from __future__ import annotations

import trio

from lumbung_cluster.errors import PeerGone
from lumbung_node.ports.transport import CallKind, ClientStream, Method, ServerCall

__all__ = [
    "BIDI",
    "CLIENT_STREAM",
    "SERVER_STREAM",
    "UNARY",
    "WaitingHandler",
    "answer",
    "drain",
    "echo",
    "exchange",
    "join",
    "send_all",
]

UNARY = Method("/lumbung.test.Contract/Unary", CallKind.UNARY)
CLIENT_STREAM = Method("/lumbung.test.Contract/ClientStream", CallKind.CLIENT_STREAM)
SERVER_STREAM = Method("/lumbung.test.Contract/ServerStream", CallKind.SERVER_STREAM)
BIDI = Method("/lumbung.test.Contract/Bidi", CallKind.BIDI)


async def answer(call: ServerCall) -> None:
    """One answer to one request."""
    request = await call.receive()
    assert request is not None
    await call.send(b"answer to " + request)


async def echo(call: ServerCall) -> None:
    """Each message back, until the caller has finished sending."""
    while (message := await call.receive()) is not None:
        await call.send(message)


async def join(call: ServerCall) -> None:
    """All messages in one."""
    messages = []
    while (message := await call.receive()) is not None:
        messages.append(message)
    await call.send(b",".join(messages))


async def drain(stream: ClientStream) -> list[bytes]:
    """All messages up to the peer's OK."""
    messages = []
    while (message := await stream.receive()) is not None:
        messages.append(message)
    return messages


async def send_all(stream: ClientStream, messages: list[bytes]) -> None:
    """The messages, and no more."""
    for message in messages:
        await stream.send(message)
    await stream.finish_sending()


async def exchange(stream: ClientStream, messages: list[bytes]) -> list[bytes]:
    """Send few messages, then read to the end."""
    await send_all(stream, messages)
    return await drain(stream)


class WaitingHandler:
    """Waits for messages that do not come; `left` is set once it was cancelled or saw PeerGone.

    On a stream it says hello first, so that a caller knows that it runs.
    """

    def __init__(self) -> None:
        self.entered = trio.Event()
        self.left = trio.Event()
        self.running = 0
        self._changed = trio.lowlevel.ParkingLot()

    async def only(self, running: int) -> None:
        """Wait until no more than so many run."""
        while self.running > running:
            await self._changed.park()

    async def __call__(self, call: ServerCall) -> None:
        self.running += 1
        self.entered.set()
        try:
            if call.method.kind in (CallKind.BIDI, CallKind.SERVER_STREAM):
                await call.send(b"hello")
            while await call.receive() is not None:
                pass
            await trio.sleep_forever()
        except (PeerGone, trio.Cancelled):
            self.left.set()
            raise
        finally:
            self.running -= 1
            self._changed.unpark_all()
