"""A disk in memory that outlives the node on it: the simulator's double of `open_rocks`.

What holds of it, as of the real engine:
- a write is visible to reads at once and survives a crash only once a later `sync` has returned;
- of the writes after the last sync a crash keeps a prefix: a batch whole or not at all, the rows of `write_chunks`
  one by one;
- a failed write or sync ends writing until the store is opened again;
- a store that was opened shows only what is durable (RocksDB replays its log into synced tables while it opens);
- a handle from before a crash raises StoreClosed, so that a `finally` block cannot write after death.

No thread, no clock, no luck of its own: whoever injects a fault brings the `random.Random`, and waiting is
`trio.sleep` on whatever clock runs. One task schedule gives one history.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice

import trio

from lumbung_cluster.errors import (
    BlobDamaged,
    DiskFailed,
    DiskFull,
    OutcomeUnknown,
    StoreClosed,
    StoreDamaged,
    StoreLocked,
)
from lumbung_cluster.limits import GIB
from lumbung_node.ports.keyvalue import Batch, Family, SpaceReport
from lumbung_testing.virtual_tables import Tables

__all__ = ["DiskEvent", "DiskEventKind", "DiskImage", "Pace", "VirtualDisk", "VirtualKeyValue"]

EVENTS_KEPT_MAX = 100_000  # newest; a simulated year must not fill the memory


class DiskEventKind(Enum):
    OPENED = "opened"
    WRITTEN = "written"
    SYNC_BEGUN = "sync begun"
    SYNC_ENDED = "sync ended"
    SYNC_FAILED = "sync failed"
    CLOSED = "closed"
    CRASHED = "crashed"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class DiskEvent:
    """`number` counts the steps ever written (a batch, or one chunk row); of a sync it is the last one covered."""

    kind: DiskEventKind
    number: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each call waits, in seconds of the clock that runs."""

    write_s: float = 0.0
    sync_s: float = 0.0
    read_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A copy of a disk's folder, to be put back later."""

    tables: Tables


class VirtualDisk:
    """One node's disk. Open it, crash it, hurt it; all faults are synchronous and take effect at once."""

    def __init__(self, *, capacity_bytes: int = 64 * GIB) -> None:
        self.capacity_bytes = capacity_bytes
        self.pace = Pace()
        self.events: deque[DiskEvent] = deque(maxlen=EVENTS_KEPT_MAX)
        self._visible = Tables()
        self._durable = Tables()
        self._unsynced: list[Batch] = []
        self._written_number = 0
        self._handle: VirtualKeyValue | None = None
        self._sync_fault: tuple[int, random.Random] | None = None
        self._is_spoiled = False

    @property
    def written_number(self) -> int:
        """How many steps were ever written."""
        return self._written_number

    @property
    def durable_number(self) -> int:
        """The last step that a returned sync (or an open) covers."""
        return self._written_number - len(self._unsynced)

    @property
    def durable(self) -> Tables:
        """What a power cut now would leave at least; to look at, not to write. A spoiled disk gives nothing."""
        return self._durable if not self._is_spoiled else Tables()

    @property
    def is_spoiled(self) -> bool:
        """Whether what lies there waits for being set aside."""
        return self._is_spoiled

    @property
    def visible(self) -> Tables:
        """What reads show now, whether a sync has covered it or not; to look at, not to write."""
        return self._visible

    @property
    def used_bytes(self) -> int:
        return self._visible.used_bytes

    async def open(self) -> VirtualKeyValue:
        """Raises StoreLocked while another handle is open, StoreDamaged after `spoil`."""
        await trio.lowlevel.checkpoint()
        if self._handle is not None:
            raise StoreLocked("the virtual disk is open already")
        if self._is_spoiled:
            raise StoreDamaged("the virtual disk does not open")
        self._make_durable(self._written_number)
        self._handle = self._make_handle()
        self._note(DiskEventKind.OPENED, self._written_number)
        return self._handle

    def _make_handle(self) -> VirtualKeyValue:
        return VirtualKeyValue(self)

    def crash(self, luck: random.Random) -> None:
        """A power cut: synced steps stay, of the others a random prefix; every handle is dead from now on."""
        self._drop_handle()
        self._keep_prefix(luck)
        self._note(DiskEventKind.CRASHED, self._written_number)

    def wipe(self) -> None:
        """An empty disk in the place of this one."""
        self._replace(Tables())

    def copy(self) -> DiskImage:
        """The folder as it reads now, copied by hand."""
        return DiskImage(self._visible.copy())

    def restore(self, image: DiskImage) -> None:
        """Put an old copy of the folder in the place of what is there."""
        self._replace(image.tables.copy())

    def take_away(self) -> Tables:
        """The folder is renamed: what it holds, and an empty one in its place."""
        taken = self._durable
        self._replace(Tables())
        return taken

    def spoil(self) -> None:
        """Damage the structure: the store does not open again until the disk is wiped or restored."""
        self._drop_handle()
        self._is_spoiled = True

    def fail_sync(self, luck: random.Random, *, nth: int = 1) -> None:
        """Let the nth sync from now fail; of what it should have covered a random prefix will be there on reopening."""
        self._sync_fault = (nth, luck)

    def heal_sync(self) -> None:
        """Take back a planned fault that has not struck yet."""
        self._sync_fault = None

    def flip_chunk(self, luck: random.Random) -> bytes | None:
        """Flip one bit of a stored chunk so that the checksum tells (BlobDamaged). Gives its key, None if no chunk."""
        return self._hurt_some_chunk(luck, damaged=True)

    def misdirect_chunk(self, luck: random.Random) -> bytes | None:
        """Change a stored chunk so that reads give wrong bytes silently. Gives its key, None if no chunk."""
        return self._hurt_some_chunk(luck, damaged=False)

    def hurt_chunk(self, key: bytes, luck: random.Random, *, damaged: bool) -> None:
        """Flip one bit of the stored chunk under `key`; with `damaged` its checksum tells."""
        old = self._durable.get(Family.CHUNKS, key)
        assert old is not None
        new = _with_flipped_bit(old, luck)
        if self._visible.get(Family.CHUNKS, key) == old:
            self._visible.overwrite(Family.CHUNKS, key, new, damaged=damaged)
        self._durable.overwrite(Family.CHUNKS, key, new, damaged=damaged)

    def spoil_row(self, family: Family, key: bytes) -> None:
        """The block under a row that is there rots: whoever reads the row is told so, until it is written anew."""
        for tables in (self._visible, self._durable):
            value = tables.get(family, key)
            assert value is not None
            tables.overwrite(family, key, value, damaged=True)

    def replace_chunk(self, key: bytes, value: bytes) -> None:
        """A misdirected write: the bytes of another chunk lie under `key`, and no checksum tells."""
        self._visible.overwrite(Family.CHUNKS, key, value, damaged=False)
        self._durable.overwrite(Family.CHUNKS, key, value, damaged=False)

    def lose_chunk(self, key: bytes) -> None:
        """A lost write: what lay under `key` is gone, though a sync had covered it."""
        self.lose(Family.CHUNKS, key)

    def lose(self, family: Family, key: bytes) -> None:
        """Take a row away behind everybody's back, as a rewritten file that was lost would."""
        gone = Batch(deletes=[(family, key)])
        self._visible.apply(gone)
        self._durable.apply(gone)

    def _hurt_some_chunk(self, luck: random.Random, *, damaged: bool) -> bytes | None:
        keys = self._durable.all_keys(Family.CHUNKS)
        if not keys:
            return None
        key = luck.choice(keys)
        self.hurt_chunk(key, luck, damaged=damaged)
        return key

    def _replace(self, tables: Tables) -> None:
        self._drop_handle()
        self._visible, self._durable, self._unsynced = tables, tables.copy(), []
        self._sync_fault, self._is_spoiled = None, False
        self._note(DiskEventKind.REPLACED, self._written_number)

    def _drop_handle(self) -> None:
        if self._handle is not None:
            self._handle._die()
            self._handle = None

    def _keep_prefix(self, luck: random.Random) -> None:
        """Decide which of the unsynced steps survive, and forget the rest everywhere."""
        for step in self._unsynced[: luck.randint(0, len(self._unsynced))]:
            self._durable.apply(step)
        self._visible, self._unsynced = self._durable.copy(), []

    # --- what the handle calls ---

    def _write(self, step: Batch) -> None:
        growth = sum(len(key) + len(value) for _, key, value in step.puts)
        if self._visible.used_bytes + growth > self.capacity_bytes:
            raise DiskFull(f"no space for {growth} bytes, {self._free_bytes()} are free")
        self._visible.apply(step)
        self._unsynced.append(step)
        self._written_number += 1
        self._note(DiskEventKind.WRITTEN, self._written_number)

    def _make_durable(self, number: int) -> None:
        count = max(0, number - self.durable_number)
        for step in self._unsynced[:count]:
            self._durable.apply(step)
        del self._unsynced[:count]

    def _sync_fault_strikes(self) -> random.Random | None:
        """Count one sync; the luck of the planned fault when this is the one that fails."""
        if self._sync_fault is None:
            return None
        left, luck = self._sync_fault
        self._sync_fault = (left - 1, luck) if left > 1 else None
        return luck if left == 1 else None

    def _closed(self, uncertain: random.Random | None) -> None:
        self._handle = None
        if uncertain is not None:
            self._keep_prefix(uncertain)
        self._note(DiskEventKind.CLOSED, self._written_number)

    def _free_bytes(self) -> int:
        return max(0, self.capacity_bytes - self._visible.used_bytes)

    def _note(self, kind: DiskEventKind, number: int) -> None:
        self.events.append(DiskEvent(kind, number))


class VirtualKeyValue:
    """An open virtual disk, as a KeyValue. Made by `VirtualDisk.open`.

    As with the real engine a cancel before a call has begun leaves no trace, and one that comes later waits for its
    end; only a crash cuts a call short.
    """

    def __init__(self, disk: VirtualDisk) -> None:
        self._disk = disk
        self._writer = trio.Lock()
        self._syncer = trio.Lock()
        self._gone = trio.Event()
        self._failure: DiskFull | OutcomeUnknown | None = None
        self._uncertain: random.Random | None = None

    @property
    def is_failed(self) -> bool:
        return self._failure is not None

    async def write(self, batch: Batch) -> None:
        step = Batch(list(batch.puts), list(batch.deletes), list(batch.deletes_range))
        await self._write_steps([step])

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        await self._write_steps([Batch(puts=[(Family.CHUNKS, key, value)]) for key, value in rows])

    async def sync(self) -> None:
        async with self._syncer:
            self._check_open()
            if self._failure is not None:
                raise OutcomeUnknown("a write or a sync failed before: what it left is unknown") from self._failure
            covered = self._disk.written_number
            self._disk._note(DiskEventKind.SYNC_BEGUN, covered)
            await self._pause(self._disk.pace.sync_s)
            self._end_sync(covered)

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        await self._begin_read()
        return [self._value(family, key) for key in keys]

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        await self._begin_read()
        rows: list[tuple[bytes, bytes]] = []
        for key in self._disk._visible.keys(family, first, behind, backwards=backwards):
            if len(rows) >= limit:
                break
            value = self._value(family, key)
            assert value is not None
            rows.append((key, value))
        return rows

    async def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        await self._begin_read()
        found: list[list[tuple[bytes, bytes]]] = []
        for first, behind in ranges:
            keys = islice(self._disk._visible.keys(family, first, behind), limit)
            rows = [(key, self._value(family, key)) for key in keys]
            found.append([(key, value) for key, value in rows if value is not None])
        return found

    async def space(self) -> SpaceReport:
        await self._begin_read()
        return SpaceReport(free_bytes=self._disk._free_bytes(), total_bytes=self._disk.capacity_bytes)

    async def close(self) -> None:
        if not self._gone.is_set():
            self._die()
            self._disk._closed(self._uncertain)
        await trio.lowlevel.checkpoint()

    async def _write_steps(self, steps: list[Batch]) -> None:
        async with self._writer:
            self._check_writable()
            await self._pause(self._disk.pace.write_s)
            self._check_writable()
            try:
                for step in steps:
                    self._disk._write(step)
            except DiskFull as exc:
                self._failure = exc
                raise

    def _end_sync(self, covered: int) -> None:
        luck = self._disk._sync_fault_strikes()
        if luck is None:
            self._disk._make_durable(covered)
            self._disk._note(DiskEventKind.SYNC_ENDED, covered)
            return
        self._failure, self._uncertain = OutcomeUnknown("fsync: input/output error"), luck
        self._disk._note(DiskEventKind.SYNC_FAILED, covered)
        raise self._failure

    async def _begin_read(self) -> None:
        self._check_open()
        await self._pause(self._disk.pace.read_s)

    def _value(self, family: Family, key: bytes) -> bytes | None:
        if self._disk._visible.is_damaged(family, key):
            raise BlobDamaged(f"block checksum mismatch under {family.value} key {key.hex()}")
        return self._disk._visible.get(family, key)

    async def _pause(self, seconds: float) -> None:
        """Wait out the disk; a crash or a close ends the wait, a cancel only when it came before."""
        await trio.lowlevel.checkpoint()
        if seconds > 0:
            with trio.move_on_after(seconds, shield=True):
                await self._gone.wait()
        self._check_open()

    def _check_open(self) -> None:
        if self._gone.is_set():
            raise StoreClosed("the store is closed")

    def _check_writable(self) -> None:
        self._check_open()
        match self._failure:
            case None:
                return
            case DiskFull():
                raise DiskFull("the disk was full before: reopen the store once there is space") from self._failure
            case OutcomeUnknown():
                raise DiskFailed("a sync failed before: reopen the store") from self._failure

    def _die(self) -> None:
        self._gone.set()


def _with_flipped_bit(value: bytes, luck: random.Random) -> bytes:
    bit = luck.randrange(8 * len(value))
    flipped = bytearray(value)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)
