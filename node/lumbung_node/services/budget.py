"""A budget of bytes in memory, shared by all incoming streams; whoever finds it spent waits his turn."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode

__all__ = ["ByteBudget", "check_crawling"]


def check_crawling(elapsed_s: float, received_bytes: int, code: StatusCode) -> None:
    """Whoever holds memory that others wait for has to bring bytes. Raises Rejected for less than the least rate."""
    if received_bytes < elapsed_s * limits.FOREIGN_RATE_BYTES_PER_S_MIN:
        raise Rejected(
            code,
            f"others wait for memory: expected {limits.FOREIGN_RATE_BYTES_PER_S_MIN} bytes/s, "
            f"got {received_bytes} bytes in {elapsed_s:.0f} s",
        )


class ByteBudget:
    """First come, first served, so that a large request is not starved by small ones.

    A request larger than the whole budget is served alone. Nobody may wait here while holding some of it and needing
    more: take everything at once.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._taken = 0
        self._queue: deque[tuple[int, trio.Event]] = deque()

    @property
    def taken_bytes(self) -> int:
        return self._taken

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for his turn."""
        return bool(self._queue)

    @asynccontextmanager
    async def hold(self, count: int) -> AsyncIterator[None]:
        """Hold `count` bytes for the block."""
        taken = await self.take(count)
        try:
            yield
        finally:
            self.give(taken)

    def give(self, count: int) -> None:
        """Give back what `take` returned."""
        self._taken -= count
        self._wake()

    async def take(self, count: int) -> int:
        """Wait for `count` bytes; returns how many were taken (at most the whole budget), to be given back."""
        count = min(count, self._bytes_max)
        await self._wait_for(count)
        return count

    def took_now(self, count: int) -> bool:
        """Take `count` bytes if that needs no waiting, ahead of nobody; to be given back."""
        if self._queue or self._taken + count > self._bytes_max:
            return False
        self._taken += count
        return True

    async def _wait_for(self, count: int) -> None:
        if self.took_now(count):
            return
        turn = trio.Event()
        ticket = (count, turn)
        self._queue.append(ticket)
        try:
            await turn.wait()
        except trio.Cancelled:
            if turn.is_set():  # the bytes were ours already
                self._taken -= count
            else:
                self._queue.remove(ticket)
            self._wake()
            raise

    def _wake(self) -> None:
        while self._queue and self._taken + self._queue[0][0] <= self._bytes_max:
            count, turn = self._queue.popleft()
            self._taken += count
            turn.set()
