"""Whether this disk answers reads so quickly that waiting for one in place costs less than a hop to a thread."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["ReadPace"]

_KEPT: Final = 16
_QUICK_MIN: Final = 14  # of those kept; the interpreter's lock may hold a quick one up too
_QUICK_S: Final = 0.002  # the page cache and flash; a turning disk needs 5 to 15 ms
_STUCK_S: Final = 0.02


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
