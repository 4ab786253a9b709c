"""What reading costs beside those who record: one caller's reads take turns then, each with as long a rest behind it.

An operator may open sixteen streams and ask without end. Alone he may have all of the node; beside a station that puts
he gets half of it at most, however many streams he has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from lumbung_node.services.put_crowd import PutCrowd

__all__ = ["ReadTurns"]

T = TypeVar("T")


class _Lane:
    def __init__(self) -> None:
        self.turn = trio.Lock()
        self.users = 0


class ReadTurns:
    """One lane for each caller that reads beside others' puts; forgotten when nobody is in it."""

    def __init__(self, crowd: PutCrowd) -> None:
        self._crowd = crowd
        self._lanes: dict[str, _Lane] = {}

    async def run(self, caller: str, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, which waits for nobody but the disk: a caller that takes no bytes must hold no turn."""
        if self._crowd.is_alone(caller):
            return await read()
        async with self._lane(caller) as lane, lane.turn:
            begun = trio.current_time()
            try:
                return await read()
            finally:
                await trio.sleep(self._crowd.rest_s(caller, trio.current_time() - begun))

    @asynccontextmanager
    async def _lane(self, caller: str) -> AsyncIterator[_Lane]:
        lane = self._lanes.setdefault(caller, _Lane())
        lane.users += 1
        try:
            yield lane
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[caller]
