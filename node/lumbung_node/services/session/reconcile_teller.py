"""The teller of reconcile: answers what the peer asks of our sets, one moment of one origin at a time.

Nothing here trusts the asker: its questions are bounded, its comparisons counted, and a settlement is believed only
when the asker's own fingerprint is exactly what our moment and the named differences make of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import InventoryUnknown, Rejected, StatusCode
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import NONCE_SIZE_BYTES, Fingerprints
from lumbung_cluster.reconcile.messages import Answer, AskIds, AskSymbols, AskUnits, Broken, Question, Stretch, ToldIds
from lumbung_cluster.reconcile.side import Side, explained_digests, units_to_read
from lumbung_node.services.core import Core
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_talk import TWINS_MAX
from lumbung_node.services.session.reconcile_views import NO_NONCE, View, common_units, take_view
from lumbung_node.services.session.reconcile_wire import (
    pack_answer,
    pack_shorts,
    split_fingerprints,
    split_ids,
    unpack_question,
    unpack_shorts,
)
from lumbung_node.store.reads import is_intact
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["Teller"]

_QUESTIONS_WAITING_MAX = 2  # the asker waits for each answer; a second one may cross a comparison given up
_MINUTE_S = 60.0


@dataclass(slots=True)
class _Moment:
    """Our set of one origin as we told of it: end of the feed and fingerprint then."""

    number: int
    running_hash: bytes
    root: bytes


@dataclass(slots=True)
class _Frozen:
    """The moment that is kept whole; `fetched` are the ids that the asker then said it lacks."""

    side: Side
    number: int
    running_hash: bytes
    fetched: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Comparison:
    """What the asker's last Compare was about."""

    serial: int
    fingerprints: Fingerprints
    moments: dict[NodeNumber, _Moment]


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
        self._peer = peer
        self._greeting = greeting
        self._outgoing = outgoing
        self._incoming = incoming
        self._confirm = confirm
        self._send, self._receive = trio.open_memory_channel[tuple[peer_pb2.SessionFrame, memoryview]](
            _QUESTIONS_WAITING_MAX
        )
        self._compared_at: deque[float] = deque(maxlen=limits.RECONCILE_COMPARES_PER_MINUTE_MAX)
        self._comparison: _Comparison | None = None
        self._frozen: _Frozen | None = None

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
            self._thaw()

    async def _answer(self, frame: peer_pb2.SessionFrame, payload: memoryview) -> None:
        match frame.WhichOneof("kind"):
            case "reconcile_compare":
                await self._compare(frame.reconcile_compare)
            case "reconcile_ask":
                await self._tell(frame.reconcile_ask)
            case "reconcile_fetch":
                await self._fetch(frame.reconcile_fetch, payload)
            case "reconcile_settle":
                await self._settle(frame.reconcile_settle, payload)

    # --- comparison --------------------------------------------------------------------------------------------

    async def _compare(self, message: pb.ReconcileCompare) -> None:
        self._thaw()
        self._comparison = None
        answer = pb.ReconcileCompared(serial=message.serial)
        payload = b""
        origins = self._origins(message.origins)
        if len(message.nonce) != NONCE_SIZE_BYTES:
            raise Broken(f"expected a nonce of {NONCE_SIZE_BYTES} bytes, got {len(message.nonce)}")
        if message.key_version != self._core.store.inventories.key.version:
            ours = self._core.store.inventories.key.version
            answer.refusal = f"expected the cluster's secret in version {ours}, got {message.key_version}"
        elif self._is_too_often():
            answer.refusal = "too many comparisons: again in a minute"
        else:
            payload = await self._fill(answer, message, origins)
        await self._link.send(peer_pb2.SessionFrame(reconcile_compared=answer), [payload])

    def _origins(self, asked: Sequence[int]) -> list[NodeNumber]:
        shared = self._core.rosters.roster.origins_shared(self._core.number, self._peer)
        if not asked:
            return list(shared)
        origins = [NodeNumber(number) for number in asked]
        if sorted(set(origins)) != origins or not set(origins) <= set(shared):
            raise Broken("expected origins that both hold, rising")
        return origins

    def _is_too_often(self) -> bool:
        now = trio.current_time()
        is_full = len(self._compared_at) == self._compared_at.maxlen
        if is_full and now - self._compared_at[0] < _MINUTE_S:
            return True
        self._compared_at.append(now)
        return False

    async def _fill(
        self, answer: pb.ReconcileCompared, message: pb.ReconcileCompare, origins: Sequence[NodeNumber]
    ) -> bytes:
        """Equal or not; the payload is that of the eager symbols."""
        key = self._core.store.inventories.key
        answer.nonce = self._core.randomness.bytes(NONCE_SIZE_BYTES)
        asked, both = key.fingerprints(message.nonce, NO_NONCE), key.fingerprints(message.nonce, answer.nonce)
        views = [await take_view(self._core, origin, self._peer) for origin in origins]
        moments = {
            origin: _Moment(view.number, view.running_hash, both.root((view.part,)))
            for origin, view in zip(origins, views, strict=True)
        }
        self._comparison = _Comparison(message.serial, both, moments)
        answer.waiting.extend(origin for origin in self._outgoing.waiting() if origin in moments)
        doubted = {origin for origin, view in zip(origins, views, strict=True) if view.is_doubted}
        answer.busy.extend(o for o in origins if o in doubted or self._outgoing.is_feeding(o))
        if not doubted and asked.root(view.part for view in views) == message.root:
            answer.root = both.root(view.part for view in views)
            for origin in origins:
                self._confirm(origin, False)
            return b""
        answer.fingerprints = b"".join(both.inner(view.part) for view in views)
        answer.counts.extend(view.count for view in views)
        differing = self._differing(message, asked, dict(zip(origins, views, strict=True)))
        return await self._add_eager(answer, [origin for origin in differing if origin not in answer.busy])

    def _differing(
        self, message: pb.ReconcileCompare, asked: Fingerprints, views: dict[NodeNumber, View]
    ) -> list[NodeNumber]:
        """The origins that differ, as far as the asker has told; those that do not are confirmed."""
        if len(views) == 1:
            return list(views)
        if not message.fingerprints:
            return []
        found = []
        told = split_fingerprints(message.fingerprints, len(views))
        for (origin, view), fingerprint in zip(views.items(), told, strict=True):
            if view.is_doubted or asked.inner(view.part) != fingerprint:
                found.append(origin)
            else:
                self._confirm(origin, False)
        return found

    async def _add_eager(self, answer: pb.ReconcileCompared, differing: Sequence[NodeNumber]) -> bytes:
        """Symbols of the first origin that differs, so that a few differences are named in this round trip."""
        if not differing or not await self._freeze(differing[0]):
            return b""
        assert self._frozen is not None
        side = self._frozen.side
        if not side.inventory.count:
            return b""  # the count alone says it
        told = side.tell_symbols(AskSymbols((Stretch(side.units, 0, limits.RECONCILE_EAGER_SYMBOLS),)), {})
        answer.eager.CopyFrom(pb.ReconcileSymbols(root=told.root, counts=told.counts))
        answer.eager_origin = differing[0]
        return told.symbols[0].to_bytes()

    # --- one origin --------------------------------------------------------------------------------------------

    async def _freeze(self, origin: NodeNumber) -> bool:
        """Keep this moment of the origin; False when too many are kept already, or nobody knows the set."""
        assert self._comparison is not None
        if self._frozen is not None and self._frozen.side.origin == origin:
            return True
        self._thaw()
        try:
            snapshot = await self._core.store.inventories.snapshot(origin)
        except InventoryUnknown:
            return False
        try:
            self._core.reconcile_frozen.acquire_nowait()
        except trio.WouldBlock:
            return False
        units = common_units(self._core, origin, self._peer)
        side = Side(origin, units, snapshot.inventory, self._comparison.fingerprints)
        self._frozen = _Frozen(side, snapshot.number, snapshot.running_hash)
        self._comparison.moments[origin] = _Moment(snapshot.number, snapshot.running_hash, side.root())
        return True

    def _thaw(self) -> None:
        if self._frozen is not None:
            self._frozen = None
            self._core.reconcile_frozen.release()

    async def _frozen_for(self, serial: int, origin: NodeNumber) -> _Frozen | None:
        """The moment of this origin in the comparison that the asker means; None when there is none to be had."""
        if self._comparison is None or self._comparison.serial != serial:
            return None
        if origin not in self._comparison.moments:
            raise Broken(f"expected an origin of comparison {serial}, got {origin}")
        return self._frozen if await self._freeze(origin) else None

    async def _tell(self, message: pb.ReconcileAsk) -> None:
        origin = NodeNumber(message.origin)
        frozen = await self._frozen_for(message.serial, origin)
        payload = b""
        if frozen is None:
            tell = pb.ReconcileTell(origin=origin, refusal="nothing of this comparison is kept any more: compare again")
        else:
            answer = await self._answer_of(frozen, unpack_question(message, frozen.side.units))
            tell, payload = pack_answer(origin, answer)
        await self._link.send(peer_pb2.SessionFrame(reconcile_tell=tell), [payload])

    async def _answer_of(self, frozen: _Frozen, question: Question) -> Answer:
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

    async def _ids(self, frozen: _Frozen, unit: int) -> list[bytes]:
        return await self._core.store.reader.ids_of_unit(NodeNumber(frozen.side.origin), unit, frozen.number)

    async def _fetch(self, message: pb.ReconcileFetch, payload: memoryview) -> None:
        """Offer what the asker lacks, as far as we can."""
        origin = NodeNumber(message.origin)
        answer = pb.ReconcileFetched(origin=origin)
        shorts = unpack_shorts(payload, limits.RECONCILE_FETCH_IDS_MAX)
        damaged: list[bytes] = []
        frozen = await self._frozen_for(message.serial, origin)
        if frozen is None:
            answer.refusal = "nothing of this comparison is kept any more: compare again"
        elif message.everything:
            self._outgoing.rebuild(origin)
        elif len(frozen.fetched) + len(shorts) > 2 * limits.RECONCILE_DIFFERENCES_MAX:
            answer.refusal = f"expected at most {2 * limits.RECONCILE_DIFFERENCES_MAX} ids of one comparison"
        else:
            damaged, unknown = await self._offer(frozen, origin, shorts)
            answer.unknown = pack_shorts(unknown)
        await self._link.send(peer_pb2.SessionFrame(reconcile_fetched=answer), damaged)

    async def _offer(self, frozen: _Frozen, origin: NodeNumber, shorts: Sequence[int]) -> tuple[list[bytes], list[int]]:
        """Queue them on the repair lane; returns full ids of which we have no good bytes, and what we never had."""
        held = await self._core.store.reader.held_under(origin, shorts, TWINS_MAX)
        of_moment = [[pair for pair in pairs if pair[1].number <= frozen.number] for pairs in held]
        pairs = [pair for found in of_moment for pair in found]
        frozen.fetched += [blob.raw for blob, _ in pairs]
        self._outgoing.repair(origin, [blob for blob, row in pairs if is_intact(row)])
        unknown = [short for short, found in zip(shorts, of_moment, strict=True) if not found]
        return [blob.raw for blob, row in pairs if not is_intact(row)], unknown

    # --- settlement --------------------------------------------------------------------------------------------

    async def _settle(self, message: pb.ReconcileSettle, payload: memoryview) -> None:
        origin = NodeNumber(message.origin)
        settled = pb.ReconcileSettled(origin=origin)
        lacked = unpack_shorts(payload, limits.RECONCILE_SETTLE_IDS_MAX)
        undelivered = split_ids(message.undelivered, limits.RECONCILE_UNDELIVERED_MAX)
        moment = self._moment(message.serial, origin)
        if moment is not None and await self._is_explained(message.root, moment, origin, lacked, undelivered):
            settled.is_settled = True
            if message.number:
                if len(message.running_hash) != HASH_SIZE_BYTES:
                    raise Broken(f"expected a running hash of {HASH_SIZE_BYTES} bytes, got {len(message.running_hash)}")
                mark = Mark(self._greeting.generation, message.number, message.running_hash)
                await self._incoming.adopt(origin, mark)
            if self._outgoing.is_waiting(origin):
                settled.number, settled.running_hash = moment.number, moment.running_hash
            if not undelivered and not message.is_short:
                self._confirm(origin, True)
        await self._link.send(peer_pb2.SessionFrame(reconcile_settled=settled))
        if settled.number:  # the asker has proven that it holds all that we can give: the condition of its question
            self._outgoing.settle(origin, settled.number)

    def _moment(self, serial: int, origin: NodeNumber) -> _Moment | None:
        if self._comparison is None or self._comparison.serial != serial:
            return None
        return self._comparison.moments.get(origin)

    async def _is_explained(
        self, root: bytes, moment: _Moment, origin: NodeNumber, lacked: Sequence[int], undelivered: Sequence[bytes]
    ) -> bool:
        """Whether the asker's set was ours, less what it fetched, with what it brought (which we have now), and with
        what it has no good bytes of."""
        frozen = self._frozen
        if frozen is None or frozen.side.origin != origin:
            return not lacked and not undelivered and root == moment.root
        held = await self._core.store.reader.held_under(origin, lacked, TWINS_MAX)
        come = [blob.raw for pairs in held for blob, row in pairs if row.number > frozen.number]
        come += undelivered
        key = self._core.store.inventories.key
        digests = await self._core.blocking.run(partial(explained_digests, key, frozen.side, frozen.fetched, come))
        return frozen.side.root(digests) == root
