"""The teller of reconcile: answers what the peer asks of our sets, one moment of one origin at a time.

Nothing here trusts the asker: its questions are bounded, its comparisons counted (reconcile_comparing.py), and a
settlement is believed only when it adds up (reconcile_settling.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.reconcile.messages import Answer, AskIds, AskSymbols, AskUnits, Broken, Question, ToldIds
from lumbung_cluster.reconcile.side import units_to_read
from lumbung_node.services.core import Core
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_comparing import Comparing
from lumbung_node.services.session.reconcile_moments import Frozen, Moments
from lumbung_node.services.session.reconcile_settling import Settling
from lumbung_node.services.session.reconcile_talk import TWINS_MAX
from lumbung_node.services.session.reconcile_wire import pack_answer, pack_shorts, unpack_question, unpack_shorts
from lumbung_node.services.session.vouched import void_among
from lumbung_node.store.reads import is_intact
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["Teller"]

_QUESTIONS_WAITING_MAX = 2  # the asker waits for each answer; a second one may cross a comparison given up
_NOTHING_KEPT = "nothing of this comparison is kept any more: compare again"


class Teller:
    """`take` queues a frame; `run` answers until cancelled. Rejected for what breaks the protocol ends the session."""

    def __init__(
        self,
        core: Core,
        link: FrameLink,
        peer: NodeNumber,
        greeting: Greeting,
        outgoing: Outgoing,
        incoming: Incoming,
        confirm: Callable[[NodeNumber, bool], None],
    ) -> None:
        self._core = core
        self._link = link
        self._outgoing = outgoing
        self._moments = Moments(core, peer)
        self._comparing = Comparing(core, peer, outgoing, self._moments, confirm)
        self._settling = Settling(core, greeting, outgoing, incoming, self._moments, confirm)
        self._send, self._receive = trio.open_memory_channel[tuple[peer_pb2.SessionFrame, memoryview]](
            _QUESTIONS_WAITING_MAX
        )

    def take(self, frame: peer_pb2.SessionFrame, payload: memoryview) -> None:
        """Raises Rejected when the peer does not wait for its answers."""
        try:
            self._send.send_nowait((frame, payload))
        except trio.WouldBlock:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED, f"expected at most {_QUESTIONS_WAITING_MAX} open reconcile questions"
            ) from None

    async def run(self) -> None:
        try:
            async for frame, payload in self._receive:
                try:
                    await self._answer(frame, payload)
                except Broken as exc:
                    raise Rejected(StatusCode.INVALID_ARGUMENT, f"reconcile: {exc}") from exc
        finally:
            self._moments.thaw()

    async def _answer(self, frame: peer_pb2.SessionFrame, payload: memoryview) -> None:
        match frame.WhichOneof("kind"):
            case "reconcile_compare":
                compared, symbols = await self._comparing.answer(frame.reconcile_compare)
                await self._link.send(peer_pb2.SessionFrame(reconcile_compared=compared), [symbols])
            case "reconcile_ask":
                await self._tell(frame.reconcile_ask)
            case "reconcile_fetch":
                await self._fetch(frame.reconcile_fetch, payload)
            case "reconcile_settle":
                settled = await self._settling.answer(frame.reconcile_settle, payload)
                await self._link.send(peer_pb2.SessionFrame(reconcile_settled=settled))
                self._settling.go_on(settled)

    async def _tell(self, message: pb.ReconcileAsk) -> None:
        origin = NodeNumber(message.origin)
        frozen = await self._moments.frozen_for(message.serial, origin)
        payload = b""
        if frozen is None:
            tell = pb.ReconcileTell(origin=origin, refusal=_NOTHING_KEPT)
        else:
            answer = await self._answer_of(frozen, unpack_question(message, frozen.side.units))
            tell, payload = pack_answer(origin, answer)
        await self._link.send(peer_pb2.SessionFrame(reconcile_tell=tell), [payload])

    async def _answer_of(self, frozen: Frozen, question: Question) -> Answer:
        match question:
            case AskSymbols():
                ids = {}
                for unit in units_to_read(question, frozen.side.units):
                    ids[unit] = await self._ids(frozen, unit)
                return await self._core.blocking.run(partial(frozen.side.tell_symbols, question, ids))
            case AskUnits():
                return frozen.side.tell_units()
            case AskIds():
                ids_after = [raw for raw in await self._ids(frozen, question.unit) if raw > question.after]
                page = ids_after[: limits.RECONCILE_IDS_PAGE_MAX]
                return ToldIds(page, len(page) == len(ids_after))

    async def _ids(self, frozen: Frozen, unit: int) -> list[bytes]:
        return await self._core.store.reader.ids_of_unit(NodeNumber(frozen.side.origin), unit, frozen.number)

    async def _fetch(self, message: pb.ReconcileFetch, payload: memoryview) -> None:
        """Offer what the asker lacks, as far as we can."""
        origin = NodeNumber(message.origin)
        answer = pb.ReconcileFetched(origin=origin)
        shorts = unpack_shorts(payload, limits.RECONCILE_FETCH_IDS_MAX)
        damaged: list[bytes] = []
        frozen = await self._moments.frozen_for(message.serial, origin)
        if frozen is None:
            answer.refusal = _NOTHING_KEPT
        elif message.everything:
            self._outgoing.rebuild(origin)
        elif len(frozen.fetched) + len(shorts) > 2 * limits.RECONCILE_DIFFERENCES_MAX:
            answer.refusal = f"expected at most {2 * limits.RECONCILE_DIFFERENCES_MAX} ids of one comparison"
        else:
            damaged, unknown = await self._offer(frozen, origin, shorts)
            answer.unknown = pack_shorts(unknown)
        await self._link.send(peer_pb2.SessionFrame(reconcile_fetched=answer), damaged)

    async def _offer(self, frozen: Frozen, origin: NodeNumber, shorts: Sequence[int]) -> tuple[list[bytes], list[int]]:
        """Queue them on the repair lane; returns full ids that we cannot give, and what we never had."""
        held = await self._core.store.reader.held_under(origin, shorts, TWINS_MAX)
        of_moment = [[pair for pair in pairs if pair[1].number <= frozen.number] for pairs in held]
        # In feed order: neighbours share a signed list, and each offer carries the lists of its entries whole.
        pairs = sorted((pair for found in of_moment for pair in found), key=lambda pair: pair[1].number)
        frozen.fetched += [blob.raw for blob, _ in pairs]
        void = await void_among(self._core, origin, pairs)
        good = [blob for blob, row in pairs if is_intact(row) and blob not in void]
        self._outgoing.repair(origin, good)
        unknown = [short for short, found in zip(shorts, of_moment, strict=True) if not found]
        bad = [blob.raw for blob, row in pairs if not is_intact(row) or blob in void]
        return bad, unknown
