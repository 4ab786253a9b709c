"""Abuse of a real node by callers that it must serve, or must not: each kind runs in a process of its own.

    python -m lumbung_testing.abuse KIND VICTIM SECONDS  < a pickled Founded

Says `begun` once the abuse is under way, and goes on for SECONDS and then until its input ends. Prints one JSON object
at the end: how often it tried, and which statuses ended its calls.
"""

from __future__ import annotations

import json
import pickle
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import grpc
import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.abuse_reads import endless_reads, heavy_reads, unread_reads
from lumbung_testing.abuse_sessions import (
    bytes_nobody_asked_for,
    endless_offers,
    endless_words,
    replayed_receipts,
    retired_node,
)
from lumbung_testing.abuser import Abuser, drain
from lumbung_testing.callers import operator_tls, stranger_tls
from lumbung_testing.tls_parties import issue, new_authority
from lumbung_tools.client.methods import PUT, STATUS
from lumbung_tools.localcluster.founding import Founded

__all__ = ["KINDS"]

_IDLE_SOCKETS = 2000
_STREAMS = 200
_SLOW_STREAMS = 8
_DRIP_S = 4.0
_BOMB_BYTES = 64 * limits.MIB
_ENDLESS_MIB = 32
_ELEMENTS = 60_000  # two bytes each in the header, far more once they are touched


# --- without a right to be there -------------------------------------------------------------------------------


async def idle_sockets(abuser: Abuser) -> None:
    """Two thousand connections that never begin a handshake."""
    host, _, port = abuser.address().rpartition(":")
    with ExitStack() as held:
        while True:
            for _ in range(_IDLE_SOCKETS):
                abuser.tries += 1
                held.enter_context(socket.create_connection((host, int(port)), timeout=60))
            abuser.under_way.set()
            await trio.sleep_forever()


async def wrong_certificates(abuser: Abuser) -> None:
    """Strangers: under a foreign authority, and under ours without a name in list or roster."""
    foreign = issue(new_authority(), 1).tls
    cluster, site = abuser.founded.roster.cluster, abuser.founded.sites[0]
    unknown = stranger_tls(abuser.founded, AccessIdentity(cluster, site.number, "nobody"))
    unlisted = stranger_tls(abuser.founded, NodeIdentity(cluster, type(site.number)(99)))
    while True:
        for tls in (foreign, unknown, unlisted):
            async with abuser.channel(tls) as channel:
                await abuser.attempt(lambda channel=channel: _ask_status(channel))  # type: ignore[misc]


async def _ask_status(channel: Channel) -> None:
    await channel.call(STATUS, b"", deadline_s=10)


# --- a station that went wild ----------------------------------------------------------------------------------


async def many_streams(abuser: Abuser) -> None:
    """One caller opens two hundred put streams and leaves them."""
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel, trio.open_nursery() as nursery:
        for _ in range(_STREAMS):
            nursery.start_soon(abuser.attempt, lambda: _hold_stream(channel))
            await trio.sleep(0.01)


async def _hold_stream(channel: Channel) -> None:
    async with channel.stream(PUT) as stream:
        await stream.send(encode_frame(_start(4096), [b"age-encryption.org/v1\n"]))
        await drain(stream)


async def slow_puts(abuser: Abuser) -> None:
    """Streams that announce the most that a blob may take of memory, and then drip."""
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel, trio.open_nursery() as nursery:

        async def drip() -> None:
            async with channel.stream(PUT) as stream:
                await stream.send(encode_frame(_start(limits.MEMORY_BLOB_BYTES_MAX), [b"age-encryption.org/v1\n"]))
                while True:
                    await trio.sleep(_DRIP_S)
                    abuser.under_way.set()
                    part = blobs_pb2.PutPart(ticket=1, length_bytes=1)
                    await stream.send(encode_frame(blobs_pb2.PutRequest(parts=[part]), [b"x"]))

        async def drip_for_ever() -> None:
            while True:
                await abuser.attempt(drip, begins=False)
                await trio.sleep(0.5)

        for _ in range(_SLOW_STREAMS):
            nursery.start_soon(drip_for_ever)


async def endless_puts(abuser: Abuser) -> None:
    """One blob after the other as fast as the line takes them, each of 32 MiB that are not those of its id."""
    piece = b"age-encryption.org/v1\n".ljust(limits.MIB, b"x")
    start = blobs_pb2.PutStart(size_bytes=_ENDLESS_MIB * limits.MIB, id=bytes(32), copies=1)
    first = blobs_pb2.PutPart(ticket=1, start=start, length_bytes=limits.MIB)
    following = blobs_pb2.PutPart(ticket=1, length_bytes=limits.MIB)
    frames = [encode_frame(blobs_pb2.PutRequest(parts=[part]), [piece]) for part in (first, following)]
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel:

        async def send() -> None:
            async with channel.stream(PUT) as stream:
                for number in range(_ENDLESS_MIB):
                    await stream.send(frames[number > 0])
                await stream.finish_sending()
                while (received := await stream.receive()) is not None:
                    for answer in blobs_pb2.PutResponse.FromString(received).answers:
                        raise Rejected(StatusCode(answer.status_code), answer.sentence)

        while True:
            await abuser.attempt(send)


async def element_bombs(abuser: Abuser) -> None:
    """Headers full of empty elements, each of which grows when it is touched."""
    bomb = encode_frame(blobs_pb2.PutRequest(parts=[blobs_pb2.PutPart() for _ in range(_ELEMENTS)]))
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel:

        async def throw() -> None:
            async with channel.stream(PUT) as stream:
                await stream.send(bomb)
                await drain(stream)

        while True:
            await abuser.attempt(throw)


async def compressed_bombs(abuser: Abuser) -> None:
    """Messages that are small on the wire and 64 MiB when they are unpacked."""
    identity = NodeIdentity(abuser.founded.roster.cluster, abuser.founded.sites[0].number)
    tls = operator_tls(abuser.founded, abuser.victim)
    credentials = grpc.ssl_channel_credentials(tls.trust_roots_pem, tls.private_key_pem, tls.certificate_chain_pem)
    options = [("grpc.ssl_target_name_override", identity.dns_name), ("grpc.max_send_message_length", -1)]

    def throw() -> str:
        with grpc.secure_channel(abuser.address(), credentials, options) as channel:
            call = channel.unary_unary(STATUS.name, None, None)
            try:
                call(bytes(_BOMB_BYTES), timeout=30, compression=grpc.Compression.Gzip)
            except grpc.RpcError as exc:
                return str(exc.code().name)
        return "OK"

    while True:
        abuser.tries += 1
        abuser.under_way.set()
        abuser.statuses[await trio.to_thread.run_sync(throw)] += 1


def _start(size_bytes: int) -> blobs_pb2.PutRequest:
    start = blobs_pb2.PutStart(size_bytes=size_bytes, id=bytes(32), copies=1)
    return blobs_pb2.PutRequest(parts=[blobs_pb2.PutPart(ticket=1, start=start, length_bytes=22)])


KINDS: dict[str, Callable[[Abuser], Awaitable[None]]] = {
    "idle-sockets": idle_sockets,
    "wrong-certificates": wrong_certificates,
    "many-streams": many_streams,
    "slow-puts": slow_puts,
    "endless-puts": endless_puts,
    "element-bombs": element_bombs,
    "compressed-bombs": compressed_bombs,
    "unread-reads": unread_reads,
    "endless-reads": endless_reads,
    "heavy-reads": heavy_reads,
    "retired-node": retired_node,
    "replayed-receipts": replayed_receipts,
    "endless-words": endless_words,
    "endless-offers": endless_offers,
    "bytes-nobody-asked-for": bytes_nobody_asked_for,
}


async def _run(abuser: Abuser, kind: str, seconds: float) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(KINDS[kind], abuser)
        await abuser.under_way.wait()
        print("begun", flush=True)
        await trio.sleep(seconds)
        await trio.to_thread.run_sync(sys.stdin.buffer.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    kind, victim, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    founded = pickle.load(sys.stdin.buffer)
    assert isinstance(founded, Founded)
    abuser = Abuser(founded, victim)
    trio.run(_run, abuser, kind, seconds)
    print(json.dumps({"tries": abuser.tries, "statuses": dict(abuser.statuses)}))


if __name__ == "__main__":
    main()
