"""A call that was cut is never taken for one that ended, and a deadline is told as one, whatever was under way."""

from __future__ import annotations

import pytest
import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.limits import MIB
from lumbung_node.ports.transport import ClientStream, Method, ServerCall
from lumbung_testing.handlers import BIDI, CLIENT_STREAM, UNARY, answer, drain, echo
from lumbung_testing.transports import TransportWorld, connected


class EndSeen:
    """Reads to the end and keeps how the end looked: "finished", "gone", or "cancelled" before any was seen."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.begun = trio.Event()
        self.ended = trio.Event()

    async def __call__(self, call: ServerCall) -> None:
        end = "cancelled"
        try:
            while await call.receive() is not None:
                self.begun.set()
            end = "finished"
        except PeerGone:
            end = "gone"
        finally:
            self.ends.append(end)
            self.ended.set()


@pytest.mark.parametrize("method", [BIDI, CLIENT_STREAM], ids=lambda method: method.kind.value)
async def test_caller_that_leaves_midway_is_never_taken_for_one_that_finished(
    world: TransportWorld, method: Method
) -> None:
    seen = EndSeen()
    async with connected(world, {method: seen}) as pair:
        for _ in range(20):
            seen.begun, seen.ended = trio.Event(), trio.Event()
            async with pair.channel.stream(method) as stream:
                await stream.send(b"half of it")
                await seen.begun.wait()
            await seen.ended.wait()
    assert len(seen.ends) == 20
    assert "finished" not in seen.ends


async def test_caller_that_leaves_is_no_bug_of_a_handler_that_reads_in_a_task_of_its_own(world: TransportWorld) -> None:
    seen = EndSeen()

    async def read_in_a_task(call: ServerCall) -> None:
        async def read() -> None:
            await seen(call)
            raise PeerGone("told by the task")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)

    async with connected(world, {BIDI: read_in_a_task}) as pair:
        async with pair.channel.stream(BIDI) as stream:
            await stream.send(b"half of it")
            await seen.begun.wait()
        await seen.ended.wait()
    assert world.bugs() == []


async def test_handler_that_cleans_up_finds_its_caller_gone_both_ways(world: TransportWorld) -> None:
    begun, cleaned = trio.Event(), trio.Event()
    found: list[str] = []

    async def linger(call: ServerCall) -> None:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                for use in (call.receive, lambda: call.send(b"x")):
                    try:
                        await use()
                    except PeerGone:
                        found.append("gone")
                cleaned.set()

    async with connected(world, {BIDI: linger}) as pair:
        async with pair.channel.stream(BIDI):
            await begun.wait()
        await cleaned.wait()
    assert found == ["gone", "gone"]
    assert world.bugs() == []


async def test_deadline_that_passes_while_a_send_waits_is_told_as_a_deadline(world: TransportWorld) -> None:
    async def read_nothing(call: ServerCall) -> None:
        await trio.sleep_forever()

    async with connected(world, {BIDI: read_nothing}) as pair, pair.channel.stream(BIDI, deadline_s=2.0) as stream:
        with pytest.raises(Rejected) as caught:
            await send_without_end(stream)
        assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
        with pytest.raises(Rejected) as caught:
            await drain(stream)
        assert caught.value.code is StatusCode.DEADLINE_EXCEEDED


async def test_closed_channel_takes_no_more_calls(world: TransportWorld) -> None:
    async with connected(world, {BIDI: echo, UNARY: answer}) as pair:
        async with pair.channel.stream(BIDI) as stream:
            await stream.send(b"x")
            assert await stream.receive() == b"x"
        await pair.channel.close()
        with pytest.raises(PeerGone):
            await pair.channel.call(UNARY, b"", deadline_s=10)
        with pytest.raises(PeerGone):
            async with pair.channel.stream(BIDI) as stream:
                await stream.receive()


async def send_without_end(stream: ClientStream) -> None:
    while True:
        await stream.send(bytes(MIB))
