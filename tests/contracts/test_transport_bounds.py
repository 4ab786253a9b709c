"""What every transport holds back: windows, slots, and callers who may not or no longer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.limits import CALLS_PER_PEER_MAX, KIB, STREAMS_OWN, STREAMS_SHARED_MAX
from lumbung_node.ports.transport import Caller, CallKind, Channel, ClientStream, Method, ServerCall
from lumbung_testing.handlers import BIDI, CLIENT_STREAM, SERVER_STREAM, UNARY, WaitingHandler, answer, drain, echo
from lumbung_testing.transports import TransportWorld, connected

PUMPED = 256  # messages of 256 KiB: 64 MiB, several times what all windows on the way hold
HELD_MAX = PUMPED // 2
PIECE = bytes(256 * KIB)


class Pump:
    """Sends PUMPED messages through `send`, and tells when it no longer gets on."""

    def __init__(self) -> None:
        self.sent = 0

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        while self.sent < PUMPED:
            await send(PIECE)
            self.sent += 1

    async def stuck(self) -> int:
        """How much it had sent when nothing moved for half a second."""
        before = -1
        while before != self.sent:
            before = self.sent
            await trio.sleep(0.5)
        return self.sent


@pytest.mark.parametrize("kind", list(CallKind))
async def test_request_over_the_bound_of_its_method_ends_the_call(world: TransportWorld, kind: CallKind) -> None:
    method = Method("/lumbung.test.Contract/Small", kind, 10)
    seen: list[bytes | None] = []

    async def note(call: ServerCall) -> None:
        while (message := await call.receive()) is not None:
            seen.append(message)
        await call.send(b"answer")

    async with connected(world, {method: note}) as ends:
        assert await _ask(ends.channel, method, bytes(10)) == b"answer"
        with pytest.raises(Rejected) as refused:
            await _ask(ends.channel, method, bytes(11))
    assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
    assert seen == [bytes(10)]


async def _ask(channel: Channel, method: Method, request: bytes) -> bytes | None:
    if method.kind is CallKind.UNARY:
        return await channel.call(method, request, deadline_s=30)
    async with channel.stream(method) as stream:
        await stream.send(request)
        await stream.finish_sending()
        return await stream.receive()


async def test_server_that_does_not_read_stops_its_caller(world: TransportWorld) -> None:
    may_read = trio.Event()

    async def read_late(call: ServerCall) -> None:
        await may_read.wait()
        count = 0
        while await call.receive() is not None:
            count += 1
        await call.send(b"%d" % count)

    pump = Pump()
    async with connected(world, {BIDI: read_late}) as ends, ends.channel.stream(BIDI) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run, stream.send)
            assert 0 < await pump.stuck() < HELD_MAX
            may_read.set()
        await stream.finish_sending()
        assert await drain(stream) == [b"%d" % PUMPED]


async def test_caller_that_does_not_read_stops_the_server(world: TransportWorld) -> None:
    pump = Pump()

    async def pour(call: ServerCall) -> None:
        await pump.run(call.send)

    async with connected(world, {BIDI: pour}) as ends, ends.channel.stream(BIDI) as stream:
        assert await stream.receive() == PIECE
        assert 0 < await pump.stuck() < HELD_MAX
        assert len(await drain(stream)) == PUMPED - 1


async def test_stream_that_is_stuck_leaves_the_others_their_way(world: TransportWorld) -> None:
    may_read = trio.Event()

    async def read_late(call: ServerCall) -> None:
        await may_read.wait()
        while await call.receive() is not None:
            pass

    pump = Pump()
    async with connected(world, {BIDI: read_late, UNARY: answer}) as ends, ends.channel.stream(BIDI) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run, stream.send)
            await pump.stuck()
            assert await ends.channel.call(UNARY, b"beside", deadline_s=30) == b"answer to beside"
            may_read.set()
        await stream.finish_sending()
        assert await drain(stream) == []


async def test_stuck_sender_learns_that_its_peer_is_gone(world: TransportWorld) -> None:
    pump = Pump()
    async with connected(world, {BIDI: wait_without_reading}) as ends, ends.channel.stream(BIDI) as stream:

        async def run() -> None:
            with pytest.raises(PeerGone):
                await pump.run(stream.send)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await pump.stuck()
            await ends.listener.stop(grace_s=0)


async def test_access_check_keeps_the_handler_from_starting(world: TransportWorld) -> None:
    asked: list[tuple[Caller, Method]] = []
    started: list[Method] = []

    def check(caller: Caller, method: Method) -> None:
        asked.append((caller, method))
        if method == UNARY:
            raise Rejected(StatusCode.PERMISSION_DENIED, "not on any list")

    async def note(call: ServerCall) -> None:
        started.append(call.method)
        await echo(call)

    async with connected(world, {UNARY: note, BIDI: note}, access_check=check) as ends:
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(UNARY, b"", deadline_s=30)
        async with ends.channel.stream(BIDI) as stream:
            await stream.send(b"x")
            assert await stream.receive() == b"x"
        assert (refused.value.code, refused.value.sentence) == (StatusCode.PERMISSION_DENIED, "not on any list")
        assert asked == [(ends.client.caller, UNARY), (ends.client.caller, BIDI)]
    assert started == [BIDI]


async def test_one_caller_has_its_slots_and_takes_none_of_the_others(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler, UNARY: answer}) as ends, world.party(3) as other:
        async with AsyncExitStack() as stack:
            for _ in range(CALLS_PER_PEER_MAX):
                await _open_waiting(stack, ends.channel)
            with pytest.raises(Rejected) as refused:
                await ends.channel.call(UNARY, b"one more", deadline_s=30)
            assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
            channel = other.transport.dial(ends.server.endpoint(ends.listener.address))
            assert await channel.call(UNARY, b"other", deadline_s=30) == b"answer to other"
            await channel.close()
        await handler.only(0)
        assert await ends.channel.call(UNARY, b"again", deadline_s=30) == b"answer to again"


async def test_slots_are_counted_by_caller_over_all_its_connections(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with connected(world, {BIDI: handler}) as ends, AsyncExitStack() as stack:
        second = ends.client.transport.dial(ends.server.endpoint(ends.listener.address))
        stack.push_async_callback(second.close)
        for number in range(CALLS_PER_PEER_MAX):
            await _open_waiting(stack, second if number % 2 else ends.channel)
        with pytest.raises(Rejected) as refused:
            await _open_waiting(stack, second)
        assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED


async def test_revoked_caller_is_told_at_once_and_the_others_stay(world: TransportWorld) -> None:
    handler = WaitingHandler()
    async with (
        connected(world, {BIDI: handler, UNARY: answer}) as ends,
        world.party(3) as other,
        AsyncExitStack() as stack,
    ):
        revoked = await _open_waiting(stack, ends.channel)
        channel = other.transport.dial(ends.server.endpoint(ends.listener.address))
        stack.push_async_callback(channel.close)
        await _open_waiting(stack, channel)

        ends.listener.revoke(lambda caller, method: caller == other.caller)
        with pytest.raises(Rejected) as refused:
            await revoked.receive()
        assert refused.value.code is StatusCode.PERMISSION_DENIED
        await handler.only(1)
        assert await channel.call(UNARY, b"stays", deadline_s=30) == b"answer to stays"
    assert world.bugs() == []


@pytest.mark.parametrize("method", [UNARY, CLIENT_STREAM, SERVER_STREAM, BIDI])
async def test_revoke_says_so_on_calls_of_every_kind_whose_handlers_end_at_that_moment(
    world: TransportWorld, method: Method
) -> None:
    """The listener's word stands, however quickly the handler itself comes to an end."""
    has_begun, may_end = trio.Event(), trio.Event()

    async def end_when_told(call: ServerCall) -> None:
        has_begun.set()
        await may_end.wait()
        await call.send(b"all is well")

    refusals: list[Rejected] = []

    async def ask(channel: Channel) -> None:
        with pytest.raises(Rejected) as refused:
            await _to_the_end(channel, method)
        refusals.append(refused.value)

    async with connected(world, {method: end_when_told}) as ends, trio.open_nursery() as nursery:
        nursery.start_soon(ask, ends.channel)
        await has_begun.wait()
        may_end.set()
        ends.listener.revoke(lambda caller, method: False)
    assert [refusal.code for refusal in refusals] == [StatusCode.PERMISSION_DENIED]
    assert world.bugs() == []


async def test_revoked_sender_that_nobody_reads_is_told_too(world: TransportWorld) -> None:
    pump = Pump()
    async with connected(world, {BIDI: wait_without_reading}) as ends, ends.channel.stream(BIDI) as stream:

        async def run() -> None:
            with pytest.raises(Rejected) as refused:
                await pump.run(stream.send)
            assert refused.value.code is StatusCode.PERMISSION_DENIED

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await pump.stuck()
            ends.listener.revoke(lambda caller, method: False)


async def test_revoke_cancels_a_handler_that_touches_its_call_no_more_and_silences_it(world: TransportWorld) -> None:
    silenced = trio.Event()

    async def linger(call: ServerCall) -> None:
        await call.send(b"hello")
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                with pytest.raises(PeerGone):
                    await call.send(b"after the end")
                silenced.set()

    async with connected(world, {BIDI: linger}) as ends, ends.channel.stream(BIDI) as stream:
        assert await stream.receive() == b"hello"
        ends.listener.revoke(lambda caller, method: False)
        await silenced.wait()
        with pytest.raises(Rejected):
            await stream.receive()


async def test_bug_in_the_access_check_lets_nobody_in(world: TransportWorld) -> None:
    def stumble(caller: Caller, method: Method) -> None:
        raise KeyError(caller.uri)

    handler = WaitingHandler()
    async with connected(world, {UNARY: handler}, access_check=stumble) as ends:
        with pytest.raises(Rejected) as refused:
            await ends.channel.call(UNARY, b"", deadline_s=30)
    assert refused.value.code is StatusCode.INTERNAL
    assert not handler.entered.is_set()
    assert len(world.bugs()) == 1


async def wait_without_reading(call: ServerCall) -> None:
    await trio.sleep_forever()


async def _to_the_end(channel: Channel, method: Method) -> None:
    if method is UNARY:
        await channel.call(UNARY, b"", deadline_s=30)
    else:
        async with channel.stream(method) as stream:
            if method is SERVER_STREAM:
                await stream.send(b"")
            await drain(stream)


async def _open_waiting(stack: AsyncExitStack, channel: Channel) -> ClientStream:
    """A stream whose handler runs."""
    stream = await stack.enter_async_context(channel.stream(BIDI))
    assert await stream.receive() == b"hello"
    return stream


async def test_streams_above_a_few_of_each_caller_are_shared_by_all(world: TransportWorld) -> None:
    """Each may keep windows of bytes that nobody reads: eight callers with 16 each took all memory of a service."""

    async def hold(call: ServerCall) -> None:
        await call.send(b"in")
        await trio.sleep_forever()

    async def enter(stacks: AsyncExitStack, channel: Channel) -> bool:
        stream = await stacks.enter_async_context(channel.stream(BIDI))
        try:
            return await stream.receive() == b"in"
        except Rejected as exc:
            return exc.code is not StatusCode.RESOURCE_EXHAUSTED

    with trio.fail_after(60):
        async with AsyncExitStack() as stacks:
            server = await stacks.enter_async_context(world.party(1))
            listener = await stacks.enter_async_context(
                server.transport.serve(world.listen, {BIDI: hold, UNARY: answer})
            )
            channels = []
            for number in range(2, 8):
                party = await stacks.enter_async_context(world.party(number))
                channels.append(party.transport.dial(server.endpoint(listener.address)))
            greedy, modest = channels[:-1], channels[-1]
            entered = [await enter(stacks, channel) for channel in greedy for _ in range(CALLS_PER_PEER_MAX)]
            assert sum(entered) == len(greedy) * STREAMS_OWN + STREAMS_SHARED_MAX
            assert [await enter(stacks, modest) for _ in range(STREAMS_OWN)] == [True] * STREAMS_OWN
            assert await modest.call(UNARY, b"beside", deadline_s=30) == b"answer to beside"
            assert not await enter(stacks, modest)
            with trio.CancelScope(shield=True):
                for channel in channels:
                    await channel.close()
