"""Answers of a put stream share messages, and a client that does not read is not answered without bound."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_cluster.limits import PUT_BLOBS_OPEN_MAX
from lumbung_node.ports.transport import Caller, CallKind, Method
from lumbung_node.services.put_answers import PutAnswers
from lumbung_proto.v1 import blobs_pb2


class _Client:
    """A call that remembers what it was sent; `reads` lets it take a message."""

    caller = Caller("lumbung://00/access/1/station", bytes(32))
    method = Method("/lumbung.v1.BlobService/Put", CallKind.BIDI)
    request_id = bytes(16)

    def __init__(self) -> None:
        self.messages: list[blobs_pb2.PutResponse] = []
        self.reads = trio.Event()
        self.reads.set()

    async def receive(self) -> bytes | None:
        return None

    async def send(self, message: bytes) -> None:
        await self.reads.wait()
        self.messages.append(blobs_pb2.PutResponse.FromString(message))

    def tickets(self) -> list[int]:
        return [answer.ticket for message in self.messages for answer in message.answers]


async def test_answers_that_are_ready_together_go_in_one_message() -> None:
    client = _Client()
    answers = PutAnswers(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answers.run)
        await trio.testing.wait_all_tasks_blocked()
        for ticket in range(1, 101):
            await answers.add(blobs_pb2.PutAnswer(ticket=ticket))
        answers.finish()

    assert client.tickets() == list(range(1, 101))
    assert len(client.messages) == 1


async def test_whoever_answers_waits_for_a_client_that_does_not_read() -> None:
    client = _Client()
    client.reads = trio.Event()
    answers, added = PutAnswers(client), []

    async def answer_all() -> None:
        for ticket in range(1, 2 * PUT_BLOBS_OPEN_MAX + 1):
            await answers.add(blobs_pb2.PutAnswer(ticket=ticket))
            added.append(ticket)
        answers.finish()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answers.run)
        nursery.start_soon(answer_all)
        await trio.testing.wait_all_tasks_blocked()
        assert len(added) < 2 * PUT_BLOBS_OPEN_MAX
        client.reads.set()

    assert client.tickets() == list(range(1, 2 * PUT_BLOBS_OPEN_MAX + 1))


async def test_the_count_of_bytes_is_told_without_an_answer() -> None:
    client = _Client()
    answers = PutAnswers(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answers.run)
        answers.received_bytes = 4711
        answers.tell_count()
        await trio.testing.wait_all_tasks_blocked()
        answers.finish()

    assert [message.received_bytes for message in client.messages] == [4711]
