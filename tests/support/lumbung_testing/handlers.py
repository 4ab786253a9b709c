"""Handlers that the transport tests serve: echoes, sinks, and one that waits until its caller is gone."""

from __future__ import annotations

import trio

from lumbung_cluster.errors import PeerGone
from lumbung_node.ports.transport import CallKind, ClientStream, Method, ServerCall

__all__ = ["BIDI", "CLIENT_STREAM", "SERVER_STREAM", "UNARY", "WaitingHandler", "answer", "drain", "echo", "join"]

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


class WaitingHandler:
    """Says hello, then waits for messages that do not come; `left` is set once it was cancelled or saw PeerGone."""

    def __init__(self) -> None:
        self.running = 0
        self.left = trio.Event()

    async def __call__(self, call: ServerCall) -> None:
        self.running += 1
        try:
            if call.method.kind in (CallKind.BIDI, CallKind.SERVER_STREAM):
                await call.send(b"hello")
            while await call.receive() is not None:
                pass
            await trio.sleep_forever()
        except PeerGone:
            self.left.set()
            raise
        except trio.Cancelled:
            self.left.set()
            raise
        finally:
            self.running -= 1
