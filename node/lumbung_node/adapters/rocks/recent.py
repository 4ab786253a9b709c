"""Values written lately, so that what a blob's next steps ask for need not be looked up in the engine again.

Within a second or two of its commit a blob's row is read some six times at its origin (an offer to each holder, its
bytes for each, a receipt of each) and two to four times at a holder; and what a put or an offer has found absent, the
commit behind it asks for again. Each look into the engine is a microsecond or two of the event loop, one here a tenth.

It says what the engine would say: whoever writes, and only one does at a time, notes the values of a batch when the
engine has taken it. In a thread, beside which others read, it drops its keys before the engine gets it. What a read
found absent is noted only while nobody writes.

It forgets within ten seconds: what has rotted on the disk must not be told as good by who does not look there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from lumbung_node.ports.keyvalue import Batch, Family

__all__ = ["RecentRows"]

_AGE_S: Final = 5.0  # then a generation grows old, and twice that after it was begun it is gone
_ROWS_MAX: Final = 4096  # in a generation of a family: 1 MiB, a second and a half of small puts
_KEY_BYTES_MAX: Final = 64  # ours are shorter; those of a caller who makes up his own are not kept
_UNKNOWN: Final = object()
_VALUE_BYTES_MAX: Final = 256  # a record with many versions has a longer row, and is no put of a bulk


class _Generations:
    """Values by key, None for what is absent, in two generations; the younger one is the later word.

    A thread may write while the loop turns them: it then writes into what is the older one by now, which is as good.
    """

    def __init__(self, now: float) -> None:
        self.young: dict[bytes, bytes | None] = {}
        self.old: dict[bytes, bytes | None] = {}
        self._begun = self._old_begun = now

    def turn(self, now: float) -> None:
        """Let go of what is too old or too much."""
        if now - self._old_begun > 2 * _AGE_S:
            self.old = {}
        age_s = now - self._begun
        if age_s > _AGE_S or len(self.young) > _ROWS_MAX:
            self.old, self._old_begun = (self.young if age_s <= 2 * _AGE_S else {}), self._begun
            self.young, self._begun = {}, now

    def values(self, keys: Sequence[bytes]) -> tuple[list[bytes | None], list[int]]:
        young, old = self.young, self.old
        # One look for each key: a thread that writes may drop it at any moment, and what is gone then is not known.
        found = [young.get(key, old.get(key, _UNKNOWN)) for key in keys]
        unknown = [at for at, value in enumerate(found) if value is _UNKNOWN]
        for at in unknown:
            found[at] = None
        return cast("list[bytes | None]", found), unknown

    def forget(self, key: bytes) -> None:
        self.young.pop(key, None)
        self.old.pop(key, None)

    def clear(self) -> None:
        self.young.clear()
        self.old.clear()


class RecentRows:
    """Of the families that are asked for again soon, by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows = {family: _Generations(clock()) for family in (Family.BLOBS, Family.TAGS)}

    def values(self, family: Family, keys: Sequence[bytes]) -> tuple[list[bytes | None], list[int]]:
        """The values of these keys in order, None for what is absent or unknown; and which of them are unknown."""
        rows = self._rows.get(family)
        if rows is None:
            return [None] * len(keys), list(range(len(keys)))
        rows.turn(self._clock())
        return rows.values(keys)

    def drop(self, batch: Batch) -> None:
        """The engine alone tells of these keys from now on."""
        self._forget_deleted(batch)
        for family, rows in self._rows.items():
            for key in [key for of, key, _ in batch.puts if of is family]:
                rows.forget(key)

    def note(self, batch: Batch) -> None:
        """The engine has taken `batch`; nobody else has written since."""
        self._forget_deleted(batch)
        for family, rows in self._rows.items():
            news: dict[bytes, bytes | None] = {}
            for of, key, value in batch.puts:
                if of is not family:
                    continue
                if len(key) <= _KEY_BYTES_MAX and len(value) <= _VALUE_BYTES_MAX:
                    news[key] = value
                else:
                    news.pop(key, None)
                    rows.forget(key)
            if news:
                rows.turn(self._clock())
                rows.young.update(news)

    def _forget_deleted(self, batch: Batch) -> None:
        for each in (*batch.deletes, *batch.deletes_range):
            if each[0] in self._rows:
                self._rows[each[0]].clear()

    def note_absent(self, family: Family, keys: Sequence[bytes]) -> None:
        """The engine has just been asked, and nobody writes."""
        if (rows := self._rows.get(family)) is not None:
            rows.turn(self._clock())
            rows.young.update(dict.fromkeys([key for key in keys if len(key) <= _KEY_BYTES_MAX]))
