"""One call of the virtual network, as its client and its handler see it.

Nothing runs between the two: each wait computes when the next thing happens and parks until then or until somebody
wakes it. The handler's cancel scope has the time at which its caller is gone as its deadline.
"""

from __future__ import annotations

import math

import trio

from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.limits import DIAL_TIMEOUT_S, MESSAGE_SIZE_BYTES_MAX
from lumbung_node.ports.transport import Caller, CallKind, Method
from lumbung_testing.virtual_connections import Connection, Side
from lumbung_testing.virtual_lines import Aborted, Content, Ended, Finished, Opened, Pipe

__all__ = ["VirtualCall", "VirtualClientStream", "VirtualServerCall", "check_size"]


def check_size(message: bytes) -> None:
    """Raises Rejected(RESOURCE_EXHAUSTED) for a message over the limit."""
    if len(message) > MESSAGE_SIZE_BYTES_MAX:
        sentence = f"message: expected at most {MESSAGE_SIZE_BYTES_MAX} bytes, got {len(message)}"
        raise Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence)


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
        now = trio.current_time()
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
        self.connection.is_established = True
        self._accepted_at = trio.current_time()
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


class VirtualClientStream:
    """The client's end. `failure` is what a dial that was refused at once tells at first use."""

    def __init__(self, call: VirtualCall) -> None:
        self._call = call
        self._failure: LumbungError | None = None
        self._has_finished = False
        self.is_over = False

    async def send(self, message: bytes) -> None:
        await trio.lowlevel.checkpoint()
        assert not self._has_finished, "send after finish_sending"
        try:
            check_size(message)
        except Rejected as exc:
            self._fail(exc)
        while True:
            self._check()
            self._check_last_word()
            if self._call.requests.has_room:
                self._call.put(Side.CLIENT, message)
                return
            until = min(self._call.client_fails_at(), self._call.responses.last_word_at)
            await self._call.wait(Side.CLIENT, until)

    async def finish_sending(self) -> None:
        await trio.lowlevel.checkpoint()
        if not self._has_finished and not self.is_over:
            self._call.put(Side.CLIENT, Finished())
        self._has_finished = True

    async def receive(self) -> bytes | None:
        await trio.lowlevel.checkpoint()
        while True:
            content = None if self.is_over else self._call.take(Side.CLIENT)
            match content:
                case bytes():
                    return content
                case Ended(error):
                    self.is_over, self._failure = True, error
            self._check()
            if self.is_over:
                return None
            await self._call.wait(Side.CLIENT, min(self._call.client_fails_at(), self._call.responses.next_at))

    def _check(self) -> None:
        """Raise what ended the call, if anything did."""
        if not self.is_over and self._call.client_fails_at() <= trio.current_time():
            self._fail(self._call.client_failure())
        if self._failure is not None:
            raise self._failure

    def _check_last_word(self) -> None:
        """The server has ended the call: nobody reads what is sent now, even if its messages are unread here."""
        if self.is_over:
            raise PeerGone("the peer has ended the call")
        if self._call.responses.last_word_at <= trio.current_time():
            word = self._call.responses.last_word
            assert isinstance(word, Ended)
            raise word.error or PeerGone("the peer has ended the call")

    def _fail(self, error: LumbungError) -> None:
        self._failure, self.is_over = error, True
        self._call.put(Side.CLIENT, Aborted())


class VirtualServerCall:
    """The handler's end. A unary answer is held until the handler has ended well, as gRPC does."""

    def __init__(self, call: VirtualCall) -> None:
        self._call = call
        self._has_all = False
        self.answers: list[bytes] = []

    @property
    def caller(self) -> Caller:
        return self._call.caller

    @property
    def method(self) -> Method:
        return self._call.method

    @property
    def request_id(self) -> bytes:
        return self._call.request_id

    @property
    def answers_once(self) -> bool:
        return self._call.method.kind in (CallKind.UNARY, CallKind.CLIENT_STREAM)

    async def receive(self) -> bytes | None:
        await trio.lowlevel.checkpoint()
        while not self._has_all:
            self._check()
            content = self._call.take(Side.SERVER)
            if isinstance(content, bytes):
                return content
            self._has_all = isinstance(content, Finished)
            if content is None:
                await self._call.wait(Side.SERVER, min(self._call.server_gone_at(), self._call.requests.next_at))
        return None

    async def send(self, message: bytes) -> None:
        check_size(message)
        await trio.lowlevel.checkpoint()
        self._check()
        if self.answers_once:
            self.answers.append(message)
            return
        while not self._call.responses.has_room:
            await self._call.wait(Side.SERVER, self._call.server_gone_at())
            self._check()
        self._call.put(Side.SERVER, message)

    def _check(self) -> None:
        if self._call.server_gone_at() <= trio.current_time():
            raise PeerGone("the caller is gone")
