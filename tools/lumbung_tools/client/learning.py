"""A channel to a node whose TLS key may have changed since we last saw a roster.

A node under another key than our roster pins is either a thief or one that was given a new key while we were away. Only
a newer roster tells: it is asked of that very node, without a pin, because custodians have signed it and no carrier can
alter it. If it pins the key that is there, the channel goes on. If the node does not answer, as one that is just
starting, it is as good as down, and whoever retries asks again. In all other cases the refusal stands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import trio

from lumbung_cluster.errors import PeerGone, PeerUnreachable, TrustRefused
from lumbung_node.ports.transport import Channel, ClientStream, Endpoint, Method

__all__ = ["LearningChannel"]


class LearningChannel:
    """`endpoint` says where to dial by the roster held; `learn` asks the node for a newer one, and raises
    PeerUnreachable when it does not answer."""

    def __init__(
        self,
        endpoint: Callable[[], Endpoint],
        dial: Callable[[Endpoint], Channel],
        learn: Callable[[], Awaitable[None]],
    ) -> None:
        self._endpoint = endpoint
        self._dial = dial
        self._learn = learn
        self._dialled = endpoint()
        self._inner = dial(self._dialled)
        self._formers: list[Channel] = []  # one for each change of the node's key that we lived through
        self._asking = trio.Lock()

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        dialled = self._dialled
        try:
            return await self._inner.call(method, request, deadline_s=deadline_s)
        except TrustRefused:
            if not await self._is_another_since(dialled):
                raise
        return await self._inner.call(method, request, deadline_s=deadline_s)

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream(method, deadline_s)

    async def close(self) -> None:
        for channel in (*self._formers, self._inner):
            await channel.close()

    @asynccontextmanager
    async def _stream(self, method: Method, deadline_s: float | None) -> AsyncIterator[ClientStream]:
        retold = partial(self._retold, self._dialled)
        async with self._inner.stream(method, deadline_s=deadline_s) as stream:
            yield _LearningStream(stream, retold)

    async def _retold(self, dialled: Endpoint, refusal: TrustRefused) -> Exception:
        """What a stream ends with: whoever retries broken lines finds the other key."""
        try:
            is_another = await self._is_another_since(dialled)
        except PeerUnreachable as exc:
            return exc
        if not is_another:
            return refusal
        return PeerGone("the node has another TLS key, which its newer roster names: try again")

    async def _is_another_since(self, dialled: Endpoint) -> bool:
        """Whether this channel goes, or now goes, to another key than the one that was refused.

        A stream's two halves are refused at the same time, and so are calls beside them: the first one asks the node,
        and what it has learnt holds for all.
        """
        async with self._asking:
            if self._dialled != dialled:
                return True
            if self._endpoint() == dialled:
                await self._learn()
            now = self._endpoint()
            if now == dialled:
                return False
            # Not closed yet: calls that wait for it would take the node for gone, and it refuses them as it did us.
            self._formers.append(self._inner)
            self._inner, self._dialled = self._dial(now), now
            return True


class _LearningStream:
    def __init__(self, inner: ClientStream, retold: Callable[[TrustRefused], Awaitable[Exception]]) -> None:
        self._inner = inner
        self._retold = retold

    async def send(self, message: bytes) -> None:
        try:
            await self._inner.send(message)
        except TrustRefused as exc:
            raise await self._retold(exc) from exc

    async def finish_sending(self) -> None:
        await self._inner.finish_sending()

    async def receive(self) -> bytes | None:
        try:
            return await self._inner.receive()
        except TrustRefused as exc:
            raise await self._retold(exc) from exc
