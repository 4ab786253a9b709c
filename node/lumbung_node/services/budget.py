"""A budget of bytes in memory, shared by all incoming streams; whoever finds it spent waits his turn."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

__all__ = ["ByteBudget"]


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

    def has_room(self, count: int) -> bool:
        """Whether `take` would not wait."""
        return not self._queue and self._taken + min(count, self._bytes_max) <= self._bytes_max

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

    async def _wait_for(self, count: int) -> None:
        if self.has_room(count):
            self._taken += count
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
