"""RocksKeyValue: the engine's blocking calls brought to trio, with an order among them.

Rules:
- one write at a time, one sync at a time, a few reads at a time; a sync runs beside writes and reads (it lets go of
  the interpreter's lock) and covers every write that returned before it began;
- a call that has reached its thread runs to its end, cancelled or not: the engine is never left in the middle;
- what memory can answer, and small writes and scans, which hold the interpreter's lock in a thread too, are done where
  they are asked for: a hop to a thread and back is 6 to 9 switches between threads, 0.2 to 0.4 ms of CPU. Chunks go in
  parts with a turn of the loop between; where the engine is behind, what is left waits in a thread;
- `close` lets the calls in threads finish, and those still waiting raise StoreClosed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import trio

from lumbung_cluster.errors import StoreClosed
from lumbung_cluster.limits import KIB
from lumbung_node.adapters.rocks.engine import RocksEngine, open_engine, parts
from lumbung_node.adapters.rocks.options import DEFAULT_LIMITS, RocksLimits
from lumbung_node.adapters.rocks.read_pace import ReadPace, VainLooks
from lumbung_node.adapters.rocks.recent import RecentRows
from lumbung_node.ports.keyvalue import Batch, Family, SpaceReport

__all__ = ["RocksKeyValue", "open_rocks"]

READERS_MAX = 4  # threads; two cores are full with two, the others hide the disk's wait

_ROWS_AT_HAND_MAX = 256  # a look into memory takes up to a ms from the loop
_READS_IN_PLACE_MAX = 4
_LOOKED_FOR_IN_VAIN = (Family.BLOBS, Family.FEEDS, Family.TAGS)  # of each put a row in each
_PROBED = 8  # absent, all of them: so are the others, most likely
_TOGETHER_MIN = 32  # from here on one look for all of them is cheaper than one after the other
_BYTES_AT_HAND_MAX = 512 * KIB  # 0.1 ms to read, 0.5 to 2 to write

T = TypeVar("T")
_Get = Callable[[Family, Sequence[bytes]], list[bytes | None]]


async def open_rocks(folder: Path, *, create: bool, limits: RocksLimits = DEFAULT_LIMITS) -> RocksKeyValue:
    """Open the store in `folder` (RocksDB lives in `folder`/rocks); after a crash this replays up to 192 MiB of log.

    With `create` an absent store is made, never one whose files are incomplete. Raises StoreLocked, StoreDamaged,
    StoreMisconfigured, DiskFull (reopening needs about the log's size in free space), DiskFailed.
    """
    return RocksKeyValue(await trio.to_thread.run_sync(lambda: open_engine(folder, limits, create=create)))


class RocksKeyValue:
    """An open store, as a KeyValue. Made by `open_rocks`."""

    def __init__(self, engine: RocksEngine) -> None:
        self._engine = engine
        self._writer = trio.CapacityLimiter(1)
        self._syncer = trio.CapacityLimiter(1)
        self._readers = trio.CapacityLimiter(READERS_MAX)
        self._paces = {family: ReadPace() for family in Family}
        self._vain = VainLooks()
        self._recent = RecentRows()
        self._closing = trio.Lock()
        self._is_closed = False
        self._calls = 0
        self._writes = 0  # begun
        self._idle = trio.Event()

    @property
    def is_failed(self) -> bool:
        return self._engine.is_failed

    async def write(self, batch: Batch) -> None:
        if not await self._wrote_at_once(batch):
            self._writes += 1
            await self._run(self._writer, lambda: self._write(batch))

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        assert all(left[0] < right[0] for left, right in pairwise(rows)), "chunk keys must rise"
        done = 0
        for part in parts(rows, _BYTES_AT_HAND_MAX):
            if not await self._wrote_at_once(Batch(puts=[(Family.CHUNKS, key, value) for key, value in part])):
                await self._run(self._writer, partial(self._engine.write_chunks, rows[done:]))
                return
            done += len(part)

    async def sync(self) -> None:
        await self._run(self._syncer, self._engine.sync)

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        await self._take_turn()
        values, untold = self._recent.values(family, keys)
        if untold and len(untold) <= _ROWS_AT_HAND_MAX:
            untold = self._look(family, keys, values, untold)
        if untold:
            read = await self._read(family, keys if len(untold) == len(keys) else [keys[at] for at in untold])
            for at, value in zip(untold, read, strict=True):
                values[at] = value
        return values

    def _look(
        self, family: Family, keys: Sequence[bytes], values: list[bytes | None], wanted: Sequence[int]
    ) -> list[int]:
        """Fill in what can be told of the `wanted` ones in place; the others."""
        if len(wanted) < _TOGETHER_MIN or family not in _LOOKED_FOR_IN_VAIN:
            return self._look_at_each(family, keys, values, wanted)
        few, rest = wanted[:_PROBED], wanted[_PROBED:]
        untold = self._look_at_each(family, keys, values, few)
        if not untold and self._vain.is_cheap and all(values[at] is None for at in few):
            self._look_together(family, keys, values, rest)
            return []
        return untold + self._look_at_each(family, keys, values, rest)

    def _look_together(
        self, family: Family, keys: Sequence[bytes], values: list[bytes | None], wanted: Sequence[int]
    ) -> None:
        """Fill in all of the `wanted` ones, which are likely to be absent: then only filters are read.

        In one call, because each lets go of the interpreter's lock.
        """
        asked = [keys[at] for at in wanted]
        begun = self._begun()
        with self._vain.timed():
            read = self._engine.get(family, asked)
        for at, value in zip(wanted, read, strict=True):
            values[at] = value
        self._note_read(family, asked, read, begun)

    def _look_at_each(
        self, family: Family, keys: Sequence[bytes], values: list[bytes | None], wanted: Sequence[int]
    ) -> list[int]:
        """Fill in what the engine's memory can tell of the `wanted` ones; the others."""
        asked = [keys[at] for at in wanted]
        found, untold = self._engine.get_at_hand(family, asked, _BYTES_AT_HAND_MAX)
        for at, value in zip(wanted, found, strict=True):
            values[at] = value
        left = set(untold)
        self._note_absent(family, [asked[at] for at, value in enumerate(found) if value is None and at not in left])
        return [wanted[at] for at in untold]

    async def _read(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        """From the disk, it may be."""
        if len(keys) <= _READS_IN_PLACE_MAX and self._paces[family].is_quick:
            read = self._timed(self._engine.get_in_place, family, keys)
            self._note_absent(family, [key for key, value in zip(keys, read, strict=True) if value is None])
        else:
            begun = self._begun()
            read = await self._run(self._readers, lambda: self._timed(self._engine.get, family, keys))
            self._note_read(family, keys, read, begun)
        return read

    def _begun(self) -> tuple[int, int]:
        """For `_note_read`, before a read that lets go of the interpreter's lock."""
        return self._writes, self._writer.borrowed_tokens

    def _note_read(
        self, family: Family, keys: Sequence[bytes], read: Sequence[bytes | None], begun: tuple[int, int]
    ) -> None:
        """Unless one of them may have been written meanwhile."""
        if begun == (self._writes, 0):
            self._note_absent(family, [key for key, value in zip(keys, read, strict=True) if value is None])

    def _note_absent(self, family: Family, keys: Sequence[bytes]) -> None:
        """The engine has just said so; while a thread writes, it may have written one of them since."""
        if not self._writer.borrowed_tokens:
            self._recent.note_absent(family, keys)

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        if limit <= _ROWS_AT_HAND_MAX:
            await self._take_turn()
            return self._engine.scan(family, first, behind, limit, backwards=backwards)
        return await self._run(
            self._readers, lambda: self._engine.scan(family, first, behind, limit, backwards=backwards)
        )

    async def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        return await self._run(self._readers, lambda: self._engine.scan_each(family, ranges, limit))

    async def space(self) -> SpaceReport:
        return await self._run(self._readers, self._engine.space)

    async def close(self) -> None:
        # Shielded: a half-closed database keeps its lock, and the next open in this process would fail.
        with trio.CancelScope(shield=True):
            async with self._closing:
                if self._is_closed:
                    return
                self._engine.is_closing = True
                while self._calls:
                    await self._idle.wait()
                    self._idle = trio.Event()
                await trio.to_thread.run_sync(self._engine.close)
                self._is_closed = True

    def _timed(self, get: _Get, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        begun = time.monotonic()
        try:
            return get(family, keys)
        finally:  # also of a read that fails: a dying disk takes long over it
            if len(keys) <= _READS_IN_PLACE_MAX:
                self._paces[family].took(time.monotonic() - begun)

    async def _wrote_at_once(self, batch: Batch) -> bool:
        """Write it here when it is small and no other is under way or waits; false when it is to go to a thread."""
        if sum([len(value) for _, _, value in batch.puts]) > _BYTES_AT_HAND_MAX:
            return False
        await self._take_turn()
        if self._writer.borrowed_tokens or self._writer.statistics().tasks_waiting:
            return False
        self._writes += 1
        try:
            took = self._engine.write_at_once(batch)
        except BaseException:
            self._recent.drop(batch)  # what a failed write has left is unknown
            raise
        if took:
            self._recent.note(batch)
        return took

    def _write(self, batch: Batch) -> None:
        """In a thread, as the only writer."""
        self._recent.drop(batch)
        self._engine.write(batch)
        self._recent.note(batch)

    async def _take_turn(self) -> None:
        """Before whatever is done in place: others run, a cancel is seen, and the store may have closed meanwhile."""
        await trio.lowlevel.checkpoint()
        self._check_open()

    async def _run(self, limiter: trio.CapacityLimiter, work: Callable[[], T]) -> T:
        self._check_open()
        self._calls += 1
        try:
            return await trio.to_thread.run_sync(lambda: self._unless_closing(work), limiter=limiter)
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    def _unless_closing(self, work: Callable[[], T]) -> T:
        self._check_open()
        return work()

    def _check_open(self) -> None:
        if self._engine.is_closing:
            raise StoreClosed("the store is closed")
