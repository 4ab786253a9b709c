"""What the store keeps in memory, and how it comes back at start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.feed import FeedEnd, first_hash
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.life import SignedLife
from lumbung_cluster.scrub_progress import verified_ms
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    MarkRow,
    OriginCounts,
    PendingRow,
    feed_key,
    place_key,
    verified_key,
)
from lumbung_node.store.scrub_rows import ScrubBook, load_scrub

__all__ = ["NO_END", "Pulse", "StoreState", "load_state"]

NO_END = b"\xff" * 40  # behind every key of every family
_SCAN_ROWS = 1000
KEY_FORMAT = b"format"
KEY_UUID = b"uuid"
KEY_TOKEN = b"token"
KEY_NEXT_PLACE = b"next_place"
KEY_NEXT_SERIAL = b"next_serial"
KEY_NONCE = b"asked_nonce"
LIFE_KEY_SIZE = 5
KEY_REBUILD = b"lr"  # since when an empty store refills, UTC ms; shorter than any other key that begins with l
NONCE_RESERVE = 1 << 20  # questions that may be asked between two commits; a restart skips what was left


class Pulse:
    """Wakes everybody who waits for a change; a wait begun after a beat sees only later beats."""

    def __init__(self) -> None:
        self._event = trio.Event()
        self._listeners: dict[object, Callable[[], None]] = {}

    def beat(self) -> None:
        self._event.set()
        self._event = trio.Event()
        for listener in list(self._listeners.values()):
            listener()

    @contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Within the block `listener` is called at each beat, for who need not wake up for most of them. It may neither
        wait nor raise.
        """
        key = object()
        self._listeners[key] = listener
        try:
            yield
        finally:
            del self._listeners[key]

    async def wait(self) -> None:
        await self._event.wait()


@dataclass(slots=True)
class StoreState:
    """`ends` and `counts` are durable ones. Places, serials and nonces are taken in memory and saved with commits.

    `lives` are the newest lives met of other nodes. `damaged` names the blobs whose stored bytes are known to be wrong,
    with their feed numbers. `verified_since_ms` is the oldest time at which some byte of an origin was last read and
    checked here (its store time counts as such); for one blob `verified_ms` knows more. `suspected` beats when a reader
    meets an index row that is lost, `suspects` are the feed numbers where that was: a scrub should come now. `mended`
    counts since the start what was put right of each origin, in bytes or index; `was_mended` beats then.
    `runs_handed_over` are the places of runs of replication that the committer was given: the commit may take them any
    moment, so nobody goes on with one, or takes it away.
    Who changes `dropped_units` has `units_turn` from the look at roster or rows until the change is durable.
    """

    cluster: ClusterId
    node: NodeNumber
    generation: Generation
    format_version: int = 0
    next_place: int = 1
    next_serial: int = 1
    next_nonce: int = 1
    ends: dict[NodeNumber, FeedEnd] = field(default_factory=dict)
    counts: dict[NodeNumber, OriginCounts] = field(default_factory=dict)
    marks: dict[tuple[NodeNumber, NodeNumber], MarkRow] = field(default_factory=dict)
    generations_seen: dict[NodeNumber, Generation] = field(default_factory=dict)
    rebuild_since_ms: int = 0
    lives: dict[NodeNumber, SignedLife] = field(default_factory=dict)
    damaged: dict[tuple[NodeNumber, BlobId], int] = field(default_factory=dict)
    verified_since_ms: dict[NodeNumber, int] = field(default_factory=dict)
    dropped_units: dict[NodeNumber, int] = field(default_factory=dict)
    units_turn: trio.Lock = field(default_factory=trio.Lock)
    repairing: set[bytes] = field(default_factory=set)
    runs_handed_over: set[int] = field(default_factory=set)
    scrub: ScrubBook = field(default_factory=ScrubBook)
    grown: Pulse = field(default_factory=Pulse)
    suspects: dict[tuple[NodeNumber, int], None] = field(default_factory=dict)
    suspected: Pulse = field(default_factory=Pulse)
    mended: dict[NodeNumber, int] = field(default_factory=dict)
    was_mended: Pulse = field(default_factory=Pulse)

    def end(self, origin: NodeNumber) -> FeedEnd:
        """The durable end of this node's feed of `origin`."""
        return self.ends.get(origin) or FeedEnd(0, first_hash(self.cluster, self.node, origin))

    def count(self, origin: NodeNumber) -> OriginCounts:
        return self.counts.get(origin, OriginCounts())

    def is_let_go(self, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether it is said of the blob's unit that bytes of it were let go, so that nothing is signed for it."""
        return bool(self.dropped_units.get(origin, 0) >> blob.unit & 1)

    def verified_ms(self, origin: NodeNumber, row: BlobRow) -> int:
        """When this blob's bytes were last read and checked here, UTC ms."""
        return verified_ms(row.verified_ms, row.number, self.scrub.origins.get(origin))

    def take_places(self, count: int) -> int:
        """A run of `count` places; returns the first."""
        first = self.next_place
        self.next_place += count
        return first

    def take_nonce(self) -> int:
        """The next nonce of this origin, rising over restarts and generations: it orders what holders say."""
        self.next_nonce += 1
        return self.next_nonce - 1


async def load_state(kv: KeyValue, cluster: ClusterId, node: NodeNumber, generation: Generation) -> StoreState:
    """Read back ends, counts, marks and counters, and clear what a crash left behind.

    Raises StoreDamaged when rows contradict each other.
    """
    state = StoreState(cluster, node, generation)
    state.format_version = await _read_format(kv)
    await _load_system(kv, state)
    for key, value in await scan_all(kv, Family.MARKS, b"", NO_END):
        sender, origin = NodeNumber(int.from_bytes(key[:4], "big")), NodeNumber(int.from_bytes(key[4:], "big"))
        state.marks[sender, origin] = MarkRow.unpack(value)
    for origin in sorted(state.counts):
        state.ends[origin] = await _load_end(kv, state, origin)
    state.scrub = await load_scrub(kv)
    await _clear_leftovers(kv, state)
    return state


async def scan_all(kv: KeyValue, family: Family, first: bytes, behind: bytes) -> list[tuple[bytes, bytes]]:
    """Every row of a range that is known to be small (marks, system, pending)."""
    rows: list[tuple[bytes, bytes]] = []
    while page := await kv.scan(family, first, behind, _SCAN_ROWS):
        rows += page
        if len(page) < _SCAN_ROWS:
            break
        first = page[-1][0] + b"\0"
    return rows


async def _read_format(kv: KeyValue) -> int:
    """What `formats.bring_to_format` left; 0 for a fresh store."""
    (found,) = await kv.get(Family.SYSTEM, [KEY_FORMAT])
    return int.from_bytes(found or b"", "big")


async def _load_system(kv: KeyValue, state: StoreState) -> None:
    places, serials, nonces = await kv.get(Family.SYSTEM, [KEY_NEXT_PLACE, KEY_NEXT_SERIAL, KEY_NONCE])
    state.next_nonce = max(int.from_bytes(nonces or b"\1", "big"), state.generation << 40)
    state.next_place = int.from_bytes(places or b"\1", "big")
    state.next_serial = int.from_bytes(serials or b"\1", "big")
    for key, value in await scan_all(kv, Family.SYSTEM, b"n", b"o"):
        if len(key) == 5:
            state.counts[NodeNumber(int.from_bytes(key[1:], "big"))] = OriginCounts.unpack(value)
    for key, value in await scan_all(kv, Family.SYSTEM, b"D", b"E"):
        state.dropped_units[NodeNumber(int.from_bytes(key[1:], "big"))] = int.from_bytes(value, "big")
    for key, value in await scan_all(kv, Family.SYSTEM, b"d", b"e"):
        origin, blob = NodeNumber(int.from_bytes(key[1:5], "big")), BlobId(key[5:])
        state.damaged[origin, blob] = int.from_bytes(value, "big")
    for key, value in await scan_all(kv, Family.SYSTEM, verified_key(NodeNumber(0)), b"j"):
        state.verified_since_ms[NodeNumber(int.from_bytes(key[1:], "big"))] = int.from_bytes(value, "big")
    for key, value in await scan_all(kv, Family.SYSTEM, b"g", b"h"):
        if len(key) == 5:
            state.generations_seen[NodeNumber(int.from_bytes(key[1:], "big"))] = Generation(
                int.from_bytes(value, "big")
            )
    (rebuild,) = await kv.get(Family.SYSTEM, [KEY_REBUILD])
    state.rebuild_since_ms = int.from_bytes(rebuild or b"", "big")
    for key, value in await scan_all(kv, Family.SYSTEM, b"l", b"m"):
        if len(key) == LIFE_KEY_SIZE:
            state.lives[NodeNumber(int.from_bytes(key[1:], "big"))] = _parse_life(value)


def _parse_life(value: bytes) -> SignedLife:
    try:
        return SignedLife.from_bytes(value)
    except Malformed as exc:
        raise StoreDamaged(str(exc)) from exc


async def _load_end(kv: KeyValue, state: StoreState, origin: NodeNumber) -> FeedEnd:
    last = await kv.scan(Family.FEEDS, feed_key(origin, 0), feed_key(origin, (1 << 64) - 1), 1, backwards=True)
    if not last:
        raise StoreDamaged(f"feed of origin {origin}: expected {state.counts[origin].blobs} rows, got none")
    key, value = last[0]
    end = FeedEnd(int.from_bytes(key[4:], "big"), FeedRow.unpack(value).running_hash)
    if end.number != state.counts[origin].blobs:
        raise StoreDamaged(f"feed of origin {origin}: expected {state.counts[origin].blobs} rows, last is {end.number}")
    return end


async def _clear_leftovers(kv: KeyValue, state: StoreState) -> None:
    """Chunks behind the last committed place have no row: a crash came in between. Runs of replication stay a day."""
    batch = Batch()
    kept_until = state.next_place
    for key, value in await scan_all(kv, Family.PENDING, b"", NO_END):
        row = PendingRow.unpack(value)
        first = int.from_bytes(key, "big")
        if not row.foreign:
            batch.delete_range(Family.CHUNKS, place_key(first), place_key(first + row.chunks))
            batch.delete(Family.PENDING, key)
        elif first + row.chunks > kept_until:
            batch.delete_range(Family.CHUNKS, place_key(kept_until), place_key(max(first, kept_until)))
            kept_until = first + row.chunks
    batch.delete_range(Family.CHUNKS, place_key(kept_until), place_key((1 << 64) - 1))
    state.next_place = kept_until
    batch.put(Family.SYSTEM, KEY_FORMAT, state.format_version.to_bytes(4, "big"))
    batch.put(Family.SYSTEM, KEY_NONCE, (state.next_nonce + NONCE_RESERVE).to_bytes(8, "big"))
    await kv.write(batch)
    await kv.sync()
