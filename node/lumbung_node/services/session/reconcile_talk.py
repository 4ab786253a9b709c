"""The asker's end of the line: one question at a time, one answer each, within a comparison."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import Fingerprints
from lumbung_cluster.inventory.symbols import short_id
from lumbung_cluster.reconcile.messages import Answer, Broken, Question, ToldSymbols
from lumbung_node.services.reconcile_report import Cost, Reason
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.reconcile_wire import (
    pack_question,
    pack_shorts,
    printable,
    split_ids,
    unpack_answer,
    unpack_shorts,
)
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["TWINS_MAX", "Line", "Refused", "Talk"]

TWINS_MAX = 8  # ids looked at under one short id: more share it only by design
_Received: TypeAlias = tuple[peer_pb2.SessionFrame, memoryview]


_SEARCHES = ("reconcile_compared", "reconcile_tell")


class Refused(Exception):
    """The teller would not, or did not, answer; `reason` says which."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Line:
    """Sends questions and pairs them with their answers; `cost` is what both sides said."""

    def __init__(self, link: FrameLink) -> None:
        self._link = link
        self._send, self._receive = trio.open_memory_channel[_Received](1)
        self._expected = ""
        self._serial = 0
        self._asked = 0  # questions, and those given up: an answer is that of the question that it came for, or late
        self.cost = Cost()

    def next_serial(self) -> int:
        """The number of a new comparison: answers to older ones are late from now on."""
        self._serial += 1
        return self._serial

    async def take(
        self, frame: peer_pb2.SessionFrame, payload: memoryview, adopt: Callable[[pb.ReconcileSettled], Awaitable[None]]
    ) -> None:
        """An answer; one that nobody waits for (any more) is dropped. Marks are adopted before the next frame is read:
        it may already be the feed that goes on from there."""
        kind = frame.WhichOneof("kind")
        is_late = kind == "reconcile_compared" and frame.reconcile_compared.serial != self._serial
        if kind != self._expected or is_late:
            return
        self._expected, asked = "", self._asked
        if kind == "reconcile_settled":
            await adopt(frame.reconcile_settled)
            if self._asked != asked:  # the disk was slow, and whoever asked has given up meanwhile
                return
        self._send.send_nowait((frame, payload))

    async def ask(self, frame: peer_pb2.SessionFrame, kind: str, payload: bytes = b"") -> _Received:
        """Send a question and wait for its answer. Raises Refused after a long silence."""
        with suppress(trio.WouldBlock):
            self._receive.receive_nowait()  # it came in the moment in which the question before was given up
        self._expected = kind
        self._asked += 1
        self.cost.size_bytes += frame_size(frame, payload)
        await self._link.send(frame, [payload])
        with trio.move_on_after(limits.RECONCILE_ANSWER_S):
            received = await self._receive.receive()
            self.cost.size_bytes += frame_size(*received)
            self.cost.questions += 1
            self.cost.searches += kind in _SEARCHES
            return received
        self._expected = ""
        self._asked += 1
        raise Refused(Reason.NO_ANSWER, f"no answer within {limits.RECONCILE_ANSWER_S:.0f} s")


def frame_size(frame: peer_pb2.SessionFrame, payload: bytes | memoryview) -> int:
    """Bytes of the message that carries this frame."""
    return len(encode_frame(peer_pb2.SessionRequest(frame=frame))) + len(payload)


@dataclass(slots=True)
class Talk:
    """One comparison under way; `eager` are symbols of `eager_origin` that came with it."""

    line: Line
    serial: int
    fingerprints: Fingerprints
    eager_origin: int = 0
    eager: ToldSymbols | None = None

    async def question(self, origin: NodeNumber, units: int, question: Question) -> Answer:
        """Raises Refused, or Broken for an answer that does not fit."""
        ask = pack_question(self.serial, origin, question)
        frame, payload = await self.line.ask(peer_pb2.SessionFrame(reconcile_ask=ask), "reconcile_tell")
        if frame.reconcile_tell.origin != origin:
            raise Broken(f"expected an answer about origin {origin}, got {frame.reconcile_tell.origin}")
        if frame.reconcile_tell.WhichOneof("answer") == "refusal":
            raise Refused(Reason.PEER_BUSY, printable(frame.reconcile_tell.refusal))
        return unpack_answer(frame.reconcile_tell, payload, question, units)

    async def fetch(self, origin: NodeNumber, shorts: Sequence[int]) -> tuple[list[bytes], list[int]]:
        """Have these offered; returns full ids of which the peer has no good bytes, and short ids that it never had."""
        frame, payload = await self._fetch(pb.ReconcileFetch(serial=self.serial, origin=origin), shorts)
        damaged = split_ids(payload, TWINS_MAX * len(shorts))
        if not {short_id(raw) for raw in damaged} <= set(shorts):
            raise Broken("expected damaged ids among those asked for, got others")
        return damaged, unpack_shorts(frame.reconcile_fetched.unknown, len(shorts))

    async def fetch_everything(self, origin: NodeNumber) -> None:
        """Have the whole feed offered on the rebuild lane."""
        await self._fetch(pb.ReconcileFetch(serial=self.serial, origin=origin, everything=True), ())

    async def _fetch(self, message: pb.ReconcileFetch, shorts: Sequence[int]) -> _Received:
        received = await self.line.ask(
            peer_pb2.SessionFrame(reconcile_fetch=message), "reconcile_fetched", pack_shorts(shorts)
        )
        if received[0].reconcile_fetched.refusal:
            raise Refused(Reason.PEER_BUSY, printable(received[0].reconcile_fetched.refusal))
        return received

    async def settle(self, message: pb.ReconcileSettle, lacked: Iterable[int]) -> bool:
        """True when the teller found the same of what we told."""
        frame, _ = await self.line.ask(
            peer_pb2.SessionFrame(reconcile_settle=message), "reconcile_settled", pack_shorts(list(lacked))
        )
        return frame.reconcile_settled.is_settled and frame.reconcile_settled.origin == message.origin
