"""One feed number at which something is wrong: what it is, and what a commit has to do about it.

Looked at afresh, alone, and from all sides, so that a commit that was under way when the scrub came past is not taken
for damage. What cannot be put right from here becomes a damaged row: it is withdrawn, and asked for elsewhere.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from functools import partial

from lumbung_cluster.entry import Entry
from lumbung_cluster.feed import next_hash
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import LIST_ENTRIES_MAX
from lumbung_cluster.scrub_chain import LinkState
from lumbung_cluster.scrub_entry import recover_entry, recover_first
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.looking import Looked, links_of, look, previous_hash
from lumbung_node.services.scrub.reading import ByteReader, Stored
from lumbung_node.store.events import NO_BLOB, Event, EventKind, FoundBy
from lumbung_node.store.jobs import Damage, FeedMend, Job, Remade, SignedAgain
from lumbung_node.store.layout import BlobRow, FeedRow, RowState, feed_key, number_key
from lumbung_node.store.readable import read_rows
from lumbung_node.store.runs import chunk_count
from lumbung_node.store.scrub_rows import break_key, twice_key

__all__ = ["Diagnosis", "RowsByNumber", "diagnose", "is_proven_elsewhere"]

RowsByNumber = dict[int, tuple[BlobId, BlobRow]]


@dataclass(slots=True)
class Diagnosis:
    """What to commit. `twice` and `breaks` are for the book once it is durable; `doubt` says why, empty for none.

    `let_go` are units (origin, unit) of which bytes were let go, though nothing says so. `hashes` are the running
    hashes of feed rows that are made again here, `filled` the numbers among them that were known breaks.
    """

    job: Job = field(default_factory=Job)
    let_go: set[tuple[NodeNumber, int]] = field(default_factory=set)
    twice: dict[tuple[NodeNumber, BlobId], tuple[int, ...]] = field(default_factory=dict)
    breaks: dict[tuple[NodeNumber, int], int] = field(default_factory=dict)
    doubt: str = ""
    hashes: dict[int, bytes] = field(default_factory=dict)
    filled: list[tuple[NodeNumber, int]] = field(default_factory=list)


async def diagnose(
    core: Core, reader: ByteReader, origin: NodeNumber, number: int, rows: RowsByNumber, found: Diagnosis
) -> None:
    """Add to `found` what is to be done about this number. `rows` has the blob rows of lost feed rows."""
    end = core.store.state.end(origin).number
    item, *rest = await look(core, origin, number, min(number + 1, end))
    if item.is_changing:
        return
    ahead = rest[0] if rest else None
    if item.feed is None:
        await _lost_feed_row(core, origin, item, ahead, rows, found)
        return
    previous = found.hashes.get(number - 1) or await previous_hash(core, origin, number)
    await _judge_hash(core, origin, item, previous, ahead, found)
    if item.signed is None:
        _lost_list(core, origin, item, previous, found)
    else:
        await _judge_row(core, reader, origin, item, found)


async def _lost_feed_row(
    core: Core, origin: NodeNumber, item: Looked, ahead: Looked | None, rows: RowsByNumber, found: Diagnosis
) -> None:
    """Made again from the blob's row and list; its hash is right when it leads on to the next row, or is the end's.

    An own one whose list went with it is signed anew. Of what cannot be told from here the number is left out from now
    on: others may have it, and an own entry that comes home takes it again. Only where we may have signed for a blob of
    another origin that nobody here knows any more do all our words have to become void.
    """
    end = core.store.state.end(origin)
    previous = found.hashes.get(item.number - 1) or await previous_hash(core, origin, item.number)
    held = rows.get(item.number)
    if held is None or previous is None:
        is_forgotten = held is None and origin != core.number
        _break(core, origin, item.number, held[0] if held else NO_BLOB, found, is_doubt=is_forgotten)
        return
    blob, row = held
    made = FeedRow(blob, bytes(32), row.signed, core.number, core.store.state.generation)
    (signed,) = await core.store.reader.lists(origin, [row.signed])
    entries = signed.content.entries if signed is not None else ()
    if row.signed.index < len(entries) and entries[row.signed.index].blob == blob:
        made = replace(made, running_hash=next_hash(previous, entries[row.signed.index]))
        found.hashes[item.number] = made.running_hash
        found.job.feed_mends.append(FeedMend(origin, item.number, made, EventKind.LOST_FEED_ROW))
        probe = replace(item, feed=made, signed=signed)
        ((state, _),) = links_of([probe], previous, ahead)
        leads = ahead is None or _leads(made.running_hash, ahead)
        is_end = item.number == end.number and made.running_hash == end.running_hash
        if is_end or (state is LinkState.HOLDS and leads):
            _end_break(core, origin, item.number, found)
        else:
            _break(core, origin, item.number, made.blob, found)
        return
    entry = await _own_entry_behind(core, item.number, previous, rows) if origin == core.number else None
    if entry is None:
        _break(core, origin, item.number, blob, found, is_doubt=False)
        return
    made = replace(made, running_hash=next_hash(previous, entry))
    found.hashes[item.number] = made.running_hash
    found.job.signed_again.append(SignedAgain(item.number, entry, made, previous, is_row_lost=True))
    found.job.extra.put(Family.FEEDS, number_key(origin, blob), item.number.to_bytes(8, "big"))
    _end_break(core, origin, item.number, found)


async def _own_entry_behind(core: Core, number: int, previous: bytes, rows: RowsByNumber) -> Entry | None:
    """The own entry at a lost number, told by the first running hash behind the lost ones; None when it cannot be."""
    end = core.store.state.end(core.number)
    last = number
    while last + 1 in rows and last + 1 - number < LIST_ENTRIES_MAX:
        last += 1
    if core.condition.stopped:
        return None
    if last == end.number:
        leads = partial(operator.eq, end.running_hash)
    else:
        (ahead,) = await look(core, core.number, last + 1, last + 1)
        if ahead.feed is None or ahead.entry is None:
            return None
        leads = partial(_leads, ahead=ahead)
    lost = [(rows[at][0], rows[at][1].size_bytes, rows[at][1].time_ms) for at in range(number, last + 1)]
    return recover_first(lost, previous=previous, leads=leads, epoch_max=core.rosters.roster.epoch)


def _leads(running_hash: bytes, ahead: Looked) -> bool:
    if ahead.feed is None or ahead.entry is None:
        return True  # nothing to compare with: the next number is looked at by itself
    return next_hash(running_hash, ahead.entry) == ahead.feed.running_hash


async def _judge_hash(
    core: Core, origin: NodeNumber, item: Looked, previous: bytes | None, ahead: Looked | None, found: Diagnosis
) -> None:
    assert item.feed is not None
    ((state, right),) = links_of([item], previous, ahead)
    end = core.store.state.end(origin)
    if state is LinkState.BROKEN and item.number == end.number:
        # Nothing behind it confirms the last link; what was durable in this life does.
        if item.feed.running_hash == end.running_hash:
            return
        state, right = LinkState.WRONG_HASH, end.running_hash
    if state is LinkState.WRONG_HASH:
        row = replace(item.feed, running_hash=right)
        found.job.feed_mends.append(FeedMend(origin, item.number, row, EventKind.WRONG_HASH))
    elif state is LinkState.BROKEN:
        _break(core, origin, item.number, item.feed.blob, found)


def _break(
    core: Core, origin: NodeNumber, number: int, blob: BlobId, found: Diagnosis, *, is_doubt: bool = True
) -> None:
    """Nothing is left of the number, or the history is not what others saw: then (`is_doubt`) a new generation, once,
    in which nobody believes an old mark or word."""
    if (origin, number) in core.store.state.scrub.breaks:
        return
    now_ms = core.clock.now_ms()
    found.breaks[origin, number] = now_ms
    found.job.extra.put(Family.SYSTEM, break_key(origin, number), now_ms.to_bytes(8, "big"))
    found.job.events.append(Event(EventKind.FEED_HOLE, FoundBy.SCRUB, False, origin, blob, number, now_ms))
    if is_doubt:
        found.doubt = f"feed of origin {origin}: number {number} is not what it was"


def _end_break(core: Core, origin: NodeNumber, number: int, found: Diagnosis) -> None:
    """The number has its entry again, after what is behind it was mended."""
    if (origin, number) in core.store.state.scrub.breaks:
        found.filled.append((origin, number))
        found.job.extra.delete(Family.SYSTEM, break_key(origin, number))


def _lost_list(core: Core, origin: NodeNumber, item: Looked, previous: bytes | None, found: Diagnosis) -> None:
    """An own list is signed anew when its entry can be told; of another origin somebody else has it.

    With the hash before it lost too, the entry cannot be told. If nobody has proven it, it is nowhere else: then it is
    signed for without the epoch that it was sealed in.
    """
    assert item.feed is not None
    row, feed = item.row, item.feed
    if origin == core.number and row is not None and previous is not None and not core.condition.stopped:
        entry = recover_entry(
            feed.blob,
            row.size_bytes,
            row.time_ms,
            previous=previous,
            running_hash=feed.running_hash,
            epoch_max=core.rosters.roster.epoch,
        )
        if entry is not None:
            found.job.signed_again.append(SignedAgain(item.number, entry, feed, previous))
            return
    is_alone = origin == core.number and previous is None and not is_proven_elsewhere(core, feed.blob, item.number)
    if is_alone and row is not None and row.state is RowState.INTACT and not core.condition.stopped:
        entry = Entry(feed.blob, row.size_bytes, row.time_ms, 0)
        found.job.signed_again.append(SignedAgain(item.number, entry, feed, bytes(32)))
        return
    if row is None:
        made = BlobRow(RowState.DAMAGED, 0, 0, 0, item.number, 0, 0, feed.signed)
        found.job.remade.append(Remade(origin, feed.blob, None, made, EventKind.LOST_LIST))
    else:
        found.job.damage.append(Damage(origin, feed.blob, EventKind.LOST_LIST, FoundBy.SCRUB, row.place))


async def _judge_row(core: Core, reader: ByteReader, origin: NodeNumber, item: Looked, found: Diagnosis) -> None:
    feed, entry, row = item.feed, item.entry, item.row
    assert feed is not None
    assert entry is not None
    if row is None:
        if core.rosters.roster.units_held(core.number, origin) >> feed.blob.unit & 1:
            made = BlobRow(RowState.DAMAGED, entry.size_bytes, 0, 0, item.number, entry.time_ms, 0, feed.signed)
            found.job.remade.append(Remade(origin, feed.blob, None, made, EventKind.LOST_ROW))
        return
    if row.state is RowState.DROPPED:
        _judge_let_go(core, origin, item.number, feed, entry, row, found)
        return
    if row.number != item.number and await _stands_at(core, origin, feed.blob, row.number):
        _note_twice(core, origin, feed.blob, item.number, found)
        return
    chunks = chunk_count(entry.size_bytes) if row.chunks else 0
    right = BlobRow(
        row.state, entry.size_bytes, row.place, chunks, item.number, entry.time_ms, row.verified_ms, feed.signed
    )
    if chunks and not await reader.wrong([Stored(feed.blob, right)]):
        is_called_damaged = row.state is RowState.DAMAGED or (origin, feed.blob) in core.store.state.damaged
        if right != row or is_called_damaged:
            kind = EventKind.FOUND_GOOD if is_called_damaged else EventKind.WRONG_ROW
            good = replace(right, state=RowState.INTACT, verified_ms=core.clock.now_ms())
            found.job.remade.append(Remade(origin, feed.blob, row, good, kind))
    elif right != row:
        bad = replace(right, state=RowState.DAMAGED)
        found.job.remade.append(Remade(origin, feed.blob, row, bad, EventKind.WRONG_ROW))
    else:
        found.job.damage.append(Damage(origin, feed.blob, EventKind.DAMAGED_BYTES, FoundBy.SCRUB, row.place))


def _judge_let_go(
    core: Core, origin: NodeNumber, number: int, feed: FeedRow, entry: Entry, row: BlobRow, found: Diagnosis
) -> None:
    """It has no bytes to be judged by. Where its unit is not said to be let go we sign for what is not here: a unit
    that we hold has lost it, and takes back what was signed; of another one it is said from now on.
    """
    if core.store.state.is_let_go(origin, feed.blob):
        return
    if core.rosters.roster.units_held(core.number, origin) >> feed.blob.unit & 1:
        lost = BlobRow(RowState.DAMAGED, entry.size_bytes, 0, 0, number, entry.time_ms, row.verified_ms, feed.signed)
        found.job.remade.append(Remade(origin, feed.blob, row, lost, EventKind.DAMAGED_BYTES))
    else:
        found.let_go.add((origin, feed.blob.unit))


def is_proven_elsewhere(core: Core, blob: BlobId, number: int) -> bool:
    """Whether some node that keeps this own blob has said that it holds it; whoever need not was passed over."""
    roster, own = core.rosters.roster, core.number
    holders = [each for each in roster.partners_of(own) if roster.units_held(each, own) >> blob.unit & 1]
    return bool(core.store.proofs.ledger.proven(number, holders))


async def _stands_at(core: Core, origin: NodeNumber, blob: BlobId, number: int) -> bool:
    if not 1 <= number <= core.store.state.end(origin).number:
        return False
    (feed,) = await read_rows(core.store.kv, Family.FEEDS, [feed_key(origin, number)], FeedRow.unpack)
    return feed is not None and feed.blob == blob


def _note_twice(core: Core, origin: NodeNumber, blob: BlobId, number: int, found: Diagnosis) -> None:
    """Its row was lost and it came anew before anybody noticed: what proves the one number proves the other."""
    known = found.twice.get((origin, blob)) or core.store.state.scrub.twice.get((origin, blob), ())
    if number not in known:
        numbers = (*known, number)
        found.twice[origin, blob] = numbers
        value = b"".join(each.to_bytes(8, "big") for each in numbers)
        found.job.extra.put(Family.SYSTEM, twice_key(origin, blob), value)
