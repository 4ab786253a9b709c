"""Building one group commit: pure bookkeeping from jobs and the rows that were there, into chunk rows and one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.feed import FeedEnd, next_hash
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import LIST_ENTRIES_MAX
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.ports.world import Signer
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.jobs import Adopted, Content, ForeignBlob, Job, Outcome, OwnBlob, SignedAgain, Stored
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    ListPlace,
    MarkRow,
    OriginCounts,
    RowState,
    TagVersion,
    blob_key,
    counts_key,
    feed_key,
    list_key,
    mark_key,
    pack_list,
    pack_versions,
    place_key,
    verified_key,
)
from lumbung_node.store.mends import Mends
from lumbung_node.store.state import KEY_NEXT_PLACE, KEY_NEXT_SERIAL, KEY_NONCE, NONCE_RESERVE, StoreState

__all__ = ["Group"]


@dataclass(slots=True)
class _NewOwn:
    """A new own entry that waits for its list's signature."""

    item: OwnBlob
    entry: Entry
    place: int
    number: int
    running_hash: bytes


class Group:
    """Takes the jobs' parts; `finish` gives what to write. State changes only in `publish`, after the sync.

    Own puts of all jobs come before foreign entries: a list's entries are consecutive in the own feed, and an own
    entry that comes home from a holder must not stand between them.
    """

    _previous_hash: bytes | None = None

    def __init__(
        self,
        state: StoreState,
        signer: Signer,
        now_ms: int,
        rows: dict[bytes, BlobRow],
        versions: dict[bytes, list[TagVersion]],
        feed_rows: dict[tuple[NodeNumber, int], FeedRow],
    ) -> None:
        self._state = state
        self._signer = signer
        self._now_ms = now_ms
        self._rows = rows
        self._versions = versions
        self._feed_rows = feed_rows
        self._ends: dict[NodeNumber, FeedEnd] = {}
        self._counts: dict[NodeNumber, OriginCounts] = {}
        self._lists: set[tuple[NodeNumber, tuple[int, int, int]]] = set()
        self._unsigned: list[_NewOwn] = []
        self.batch = Batch()
        self.chunk_rows: list[tuple[bytes, bytes]] = []
        self.repaired: set[bytes] = set()
        self.marks: dict[tuple[NodeNumber, NodeNumber], MarkRow] = {}
        self.verified_since_ms: dict[NodeNumber, int] = {}
        self._fresh: set[bytes] = set()
        self._mends = Mends(state, now_ms, self.batch, rows, self._counts, self.repaired, self._fresh)

    def add(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.results += [self._add_own(own) for own in job.own]
        for job in jobs:
            job.results += [self._add_foreign(foreign) for foreign in job.foreign]
            self._add_rest(job)

    def _add_rest(self, job: Job) -> None:
        for damage in job.damage:
            self._mends.set_damaged(damage)
        for remade in job.remade:
            self._mends.remake(remade)
        for mend in job.feed_mends:
            self._mends.mend_feed(mend)
        for again in job.signed_again:
            self._sign_again(again)
        for adopted in job.adopted:
            self._adopt(adopted)
        for dropped in job.dropped:
            self._mends.drop(dropped)
        self._mends.note_all(job.events)
        for (sender, origin), mark in job.marks.items():
            self.batch.put(Family.MARKS, mark_key(sender, origin), mark.pack())
            self.marks[sender, origin] = mark
        for tag, versions in job.tags.items():
            self._merge_versions(tag, versions)
        self.batch.puts += job.extra.puts
        self.batch.deletes += job.extra.deletes
        self.batch.deletes_range += job.extra.deletes_range

    def _merge_versions(self, tag: bytes, older: Sequence[TagVersion]) -> None:
        """Versions of a record that come back from a set-aside store are older than all that are here."""
        here = self._versions.setdefault(tag, [])
        known = {version.blob for version in here}
        here[:0] = [version for version in older if version.blob not in known]
        if here:
            self.batch.put(Family.TAGS, tag, pack_versions(here))

    def finish(self) -> None:
        """Sign what is new and close the batch."""
        while self._unsigned:
            self._sign(self._unsigned[:LIST_ENTRIES_MAX])
            del self._unsigned[:LIST_ENTRIES_MAX]
        self._mends.finish()
        for origin, counts in self._counts.items():
            self.batch.put(Family.SYSTEM, counts_key(origin), counts.pack())
            self._lower_verified(origin)
        state = self._state
        self.batch.put(Family.SYSTEM, KEY_NEXT_PLACE, state.next_place.to_bytes(8, "big"))
        self.batch.put(Family.SYSTEM, KEY_NEXT_SERIAL, state.next_serial.to_bytes(8, "big"))
        self.batch.put(Family.SYSTEM, KEY_NONCE, (state.next_nonce + NONCE_RESERVE).to_bytes(8, "big"))

    def publish(self) -> None:
        """The sync has returned: from now on readers, peers and signatures may see it."""
        self._state.ends.update(self._ends)
        self._state.counts.update(self._counts)
        self._state.marks.update(self.marks)
        self._state.verified_since_ms.update(self.verified_since_ms)
        self._mends.publish()

    def _lower_verified(self, origin: NodeNumber) -> None:
        """What is stored now counts as checked now: only an origin's first commit, or a clock set back, lowers it."""
        known = self._state.verified_since_ms.get(origin)
        if known is None or self._now_ms < known:
            self.verified_since_ms[origin] = self._now_ms
            self.batch.put(Family.SYSTEM, verified_key(origin), self._now_ms.to_bytes(8, "big"))

    def _add_own(self, item: OwnBlob) -> Stored:
        origin = self._state.node
        key = blob_key(origin, item.blob)
        row = self._rows.get(key)
        if row is not None:
            if row.state is RowState.INTACT and (not item.repairs or key in self._fresh):
                self._drop(item.content, row)
                return Stored(Outcome.PRESENT, row.number)
            return self._repair(key, replace(row, size_bytes=item.content.size_bytes), item.content, origin, origin)
        end = self._end(origin)
        entry = Entry(item.blob, item.content.size_bytes, self._now_ms, item.seal_epoch, item.flags)
        running_hash = next_hash(end.running_hash, entry)
        number = end.number + 1
        new = _NewOwn(item, entry, self._place(item.content), number, running_hash)
        self._unsigned.append(new)
        self._grow(origin, FeedEnd(number, running_hash), entry.size_bytes)
        self._fresh.add(key)
        # A placeholder, so that a second put of the same bytes in this group is answered as present.
        self._rows[key] = self._row(entry, item.content, new.place, number, ListPlace(self._state.generation, 0, 0, 0))
        if item.record_tag:
            versions = self._versions.setdefault(item.record_tag, [])
            versions.append(TagVersion(number, item.blob, item.content_tag))
            self.batch.put(Family.TAGS, item.record_tag, pack_versions(versions))
        return Stored(Outcome.STORED, number)

    def _add_foreign(self, item: ForeignBlob) -> Stored:
        content = item.signed.content
        entry = content.entries[item.index]
        key = blob_key(content.origin, entry.blob)
        row = self._rows.get(key)
        if row is not None:
            if row.state is RowState.INTACT:
                self._drop(item.content, row)
                return Stored(Outcome.PRESENT, row.number)
            signed = self._keep_list(item)
            if signed != row.signed:
                self._move_to_list(content.origin, row.number, item, signed)
            # Size and time are the entry's: a row that was made again from a feed row alone did not know them.
            known = replace(row, signed=signed, size_bytes=entry.size_bytes, time_ms=entry.time_ms)
            return self._repair(key, known, item.content, content.origin, item.source)
        end = self._end(content.origin)
        number = end.number + 1
        running_hash = next_hash(end.running_hash, entry)
        signed = self._keep_list(item)
        feed_row = FeedRow(entry.blob, running_hash, signed, item.source, item.source_generation)
        self.batch.put(Family.FEEDS, feed_key(content.origin, number), feed_row.pack())
        self._rows[key] = self._row(entry, item.content, self._place(item.content), number, signed)
        self.batch.put(Family.BLOBS, key, self._rows[key].pack())
        self._grow(content.origin, FeedEnd(number, running_hash), entry.size_bytes)
        return Stored(Outcome.STORED, number)

    def _keep_list(self, item: ForeignBlob) -> ListPlace:
        """The list goes down with its first blob, and again with a repair: the one here may be what was lost."""
        origin, signed = item.signed.content.origin, ListPlace.of(item.signed, item.index)
        if (origin, signed.list) not in self._lists:
            self._lists.add((origin, signed.list))
            self.batch.put(Family.LISTS, list_key(origin, signed), pack_list(item.signed.body, item.signed.signature))
        return signed

    def _move_to_list(self, origin: NodeNumber, number: int, item: ForeignBlob, signed: ListPlace) -> None:
        """The blob came back with another list of its origin: the feed row follows, its running hash stays."""
        row = self._feed_rows.get((origin, number))
        if row is not None and row.blob == item.signed.content.entries[item.index].blob:
            self.batch.put(Family.FEEDS, feed_key(origin, number), replace(row, signed=signed).pack())

    def _repair(self, key: bytes, row: BlobRow, content: Content, origin: NodeNumber, source: NodeNumber) -> Stored:
        """New bytes under the old number; the damaged run is let go in the batch that makes the new one durable."""
        self._mends.replaced(origin, BlobId(key[4:]), row, source)
        mended = replace(
            row,
            state=RowState.INTACT,
            place=self._place(content),
            chunks=max(content.chunk_count, len(content.chunks)),
            verified_ms=self._now_ms,
        )
        self._rows[key] = mended
        self.repaired.add(key)
        self.batch.put(Family.BLOBS, key, mended.pack())
        return Stored(Outcome.REPAIRED, row.number)

    def _sign_again(self, item: SignedAgain) -> None:
        """An own entry whose list is lost: we are who signs for it."""
        state, blob = self._state, item.entry.blob
        key = blob_key(state.node, blob)
        row = self._rows.get(key)
        if row is None or key in self.repaired or row.signed != item.feed_row.signed:
            return
        content = EntryList(state.cluster, state.node, state.generation, item.number, item.previous, (item.entry,))
        signed = sign_list(content, self._signer)
        place = ListPlace.of(signed, 0)
        self.batch.put(Family.LISTS, list_key(state.node, place), pack_list(signed.body, signed.signature))
        feed_row = replace(item.feed_row, signed=place)
        self.batch.put(Family.FEEDS, feed_key(state.node, item.number), feed_row.pack())
        self.repaired |= {key, feed_key(state.node, item.number)}  # nobody offers the list before it is durable
        self._rows[key] = replace(row, signed=place)
        self.batch.put(Family.BLOBS, key, self._rows[key].pack())
        self._mends.note(EventKind.SIGNED_AGAIN, FoundBy.SCRUB, state.node, blob, item.number)

    def _adopt(self, item: Adopted) -> None:
        """A row that no feed row names gets the next number: nothing that is here stays unknown to the others."""
        key = blob_key(item.origin, item.entry.blob)
        if self._rows.get(key) != item.before:
            return
        end = self._end(item.origin)
        number, running_hash = end.number + 1, next_hash(end.running_hash, item.entry)
        source, generation = self._state.node, self._state.generation
        feed_row = FeedRow(item.entry.blob, running_hash, item.before.signed, source, generation)
        self.batch.put(Family.FEEDS, feed_key(item.origin, number), feed_row.pack())
        self._rows[key] = replace(item.before, number=number)
        self.batch.put(Family.BLOBS, key, self._rows[key].pack())
        self._fresh.add(key)
        self._grow(item.origin, FeedEnd(number, running_hash), item.entry.size_bytes)
        self._mends.note(EventKind.UNLISTED_ROW, FoundBy.SCRUB, item.origin, item.entry.blob, number)

    def _sign(self, news: list[_NewOwn]) -> None:
        origin, generation, first = self._state.node, self._state.generation, news[0].number
        content = EntryList(
            self._state.cluster, origin, generation, first, self._hash_before(news[0]), tuple(n.entry for n in news)
        )
        signed = sign_list(content, self._signer)
        place = ListPlace.of(signed, 0)
        self.batch.put(Family.LISTS, list_key(origin, place), pack_list(signed.body, signed.signature))
        for index, new in enumerate(news):
            place = replace(place, index=index)
            feed_row = FeedRow(new.entry.blob, new.running_hash, place, origin, generation)
            self.batch.put(Family.FEEDS, feed_key(origin, new.number), feed_row.pack())
            row = self._row(new.entry, new.item.content, new.place, new.number, place)
            key = blob_key(origin, new.entry.blob)
            self._rows[key] = row
            self.batch.put(Family.BLOBS, key, row.pack())
        self._previous_hash = news[-1].running_hash

    def _hash_before(self, new: _NewOwn) -> bytes:
        return self._previous_hash or self._state.end(self._state.node).running_hash

    def _row(self, entry: Entry, content: Content, place: int, number: int, signed: ListPlace) -> BlobRow:
        chunks = max(content.chunk_count, len(content.chunks))
        return BlobRow(RowState.INTACT, entry.size_bytes, place, chunks, number, entry.time_ms, self._now_ms, signed)

    def _place(self, content: Content) -> int:
        """Where the bytes lie: a run that is written already gets its row now, bytes in memory get places."""
        if content.chunk_count:
            self.batch.delete(Family.PENDING, place_key(content.place))
            return content.place
        first = self._state.take_places(len(content.chunks))
        self.chunk_rows += ((place_key(first + i), chunk) for i, chunk in enumerate(content.chunks))
        return first

    def _drop(self, content: Content, row: BlobRow) -> None:
        """The blob is here already: a run that was written for it goes, unless it is the very run that holds it."""
        if content.chunk_count and content.place != row.place:
            self.batch.delete(Family.PENDING, place_key(content.place))
            behind = place_key(content.place + content.chunk_count)
            self.batch.delete_range(Family.CHUNKS, place_key(content.place), behind)

    def _end(self, origin: NodeNumber) -> FeedEnd:
        return self._ends.get(origin) or self._state.end(origin)

    def _count(self, origin: NodeNumber) -> OriginCounts:
        return self._counts.get(origin) or self._state.count(origin)

    def _grow(self, origin: NodeNumber, end: FeedEnd, size_bytes: int) -> None:
        self._ends[origin] = end
        counts = self._count(origin)
        self._counts[origin] = replace(counts, blobs=counts.blobs + 1, size_bytes=counts.size_bytes + size_bytes)
