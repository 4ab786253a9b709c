"""Whoever meets a node under a key that his roster does not pin asks it for its roster, and believes custodians."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
import trio
import trio.testing
from trio.testing import wait_all_tasks_blocked

from lumbung_cluster.errors import PeerGone, PeerUnreachable, TrustRefused
from lumbung_node.ports.transport import CallKind, Channel, ClientStream, Endpoint, LinkClass, Method
from lumbung_tools.client.learning import LearningChannel

ASK, PUT = Method("/ask", CallKind.UNARY), Method("/put", CallKind.BIDI)
OLD_PIN, NEW_PIN = b"o" * 32, b"n" * 32


def endpoint(pin: bytes) -> Endpoint:
    return Endpoint("127.0.0.1:7001", "lumbung://00/node/1", (pin,), LinkClass.LAN)


class Refusing:
    """A stream that the pin refused."""

    async def send(self, message: bytes) -> None:
        raise TrustRefused("another key")

    async def finish_sending(self) -> None:
        pass

    async def receive(self) -> bytes | None:
        raise TrustRefused("another key")


@dataclass(slots=True)
class Node:
    """A node under a key; channels to it refuse when they were dialled for another one."""

    pin: bytes
    dialled: list[bytes] = field(default_factory=list)

    def dial(self, to: Endpoint) -> Channel:
        self.dialled.append(to.key_pins[0])
        return _Channel(self, to.key_pins[0])


@dataclass(slots=True)
class _Channel:
    node: Node
    pin: bytes

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        if self.pin != self.node.pin:
            raise TrustRefused("another key")
        return b"answer"

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream()

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[ClientStream]:
        yield Refusing()

    async def close(self) -> None:
        pass


@dataclass(slots=True)
class Held:
    """The client's roster: which pin it names, and which one a newer roster names."""

    pin: bytes
    newer: bytes
    asked: int = 0

    async def learn(self) -> None:
        self.asked += 1
        await wait_all_tasks_blocked()
        self.pin = self.newer

    def channel(self, dial: Callable[[Endpoint], Channel]) -> LearningChannel:
        return LearningChannel(lambda: endpoint(self.pin), dial, self.learn)


async def test_a_call_goes_on_under_the_key_that_the_newer_roster_names() -> None:
    node, held = Node(NEW_PIN), Held(OLD_PIN, NEW_PIN)

    assert await held.channel(node.dial).call(ASK, b"", deadline_s=1.0) == b"answer"
    assert (node.dialled, held.asked) == ([OLD_PIN, NEW_PIN], 1)


@pytest.mark.parametrize("newer", [OLD_PIN, b"x" * 32])
async def test_a_key_that_no_roster_names_stays_refused(newer: bytes) -> None:
    """A thief: no newer roster, or one that names neither."""
    node, held = Node(b"thief".ljust(32)), Held(OLD_PIN, newer)

    with pytest.raises(TrustRefused):
        await held.channel(node.dial).call(ASK, b"", deadline_s=1.0)
    assert held.asked == 1


async def test_a_node_that_shows_no_roster_is_as_good_as_down() -> None:
    """One that has just started under its new key answered too late, and a station gave its recordings up."""

    async def unanswered() -> None:
        raise PeerUnreachable("no answer")

    held = Held(OLD_PIN, NEW_PIN)
    channel = LearningChannel(lambda: endpoint(held.pin), Node(NEW_PIN).dial, unanswered)
    with pytest.raises(PeerUnreachable):
        await channel.call(ASK, b"", deadline_s=1.0)
    async with channel.stream(PUT) as stream:
        with pytest.raises(PeerUnreachable):
            await stream.receive()


async def test_a_trusted_node_is_never_asked() -> None:
    node, held = Node(OLD_PIN), Held(OLD_PIN, NEW_PIN)

    await held.channel(node.dial).call(ASK, b"", deadline_s=1.0)

    assert held.asked == 0


async def test_a_stream_ends_as_a_broken_line_so_that_whoever_repeats_it_finds_the_other_key() -> None:
    node, held = Node(NEW_PIN), Held(OLD_PIN, NEW_PIN)
    channel = held.channel(node.dial)

    async with channel.stream(PUT) as stream:
        with pytest.raises(PeerGone, match="another TLS key"):
            await stream.receive()
    assert await channel.call(ASK, b"", deadline_s=1.0) == b"answer"


async def test_both_halves_of_a_stream_and_a_call_beside_it_learn_the_key_from_one_question() -> None:
    """The half whose answer came second found the key changed already, and took that for a refusal of it."""
    node, held = Node(NEW_PIN), Held(OLD_PIN, NEW_PIN)
    channel = held.channel(node.dial)
    gone: list[PeerGone] = []

    async def half(say: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(PeerGone, match="another TLS key") as caught:
            await say()
        gone.append(caught.value)

    async def call() -> None:
        assert await channel.call(ASK, b"", deadline_s=1.0) == b"answer"

    async with channel.stream(PUT) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(half, partial(stream.send, b"x"))
        nursery.start_soon(half, stream.receive)
        nursery.start_soon(call)
    assert (len(gone), held.asked, node.dialled) == (2, 1, [OLD_PIN, NEW_PIN])


async def test_a_stream_to_a_thief_is_refused() -> None:
    held = Held(OLD_PIN, OLD_PIN)

    async with held.channel(Node(b"thief".ljust(32)).dial).stream(PUT) as stream:
        for say in (stream.receive, lambda: stream.send(b"x")):
            with pytest.raises(TrustRefused):
                await say()


class Busy(_Channel):
    """As the adapter's: calls that find no connection shake hands one after the other, and a closed one serves none."""

    def __init__(self, node: Node, pin: bytes) -> None:
        super().__init__(node, pin)
        self._turn = trio.Lock()
        self._is_closed = False

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        async with self._turn:
            if self._is_closed:
                raise PeerGone("the channel is closed")
            await trio.sleep(0.1)
        return await super().call(method, request, deadline_s=deadline_s)

    async def close(self) -> None:
        self._is_closed = True


async def test_calls_that_wait_for_the_refused_connection_go_on_under_the_key_that_another_has_learnt(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The connection was closed under them, and they took the node for gone."""
    node, held = Node(NEW_PIN), Held(OLD_PIN, NEW_PIN)
    channel = held.channel(lambda to: Busy(node, to.key_pins[0]))
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append(await channel.call(ASK, b"", deadline_s=5.0))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    assert (answers, held.asked) == ([b"answer"] * 8, 1)
