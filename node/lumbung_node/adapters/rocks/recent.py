"""Values written lately, so that what a blob's next steps ask for need not be looked up in the engine again.

Within a second or two of its commit a blob's row is read some six times at its origin (an offer to each holder, its
bytes for each, a receipt of each) and two to four times at a holder; each look into the engine is a microsecond or two
of the event loop, a look here a tenth of one.

It says what the engine would say: whoever writes, and only one does at a time, drops the keys of a batch before the
engine gets it, and notes its values when the engine has taken it. Reads change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from lumbung_node.ports.keyvalue import Batch, Family

__all__ = ["RecentRows"]

_FAMILY: Final = Family.BLOBS
_ROWS_MAX: Final = 8192  # 2 MiB: three seconds of small puts, and a bulk is proven in two
_ROWS_LEFT: Final = 6144


class RecentRows:
    """Of one family, by key; those written first go first."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def values(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None] | None:
        """The values of these keys, in order, when all of them were written lately; else None."""
        if family is not _FAMILY or not keys:
            return None
        found: list[bytes | None] = list(map(self._rows.get, keys))
        return None if None in found else found

    def drop(self, batch: Batch) -> None:
        """Before the engine gets `batch`."""
        if any(each[0] is _FAMILY for each in (*batch.deletes, *batch.deletes_range)):
            self._rows.clear()
        for family, key, _ in batch.puts:
            if family is _FAMILY:
                self._rows.pop(key, None)

    def note(self, batch: Batch) -> None:
        """The engine has taken `batch`; nobody else has written since."""
        for family, key, value in batch.puts:
            if family is _FAMILY:
                self._rows[key] = value
        if len(self._rows) > _ROWS_MAX:
            for key in list(islice(self._rows, len(self._rows) - _ROWS_LEFT)):
                del self._rows[key]
