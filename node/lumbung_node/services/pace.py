"""Keeping a link's rate: blob bytes wait for their airtime, the backlog for its smaller share too.

Only blob bytes count: frames without them are small, and holding back an answer would slow what it answers. The sender
paces both directions, because it alone knows what is new and what is backlog: each side tells the other what its own
windows let it receive, and the smaller of the two limits holds.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from lumbung_cluster import limits
from lumbung_cluster.schedule import FREE, Airtime, Allowance, Direction, Schedule
from lumbung_node.ports.world import WallClock
from lumbung_proto.v1 import peer_pb2

__all__ = ["LinkPace", "read_takes", "takes_message"]

_LOOK_S = 30.0  # a window that opens or closes meanwhile is seen this soon


class LinkPace:
    """What one session sends, shared by all its lanes."""

    def __init__(self, schedule: Callable[[], Schedule], link: str, clock: WallClock) -> None:
        """`schedule` gives the windows of the configuration in use: they may change while the session lives."""
        self._schedule = schedule
        self._link = link
        self._clock = clock
        self._all = Airtime()
        self._backlog = Airtime()
        self.peer_takes = FREE

    def takes(self) -> Allowance:
        """What our own windows let us receive now: the peer should know."""
        return self._schedule().allowance(self._link, Direction.RECEIVE, self._clock.now_ms())

    async def ready(self, *, is_backlog: bool) -> None:
        """Wait until the next bytes may go. Puts that somebody waits for never stand behind the backlog's share."""
        if is_backlog:
            await self._wait_for(self._backlog)
        await self._wait_for(self._all)

    def is_ready(self) -> bool:
        """Whether bytes that are no backlog may go at once."""
        return self._all.wait_s(trio.current_time()) <= 0

    def occupy(self, size_bytes: int, *, is_backlog: bool) -> None:
        """These bytes go now."""
        allowance, now = self._allowance(), trio.current_time()
        self._all.occupy(now, size_bytes, allowance.all_bytes_per_s)
        if is_backlog:
            self._backlog.occupy(now, size_bytes, allowance.backlog_bytes_per_s)

    def frame_bytes_max(self, most: int) -> int:
        """About one second of what the link may carry, so that nobody waits longer for a turn; `most` at the most."""
        rate = self._allowance().all_bytes_per_s
        return most if rate is None else min(most, max(limits.PIECE_SIZE_BYTES_MIN, int(rate)))

    async def _wait_for(self, airtime: Airtime) -> None:
        while (wait_s := airtime.wait_s(trio.current_time())) > 0:
            if self._allowance().all_bytes_per_s is None:  # the window closed: nothing is left to be spared
                return
            await trio.sleep(min(wait_s, _LOOK_S))

    def _allowance(self) -> Allowance:
        return self._schedule().allowance(self._link, Direction.SEND, self._clock.now_ms()).with_limit(self.peer_takes)


def takes_message(takes: Allowance) -> peer_pb2.Takes:
    return peer_pb2.Takes(
        all_bytes_per_s=_whole(takes.all_bytes_per_s), backlog_bytes_per_s=_whole(takes.backlog_bytes_per_s)
    )


def read_takes(message: peer_pb2.Takes) -> Allowance:
    """The peer's wish. One byte a second would be kept too: the peer harms only what it asked us to hold for it."""
    return Allowance(float(message.all_bytes_per_s) or None, float(message.backlog_bytes_per_s) or None)


def _whole(bytes_per_s: float | None) -> int:
    return max(1, int(bytes_per_s)) if bytes_per_s is not None else 0
