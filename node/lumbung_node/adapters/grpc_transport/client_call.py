"""What all outgoing streaming calls share: a task in asyncio that ends what trio waits on, however it ends itself."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from lumbung_cluster.errors import LumbungError, PeerGone
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.connection import Connection
from lumbung_node.adapters.grpc_transport.lanes import IncomingLane
from lumbung_node.ports.transport import Method

if TYPE_CHECKING:
    import grpc.aio

__all__ = ["ClientCall"]

_LEFT = "the stream was left"


class ClientCall(ABC):
    """The receiving half of a `ClientStream`, and the life of its task."""

    def __init__(self, bridge: Bridge, connection: Connection, method: Method, deadline_s: float | None) -> None:
        self._bridge = bridge
        self._method = method
        self._incoming = IncomingLane(bridge)
        self._connection = connection
        self._deadline_s = deadline_s
        self._task: asyncio.Task[object] | None = None

    # trio's side

    async def receive(self) -> bytes | None:
        return await self._incoming.receive()

    def leave(self) -> None:
        """The block ends; who still waits in another task hears of it here: a task that has not begun ends silently."""
        self._incoming.end_now(PeerGone(_LEFT))
        self._bridge.to_asyncio(self._cancel)

    def _begin(self) -> None:
        if self._bridge.is_closed:
            self._incoming.end_now(PeerGone("the transport is closed"))
        self._bridge.to_asyncio(self._start)

    # asyncio's side

    @abstractmethod
    async def _talk(self) -> Exception | None:
        """The whole call; gives how it ended. Raises what `Connection.ready` does."""

    def _end(self, error: Exception | None) -> None:
        """The call is over: nobody may wait on it any longer."""
        self._incoming.end(error)

    async def _connected(self) -> tuple[grpc.aio.Channel, float | None]:
        """The channel, and when the call has to be over on the loop's clock. Raises what `Connection.ready` does."""
        until_s = None if self._deadline_s is None else self._bridge.loop.time() + self._deadline_s
        return await self._connection.ready(timeout_s=self._deadline_s), until_s

    def _left_s(self, until_s: float | None) -> float | None:
        return None if until_s is None else until_s - self._bridge.loop.time()

    def _start(self) -> None:
        self._task = self._bridge.spawn(self._run())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        error: Exception | None = PeerGone(_LEFT)  # stands only when we are cancelled
        try:
            error = await self._talk()
        except LumbungError as exc:
            error = exc
        except Exception as exc:  # noqa: BLE001 - whoever waits on the stream must learn that it is over
            error = PeerGone(f"the stream broke: {exc!r}")
        finally:
            self._end(error)
