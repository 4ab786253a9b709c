"""Bytes that go along with their offer, before anybody has asked for them.

A put that has just become durable is at no holder yet, so the question whether he lacks it need not be waited for: an
offer, its want, the bytes and the answer are two times over the line and back, an offer with its bytes and the answer
one. What the peer may have already goes the usual way, and so does what the link would not carry at once.

A peer that has no memory for them, because many others bring it something too, asks for them again: then it is asked
first for a while. Else a busy holder would get everything twice just when it has least room for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import trio

from lumbung_cluster.limits import CHUNK_SIZE_BYTES
from lumbung_cluster.wire import bytes_along_max
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.v1 import peer_pb2

if TYPE_CHECKING:
    from lumbung_node.services.session.offers import OfferedItem

__all__ = ["EagerBytes"]

_NOTED_MAX: Final = 8192  # ids offered lately, on any lane: 1 MiB for a session
_REST_S: Final = 60.0  # after bytes that went along in vain: at most 1 MiB a minute is sent twice


class EagerBytes:
    """Of one session."""

    def __init__(self, core: Core, link: FrameLink, flow: FlowLink, pace: LinkPace) -> None:
        self._core = core
        self._link = link
        self._flow = flow
        self._pace = pace
        self._noted: set[bytes] = set()
        self._noted_before: set[bytes] = set()
        self._rests_until = -math.inf
        # Bytes of this session were taken: before that the peer takes those of one offer at a time.
        self.is_proven = False

    def rest(self) -> None:
        """The peer has asked for bytes that had come along."""
        self._rests_until = trio.current_time() + _REST_S

    def are_new(self, items: Sequence[OfferedItem]) -> bool:
        """Whether none of these was offered in this session lately; from now on they were."""
        raws = [item.blob.raw for item in items]
        is_new = self._noted.isdisjoint(raws) and self._noted_before.isdisjoint(raws)
        self._noted.update(raws)
        if len(self._noted) > _NOTED_MAX // 2:
            self._noted_before, self._noted = self._noted, set()
        return is_new

    async def read(self, items: Sequence[OfferedItem]) -> list[bytes] | None:
        """The bytes of all of these, verified; None where they should not go along."""
        if not items or not self._may_go(sum([item.size_bytes for item in items])):
            return None
        if any(item.size_bytes > CHUNK_SIZE_BYTES for item in items):
            return None
        contents = await self._core.store.reader.small_contents([(item.blob, item.place) for item in items])
        # What cannot be read is found out, and mended, when the peer asks for it.
        whole = [content for content in contents if content is not None]
        return whole if len(whole) == len(items) else None

    async def sent(self, frame: peer_pb2.SessionFrame, contents: Sequence[bytes]) -> bool:
        """Send an offer with these bytes; false when the link would not take them at once any more."""
        size_bytes = sum(len(content) for content in contents)
        if not self._may_go(size_bytes):
            return False
        self._pace.occupy(size_bytes, is_backlog=False)
        self._core.activity.touch()
        await self._flow.send_pieces(frame, contents, size_bytes)
        return True

    def _may_go(self, size_bytes: int) -> bool:
        most = min(self._flow.eager_bytes_max(), self._pace.frame_bytes_max(bytes_along_max(self._link.wire)))
        is_resting = trio.current_time() < self._rests_until
        return size_bytes <= most and not is_resting and self._pace.is_ready() and self._flow.takes_now(size_bytes)
