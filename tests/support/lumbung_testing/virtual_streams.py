"""The two ends of a virtual call, as the port shows them to a client and to a handler."""

from __future__ import annotations

import trio

from lumbung_cluster.errors import LumbungError, PeerGone, Rejected, StatusCode
from lumbung_node.adapters.admission import AnswerCount
from lumbung_node.ports.transport import Caller, Method
from lumbung_testing.virtual_calls import VirtualCall
from lumbung_testing.virtual_connections import Side
from lumbung_testing.virtual_lines import Aborted, Ended, Finished

__all__ = ["VirtualAskingStream", "VirtualClientStream", "VirtualServerCall"]


class VirtualClientStream:
    """The client's end: what has arrived is read first, then comes what ended the call."""

    def __init__(self, call: VirtualCall) -> None:
        self._call = call
        self._failure: LumbungError | None = None
        self._has_finished = False
        self.is_over = False

    async def send(self, message: bytes) -> None:
        await trio.lowlevel.checkpoint()
        assert not self._has_finished, "send after finish_sending"
        _check_size(message, self._call.method.sent_bytes_max)
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

    def leave(self) -> None:
        """The block ends; who still waits in another task hears of it."""
        self._call.leave(is_over=self.is_over)
        if not self.is_over:
            self.is_over, self._failure = True, PeerGone("the stream was left")
        self._call.wake()

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


class VirtualAskingStream(VirtualClientStream):
    """Of a call of one request: nothing follows it once its caller wants to hear."""

    async def receive(self) -> bytes | None:
        if not self._has_finished:
            await self.finish_sending()
        return await super().receive()


class VirtualServerCall:
    """The handler's end."""

    def __init__(self, call: VirtualCall) -> None:
        self._call = call
        self._has_all = False
        self.answers = AnswerCount(call.method)

    @property
    def caller(self) -> Caller:
        return self._call.caller

    @property
    def method(self) -> Method:
        return self._call.method

    @property
    def request_id(self) -> bytes:
        return self._call.request_id

    async def receive(self) -> bytes | None:
        await trio.lowlevel.checkpoint()
        while not self._has_all:
            self._check()
            content = self._call.take(Side.SERVER)
            if isinstance(content, bytes):
                _check_size(content, self.method.request_bytes_max)
                return content
            self._has_all = isinstance(content, Finished)
            if content is None:
                await self._call.wait(Side.SERVER, min(self._call.server_gone_at(), self._call.requests.next_at))
        return None

    async def send(self, message: bytes) -> None:
        _check_size(message, self.method.answer_bytes_max)
        await trio.lowlevel.checkpoint()
        self._check()
        self.answers.add()
        while not self._call.responses.has_room:
            await self._call.wait(Side.SERVER, self._call.server_gone_at())
            self._check()
        self._call.put(Side.SERVER, message)

    def _check(self) -> None:
        if self._call.is_ended or self._call.server_gone_at() <= trio.current_time():
            raise PeerGone("the caller is gone")


def _check_size(message: bytes, limit: int) -> None:
    """Raises Rejected(RESOURCE_EXHAUSTED) for a message over the limit."""
    if len(message) > limit:
        sentence = f"message: expected at most {limit} bytes, got {len(message)}"
        raise Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence)
