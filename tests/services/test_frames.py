"""A session's frames: what was handed on is let go of, and answers that nobody takes are bounded."""

from __future__ import annotations

import weakref

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.services.session.answering import Answering
from lumbung_node.services.session.frames import read_frames
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import peer_pb2


class _Message(bytearray):
    """A message that can be watched."""


class _Silent:
    """A stream that brings one message and then nothing."""

    def __init__(self, message: bytes) -> None:
        self._messages = [_Message(message)]
        self.kept = weakref.ref(self._messages[0])

    async def send(self, message: bytes) -> None:
        raise NotImplementedError

    async def receive(self) -> bytes | None:
        if not self._messages:
            await trio.sleep_forever()
        return self._messages.pop()  # type: ignore[return-value]  # as bytes, but for weak references to it


async def test_a_session_that_falls_silent_keeps_nothing_of_its_last_message() -> None:
    frame = peer_pb2.SessionFrame(pieces=peer_pb2.Pieces(offer=1))
    stream = _Silent(encode_frame(peer_pb2.SessionRequest(frame=frame), [b"bytes of a blob"]))
    taken: list[int] = []
    takers = {"pieces": lambda _, payload: taken.append(len(payload))}
    link = FrameLink(stream, peer_pb2.SessionRequest, peer_pb2.SessionResponse)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_frames, link, takers, 0)
        await trio.testing.wait_all_tasks_blocked()
        assert taken == [15]
        assert stream.kept() is None
        nursery.cancel_scope.cancel()


class _Taker:
    """A stream that takes what is sent once it may."""

    def __init__(self) -> None:
        self.takes = trio.Event()
        self.taken = 0

    async def send(self, message: bytes) -> None:
        await self.takes.wait()
        self.taken += 1

    async def receive(self) -> bytes | None:
        raise NotImplementedError


async def test_who_asks_on_and_takes_no_answers_is_refused_and_nobody_waits_for_him() -> None:
    stream = _Taker()
    link = FrameLink(stream, peer_pb2.SessionRequest, peer_pb2.SessionResponse)
    answering, given = Answering(link), list[int]()

    def ask_on() -> None:
        for number in range(1_000):
            answering.give(peer_pb2.SessionFrame(hello=peer_pb2.Hello()))
            given.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answering.run)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Rejected) as refused:
            ask_on()
        assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        assert 0 < len(given) < 100
        stream.takes.set()
        await trio.testing.wait_all_tasks_blocked()
        assert stream.taken == len(given)
        nursery.cancel_scope.cancel()
