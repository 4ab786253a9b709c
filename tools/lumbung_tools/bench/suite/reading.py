"""Gets by clients that each wait for their blob, and lists, of what a load has left; every blob is checked."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

import trio

from lumbung_cluster.ids import blob_hasher
from lumbung_node.ports.transport import Channel
from lumbung_tools.bench.load import LoadFailed
from lumbung_tools.bench.suite.figures import Case, latencies_ms
from lumbung_tools.bench.suite.putting import rates
from lumbung_tools.client.ask import BlobName, list_blobs
from lumbung_tools.client.read_stream import ReadStream, open_get, open_reads

__all__ = ["GetSome", "get_all", "get_one", "list_all", "over_calls", "over_one_stream"]


GetSome = Callable[[Channel, int, Iterator[bytes], list[float]], Awaitable[None]]
"""One client: each blob of the supply at a node that knows its origin by that number; adds the seconds of each."""


async def get_all(
    channel: Channel, origin: int, ids: Sequence[bytes], size_bytes: int, clients: int, get_some: GetSome
) -> Case:
    """Each blob once, into memory; `origin` is 0 where the node asked is the origin. Raises LoadFailed."""
    waits: list[float] = []
    shared, started_at = iter(ids), time.monotonic()
    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(get_some, channel, origin, shared, waits)
    return {**rates(len(ids), size_bytes, time.monotonic() - started_at), **latencies_ms("get", waits)}


async def over_one_stream(channel: Channel, origin: int, supply: Iterator[bytes], waits: list[float]) -> None:
    """A stream for this client, one blob asked for at a time: as `over_calls`, but that the stream stays."""
    async with open_reads(channel) as reads:
        for blob in supply:
            begun = time.monotonic()
            await reads.ask(BlobName(blob.hex()), origin)
            await _take(reads, blob)
            waits.append(time.monotonic() - begun)
        await reads.finish_asking()


async def over_calls(channel: Channel, origin: int, supply: Iterator[bytes], waits: list[float]) -> None:
    """A call of its own for each blob."""
    for blob in supply:
        begun = time.monotonic()
        await get_one(channel, origin, blob)
        waits.append(time.monotonic() - begun)


async def get_one(channel: Channel, origin: int, blob: bytes) -> None:
    """Raises LoadFailed for bytes that are not the blob's."""
    async with open_get(channel, BlobName(blob.hex()), origin) as reads:
        await _take(reads, blob)
        await reads.end()


async def list_all(channel: Channel) -> Case:
    """Every blob of the node's own origin, a page at a time."""
    started_at, rows = time.monotonic(), 0
    async for _ in list_blobs(channel, 0, copies_below=0, limit=None):
        rows += 1
    elapsed_s = time.monotonic() - started_at
    return {"files": rows, "elapsed_s": elapsed_s, "per_s": rows / elapsed_s}


async def _take(reads: ReadStream, blob: bytes) -> None:
    hasher = blob_hasher()
    await reads.begin()
    while (piece := await reads.piece()) is not None:
        hasher.update(piece)
    if hasher.digest() != blob:
        raise LoadFailed(f"get: expected the bytes of {blob.hex()}, got those of {hasher.hexdigest()}")
