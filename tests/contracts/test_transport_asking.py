"""Calls of one request and many answers: when they begin, who is refused, and how they end midway."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.limits import CALLS_PER_PEER_MAX, MIB
from lumbung_node.ports.transport import Caller, Channel, ClientStream, Method, ServerCall
from lumbung_testing.handlers import BIDI, SERVER_STREAM, UNARY, WaitingHandler, answer, drain, exchange
from lumbung_testing.transports import TransportWorld, connected


async def pour(call: ServerCall) -> None:
    """As many MiB as were asked for."""
    request = await call.receive()
    assert request is not None
    assert await call.receive() is None  # nothing can follow
    for _ in range(int(request)):
        await call.send(bytes(MIB))


async def test_receiving_alone_begins_the_call(world: TransportWorld) -> None:
    async with connected(world, {SERVER_STREAM: pour}) as ends, ends.channel.stream(SERVER_STREAM) as stream:
        await stream.send(b"2")
        assert await drain(stream) == [bytes(MIB)] * 2


async def test_a_call_that_is_left_before_its_request_costs_nothing(world: TransportWorld) -> None:
    async with connected(world, {SERVER_STREAM: pour}) as ends:
        async with ends.channel.stream(SERVER_STREAM):
            pass
        async with ends.channel.stream(SERVER_STREAM) as stream:
            assert await exchange(stream, [b"1"]) == [bytes(MIB)]
    assert world.bugs() == []


async def test_answers_wait_for_a_caller_that_does_not_read(world: TransportWorld) -> None:
    sent = 0

    async def count(call: ServerCall) -> None:
        nonlocal sent
        for _ in range(64):
            await call.send(bytes(MIB))
            sent += 1

    async with connected(world, {SERVER_STREAM: count}) as ends, ends.channel.stream(SERVER_STREAM) as stream:
        await stream.send(b"")
        await stream.receive()
        before = -1
        while before != sent:
            before = sent
            await trio.sleep(0.5)
        assert sent < 48
        assert len(await drain(stream)) == 63


async def test_leaving_midway_cancels_the_handler_and_frees_its_slot(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {SERVER_STREAM: handler, UNARY: answer}) as ends:
        for _ in range(CALLS_PER_PEER_MAX + 1):
            async with ends.channel.stream(SERVER_STREAM) as stream:
                await stream.send(b"")
                assert await stream.receive() == b"hello"
            await handler.only(0)
        assert await ends.channel.call(UNARY, b"x", deadline_s=30) == b"answer to x"
    assert world.bugs() == []


async def test_leaving_while_answers_wait_to_be_written_frees_the_slot(world: TransportWorld) -> None:
    async with connected(world, {SERVER_STREAM: pour, UNARY: answer}) as ends:
        for _ in range(CALLS_PER_PEER_MAX + 1):
            async with ends.channel.stream(SERVER_STREAM) as stream:
                await stream.send(b"32")
                await stream.receive()
        await _ask_until_admitted(ends.channel)
    assert world.bugs() == []


@pytest.mark.parametrize("method", [BIDI, SERVER_STREAM], ids=lambda method: method.kind.value)
async def test_a_task_that_still_receives_hears_that_the_block_was_left(world: TransportWorld, method: Method) -> None:
    heard = 0

    async def hear(stream: ClientStream) -> None:
        nonlocal heard
        with pytest.raises(PeerGone):
            await drain(stream)
        heard += 1

    async with connected(world, {method: WaitingHandler()}) as ends:
        for _ in range(20):
            async with trio.open_nursery() as nursery, ends.channel.stream(method) as stream:
                await stream.send(b"")
                nursery.start_soon(hear, stream)
                await trio.testing.wait_all_tasks_blocked()
    assert heard == 20


async def test_a_deadline_is_told_as_one(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with (
        connected(world, {SERVER_STREAM: handler}) as ends,
        ends.channel.stream(SERVER_STREAM, deadline_s=2.0) as stream,
    ):
        await stream.send(b"")
        assert await stream.receive() == b"hello"
        with pytest.raises(Rejected) as refused:
            await stream.receive()
        assert refused.value.code is StatusCode.DEADLINE_EXCEEDED
        await handler.left.wait()


async def test_messages_before_a_refusal_are_still_read(world: TransportWorld) -> None:
    async def refuse(call: ServerCall) -> None:
        await call.send(b"one")
        raise Rejected(StatusCode.DATA_LOSS, "damaged")

    async with connected(world, {SERVER_STREAM: refuse}) as ends, ends.channel.stream(SERVER_STREAM) as stream:
        await stream.send(b"")
        assert await stream.receive() == b"one"
        for _ in range(2):
            with pytest.raises(Rejected) as refused:
                await stream.receive()
            assert (refused.value.code, refused.value.sentence) == (StatusCode.DATA_LOSS, "damaged")


async def test_who_may_not_call_is_refused_before_the_handler(world: TransportWorld) -> None:
    def check(caller: Caller, method: Method) -> None:
        raise Rejected(StatusCode.PERMISSION_DENIED, "not on any list")

    handler = WaitingHandler()
    async with (
        connected(world, {SERVER_STREAM: handler}, access_check=check) as ends,
        ends.channel.stream(SERVER_STREAM) as stream,
    ):
        with pytest.raises(Rejected) as refused:
            await exchange(stream, [b""])
    assert refused.value.code is StatusCode.PERMISSION_DENIED
    assert not handler.entered.is_set()


async def test_a_server_that_stops_is_a_peer_gone(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {SERVER_STREAM: handler}) as ends, ends.channel.stream(SERVER_STREAM) as stream:
        await stream.send(b"")
        assert await stream.receive() == b"hello"
        await ends.listener.stop(grace_s=0)
        with pytest.raises(PeerGone):
            await stream.receive()
    assert world.bugs() == []


async def _ask_until_admitted(channel: Channel) -> None:
    """The slots of calls that were left a moment ago are free once the peer has learnt of it."""
    while True:
        try:
            assert await channel.call(UNARY, b"x", deadline_s=30) == b"answer to x"
        except Rejected as exc:
            assert exc.code is StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 - the next try may be let in
            await trio.sleep(0.05)
        else:
            return
