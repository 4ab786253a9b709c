"""Gets one blob: streamed into a file beside its target, its hash checked against its id before it gets its name.

The own node is asked first, then the other holders that the roster names. What each of them said is told to the
caller, because "not here" from one and "not reachable" from another are different answers for the person who asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged, LumbungError, PeerGone, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, blob_hasher
from lumbung_node.ports.transport import Channel
from lumbung_node.ports.world import Blocking
from lumbung_proto.codec import MalformedFrame, decode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.methods import GET
from lumbung_tools.client.read_stream import check_start

__all__ = ["Fetched", "NobodyHasIt", "Source", "get"]


@dataclass(frozen=True, slots=True)
class Source:
    """A node that may have the blob; `origin` is 0 where the blob is the node's own."""

    name: str
    channel: Channel
    origin: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A blob that lies complete and checked under `path`."""

    path: Path
    id: BlobId
    origin: int
    size_bytes: int
    time_ms: int
    seal_epoch: int
    source: str


class NobodyHasIt(LumbungError):
    """No source gave the blob; `failures` says for each one, in the order asked, why."""

    def __init__(self, failures: Sequence[tuple[str, LumbungError]]) -> None:
        super().__init__("; ".join(f"{name}: {failure}" for name, failure in failures))
        self.failures = tuple(failures)


async def get(
    sources: Sequence[Source],
    wanted: BlobName,
    target: Path,
    blocking: Blocking,
    *,
    on_failure: Callable[[str, LumbungError], None],
    on_progress: Callable[[int, int], None],
) -> Fetched:
    """The first good copy, durable at `target`. Raises NobodyHasIt, OSError (the target's disk).

    `on_failure` hears of each source that did not give it, `on_progress` of bytes so far and in all. An ambiguous
    prefix is the same everywhere: its refusal is raised at once.
    """
    failures: list[tuple[str, LumbungError]] = []
    for source in sources:
        try:
            return await _get_from(source, wanted, target, blocking, on_progress)
        except LumbungError as exc:
            if isinstance(exc, Rejected) and exc.code is StatusCode.INVALID_ARGUMENT:
                raise
            failures.append((source.name, exc))
            on_failure(source.name, exc)
    raise NobodyHasIt(failures)


async def _get_from(
    source: Source, wanted: BlobName, target: Path, blocking: Blocking, on_progress: Callable[[int, int], None]
) -> Fetched:
    part = target.with_name(f".{target.name}.part")
    request = wire.GetRequest(origin=source.origin, id=wanted.prefix, record_tag=wanted.record_tag)
    writer = await blocking.run(partial(_PartWriter, part))
    try:
        start = await _receive(source.channel, request, writer, blocking, on_progress)
        await blocking.run(partial(_check_and_publish, writer, start, wanted, target))
    finally:
        writer.discard()  # not off the loop: a cancelled get must clean up too
    return Fetched(
        target, BlobId(start.id), start.origin, start.size_bytes, start.time_ms, start.seal_epoch, source.name
    )


async def _receive(
    channel: Channel,
    request: wire.GetRequest,
    writer: _PartWriter,
    blocking: Blocking,
    on_progress: Callable[[int, int], None],
) -> wire.GetStart:
    start: wire.GetStart | None = None
    async with channel.stream(GET) as stream:
        await stream.send(request.SerializeToString())
        await stream.finish_sending()
        while (message := await stream.receive()) is not None:
            header, payload = _decode(message)
            if start is None:
                start = header.start
                check_start(start)
            if writer.size_bytes + len(payload) > start.size_bytes:
                raise BlobDamaged(f"blob: expected {start.size_bytes} bytes, got more")
            await blocking.run(partial(writer.write, payload))
            on_progress(writer.size_bytes, start.size_bytes)
    if start is None:
        raise PeerGone("the node ended the stream without a word")
    return start


def _decode(message: bytes) -> tuple[wire.GetResponse, memoryview]:
    try:
        return decode_frame(wire.GetResponse, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


class _PartWriter:
    """The file that a blob grows in, hashed as it grows. Gone after `discard` unless it was published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._hasher = blob_hasher()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: BinaryIO = os.fdopen(handle, "wb", buffering=0)

    def write(self, payload: memoryview) -> None:
        self._hasher.update(payload)
        self._file.write(payload)
        self.size_bytes += len(payload)

    def digest(self) -> bytes:
        return self._hasher.digest()

    def publish(self, target: Path) -> None:
        """Durable under its name: whoever is told "here it is" must find it after a power cut."""
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.rename(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def _check_and_publish(writer: _PartWriter, start: wire.GetStart, wanted: BlobName, target: Path) -> None:
    if writer.size_bytes != start.size_bytes:
        raise PeerGone(f"blob: expected {start.size_bytes} bytes, the stream ended after {writer.size_bytes}")
    if writer.digest() != start.id:
        raise BlobDamaged(f"blob: expected bytes that hash to {start.id.hex()}, got {writer.digest().hex()}")
    if not wanted.matches(start.id):
        raise BlobDamaged(f"blob: expected {wanted}, got {start.id.hex()}")
    writer.publish(target)
