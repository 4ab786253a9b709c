"""The gRPC transport between processes: kills, stops, crowds, stock clients, and what is left behind."""

from __future__ import annotations

import gc
import re
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import CoroutineType
from typing import TypeVar

import grpc
import pytest
import trio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from lumbung_cluster.errors import PeerGone, Rejected
from lumbung_cluster.identity_uri import parse_identity
from lumbung_cluster.limits import MIB
from lumbung_node.adapters.grpc_transport import GrpcListener, GrpcTransport, grpc_transport
from lumbung_node.adapters.keys.certificates import Authority
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import Channel, Handler, LinkClass, Method, ServerCall
from lumbung_testing.handlers import BIDI, SERVER_STREAM, UNARY, WaitingHandler, answer, drain
from lumbung_testing.tls_parties import Issued, child_process, issue, new_authority
from lumbung_testing.transports import let_everybody_in
from lumbung_testing.world import ListLog

T = TypeVar("T")

TIMEOUT_S = 60.0
KILLS = 10
IDLE_SOCKETS = 2000
GROWTH_BYTES_MAX = 128 * MIB  # 64 KiB for each of them

BUSY_CONNECTIONS, BUSY_AT_ONCE = 64, 12
BUSY_GROWTH_BYTES_MAX = 112 * MIB  # half of it is what twelve calls that go on at once leave in the heap


@pytest.fixture
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def server(authority: Authority) -> Issued:
    return issue(authority, 1)


@pytest.fixture
def client(authority: Authority) -> Issued:
    return issue(authority, 2)


@asynccontextmanager
async def speaking_as(issued: Issued) -> AsyncIterator[GrpcTransport]:
    with trio.fail_after(TIMEOUT_S):
        async with grpc_transport(
            issued.tls, access_check=let_everybody_in, link=LinkClass.LAN, log=ListLog(), metrics=Uncounted()
        ) as transport:
            yield transport


@asynccontextmanager
async def serving(server: Issued, handlers: Mapping[Method, Handler]) -> AsyncIterator[GrpcListener]:
    async with speaking_as(server) as transport, transport.serve("127.0.0.1:0", handlers) as listener:
        yield listener


async def test_killed_server_is_seen_by_streams_and_calls(server: Issued, client: Issued) -> None:
    async with child_process(server) as (child, address), speaking_as(client) as transport:
        channel = transport.dial(server.at(address))
        async with channel.stream(BIDI) as stream:
            await stream.send(b"x")
            assert await stream.receive() == b"x"
            child.kill()
            with pytest.raises(PeerGone):
                await stream.receive()
            with pytest.raises(PeerGone):
                await stream.send(b"y")


async def test_stopped_server_on_a_lan_is_seen_by_keepalive(server: Issued, client: Issued) -> None:
    async with (
        child_process(server) as (child, address),
        speaking_as(client) as transport,
        transport.dial(server.at(address)).stream(BIDI) as stream,
    ):
        await stream.send(b"x")
        assert await stream.receive() == b"x"
        child.send_signal(signal.SIGSTOP)  # its kernel goes on to answer TCP: only a ping can tell
        with pytest.raises(PeerGone):
            await stream.receive()


async def test_stopped_caller_on_a_lan_is_seen_by_keepalive(server: Issued, client: Issued) -> None:
    """Nobody else could tell that it stands still: it is this side that it has dialled."""
    gone = trio.Event()

    async def hold(call: ServerCall) -> None:
        try:
            while await call.receive() is not None:
                await call.send(b"")
        except PeerGone:
            gone.set()
            raise

    async with (
        serving(server, {BIDI: hold}) as listener,
        child_process(client, listener.address, server.caller.uri) as (child, said),
    ):
        assert said == "sent"
        child.send_signal(signal.SIGSTOP)
        await gone.wait()
        child.kill()


async def test_killed_caller_is_never_taken_for_one_that_finished(server: Issued, client: Issued) -> None:
    ends: list[str] = []
    ended = trio.Event()

    async def watch_the_end(call: ServerCall) -> None:
        end = "cancelled"
        try:
            while (message := await call.receive()) is not None:
                await call.send(message)
            end = "finished"
        except PeerGone:
            end = "gone"
        finally:
            ends.append(end)
            ended.set()

    async with serving(server, {BIDI: watch_the_end}) as listener:
        for _ in range(KILLS):
            ended = trio.Event()
            async with child_process(client, listener.address, server.caller.uri) as (child, said):
                assert said == "sent"
                child.kill()
            await ended.wait()
    assert len(ends) == KILLS
    assert "finished" not in ends


async def test_idle_sockets_leave_an_honest_peer_served_and_memory_bounded(server: Issued, client: Issued) -> None:
    with ExitStack() as crowd:
        async with child_process(server) as (child, address), speaking_as(client) as transport:
            channel = transport.dial(server.at(address))
            await channel.call(UNARY, b"alone", deadline_s=30)
            before = resident_bytes(child.pid)
            host, _, port = address.rpartition(":")
            for _ in range(IDLE_SOCKETS):
                crowd.enter_context(socket.create_connection((host, int(port)), timeout=TIMEOUT_S))
            newcomer = transport.dial(server.at(address))
            assert await channel.call(UNARY, b"old", deadline_s=30) == b"answer to old"
            assert await newcomer.call(UNARY, b"new", deadline_s=30) == b"answer to new"
            assert resident_bytes(child.pid) - before < GROWTH_BYTES_MAX


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_stock_client_that_sends_too_much_is_refused(
    server: Issued, client: Issued, compression: grpc.Compression
) -> None:
    def send_too_much(channel: grpc.Channel) -> str:
        call = channel.unary_unary(UNARY.name, None, None)
        with pytest.raises(grpc.RpcError) as refused:
            call(bytes(64 * MIB), timeout=30, compression=compression)
        return str(refused.value)

    handler = WaitingHandler()
    async with serving(server, {UNARY: handler}) as listener:
        said = await with_stock_client(listener.address, server, client, send_too_much)
    assert "RESOURCE_EXHAUSTED" in said
    assert "larger than max" in said


async def test_stock_client_gets_its_answer(server: Issued, client: Issued) -> None:
    def ask(channel: grpc.Channel) -> bytes:
        given: bytes = channel.unary_unary(UNARY.name, None, None)(b"question", timeout=30)
        return given

    async with serving(server, {UNARY: answer}) as listener:
        assert await with_stock_client(listener.address, server, client, ask) == b"answer to question"


@pytest.mark.parametrize("method", [UNARY, SERVER_STREAM], ids=lambda method: method.kind.value)
async def test_stock_client_that_owes_its_one_request_holds_a_slot_and_can_be_revoked(
    server: Issued, client: Issued, method: Method
) -> None:
    may_end = threading.Event()

    def owe(channel: grpc.Channel) -> grpc.StatusCode:
        def nothing() -> Iterator[bytes]:
            may_end.wait(TIMEOUT_S)
            yield from ()

        with pytest.raises(grpc.RpcError) as refused:
            list(channel.stream_stream(method.name, None, None)(nothing(), timeout=30))
        may_end.set()
        return refused.value.code()

    handler = WaitingHandler()
    async with serving(server, {method: handler}) as listener, trio.open_nursery() as nursery:

        async def revoke() -> None:
            await handler.entered.wait()
            listener.revoke(lambda caller, method: False)

        nursery.start_soon(revoke)
        said = await with_stock_client(listener.address, server, client, owe)
    assert said is grpc.StatusCode.PERMISSION_DENIED


async def test_health_follows_what_the_node_says_of_itself(server: Issued, client: Issued) -> None:
    async with serving(server, {UNARY: answer}) as listener:

        def check(service: str) -> Callable[[grpc.Channel], int]:
            request = HealthCheckRequest(service=service).SerializeToString()

            def ask(channel: grpc.Channel) -> int:
                call = channel.unary_unary("/grpc.health.v1.Health/Check", None, HealthCheckResponse.FromString)
                return int(call(request, timeout=30).status)

            return ask

        async def asked(service: str) -> int:
            return await with_stock_client(listener.address, server, client, check(service))

        assert await asked("") == HealthCheckResponse.SERVING
        assert await asked("lumbung.test.Contract") == HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
            await asked("lumbung.test.Unknown")
        listener.set_serving(False)
        assert await asked("") == HealthCheckResponse.NOT_SERVING


async def test_health_watcher_hears_each_change(server: Issued, client: Issued) -> None:
    heard: list[int] = []

    async with serving(server, {UNARY: answer}) as listener:

        def watch(channel: grpc.Channel) -> None:
            call = channel.unary_stream("/grpc.health.v1.Health/Watch", None, HealthCheckResponse.FromString)
            for response in call(HealthCheckRequest().SerializeToString(), timeout=30):
                heard.append(int(response.status))
                if len(heard) == 3:
                    return
                trio.from_thread.run_sync(listener.set_serving, len(heard) == 2)

        await with_stock_client(listener.address, server, client, watch)
    states = HealthCheckResponse
    assert heard == [states.SERVING, states.NOT_SERVING, states.SERVING]


async def test_revoke_in_the_middle_of_a_first_answer_is_always_told(server: Issued, client: Issued) -> None:
    listeners: list[GrpcListener] = []

    async def answer_and_lose_trust(call: ServerCall) -> None:
        waits = await call.receive()
        assert waits is not None
        await call.send(bytes(MIB))
        for _ in range(int(waits)):  # gRPC's thread meanwhile begins to write, or not, or has written
            await trio.lowlevel.checkpoint()
        listeners[0].revoke(lambda caller, method: False)
        await trio.sleep_forever()

    async with serving(server, {BIDI: answer_and_lose_trust}) as listener, speaking_as(client) as transport:
        listeners.append(listener)
        channel = transport.dial(server.at(listener.address))
        for waits in range(60):
            async with channel.stream(BIDI) as stream:
                await stream.send(b"%d" % waits)
                with pytest.raises(Rejected, match="PERMISSION_DENIED"):
                    await drain(stream)


async def test_callers_who_leave_in_the_middle_of_an_answer_put_nothing_into_the_log(
    server: Issued, client: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    async def pour(call: ServerCall) -> None:
        for _ in range(64):
            await call.send(bytes(MIB))

    async with serving(server, {SERVER_STREAM: pour, BIDI: pour}) as listener, speaking_as(client) as transport:
        channel = transport.dial(server.at(listener.address))
        for _ in range(25):
            for method in (SERVER_STREAM, BIDI):
                async with channel.stream(method) as stream:
                    await stream.send(b"")
                    await stream.receive()
    assert [record.getMessage() for record in caplog.records if "cygrpc" in record.name] == []


async def test_nothing_of_a_transport_is_left_when_its_block_ends(server: Issued, client: Issued) -> None:
    handler = WaitingHandler()
    async with serving(server, {BIDI: handler}) as listener, speaking_as(client) as transport:
        channel = transport.dial(server.at(listener.address))
        async with channel.stream(BIDI) as stream:
            assert await stream.receive() == b"hello"
            assert bridge_threads()
    await handler.left.wait()
    assert not bridge_threads()
    with pytest.raises(PeerGone):
        await channel.call(UNARY, b"", deadline_s=30)


async def with_stock_client(address: str, server: Issued, client: Issued, use: Callable[[grpc.Channel], T]) -> T:
    """Run `use` in a thread on a channel of plain grpcio, with bounds of nobody's making."""

    def run() -> T:
        with stock_channel(address, server, client) as channel:
            return use(channel)

    return await trio.to_thread.run_sync(run)


@contextmanager
def stock_channel(address: str, server: Issued, client: Issued) -> Iterator[grpc.Channel]:
    tls = client.tls
    credentials = grpc.ssl_channel_credentials(tls.trust_roots_pem, tls.private_key_pem, tls.certificate_chain_pem)
    options = [
        ("grpc.ssl_target_name_override", parse_identity(server.caller.uri).dns_name),
        ("grpc.max_send_message_length", -1),
    ]
    with grpc.secure_channel(address, credentials, options) as channel:
        yield channel


def resident_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def bridge_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lumbung-grpc"]


async def test_connections_that_brought_much_keep_no_buffers_for_more(server: Issued, client: Issued) -> None:
    """Else a DRC node of 514 offices keeps a gigabyte after a peak day. Here it is 52 to 66 MiB, without 128 to 168."""
    message = bytes(MIB)
    at_once = trio.CapacityLimiter(BUSY_AT_ONCE)

    async def bring(channel: Channel) -> None:
        async with at_once, channel.stream(BIDI) as stream:
            for _ in range(3):
                await stream.send(message)
            for _ in range(3):
                assert await stream.receive() == message
            await stream.finish_sending()
            assert await stream.receive() is None

    async with child_process(server) as (child, address), speaking_as(client) as transport:
        channels = [transport.dial(server.at(address)) for _ in range(BUSY_CONNECTIONS)]
        for channel in channels:
            await channel.call(UNARY, b"alone", deadline_s=30)
        before = resident_bytes(child.pid)
        for _ in range(3):  # what one round has filled is twice as large in the next
            async with trio.open_nursery() as nursery:
                for channel in channels:
                    nursery.start_soon(bring, channel)
        for channel in channels:
            await channel.call(UNARY, b"and no more", deadline_s=30)
        assert resident_bytes(child.pid) - before < BUSY_GROWTH_BYTES_MAX


async def test_a_stream_that_falls_silent_keeps_its_last_message_in_neither_direction(
    server: Issued, client: Issued
) -> None:
    async def swallow(call: ServerCall) -> None:
        while await call.receive() is not None:
            await call.send(bytes(MIB))

    async with serving(server, {BIDI: swallow}) as listener, speaking_as(client) as transport:
        channel = transport.dial(server.at(listener.address))
        async with channel.stream(BIDI) as stream:
            for _ in range(2):  # the first is let go of when the second comes
                await stream.send(bytes(MIB))
                assert await stream.receive() is not None
            while keepers := keepers_of(MIB):  # noqa: ASYNC110 (the other thread is just letting go)
                await trio.sleep(0.01)
            assert not keepers


def keepers_of(size_bytes: int) -> list[str]:
    """The coroutines of this process, of all its threads, of which a local is so large a message."""
    return [
        coroutine.__qualname__
        for coroutine in gc.get_objects()
        if isinstance(coroutine, CoroutineType)
        and coroutine.cr_frame is not None
        and any(isinstance(value, bytes) and len(value) >= size_bytes for value in coroutine.cr_frame.f_locals.values())
    ]
