"""Whether a link gets more patience than its class has.

The keepalive of class `lan` gives a ping one second. On a slow line the answer stands behind blob bytes, of which three
seconds are under way by design, so every session that carries something breaks. Three in a row that came up and broke
within a minute say that the class is wrong, or that the partner falls over and over: either way two seconds are no
longer the right time to give it up. Then who dialled waits as on `wan`, and both sides keep less than a second of the
link under way, so that the pings of the serving side come through. The link keeps its patience until one session has
lived for an hour under it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["LinkPatience"]

_BREAKS_MAX: Final = 3
_SHORT_S: Final = 60.0
_TRUSTED_S: Final = 3600.0


class LinkPatience:
    """Pure: told of the end of each session that had come up."""

    def __init__(self) -> None:
        self._breaks = 0
        self.is_raised = False

    def ended(self, lived_s: float, *, is_broken: bool) -> None:
        """`is_broken`: nobody said goodbye."""
        if lived_s >= _TRUSTED_S:
            self.is_raised = False
        self._breaks = self._breaks + 1 if is_broken and lived_s < _SHORT_S else 0
        if self._breaks >= _BREAKS_MAX:
            self.is_raised = True
