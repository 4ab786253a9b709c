"""A server on the virtual network: it runs one handler for each call that arrives."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode, TrustRefused
from lumbung_cluster.limits import CALLS_PER_PEER_MAX, CALLS_TOTAL_MAX
from lumbung_node.ports.transport import AccessCheck, Caller, Handler, Method
from lumbung_testing.virtual_calls import VirtualCall
from lumbung_testing.virtual_connections import Side
from lumbung_testing.virtual_lines import Ended
from lumbung_testing.virtual_streams import VirtualServerCall

__all__ = ["HandlerBug", "Life", "VirtualListener"]


@dataclass(frozen=True, slots=True)
class HandlerBug:
    """What a handler raised that was no status: the peer saw only the event id."""

    event_id: str
    host: str
    method: Method
    error: Exception


@dataclass(slots=True, eq=False)
class Life:
    """One life of a host: after a kill nothing that belongs to it reaches the network again."""

    host: str
    caller: Caller
    access_check: AccessCheck | None
    is_dead: bool = False


class ListenerHome(Protocol):
    """What the network is to its listeners."""

    @property
    def luck(self) -> random.Random: ...

    @property
    def bugs(self) -> deque[HandlerBug]: ...

    def unbind(self, listener: VirtualListener) -> None:
        """Give its address free."""
        ...

    def drop_connections(self, listener: VirtualListener) -> None:
        """Close the connections to it."""
        ...


class VirtualListener:
    """Made by the network's `serve`."""

    def __init__(
        self,
        life: Life,
        address: str,
        handlers: Mapping[Method, Handler],
        nursery: trio.Nursery,
        home: ListenerHome,
    ) -> None:
        self.life = life
        self._address = address
        self._handlers = dict(handlers)
        self._nursery = nursery
        self._home = home
        self._running: dict[VirtualCall, None] = {}
        self._running_of: Counter[str] = Counter()
        self._idle = trio.lowlevel.ParkingLot()
        self._is_stopping = False
        self._is_closed = False

    @property
    def address(self) -> str:
        return self._address

    def expect(self, call: VirtualCall) -> None:
        """A call is on its way here. One that comes while the news of our end is under way is lost."""
        if self._is_closed:
            call.end_serving()
            return
        self._nursery.start_soon(self._serve_call, call)

    def revoke(self, may_stay: Callable[[Caller], bool]) -> None:
        for call in [call for call in self._running if not may_stay(call.caller)]:
            self._end(call, Rejected(StatusCode.PERMISSION_DENIED, "the caller may no longer stay"))

    async def stop(self, *, grace_s: float) -> None:
        self._is_stopping = True
        self._home.unbind(self)
        with trio.move_on_after(grace_s):
            while self._running:
                await self._idle.park()
        self.hang_up()

    def hang_up(self) -> None:
        """End every call and every connection, here at once and at the callers when the packet arrives."""
        for call in list(self._running):
            self._end(call, PeerGone("the server stopped"))
        self.die()
        self._home.drop_connections(self)

    def die(self) -> None:
        """Take nothing in any more, and say nothing to anybody."""
        self._is_closed = True
        self._home.unbind(self)

    async def _serve_call(self, call: VirtualCall) -> None:
        try:
            if await call.accept():
                await self._answer(call)
        finally:
            call.end_serving()

    async def _answer(self, call: VirtualCall) -> None:
        refusal = self._refusal(call)
        if refusal is not None:
            self._end(call, refusal)
            return
        self._running[call] = None
        self._running_of[call.caller.uri] += 1
        try:
            await self._handle(call, self._handlers[call.method])
        finally:
            self._running.pop(call)
            self._running_of[call.caller.uri] -= 1
            self._idle.unpark_all()

    def _refusal(self, call: VirtualCall) -> LumbungError | None:
        """Why the call does not get to its handler."""
        if self._is_stopping:
            return PeerUnreachable("the server is stopping")
        endpoint, own = call.connection.endpoint, self.life.caller
        if endpoint.uri != own.uri:
            return TrustRefused(f"expected {endpoint.uri} at {endpoint.address}, got {own.uri}")
        if endpoint.key_pins and own.key_pin not in endpoint.key_pins:
            return TrustRefused(f"{own.uri} answered with a key that is not pinned")
        if call.method not in self._handlers:
            return Rejected(StatusCode.UNIMPLEMENTED, f"no method {call.method.name}")
        if self._running_of[call.caller.uri] >= CALLS_PER_PEER_MAX or len(self._running) >= CALLS_TOTAL_MAX:
            return Rejected(StatusCode.RESOURCE_EXHAUSTED, f"expected at most {CALLS_PER_PEER_MAX} open calls")
        try:
            if self.life.access_check is not None:
                self.life.access_check(call.caller, call.method)
        except Rejected as exc:
            return exc
        return None

    async def _handle(self, call: VirtualCall, handler: Handler) -> None:
        server_call = VirtualServerCall(call)
        try:
            with call.handler_scope:
                await handler(server_call)
        except Rejected as exc:
            self._end(call, Rejected(exc.code, exc.sentence))
            return
        except Exception as exc:  # noqa: BLE001 (a handler's bug must not stop the server: the port's promise)
            self._end_with_bug(call, exc)
            return
        if call.handler_scope.cancelled_caught:
            return
        if server_call.answers_once:
            if len(server_call.answers) != 1:
                self._end_with_bug(call, RuntimeError(f"expected one answer, got {len(server_call.answers)}"))
                return
            call.put(Side.SERVER, server_call.answers[0])
        self._end(call, None)

    def _end_with_bug(self, call: VirtualCall, error: Exception) -> None:
        if call.server_gone_at() <= trio.current_time() and _is_only_peer_gone(error):
            return
        event_id = self._home.luck.randbytes(8).hex()
        self._home.bugs.append(HandlerBug(event_id, self.life.host, call.method, error))
        self._end(call, Rejected(StatusCode.INTERNAL, f"internal error, event {event_id}"))

    def _end(self, call: VirtualCall, error: LumbungError | None) -> None:
        """The last word of this side; what the handler still does is cut short."""
        if not call.is_ended:
            call.is_ended = True
            call.put(Side.SERVER, Ended(error))
            call.handler_scope.cancel()


def _is_only_peer_gone(error: Exception) -> bool:
    """A handler that noticed the end of its call by an error is no bug, also from inside its own nursery."""
    if isinstance(error, ExceptionGroup):
        return all(_is_only_peer_gone(inner) for inner in error.exceptions)
    return isinstance(error, PeerGone)
