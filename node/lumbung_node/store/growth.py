"""How a group commit lets feeds grow: numbers, running hashes and counts, which become the state's after the sync."""

from __future__ import annotations

from lumbung_cluster.entry import Entry
from lumbung_cluster.feed import FeedEnd, next_hash
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.layout import FeedRow, OriginCounts, counts_key, feed_key, number_key, verified_key
from lumbung_node.store.state import StoreState

__all__ = ["Growth"]


class Growth:
    """Writes into its group's batch; `counts` is shared with the part that deals with damage."""

    def __init__(self, state: StoreState, now_ms: int, batch: Batch) -> None:
        self.counts: dict[NodeNumber, OriginCounts] = {}
        self._state = state
        self._now_ms = now_ms
        self._batch = batch
        self._ends: dict[NodeNumber, FeedEnd] = {}
        self._verified_since_ms: dict[NodeNumber, int] = {}

    def end(self, origin: NodeNumber) -> FeedEnd:
        """Behind what was added so far."""
        return self._ends.get(origin) or self._state.end(origin)

    def add(self, origin: NodeNumber, entry: Entry) -> FeedEnd:
        """The number and running hash of one more entry."""
        before = self.end(origin)
        end = FeedEnd(before.number + 1, next_hash(before.running_hash, entry))
        counts = self.counts.get(origin) or self._state.count(origin)
        self.counts[origin] = OriginCounts(counts.blobs + 1, counts.size_bytes + entry.size_bytes, counts.damaged)
        self._ends[origin] = end
        return end

    def put_row(self, origin: NodeNumber, number: int, row: FeedRow) -> None:
        """A new number, with the row that finds it by its id."""
        self._batch.put(Family.FEEDS, feed_key(origin, number), row.pack())
        self._batch.put(Family.FEEDS, number_key(origin, row.blob), number.to_bytes(8, "big"))

    def finish(self) -> None:
        for origin, counts in self.counts.items():
            self._batch.put(Family.SYSTEM, counts_key(origin), counts.pack())
            self._lower_verified(origin)

    def publish(self) -> None:
        self._state.ends.update(self._ends)
        self._state.counts.update(self.counts)
        self._state.verified_since_ms.update(self._verified_since_ms)

    def _lower_verified(self, origin: NodeNumber) -> None:
        """What is stored now counts as checked now: only an origin's first commit, or a clock set back, lowers it."""
        known = self._state.verified_since_ms.get(origin)
        if known is None or self._now_ms < known:
            self._verified_since_ms[origin] = self._now_ms
            self._batch.put(Family.SYSTEM, verified_key(origin), self._now_ms.to_bytes(8, "big"))
