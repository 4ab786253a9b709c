"""What every transport must do when all goes well: calls of each kind, identities, sizes."""

from __future__ import annotations

import pytest
import trio

from lumbung_cluster.errors import PeerUnreachable, Rejected, StatusCode, TrustRefused
from lumbung_cluster.limits import MESSAGE_SIZE_BYTES_MAX, MIB, SESSION_MESSAGE_SIZE_BYTES_MAX
from lumbung_node.ports.transport import Caller, CallKind, Endpoint, Method, ServerCall
from lumbung_testing.handlers import (
    BIDI,
    CLIENT_STREAM,
    SERVER_STREAM,
    UNARY,
    answer,
    drain,
    echo,
    exchange,
    join,
    send_all,
)
from lumbung_testing.transports import TransportWorld, connected

LARGE = Method(
    "/lumbung.test.Contract/Large",
    CallKind.BIDI,
    request_bytes_max=SESSION_MESSAGE_SIZE_BYTES_MAX,
    answer_bytes_max=SESSION_MESSAGE_SIZE_BYTES_MAX,
)
STREAMS = [kind for kind in CallKind if kind is not CallKind.UNARY]


async def test_unary_call_is_answered(world: TransportWorld) -> None:
    async with connected(world, {UNARY: answer}) as ends:
        assert await ends.channel.call(UNARY, b"question", deadline_s=30) == b"answer to question"


async def test_many_unary_calls_at_once_get_their_own_answers(world: TransportWorld) -> None:
    answers: dict[int, bytes] = {}
    async with connected(world, {UNARY: answer}) as ends:

        async def ask(number: int) -> None:
            answers[number] = await ends.channel.call(UNARY, b"%d" % number, deadline_s=30)

        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(ask, number)
    assert answers == {number: b"answer to %d" % number for number in range(12)}


async def test_client_stream_gets_one_answer_to_all_its_messages(world: TransportWorld) -> None:
    async with connected(world, {CLIENT_STREAM: join}) as ends, ends.channel.stream(CLIENT_STREAM) as stream:
        assert await exchange(stream, [b"a", b"b", b"c"]) == [b"a,b,c"]


async def test_server_stream_gives_its_messages_and_then_the_end(world: TransportWorld) -> None:
    async def count(call: ServerCall) -> None:
        request = await call.receive()
        assert request is not None
        for number in range(int(request)):
            await call.send(b"%d" % number)

    async with connected(world, {SERVER_STREAM: count}) as ends, ends.channel.stream(SERVER_STREAM) as stream:
        assert await exchange(stream, [b"5"]) == [b"0", b"1", b"2", b"3", b"4"]
        assert await stream.receive() is None  # the end stays the end


async def test_bidi_carries_a_thousand_messages_both_ways_in_order(world: TransportWorld) -> None:
    messages = [b"message %d" % number for number in range(1000)]
    async with (
        connected(world, {BIDI: echo}) as ends,
        ends.channel.stream(BIDI) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(send_all, stream, messages)
        assert await drain(stream) == messages


async def test_handler_may_speak_before_its_caller_does(world: TransportWorld) -> None:
    async def greet(call: ServerCall) -> None:
        await call.send(b"welcome")
        await echo(call)

    async with connected(world, {BIDI: greet}) as ends, ends.channel.stream(BIDI) as stream:
        assert await stream.receive() == b"welcome"
        await stream.send(b"thanks")
        assert await stream.receive() == b"thanks"


@pytest.mark.parametrize("size", [0, 1, MIB, MESSAGE_SIZE_BYTES_MAX])
async def test_message_up_to_the_limit_passes_unchanged(world: TransportWorld, size: int) -> None:
    message = bytes(index % 251 for index in range(1000)) * (size // 1000) + bytes(size % 1000)
    async with connected(world, {BIDI: echo}) as ends, ends.channel.stream(BIDI) as stream:
        assert await exchange(stream, [message, b"after"]) == [message, b"after"]


async def test_empty_message_is_a_message(world: TransportWorld) -> None:
    async with connected(world, {CLIENT_STREAM: join}) as ends, ends.channel.stream(CLIENT_STREAM) as stream:
        assert await exchange(stream, [b"", b"", b""]) == [b",,"]


async def test_request_over_the_limit_is_refused_and_the_channel_lives(world: TransportWorld) -> None:
    async with connected(world, {UNARY: answer, BIDI: echo}) as ends:
        async with ends.channel.stream(BIDI) as stream:
            with pytest.raises(Rejected) as refused:
                await exchange(stream, [bytes(MESSAGE_SIZE_BYTES_MAX + 1)])
            assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(UNARY, bytes(MESSAGE_SIZE_BYTES_MAX + 1), deadline_s=30)
        assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        assert await ends.channel.call(UNARY, b"small", deadline_s=30) == b"answer to small"


async def test_answer_over_the_limit_is_refused_and_the_channel_lives(world: TransportWorld) -> None:
    async def say_too_much(call: ServerCall) -> None:
        await call.send(bytes(MESSAGE_SIZE_BYTES_MAX + 1))

    async with connected(world, {UNARY: answer, BIDI: say_too_much}) as ends:
        async with ends.channel.stream(BIDI) as stream:
            with pytest.raises(Rejected) as refused:
                await drain(stream)
            assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        assert await ends.channel.call(UNARY, b"small", deadline_s=30) == b"answer to small"


async def test_a_method_may_have_larger_messages_both_ways(world: TransportWorld) -> None:
    largest = bytes(SESSION_MESSAGE_SIZE_BYTES_MAX)
    async with connected(world, {LARGE: echo}) as ends:
        async with ends.channel.stream(LARGE) as stream:
            assert await exchange(stream, [largest, b"after"]) == [largest, b"after"]
        async with ends.channel.stream(LARGE) as stream:
            with pytest.raises(Rejected) as refused:
                await exchange(stream, [largest + b"x"])
            assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED


async def test_client_may_finish_first(world: TransportWorld) -> None:
    async def answer_after_the_end(call: ServerCall) -> None:
        while await call.receive() is not None:
            pass
        assert await call.receive() is None  # the end stays the end
        for part in (b"one", b"two"):
            await call.send(part)

    async with connected(world, {BIDI: answer_after_the_end}) as ends, ends.channel.stream(BIDI) as stream:
        assert await exchange(stream, [b"x"]) == [b"one", b"two"]


async def test_server_may_finish_first(world: TransportWorld) -> None:
    async def answer_and_go(call: ServerCall) -> None:
        assert await call.receive() == b"x"
        await call.send(b"one")

    async with connected(world, {BIDI: answer_and_go}) as ends, ends.channel.stream(BIDI) as stream:
        await stream.send(b"x")
        assert await drain(stream) == [b"one"]
        await stream.finish_sending()


async def test_handler_sees_who_calls_what(world: TransportWorld) -> None:
    seen: list[tuple[Caller, Method]] = []

    async def look(call: ServerCall) -> None:
        seen.append((call.caller, call.method))
        await call.send(b"")

    async with connected(world, {UNARY: look}) as ends:
        await ends.channel.call(UNARY, b"", deadline_s=30)
        assert seen == [(ends.client.caller, UNARY)]


async def test_each_call_has_a_request_id_of_its_own(world: TransportWorld) -> None:
    async def tell(call: ServerCall) -> None:
        assert call.request_id == call.request_id
        await call.send(call.request_id)

    async with connected(world, {UNARY: tell}) as ends:
        ids = [await ends.channel.call(UNARY, b"", deadline_s=30) for _ in range(4)]
    assert [len(request_id) for request_id in ids] == [16] * 4
    assert len(set(ids)) == 4


@pytest.mark.parametrize("kind", STREAMS)
async def test_unknown_stream_method_is_unimplemented(world: TransportWorld, kind: CallKind) -> None:
    unknown = Method("/lumbung.test.Contract/Unknown", kind)
    async with connected(world, {UNARY: answer}) as ends, ends.channel.stream(unknown) as stream:
        with pytest.raises(Rejected) as refused:
            await exchange(stream, [b"x"])
        assert refused.value.code is StatusCode.UNIMPLEMENTED


async def test_unknown_unary_method_is_unimplemented(world: TransportWorld) -> None:
    unknown = Method("/lumbung.test.Contract/Unknown", CallKind.UNARY)
    async with connected(world, {UNARY: answer}) as ends:
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(unknown, b"x", deadline_s=30)
    assert refused.value.code is StatusCode.UNIMPLEMENTED


async def test_port_in_use_is_an_os_error_and_the_first_server_goes_on(world: TransportWorld) -> None:
    async with connected(world, {UNARY: answer}) as ends, world.party(3) as other:
        with pytest.raises(OSError, match=ends.listener.address.rpartition(":")[2]):
            async with other.transport.serve(ends.listener.address, {UNARY: answer}):
                pass
        assert await ends.channel.call(UNARY, b"still", deadline_s=30) == b"answer to still"


async def test_dial_to_nobody_is_peer_unreachable_at_first_use(world: TransportWorld) -> None:
    with trio.fail_after(60):
        async with world.party(1) as absent, world.party(2) as client:
            channel = client.transport.dial(absent.endpoint(world.nobody))
            with pytest.raises(PeerUnreachable):
                await channel.call(UNARY, b"", deadline_s=30)
            async with channel.stream(BIDI) as stream:
                with pytest.raises(PeerUnreachable):
                    await stream.receive()
            await channel.close()


async def test_another_identity_than_expected_is_refused(world: TransportWorld) -> None:
    async with connected(world, {UNARY: answer}) as ends, world.party(3) as expected:
        for endpoint in (
            expected.endpoint(ends.listener.address),
            Endpoint(ends.listener.address, ends.server.caller.uri, (expected.caller.key_pin,)),
        ):
            channel = ends.client.transport.dial(endpoint)
            with pytest.raises(TrustRefused):
                await channel.call(UNARY, b"secret", deadline_s=30)
            await channel.close()


async def test_any_of_several_pins_is_enough_and_none_asks_for_the_name_alone(world: TransportWorld) -> None:
    async with connected(world, {UNARY: answer}) as ends:
        own = ends.server.caller
        for pins in ((bytes(32), own.key_pin), ()):
            channel = ends.client.transport.dial(Endpoint(ends.listener.address, own.uri, pins))
            assert await channel.call(UNARY, b"x", deadline_s=30) == b"answer to x"
            await channel.close()
