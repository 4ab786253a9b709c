"""Who else puts at this moment: a large blob leaves room between its chunks for those who wait with small ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import trio

__all__ = ["PutCrowd"]

_PRESENT_S = 1.0  # a station that puts one recording after the other is seen as one that puts
_REST_S_MAX = 1.0  # a disk that stands still for longer is no reason to stand still as long again


class PutCrowd:
    """The last moment at which each caller brought bytes, only of those present; and whose bytes wait for the disk."""

    def __init__(self) -> None:
        self._seen_s: dict[str, float] = {}
        self._waiting: Counter[str] = Counter()

    def touch(self, caller: str) -> None:
        now = trio.current_time()
        self._seen_s.pop(caller, None)
        self._seen_s[caller] = now  # the last to come stands last
        while now - self._seen_s[first := next(iter(self._seen_s))] > _PRESENT_S:
            del self._seen_s[first]

    @contextmanager
    def waiting(self, caller: str) -> Iterator[None]:
        """`caller` waits for the disk inside the block, and is present however long it takes: the slower the disk, the
        more it needs the others to leave it alone.
        """
        self._waiting[caller] += 1
        try:
            yield
        finally:
            self._waiting[caller] -= 1
            if not self._waiting[caller]:
                del self._waiting[caller]
            self.touch(caller)

    def rest_s(self, caller: str, worked_s: float) -> float:
        """How long `caller` should leave the disk to others after it has worked for him so long; 0 when he is alone.

        As long again: writing a chunk holds the interpreter's lock and the engine's writer, each put needs both a few
        times, and without a rest they stand behind the next chunk every time.
        """
        return 0.0 if self.is_alone(caller) else min(worked_s, _REST_S_MAX)

    def is_alone(self, caller: str) -> bool:
        """Whether nobody but `caller` puts at this moment."""
        if any(other != caller for other in self._waiting):
            return False
        now = trio.current_time()
        return all(now - seen > _PRESENT_S for other, seen in self._seen_s.items() if other != caller)
