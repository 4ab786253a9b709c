"""What reading costs beside those who record: one caller's reads take turns then, each with a rest behind it.

An operator may open sixteen streams and ask without end. Alone he may have all of the node; beside a station that puts
he gets a quarter of it at most, and about as much again goes to gRPC, however many streams he has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from lumbung_node.services.put_crowd import PutCrowd

__all__ = ["ReadTurns"]

T = TypeVar("T")

# Of each read: as long as it took for gRPC, which carries what was read; the others for those who put.
_RESTS = 3


class _Lane:
    def __init__(self) -> None:
        self.turn = trio.Lock()
        self.users = 0
        self.free_at = 0.0  # trio's clock; the last read has its answer before


class ReadTurns:
    """One lane for each caller that reads beside others' puts; forgotten when nobody is in it and its rest is over."""

    def __init__(self, crowd: PutCrowd) -> None:
        self._crowd = crowd
        self._lanes: dict[str, _Lane] = {}

    async def run(self, caller: str, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, which waits for nobody but the disk: a caller that takes no bytes must hold no turn."""
        if self._crowd.is_alone(caller):
            return await read()
        async with self._lane(caller) as lane, lane.turn:
            await trio.sleep_until(lane.free_at)
            begun = trio.current_time()
            try:
                return await read()
            finally:
                now = trio.current_time()
                lane.free_at = now + self._crowd.rest_s(caller, _RESTS * (now - begun))

    @asynccontextmanager
    async def _lane(self, caller: str) -> AsyncIterator[_Lane]:
        self._forget()
        lane = self._lanes.setdefault(caller, _Lane())
        lane.users += 1
        try:
            yield lane
        finally:
            lane.users -= 1

    def _forget(self) -> None:
        now = trio.current_time()
        self._lanes = {caller: lane for caller, lane in self._lanes.items() if lane.users or lane.free_at > now}
