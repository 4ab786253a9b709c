"""What came of blobs whose streams were cut, and room on disk for large ones: a quota for each origin, one for all.

Only the peer that began a blob goes on with what came of it: what a liar began never spoils what an honest peer brings.
Nobody knows who brought the runs that lie here from before the start. The next peer goes on with one if it is the only
one of its blob, since a transfer of days must outlive a restart. It is that peer's from then on; if it was a liar's, it
is gone as soon as its hash is wrong. We ourselves go on with none: what comes under our own number are disks, one after
the other, and stores that were set aside. They are read again at once, and behind what a rotten one began the good
bytes of the next would be called damaged.

Runs that a cut stream left are kept for a day, but they never stand in the way of blobs that come now: when the quota
is spent, the oldest idle runs go first: a peer that begins a thousand blobs and ends none only loses its beginnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.store.layout import PendingRow
from lumbung_node.store.runs import StoredRun, drop_runs, foreign_runs
from lumbung_node.store.state import StoreState

__all__ = ["CutBlobs", "Staging"]


@dataclass(frozen=True, slots=True)
class _Staged:
    """A run that takes up its full size; `key` is that of its run, if it has one yet."""

    origin: NodeNumber
    size_bytes: int
    key: bytes | None


class Staging:
    """What runs of replication take up, and who brings them; one for the node."""

    def __init__(self, kv: KeyValue, state: StoreState) -> None:
        self._kv = kv
        self._us = state.node
        self._handed_over = state.runs_handed_over
        self._live: dict[tuple[NodeNumber, BlobId], _Staged] = {}
        self._bringers: dict[bytes, NodeNumber] = {}  # by the run's key, of those that came since the start
        # Whoever takes runs away and whoever goes on with one take turns: a run that is taken away while it is read
        # back would be committed with holes.
        self._turn = trio.Lock()

    async def reserve(self, peer: NodeNumber, origin: NodeNumber, blob: BlobId, size_bytes: int) -> StoredRun | None:
        """Room for a run that begins or goes on now, until `release`; returns the one that `peer` goes on with.

        Raises Rejected when live runs fill the quota.
        """
        async with self._turn:
            runs = await self._look()
            self._forget_bringers(runs)
            found = self._gone_on_with(peer, [run for run in runs if (run[1].origin, run[1].blob) == (origin, blob)])
            # Counted before its row comes to the disk, which it does only with its first chunks.
            self._live[origin, blob] = _Staged(origin, size_bytes, None)
            try:
                if found is not None:
                    self.begun(peer, origin, blob, found[0])
                idle = self._idle(runs)
                dropped = self._in_the_way(origin, idle)
                await drop_runs(self._kv, dropped)
                self._check(origin, [row for key, row in idle if (key, row) not in dropped])
            except BaseException:
                self.release(origin, blob)
                raise
        return found

    def begun(self, peer: NodeNumber, origin: NodeNumber, blob: BlobId, key: bytes) -> None:
        """The run of this key is the one that room was reserved for, and `peer` brings it."""
        self._live[origin, blob] = replace(self._live[origin, blob], key=key)
        self._bringers[key] = peer

    def release(self, origin: NodeNumber, blob: BlobId) -> None:
        """Its run is committed, given up, or left for later."""
        self._live.pop((origin, blob), None)

    async def sweep(self, begun_before_ms: int) -> None:
        """Take away idle runs that began before; a run that still grows stays, however old."""
        async with self._turn:
            idle = self._idle(await self._look())
            await drop_runs(self._kv, [run for run in idle if run[1].begun_ms < begun_before_ms])

    async def _look(self) -> list[StoredRun]:
        """The runs that have come to the disk, without those that the committer has."""
        before = set(self._handed_over)  # what is handed over during the look may have come to the disk behind it
        runs = await foreign_runs(self._kv)
        self._handed_over -= before.difference(int.from_bytes(key, "big") for key, _ in runs)
        return [run for run in runs if int.from_bytes(run[0], "big") not in self._handed_over]

    def _gone_on_with(self, peer: NodeNumber, of_blob: list[StoredRun]) -> StoredRun | None:
        """Its own, or the one that lies here from before the start; none for us."""
        if peer == self._us:
            return None
        own = [run for run in of_blob if self._bringers.get(run[0]) == peer]
        unknown = [run for run in of_blob if run[0] not in self._bringers]
        if own:
            return own[0]
        return unknown[0] if len(unknown) == 1 else None

    def _forget_bringers(self, runs: list[StoredRun]) -> None:
        """Of runs that are gone."""
        known = {key for key, _ in runs} | self._live_keys()
        self._bringers = {key: peer for key, peer in self._bringers.items() if key in known}

    def _live_keys(self) -> set[bytes]:
        return {staged.key for staged in self._live.values() if staged.key is not None}

    def _idle(self, runs: list[StoredRun]) -> list[StoredRun]:
        """Those that nobody goes on with now, the oldest first."""
        live = self._live_keys()
        return sorted((run for run in runs if run[0] not in live), key=lambda run: (run[1].begun_ms, run[0]))

    def _in_the_way(self, origin: NodeNumber, idle: list[StoredRun]) -> list[StoredRun]:
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

    def _check(self, origin: NodeNumber, kept: list[PendingRow]) -> None:
        of_origin, of_all = self._sizes(origin, kept)
        for got, most in ((of_origin, limits.STAGING_ORIGIN_BYTES_MAX), (of_all, limits.STAGING_BYTES_MAX)):
            if got > most:
                raise Rejected(
                    StatusCode.RESOURCE_EXHAUSTED, f"staging: expected at most {most} bytes under way, got {got}"
                )

    def _sizes(self, origin: NodeNumber, idle: Iterable[PendingRow]) -> tuple[int, int]:
        """Bytes of this origin and of all, live and idle."""
        staged = [*self._live.values(), *(_Staged(row.origin, row.size_bytes, None) for row in idle)]
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
