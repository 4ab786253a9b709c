"""The virtual network's time: delays, rates, jitter, stalls, and one history for one seed."""

from __future__ import annotations

import random
from functools import partial

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from lumbung_cluster.errors import LumbungError, PeerGone
from lumbung_cluster.limits import MIB
from lumbung_node.ports.transport import LinkClass
from lumbung_testing.handlers import BIDI, UNARY, drain, send_all
from lumbung_testing.simulation.seeding import run_seeded
from lumbung_testing.virtual_lines import Ended, Line, Pipe
from lumbung_testing.virtual_network import LineShape
from lumbung_testing.virtual_world import (
    CLIENT_PATIENCE_S,
    LATENCY_S,
    asked,
    fails_at,
    world_of,
)


async def test_messages_take_their_time_each_way(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial().stream(BIDI) as stream:
        await asked(stream)
        begun_at = trio.current_time()
        await asked(stream)
        assert trio.current_time() - begun_at == pytest.approx(2 * LATENCY_S)


async def test_first_call_pays_for_the_handshake_and_the_next_does_not(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        channel = world.dial()
        took_s = []
        for _ in range(2):
            begun_at = trio.current_time()
            await channel.call(UNARY, b"", deadline_s=30)
            took_s.append(trio.current_time() - begun_at)
        assert took_s == pytest.approx([4 * LATENCY_S, 2 * LATENCY_S])


async def test_rate_of_a_line_is_shared_by_its_streams(autojump_clock: MockClock) -> None:
    async with world_of(LineShape(bytes_per_s=MIB)) as world:
        channel = world.dial()

        async def send_a_mebibyte() -> None:
            async with channel.stream(BIDI) as stream, trio.open_nursery() as nursery:
                nursery.start_soon(send_all, stream, [bytes(MIB // 4)] * 4)
                assert len(await drain(stream)) == 4

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_a_mebibyte)
            nursery.start_soon(send_a_mebibyte)
        # 2 MiB one way at 1 MiB a second; the echoes overlap them but for the last message.
        assert trio.current_time() == pytest.approx(2.25)


async def test_jitter_never_reorders_a_stream(autojump_clock: MockClock) -> None:
    messages = [b"%d" % number for number in range(200)]
    async with world_of(LineShape(latency_s=0.01, jitter_s=0.5)) as world, world.dial().stream(BIDI) as stream:
        await send_all(stream, messages)
        assert await drain(stream) == messages


async def test_bytes_under_way_when_the_line_closes_arrive_after_it_opens(autojump_clock: MockClock) -> None:
    async with world_of() as world, world.dial(LinkClass.WAN).stream(BIDI) as stream:
        await asked(stream)
        await stream.send(b"under way")
        await trio.sleep(LATENCY_S / 2)
        world.network.partition([["server"]])
        await trio.sleep(5)
        world.network.heal()
        healed_at = trio.current_time()
        assert await stream.receive() == b"under way"
        assert trio.current_time() - healed_at == pytest.approx(2 * LATENCY_S)


def test_end_of_a_call_never_overtakes_its_messages() -> None:
    line = Line(random.Random(1), LineShape(jitter_s=1.0))
    for _ in range(20):
        pipe = Pipe(line)
        for content in (b"one", b"two", Ended(None)):
            pipe.put(content, now=0.0)
        taken = [pipe.take(pipe.last_word_at) for _ in range(3)]
        assert taken == [b"one", b"two", Ended(None)]


async def test_stall_delays_and_a_long_one_breaks(autojump_clock: MockClock) -> None:
    async with world_of() as world:
        channel = world.dial()
        async with channel.stream(BIDI) as stream:
            await asked(stream)
            begun_at = trio.current_time()
            world.network.stall("server", "client", 0.5)
            assert await asked(stream, b"late") == b"late"
            assert trio.current_time() - begun_at == pytest.approx(0.5 + LATENCY_S)
            world.network.stall("server", "client", 10 * CLIENT_PATIENCE_S[LinkClass.LAN])
            await fails_at(stream, PeerGone)


async def history_of(seed: int) -> list[tuple[float, int, str]]:
    """What eight clients saw, and when, while the network was hurt at random."""
    luck = random.Random(f"{seed}/faults")
    history: list[tuple[float, int, str]] = []
    async with world_of(LineShape(0.01, 0.05, 1e5), seed) as world, trio.open_nursery() as nursery:

        async def use(number: int) -> None:
            channel = world.dial()
            for turn in range(20):
                try:
                    async with channel.stream(BIDI, deadline_s=3) as stream:
                        await asked(stream, bytes(1000 * number))
                        outcome = "answered"
                except LumbungError as exc:
                    outcome = repr(exc)
                history.append((trio.current_time(), number, f"{turn} {outcome}"))
                await trio.sleep(0.3)

        async def hurt() -> None:
            while True:
                await trio.sleep(luck.uniform(0, 2))
                match luck.randrange(4):
                    case 0:
                        world.network.cut("client", "server")
                    case 1:
                        world.network.one_way("server", "client")
                    case 2:
                        world.network.stall("client", "server", luck.uniform(0, 3))
                    case _:
                        world.network.heal()

        async with trio.open_nursery() as users:
            nursery.start_soon(hurt)
            for number in range(8):
                users.start_soon(use, number)
        nursery.cancel_scope.cancel()
    return history


def test_one_seed_gives_one_history_and_another_seed_another() -> None:
    first, again, other = (run_seeded(seed, partial(history_of, seed)) for seed in (7, 7, 8))
    assert len({outcome.partition(" ")[2] for _, _, outcome in first}) > 2, "the faults must be felt"
    assert again == first
    assert other != first
