"""Bytes of small blobs that were verified a moment ago: the lane to each holder need not read and hash them anew.

A put has just been hashed when it becomes durable, and its holders are brought its bytes within the second; what one
lane has read from the engine and hashed, the next one asks for in the same moment. 300 KiB from memtable to memory and
their hash are 0.2 to 0.4 ms of CPU, for each holder.

It forgets within ten seconds, and is not asked by who looks at the disk: scrub, repeated puts, gets and exports.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import trio

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import AT_HAND_BYTES_MAX

__all__ = ["ContentsAtHand"]

_AGE_S: Final = 10.0
_ENTRY_BYTES: Final = 320  # of memory, beside its content


class ContentsAtHand:
    """By place, the oldest given up first."""

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._kept: OrderedDict[int, tuple[float, bytes, bytes]] = OrderedDict()  # when, id, content
        self._bytes = 0

    def note(self, news: Iterable[tuple[int, BlobId, bytes]]) -> None:
        """Of each the content hashes to the blob and lies at the place, durably."""
        now = self._clock()
        for place, blob, content in news:
            if place in self._kept:
                self._bytes -= _ENTRY_BYTES + len(self._kept.pop(place)[2])
            self._kept[place] = now, blob.raw, content
            self._bytes += _ENTRY_BYTES + len(content)
        while self._kept and (self._bytes > AT_HAND_BYTES_MAX or next(iter(self._kept.values()))[0] < now - _AGE_S):
            self._bytes -= _ENTRY_BYTES + len(self._kept.popitem(last=False)[1][2])

    def find(self, place: int, blob: BlobId) -> bytes | None:
        """The verified bytes of `blob`, which lies at `place`; None when they are to be read."""
        found = self._kept.get(place)
        if found is None or found[1] != blob.raw or found[0] < self._clock() - _AGE_S:
            return None
        return found[2]
