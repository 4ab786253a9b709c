"""Whom the gRPC transport speaks with: foreign, expired, nameless, old-fashioned and swapped peers are refused."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import grpc
import pytest
import trio

from lumbung_cluster.errors import PeerUnreachable, TrustRefused
from lumbung_node.adapters.grpc_transport import GrpcListener, TlsIdentity, grpc_transport
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import Channel, Endpoint, Handler, LinkClass, Method, ServerCall
from lumbung_testing.handlers import BIDI, UNARY, WaitingHandler, answer, echo
from lumbung_testing.tls_parties import Issued, child_process, issue, new_authority, relay, tcp_server
from lumbung_testing.transports import let_everybody_in
from lumbung_testing.world import ListLog

TIMEOUT_S = 60.0


@asynccontextmanager
async def serving(server: Issued, handlers: Mapping[Method, Handler]) -> AsyncIterator[GrpcListener]:
    with trio.fail_after(TIMEOUT_S):
        async with (
            grpc_transport(
                server.tls, access_check=let_everybody_in, link=LinkClass.LAN, log=ListLog(), metrics=Uncounted()
            ) as transport,
            transport.serve("127.0.0.1:0", handlers) as listener,
        ):
            yield listener


@asynccontextmanager
async def dialled(client: Issued, endpoint: Endpoint) -> AsyncIterator[Channel]:
    with trio.fail_after(TIMEOUT_S):
        async with grpc_transport(
            client.tls, access_check=let_everybody_in, link=LinkClass.LAN, log=ListLog(), metrics=Uncounted()
        ) as transport:
            yield transport.dial(endpoint)


async def assert_not_trusted(channel: Channel) -> None:
    with pytest.raises(TrustRefused):
        await channel.call(UNARY, b"", deadline_s=10)
    async with channel.stream(BIDI) as stream:
        with pytest.raises(TrustRefused):
            await stream.receive()


async def test_server_of_a_foreign_authority_is_not_trusted() -> None:
    ours, foreign = new_authority(), new_authority()
    server = issue(foreign, 1, roots=ours)  # it would let us in
    async with (
        serving(server, {UNARY: answer}) as listener,
        dialled(issue(ours, 2), server.at(listener.address)) as channel,
    ):
        await assert_not_trusted(channel)


async def test_caller_of_a_foreign_authority_reaches_no_handler() -> None:
    ours, foreign = new_authority(), new_authority()
    handler = WaitingHandler()
    server = issue(ours, 1)
    async with (
        serving(server, {UNARY: handler, BIDI: handler}) as listener,
        dialled(issue(foreign, 2, roots=ours), server.at(listener.address)) as channel,
    ):
        await assert_not_trusted(channel)
    assert not handler.entered.is_set()


@pytest.mark.parametrize("who", ["server", "client"])
async def test_expired_certificate_is_not_trusted(who: str) -> None:
    authority = new_authority()
    server = issue(authority, 1, age_days=31 if who == "server" else 0)
    client = issue(authority, 2, age_days=31 if who == "client" else 0)
    async with serving(server, {UNARY: answer}) as listener, dialled(client, server.at(listener.address)) as channel:
        await assert_not_trusted(channel)


async def test_caller_without_a_certificate_is_turned_away_in_the_handshake() -> None:
    server = issue(new_authority(), 1)
    async with serving(server, {UNARY: answer}) as listener:
        assert not await trio.to_thread.run_sync(is_greeted, listener.address, None)
        assert await trio.to_thread.run_sync(is_greeted, listener.address, server.tls)


async def test_caller_in_plain_text_is_turned_away() -> None:
    def call(address: str) -> None:
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
            channel.unary_unary(UNARY.name, None, None)(b"", timeout=10)

    handler = WaitingHandler()
    async with serving(issue(new_authority(), 1), {UNARY: handler}) as listener:
        await trio.to_thread.run_sync(call, listener.address)
    assert not handler.entered.is_set()


async def test_plain_text_server_is_not_trusted() -> None:
    async def speak_http(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    authority = new_authority()
    async with (
        tcp_server(speak_http) as address,
        dialled(issue(authority, 2), issue(authority, 1).at(address)) as channel,
    ):
        await assert_not_trusted(channel)


async def test_server_that_says_nothing_is_down_rather_than_not_trusted() -> None:
    async def say_nothing(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    authority = new_authority()
    async with (
        tcp_server(say_nothing) as address,
        dialled(issue(authority, 2), issue(authority, 1).at(address)) as channel,
    ):
        with pytest.raises(PeerUnreachable):
            await channel.call(UNARY, b"", deadline_s=0.5)


async def test_server_below_tls_1_3_is_not_trusted() -> None:
    authority = new_authority()
    server = issue(authority, 1)
    context = ssl_context(server.tls, ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def shake_hands(raw: socket.socket) -> None:
        raw.setblocking(True)
        with pytest.raises(ssl.SSLError), context.wrap_socket(raw, server_side=True):
            pass  # says so in an alert

    async def answer_in_tls_1_2(stream: trio.SocketStream) -> None:
        await trio.to_thread.run_sync(shake_hands, socket.socket(fileno=os.dup(stream.socket.fileno())))

    async with tcp_server(answer_in_tls_1_2) as address, dialled(issue(authority, 2), server.at(address)) as channel:
        await assert_not_trusted(channel)


async def test_caller_below_tls_1_3_is_turned_away() -> None:
    authority = new_authority()
    client = issue(authority, 2)
    # A process of its own: gRPC reads what forbids TLS 1.2 when it is first imported, here perhaps by another test.
    async with child_process(issue(authority, 1)) as (_, address):
        assert await trio.to_thread.run_sync(is_greeted, address, client.tls)
        assert not await trio.to_thread.run_sync(is_greeted, address, client.tls, ssl.TLSVersion.TLSv1_2)


async def test_peer_that_is_swapped_after_the_probe_is_not_spoken_to() -> None:
    authority = new_authority()
    expected, other_key = issue(authority, 1), issue(authority, 1)
    handler = WaitingHandler()
    async with (
        serving(expected, {UNARY: answer}) as honest,
        serving(other_key, {UNARY: handler, BIDI: handler}) as impostor,
        relay(lambda number: impostor.address if number % 2 else honest.address) as address,
        dialled(issue(authority, 2), expected.at(address)) as channel,
    ):
        await assert_not_trusted(channel)
    assert not handler.entered.is_set()


async def hang_up(_stream: trio.SocketStream) -> None:
    """As the port of a node that is just ending."""


async def test_peer_that_ends_after_the_probe_is_down_and_not_distrusted() -> None:
    authority = new_authority()
    server = issue(authority, 1)
    async with (
        serving(server, {UNARY: answer}) as honest,
        tcp_server(hang_up) as ending,
        relay(lambda number: ending if number else honest.address) as address,
        dialled(issue(authority, 2), server.at(address)) as channel,
    ):
        with pytest.raises(PeerUnreachable):
            await channel.call(UNARY, b"", deadline_s=10)


async def test_peer_that_starts_anew_after_the_probe_is_spoken_to() -> None:
    authority = new_authority()
    server = issue(authority, 1)
    async with (
        serving(server, {UNARY: answer}) as honest,
        tcp_server(hang_up) as ending,
        relay(lambda number: ending if number == 1 else honest.address) as address,
        dialled(issue(authority, 2), server.at(address)) as channel,
    ):
        assert await channel.call(UNARY, b"x", deadline_s=10)


async def test_renewed_certificates_are_used_without_a_restart() -> None:
    authority = new_authority()
    old, new, client = issue(authority, 1), issue(authority, 1), issue(authority, 2)
    with trio.fail_after(TIMEOUT_S):
        async with (
            grpc_transport(
                old.tls, access_check=let_everybody_in, link=LinkClass.LAN, log=ListLog(), metrics=Uncounted()
            ) as transport,
            transport.serve("127.0.0.1:0", {UNARY: answer, BIDI: echo}) as listener,
            dialled(client, old.at(listener.address)) as before,
            dialled(client, new.at(listener.address)) as after,
            before.stream(BIDI) as stream,
        ):
            await stream.send(b"before")
            assert await stream.receive() == b"before"
            await assert_not_trusted(after)

            transport.renew(new.tls)

            assert await after.call(UNARY, b"new", deadline_s=30) == b"answer to new"
            await stream.send(b"still")  # what is under way keeps its connection
            assert await stream.receive() == b"still"


async def test_renewed_caller_shows_its_new_key_and_keeps_its_streams() -> None:
    authority = new_authority()
    server, old, new = issue(authority, 1), issue(authority, 2), issue(authority, 2)

    async def tell_pin(call: ServerCall) -> None:
        await call.send(call.caller.key_pin)

    with trio.fail_after(TIMEOUT_S):
        async with (
            serving(server, {UNARY: tell_pin, BIDI: echo}) as listener,
            grpc_transport(
                old.tls, access_check=let_everybody_in, link=LinkClass.LAN, log=ListLog(), metrics=Uncounted()
            ) as transport,
        ):
            channel = transport.dial(server.at(listener.address))
            async with channel.stream(BIDI) as stream:
                assert await channel.call(UNARY, b"", deadline_s=30) == old.caller.key_pin
                transport.renew(new.tls)
                assert await channel.call(UNARY, b"", deadline_s=30) == new.caller.key_pin
                await stream.send(b"still")
                assert await stream.receive() == b"still"


def ssl_context(tls: TlsIdentity | None, protocol: int = ssl.PROTOCOL_TLS_CLIENT) -> ssl.SSLContext:
    """A context that checks nothing and shows `tls`."""
    context = ssl.SSLContext(protocol)
    if protocol == ssl.PROTOCOL_TLS_CLIENT:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if tls is not None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(tls.private_key_pem + b"\n" + tls.certificate_chain_pem)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def is_greeted(address: str, tls: TlsIdentity | None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bool:
    """Whether a server goes on to HTTP/2 with somebody who shows `tls`."""
    context = ssl_context(tls)
    context.maximum_version = newest
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as raw:
        try:
            with context.wrap_socket(raw) as stream:
                return bool(stream.recv(9))
        except (ssl.SSLError, ConnectionResetError):
            return False
