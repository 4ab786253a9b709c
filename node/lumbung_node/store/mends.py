"""The part of a group commit that deals with damage: marking it, mending it, keeping evidence, and the brake.

Whatever is written about damage goes through here in the batch of a group commit, so that the event, the count, the
brake and the row become durable together. `publish` is called after the sync.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.scrub_brake import is_mass_damage
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.events import NO_BLOB, NOBODY, Event, EventKind, FoundBy, put_events
from lumbung_node.store.jobs import Damage, Dropped, FeedMend, Recount, Remade
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    OriginCounts,
    RowState,
    blob_key,
    damaged_key,
    feed_key,
    number_key,
    place_key,
)
from lumbung_node.store.scrub_rows import Evidence, brake_key, break_key, evidence_key
from lumbung_node.store.state import StoreState

__all__ = ["Mends"]

_MENDS = (
    EventKind.REPAIRED,
    EventKind.FOUND_GOOD,
    EventKind.SIGNED_AGAIN,
    EventKind.LOST_FEED_ROW,
    EventKind.WRONG_HASH,
    EventKind.UNLISTED_ROW,
    EventKind.FEED_HOLE,
)
"""Events after which something is right again that was wrong, or after which others may have what is lost here."""


@dataclass(slots=True)
class Mends:
    """Shares batch, rows and counts with its group. `untouchable` are keys that this very group stores or repairs."""

    state: StoreState
    now_ms: int
    batch: Batch
    rows: dict[bytes, BlobRow]
    counts: dict[NodeNumber, OriginCounts]
    repaired: set[bytes]
    fresh: set[bytes]
    damaged: dict[tuple[NodeNumber, BlobId], int] = field(default_factory=dict)
    mended: list[tuple[NodeNumber, BlobId]] = field(default_factory=list)
    filled: list[tuple[NodeNumber, int]] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _wrong: dict[NodeNumber, int] = field(default_factory=dict)
    _braked: dict[NodeNumber, int] = field(default_factory=dict)
    _kept_bytes: int = 0
    _mended_routine: int = 0
    _mended_in_alarm: int = 0

    def set_damaged(self, damage: Damage) -> None:
        """The bytes stay aside as evidence; the blob no longer counts as held.

        A place that is named must still be the row's: else the bytes were replaced since somebody looked at them.
        """
        key = blob_key(damage.origin, damage.blob)
        row = self.rows.get(key)
        if row is None or key in self.repaired or key in self.fresh:
            return
        if damage.place is not None and damage.place != row.place:
            return
        if row.state is RowState.DAMAGED and (damage.origin, damage.blob) in self.state.damaged:
            return
        self._put_damaged(damage.origin, damage.blob, replace(row, state=RowState.DAMAGED))
        self.note(damage.kind, damage.found_by, damage.origin, damage.blob, row.number)

    def remake(self, item: Remade) -> None:
        """A row as it ought to be, in the place of the one that was looked at; if that has changed, nothing."""
        key = blob_key(item.origin, item.blob)
        if self.rows.get(key) != item.before or key in self.repaired or key in self.fresh:
            return
        self.note(item.kind, FoundBy.SCRUB, item.origin, item.blob, item.row.number)
        if item.kind is not EventKind.FOUND_GOOD and item.row.state is RowState.INTACT:
            self.count_wrong(item.origin)
        if item.row.state is RowState.DAMAGED:
            self._put_damaged(item.origin, item.blob, item.row)
            if item.before is not None and item.before.state is RowState.DROPPED:  # it is missed from now on
                counts = self._count(item.origin)
                self.counts[item.origin] = replace(counts, size_bytes=counts.size_bytes + item.row.size_bytes)
            return
        self.rows[key] = item.row
        self.batch.put(Family.BLOBS, key, item.row.pack())
        self.repaired.add(key)  # nobody reads it before the sync has returned
        if (item.origin, item.blob) in self.state.damaged:
            self.end_damage(item.origin, item.blob)

    def mend_feed(self, item: FeedMend) -> None:
        key = feed_key(item.origin, item.number)
        self.batch.put(Family.FEEDS, key, item.row.pack())
        self.batch.put(Family.FEEDS, number_key(item.origin, item.row.blob), item.number.to_bytes(8, "big"))
        self.repaired.add(key)  # nobody reads it before the sync has returned
        self.count_wrong(item.origin)
        self.note(item.kind, FoundBy.SCRUB, item.origin, item.row.blob, item.number)

    def replaced(self, origin: NodeNumber, blob: BlobId, old: BlobRow, source: NodeNumber) -> None:
        """A repair took the place of the run `old`: it goes, or stays as evidence while the brake is on."""
        in_alarm = self._is_braked(origin)
        if old.chunks:
            self._let_go(origin, blob, old, is_evidence=in_alarm)
        if old.state is RowState.DAMAGED:
            self.end_damage(origin, blob)
        if old.state is RowState.DROPPED:  # it came back: no damage was mended
            counts = self._count(origin)
            self.counts[origin] = replace(counts, size_bytes=counts.size_bytes + old.size_bytes)
            return
        self._count_mended(in_alarm=in_alarm)
        self.note(EventKind.REPAIRED, FoundBy.SCRUB, origin, blob, old.number, source)

    def regained(self, origin: NodeNumber, blob: BlobId, number: int, source: NodeNumber) -> None:
        """Its row was lost, and it came again before a scrub had missed it: found and mended in one."""
        if (origin, blob) in self.state.damaged and (origin, blob) not in self.mended:
            self.end_damage(origin, blob)
        self.count_wrong(origin)
        self.note(EventKind.LOST_ROW, FoundBy.REPEAT, origin, blob, number)
        self.note(EventKind.REPAIRED, FoundBy.REPEAT, origin, blob, number, source)
        self._count_mended(in_alarm=self._is_braked(origin))

    def fill(self, origin: NodeNumber, number: int, row: FeedRow) -> None:
        """A number of which nothing was left has its entry again: the break is over."""
        self.batch.put(Family.FEEDS, feed_key(origin, number), row.pack())
        self.batch.put(Family.FEEDS, number_key(origin, row.blob), number.to_bytes(8, "big"))
        self.batch.delete(Family.SYSTEM, break_key(origin, number))
        self.repaired.add(feed_key(origin, number))
        self.filled.append((origin, number))
        self.note(EventKind.LOST_FEED_ROW, FoundBy.REPEAT, origin, row.blob, number)

    def recount(self, item: Recount) -> None:
        if self._count(item.origin) == item.before:
            self.counts[item.origin] = item.right
            self.note(EventKind.WRONG_COUNT, FoundBy.SCRUB, item.origin)

    def drop(self, item: Dropped) -> None:
        """Let the bytes go for good. The row stays, so that feed, rows and inventory go on agreeing."""
        key = blob_key(item.origin, item.blob)
        if self.rows.get(key) != item.before or key in self.repaired or key in self.fresh:
            return
        if item.before.chunks:
            behind = place_key(item.before.place + item.before.chunks)
            self.batch.delete_range(Family.CHUNKS, place_key(item.before.place), behind)
        if item.before.state is RowState.DAMAGED:
            self.end_damage(item.origin, item.blob)
        self.rows[key] = replace(item.before, state=RowState.DROPPED, place=0, chunks=0)
        self.batch.put(Family.BLOBS, key, self.rows[key].pack())
        self.repaired.add(key)  # nobody says that we hold it, or that we do not, before the sync has returned
        counts = self._count(item.origin)
        self.counts[item.origin] = replace(counts, size_bytes=max(0, counts.size_bytes - item.before.size_bytes))

    def end_damage(self, origin: NodeNumber, blob: BlobId) -> None:
        counts = self._count(origin)
        self.counts[origin] = replace(counts, damaged=max(0, counts.damaged - 1))
        self.batch.delete(Family.SYSTEM, damaged_key(origin, blob))
        self.damaged.pop((origin, blob), None)
        self.mended.append((origin, blob))

    def count_wrong(self, origin: NodeNumber) -> None:
        """One more of what the brake counts."""
        self._wrong[origin] = self._wrong.get(origin, 0) + 1

    def note(
        self,
        kind: EventKind,
        found_by: FoundBy,
        origin: NodeNumber,
        blob: BlobId = NO_BLOB,
        number: int = 0,
        source: NodeNumber = NOBODY,
    ) -> None:
        self._events.append(Event(kind, found_by, self._is_braked(origin), origin, blob, number, self.now_ms, source))

    def note_all(self, events: Sequence[Event]) -> None:
        """A number of which nothing is left counts for the brake as damage does: it is what a lost file leaves."""
        self._events += events
        for event in events:
            if event.kind is EventKind.FEED_HOLE:
                self.count_wrong(event.origin)

    def finish(self) -> None:
        """Put the brake on where it is due, and write the events."""
        book = self.state.scrub
        for origin, wrong in self._wrong.items():
            total = book.progress(origin).wrong + wrong
            if not self._is_braked(origin) and is_mass_damage(total, self._count(origin).blobs, book.brake):
                self._braked[origin] = self.now_ms
                self.batch.put(Family.SYSTEM, brake_key(origin), self.now_ms.to_bytes(8, "big"))
                self.note(EventKind.MASS_DAMAGE, FoundBy.SCRUB, origin)
        if self._events:
            put_events(self.batch, book.next_event, self._events)

    def publish(self) -> None:
        book = self.state.scrub
        self.state.damaged.update(self.damaged)
        for key in self.mended:
            self.state.damaged.pop(key, None)
        for origin, wrong in self._wrong.items():
            progress = book.progress(origin)
            book.origins[origin] = replace(progress, wrong=progress.wrong + wrong)
        book.brakes.update(self._braked)
        for place in self.filled:
            book.breaks.pop(place, None)
        book.evidence_bytes += self._kept_bytes
        book.next_event += len(self._events)
        book.pass_row = replace(
            book.pass_row,
            wrong=book.pass_row.wrong + sum(self._wrong.values()),
            mended=book.pass_row.mended + self._mended_routine,
            mended_in_alarm=book.pass_row.mended_in_alarm + self._mended_in_alarm,
        )
        self._tell_mends()

    def _tell_mends(self) -> None:
        mended = [event.origin for event in self._events if event.kind in _MENDS]
        for origin in mended:
            self.state.mended[origin] = self.state.mended.get(origin, 0) + 1
        if mended:
            self.state.was_mended.beat()

    def _put_damaged(self, origin: NodeNumber, blob: BlobId, row: BlobRow) -> None:
        key = blob_key(origin, blob)
        self.rows[key] = row
        self.batch.put(Family.BLOBS, key, row.pack())
        self.batch.put(Family.SYSTEM, damaged_key(origin, blob), row.number.to_bytes(8, "big"))
        if (origin, blob) not in self.state.damaged and (origin, blob) not in self.damaged:
            counts = self._count(origin)
            self.counts[origin] = replace(counts, damaged=counts.damaged + 1)
            self.count_wrong(origin)
        self.damaged[origin, blob] = row.number

    def _let_go(self, origin: NodeNumber, blob: BlobId, old: BlobRow, *, is_evidence: bool) -> None:
        if is_evidence and self.state.scrub.has_room:
            kept = Evidence(origin, blob, old.chunks, old.size_bytes, self.now_ms)
            self.batch.put(Family.SYSTEM, evidence_key(old.place), kept.pack())
            self._kept_bytes += old.size_bytes
            return
        if is_evidence:
            self.note(EventKind.EVIDENCE_NOT_KEPT, FoundBy.SCRUB, origin, blob, old.number)
        self.batch.delete_range(Family.CHUNKS, place_key(old.place), place_key(old.place + old.chunks))

    def _count_mended(self, *, in_alarm: bool) -> None:
        if in_alarm:
            self._mended_in_alarm += 1
        else:
            self._mended_routine += 1

    def _is_braked(self, origin: NodeNumber) -> bool:
        return origin in self.state.scrub.brakes or origin in self._braked

    def _count(self, origin: NodeNumber) -> OriginCounts:
        return self.counts.get(origin) or self.state.count(origin)
