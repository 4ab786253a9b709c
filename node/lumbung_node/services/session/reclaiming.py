"""Units that were let go and that a later roster gives back: asked for again, a group at a time.

Their rows say DROPPED, so nothing is missed and the inventories agree; but nothing may be signed for them before the
bytes are back. One group is under way to each peer; what a peer has not got, another session asks its own peer for.
"""

from __future__ import annotations

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BlobId, NodeNumber, units_of_mask
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.link import FrameLink
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import BlobRow, RowState, dropped_key
from lumbung_node.store.unit_rows import UnitRows, for_each_group
from lumbung_proto.v1 import peer_pb2

__all__ = ["Reclaiming"]


class Reclaiming:
    """`run` until cancelled."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber) -> None:
        self._core = core
        self._link = link
        self._peer = peer

    async def run(self) -> None:
        core = self._core
        while True:
            for origin in core.rosters.roster.origins_shared(core.number, self._peer):
                held = core.rosters.roster.units_held(core.number, origin)
                for unit in units_of_mask(core.store.state.dropped_units.get(origin, 0) & held):
                    try:
                        await self._reclaim(origin, unit)
                    except BlobDamaged as exc:  # a block of the index: the scrub mends it, and the session lives
                        core.log.error("unit not held again", origin=origin, unit=unit, reason=str(exc))
                        core.store.state.suspected.beat()
            await trio.sleep(limits.RECLAIM_LOOK_S)

    async def _reclaim(self, origin: NodeNumber, unit: int) -> None:
        left: list[BlobId] = []

        async def reclaim(group: list[tuple[BlobId, BlobRow]]) -> None:
            missing = [blob for blob, row in group if row.state is RowState.DROPPED]
            if missing:
                need = peer_pb2.Need(origin=origin, ids=[blob.raw for blob in missing])
                await self._link.send(peer_pb2.SessionFrame(need=need))
                left.extend(await self._left_of(origin, missing))

        await for_each_group(UnitRows(self._core.store.kv, origin, unit), limits.PROVE_IDS_MAX, reclaim)
        if not left:
            await self._close(origin, unit)

    async def _left_of(self, origin: NodeNumber, blobs: list[BlobId]) -> list[BlobId]:
        """Wait while they come; what is still missing when none of them came for a while, whatever else did."""
        left = blobs
        deadline = trio.current_time() + limits.BLOB_SILENCE_S
        while left:
            with trio.move_on_at(deadline) as silence:
                await self._core.store.state.grown.wait()
            rows = await self._core.store.reader.rows(origin, left)
            lacking = [b for b, row in zip(left, rows, strict=True) if row is None or row.state is RowState.DROPPED]
            if len(lacking) < len(left):
                left, deadline = lacking, trio.current_time() + limits.BLOB_SILENCE_S
            elif silence.cancelled_caught:
                break
        return left

    async def _close(self, origin: NodeNumber, unit: int) -> None:
        """From now on we may sign for the unit, if everything of it is back.

        Looked at anew, and nothing of it goes meanwhile: an order to let go that came just before the roster may have
        been on its way to the disk when the rows were read.
        """
        state = self._core.store.state
        async with state.units_turn:
            mask = state.dropped_units.get(origin, 0)
            if not mask >> unit & 1 or await self._lacks_any(origin, unit):
                return
            mask &= ~(1 << unit)
            job = Job()
            if mask:
                job.extra.put(Family.SYSTEM, dropped_key(origin), mask.to_bytes(8, "big"))
            else:
                job.extra.delete(Family.SYSTEM, dropped_key(origin))
            await self._core.store.committer.commit(job)
            state.dropped_units[origin] = mask
        state.grown.beat()
        self._core.log.info("unit held again", origin=origin, unit=unit)

    async def _lacks_any(self, origin: NodeNumber, unit: int) -> bool:
        lacking: list[BlobId] = []

        async def look(group: list[tuple[BlobId, BlobRow]]) -> None:
            lacking.extend(blob for blob, row in group if row.state is RowState.DROPPED)

        await for_each_group(UnitRows(self._core.store.kv, origin, unit), limits.PROVE_IDS_MAX, look)
        return bool(lacking)
