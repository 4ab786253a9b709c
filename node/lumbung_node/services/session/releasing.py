"""Releases in one session: as the origin we let a peer that leaves go, as that peer we keep what the origin signed.

The origin looks every half minute, and soon after the last proof has come, whether all present holders of the leaving
units have proven everything up to its own durable end. What is not proven, damaged or doubted stays out, unit by unit.
A release is told again every hour, and when the feed has grown, so that the newest one is fresh when the next roster
lets the peer go.
"""

from __future__ import annotations

import trio

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import InventoryUnknown, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber, all_units, units_of_mask
from lumbung_cluster.inventory.claims import make_claims
from lumbung_cluster.release import Release, SignedRelease, UnitVerdict, judge_release, sign_release
from lumbung_cluster.signed import Signature
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.link import FrameLink
from lumbung_node.store.jobs import Job
from lumbung_proto.v1 import leaving_frames_pb2, peer_pb2

__all__ = ["Releasing", "load_release", "release_key"]


class Releasing:
    """`run` until cancelled."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber) -> None:
        self._core = core
        self._link = link
        self._peer = peer

    # --- as the origin -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        told, told_at = 0, -limits.RELEASE_INTERVAL_S
        while True:
            leaving = self._core.rosters.roster.units_leaving(self._peer, self._core.number)
            end = self._core.store.state.end(self._core.number).number
            proven = self._proven_in_order(leaving, end)
            is_due = trio.current_time() - told_at >= limits.RELEASE_INTERVAL_S
            if leaving and not self._core.condition.stopped and (is_due or end != told):
                release = await self._make(leaving)
                if release is not None:
                    await self._tell(release)
                    told, told_at = release.content.number, trio.current_time()
            await self._wait(leaving if end != told else 0, proven)

    async def _wait(self, due: int, proven: int) -> None:
        """Until the next look: in half a minute, or soon after the ledger says other units proven than before."""
        looks = int(limits.RELEASE_LOOK_S / limits.RELEASE_PAUSE_S)
        for _ in range(looks):
            await trio.sleep(limits.RELEASE_PAUSE_S)
            end = self._core.store.state.end(self._core.number).number
            if self._proven_in_order(due, end) != proven & due:
                return

    async def _make(self, leaving: int) -> SignedRelease | None:
        """What we can say now; None when nothing of it is proven at all its present holders."""
        core, origin = self._core, self._core.number
        try:
            snapshot = await core.store.inventories.snapshot(origin)
        except InventoryUnknown:
            return None
        units = await self._proven_units(leaving & ~snapshot.doubted, snapshot.number)
        units &= self._proven_in_order(units, snapshot.number)  # another roster may have come while rows were read
        if not units:
            return None
        holders = {holder for unit in units_of_mask(units) for holder in self._present(unit)}
        claims = make_claims(core.store.inventories.key, origin, snapshot.inventory.digests(all_units()), units)
        content = Release(
            core.cluster,
            origin,
            core.store.state.generation,
            core.rosters.roster.epoch,
            self._peer,
            snapshot.number,
            core.clock.now_ms(),
            tuple(sorted(holders)),
            claims,
        )
        return sign_release(content, core.receipt_signer)

    def _present(self, unit: int) -> list[NodeNumber]:
        roster, origin = self._core.rosters.roster, self._core.number
        return [n for n in roster.holders_of(origin, unit) if n != origin and roster.is_present(n)]

    async def _proven_units(self, units: int, number: int) -> int:
        """Those of the units of which every present holder has proven all up to `number`, and we hold it intact."""
        core = self._core
        found = self._proven_in_order(units, number)
        holders = {holder for unit in units_of_mask(found) for holder in self._present(unit)}
        holes = {n for holder in holders for n in core.store.proofs.ledger.account(holder).holes if n <= number}
        rows = await core.store.reader.feed_rows(core.number, sorted(holes))
        if len(rows) < len(holes):
            return 0  # some unit lacks a proof, and the row that tells which is gone
        lacking = [row.blob for row in rows.values()]
        for blob in (*lacking, *(b for o, b in core.store.state.damaged if o == core.number)):
            found &= ~(1 << blob.unit)
        return found

    def _proven_in_order(self, units: int, number: int) -> int:
        """Those of the units of which every present holder has proven all up to `number`, but for its holes.

        None while the ledger is that of another roster: a holder has passed over what it was not to hold then.
        """
        ledger = self._core.store.proofs.ledger
        if not self._core.is_ledger_present:
            return 0
        found = 0
        for unit in units_of_mask(units):
            holders = self._present(unit)
            if holders and ledger.lowest_upto(holders) >= number:
                found |= 1 << unit
        return found

    async def _tell(self, release: SignedRelease) -> None:
        word = leaving_frames_pb2.ReleaseWord(
            body=release.body, public_key=release.signature.key_public, signature=release.signature.signature
        )
        await self._link.send(peer_pb2.SessionFrame(release=word))

    # --- as a node that leaves ---------------------------------------------------------------------------------

    async def take(self, word: leaving_frames_pb2.ReleaseWord) -> None:
        """Keep the origin's newest word for us, durably. Raises Rejected for one that is malformed or not its own.

        One that is dated ahead is left: an earlier one may be good, and the next comes when both clocks are right.
        """
        core = self._core
        try:
            release = SignedRelease.parse(word.body, Signature(word.public_key, word.signature))
        except Malformed as exc:
            raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
        verdicts = judge_release(
            core.rosters.roster,
            core.number,
            self._peer,
            release.content.units,
            release,
            core.verifier,
            release.content.signed_ms,
        )
        if UnitVerdict.BAD_SIGNATURE in verdicts.values():
            raise Rejected(StatusCode.PERMISSION_DENIED, f"release: expected the word of node {self._peer} for us")
        if release.content.is_dated_ahead(core.clock.now_ms()):
            core.log.warning("release dated ahead", origin=self._peer, signed_ms=release.content.signed_ms)
            return
        job = Job()
        job.extra.put(Family.SYSTEM, release_key(self._peer), release.to_bytes())
        await core.store.committer.commit(job)
        core.log.info("released", origin=self._peer, units=len(release.content.units), number=release.content.number)


def release_key(origin: NodeNumber) -> bytes:
    """SYSTEM: 'r', origin u32 -> the newest release that the origin signed for us."""
    return b"r" + origin.to_bytes(4, "big")


async def load_release(core: Core, origin: NodeNumber) -> SignedRelease | None:
    (raw,) = await core.store.kv.get(Family.SYSTEM, [release_key(origin)])
    return SignedRelease.from_bytes(raw) if raw is not None else None
