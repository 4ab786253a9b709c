"""One put stream: many blobs in, an answer each, none before its bytes are durable here.

Blobs come one after the other; small ones fill a frame by the dozen and are committed together. The stream reads on
while earlier blobs are being made durable or wait for their copies, up to the bounds in `limits`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import FLAG_UNSEALED
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, BlobId
from lumbung_node.ports.metrics import Metric
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.budget import check_crawling
from lumbung_node.services.copies import BlobCopies, CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.put_answers import PutAnswers
from lumbung_node.services.put_memory import PutLoan
from lumbung_node.services.storing import Offered, Result, Storing, drop_put_runs
from lumbung_node.services.waiting import Waiting, WaitingRoom
from lumbung_node.store.runs import Run, open_run
from lumbung_proto.codec import MalformedFrame, decode_frame
from lumbung_proto.v1 import blobs_pb2

__all__ = ["TAG_SIZE_BYTES", "PutStream", "copies_message"]

SEALED_PREFIX = b"age-encryption.org/v1\n"
TAG_SIZE_BYTES = 33
_WAIT_MS_MAX = 600_000
_LET_IN = blobs_pb2.PutResponse().SerializeToString()
_COPIES_TOLD_MAX = 256
_OUTCOMES = {
    blobs_pb2.PUT_OUTCOME_STORED: "stored",
    blobs_pb2.PUT_OUTCOME_REPEATED: "repeated",
    blobs_pb2.PUT_OUTCOME_REFUSED: "refused",
    blobs_pb2.PUT_OUTCOME_UNKNOWN: "unknown",
}


@dataclass(slots=True)
class _Current:
    """The blob whose bytes are coming; `refused` when they are only skipped."""

    ticket: int
    start: blobs_pb2.PutStart
    size_bytes: int
    received: int = 0
    loan: PutLoan | None = None
    buffer: bytes | bytearray = b""
    run: Run | None = None
    refused: bool = False


class PutStream:
    """Serves one call; `hurry` tells the replicator that somebody waits for copies of a blob."""

    def __init__(self, core: Core, copies: CopyBook, hurry: Callable[[BlobId, int], None], call: ServerCall) -> None:
        self._core = core
        self._copies = copies
        self._hurry = hurry
        self._call = call
        self._storing = Storing(core)
        self._current: _Current | None = None
        self._last_ticket = 0
        self._open = trio.Semaphore(limits.PUT_BLOBS_OPEN_MAX)
        self._answers = PutAnswers(call)
        self._room = WaitingRoom(copies, core.store.proofs.changed)
        self._whole: list[tuple[_Current, Offered]] = []  # of the frame that is being read
        self._copies_told: dict[int, tuple[BlobCopies, blobs_pb2.CopyCount]] = {}  # by id, and so kept

    async def run(self) -> None:
        """Until the client has finished sending and every blob has its final answer."""
        # That it is let in, before a byte is read: what is refused after this may be stored all the same.
        await self._call.send(_LET_IN)
        try:
            async with trio.open_nursery() as answering:
                answering.start_soon(self._answers.run)
                async with trio.open_nursery() as waiting:
                    waiting.start_soon(self._room.run)
                    waiting.start_soon(self._give_way)
                    async with trio.open_nursery() as storing:
                        await self._read(storing)
                    await self._room.until_empty()
                    waiting.cancel_scope.cancel()
                self._answers.finish()
        finally:
            await self._drop_current()

    # --- bytes in ----------------------------------------------------------------------------------------------

    async def _read(self, nursery: trio.Nursery) -> None:
        while True:
            if self._current is None:
                await self._room.keep_close()
            with trio.move_on_after(limits.BLOB_SILENCE_S if self._current else float("inf")) as silence:
                message = await self._call.receive()
            if silence.cancelled_caught:
                raise Rejected(
                    StatusCode.DEADLINE_EXCEEDED,
                    f"expected bytes of a blob, got none for {limits.BLOB_SILENCE_S:.0f} s",
                )
            if message is None:
                break
            await self._take_frame(message, nursery)
        if self._current is not None:
            current = self._current
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"blob {current.ticket}: expected {current.start.size_bytes} bytes, got {current.received}",
            )

    async def _take_frame(self, message: bytes, nursery: trio.Nursery) -> None:
        try:
            header, payload = decode_frame(
                blobs_pb2.PutRequest, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX
            )
        except MalformedFrame as exc:
            raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
        if len(header.parts) > limits.FRAME_PARTS_MAX:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"frame: expected at most {limits.FRAME_PARTS_MAX} parts")
        self._core.activity.touch()
        self._core.put_crowd.touch(self._call.caller.uri)
        self._answers.received_bytes += len(payload)
        try:
            await self._take_parts(header, payload, nursery)
        except BaseException:
            for current, _ in self._whole:
                self._give_memory(current)
            raise
        self._store_whole(nursery)
        # An answer says the count too, but it waits for the disk, and only a few large frames are under way at once.
        if self._current is not None or len(payload) >= limits.PIECE_SIZE_BYTES_MAX // 2:
            self._answers.tell_count()

    def _store_whole(self, nursery: trio.Nursery) -> None:
        if self._whole:
            nursery.start_soon(self._store, self._whole)
            self._whole = []

    async def _take_parts(self, header: blobs_pb2.PutRequest, payload: memoryview, nursery: trio.Nursery) -> None:
        at = 0
        for part in header.parts:
            if at + part.length_bytes > len(payload):
                raise Rejected(StatusCode.INVALID_ARGUMENT, f"frame: expected {part.length_bytes} more bytes, got less")
            done = await self._take_part(part, payload[at : at + part.length_bytes], nursery)
            at += part.length_bytes
            if done is not None:
                self._whole.append(done)
        if not payload:
            raise Rejected(StatusCode.INVALID_ARGUMENT, "frame: expected bytes of blobs, got none")
        if at != len(payload):
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"frame: expected {at} bytes of parts, got {len(payload)}")

    async def _take_part(
        self, part: blobs_pb2.PutPart, content: memoryview, nursery: trio.Nursery
    ) -> tuple[_Current, Offered] | None:
        """The next bytes of a blob; the blob itself when these were its last."""
        if part.HasField("start"):
            await self._begin(part, nursery)
        current = self._current
        if current is None or current.ticket != part.ticket:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"blob {part.ticket}: expected its start first")
        current.received += len(content)
        if current.received > current.size_bytes:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"blob {part.ticket}: expected {current.size_bytes} bytes, got {current.received}",
            )
        if not current.refused:
            await self._keep(current, content)
        if current.received < current.size_bytes:
            return None
        self._current = None
        return None if current.refused else (current, _offered(current))

    async def _begin(self, part: blobs_pb2.PutPart, nursery: trio.Nursery) -> None:
        if self._current is not None or part.ticket <= self._last_ticket:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, f"blob {part.ticket}: blobs come one after the other, with rising tickets"
            )
        self._last_ticket = part.ticket
        try:
            self._open.acquire_nowait()  # without a turn of the loop, which costs as much as the blob
        except trio.WouldBlock:
            await self._open.acquire()
        start = part.start
        current = _Current(part.ticket, start, start.size_bytes)
        self._current = current
        try:
            self._check_start(start, current.size_bytes)
        except Rejected as exc:
            if not 1 <= current.size_bytes <= limits.BLOB_SIZE_BYTES_MAX:
                raise  # its bytes cannot be skipped within bounds
            await self._refuse(current, exc)
            return
        await self._take_memory(current, nursery)

    async def _take_memory(self, current: _Current, nursery: trio.Nursery) -> None:
        memory, caller = self._core.memory, self._call.caller.uri
        # A larger one goes to disk as it comes.
        size_bytes = min(current.size_bytes, limits.PUT_MEMORY_BLOB_BYTES_MAX)
        if current.size_bytes > limits.PUT_MEMORY_BLOB_BYTES_MAX:
            # Its bytes go to disk before it shows whether they are those of its id.
            await trio.sleep(self._core.patience.owed_s(caller, trio.current_time()))
        current.loan = memory.take_at_once(caller, size_bytes)
        if current.loan is None:
            # Whoever waits holds nothing that only he can give back: what is whole is stored meanwhile.
            self._store_whole(nursery)
            current.loan = await memory.take(caller, size_bytes)

    async def _give_way(self) -> None:
        """A blob that crawls goes on for as long as nobody else waits for its memory. Raises Rejected."""
        while True:
            watched, before = self._current, self._answers.received_bytes
            await trio.sleep(limits.PUT_RATE_WINDOW_S)
            loan = self._current.loan if self._current is not None else None
            if loan is not None and self._current is watched and self._core.memory.is_wanted(loan):
                check_crawling(limits.PUT_RATE_WINDOW_S, self._answers.received_bytes - before, StatusCode.UNAVAILABLE)

    def _check_start(self, start: blobs_pb2.PutStart, size_bytes: int) -> None:
        condition = self._core.condition
        if not 1 <= size_bytes <= limits.BLOB_SIZE_BYTES_MAX:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"blob size: expected 1 to {limits.BLOB_SIZE_BYTES_MAX} bytes, got {size_bytes}",
            )
        if len(start.id) != BLOB_ID_SIZE_BYTES:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"id: expected {BLOB_ID_SIZE_BYTES} bytes, got {len(start.id)}")
        for tag in (start.record_tag, start.content_tag):
            if tag and len(tag) != TAG_SIZE_BYTES:
                raise Rejected(StatusCode.INVALID_ARGUMENT, f"tag: expected {TAG_SIZE_BYTES} bytes, got {len(tag)}")
        if start.copies > 3 or start.wait_ms > _WAIT_MS_MAX:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"expected at most 3 copies and a wait of {_WAIT_MS_MAX} ms")
        if condition.stopped:
            raise condition.taken_over()
        if condition.refuses_own:
            raise condition.below_a_mark(f"disk full: {condition.free_bytes} bytes free, recording needs more")

    async def _keep(self, current: _Current, content: memoryview) -> None:
        if current.received == len(content) and not self._looks_sealed(content):
            await self._refuse(
                current,
                Rejected(
                    StatusCode.INVALID_ARGUMENT,
                    f"not sealed: expected the age header, got {bytes(content[:16])!r}; "
                    "only a node with accept_unsealed takes other bytes",
                ),
            )
            return
        if current.size_bytes <= limits.PUT_MEMORY_BLOB_BYTES_MAX:
            if len(content) == current.size_bytes:
                current.buffer = bytes(content)  # whole: the only copy until it is stored
            else:
                current.buffer = bytearray(current.buffer) if isinstance(current.buffer, bytes) else current.buffer
                current.buffer += content
            return
        if current.run is None:
            store = self._core.store
            current.run = open_run(
                store.committer,
                store.kv,
                store.state,
                origin=self._core.number,
                blob=BlobId(current.start.id),
                size_bytes=current.size_bytes,
                foreign=False,
                now_ms=self._core.clock.now_ms(),
                ahead_chunks=1,  # with a frame on top these are the two MiB that were taken
            )
        begun = trio.current_time()
        await current.run.append(content)
        await trio.sleep(self._core.put_crowd.rest_s(self._call.caller.uri, trio.current_time() - begun))

    def _looks_sealed(self, beginning: memoryview) -> bool:
        return self._core.accept_unsealed or bytes(beginning[: len(SEALED_PREFIX)]) == SEALED_PREFIX

    async def _refuse(self, current: _Current, exc: Rejected) -> None:
        """Answer now; the bytes that still come are skipped."""
        current.refused = True
        self._give_memory(current)
        current.buffer = b""
        await self._answer(
            blobs_pb2.PutAnswer(
                ticket=current.ticket,
                outcome=blobs_pb2.PUT_OUTCOME_REFUSED,
                id=current.start.id,
                status_code=exc.code.value,
                sentence=exc.sentence,
                retry_after_ms=int(exc.retry_after_s * 1000),
                final=True,
            ),
        )

    async def _drop_current(self) -> None:
        """The blob whose bytes were coming, and what was whole in a frame that was not taken to its end."""
        if self._current is not None:
            self._give_memory(self._current)
        left = [current for current, _ in self._whole] + ([self._current] if self._current is not None else [])
        await drop_put_runs([current.run for current in left])

    def _give_memory(self, current: _Current) -> None:
        if current.loan is not None:
            self._core.memory.give(current.loan)
            current.loan = None

    # --- storing -----------------------------------------------------------------------------------------------

    async def _store(self, whole: list[tuple[_Current, Offered]]) -> None:
        """Make some blobs durable together and answer each."""
        try:
            with self._core.put_crowd.waiting(self._call.caller.uri):
                results = await self._storing.store([offered for _, offered in whole])
        finally:
            for current, _ in whole:
                self._give_memory(current)
        for (current, _), result in zip(whole, results, strict=True):
            if current.run is not None and result.status is StatusCode.INVALID_ARGUMENT:
                count = 1 + current.size_bytes / limits.ERROR_BYTES
                self._core.patience.erred(self._call.caller.uri, trio.current_time(), count)
            await self._answer_stored(current, result)

    async def _answer_stored(self, current: _Current, result: Result) -> None:
        answer = blobs_pb2.PutAnswer(ticket=current.ticket, outcome=result.outcome, id=result.blob.raw, final=True)
        if result.new_version:
            answer.new_version = True
        if result.other_bytes:
            answer.size_bytes = result.other_bytes
        if result.status is not StatusCode.OK:
            answer.status_code, answer.sentence = result.status.value, result.sentence
            answer.retry_after_ms = int(result.retry_after_s * 1000)
        if result.number == 0:
            await self._answer(answer)
            return
        copies, wanted, wait_ms = (
            self._copies.of(result.number, result.blob),
            current.start.copies,
            current.start.wait_ms,
        )
        answer.copies.CopyFrom(self._copies_message(copies))
        is_final = copies.count >= wanted or not wait_ms
        answer.final = is_final
        await self._answer(answer)
        if not is_final:
            now = trio.current_time()
            self._hurry(result.blob, result.number)
            answer_final = partial(self._answer_final, answer)
            await self._room.add(Waiting(result.number, result.blob, wanted, now, now + wait_ms / 1000, answer_final))

    def _copies_message(self, copies: BlobCopies) -> blobs_pb2.CopyCount:
        """Made once for each of the few combinations; the book gives the same object for the same one."""
        known = self._copies_told.get(id(copies))
        if known is None:
            if len(self._copies_told) >= _COPIES_TOLD_MAX:
                self._copies_told.clear()
            known = self._copies_told[id(copies)] = copies, copies_message(copies)
        return known[1]

    async def _answer_final(self, first: blobs_pb2.PutAnswer, copies: BlobCopies) -> None:
        """The last word on a blob that waited."""
        answer = blobs_pb2.PutAnswer()
        answer.CopyFrom(first)
        answer.copies.CopyFrom(self._copies_message(copies))
        answer.final = True
        self._core.metrics.add(Metric.PUT_ACKS, 1, str(copies.count))
        await self._answers.add(answer)

    # --- answers out -------------------------------------------------------------------------------------------

    async def _answer(self, answer: blobs_pb2.PutAnswer) -> None:
        """The first answer of a blob gives its place in the window to the next."""
        self._count(answer)
        await self._answers.add(answer)
        self._open.release()

    def _count(self, answer: blobs_pb2.PutAnswer) -> None:
        metrics = self._core.metrics
        metrics.add(Metric.PUTS, 1, _OUTCOMES[answer.outcome])
        if answer.status_code:
            metrics.add(Metric.PUT_REFUSALS, 1, StatusCode(answer.status_code).name)
        if answer.final and answer.HasField("copies"):
            metrics.add(Metric.PUT_ACKS, 1, str(answer.copies.count))


def copies_message(copies: BlobCopies) -> blobs_pb2.CopyCount:
    return blobs_pb2.CopyCount(
        count=copies.count, wanted=copies.wanted, safe=copies.safe, holders=copies.proven, missing=copies.missing
    )


def _offered(current: _Current) -> Offered:
    """What came of a blob, which is whole; `current` keeps nothing of its bytes."""
    start, buffer = current.start, current.buffer
    current.buffer = b""
    return Offered(
        blob=BlobId(start.id),
        size_bytes=start.size_bytes,
        buffer=buffer,
        run=current.run,
        seal_epoch=start.seal_epoch,
        flags=0 if start.seal_epoch else FLAG_UNSEALED,
        record_tag=start.record_tag,
        content_tag=start.content_tag,
    )
