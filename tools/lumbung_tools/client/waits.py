"""Whom a command waits for: so that a node which hangs is named after seconds, not after the last deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import trio

from lumbung_node.ports.transport import Channel, ClientStream, Method

__all__ = ["Waits", "WatchedChannel"]

_PATIENCE_S = 2.0  # a satellite answers within 1.5 s


class Waits:
    """Questions without any answer yet, by the words that name whom we asked."""

    def __init__(self) -> None:
        self._since: dict[str, list[float]] = {}

    @contextmanager
    def waiting(self, whom: str) -> Iterator[None]:
        begun = trio.current_time()
        self._since.setdefault(whom, []).append(begun)
        try:
            yield
        finally:
            self._since[whom].remove(begun)

    async def late(self) -> AsyncIterator[str]:
        """Everybody who lets us wait for more than two seconds, once each, as it happens; never ends."""
        told: set[str] = set()
        while True:
            await trio.sleep(_PATIENCE_S / 4)
            before = trio.current_time() - _PATIENCE_S
            for whom, since in sorted(self._since.items()):
                if whom not in told and any(begun <= before for begun in since):
                    told.add(whom)
                    yield whom


class WatchedChannel:
    """A channel whose unanswered questions stand in `Waits`; of a stream until its first message has come."""

    def __init__(self, inner: Channel, waits: Waits, whom: str) -> None:
        self._inner = inner
        self._waits = waits
        self._whom = whom

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        with self._waits.waiting(self._whom):
            return await self._inner.call(method, request, deadline_s=deadline_s)

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream(method, deadline_s)

    async def close(self) -> None:
        await self._inner.close()

    @asynccontextmanager
    async def _stream(self, method: Method, deadline_s: float | None) -> AsyncIterator[ClientStream]:
        async with self._inner.stream(method, deadline_s=deadline_s) as stream:
            yield _WatchedStream(stream, self._waits, self._whom)


class _WatchedStream:
    def __init__(self, inner: ClientStream, waits: Waits, whom: str) -> None:
        self._inner = inner
        self._waits = waits
        self._whom = whom
        self._is_answered = False

    async def send(self, message: bytes) -> None:
        await self._inner.send(message)

    async def finish_sending(self) -> None:
        await self._inner.finish_sending()

    async def receive(self) -> bytes | None:
        if self._is_answered:
            return await self._inner.receive()
        with self._waits.waiting(self._whom):
            message = await self._inner.receive()
        self._is_answered = True
        return message
