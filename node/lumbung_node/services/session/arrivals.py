"""Blobs on their way in, over all sessions of the node: who brings what, and where the bytes go meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry
from lumbung_cluster.errors import DiskFailed, DiskFull, OutcomeUnknown, Rejected, StatusCode, StoreClosed
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.session.staging import CutBlobs, Staging
from lumbung_node.store.jobs import Content
from lumbung_node.store.reads import is_intact
from lumbung_node.store.runs import Run, open_run, resume_run

__all__ = ["Arrival", "Arrivals", "split_chunks", "verified_content"]

_HASH_OFF_LOOP_BYTES = 64 * limits.KIB


def split_chunks(content: bytes | bytearray) -> list[bytes]:
    """The content in chunks of 1 MiB, the last one shorter."""
    if len(content) <= limits.CHUNK_SIZE_BYTES:
        return [bytes(content)]
    return [bytes(content[at : at + limits.CHUNK_SIZE_BYTES]) for at in range(0, len(content), limits.CHUNK_SIZE_BYTES)]


async def verified_content(core: Core, blob: BlobId, content: bytes | bytearray) -> Content | None:
    """The content for a commit when it hashes to the id, else None."""
    if len(content) < _HASH_OFF_LOOP_BYTES:
        found = BlobId.of(bytes(content))
    else:
        found = await core.blocking.run(lambda: BlobId.of(bytes(content)))
    return Content(len(content), split_chunks(content)) if found == blob else None


class Arrival:
    """One blob that is coming in: into memory, or straight to disk when it is large."""

    def __init__(
        self, core: Core, entry: Entry, run: Run | None, beginning: bytearray, leave: Callable[[bytearray], None]
    ) -> None:
        self._core = core
        self._leave = leave
        self._entry = entry
        self._run = run
        self._buffer = beginning
        self._taken = False
        self.reason = ""
        self.resumed_bytes = run.received_bytes if run is not None else len(beginning)

    @property
    def received_bytes(self) -> int:
        return self._run.received_bytes if self._run is not None else len(self._buffer)

    @property
    def ended(self) -> bool:
        """Whole, or given up."""
        return bool(self.reason) or self.received_bytes == self._entry.size_bytes

    async def append(self, piece: memoryview) -> None:
        """Raises Rejected when more comes than the entry says."""
        if self.received_bytes + len(piece) > self._entry.size_bytes:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"blob {self._entry.blob}: expected {self._entry.size_bytes} bytes, "
                f"got {self.received_bytes + len(piece)}",
            )
        if self._run is not None:
            await self._run.append(piece)
        else:
            self._buffer += piece

    def fail(self, reason: str) -> None:
        self.reason = reason

    async def content(self) -> Content | None:
        """What to commit; None when the bytes are not the blob (then nothing of them stays) or did not come."""
        if self.reason:
            return None
        self._taken = True
        if self._run is not None:
            content = await self._run.finish()
        else:
            content = await verified_content(self._core, self._entry.blob, self._buffer)
            self._buffer = bytearray()
        if content is None:
            self.reason = f"expected bytes of id {self._entry.blob}, got others"
        return content

    async def keep_for_later(self) -> None:
        """The offer is over. What came of a blob that is not whole stays: of a large one its whole chunks for a day."""
        try:
            if self._run is not None and not self._taken:
                await self._run.keep()
        except (StoreClosed, OutcomeUnknown, DiskFull, DiskFailed):
            return  # nothing was promised for these bytes: they will come again
        finally:
            self._leave(self._buffer if not self._taken and not self.reason else bytearray())


class _Claim:
    """What one bringer has claimed at once, and who waits for the end of it."""

    def __init__(self, by: NodeNumber) -> None:
        self.done = trio.Event()
        self._by = by
        self._waiting: Counter[NodeNumber] = Counter()

    @property
    def is_contested(self) -> bool:
        """Whether somebody else waits."""
        return any(count for bringer, count in self._waiting.items() if bringer != self._by)

    @contextmanager
    def waited_for(self, by: NodeNumber) -> Iterator[None]:
        self._waiting[by] += 1
        try:
            yield
        finally:
            self._waiting[by] -= 1


class Arrivals:
    """One for the node: the same blob is never brought by two sessions at once."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._coming: dict[tuple[NodeNumber, BlobId], _Claim] = {}
        self._staging = Staging(core.store.kv)
        self._cut = CutBlobs()

    @asynccontextmanager
    async def claim(self, origin: NodeNumber, blobs: Sequence[BlobId], by: NodeNumber) -> AsyncIterator[set[BlobId]]:
        """Those of `blobs` that are not here and that nobody else is bringing, claimed for the block.

        Waits for the others first, and claims all at once: nobody waits here while holding a claim. `by` is the peer
        that brings them, ourselves for a disk.
        """
        while True:
            rows = await self._core.store.reader.rows(origin, blobs)
            lacking = [blob for blob, row in zip(blobs, rows, strict=True) if not is_intact(row)]
            busy = [self._coming[origin, blob] for blob in lacking if (origin, blob) in self._coming]
            if not busy:
                break
            with ExitStack() as waiting:
                for other in dict.fromkeys(busy):
                    waiting.enter_context(other.waited_for(by))
                await busy[0].done.wait()
        claim = _Claim(by)
        for blob in lacking:
            self._coming[origin, blob] = claim
        try:
            yield set(lacking)
        finally:
            for blob in lacking:
                self._coming.pop((origin, blob), None)
            claim.done.set()

    def is_contested(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> bool:
        """Whether somebody other than who claims one of them waits to bring it."""
        claims = [self._coming[origin, blob] for blob in blobs if (origin, blob) in self._coming]
        return any(claim.is_contested for claim in claims)

    async def begin(self, peer: NodeNumber, origin: NodeNumber, entry: Entry) -> Arrival:
        """Room for a claimed blob; goes on where a cut stream stopped, a small one only where `peer` itself stopped."""
        if entry.size_bytes <= limits.MEMORY_BLOB_BYTES_MAX:
            place = (peer, origin, entry.blob)
            return Arrival(self._core, entry, None, self._cut.take(place), partial(self._cut.keep, place))
        await self._staging.reserve(origin, entry.blob, entry.size_bytes)

        def release(_: bytearray) -> None:
            self._staging.release(origin, entry.blob)

        try:
            return Arrival(self._core, entry, await self._run(origin, entry), bytearray(), release)
        except BaseException:
            release(bytearray())
            raise

    async def sweep(self, begun_before_ms: int) -> None:
        """Take away what cut streams left and nobody has gone on with."""
        await self._staging.sweep(begun_before_ms)

    async def _run(self, origin: NodeNumber, entry: Entry) -> Run:
        store = self._core.store
        return await resume_run(store.committer, store.kv, origin, entry.blob) or open_run(
            store.committer,
            store.kv,
            store.state,
            origin=origin,
            blob=entry.blob,
            size_bytes=entry.size_bytes,
            foreign=True,
            now_ms=self._core.clock.now_ms(),
        )
