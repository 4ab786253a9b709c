"""Whether this disk answers so quickly that waiting for it in place costs less than a hop to a thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["ReadPace", "VainLooks"]

_KEPT: Final = 16
_QUICK_MIN: Final = 14  # of those kept; the interpreter's lock may hold a quick one up too
_QUICK_S: Final = 0.002  # the page cache and flash; a turning disk needs 5 to 15 ms
_STUCK_S: Final = 0.02
_WARY_S: Final = 60.0


class ReadPace:
    """Remembers how long the last small reads of one family took: an index in memory says nothing of cold chunks."""

    def __init__(self) -> None:
        self._were_quick: deque[bool] = deque(maxlen=_KEPT)

    @property
    def is_quick(self) -> bool:
        """Nearly all of the last ones were; one that got stuck makes all start anew."""
        return len(self._were_quick) == _KEPT and sum(self._were_quick) >= _QUICK_MIN

    def took(self, elapsed_s: float) -> None:
        """One more read has returned."""
        if elapsed_s > _STUCK_S:
            self._were_quick.clear()
        else:
            self._were_quick.append(elapsed_s < _QUICK_S)


class VainLooks:
    """Looks for many rows that are most likely absent need no disk, as a rule: cheap until one of them got stuck.

    Where the guess is wrong, or the filters are not in memory, the disk is read in place. It may get in the way once a
    minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wary_until = clock()

    @property
    def is_cheap(self) -> bool:
        return self._clock() >= self._wary_until

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around one look; one that fails counts as well."""
        begun = self._clock()
        try:
            yield
        finally:
            if self._clock() - begun > _STUCK_S:
                self._wary_until = self._clock() + _WARY_S
