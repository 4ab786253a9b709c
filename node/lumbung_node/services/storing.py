"""Making offered blobs durable at their origin: hash, repeat check, one commit for all that came together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import BlobDamaged, DiskFull, OutcomeUnknown, Rejected, StatusCode, StoreClosed
from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import RETRY_AFTER_S_MIN
from lumbung_node.hashing import hash_where_it_pays
from lumbung_node.ports.metrics import Metric
from lumbung_node.services.core import STORE_FAILURES, Core
from lumbung_node.services.session.arrivals import split_chunks
from lumbung_node.store.events import FoundBy
from lumbung_node.store.jobs import Content, Job, Outcome, OwnBlob
from lumbung_node.store.layout import BlobRow, TagVersion
from lumbung_node.store.reads import is_intact
from lumbung_node.store.runs import Run
from lumbung_proto.v1 import blobs_pb2

__all__ = ["Offered", "Result", "Storing", "drop_put_runs"]

_DROP_S_MAX = 5.0


@dataclass(slots=True)
class Offered:
    """A blob whose bytes have all come, into `buffer` or into `run`."""

    blob: BlobId
    size_bytes: int
    buffer: bytes | bytearray
    run: Run | None
    seal_epoch: int
    flags: int
    record_tag: bytes
    content_tag: bytes


@dataclass(slots=True)
class Result:
    """How it ended; `number` is 0 when nothing is durable here. `other_bytes` is the size of what is stored where that
    is another sealing than came, else 0."""

    blob: BlobId
    outcome: blobs_pb2.PutOutcome.ValueType
    number: int = 0
    status: StatusCode = StatusCode.OK
    sentence: str = ""
    new_version: bool = False
    retry_after_s: float = 0.0
    other_bytes: int = 0


@dataclass(slots=True)
class _Batch:
    """What goes to one commit; `runs` are its large blobs, `versions` what is known under this call's record tags.

    `is_submitted`: the committer has it, and with it the runs.
    """

    own: list[OwnBlob] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    versions: dict[bytes, list[TagVersion]] = field(default_factory=dict)
    is_submitted: bool = False


class Storing:
    """Repeats are acknowledged only after their stored bytes were read and verified; rotten ones are repaired."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def store(self, offered: Sequence[Offered]) -> list[Result]:
        """One result each, in order. Of a call that ends in the middle no run stays that no commit was given."""
        batch = _Batch()
        try:
            return await self._store(offered, batch)
        except BaseException:
            if not batch.is_submitted:
                await drop_put_runs([item.run for item in offered])
            raise

    async def _store(self, offered: Sequence[Offered], batch: _Batch) -> list[Result]:
        contents = await self._contents(offered)
        results: list[Result] = []
        rows = await self._core.store.reader.rows(self._core.number, [item.blob for item in offered])
        tags = list(dict.fromkeys(item.record_tag for item in offered if item.record_tag))
        batch.versions.update(zip(tags, await self._core.store.reader.versions(tags), strict=True))
        for item, content, row in zip(offered, contents, rows, strict=True):
            if content is None:
                results.append(_wrong_hash(item.blob))
                continue
            results.append(await self._prepare(item, content, row, batch))
        if batch.own:
            await self._commit(batch)
        return results

    async def _contents(self, offered: Sequence[Offered]) -> list[Content | None]:
        """Verified contents; None where the bytes hash to something else. All small ones at once."""
        small = [item for item in offered if item.run is None]
        size_bytes = sum(len(item.buffer) for item in small)
        hashed = iter(
            await hash_where_it_pays(self._core.blocking, size_bytes, lambda: [_hashed(item) for item in small])
        )
        return [next(hashed) if item.run is None else await item.run.finish() for item in offered]

    async def _prepare(self, item: Offered, content: Content, row: BlobRow | None, batch: _Batch) -> Result:
        """Put it into the batch, or answer at once when it is here already."""
        versions = batch.versions.get(item.record_tag, [])
        for version in versions:
            if item.content_tag and version.content_tag == item.content_tag and version.blob != item.blob:
                held = await self._core.store.reader.row(self._core.number, version.blob)
                if held is not None and await self._verifies(version.blob, held):
                    await self._let_go(item)
                    return Result(
                        version.blob, blobs_pb2.PUT_OUTCOME_REPEATED, held.number, other_bytes=held.size_bytes
                    )
        repairs = False
        if row is not None:
            if await self._verifies(item.blob, row):
                await self._let_go(item)
                return Result(item.blob, blobs_pb2.PUT_OUTCOME_REPEATED, row.number)
            repairs = True
        batch.own.append(
            OwnBlob(item.blob, content, item.seal_epoch, item.flags, item.record_tag, item.content_tag, repairs)
        )
        if item.run is not None:
            batch.runs.append(item.run)
        result = Result(item.blob, blobs_pb2.PUT_OUTCOME_STORED)
        if versions and row is None:
            result.new_version = all(version.blob != item.blob for version in versions)
        batch.results.append(result)
        return result

    async def _commit(self, batch: _Batch) -> None:
        """Fill in the results of what went to the committer."""
        if self._core.condition.stopped:  # since their first bytes came; nothing waits between this and the submission
            await self._refuse(batch, self._core.condition.taken_over())
            return
        job = Job(own=batch.own)
        try:
            # Who hangs up has his memory back when the disk has his bytes: they wait in the queue all the same.
            with trio.CancelScope(shield=True):
                await self._core.store.committer.submit(job)
                batch.is_submitted = True
                await self._core.store.committer.settle(job)
        except DiskFull as exc:
            _fill(batch.results, blobs_pb2.PUT_OUTCOME_REFUSED, StatusCode.RESOURCE_EXHAUSTED, f"disk full: {exc}")
            for result in batch.results:
                result.retry_after_s = RETRY_AFTER_S_MIN
            return
        except (OutcomeUnknown, StoreClosed) as exc:
            _fill(batch.results, blobs_pb2.PUT_OUTCOME_UNKNOWN, StatusCode.UNAVAILABLE, str(exc))
            return
        size_bytes = sum(own.content.size_bytes for own in batch.own)
        self._core.metrics.add(Metric.PUT_BYTES, size_bytes)
        for result, stored in zip(batch.results, job.results, strict=True):
            result.number = stored.number
            if stored.outcome is Outcome.PRESENT:  # another stream was quicker; its bytes were verified a moment ago
                result.outcome = blobs_pb2.PUT_OUTCOME_REPEATED

    async def _refuse(self, batch: _Batch, why: Rejected) -> None:
        _fill(batch.results, blobs_pb2.PUT_OUTCOME_REFUSED, why.code, why.sentence)
        for run in batch.runs:
            await run.abandon()

    async def _verifies(self, blob: BlobId, row: BlobRow) -> bool:
        """Whether the stored bytes are the blob, read from disk now."""
        if not is_intact(row):
            return False
        try:
            await self._core.store.reader.verify(blob, row)
        except BlobDamaged:
            await self._core.found_damage(self._core.number, blob, FoundBy.REPEAT, place=row.place)
            return False
        return True

    async def _let_go(self, item: Offered) -> None:
        if item.run is not None:
            await item.run.abandon()


async def drop_put_runs(runs: Sequence[Run | None]) -> None:
    """Take away what was written of large blobs whose call has ended: the next start alone would find it, and a GiB
    that a line has cut at its end would lie here until then."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + _DROP_S_MAX):
        for run in runs:
            if run is None:
                continue
            try:
                await run.abandon()
            except STORE_FAILURES:
                return  # cleared at the next start


def _hashed(item: Offered) -> Content | None:
    content, item.buffer = bytes(item.buffer), b""  # no copy of what came whole, and nothing is held twice
    if BlobId.of(content) != item.blob:
        return None
    return Content(len(content), split_chunks(content))


def _wrong_hash(blob: BlobId) -> Result:
    return Result(
        blob,
        blobs_pb2.PUT_OUTCOME_REFUSED,
        status=StatusCode.INVALID_ARGUMENT,
        sentence=f"expected bytes that hash to {blob}, got others",
    )


def _fill(results: list[Result], outcome: blobs_pb2.PutOutcome.ValueType, status: StatusCode, sentence: str) -> None:
    for result in results:
        result.outcome, result.status, result.sentence = outcome, status, sentence
