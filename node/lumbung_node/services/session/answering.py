"""Answers to the peer's questions on their way out: whoever reads must never wait for his own frames to leave.

Both sides may fill the line at once, with the names of a hundred thousand damaged blobs for instance. Readers that then
wait for their answers to leave wait for each other, for ever, on a line that is alive.
"""

from __future__ import annotations

from typing import Final

import trio

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.v1 import peer_pb2

__all__ = ["Answering"]

_WAITING_MAX: Final = 64  # up to 9 KB each; an honest peer has a few questions open


class Answering:
    """`run` sends what was given, in order, until cancelled."""

    def __init__(self, link: FrameLink) -> None:
        self._link = link
        self._given, self._waiting = trio.open_memory_channel[peer_pb2.SessionFrame](_WAITING_MAX)

    def give(self, answer: peer_pb2.SessionFrame) -> None:
        """Raises Rejected when the peer asks on and takes no answers."""
        try:
            self._given.send_nowait(answer)
        except trio.WouldBlock:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED, f"expected at most {_WAITING_MAX} questions without an answer taken"
            ) from None

    async def run(self) -> None:
        async for answer in self._waiting:
            await self._link.send(answer)
