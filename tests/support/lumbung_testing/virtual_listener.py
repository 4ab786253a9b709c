"""A server on the virtual network: it runs one handler for each call that arrives."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode, TrustRefused
from lumbung_cluster.limits import CALLS_PER_PEER_MAX, CALLS_TOTAL_MAX
from lumbung_node.adapters.admission import Admission, internal_error, refusal_in
from lumbung_node.ports.transport import AccessCheck, Caller, Handler, Method
from lumbung_testing.virtual_calls import VirtualCall
from lumbung_testing.virtual_connections import Side
from lumbung_testing.virtual_lines import Ended
from lumbung_testing.virtual_streams import VirtualServerCall

__all__ = ["HandlerBug", "Life", "VirtualListener"]

_EVENT_ID_BYTES = 6


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
    access_check: AccessCheck
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
        self._admission = Admission(
            life.access_check, calls_per_peer_max=CALLS_PER_PEER_MAX, calls_total_max=CALLS_TOTAL_MAX
        )
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

    def revoke(self, may_stay: Callable[[Caller, Method], bool]) -> None:
        for call in [call for call in self._running if not may_stay(call.caller, call.method)]:
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
        try:
            await self._handle(call, self._handlers[call.method])
        finally:
            self._running.pop(call)
            self._admission.leave(call.caller, call.method)
            self._idle.unpark_all()

    def _refusal(self, call: VirtualCall) -> LumbungError | None:
        """Why the call does not get to its handler; None once it holds a slot."""
        if self._is_stopping:
            return PeerUnreachable("the server is stopping")
        endpoint, own = call.connection.endpoint, self.life.caller
        if endpoint.uri != own.uri:
            return TrustRefused(f"expected {endpoint.uri} at {endpoint.address}, got {own.uri}")
        if endpoint.key_pins and own.key_pin not in endpoint.key_pins:
            return TrustRefused(f"{own.uri} answered with a key that is not pinned")
        if call.method not in self._handlers:
            return Rejected(StatusCode.UNIMPLEMENTED, f"method not found: {call.method.name}")
        try:
            self._admission.admit(call.caller, call.method)
        except Rejected as exc:
            return exc
        except Exception as exc:  # noqa: BLE001 (the access check's bug is a bug of the call, and lets nobody in)
            return self._bug(call, exc)
        return None

    async def _handle(self, call: VirtualCall, handler: Handler) -> None:
        server_call = VirtualServerCall(call)
        try:
            with call.handler_scope:
                await handler(server_call)
                server_call.answers.close()
        except Exception as exc:  # noqa: BLE001 (a handler's failure ends its own call, never the server)
            self._end(call, self._judge(call, exc))
        else:
            if not call.handler_scope.cancelled_caught:
                self._end(call, None)

    def _judge(self, call: VirtualCall, failure: Exception) -> Rejected:
        refusal = refusal_in(failure)
        if refusal is not None:
            return Rejected(refusal.code, refusal.sentence)
        return self._bug(call, failure)

    def _bug(self, call: VirtualCall, failure: Exception) -> Rejected:
        event_id = self._home.luck.randbytes(_EVENT_ID_BYTES).hex()
        self._home.bugs.append(HandlerBug(event_id, self.life.host, call.method, failure))
        return internal_error(event_id)

    def _end(self, call: VirtualCall, error: LumbungError | None) -> None:
        """The last word of this side; what the handler still does is cut short."""
        if not call.is_ended:
            call.is_ended = True
            call.put(Side.SERVER, Ended(error))
            call.handler_scope.cancel()
