"""How calls end on every transport: statuses, cancels, deadlines, peers that go, bugs."""

from __future__ import annotations

import re

import pytest
import trio

from lumbung_cluster.errors import PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_node.ports.transport import Channel, ClientStream, Method, ServerCall
from lumbung_testing.handlers import BIDI, CLIENT_STREAM, UNARY, WaitingHandler, answer, drain, echo, exchange
from lumbung_testing.transports import TransportWorld, connected

REFUSALS = [code for code in StatusCode if code is not StatusCode.OK]


async def send_for_ever(stream: ClientStream) -> None:
    while True:
        await stream.send(b"more")


@pytest.mark.parametrize("code", REFUSALS)
async def test_refusal_of_a_handler_reaches_the_caller_word_for_word(world: TransportWorld, code: StatusCode) -> None:
    async def refuse(call: ServerCall) -> None:
        raise Rejected(code, "expected 3 copies, got 2 % \u2013 coba lagi")

    async with connected(world, {UNARY: refuse}) as ends:
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(UNARY, b"", deadline_s=30)
    assert (refused.value.code, refused.value.sentence) == (code, "expected 3 copies, got 2 % \u2013 coba lagi")
    assert world.bugs() == []


async def test_messages_before_a_refusal_are_still_read(world: TransportWorld) -> None:
    async def answer_then_refuse(call: ServerCall) -> None:
        await call.send(b"one")
        assert await call.receive() == b"seen"
        raise Rejected(StatusCode.DATA_LOSS, "damaged")

    async with connected(world, {BIDI: answer_then_refuse}) as ends, ends.channel.stream(BIDI) as stream:
        assert await stream.receive() == b"one"
        await stream.send(b"seen")
        for _ in range(2):  # a refusal stays one
            with pytest.raises(Rejected) as refused:
                await stream.receive()
            assert refused.value.code is StatusCode.DATA_LOSS


@pytest.mark.parametrize("method", [BIDI, CLIENT_STREAM])
async def test_refusal_stops_a_caller_that_is_still_sending(world: TransportWorld, method: Method) -> None:
    async def refuse_the_third(call: ServerCall) -> None:
        for _ in range(3):
            await call.receive()
        raise Rejected(StatusCode.INVALID_ARGUMENT, "enough")

    async with connected(world, {method: refuse_the_third}) as ends, ends.channel.stream(method) as stream:
        with pytest.raises(Rejected) as refused:
            await send_for_ever(stream)
        assert (refused.value.code, refused.value.sentence) == (StatusCode.INVALID_ARGUMENT, "enough")


async def test_caller_that_sends_after_an_early_ok_learns_that_nobody_reads(world: TransportWorld) -> None:
    async def read_one(call: ServerCall) -> None:
        assert await call.receive() == b"more"

    async with connected(world, {BIDI: read_one}) as ends, ends.channel.stream(BIDI) as stream:
        with pytest.raises(PeerGone):
            await send_for_ever(stream)
        assert await stream.receive() is None


async def test_leaving_the_block_cancels_the_handler(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends:
        async with ends.channel.stream(BIDI) as stream:
            assert await stream.receive() == b"hello"
        await handler.left.wait()
    assert world.bugs() == []


async def test_leaving_while_several_tasks_of_the_handler_notice_it_ends_only_that_call(world: TransportWorld) -> None:
    """One task is cancelled, another has just learnt that the caller is gone: the server goes on."""
    left = trio.Event()

    async def notice_twice(call: ServerCall) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await call.send(b"hello")
            try:
                await trio.sleep_forever()
            finally:
                left.set()
                raise PeerGone("the caller is gone")

    async with connected(world, {BIDI: notice_twice, UNARY: answer}) as ends:
        async with ends.channel.stream(BIDI) as stream:
            assert await stream.receive() == b"hello"
        await left.wait()
        await ends.channel.call(UNARY, b"", deadline_s=30)
    assert world.bugs() == []


async def test_leaving_after_finishing_cancels_a_handler_that_does_not_end(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends:
        async with ends.channel.stream(BIDI) as stream:
            await stream.finish_sending()
            assert await stream.receive() == b"hello"
        await handler.left.wait()


async def test_cancelled_unary_call_cancels_the_handler_and_the_channel_lives(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {UNARY: handler, BIDI: echo}) as ends:
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                await ends.channel.call(UNARY, b"", deadline_s=50)

            nursery.start_soon(ask)
            await handler.entered.wait()
            nursery.cancel_scope.cancel()
        await handler.left.wait()
        async with ends.channel.stream(BIDI) as stream:
            assert await exchange(stream, [b"x"]) == [b"x"]


async def test_exception_in_the_block_is_not_replaced_by_the_end_of_the_call(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends:

        async def stumble() -> None:
            async with ends.channel.stream(BIDI) as stream:
                await stream.receive()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await stumble()
        await handler.left.wait()


async def test_deadline_of_a_unary_call_ends_both_sides(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {UNARY: handler}) as ends:
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(UNARY, b"", deadline_s=2.0)
        assert refused.value.code is StatusCode.DEADLINE_EXCEEDED
        await handler.left.wait()
    assert world.bugs() == []


async def test_deadline_of_a_stream_ends_both_sides(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends, ends.channel.stream(BIDI, deadline_s=2.0) as stream:
        assert await stream.receive() == b"hello"
        with pytest.raises(Rejected) as refused:
            await stream.receive()
        assert refused.value.code is StatusCode.DEADLINE_EXCEEDED
        await handler.left.wait()


async def test_server_that_stops_is_a_peer_gone_to_who_waits(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends, ends.channel.stream(BIDI) as stream:
        assert await stream.receive() == b"hello"
        await ends.listener.stop(grace_s=0)
        with pytest.raises(PeerGone):
            await stream.receive()
        with pytest.raises(PeerGone):
            await send_for_ever(stream)
        await handler.left.wait()
    assert world.bugs() == []


async def test_stop_lets_running_calls_end_within_the_grace_and_takes_no_new_ones(world: TransportWorld) -> None:
    async with connected(world, {BIDI: echo, UNARY: answer}) as ends:
        async with ends.channel.stream(BIDI) as stream, trio.open_nursery() as nursery:
            assert await _asked(stream, b"before") == b"before"

            async def stop() -> None:
                await ends.listener.stop(grace_s=50)

            nursery.start_soon(stop)
            with pytest.raises((PeerUnreachable, PeerGone)):
                await _ask_for_ever(ends.channel)
            assert await _asked(stream, b"during") == b"during"
            await stream.finish_sending()
            assert await drain(stream) == []
        with pytest.raises(PeerUnreachable):
            await ends.channel.call(UNARY, b"", deadline_s=30)


async def test_channel_finds_a_server_that_came_back(world: TransportWorld) -> None:
    async with connected(world, {UNARY: answer}) as ends:
        await ends.channel.call(UNARY, b"before", deadline_s=30)
        await ends.listener.stop(grace_s=0)
        with pytest.raises((PeerUnreachable, PeerGone)):
            await _ask_for_ever(ends.channel)
        async with ends.server.transport.serve(ends.listener.address, {UNARY: answer}):
            assert await _ask_until_answered(ends.channel) == b"answer to again"


async def test_client_that_closes_its_channel_cancels_its_handlers(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends, ends.channel.stream(BIDI) as stream:
        assert await stream.receive() == b"hello"
        await ends.channel.close()
        await handler.left.wait()
        with pytest.raises((PeerGone, Rejected)):
            await stream.receive()
    assert world.bugs() == []


async def test_bug_in_a_handler_is_internal_with_an_event_id_and_no_more(world: TransportWorld) -> None:
    async def stumble(call: ServerCall) -> None:
        raise ValueError("NIK 0000000000000000")

    async with connected(world, {UNARY: stumble, BIDI: stumble, CLIENT_STREAM: answer}) as ends:
        with pytest.raises(Rejected) as of_call:
            await ends.channel.call(UNARY, b"", deadline_s=30)
        with pytest.raises(Rejected) as of_stream:
            async with ends.channel.stream(BIDI) as stream:
                await drain(stream)
        async with ends.channel.stream(CLIENT_STREAM) as stream:
            assert await exchange(stream, [b"still"]) == [b"answer to still"]
    told = []
    for refused in (of_call.value, of_stream.value):
        found = re.fullmatch(r"internal error, event ([0-9a-f]+)", refused.sentence)
        assert found is not None, refused.sentence
        assert refused.code is StatusCode.INTERNAL
        told.append(found[1])
    assert world.bugs() == told


@pytest.mark.parametrize("answers", [0, 2])
async def test_handler_that_owes_one_answer_and_gives_another_count_is_a_bug(
    world: TransportWorld, answers: int
) -> None:
    async def miscount(call: ServerCall) -> None:
        for _ in range(answers):
            await call.send(b"answer")

    async with connected(world, {UNARY: miscount, CLIENT_STREAM: miscount}) as ends:
        with pytest.raises(Rejected) as of_call:
            await ends.channel.call(UNARY, b"", deadline_s=30)
        async with ends.channel.stream(CLIENT_STREAM) as stream:
            with pytest.raises(Rejected) as of_stream:
                await exchange(stream, [])
    assert [of_call.value.code, of_stream.value.code] == [StatusCode.INTERNAL] * 2
    assert len(world.bugs()) == 2


async def test_refusal_from_inside_a_nursery_of_the_handler_is_a_refusal(world: TransportWorld) -> None:
    async def refuse(call: ServerCall) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise Rejected(StatusCode.NOT_FOUND, "no such blob")

    async with connected(world, {UNARY: refuse}) as ends:
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(UNARY, b"", deadline_s=30)
    assert (refused.value.code, refused.value.sentence) == (StatusCode.NOT_FOUND, "no such blob")
    assert world.bugs() == []


async def _asked(stream: ClientStream, message: bytes) -> bytes | None:
    await stream.send(message)
    return await stream.receive()


async def _ask_for_ever(channel: Channel) -> None:
    while True:
        await channel.call(UNARY, b"", deadline_s=30)
        await trio.sleep(0.01)


async def _ask_until_answered(channel: Channel) -> bytes:
    while True:
        try:
            return await channel.call(UNARY, b"again", deadline_s=30)
        except (PeerUnreachable, PeerGone):
            await trio.sleep(0.05)
