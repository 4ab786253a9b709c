"""Values written lately, so that what a blob's next steps ask for need not be looked up in the engine again.

Within a second or two of its commit a blob's row is read some six times at its origin (an offer to each holder, its
bytes for each, a receipt of each) and two to four times at a holder; and what a put or an offer has found absent, the
commit behind it asks for again. Each look into the engine is a microsecond or two of the event loop, one here a tenth.

It says what the engine would say: whoever writes, and only one does at a time, notes the values of a batch when the
engine has taken it. In a thread, beside which others read, it drops its keys before the engine gets it. What a read
found absent is noted only while nobody writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from lumbung_node.ports.keyvalue import Batch, Family

__all__ = ["RecentRows"]

_ROWS_MAX: Final = 8192  # of a family, 2 MiB: three seconds of small puts, and a bulk is proven in two
_ROWS_LEFT: Final = 6144
_VALUE_BYTES_MAX: Final = 256  # a record with many versions has a longer row, and is no put of a bulk


class RecentRows:
    """Of the families that are asked for again soon, by key, None for what is absent; those noted first go first."""

    def __init__(self) -> None:
        self._rows: dict[Family, dict[bytes, bytes | None]] = {Family.BLOBS: {}, Family.TAGS: {}}

    def values(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None] | None:
        """The values of these keys, in order, when all of them are known; else None."""
        rows = self._rows.get(family)
        if not rows or not keys or keys[0] not in rows:
            return None
        try:
            return [rows[key] for key in keys]
        except KeyError:
            return None

    def drop(self, batch: Batch) -> None:
        """The engine alone tells of these keys from now on."""
        self._forget_deleted(batch)
        for family, rows in self._rows.items():
            for key in [key for of, key, _ in batch.puts if of is family]:
                rows.pop(key, None)

    def note(self, batch: Batch) -> None:
        """The engine has taken `batch`; nobody else has written since."""
        self._forget_deleted(batch)
        for family, rows in self._rows.items():
            news = {key: value for of, key, value in batch.puts if of is family}
            if news and max(map(len, news.values())) > _VALUE_BYTES_MAX:
                for key in [key for key, value in news.items() if len(value) > _VALUE_BYTES_MAX]:
                    del news[key]
                    rows.pop(key, None)
            rows.update(news)
            _shorten(rows)

    def _forget_deleted(self, batch: Batch) -> None:
        for each in (*batch.deletes, *batch.deletes_range):
            if each[0] in self._rows:
                self._rows[each[0]].clear()

    def note_absent(self, family: Family, keys: Sequence[bytes], found: Sequence[bytes | None]) -> None:
        """The engine has just been asked, and nobody writes."""
        if (rows := self._rows.get(family)) is not None:
            for key, value in zip(keys, found, strict=True):
                if value is None:
                    rows[key] = None
            _shorten(rows)


def _shorten(rows: dict[bytes, bytes | None]) -> None:
    if len(rows) > _ROWS_MAX:
        for key in list(islice(rows, len(rows) - _ROWS_LEFT)):
            del rows[key]
