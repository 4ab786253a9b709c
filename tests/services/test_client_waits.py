"""A command names whom it waits for after two seconds, and no sooner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import PeerUnreachable
from lumbung_node.ports.transport import CallKind, ClientStream, Method
from lumbung_tools.client.waits import Waits, WatchedChannel

_UNARY = Method("/test/Unary", CallKind.UNARY)
_BIDI = Method("/test/Bidi", CallKind.BIDI)


class _Node:
    """A channel and a stream to a node that takes so long for its first answer, and for each later one."""

    def __init__(self, answers_after_s: float) -> None:
        self._answers_after_s = answers_after_s

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        await trio.sleep(self._answers_after_s)
        raise PeerUnreachable("gone")

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream()

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send(self, message: bytes) -> None:
        await trio.lowlevel.checkpoint()

    async def finish_sending(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self) -> bytes | None:
        await trio.sleep(self._answers_after_s)
        self._answers_after_s = 60.0
        return b"answer"

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[ClientStream]:
        yield self


class _Told:
    """Who was named, and when."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self.names: list[tuple[str, float]] = []

    async def run(self) -> None:
        async for whom in self._waits.late():
            self.names.append((whom, trio.current_time()))


@pytest.mark.parametrize(("answers_after_s", "named"), [(20.0, 1), (1.5, 0)])
async def test_a_node_that_hangs_is_named_once(
    autojump_clock: trio.testing.MockClock, answers_after_s: float, named: int
) -> None:
    waits = Waits()
    told, begun = _Told(waits), trio.current_time()
    channel = WatchedChannel(_Node(answers_after_s), waits, "36.02 (10.0.0.1:7000)")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told.run)
        for _ in range(2):
            with pytest.raises(PeerUnreachable):
                await channel.call(_UNARY, b"", deadline_s=30)
        nursery.cancel_scope.cancel()
    assert [whom for whom, _ in told.names] == ["36.02 (10.0.0.1:7000)"] * named
    assert all(at - begun < 3 for _, at in told.names)


async def test_a_stream_that_has_answered_once_may_take_its_time(autojump_clock: trio.testing.MockClock) -> None:
    """A put waits for copies for as long as it was asked to."""
    waits = Waits()
    told = _Told(waits)
    channel = WatchedChannel(_Node(1.0), waits, "36.02")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told.run)
        async with channel.stream(_BIDI) as stream:
            assert await stream.receive() == b"answer"
            assert await stream.receive() == b"answer"
        nursery.cancel_scope.cancel()
    assert told.names == []
