"""What a receiver of the bare controls keeps: blobs of one size in RocksDB, with the node's options.

Each blob is hashed, its chunk goes in with those of its message, its rows with all others of its group, and one sync
covers them: the order of a node's commits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from blake3 import blake3
from rocksdict import Cache, Rdict, WriteBatch, WriteOptions

from lumbung_cluster.limits import COMMIT_BYTES_MAX, PIECE_SIZE_BYTES_MAX
from lumbung_node.adapters.rocks.error_table import is_stall
from lumbung_node.adapters.rocks.options import DEFAULT_FAMILY, DEFAULT_LIMITS, database_options, family_options
from lumbung_node.ports.keyvalue import Family

__all__ = ["BareStore", "bare_store", "open_bare"]

_ROWS_A_BLOB = ((Family.BLOBS, 36, 100), (Family.FEEDS, 12, 110))  # key and value sizes of a blob's rows
_STALL_PAUSE_S = 0.003


def open_bare(path: Path) -> Rdict:
    """A new database with the families and options of a node's."""
    cache = Cache(DEFAULT_LIMITS.cache_size_bytes)
    families = {DEFAULT_FAMILY: family_options(None, cache, DEFAULT_LIMITS)}
    families |= {family.value: family_options(family, cache, DEFAULT_LIMITS) for family in Family}
    return Rdict(str(path), database_options(DEFAULT_LIMITS, create=True), families)


@contextmanager
def bare_store(path: Path, size_bytes: int) -> Iterator[BareStore]:
    """A new store at `path` for blobs of this size."""
    with closing(open_bare(path)) as database:
        yield BareStore(database, size_bytes)


class BareStore:
    """For one thread that writes. Bytes are durable once `sync` has returned."""

    def __init__(self, database: Rdict, size_bytes: int) -> None:
        self._database = database
        self._handles = {family: database.get_column_family_handle(family.value) for family in Family}
        self._size_bytes = size_bytes
        self._place = 0
        self._ids: list[bytes] = []
        self._unsynced_bytes = 0

    @property
    def is_full(self) -> bool:
        """Does the group have room for no further message?"""
        return self._unsynced_bytes > COMMIT_BYTES_MAX - PIECE_SIZE_BYTES_MAX

    def add(self, message: bytes) -> None:
        """Hash the blobs of a message and write their chunks."""
        if not message:
            return
        blobs = [message[at : at + self._size_bytes] for at in range(0, len(message), self._size_bytes)]
        self._ids += [blake3(blob).digest() for blob in blobs]
        self._write(partial(self._chunks, blobs))
        self._place += len(blobs)
        self._unsynced_bytes += len(message)

    def sync(self) -> None:
        """The rows of what was added, then the sync that covers it all. Nothing where nothing was added."""
        if not self._ids:
            return
        self._write(self._rows)
        self._database.flush_wal(True)
        self._ids, self._unsynced_bytes = [], 0

    def count(self) -> int:
        """How many different blobs have their row."""
        return sum(1 for _ in self._database.get_column_family(Family.BLOBS.value).keys())  # noqa: SIM118  # an Rdict

    def _chunks(self, blobs: Sequence[bytes]) -> WriteBatch:
        batch = WriteBatch(raw_mode=True)
        for at, blob in enumerate(blobs, self._place):
            batch.put(at.to_bytes(8, "big"), blob, self._handles[Family.CHUNKS])
        return batch

    def _rows(self) -> WriteBatch:
        """Rows as long as a node's own; what they say does not matter here."""
        batch = WriteBatch(raw_mode=True)
        for raw in self._ids:
            for family, key_bytes, value_bytes in _ROWS_A_BLOB:
                batch.put(raw.ljust(key_bytes, b"\0")[:key_bytes], bytes(value_bytes), self._handles[family])
        return batch

    def _write(self, assembled: Callable[[], WriteBatch]) -> None:
        """As a node does: what the engine does not take now is tried again, outside the interpreter's lock."""
        options = WriteOptions()
        options.no_slowdown = True
        while True:
            try:
                self._database.write(assembled(), options)
            except Exception as exc:
                if not is_stall(exc):
                    raise
                time.sleep(_STALL_PAUSE_S)
            else:
                return
