"""Lines of the virtual network that close and open: partitions, one way, cuts, refusals."""

from __future__ import annotations

import math
import random

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from lumbung_cluster.errors import PeerGone, PeerUnreachable, Rejected
from lumbung_cluster.limits import DIAL_TIMEOUT_S
from lumbung_node.ports.transport import Endpoint, LinkClass, ServerCall
from lumbung_testing.handlers import BIDI, UNARY
from lumbung_testing.virtual_network import VirtualNetwork
from lumbung_testing.virtual_world import (
    CLIENT,
    CLIENT_PATIENCE_S,
    LATENCY_S,
    SERVER,
    SERVER_PATIENCE_S,
    SLOW,
    asked,
    fails_at,
    world_of,
)


async def test_partition_that_heals_in_time_only_delays(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial(LinkClass.WAN).stream(BIDI) as stream:
        await asked(stream)
        world.network.partition([["server"], ["client"]])
        await stream.send(b"held up")
        with trio.move_on_after(10) as waited:
            await stream.receive()
        assert waited.cancelled_caught
        world.network.heal()
        assert await stream.receive() == b"held up"
        assert world.left_at == math.inf


@pytest.mark.parametrize("link", [LinkClass.LAN, LinkClass.WAN])
async def test_partition_ends_idle_streams_by_keepalive(autojump_clock: MockClock, link: LinkClass) -> None:
    async with world_of() as world, world.dial(link).stream(BIDI) as stream:
        await asked(stream)
        parted_at = trio.current_time()
        world.network.partition([["server"], ["client"]])
        assert await fails_at(stream, PeerGone) - parted_at == pytest.approx(CLIENT_PATIENCE_S[link])
        await trio.sleep(SERVER_PATIENCE_S)
        # The server does not know the class of the link: long after the client it still holds the call.
        assert world.left_at - parted_at == pytest.approx(SERVER_PATIENCE_S)


async def test_server_learns_when_the_line_opens_that_its_caller_gave_up(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial().stream(BIDI) as stream:
        await asked(stream)
        world.network.partition([["server"]])
        await fails_at(stream, PeerGone)
        assert world.left_at == math.inf
        world.network.heal()
        await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert world.left_at == trio.current_time()


async def test_idle_satellite_stream_outlives_any_partition(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial(LinkClass.SATELLITE).stream(BIDI) as stream:
        await asked(stream)
        world.network.partition([["server"]])
        await trio.sleep(SERVER_PATIENCE_S - 1)
        world.network.heal()
        assert await asked(stream, b"after") == b"after"


async def test_hosts_that_no_group_names_still_hear_each_other(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        world.network.partition([["elsewhere"]])
        assert await world.dial().call(UNARY, b"x", deadline_s=30) == b"answer to x"


@pytest.mark.parametrize(("source", "target"), [("client", "server"), ("server", "client")])
async def test_one_way_line_looks_silent_to_both(autojump_clock: MockClock, source: str, target: str) -> None:
    async with world_of() as world, world.dial().stream(BIDI) as stream:
        await asked(stream)
        world.network.one_way(source, target)
        await stream.send(b"asked")
        await fails_at(stream, PeerGone)
        await trio.sleep(SERVER_PATIENCE_S)
        assert world.left_at < math.inf


async def test_message_still_arrives_over_the_open_half_of_a_one_way_line(autojump_clock: MockClock) -> None:
    seen: list[bytes | None] = []

    async def note(call: ServerCall) -> None:
        seen.append(await call.receive())
        await call.send(b"never heard")

    network = VirtualNetwork(random.Random(1), shape=SLOW)
    server, client = network.transport("server", SERVER), network.transport("client", CLIENT)
    async with server.serve("server:7001", {BIDI: note}):
        channel = client.dial(Endpoint("server:7001", SERVER.uri, ()))
        async with channel.stream(BIDI) as stream:
            await trio.sleep(1)
            network.one_way("server", "client")
            await stream.send(b"heard")
            await fails_at(stream, PeerGone)
    assert seen == [b"heard"]


async def test_dial_into_silence_is_unreachable_after_the_dial_timeout(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        world.network.partition([["server"]])
        begun_at = trio.current_time()
        with pytest.raises(PeerUnreachable):
            await world.dial().call(UNARY, b"", deadline_s=60)
        assert trio.current_time() - begun_at == pytest.approx(DIAL_TIMEOUT_S)


async def test_dial_that_waits_for_a_line_gets_through_when_it_opens(autojump_clock: MockClock) -> None:
    async with world_of() as world, trio.open_nursery() as nursery:
        world.network.partition([["server"]])

        async def heal() -> None:
            await trio.sleep(DIAL_TIMEOUT_S / 2)
            world.network.heal()

        nursery.start_soon(heal)
        assert await world.dial().call(UNARY, b"x", deadline_s=60) == b"answer to x"


async def test_cut_ends_all_streams_at_once_and_lets_new_ones_begin(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        channel = world.dial()
        async with channel.stream(BIDI) as stream:
            await asked(stream)
            world.network.cut("server", "client")
            cut_at = trio.current_time()
            assert await fails_at(stream, PeerGone) == cut_at
            await trio.testing.wait_all_tasks_blocked()
            assert world.left_at == cut_at
        assert await channel.call(UNARY, b"again", deadline_s=30) == b"answer to again"


async def test_deadline_ends_a_handler_that_its_caller_cannot_reach(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial(LinkClass.WAN).stream(BIDI, deadline_s=5) as stream:
        await asked(stream)
        world.network.partition([["server"]])
        with pytest.raises(Rejected):
            await stream.receive()
        await trio.sleep(1)
        assert world.left_at == pytest.approx(5 + 3 * LATENCY_S)  # the handshake and the way there come before


async def test_refused_dials_fail_at_once_and_leave_what_stands(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial().stream(BIDI) as stream:
        await asked(stream)
        world.network.refuse_dials("client", "server")
        begun_at = trio.current_time()
        with pytest.raises(PeerUnreachable):
            await world.dial().call(UNARY, b"", deadline_s=30)
        assert trio.current_time() - begun_at == pytest.approx(2 * LATENCY_S)
        assert await asked(stream, b"stands") == b"stands"
        world.network.refuse_dials("client", "server", is_refused=False)
        assert await world.dial().call(UNARY, b"x", deadline_s=30) == b"answer to x"
