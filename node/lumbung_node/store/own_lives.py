"""This node's own lives: beginning one in the identity's record, and signing for the one that the record names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import StoreMisconfigured
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.life import GENERATION_MAX, LIFE_ID_SIZE_BYTES, Life, SignedLife, sign_life
from lumbung_cluster.signed import Signer
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.world import Randomness, WallClock

__all__ = ["OwnLives", "recovered_record", "stopped_by"]


@dataclass(frozen=True, slots=True)
class OwnLives:
    """`signer` has the node's receipt key. A statement is signed anew at each start: the key may have changed."""

    cluster: ClusterId
    node: NodeNumber
    signer: Signer
    clock: WallClock
    randomness: Randomness

    def begin(self, generation: Generation, record: IdentityRecord) -> IdentityRecord:
        """The record of a new life; it is one only when it is saved. Raises StoreMisconfigured behind the last one."""
        if generation > GENERATION_MAX:
            raise StoreMisconfigured(f"expected a generation up to {GENERATION_MAX}, got {generation}: enrol anew")
        life_id = self.randomness.bytes(LIFE_ID_SIZE_BYTES)
        return replace(record, generation=generation, life_id=life_id, life_started_ms=self.clock.now_ms())

    def sign(self, record: IdentityRecord) -> SignedLife:
        life = Life(self.cluster, self.node, record.generation, record.life_id, record.life_started_ms)
        return sign_life(life, self.signer)


def recovered_record(record: IdentityRecord | None, seen: Sequence[Life], now_ms: int) -> IdentityRecord:
    """The record after an operator's word that this is the only machine of its node; the next opening begins a life.

    `record` is what the identity remembers (None: it was lost), `seen` what the peers have met of this node. The new
    generation is one above all of them. Without tokens no folder matches, whatever lies in it.
    """
    generations = [life.generation for life in seen]
    if record is not None:
        stopper = stopped_by(record)
        generations += [record.generation, *([stopper.content.generation] if stopper is not None else [])]
    highest = Generation(max(generations, default=0))
    if record is None:
        return IdentityRecord(highest, b"", b"", b"", "", now_ms)
    return replace(record, generation=highest, token=b"", token_next=b"", stopped_by=b"")


def stopped_by(record: IdentityRecord) -> SignedLife | None:
    """The life that has stopped this machine. Raises StoreMisconfigured for bytes that are none."""
    if not record.stopped_by:
        return None
    try:
        return SignedLife.from_bytes(record.stopped_by)
    except Malformed as exc:
        raise StoreMisconfigured(f"identity, stopped_by: {exc}") from exc
