"""Abuse of read streams by an operator who may read: asking for ever, and never taking what comes."""

from __future__ import annotations

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import Channel, Method
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.abuser import Abuser, drain
from lumbung_testing.callers import operator_tls
from lumbung_testing.sealed_files import looking_sealed
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.methods import PUT, READ
from lumbung_tools.client.read_stream import BlobRefused, open_reads

__all__ = ["endless_reads", "heavy_reads", "unread_reads"]

_STREAMS = limits.CALLS_PER_PEER_MAX
_ASKED_AHEAD = 100  # of a MiB each, ten times what a stream may hold; more would be the abuser's own processor time
_STUCK_BEHIND = 32  # answers of a megabyte: more than all windows on the way hold
_PADDING = b"\x7a\x80\x80\x40" + bytes(limits.MIB)  # field 15, which nobody knows, of a megabyte
_READ_UNBOUNDED = Method(READ.name, READ.kind)


async def unread_reads(abuser: Abuser) -> None:
    """Every stream that one caller may have, each asked for 100 MiB of which nothing is taken."""
    content = looking_sealed(bytes(limits.MIB - 100))
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel:
        await _put(channel, content)
        wanted = BlobName(BlobId.of(content).raw.hex())

        async def ask_and_rest() -> None:
            async with open_reads(channel) as reads:
                for _ in range(_ASKED_AHEAD):
                    await reads.ask(wanted, 0)
                await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            for _ in range(_STREAMS):
                nursery.start_soon(abuser.attempt, ask_and_rest)


async def endless_reads(abuser: Abuser) -> None:
    """Questions for blobs that are not here, without end, a thousand ahead, over every stream of one caller."""
    unknown, no_id = BlobName("ab" * 32), BlobName("abcd")

    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel:

        async def ask_for_ever() -> None:
            async with open_reads(channel) as reads, trio.open_nursery() as nursery:

                async def ask() -> None:
                    while True:
                        await reads.ask(unknown, 0)
                        await reads.ask(no_id, 0)

                nursery.start_soon(ask)
                while True:
                    try:
                        await reads.begin()
                    except BlobRefused:
                        abuser.tries += 1

        async with trio.open_nursery() as nursery:
            for _ in range(_STREAMS):
                nursery.start_soon(abuser.attempt, ask_for_ever)


async def heavy_reads(abuser: Abuser) -> None:
    """As `unread_reads`, and behind the first questions come some that weigh as much as the answers."""
    content = looking_sealed(bytes(limits.MIB - 100))
    question = blobs_pb2.ReadRequest(id=BlobId.of(content).raw).SerializeToString()
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel:
        await _put(channel, content)

        async def ask_and_rest() -> None:
            async with channel.stream(_READ_UNBOUNDED) as stream:
                for at in range(_ASKED_AHEAD):
                    await stream.send(question if at < _STUCK_BEHIND else question + _PADDING)
                await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            for _ in range(_STREAMS):
                nursery.start_soon(abuser.attempt, ask_and_rest)


async def _put(channel: Channel, content: bytes) -> None:
    start = blobs_pb2.PutStart(size_bytes=len(content), id=BlobId.of(content).raw, copies=1)
    part = blobs_pb2.PutPart(ticket=1, start=start, length_bytes=len(content))
    async with channel.stream(PUT) as stream:
        await stream.send(encode_frame(blobs_pb2.PutRequest(parts=[part]), [content]))
        await stream.finish_sending()
        await drain(stream)
