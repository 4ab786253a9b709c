"""Gets one blob: streamed into a file beside its target, its hash checked against its id before it gets its name.

The own node is asked first, then the other holders that the roster names. What each of them said is told to the
caller, because "not here" from one and "not reachable" from another are different answers for the person who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lumbung_cluster.errors import BlobDamaged, LumbungError, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import Channel
from lumbung_node.ports.world import Blocking
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.part_file import PartFile
from lumbung_tools.client.read_stream import ReadStream, open_get

__all__ = ["Fetched", "NobodyHasIt", "Source", "begin", "fetched_from", "get", "receive"]


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


async def begin(reads: ReadStream, wanted: BlobName) -> wire.GetStart:
    """Raises BlobDamaged for a blob that was not asked for, and as `ReadStream.begin`."""
    start = await reads.begin()
    if not wanted.matches(start.id):
        raise BlobDamaged(f"blob: expected {wanted}, got {start.id.hex()}")
    return start


async def receive(reads: ReadStream, part: PartFile, blocking: Blocking, on_progress: Callable[[int], None]) -> None:
    """All bytes of the blob that has begun. Raises as `ReadStream.piece`, OSError."""
    while (piece := await reads.piece()) is not None:
        await blocking.run(partial(part.write, piece))
        on_progress(part.size_bytes)


async def _get_from(
    source: Source, wanted: BlobName, target: Path, blocking: Blocking, on_progress: Callable[[int, int], None]
) -> Fetched:
    part = await blocking.run(partial(PartFile, target.with_name(f".{target.name}.part")))
    try:
        async with open_get(source.channel, wanted, source.origin) as reads:
            start = await begin(reads, wanted)
            await receive(reads, part, blocking, lambda so_far: on_progress(so_far, start.size_bytes))
            await reads.end()
        await blocking.run(partial(_check_and_publish, part, start, target))
    finally:
        part.discard()  # not off the loop: a cancelled get must clean up too
    return fetched_from(source, start, target)


def fetched_from(source: Source, start: wire.GetStart, path: Path) -> Fetched:
    return Fetched(path, BlobId(start.id), start.origin, start.size_bytes, start.time_ms, start.seal_epoch, source.name)


def _check_and_publish(part: PartFile, start: wire.GetStart, target: Path) -> None:
    part.check(start)
    part.publish(target)
