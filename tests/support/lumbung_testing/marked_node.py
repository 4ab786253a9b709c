"""A node process that marks in the recorded I/O what it has written and what it promises.

    python -m lumbung_testing.marked_node --config FILE [--without-sync]

    written ORIGIN ID     a write that puts the row of a blob has returned
    ack ORIGIN ID                a put answer that calls a blob durable is about to leave
    applied ORIGIN ID     a receipt for a peer's blob is about to leave
    offer ORIGIN ID       an offer that names a blob is about to leave

Everything else is the node of `lumbung_node.main`: its engine and its transport are wrapped where it opens them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lumbung_cluster import limits
from lumbung_cluster.entry import EntryList
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.receipt import Statement
from lumbung_node import main as node_main
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue, SpaceReport
from lumbung_node.ports.transport import (
    AccessCheck,
    Caller,
    Channel,
    ClientStream,
    Endpoint,
    Handler,
    Listener,
    Method,
    ServerCall,
    Transport,
)
from lumbung_node.services.core import Core
from lumbung_node.services.node import NodeParts, run_node
from lumbung_proto.codec import decode_frame
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing import iorecord

__all__ = ["main", "marked_command", "promises"]

_DURABLE = (blobs_pb2.PUT_OUTCOME_STORED, blobs_pb2.PUT_OUTCOME_REPEATED)
_SESSION = "/lumbung.v1.PeerService/Session"
_PUT = "/lumbung.v1.BlobService/Put"


class _MarkedKeyValue:
    """A KeyValue that marks each blob row once its write has returned; with `syncs` false the control: no sync."""

    def __init__(self, inner: KeyValue, *, syncs: bool) -> None:
        self._inner = inner
        self._syncs = syncs

    @property
    def is_failed(self) -> bool:
        return self._inner.is_failed

    async def write(self, batch: Batch) -> None:
        await self._inner.write(batch)
        for family, key, _ in batch.puts:
            if family is Family.BLOBS:
                iorecord.mark(f"written {int.from_bytes(key[:4], 'big')} {key[4:].hex()}")

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        await self._inner.write_chunks(rows)

    async def sync(self) -> None:
        if self._syncs:
            await self._inner.sync()

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        return await self._inner.get(family, keys)

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        return await self._inner.scan(family, first, behind, limit, backwards=backwards)

    async def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        return await self._inner.scan_each(family, ranges, limit)

    async def space(self) -> SpaceReport:
        return await self._inner.space()

    async def close(self) -> None:
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class _MarkedCall:
    """An incoming call whose promises are marked before they leave."""

    inner: ServerCall
    node: NodeNumber

    @property
    def caller(self) -> Caller:
        return self.inner.caller

    @property
    def method(self) -> Method:
        return self.inner.method

    @property
    def request_id(self) -> bytes:
        return self.inner.request_id

    async def receive(self) -> bytes | None:
        return await self.inner.receive()

    async def send(self, message: bytes) -> None:
        _mark_promises(self.inner.method, message, self.node)
        await self.inner.send(message)


@dataclass(frozen=True, slots=True)
class _MarkedStream:
    inner: ClientStream
    method: Method
    node: NodeNumber

    async def send(self, message: bytes) -> None:
        _mark_promises(self.method, message, self.node)
        await self.inner.send(message)

    async def finish_sending(self) -> None:
        await self.inner.finish_sending()

    async def receive(self) -> bytes | None:
        return await self.inner.receive()


@dataclass(frozen=True, slots=True)
class _MarkedChannel:
    inner: Channel
    node: NodeNumber

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        return await self.inner.call(method, request, deadline_s=deadline_s)

    @asynccontextmanager
    async def stream(self, method: Method, *, deadline_s: float | None = None) -> AsyncIterator[ClientStream]:
        async with self.inner.stream(method, deadline_s=deadline_s) as stream:
            yield _MarkedStream(stream, method, self.node)

    async def close(self) -> None:
        await self.inner.close()


@dataclass(frozen=True, slots=True)
class _MarkedTransport:
    inner: Transport
    node: NodeNumber

    def serve(self, address: str, handlers: Mapping[Method, Handler]) -> AbstractAsyncContextManager[Listener]:
        marked = {method: self._marked(handler) for method, handler in handlers.items()}
        return self.inner.serve(address, marked)

    def dial(self, endpoint: Endpoint) -> Channel:
        return _MarkedChannel(self.inner.dial(endpoint), self.node)

    def _marked(self, handler: Handler) -> Handler:
        async def handle(call: ServerCall) -> None:
            await handler(_MarkedCall(call, self.node))

        return handle


def _mark_promises(method: Method, message: bytes, node: NodeNumber) -> None:
    """One mark for each blob that the message speaks for."""
    if method.name == _PUT:
        for answer in blobs_pb2.PutResponse.FromString(message).answers:
            if answer.outcome in _DURABLE:
                iorecord.mark(f"ack {node} {answer.id.hex()}")
    elif method.name == _SESSION:
        # A request and a response are the same on the wire.
        frame = decode_frame(peer_pb2.SessionRequest, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)[
            0
        ].frame
        if frame.HasField("offer"):
            _mark_offer(frame.offer)
        elif frame.HasField("applied") and frame.applied.HasField("receipt"):
            receipt = Statement.parse(frame.applied.receipt.body)
            for blob in receipt.blobs:
                iorecord.mark(f"applied {receipt.origin} {blob.raw.hex()}")


def _mark_offer(offer: peer_pb2.Offer) -> None:
    lists = [EntryList.parse(signed.body) for signed in offer.lists]
    for offered in offer.entries:
        blob = lists[offered.list].entries[offered.index].blob
        iorecord.mark(f"offer {offer.origin} {blob.raw.hex()}")


def _marked_parts(parts: NodeParts, *, syncs: bool) -> NodeParts:
    @asynccontextmanager
    async def open_transport(check: AccessCheck) -> AsyncIterator[Transport]:
        async with parts.open_transport(check) as transport:
            yield _MarkedTransport(transport, parts.number)

    async def open_keyvalue() -> KeyValue:
        return _MarkedKeyValue(await parts.open_keyvalue(), syncs=syncs)

    return replace(parts, open_transport=open_transport, open_keyvalue=open_keyvalue)


def marked_command(config: Path) -> list[str]:
    """The command line of a marked node. It needs the layer of iorecord.c in its environment."""
    modules = ["lumbung_tools.localcluster.child", "lumbung_testing.marked_node"]
    return [sys.executable, "-m", *modules, "--config", str(config)]


def promises(calls: Sequence[iorecord.IoCall]) -> list[tuple[str, str, bool]]:
    """Each promise of a recorded process: kind, "ORIGIN ID", and whether a sync covered all that it stands on.

    Where a blob was written again after a failure, its newest write before the promise counts.
    """
    written: dict[str, int] = {}
    found = []
    for call in calls:
        if call.op == "mark":
            kind, _, blob = call.path.partition(" ")
            if kind == "written":
                written[blob] = call.begin
            elif blob in written:
                uncovered = iorecord.uncovered_writes(calls, written=written[blob], promised=call.begin)
                found.append((kind, blob, not uncovered))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--without-sync", action="store_true", help="the control: promise what no sync covers")
    options = parser.parse_args()

    async def run_marked(parts: NodeParts, on_ready: Callable[[str, Core], None]) -> None:
        await run_node(_marked_parts(parts, syncs=not options.without_sync), on_ready)

    vars(node_main)["run_node"] = run_marked  # where `main` finds it: it has no other opening for a test
    node_main.run(options.config)


if __name__ == "__main__":
    main()
