"""One call of the virtual network: what its client and its handler share.

Nothing runs between the two: each wait computes when the next thing happens and parks until then or until somebody
wakes it. The handler's cancel scope has the time at which its caller is gone as its deadline.
"""

from __future__ import annotations

import math

import trio

from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.limits import DIAL_TIMEOUT_S
from lumbung_node.ports.transport import Caller, Method
from lumbung_testing.virtual_connections import Connection, Side
from lumbung_testing.virtual_lines import Aborted, Content, Opened, Pipe

__all__ = ["VirtualCall"]


class VirtualCall:
    """What both sides share: two pipes, the connection under them, and the clock of the deadline."""

    def __init__(
        self, connection: Connection, method: Method, caller: Caller, request_id: bytes, deadline_s: float | None
    ) -> None:
        self.connection = connection
        self.method = method
        self.caller = caller
        self.request_id = request_id
        self.deadline_s = math.inf if deadline_s is None else deadline_s
        self.begun_at = trio.current_time()
        self.requests = Pipe(connection.there)
        self.responses = Pipe(connection.back)
        self.lots = {Side.CLIENT: trio.lowlevel.ParkingLot(), Side.SERVER: trio.lowlevel.ParkingLot()}
        self.handler_scope = trio.CancelScope()
        self.is_ended = False
        self.is_left = False
        self.is_served = False
        self._accepted_at = math.inf
        connection.calls[self] = None
        handshake_s = 0.0 if connection.is_established else connection.round_trip_s
        self.put(Side.CLIENT, Opened(handshake_s))

    def outgoing(self, side: Side) -> Pipe:
        return self.requests if side is Side.CLIENT else self.responses

    def incoming(self, side: Side) -> Pipe:
        return self.responses if side is Side.CLIENT else self.requests

    def put(self, side: Side, content: Content) -> None:
        """Send; a side that has lost the connection sends into the void."""
        now = trio.current_time()
        if self.connection.lost_at(side) <= now:
            return
        self.connection.note_sending(side, now)
        self.outgoing(side).put(content, now)
        self._wake(Side.SERVER if side is Side.CLIENT else Side.CLIENT)
        self._refresh_scope()

    def take(self, side: Side) -> Content | None:
        """The next content that has arrived at this side."""
        content = self.incoming(side).take(trio.current_time())
        if content is not None:
            self._wake(Side.SERVER if side is Side.CLIENT else Side.CLIENT)
        return content

    async def wait(self, side: Side, until: float) -> None:
        """Until then, or until something changed."""
        with trio.CancelScope(deadline=until):
            await self.lots[side].park()

    def wake(self) -> None:
        self._wake(Side.CLIENT)
        self._wake(Side.SERVER)
        self._refresh_scope()

    async def accept(self) -> bool:
        """Wait at the server for the call to arrive; False if it never does."""
        while self.take(Side.SERVER) is None:
            if self.is_left and not self.connection.is_established:
                return False
            if self.server_gone_at() <= trio.current_time():
                return False
            await self.wait(Side.SERVER, min(self.requests.next_at, self.server_gone_at()))
        self._accepted_at = trio.current_time()
        self.connection.established_at = min(self.connection.established_at, self._accepted_at)
        self._refresh_scope()
        self._wake(Side.CLIENT)
        return True

    def server_gone_at(self) -> float:
        """When the handler has nobody to work for any more."""
        aborted_at = self.requests.last_word_at
        return min(aborted_at, self.connection.lost_at(Side.SERVER), self._accepted_at + self.deadline_s)

    def client_fails_at(self) -> float:
        """When the client's wait ends without a word of the server."""
        return min(self.begun_at + self.deadline_s, self._connection_fails_at())

    def client_failure(self) -> LumbungError:
        """What the client is told at `client_fails_at`."""
        if not self.connection.is_established:
            waited_s = trio.current_time() - self.begun_at
            return PeerUnreachable(f"nobody answered at {self.connection.endpoint.address} within {waited_s:g} s")
        if self._connection_fails_at() <= trio.current_time():
            return PeerGone("the connection was lost")
        return Rejected(StatusCode.DEADLINE_EXCEEDED, f"no answer within {self.deadline_s:g} s")

    def leave(self, *, is_over: bool) -> None:
        """The client is done with it."""
        self.is_left = True
        if not is_over:
            self.put(Side.CLIENT, Aborted())
        self._wake(Side.SERVER)
        self._close_if_done()

    def end_serving(self) -> None:
        """The handler is done with it."""
        self.is_served = True
        self._close_if_done()

    def _connection_fails_at(self) -> float:
        if self.connection.is_established:
            return self.connection.lost_at(Side.CLIENT)
        return min(self.begun_at + DIAL_TIMEOUT_S, self.connection.lost_at(Side.CLIENT))

    def _close_if_done(self) -> None:
        if self.is_left and self.is_served:
            self.requests.close()
            self.responses.close()
            self.connection.calls.pop(self, None)

    def _wake(self, side: Side) -> None:
        self.lots[side].unpark_all()

    def _refresh_scope(self) -> None:
        if self._accepted_at < math.inf:
            self.handler_scope.deadline = self.server_gone_at()
