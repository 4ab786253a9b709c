"""Which recordings were named or written already, so that each is fetched once, however it is named."""

from __future__ import annotations

from typing import Final

from lumbung_tools.client.ask import BlobName

__all__ = ["Once"]

# About 120 bytes each. A recording that is named again behind so many others meets its own file, and is told as that.
_REMEMBERED_MAX: Final = 1_000_000


class Once:
    """Whole ids by their bytes; shorter names and records by what they are, and by the id that they turn out to be."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def is_new(self, wanted: BlobName) -> bool:
        """Whether nobody named it so before; it is remembered."""
        key = wanted.prefix if wanted.is_whole else wanted.record_tag or wanted.digits.encode()
        is_new = key not in self._known
        self.remember(key)
        return is_new

    def knows(self, blob: bytes) -> bool:
        """Whether it was named by its whole id, or written."""
        return blob in self._known

    def remember(self, key: bytes) -> None:
        if len(self._known) < _REMEMBERED_MAX:
            self._known.add(key)
