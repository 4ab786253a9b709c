"""Hosts of the virtual network that die: killed, out of power, in the dark, and alive again."""

from __future__ import annotations

import random

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from lumbung_cluster.errors import PeerGone, PeerUnreachable
from lumbung_cluster.limits import DIAL_TIMEOUT_S
from lumbung_node.ports.transport import Endpoint, LinkClass, ServerCall
from lumbung_testing.handlers import BIDI, UNARY, answer
from lumbung_testing.virtual_network import VirtualNetwork
from lumbung_testing.virtual_world import (
    CLIENT,
    CLIENT_PATIENCE_S,
    LATENCY_S,
    SERVER,
    SLOW,
    asked,
    fails_at,
    world_of,
)


async def test_killed_server_is_told_to_its_peers_by_the_kernel(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial().stream(BIDI) as stream:
        await asked(stream)
        world.network.kill_host("server")
        killed_at = trio.current_time()
        assert await fails_at(stream, PeerGone) - killed_at == pytest.approx(LATENCY_S)
        with pytest.raises(PeerUnreachable):
            await world.dial().call(UNARY, b"", deadline_s=60)
        assert trio.current_time() - killed_at < DIAL_TIMEOUT_S


async def test_power_cut_is_found_by_keepalive_and_dials_go_into_the_dark(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial().stream(BIDI) as stream:
        await asked(stream)
        world.network.kill_host("server", silently=True)
        killed_at = trio.current_time()
        assert await fails_at(stream, PeerGone) - killed_at == pytest.approx(CLIENT_PATIENCE_S[LinkClass.LAN])
        begun_at = trio.current_time()
        with pytest.raises(PeerUnreachable):
            await world.dial().call(UNARY, b"", deadline_s=60)
        assert trio.current_time() - begun_at == pytest.approx(DIAL_TIMEOUT_S)


async def test_process_that_died_behind_a_closed_line_is_known_when_it_opens(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial(LinkClass.WAN).stream(BIDI) as stream:
        await asked(stream)
        world.network.partition([["server"]])
        world.network.kill_host("server")
        await trio.sleep(5)
        world.network.heal()
        healed_at = trio.current_time()
        assert await fails_at(stream, PeerGone) == healed_at


async def test_opening_lines_tell_nothing_of_a_host_in_the_dark(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial(LinkClass.WAN).stream(BIDI) as stream:
        await asked(stream)
        parted_at = trio.current_time()
        world.network.partition([["server"]])
        world.network.kill_host("server", silently=True)
        await trio.sleep(5)
        world.network.heal()
        assert await fails_at(stream, PeerGone) - parted_at == pytest.approx(CLIENT_PATIENCE_S[LinkClass.WAN])


async def test_killed_process_dials_nobody(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        channel = world.dial()
        await channel.call(UNARY, b"", deadline_s=30)
        world.network.kill_host("client")
        for dead in (channel, world.dial()):
            with pytest.raises(PeerUnreachable):
                await dead.call(UNARY, b"", deadline_s=30)


async def test_what_a_killed_host_still_says_reaches_nobody(autojump_clock: MockClock) -> None:
    said = []

    async def speak_last(call: ServerCall) -> None:
        await call.send(b"alive")
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True), pytest.raises(PeerGone):
                await call.send(b"from beyond")
            said.append(True)

    network = VirtualNetwork(random.Random(1), shape=SLOW)
    server, client = network.transport("server", SERVER), network.transport("client", CLIENT)
    async with server.serve("server:7001", {BIDI: speak_last}):
        async with client.dial(Endpoint("server:7001", SERVER.uri, ())).stream(BIDI) as stream:
            assert await stream.receive() == b"alive"
            network.kill_host("server", silently=True)
            await fails_at(stream, PeerGone)
        assert said
        with pytest.raises(PeerUnreachable):
            await server.dial(Endpoint("server:7001", SERVER.uri, ())).call(UNARY, b"", deadline_s=30)


async def test_new_life_of_a_host_serves_at_its_old_address(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        channel = world.dial()
        await channel.call(UNARY, b"", deadline_s=30)
        world.network.kill_host("server", silently=True)
        await trio.sleep(60)
        async with world.network.transport("server", SERVER).serve("server:7001", {UNARY: answer}):
            assert await channel.call(UNARY, b"x", deadline_s=30) == b"answer to x"
