"""The moments of our sets that a teller speaks of: of all origins by end and fingerprint, of one origin whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import InventoryUnknown
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import Fingerprints
from lumbung_cluster.reconcile.messages import Broken
from lumbung_cluster.reconcile.side import Side
from lumbung_node.services.core import Core
from lumbung_node.services.session.reconcile_views import common_units, units_beyond

__all__ = ["Frozen", "Moment", "Moments"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Our set of one origin as we told of it: end of the feed and fingerprint then, and what no comparison sees."""

    number: int
    running_hash: bytes
    root: bytes
    beyond: int


@dataclass(slots=True)
class Frozen:
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
    moments: dict[NodeNumber, Moment]


class Moments:
    """Of one session. At most one is kept whole (150 KB), and `Core.reconcile_frozen` bounds those of all sessions."""

    def __init__(self, core: Core, peer: NodeNumber) -> None:
        self._core = core
        self._peer = peer
        self._comparison: _Comparison | None = None
        self.frozen: Frozen | None = None

    def begin(self, serial: int, fingerprints: Fingerprints, moments: Mapping[NodeNumber, Moment]) -> None:
        """A new comparison."""
        self._comparison = _Comparison(serial, fingerprints, dict(moments))

    def forget(self) -> None:
        """Nothing of an earlier comparison is spoken of any more."""
        self._comparison = None
        self.thaw()

    def thaw(self) -> None:
        if self.frozen is not None:
            self.frozen = None
            self._core.reconcile_frozen.release()

    def of(self, serial: int, origin: NodeNumber) -> Moment | None:
        """What was told of this origin in the comparison that the asker means."""
        if self._comparison is None or self._comparison.serial != serial:
            return None
        return self._comparison.moments.get(origin)

    async def frozen_for(self, serial: int, origin: NodeNumber) -> Frozen | None:
        """The whole moment of this origin in the comparison that the asker means; None when there is none to be had."""
        if self._comparison is None or self._comparison.serial != serial:
            return None
        if origin not in self._comparison.moments:
            raise Broken(f"expected an origin of comparison {serial}, got {origin}")
        return await self.freeze(origin)

    async def freeze(self, origin: NodeNumber) -> Frozen | None:
        """Keep this moment of the origin; None when too many are kept already, or nobody knows the set."""
        assert self._comparison is not None
        if self.frozen is not None and self.frozen.side.origin == origin:
            return self.frozen
        self.thaw()
        try:
            snapshot = await self._core.store.inventories.snapshot(origin)
        except InventoryUnknown:
            return None
        units = common_units(self._core, origin, self._peer)
        if not units:
            return None  # another roster is in force since the comparison
        try:
            self._core.reconcile_frozen.acquire_nowait()
        except trio.WouldBlock:
            return None
        side = Side(origin, units, snapshot.inventory, self._comparison.fingerprints)
        self.frozen = Frozen(side, snapshot.number, snapshot.running_hash)
        beyond = snapshot.inventory.count_of(units_beyond(self._core, origin, self._peer))
        self._comparison.moments[origin] = Moment(snapshot.number, snapshot.running_hash, side.root(), beyond)
        return self.frozen
