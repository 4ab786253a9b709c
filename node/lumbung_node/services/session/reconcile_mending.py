"""Mending one origin that differs, as the asker: search, move, prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, NodeNumber, units_of_mask
from lumbung_cluster.inventory.fingerprint import UnitDigest
from lumbung_cluster.inventory.symbols import short_id
from lumbung_cluster.reconcile.messages import AskUnits, Broken, ToldUnits
from lumbung_cluster.reconcile.search import Effect, Event, Found, OwnIds, ReadUnit, Search, find, list_units
from lumbung_cluster.reconcile.side import Side, explained_digests
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Order, Outcome, Reason, Result
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_talk import TWINS_MAX, Refused, Talk
from lumbung_node.services.session.reconcile_views import common_units, units_beyond
from lumbung_node.store.reads import is_intact

__all__ = ["Mender", "Mending"]

_LOOK_S_MIN, _LOOK_S_MAX = 0.2, 5.0  # between two looks at what came


@dataclass(slots=True)
class Mending:
    """Our frozen moment of one origin, and what was found and moved, as full ids.

    `ours` and `theirs` hold what only one side had, the damaged ones (whose bytes are nowhere good on that side, or
    whose list counts no longer) too;
    `refused_there` were offered and not taken (`refusal` is what the peer said to it), `missing` were promised and did
    not come. `is_stopped` when whoever asked for it went before all was moved.
    """

    origin: NodeNumber
    side: Side
    units_beyond: int
    number: int
    running_hash: bytes
    result: Result
    found: Found
    ours: dict[bytes, None] = field(default_factory=dict)
    theirs: dict[bytes, None] = field(default_factory=dict)
    damaged_here: dict[bytes, None] = field(default_factory=dict)
    damaged_there: dict[bytes, None] = field(default_factory=dict)
    refused_there: int = 0
    refusal: str = ""
    missing: int = 0
    is_proven: bool = False
    is_stopped: bool = False

    @property
    def root(self) -> bytes:
        return self.side.root()

    @property
    def beyond(self) -> int:
        """How much we have of units that only the peer has to hold: no comparison sees it."""
        return self.side.inventory.count_of(self.units_beyond)

    @property
    def is_short(self) -> bool:
        """Whether we end without something of the teller's."""
        return bool(self.damaged_there)

    @property
    def is_partial(self) -> bool:
        """Whether more differs than is named in one go."""
        return bool(self.found.unresolved) and self.found.size >= limits.RECONCILE_DIFFERENCES_MAX // 2


class Mender:
    """Makes two sets of one origin equal, as far as bytes are to be had."""

    def __init__(self, core: Core, peer: NodeNumber, outgoing: Outgoing) -> None:
        self._core = core
        self._peer = peer
        self._outgoing = outgoing

    async def mend(self, talk: Talk, result: Result, peer_count: int, order: Order) -> Mending | None:
        """What was found and moved; None when everything is offered anew instead.

        Raises Refused, Broken and InventoryUnknown.
        """
        origin = result.origin
        snapshot = await self._core.store.inventories.snapshot(origin)
        units = common_units(self._core, origin, self._peer)
        if not units:  # since the comparison
            raise Refused(Reason.SESSION_ENDED, "by the roster that has come into force no unit of it is at both")
        side = Side(origin, units, snapshot.inventory, talk.fingerprints)
        if await self._rebuilds(talk, result, side.count, peer_count):
            return None
        eager = talk.eager if talk.eager_origin == origin else None
        found = await self._search(talk, side, snapshot.number, find(side, peer_count, eager))
        beyond = units_beyond(self._core, origin, self._peer)
        mending = Mending(origin, side, beyond, snapshot.number, snapshot.running_hash, result, found)
        await self._move(talk, mending, order)
        mending.is_proven = await self._is_proven(mending)
        is_all = not mending.is_partial and not mending.missing and not mending.is_stopped
        if not mending.is_proven and is_all:
            await self._list_what_is_wrong(talk, mending, order)
            mending.is_proven = await self._is_proven(mending)
        return mending

    async def _rebuilds(self, talk: Talk, result: Result, own_count: int, peer_count: int) -> bool:
        """Whether one side has so little that everything is offered to it anew."""
        if own_count > 2 * peer_count and own_count - peer_count > limits.RECONCILE_REBUILD_SURPLUS:
            result.lacked_there = own_count - peer_count
            self._outgoing.rebuild(result.origin)
        elif peer_count > 2 * own_count and peer_count - own_count > limits.RECONCILE_REBUILD_SURPLUS:
            result.lacked_here = peer_count - own_count
            await talk.fetch_everything(result.origin)
        else:
            return False
        result.end(Outcome.REBUILDING, Reason.EVERYTHING_OFFERED, "everything is offered, newest first")
        return True

    async def _search(self, talk: Talk, side: Side, number: int, search: Search) -> Found:
        """Drive a search to its end; decoding runs off the loop."""
        origin = NodeNumber(side.origin)
        event: Event | None = None
        while True:
            step = await self._core.blocking.run(partial(_advance, search, event))
            if isinstance(step, Found):
                return step
            if isinstance(step, ReadUnit):
                event = OwnIds(await self._core.store.reader.ids_of_unit(origin, step.unit, number))
            else:
                event = await talk.question(origin, side.units, step)

    async def _list_what_is_wrong(self, talk: Talk, mending: Mending, order: Order) -> None:
        """Symbols did not tell all: find the units that are not explained, and list their full ids."""
        side = mending.side
        told = await talk.question(mending.origin, side.units, AskUnits())
        assert isinstance(told, ToldUnits)
        digests = await self._explained(mending)
        counts, wrong = {}, 0
        for unit, digest, fingerprint, count in zip(
            units_of_mask(side.units), digests, told.fingerprints, told.counts, strict=True
        ):
            if side.unit_fingerprint(unit, digest) != fingerprint:
                counts[unit], wrong = count, wrong | 1 << unit
        if not wrong:
            raise Broken("its units are explained, and its whole is not")
        for ids in (mending.ours, mending.theirs):  # what symbols said of these units is worth nothing
            for raw in [raw for raw in ids if wrong >> (raw[0] >> 2) & 1]:
                del ids[raw]
        root = mending.found.root
        mending.found = await self._search(talk, side, mending.number, list_units(side, wrong, counts))
        mending.found.root = root
        await self._move(talk, mending, order)

    # --- moving ------------------------------------------------------------------------------------------------

    async def _move(self, talk: Talk, mending: Mending, order: Order) -> None:
        """Bring over what was found, both ways at once."""
        found, result = mending.found, mending.result
        held = await self._core.store.reader.held_under(mending.origin, found.ours, TWINS_MAX)
        if not all(held):
            self._core.store.state.suspected.beat()  # our set names ids that our rows lack: a scrub finds what is lost
        numbered = [(row.number, blob) for pairs in held for blob, row in pairs if row.number <= mending.number]
        named = [blob for _, blob in sorted(numbered)]  # in feed order: neighbours share a signed list
        ours = [*named, *(BlobId(raw) for raw in found.our_ids)]
        theirs = [*found.theirs, *(short_id(raw) for raw in found.their_ids)]
        mending.ours.update(dict.fromkeys(blob.raw for blob in ours))
        result.lacked_here = max(result.lacked_here, result.mended_here + len(theirs))
        result.lacked_there = len(mending.ours)
        order.report(result)
        trouble: Refused | Broken | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._offer, mending, ours, order)
            try:
                await self._fetch(talk, mending, theirs, order)
            except (Refused, Broken) as exc:
                trouble = exc  # what the peer lacks is brought to it all the same
        if trouble is not None:
            raise trouble
        mending.theirs.update(dict.fromkeys(found.their_ids))
        order.report(result)

    async def _offer(self, mending: Mending, ours: Sequence[BlobId], order: Order) -> None:
        for at in range(0, len(ours), limits.RECONCILE_FETCH_IDS_MAX):
            if not order.goes_on():
                mending.is_stopped = True
                return
            part = ours[at : at + limits.RECONCILE_FETCH_IDS_MAX]
            untaken = await self._outgoing.offer(mending.origin, part)
            rows = await self._core.store.reader.rows(mending.origin, untaken.blobs)
            withheld = set(untaken.withheld)
            damaged = [
                blob.raw
                for blob, row in zip(untaken.blobs, rows, strict=True)
                if blob in withheld or not is_intact(row)
            ]
            mending.damaged_here.update(dict.fromkeys(damaged))
            mending.refused_there += len(untaken.blobs) - len(damaged)
            mending.refusal = untaken.sentence or mending.refusal
            mending.result.mended_there += len(part) - len(untaken.blobs)
            order.report(mending.result)

    async def _fetch(self, talk: Talk, mending: Mending, shorts: Sequence[int], order: Order) -> None:
        if self._core.refuses(mending.origin):
            mending.missing += len(shorts)
            return
        for at in range(0, len(shorts), limits.RECONCILE_FETCH_IDS_MAX):
            if not order.goes_on():
                mending.is_stopped = True
                return
            part = shorts[at : at + limits.RECONCILE_FETCH_IDS_MAX]
            damaged, unknown = await talk.fetch(mending.origin, part)
            mending.damaged_there.update(dict.fromkeys(damaged))
            mending.theirs.update(dict.fromkeys(damaged))
            gone = {short_id(raw) for raw in damaged} | set(unknown)
            await self._until_here(mending, [short for short in part if short not in gone], order)

    async def _until_here(self, mending: Mending, shorts: Sequence[int], order: Order) -> None:
        """Wait until the ids behind these are durable here, or none comes any more."""
        pending, look_s, last = list(shorts), _LOOK_S_MIN, trio.current_time()
        while pending:
            await trio.sleep(look_s)
            held = await self._core.store.reader.held_under(mending.origin, pending, TWINS_MAX)
            left = []
            for short, pairs in zip(pending, held, strict=True):
                come = [blob.raw for blob, row in pairs if row.number > mending.number]
                mending.theirs.update(dict.fromkeys(come))
                if not come:
                    left.append(short)
            look_s = min(2 * look_s, _LOOK_S_MAX)
            if len(left) < len(pending):
                mending.result.mended_here += len(pending) - len(left)
                order.report(mending.result)
                last, look_s = trio.current_time(), _LOOK_S_MIN
            elif not order.goes_on():
                mending.is_stopped = True
                return
            elif trio.current_time() - last > limits.RECONCILE_ARRIVAL_S:
                mending.missing += len(left)
                return
            pending = left

    # --- proof -------------------------------------------------------------------------------------------------

    async def _explained(self, mending: Mending) -> tuple[UnitDigest, ...]:
        key, side = self._core.store.inventories.key, mending.side
        ours, theirs = list(mending.ours), list(mending.theirs)
        return await self._core.blocking.run(partial(explained_digests, key, side, ours, theirs))

    async def _is_proven(self, mending: Mending) -> bool:
        """Whether the teller's set is ours, less what it lacked, and with what we lacked."""
        return mending.side.root(await self._explained(mending)) == mending.found.root


def _advance(search: Search, event: Event | None) -> Effect | Found:
    try:
        return next(search) if event is None else search.send(event)
    except StopIteration as stop:
        found = stop.value
        assert isinstance(found, Found)
        return found
