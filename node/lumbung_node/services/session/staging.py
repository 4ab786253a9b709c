"""What came of blobs whose streams were cut, and room on disk for large ones: a quota for each origin, one for all.

Runs that a cut stream left are kept for a day, but they never stand in the way of blobs that come now: when the quota
is spent, the oldest idle runs go first: a peer that begins a thousand blobs and ends none only loses its beginnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.store.layout import PendingRow
from lumbung_node.store.runs import drop_runs, foreign_runs

__all__ = ["CutBlobs", "Staging"]


@dataclass(frozen=True, slots=True)
class _Staged:
    """A run that takes up its full size."""

    origin: NodeNumber
    size_bytes: int


class Staging:
    """What runs of replication take up; one for the node."""

    def __init__(self, kv: KeyValue) -> None:
        self._kv = kv
        self._live: dict[tuple[NodeNumber, BlobId], _Staged] = {}
        # Whoever takes runs away and whoever goes on with one take turns: a run that is taken away while it is read
        # back would be committed with holes.
        self._turn = trio.Lock()

    async def reserve(self, origin: NodeNumber, blob: BlobId, size_bytes: int) -> None:
        """Room for a run that begins or goes on now, until `release`. Raises Rejected when live runs fill the quota."""
        # Counted before anything is awaited: its row comes to the disk only with its first chunks.
        self._live[origin, blob] = _Staged(origin, size_bytes)
        async with self._turn:
            idle = await self._idle()
            dropped = self._in_the_way(origin, idle)
            await drop_runs(self._kv, dropped)
        self._check(origin, blob, [row for key, row in idle if (key, row) not in dropped])

    def release(self, origin: NodeNumber, blob: BlobId) -> None:
        """Its run is committed, given up, or left for later."""
        self._live.pop((origin, blob), None)

    async def sweep(self, begun_before_ms: int) -> None:
        """Take away idle runs that began before; a run that still grows stays, however old."""
        async with self._turn:
            await drop_runs(self._kv, [run for run in await self._idle() if run[1].begun_ms < begun_before_ms])

    async def _idle(self) -> list[tuple[bytes, PendingRow]]:
        """Runs that nobody goes on with now, the oldest first."""
        runs = await foreign_runs(self._kv)
        idle = [(key, row) for key, row in runs if (row.origin, row.blob) not in self._live]
        return sorted(idle, key=lambda run: (run[1].begun_ms, run[0]))

    def _in_the_way(self, origin: NodeNumber, idle: list[tuple[bytes, PendingRow]]) -> list[tuple[bytes, PendingRow]]:
        """The oldest idle runs, as few as make room."""
        dropped = []
        kept = list(idle)
        for run in idle:
            of_origin, of_all = self._sizes(origin, (row for _, row in kept))
            if of_all > limits.STAGING_BYTES_MAX or (
                of_origin > limits.STAGING_ORIGIN_BYTES_MAX and run[1].origin == origin
            ):
                kept.remove(run)
                dropped.append(run)
        return dropped

    def _check(self, origin: NodeNumber, blob: BlobId, kept: list[PendingRow]) -> None:
        of_origin, of_all = self._sizes(origin, kept)
        for got, most in ((of_origin, limits.STAGING_ORIGIN_BYTES_MAX), (of_all, limits.STAGING_BYTES_MAX)):
            if got > most:
                self.release(origin, blob)
                raise Rejected(
                    StatusCode.RESOURCE_EXHAUSTED, f"staging: expected at most {most} bytes under way, got {got}"
                )

    def _sizes(self, origin: NodeNumber, idle: Iterable[PendingRow]) -> tuple[int, int]:
        """Bytes of this origin and of all, live and idle."""
        staged = [*self._live.values(), *(_Staged(row.origin, row.size_bytes) for row in idle)]
        return sum(s.size_bytes for s in staged if s.origin == origin), sum(s.size_bytes for s in staged)


class CutBlobs:
    """Beginnings of small blobs, in memory: on 128 kbit/s a line that breaks each minute would else lose a third of it.

    Kept under the peer that brought them: what a liar began never spoils what an honest peer brings. Those that were
    kept first go first.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[NodeNumber, NodeNumber, BlobId], bytes | bytearray] = {}
        self._bytes = 0

    def keep(self, place: tuple[NodeNumber, NodeNumber, BlobId], beginning: bytes | bytearray) -> None:
        """`place` is the peer, the origin and the blob."""
        if not limits.CUT_KEPT_BYTES_MIN <= len(beginning) <= limits.CUT_KEPT_BYTES_MAX:
            return
        self._kept[place] = beginning
        self._bytes += len(beginning)
        while self._bytes > limits.CUT_KEPT_BYTES_MAX:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))))

    def take(self, place: tuple[NodeNumber, NodeNumber, BlobId]) -> bytes | bytearray:
        """What was kept, empty for nothing."""
        beginning = self._kept.pop(place, b"")
        self._bytes -= len(beginning)
        return beginning
