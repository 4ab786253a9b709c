"""Blobs of one put stream that are durable here and wait for their copies."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import PUT_BLOBS_WAITING_MAX
from lumbung_cluster.record import record
from lumbung_node.services.copies import BlobCopies, CopyBook
from lumbung_node.store.state import Pulse

__all__ = ["Waiting", "WaitingRoom"]

_LOOK_INTERVAL_S = 0.5  # everybody is looked at this often; the front of the queue after each new proof
_AHEAD_MAX = 1024  # blobs; the rows of four times as many are at hand in the adapter when their receipts come
_FOLLOW_S = 1.0  # who is held back takes a thousand blobs a second at least: slower copies are not waited for


@record
class Waiting:
    """`since` and `deadline` are trio time; `answer` gets the copies when they are proven, or when the time is up."""

    number: int
    blob: BlobId
    copies: int
    since: float
    deadline: float
    answer: Callable[[BlobCopies], Awaitable[None]]


class WaitingRoom:
    """Proofs come nearly in the order of the feed, so a new proof is met by looking at the front only."""

    def __init__(self, copies: CopyBook, proofs_changed: Pulse) -> None:
        self._copies = copies
        self._proofs_changed = proofs_changed
        self._queue: deque[Waiting] = deque()
        self._stir = trio.Event()
        self._emptied = trio.Event()
        self._looked_at_all = 0.0
        self._shrunk = Pulse()
        self._proven_at = -math.inf
        self._proven_after_s = math.inf
        self._is_looking = False  # and may hold one that is answered, or turn the queue

    async def add(self, waiting: Waiting) -> None:
        """Let it wait; when the room is full it is answered now, truthfully, with the copies that it has."""
        if len(self._queue) >= PUT_BLOBS_WAITING_MAX:
            await waiting.answer(self._copies.of(waiting.number, waiting.blob))
            return
        self._queue.append(waiting)
        self._stir.set()

    async def keep_close(self) -> None:
        """Hold a bulk back while many wait and their copies follow within a second.

        A bulk of small blobs would run thousands ahead of its copies, and the rows of each would be looked up anew when
        its receipts come. Where holders are slower, far or away, it goes on at the pace of this disk.
        """
        while len(self._queue) > _AHEAD_MAX and self._do_follow():
            with trio.move_on_at(self._proven_at + _FOLLOW_S):
                await self._shrunk.wait()

    def _do_follow(self) -> bool:
        return self._proven_after_s < _FOLLOW_S and trio.current_time() - self._proven_at < _FOLLOW_S

    async def until_empty(self) -> None:
        while self._queue or self._is_looking:
            self._emptied = trio.Event()
            await self._emptied.wait()

    async def run(self) -> None:
        """Answer until cancelled."""
        with self._proofs_changed.heard_by(self._on_proofs):
            while True:
                with trio.move_on_after(_LOOK_INTERVAL_S if self._queue else float("inf")):
                    await self._stir.wait()
                self._stir = trio.Event()
                self._is_looking = True
                await self._look()
                self._is_looking = False
                if not self._queue:
                    self._emptied.set()

    def _on_proofs(self) -> None:
        """A proof is news for one room of many: the others sleep on."""
        if self._is_looking:
            self._stir.set()
        elif self._queue:
            front = self._queue[0]
            if self._copies.of(front.number, front.blob).count >= front.copies:
                self._stir.set()

    async def _look(self) -> None:
        now = trio.current_time()
        while self._queue and (copies := self._settled(self._queue[0], now)) is not None:
            waiting = self._queue.popleft()
            if copies.count >= waiting.copies:
                self._proven_at = trio.current_time()  # not `now`: answers wait for a client that does not read
                self._proven_after_s = self._proven_at - waiting.since
            self._shrunk.beat()
            await waiting.answer(copies)
        if now - self._looked_at_all >= _LOOK_INTERVAL_S:
            self._looked_at_all = now
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        # A bulk put has thousands waiting of which nobody has proven any: to count the copies of each was 8 % of what
        # the origin did.
        highest, now = self._copies.highest_proven(), trio.current_time()
        for _ in range(len(self._queue)):
            waiting = self._queue.popleft()
            is_only_here = waiting.number > highest and waiting.copies > 1 and now < waiting.deadline
            copies = None if is_only_here else self._settled(waiting, now)
            if copies is None:
                self._queue.append(waiting)
            else:
                self._shrunk.beat()
                await waiting.answer(copies)

    def _settled(self, waiting: Waiting, now: float) -> BlobCopies | None:
        """The copies when the wait is over, else None."""
        copies = self._copies.of(waiting.number, waiting.blob)
        return copies if copies.count >= waiting.copies or now >= waiting.deadline else None
