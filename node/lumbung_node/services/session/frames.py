"""Reading one session's frames: each goes to the part that takes it, and words are paced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.patience import Bucket
from lumbung_cluster.wire import passes_over_unknown
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.v1 import peer_pb2

__all__ = ["KINDS_OF_RECONCILE", "Takers", "read_frames"]

KINDS_OF_RECONCILE = tuple(
    f"reconcile_{word}" for word in ("compare", "compared", "ask", "tell", "fetch", "fetched", "settle", "settled")
)
_KINDS_OF_BLOBS = ("offer", "want", "pieces", "applied", "received")

Takers: TypeAlias = Mapping[str, Callable[[peer_pb2.SessionFrame, memoryview], Awaitable[None] | None]]


async def read_frames(link: FrameLink, takers: Takers, wire: int) -> peer_pb2.Goodbye | None:
    """Hand on frames until the peer ends the stream; its goodbye if it said one. Raises Rejected."""
    words = Bucket(limits.WORDS_BURST, limits.WORDS_PER_S)
    while (received := await link.receive()) is not None:
        frame, payload = received
        kind = frame.WhichOneof("kind")
        if kind not in _KINDS_OF_BLOBS:  # each costs us a signature, reads or a write, and the peer nothing
            await trio.sleep(words.take(trio.current_time()))
        if kind == "goodbye":
            return frame.goodbye
        if kind is None and passes_over_unknown(wire):
            continue  # a newer lumbung says something that we do not know
        taker = takers.get(kind) if kind is not None else None
        if taker is None:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"unexpected frame {kind}")
        taken = taker(frame, payload)
        if taken is not None:
            await taken
        del received, frame, payload, taken  # or each silent session keeps the last message that came, up to 1 MiB
    return None
