"""How a handler's end reaches the server: a refusal ends its call, and never the node."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.ports.transport import Caller, Method, ServerCall
from lumbung_node.services.server import leaving_quietly


class Call:
    """A call of which nothing is used."""

    caller: Caller
    method: Method
    request_id: bytes

    async def receive(self) -> bytes | None:
        return None

    async def send(self, message: bytes) -> None: ...


async def test_a_call_that_is_refused_while_everything_is_cancelled_leaves_no_error(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with trio.CancelScope() as everything:

        async def refuse() -> None:
            everything.cancel()
            raise Rejected(StatusCode.UNAVAILABLE, "the store failed and is being opened again: try again")

        async def handler(call: ServerCall) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(refuse)
                await trio.sleep_forever()

        await leaving_quietly(handler)(Call())

    assert everything.cancelled_caught


async def test_a_bug_is_never_left_quietly() -> None:
    everything = trio.CancelScope()

    async def fail() -> None:
        everything.cancel()
        raise ValueError("a bug")

    async def handler(call: ServerCall) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            await trio.sleep_forever()

    async def serve() -> None:
        with everything:
            await leaving_quietly(handler)(Call())

    with pytest.raises(BaseExceptionGroup) as raised:
        await serve()
    assert raised.group_contains(ValueError)
