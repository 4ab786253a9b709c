"""Gets many blobs: from each source over one stream, with some asked for ahead; what one does not give, the next may.

A blob has its sources in the order in which they are to be asked (`Session.sources`). Blobs are taken a lot at a time:

- all blobs whose next source is the same are asked for there over one stream, in their order;
- a blob that the source refuses, or whose bytes are not its own, goes on to its next source;
- a stream that breaks before any answer sends all of its blobs on, and its source is asked last for a while: each lot
  would wait for a node that is gone;
- one that breaks later sends on the blob that was under way. Those behind it are asked for elsewhere too, and here
  again when nobody is left. This ends, since each such stream has answered for one blob at least;
- a node of an earlier build has no streams for many: there each blob costs a call of its own.

What is wrong with one blob never ends the others; what is wrong with the folder ends all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar

import trio

from lumbung_cluster.errors import BlobDamaged, LumbungError, Rejected, StatusCode
from lumbung_cluster.limits import MIB
from lumbung_node.ports.transport import Channel
from lumbung_node.ports.world import Blocking
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import Fetched, NobodyHasIt, Source, begin, fetched_from, receive
from lumbung_tools.client.into_folder import FolderFailed, IntoFolder, TargetThere
from lumbung_tools.client.once import Once
from lumbung_tools.client.read_stream import BlobRefused, ReadStream, open_get, open_reads
from lumbung_tools.sealing import CannotOpen

__all__ = ["GetMany", "Hearer", "Want"]

T = TypeVar("T")
_ASKED_AHEAD: Final = 8  # hides a round trip of 100 ms behind blobs of 300 KiB on a line of 100 Mbit/s
_LATE_S: Final = 60.0  # a node that restarts is back by then
_SKIPPED_BYTES_MAX: Final = 4 * MIB  # more bytes that nobody wants cost more than another stream does


@dataclass(slots=True, eq=False)
class Want:
    """A blob in the person's own words, and whom to ask for it still; nobody once it is written or has failed."""

    text: str
    name: BlobName
    sources: list[Source]
    failures: list[tuple[str, LumbungError]] = field(default_factory=list)


class Hearer(Protocol):
    """Hears of each blob once that it is written, known by another name, or failed; of troubles as they happen."""

    def written(self, fetched: Fetched) -> None: ...

    def repeated(self) -> None: ...

    def failed(self, want: Want, failure: LumbungError) -> None: ...

    def passed_on(self, want: Want, source: str, failure: LumbungError) -> None:
        """This source did not give it; another one is asked."""
        ...

    def source_failed(self, source: str, failure: LumbungError, left: int) -> None:
        """The source gives no more, and `left` blobs were still wanted of it."""
        ...


@dataclass(slots=True)
class _Visit:
    """What is wanted of a source over one stream, the first one next."""

    source: Source
    wants: deque[Want]
    is_under_way: bool = False
    has_answered: bool = False

    def answered(self) -> Want:
        """Takes the first one away."""
        self.is_under_way, self.has_answered = False, True
        return self.wants.popleft()


class GetMany:
    """Into one folder; `once` also knows of those that are wanted and not yet asked for."""

    def __init__(self, into: IntoFolder, once: Once, blocking: Blocking, hearer: Hearer) -> None:
        self._into = into
        self._once = once
        self._disk = _Disk(blocking)
        self._hearer = hearer
        self._late_until: dict[Channel, float] = {}
        self._without_read: set[Channel] = set()

    async def get(self, wants: Sequence[Want]) -> None:
        """Of each blob is heard when this returns. Raises FolderFailed, and what the hearer raises."""
        there = await self._disk.run(partial(self._there, wants))
        for want, failure in there:
            self._fail(want, failure)
        while wants := [want for want in wants if want.sources]:
            for source, group in self._by_source(wants).items():
                await self._ask(_Visit(source, deque(group)))

    def _there(self, wants: Sequence[Want]) -> list[tuple[Want, TargetThere]]:
        """Those whose names in the folder are taken, as far as that is known before anything travels."""
        found: list[tuple[Want, TargetThere]] = []
        for want in wants:
            try:
                self._into.check_free(want.name.digits)
            except TargetThere as exc:
                found.append((want, exc))
        return found

    def _by_source(self, wants: Sequence[Want]) -> dict[Source, list[Want]]:
        now = trio.current_time()
        groups: dict[Source, list[Want]] = {}
        for want in wants:
            in_time = (source for source in want.sources if self._late_until.get(source.channel, now) <= now)
            groups.setdefault(next(in_time, want.sources[0]), []).append(want)
        return groups

    async def _ask(self, visit: _Visit) -> None:
        try:
            if visit.source.channel not in self._without_read:
                await self._over_stream(visit)
            if visit.source.channel in self._without_read:
                await self._over_calls(visit)
        except FolderFailed:
            raise
        except LumbungError as exc:
            self._broke(visit, exc)

    async def _over_stream(self, visit: _Visit) -> None:
        """Until all were answered, or the channel is known to have no such streams. Raises what ends the stream."""
        failure: LumbungError | None = None
        async with open_reads(visit.source.channel) as reads, trio.open_nursery() as nursery:
            room = trio.Semaphore(_ASKED_AHEAD)
            nursery.start_soon(_ask_ahead, reads, tuple(visit.wants), visit.source.origin, room)
            try:
                await self._take_all(reads, visit, room)
            except LumbungError as exc:  # in here: the nursery would make a group of it
                failure = exc
            nursery.cancel_scope.cancel()
        if isinstance(failure, Rejected) and failure.code is StatusCode.UNIMPLEMENTED:
            self._without_read.add(visit.source.channel)
        elif failure is not None:
            raise failure

    async def _take_all(self, reads: ReadStream, visit: _Visit, room: trio.Semaphore) -> None:
        while visit.wants:
            await self._take(reads, visit)
            room.release()
            if reads.left_bytes > _SKIPPED_BYTES_MAX:
                return  # those behind it are asked for over another stream
            with suppress(BlobRefused):  # of what nobody wants any more
                while await reads.piece() is not None:
                    pass
        await reads.end()

    async def _over_calls(self, visit: _Visit) -> None:
        while visit.wants:
            want = visit.wants[0]
            try:
                async with open_get(visit.source.channel, want.name, visit.source.origin) as reads:
                    await self._take(reads, visit)
            except Rejected as exc:
                self._pass_on(visit.answered(), visit.source, exc)

    async def _take(self, reads: ReadStream, visit: _Visit) -> None:
        """The first blob's answer; some of its bytes may be left. Raises what ends the stream, and FolderFailed."""
        want, source = visit.wants[0], visit.source
        try:
            start = await begin(reads, want.name)
            visit.is_under_way = True
            fetched = await self._receive(reads, start, want, source)
        except (BlobRefused, BlobDamaged) as exc:
            self._pass_on(visit.answered(), source, exc)
        except (TargetThere, CannotOpen) as exc:
            self._fail(visit.answered(), exc)
        else:
            visit.answered().sources.clear()
            if fetched is None:
                self._hearer.repeated()
            else:
                self._hearer.written(fetched)

    async def _receive(self, reads: ReadStream, start: wire.GetStart, want: Want, source: Source) -> Fetched | None:
        """None where the blob is written, or wanted, by another name."""
        if not want.name.is_whole:
            if self._once.knows(start.id):
                return None
            await self._disk.run(partial(self._into.check_free, start.id.hex()))
        part = await self._disk.run(self._into.open_part)
        try:
            await receive(reads, part, self._disk, lambda so_far: None)
            target = await self._disk.run(partial(self._into.keep, part, start))
        finally:
            part.discard()  # not off the loop: a cancelled get must clean up too
        self._once.remember(start.id)
        return fetched_from(source, start, target)

    def _broke(self, visit: _Visit, failure: LumbungError) -> None:
        if not visit.wants:
            return  # everything had come before
        self._hearer.source_failed(visit.source.name, failure, len(visit.wants))
        if not visit.has_answered and not visit.is_under_way:
            self._late_until[visit.source.channel] = trio.current_time() + _LATE_S
            for want in visit.wants:
                self._pass_on(want, visit.source, failure)
            return
        if visit.is_under_way:
            self._pass_on(visit.answered(), visit.source, failure)
        for want in visit.wants:
            want.sources.remove(visit.source)
            want.sources.append(visit.source)

    def _pass_on(self, want: Want, source: Source, failure: LumbungError) -> None:
        want.failures.append((source.name, failure))
        want.sources.remove(source)
        if isinstance(failure, Rejected) and failure.code is StatusCode.INVALID_ARGUMENT:
            self._fail(want, failure)  # an ambiguous name is that everywhere
        elif want.sources:
            self._hearer.passed_on(want, source.name, failure)
        else:
            self._fail(want, NobodyHasIt(want.failures))

    def _fail(self, want: Want, failure: LumbungError) -> None:
        want.sources.clear()
        self._hearer.failed(want, failure)


async def _ask_ahead(reads: ReadStream, wants: Sequence[Want], origin: int, room: trio.Semaphore) -> None:
    with suppress(LumbungError):  # whoever takes the answers hears the same
        for want in wants:
            await room.acquire()
            await reads.ask(want.name, origin)
        await reads.finish_asking()


class _Disk:
    """Blocking work on the folder: what the system refuses is the folder's failure, and no source's."""

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking

    async def run(self, work: Callable[[], T]) -> T:
        try:
            return await self._blocking.run(work)
        except OSError as exc:
            raise FolderFailed(str(exc)) from exc
