"""Blobs on their way in, over all sessions of the node: who brings what, and where the bytes go meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry
from lumbung_cluster.errors import DiskFailed, DiskFull, OutcomeUnknown, Rejected, StatusCode, StoreClosed
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.hashing import hash_where_it_pays
from lumbung_node.services.core import Core
from lumbung_node.services.session.lists import KnownLists
from lumbung_node.services.session.staging import CutBlobs, Staging
from lumbung_node.store.jobs import Content
from lumbung_node.store.runs import Run, StoredRun, open_run, resume_run

__all__ = ["Arrival", "Arrivals", "contents_of", "put_away", "split_chunks", "verified_content"]

_Buffer = bytes | bytearray


def split_chunks(content: bytes | bytearray) -> list[bytes]:
    """The content in chunks of 1 MiB, the last one shorter."""
    if len(content) <= limits.CHUNK_SIZE_BYTES:
        return [bytes(content)]
    return [bytes(content[at : at + limits.CHUNK_SIZE_BYTES]) for at in range(0, len(content), limits.CHUNK_SIZE_BYTES)]


def verified_content(blob: BlobId, content: bytes | bytearray) -> Content | None:
    """The content for a commit when it hashes to the id, else None."""
    whole = bytes(content)  # no copy of what is bytes already; the engine takes nothing else
    return Content(len(whole), split_chunks(whole)) if BlobId.of(whole) == blob else None


async def contents_of(core: Core, arrivals: Sequence[Arrival]) -> list[Content | None]:
    """What to commit of each; None when the bytes are not the blob (then nothing of them stays) or did not come.

    All that lie in memory are hashed at once.
    """
    in_memory = [arrival for arrival in arrivals if arrival.is_in_memory]
    size_bytes = sum(arrival.received_bytes for arrival in in_memory)
    buffers = [(arrival.blob, arrival.take_buffer()) for arrival in in_memory]
    work = partial(_verified, buffers)
    found = iter(await hash_where_it_pays(core.blocking, size_bytes, work))
    contents: list[Content | None] = []
    for arrival in arrivals:
        if arrival.is_in_memory:
            contents.append(arrival.judge(next(found)))
        else:
            contents.append(arrival.judge(await arrival.finish_run()))
    return contents


def _verified(buffers: list[tuple[BlobId, bytes | bytearray]]) -> list[Content | None]:
    """Each buffer is let go of as soon as its content is there."""
    buffers.reverse()
    contents = []
    while buffers:
        contents.append(verified_content(*buffers.pop()))
    return contents


class Arrival:
    """One blob that is coming in: into memory, or straight to disk when it is large."""

    def __init__(
        self,
        core: Core,
        entry: Entry,
        run: Run | None,
        beginning: _Buffer,
        leave: Callable[[_Buffer], None],
        *,
        is_kept: bool,
    ) -> None:
        """`is_kept`: its bringer goes on where it stops."""
        self._core = core
        self._leave = leave
        self._is_kept = is_kept
        self._entry = entry
        self._run = run
        self._buffer = beginning
        self._taken = False
        self.reason = ""
        self.resumed_bytes = run.received_bytes if run is not None else len(beginning)

    @property
    def blob(self) -> BlobId:
        return self._entry.blob

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
        elif len(piece) == self._entry.size_bytes:
            self._buffer = bytes(piece)  # whole: the only copy until it is stored
        elif piece:
            self._buffer = bytearray(self._buffer) if isinstance(self._buffer, bytes) else self._buffer
            self._buffer += piece

    def fail(self, reason: str) -> None:
        self.reason = reason

    @property
    def is_in_memory(self) -> bool:
        return self._run is None

    async def content(self) -> Content | None:
        """As `contents_of`, for one."""
        return (await contents_of(self._core, [self]))[0]

    def take_buffer(self) -> _Buffer:
        """What came into memory; nothing of it stays here."""
        self._taken = self._taken or not self.reason
        buffer, self._buffer = self._buffer, b""
        return buffer

    async def finish_run(self) -> Content | None:
        """What came to the disk, when it is the blob."""
        if self.reason or self._run is None:
            return None
        self._taken = True
        return await self._run.finish()

    def judge(self, content: Content | None) -> Content | None:
        """`content` unless it was given up before."""
        if self.reason:
            return None
        if content is None:
            self.reason = f"expected bytes of id {self._entry.blob}, got others"
        return content

    async def keep_for_later(self) -> None:
        """The offer is over. What came of a blob that is not whole stays: of a large one its whole chunks for a day."""
        try:
            if self._run is not None and not self._taken:
                await (self._run.keep() if self._is_kept else self._run.abandon())
        except (StoreClosed, OutcomeUnknown, DiskFull, DiskFailed):
            return  # nothing was promised for these bytes: they will come again
        finally:
            beginning, self._buffer = self._buffer, b""  # what still comes must not grow what is kept
            self._leave(beginning if self._is_kept and not self._taken and not self.reason else b"")


async def put_away(arrivals: Iterable[Arrival]) -> None:
    """The offer of these is over: what came of those that are not whole is kept.

    While they are claimed still: whoever claims one next, the same peer included, would else have his bytes written
    over by what is put away late, and his room given up.
    """
    with trio.CancelScope(shield=True):
        for arrival in arrivals:
            await arrival.keep_for_later()


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
        self._staging = Staging(core.store.kv, core.store.state)
        self._cut = CutBlobs()
        self.known_lists = KnownLists()

    @asynccontextmanager
    async def claim(self, origin: NodeNumber, blobs: Sequence[BlobId], by: NodeNumber) -> AsyncIterator[set[BlobId]]:
        """Those of `blobs` that are not here and that nobody else is bringing, claimed for the block.

        Waits for the others first, and claims all at once: nobody waits here while holding a claim. `by` is the peer
        that brings them, ourselves for a disk.
        """
        while True:
            lacking, busy = await self._look(origin, blobs)
            if not busy:
                break
            with ExitStack() as waiting:
                for other in dict.fromkeys(busy):
                    waiting.enter_context(other.waited_for(by))
                await busy[0].done.wait()
        with self._claimed(origin, lacking, by):
            yield set(lacking)

    @asynccontextmanager
    async def claim_at_once(
        self, origin: NodeNumber, blobs: Sequence[BlobId], by: NodeNumber
    ) -> AsyncIterator[set[BlobId] | None]:
        """As `claim`, but None, with nothing claimed, when others would have to be waited for."""
        lacking, busy = await self._look(origin, blobs)
        if busy:
            yield None
            return
        with self._claimed(origin, lacking, by):
            yield set(lacking)

    async def _look(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> tuple[list[BlobId], list[_Claim]]:
        """Those that are not here, and the claims of others on them."""
        intact = await self._core.store.reader.are_intact(origin, blobs)
        lacking = [blob for blob, is_here in zip(blobs, intact, strict=True) if not is_here]
        return lacking, [self._coming[origin, blob] for blob in lacking if (origin, blob) in self._coming]

    @contextmanager
    def _claimed(self, origin: NodeNumber, blobs: Sequence[BlobId], by: NodeNumber) -> Iterator[None]:
        claim = _Claim(by)
        for blob in blobs:
            self._coming[origin, blob] = claim
        try:
            yield
        finally:
            for blob in blobs:
                self._coming.pop((origin, blob), None)
            claim.done.set()

    def is_contested(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> bool:
        """Whether somebody other than who claims one of them waits to bring it."""
        claims = [self._coming[origin, blob] for blob in blobs if (origin, blob) in self._coming]
        return any(claim.is_contested for claim in claims)

    async def begin(self, peer: NodeNumber, origin: NodeNumber, entry: Entry) -> Arrival:
        """Room for a claimed blob; goes on where `peer` itself stopped, a large one also where a restart cut it off.

        Under our own number come all disks, and stores that were set aside: of these nothing is gone on with, nor kept.
        """
        is_kept = peer != self._core.number
        if entry.size_bytes <= limits.MEMORY_BLOB_BYTES_MAX:
            place = (peer, origin, entry.blob)
            keep = partial(self._cut.keep, place)
            return Arrival(self._core, entry, None, self._cut.take(place), keep, is_kept=is_kept)
        stored = await self._staging.reserve(peer, origin, entry.blob, entry.size_bytes)

        def release(_: _Buffer) -> None:
            self._staging.release(origin, entry.blob)

        try:
            run = await self._run(peer, origin, entry, stored)
            return Arrival(self._core, entry, run, b"", release, is_kept=is_kept)
        except BaseException:
            release(b"")
            raise

    def begin_whole(self, peer: NodeNumber, origin: NodeNumber, entry: Entry) -> Arrival:
        """The same for a claimed blob all of whose bytes are here, and fit memory: no beginning is gone on with."""
        place = (peer, origin, entry.blob)
        self._cut.take(place)
        return Arrival(self._core, entry, None, b"", partial(self._cut.keep, place), is_kept=True)

    async def sweep(self, begun_before_ms: int) -> None:
        """Take away what cut streams left and nobody has gone on with."""
        await self._staging.sweep(begun_before_ms)

    async def _run(self, peer: NodeNumber, origin: NodeNumber, entry: Entry, stored: StoredRun | None) -> Run:
        store = self._core.store
        if stored is not None:
            return await resume_run(store.committer, store.kv, stored)
        run = open_run(
            store.committer,
            store.kv,
            store.state,
            origin=origin,
            blob=entry.blob,
            size_bytes=entry.size_bytes,
            foreign=True,
            now_ms=self._core.clock.now_ms(),
        )
        self._staging.begun(peer, origin, entry.blob, run.key)
        return run
