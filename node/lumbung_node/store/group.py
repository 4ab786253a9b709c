"""Building one group commit: pure bookkeeping from jobs and the rows that were there, into chunk rows and one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from lumbung_cluster.entry import Entry
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.ports.world import Signer
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.growth import Growth
from lumbung_node.store.homecoming import OldPlace
from lumbung_node.store.jobs import Adopted, Content, ForeignBlob, Job, Outcome, OwnBlob, SignedAgain, Stored
from lumbung_node.store.known import Known
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    ListPlace,
    MarkRow,
    RowState,
    TagVersion,
    blob_key,
    feed_key,
    mark_key,
    pack_versions,
)
from lumbung_node.store.mends import Mends
from lumbung_node.store.places import GroupPlaces
from lumbung_node.store.signing import GroupLists, NewOwn
from lumbung_node.store.state import KEY_NEXT_PLACE, KEY_NEXT_SERIAL, KEY_NONCE, NONCE_RESERVE, StoreState

__all__ = ["Group"]


class Group:
    """Takes the jobs' parts; `finish` gives what to write. State changes only in `publish`, after the sync.

    Own puts of all jobs come before foreign entries: a list's entries are consecutive in the own feed, and an own
    entry that comes home from a holder must not stand between them.
    """

    def __init__(
        self,
        state: StoreState,
        signer: Signer,
        now_ms: int,
        rows: dict[bytes, BlobRow],
        versions: dict[bytes, list[TagVersion]],
        feed_rows: dict[tuple[NodeNumber, int], FeedRow],
        known: dict[tuple[NodeNumber, BlobId], Known],
        old_places: dict[BlobId, OldPlace],
    ) -> None:
        self._state = state
        self._now_ms = now_ms
        self._rows = rows
        self._versions = versions
        self._feed_rows = feed_rows
        self._known = known
        self._old_places = old_places
        self.batch = Batch()
        self._growth = Growth(state, now_ms, self.batch)
        self._lists = GroupLists(state, signer, self.batch)
        self._places = GroupPlaces(state, self.batch)
        self.repaired: set[bytes] = set()
        self.new_small: list[tuple[int, OwnBlob]] = []  # puts of one chunk in memory, and where it lies
        self.marks: dict[tuple[NodeNumber, NodeNumber], MarkRow] = {}
        self._fresh: set[bytes] = set()
        self._unsigned = ListPlace(state.generation, 0, 0, 0)
        self._mends = Mends(state, now_ms, self.batch, rows, self._growth.counts, self.repaired, self._fresh)

    @property
    def chunk_rows(self) -> list[tuple[bytes, bytes]]:
        """What goes to the disk before the batch."""
        return self._places.chunk_rows

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
        for recount in job.recounts:
            self._mends.recount(recount)
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
        self._lists.sign_all(self._write_own)
        self._mends.finish()
        self._growth.finish()
        state = self._state
        self.batch.put(Family.SYSTEM, KEY_NEXT_PLACE, state.next_place.to_bytes(8, "big"))
        self.batch.put(Family.SYSTEM, KEY_NEXT_SERIAL, state.next_serial.to_bytes(8, "big"))
        self.batch.put(Family.SYSTEM, KEY_NONCE, (state.next_nonce + NONCE_RESERVE).to_bytes(8, "big"))

    def publish(self) -> None:
        """The sync has returned: from now on readers, peers and signatures may see it."""
        self._growth.publish()
        self._state.marks.update(self.marks)
        self._mends.publish()

    def _add_own(self, item: OwnBlob) -> Stored:
        origin = self._state.node
        key = blob_key(origin, item.blob)
        row = self._rows.get(key)
        if row is not None:
            if row.state is RowState.INTACT and (not item.repairs or key in self._fresh):
                self._places.drop(item.content, row)
                return Stored(Outcome.PRESENT, row.number)
            return self._repair(key, replace(row, size_bytes=item.content.size_bytes), item.content, origin, origin)
        entry = Entry(item.blob, item.content.size_bytes, self._now_ms, item.seal_epoch, item.flags)
        known = self._known.get((origin, item.blob))
        if known is not None:
            return self._regain_own(item, entry, known)
        end = self._growth.add(origin, entry)
        new = NewOwn(item, entry, self._places.take(item.content), end)
        if len(item.content.chunks) == 1:
            self.new_small.append((new.place, item))
        self._lists.add(new)
        self._fresh.add(key)
        # A placeholder, so that a second put of the same bytes in this group is answered as present.
        self._rows[key] = self._row(entry, item.content, new.place, end.number, self._unsigned)
        self._add_version(item, end.number)
        return Stored(Outcome.STORED, end.number)

    def _add_version(self, item: OwnBlob, number: int) -> None:
        if item.record_tag:
            versions = self._versions.setdefault(item.record_tag, [])
            if all(version.number != number for version in versions):
                versions.append(TagVersion(number, item.blob, item.content_tag))
            self.batch.put(Family.TAGS, item.record_tag, pack_versions(versions))

    def _regain_own(self, item: OwnBlob, entry: Entry, known: Known) -> Stored:
        self._add_version(item, known.number)
        sign = partial(self._lists.sign_alone, known.number, known.previous, entry)
        return self._regain(self._state.node, entry, item.content, known, sign, self._state.node)

    def _add_foreign(self, item: ForeignBlob) -> Stored:
        content = item.signed.content
        entry = content.entries[item.index]
        key = blob_key(content.origin, entry.blob)
        row = self._rows.get(key)
        if row is not None:
            if row.state is RowState.INTACT:
                self._places.drop(item.content, row)
                return Stored(Outcome.PRESENT, row.number)
            signed = self._lists.keep(item)
            if signed != row.signed:
                self._move_to_list(content.origin, row.number, item, signed)
            self._fill_old_place(item, entry, signed, row.number)
            # Size and time are the entry's: a row that was made again from a feed row alone did not know them.
            told = replace(row, signed=signed, size_bytes=entry.size_bytes, time_ms=entry.time_ms)
            return self._repair(key, told, item.content, content.origin, item.source)
        known = self._known.get((content.origin, entry.blob)) or self._known_of_old_place(content.origin, entry.blob)
        if known is not None:
            keep = partial(self._lists.keep, item)
            stored = self._regain(content.origin, entry, item.content, known, keep, item.source)
            self._fill_old_place(item, entry, self._rows[key].signed, known.number)
            return stored
        end, signed = self._growth.add(content.origin, entry), self._lists.keep(item)
        feed_row = FeedRow(entry.blob, end.running_hash, signed, item.source, item.source_generation)
        self._growth.put_row(content.origin, end.number, feed_row)
        self._put_row(key, self._row(entry, item.content, self._places.take(item.content), end.number, signed))
        return Stored(Outcome.STORED, end.number)

    def _known_of_old_place(self, origin: NodeNumber, blob: BlobId) -> Known | None:
        place = self._old_places.get(blob) if origin == self._state.node else None
        return Known(place.number, None, None, place.previous) if place is not None else None

    def _fill_old_place(self, item: ForeignBlob, entry: Entry, signed: ListPlace, number: int) -> None:
        """An own entry that comes home to a number of which nothing was left."""
        place = self._old_places.get(entry.blob) if item.signed.content.origin == self._state.node else None
        if place is not None and place.number == number:
            row = FeedRow(entry.blob, place.running_hash, signed, item.source, item.source_generation)
            self._mends.fill(self._state.node, number, row)

    def _move_to_list(self, origin: NodeNumber, number: int, item: ForeignBlob, signed: ListPlace) -> None:
        """The blob came back with another list of its origin: the feed row follows, its running hash stays."""
        row = self._feed_rows.get((origin, number))
        if row is not None and row.blob == item.signed.content.entries[item.index].blob:
            self._move_row(origin, number, row, signed)

    def _move_row(self, origin: NodeNumber, number: int, row: FeedRow, signed: ListPlace) -> None:
        self.batch.put(Family.FEEDS, feed_key(origin, number), replace(row, signed=signed).pack())

    def _regain(
        self,
        origin: NodeNumber,
        entry: Entry,
        content: Content,
        known: Known,
        make_list: Callable[[], ListPlace],
        source: NodeNumber,
    ) -> Stored:
        """A row that was lost behind the index's back comes again under its number, with its list if that is left."""
        feed_row, kept = known.feed_row, known.entry
        if feed_row is not None and kept is not None:
            signed, entry = feed_row.signed, kept
        else:
            signed = make_list()
            if feed_row is not None:
                self._move_row(origin, known.number, feed_row, signed)
        key = blob_key(origin, entry.blob)
        self._put_row(key, self._row(entry, content, self._places.take(content), known.number, signed))
        self.repaired.add(key)
        self._mends.regained(origin, entry.blob, known.number, source)
        return Stored(Outcome.REPAIRED, known.number)

    def _repair(self, key: bytes, row: BlobRow, content: Content, origin: NodeNumber, source: NodeNumber) -> Stored:
        """New bytes under the old number; the damaged run is let go in the batch that makes the new one durable."""
        self._mends.replaced(origin, BlobId(key[4:]), row, source)
        mended = replace(
            row,
            state=RowState.INTACT,
            place=self._places.take(content),
            chunks=max(content.chunk_count, len(content.chunks)),
            verified_ms=self._now_ms,
        )
        self._put_row(key, mended)
        self.repaired.add(key)
        return Stored(Outcome.REPAIRED, row.number)

    def _sign_again(self, item: SignedAgain) -> None:
        """An own entry whose list is lost: we are who signs for it."""
        state, blob = self._state, item.entry.blob
        key = blob_key(state.node, blob)
        row = self._rows.get(key)
        if row is None or key in self.repaired or row.signed != item.feed_row.signed:
            return
        place = self._lists.sign_alone(item.number, item.previous, item.entry)
        self._move_row(state.node, item.number, item.feed_row, place)
        self._put_row(key, replace(row, signed=place))
        self.repaired |= {key, feed_key(state.node, item.number)}  # nobody offers the list before it is durable
        if item.is_row_lost:
            self._mends.count_wrong(state.node)
        self._mends.note(EventKind.SIGNED_AGAIN, FoundBy.SCRUB, state.node, blob, item.number)

    def _adopt(self, item: Adopted) -> None:
        """A row that no feed row names gets the next number: nothing that is here stays unknown to the others."""
        key = blob_key(item.origin, item.entry.blob)
        if self._rows.get(key) != item.before:
            return
        known = self._known.get((item.origin, item.entry.blob))
        if known is not None:  # its number was wrong, and it has one
            self._put_row(key, replace(item.before, number=known.number))
            self.repaired.add(key)
            self._mends.note(EventKind.WRONG_ROW, FoundBy.SCRUB, item.origin, item.entry.blob, known.number)
            return
        previous, end = self._growth.end(item.origin).running_hash, self._growth.add(item.origin, item.entry)
        signed = self._lists.sign_alone(end.number, previous, item.entry) if item.is_unsigned else item.before.signed
        feed_row = FeedRow(item.entry.blob, end.running_hash, signed, self._state.node, self._state.generation)
        self._growth.put_row(item.origin, end.number, feed_row)
        self._put_row(key, replace(item.before, number=end.number, signed=signed))
        self._fresh.add(key)
        self._mends.note(EventKind.UNLISTED_ROW, FoundBy.SCRUB, item.origin, item.entry.blob, end.number)

    def _write_own(self, new: NewOwn, signed: ListPlace) -> None:
        """A new own entry whose list is signed."""
        origin, generation = self._state.node, self._state.generation
        feed_row = FeedRow(new.entry.blob, new.end.running_hash, signed, origin, generation)
        self._growth.put_row(origin, new.end.number, feed_row)
        row = self._row(new.entry, new.item.content, new.place, new.end.number, signed)
        self._put_row(blob_key(origin, new.entry.blob), row)

    def _put_row(self, key: bytes, row: BlobRow) -> None:
        self._rows[key] = row
        self.batch.put(Family.BLOBS, key, row.pack())

    def _row(self, entry: Entry, content: Content, place: int, number: int, signed: ListPlace) -> BlobRow:
        chunks = max(content.chunk_count, len(content.chunks))
        return BlobRow(RowState.INTACT, entry.size_bytes, place, chunks, number, entry.time_ms, self._now_ms, signed)
