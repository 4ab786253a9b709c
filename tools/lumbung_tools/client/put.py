"""Puts many sealed files over one stream: bounded memory, answers by ticket, the same bytes again when the line breaks.

Three tasks and no more, however many blobs: one pulls batches from the caller, one cuts and sends frames, one reads
answers. A blob is *open* from its first byte to its first answer; at most `limits.PUT_BLOBS_OPEN_MAX` are. After its
first answer it is durable, and only its copies are waited for.

    waiting -> open -> (stored, waits for copies) -> final
                 \\-> line broke or outcome unknown: back to waiting, same bytes, until `retry_s` without progress
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence, Set
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.put_flow import PutFlight
from lumbung_node.ports.transport import Channel, ClientStream
from lumbung_node.ports.world import Blocking
from lumbung_proto.codec import decode_message
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.answers import NO_COPIES, Outcome, PutAnswer, read_answer
from lumbung_tools.client.methods import PUT
from lumbung_tools.client.put_frames import Frame, FrameCutter, PutItem, PutTerms, SourceFailed

__all__ = ["OnAnswer", "put_many"]

OnAnswer = Callable[[PutItem, PutAnswer], None]
"""Told of every answer in the order of arrival; exactly one per blob is final. Must not raise or block."""

_ATTEMPT_PAUSE_S = 0.5  # between two streams: the node may be starting again
_UNCOUNTED_S = 15.0  # a node of an earlier build counts nothing; 64 KiB take 5 s on the slowest line
_BATCHES_AHEAD = 1  # sealing the next batch overlaps sending this one, and no more is kept in memory
_WORTH_RETRYING = (StatusCode.UNAVAILABLE, StatusCode.ABORTED, StatusCode.CANCELLED, StatusCode.DEADLINE_EXCEEDED)


async def put_many(
    channel: Channel,
    batches: AsyncGenerator[Sequence[PutItem], None],
    terms: PutTerms,
    blocking: Blocking,
    on_answer: OnAnswer,
) -> LumbungError | None:
    """Put everything that `batches` gives; None when every blob got a final answer from the node.

    Otherwise the error that ended it: blobs that were sent have a final answer of REFUSED or UNKNOWN then, others of
    NOT_SENT or none at all, and the rest of `batches` was not pulled. What `batches` raises is raised, wrapped as the
    nursery wraps it.
    """
    ahead, supply = trio.open_memory_channel[Sequence[PutItem]](_BATCHES_AHEAD)
    put = _Put(channel, supply, terms, blocking, on_answer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_pull, batches, ahead)
        failure = await put.run()
        nursery.cancel_scope.cancel()
    return failure


async def _pull(
    batches: AsyncGenerator[Sequence[PutItem], None], ahead: trio.MemorySendChannel[Sequence[PutItem]]
) -> None:
    async with ahead, aclosing(batches):
        async for batch in batches:
            await ahead.send(batch)


class _Put:
    """What outlives one stream: the supply, and blobs that have to go out again."""

    def __init__(
        self,
        channel: Channel,
        supply: trio.MemoryReceiveChannel[Sequence[PutItem]],
        terms: PutTerms,
        blocking: Blocking,
        on_answer: OnAnswer,
    ) -> None:
        self._channel = channel
        self._terms = terms
        self._blocking = blocking
        self._tell = on_answer
        self._supply = supply
        self._again: list[PutItem] = []
        self._sent_once: set[PutItem] = set()  # of those: bytes of it may have arrived
        self._progress_at = trio.current_time()

    async def run(self) -> LumbungError | None:
        while True:
            stream = _Stream(
                self._channel, self._supply, self._terms, self._blocking, self._tell, sent_before=self._sent_once
            )
            failure = await stream.run(self._again)
            if stream.got_ahead:
                self._progress_at = trio.current_time()
            begun, waiting = stream.unsettled()
            # A stream accepts frames while it still connects: where nobody was reached, no byte of them has left.
            sent = [] if isinstance(failure, PeerUnreachable) and not stream.was_heard else begun
            first_sent = set(sent) - self._sent_once
            self._sent_once.update(sent)
            self._again = [*begun, *waiting]
            if not self._again and stream.supply_ended:
                return None  # what broke after the last answer concerns nobody
            if failure is not None and not _is_retryable(failure):
                # What the node heard of before it refused may be stored: it may have ended a call that it had let in.
                return self._give_up(failure, set() if stream.was_heard else first_sent)
            if trio.current_time() - self._progress_at >= self._terms.retry_s:
                return self._give_up(failure or PeerGone("the node could not say whether it stored"), set())
            await trio.sleep(_ATTEMPT_PAUSE_S)

    def _give_up(self, failure: LumbungError, refused: Set[PutItem]) -> LumbungError:
        """What an earlier stream has sent without an answer stays unknown, whatever the last one met."""
        code = _code_of(failure)
        sentence = failure.sentence if isinstance(failure, Rejected) else str(failure)
        for item in self._again:
            of_sent = Outcome.REFUSED if item in refused else Outcome.UNKNOWN
            outcome = of_sent if item in self._sent_once else Outcome.NOT_SENT
            self._tell(item, _own_answer(outcome, code, sentence))
        return failure


def _is_retryable(failure: LumbungError | None) -> bool:
    return isinstance(failure, PeerGone | PeerUnreachable) or (
        isinstance(failure, Rejected) and failure.code in _WORTH_RETRYING
    )


def _code_of(failure: LumbungError) -> StatusCode:
    """A node that is not trusted, or does not trust us, refuses for good."""
    if isinstance(failure, Rejected):
        return failure.code
    return StatusCode.UNAVAILABLE if _is_retryable(failure) else StatusCode.PERMISSION_DENIED


def _own_answer(outcome: Outcome, code: StatusCode, sentence: str) -> PutAnswer:
    return PutAnswer(outcome, None, NO_COPIES, code, sentence, final=True, new_version=False)


class _Stream:
    """One attempt: a stream from its opening to its end."""

    def __init__(
        self,
        channel: Channel,
        supply: trio.MemoryReceiveChannel[Sequence[PutItem]],
        terms: PutTerms,
        blocking: Blocking,
        on_answer: OnAnswer,
        *,
        sent_before: Set[PutItem],
    ) -> None:
        self._channel = channel
        self._supply = supply
        self._blocking = blocking
        self._tell = on_answer
        self._sent_before = sent_before
        self._cutter = FrameCutter(terms)
        self._silence_s = terms.wait_s + limits.BLOB_SILENCE_S
        self._heard_at = trio.current_time()
        self._flight = PutFlight()
        self._counted = trio.Event()
        self._open: dict[int, PutItem] = {}  # without any answer
        self._durable: dict[int, tuple[PutItem, PutAnswer]] = {}  # waiting for copies
        self._unknown: deque[PutItem] = deque()
        self._slot_freed = trio.Event()
        self._sent_all = False
        self._failure: LumbungError | None = None
        self.was_heard = False  # the node said something
        self.got_ahead = False  # an answer came that settles something
        self.supply_ended = False

    async def run(self, again: Sequence[PutItem]) -> LumbungError | None:
        """None when the supply has ended and all that was sent has its final answer (or is `unsettled`)."""
        self._cutter.add(again)
        try:
            async with self._channel.stream(PUT) as stream, trio.open_nursery() as nursery:
                nursery.start_soon(self._send, stream, nursery.cancel_scope)
                nursery.start_soon(self._watch, nursery.cancel_scope)
                await self._receive(stream)
                nursery.cancel_scope.cancel()
        except LumbungError as exc:  # of opening or closing the stream itself
            self._failure = self._failure or exc
        finally:
            self._cutter.close()
        self._settle_durable()
        return self._failure

    def unsettled(self) -> tuple[list[PutItem], list[PutItem]]:
        """What has to go out again with the same bytes: blobs that began in this stream, and those that did not."""
        return [*self._open.values(), *self._unknown], self._cutter.take_waiting()

    async def _send(self, stream: ClientStream, scope: trio.CancelScope) -> None:
        try:
            await self._send_all(stream)
        except SourceFailed as exc:
            self._drop(exc)
            # The node waits for bytes that will never come: end this stream, the next one goes on without this blob.
            self._failure = PeerGone(str(exc))
            scope.cancel()
        except LumbungError as exc:
            # Answers that are on their way still count: `_receive` ends by itself, and names the cause better.
            self._failure = self._failure or exc

    async def _send_all(self, stream: ClientStream) -> None:
        while self._cutter.has_work or await self._refill():
            await self._wait_for_room()
            slots = await self._free_slots()
            frame = await self._blocking.run(partial(self._cutter.next_frame, slots, self._flight.frame_bytes))
            self._open.update(frame.started)
            for failed in frame.failed:
                self._tell(failed.item, self._source_answer(failed))
            if frame.broken is not None:
                raise frame.broken
            if frame.message:
                await self._send_frame(stream, frame)
        self._sent_all = True
        await stream.finish_sending()

    async def _wait_for_room(self) -> None:
        """Frames follow the line: about a second each, so that a slow one never looks silent to the node."""
        while not self._flight.has_room():
            self._counted = trio.Event()
            with trio.move_on_after(float("inf") if self._flight.is_counted else _UNCOUNTED_S) as patience:
                await self._counted.wait()
            if patience.cancelled_caught:
                self._flight.give_up_counting()

    async def _send_frame(self, stream: ClientStream, frame: Frame) -> None:
        self._flight.send(frame.size_bytes, trio.current_time())
        await stream.send(frame.message)
        self._heard_at = trio.current_time()

    async def _refill(self) -> bool:
        """Take the next batch; False when the supply has ended."""
        try:
            self._cutter.add(await self._supply.receive())
        except trio.EndOfChannel:
            self.supply_ended = True
            return False
        return True

    async def _free_slots(self) -> int:
        """How many blobs may begin now. Waits for half of them to be free: single slots would give tiny frames."""
        while not self._cutter.is_inside_blob and len(self._open) > limits.PUT_BLOBS_OPEN_MAX // 2:
            self._slot_freed = trio.Event()
            await self._slot_freed.wait()
        return limits.PUT_BLOBS_OPEN_MAX - len(self._open)

    async def _receive(self, stream: ClientStream) -> None:
        try:
            while not self._is_complete():
                message = await stream.receive()
                if message is None:
                    break
                self._heard_at, self.was_heard = trio.current_time(), True
                received_bytes, answers = _read(message)
                self._count(received_bytes)
                for ticket, answer in answers:
                    self._take(ticket, answer)
            if not self._is_complete():
                raise PeerGone(f"the node ended the stream with {len(self._open)} blobs unanswered")
        except LumbungError as exc:
            self._failure = exc

    async def _watch(self, scope: trio.CancelScope) -> None:
        """End a stream on which nothing moves although something is owed; the transport's keepalive sees dead lines."""
        while True:
            await trio.sleep_until(self._heard_at + self._silence_s)
            if trio.current_time() - self._heard_at < self._silence_s:
                continue
            if self._open or self._durable:
                self._failure = PeerGone(f"no answer for {self._silence_s:.0f} s")
                scope.cancel()
                return
            self._heard_at = trio.current_time()

    def _is_complete(self) -> bool:
        return self._sent_all and not self._open and not self._durable

    def _count(self, received_bytes: int) -> None:
        if not self._flight.count(received_bytes, trio.current_time()):
            raise PeerGone(f"the node has counted {received_bytes} bytes, which are more than were sent")
        self._counted.set()

    def _take(self, ticket: int, answer: PutAnswer) -> None:
        item = self._open.pop(ticket, None) or self._durable.pop(ticket, (None, None))[0]
        if item is None:
            raise PeerGone(f"answer for ticket {ticket}: expected an open one, got an answer too many")
        self._slot_freed.set()
        if answer.outcome is Outcome.UNKNOWN:
            self._unknown.append(item)
            return
        self.got_ahead = True
        if not answer.final:
            self._durable[ticket] = (item, answer)
        self._tell(item, answer)

    def _settle_durable(self) -> None:
        """Blobs that were stored when the line broke: that much is certain, the copies since then are not."""
        for item, answer in self._durable.values():
            self._tell(item, _as_final(answer))
        self._durable.clear()

    def _drop(self, failed: SourceFailed) -> None:
        for ticket, item in self._open.items():
            if item is failed.item:
                del self._open[ticket]
                break
        self._tell(failed.item, self._source_answer(failed))

    def _source_answer(self, failed: SourceFailed) -> PutAnswer:
        """What an earlier stream has sent may be stored: its answer was lost, and the file cannot be sent again."""
        if failed.item in self._sent_before:
            return _own_answer(Outcome.UNKNOWN, StatusCode.UNAVAILABLE, failed.sentence)
        return _own_answer(Outcome.REFUSED, StatusCode.FAILED_PRECONDITION, failed.sentence)


def _read(message: bytes) -> tuple[int, list[tuple[int, PutAnswer]]]:
    """How many bytes the node has counted, and its answers by ticket. Raises PeerGone."""
    try:
        response = decode_message(wire.PutResponse, message)
        return response.received_bytes, [(answer.ticket, read_answer(answer)) for answer in response.answers]
    except ValueError as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


def _as_final(answer: PutAnswer) -> PutAnswer:
    return replace(answer, final=True)
