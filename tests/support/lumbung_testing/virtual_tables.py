"""Sorted families of byte keys in memory: what a virtual disk holds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from lumbung_node.ports.keyvalue import Batch, Family

__all__ = ["Tables"]


class Tables:
    """The rows of every family, kept in key order, and which chunks have a bad checksum.

    Within a batch ranges are deleted first, then keys, then the puts happen: a put of the same batch wins.
    """

    def __init__(self) -> None:
        self._values: dict[Family, dict[bytes, bytes]] = {family: {} for family in Family}
        self._keys: dict[Family, list[bytes]] = {family: [] for family in Family}
        self._damaged: set[tuple[Family, bytes]] = set()
        self.used_bytes = 0

    def copy(self) -> Tables:
        other = Tables()
        other._values = {family: dict(rows) for family, rows in self._values.items()}
        other._keys = {family: list(keys) for family, keys in self._keys.items()}
        other._damaged = set(self._damaged)
        other.used_bytes = self.used_bytes
        return other

    def apply(self, batch: Batch) -> None:
        for family, first, behind in batch.deletes_range:
            for key in list(self.keys(family, first, behind)):
                self._delete(family, key)
        for family, key in batch.deletes:
            self._delete(family, key)
        for family, key, value in batch.puts:
            self._put(family, key, value)

    def get(self, family: Family, key: bytes) -> bytes | None:
        return self._values[family].get(key)

    def is_damaged(self, family: Family, key: bytes) -> bool:
        return (family, key) in self._damaged

    def keys(self, family: Family, first: bytes, behind: bytes, *, backwards: bool = False) -> Iterator[bytes]:
        """The keys with first <= key < behind, in order. Do not write while iterating."""
        keys = self._keys[family]
        span = range(bisect_left(keys, first), bisect_left(keys, behind))
        return (keys[index] for index in (reversed(span) if backwards else span))

    def all_keys(self, family: Family) -> list[bytes]:
        return list(self._keys[family])

    def overwrite(self, family: Family, key: bytes, value: bytes, *, damaged: bool) -> None:
        """Change what lies under a key behind everybody's back, with or without the checksum telling."""
        self._put(family, key, value)
        if damaged:
            self._damaged.add((family, key))

    def _put(self, family: Family, key: bytes, value: bytes) -> None:
        self._delete(family, key)
        insort(self._keys[family], key)
        self._values[family][key] = value
        self.used_bytes += len(key) + len(value)

    def _delete(self, family: Family, key: bytes) -> None:
        value = self._values[family].pop(key, None)
        if value is None:
            return
        del self._keys[family][bisect_left(self._keys[family], key)]
        self._damaged.discard((family, key))
        self.used_bytes -= len(key) + len(value)
