"""The blocking half: RocksDB calls as they run in worker threads, errors already ours.

What lets go of the interpreter's lock is `flush_wal` and `get` with a list; everything else holds it for its whole
length, so writes go in parts of about 1 MiB (3 to 7 ms each) and may not wait inside the engine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, cast

from rocksdict import Cache, ColumnFamily, Rdict, ReadOptions, WriteBatch, WriteOptions

from lumbung_cluster.errors import (
    DiskFailed,
    DiskFull,
    LumbungError,
    OutcomeUnknown,
    StoreClosed,
    StoreDamaged,
)
from lumbung_cluster.limits import MIB
from lumbung_node.adapters.rocks.error_table import Phase, is_stall, translate
from lumbung_node.adapters.rocks.options import (
    DEFAULT_FAMILY,
    RocksLimits,
    database_options,
    family_options,
)
from lumbung_node.ports.keyvalue import Batch, Family, SpaceReport

__all__ = ["RocksEngine", "open_engine", "parts", "sync_folder"]

_Look = Callable[[bytes, bool], tuple[bool, bytes | None]]

WRITE_PART_SIZE_BYTES = MIB  # the lock is held for 3 to 7 ms a part
_NOBODYS_KEY = b"\xff" * 64
_FILES_AT_LEVELS = [f"rocksdb.num-files-at-level{level}" for level in range(7)]
STALL_PAUSE_S = 0.003
STALL_S_MAX = 120.0  # a spinning disk may need half a minute for the compaction that we wait for


def open_engine(folder: Path, limits: RocksLimits, *, create: bool, salvages: bool = False) -> RocksEngine:
    """Open `folder`/rocks. What a fresh handle shows is durable: RocksDB replays its log into synced tables first.

    `salvages` takes what can be had of a damaged store, and compacts nothing: for working copies only.
    """
    path = folder / "rocks"
    cache = Cache(limits.cache_size_bytes)
    families = {DEFAULT_FAMILY: family_options(None, cache, limits, salvages=salvages)}
    families |= {family.value: family_options(family, cache, limits, salvages=salvages) for family in Family}
    try:
        _check_folder(path, create=create)
        _make_folder(path)
        database = Rdict(
            str(path), database_options(limits, create=create, salvages=salvages), column_families=families
        )
    except LumbungError:
        raise
    except Exception as exc:
        raise translate(exc, Phase.OPEN) from exc
    engine = RocksEngine(path, database)
    if not salvages:
        try:
            engine.give_tables()
        except LumbungError:
            engine.close()  # whoever keeps the error would keep the store's lock, and could not open it again
            raise
    return engine


def _check_folder(path: Path, *, create: bool) -> None:
    """Refuse what RocksDB would take for an empty folder: it starts afresh over tables whose CURRENT is lost."""
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    if "CURRENT" in names:
        return
    if any(name.startswith("MANIFEST-") or name.endswith((".sst", ".log")) for name in names):
        raise StoreDamaged(f"{path} holds tables or logs but no CURRENT file that names the newest state")
    if not create:
        raise StoreDamaged(f"{path} holds no store")


def _make_folder(path: Path) -> None:
    """Make what is missing of the path, each name synced in its parent: the engine syncs only inside its own folder."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RocksEngine:
    """One open database. Calls may come from several threads; `close` only when no other call is under way."""

    def __init__(self, path: Path, database: Rdict) -> None:
        self._path = path
        self._database = database
        self._families: dict[Family, Rdict] = {f: database.get_column_family(f.value) for f in Family}
        self._handles: dict[Family, ColumnFamily] = {f: database.get_column_family_handle(f.value) for f in Family}
        # For every get of the family: one of a list would drop options that come with it.
        self._families[Family.CHUNKS].set_read_options(_read_options(Family.CHUNKS))
        self._failure: LumbungError | None = None
        self.is_closing = False

    @property
    def is_failed(self) -> bool:
        return self._failure is not None

    def write(self, batch: Batch) -> None:
        self._check_writable()
        self._put_through(batch)

    def write_at_once(self, batch: Batch) -> bool:
        """As `write`, but false, with nothing written, where the engine would have to wait."""
        self._check_writable()
        return self._took(batch)

    def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        self._check_writable()
        for part in parts(rows, WRITE_PART_SIZE_BYTES):
            self._put_through(Batch(puts=[(Family.CHUNKS, key, value) for key, value in part]))

    def sync(self) -> None:
        """One fdatasync of the log. Its failure is final: the kernel drops the pages, and a second try would lie."""
        if self._failure is not None:
            raise OutcomeUnknown("a write or a sync failed before: what it left is unknown") from self._failure
        try:
            self._database.flush_wal(True)
        except Exception as exc:
            self._fail(translate(exc, Phase.WRITE))
            raise OutcomeUnknown(f"sync failed: {exc}") from exc

    def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        try:
            # A list lets go of the interpreter's lock while it reads, a single key does not.
            values: list[bytes | None] | None = self._families[family].get(list(keys))
        except Exception as exc:
            raise translate(exc, Phase.READ) from exc
        assert values is not None
        assert len(values) == len(keys)
        return values

    def get_in_place(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        """As `get`, with the interpreter's lock held: for a few keys whose values the kernel has in memory.

        Letting go of it for 0.1 ms hands it to the thread of gRPC, and having it back costs two switches and a wait.
        """
        find = self._families[family].get
        try:
            return [cast("bytes | None", find(key)) for key in keys]
        except Exception as exc:
            raise translate(exc, Phase.READ) from exc

    def get_at_hand(
        self, family: Family, keys: Sequence[bytes], bytes_max: int
    ) -> tuple[list[bytes | None], list[int]]:
        """The values that memory (memtables, block cache, filters) can tell without a read of the disk, in the order of
        the keys; and the places of the keys of which it cannot tell, or would have to hand out more than `bytes_max`.

        2 to 5 us a key with the interpreter's lock held. What is corrupt on disk never came into the cache. Where a
        part of the index is not in memory the engine says "found" with nothing in it, and so it does where a filter
        errs: for one absent key in five hundred, in each table.
        """
        look = cast("_Look", self._families[family].key_may_exist)  # its stub does not tell the two forms apart
        found: list[bytes | None] = []
        untold: list[int] = []
        try:
            for at, key in enumerate(keys):
                may_exist, value = look(key, True) if bytes_max >= 0 else (True, None)
                if may_exist:
                    bytes_max -= len(value or b"")
                    if not value or bytes_max < 0:
                        untold.append(at)
                        value = None
                found.append(value if may_exist else None)
        except Exception as exc:
            raise translate(exc, Phase.READ) from exc
        return found, untold

    def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool
    ) -> list[tuple[bytes, bytes]]:
        if first >= behind or limit <= 0:
            return []
        options = _read_options(family)
        options.set_iterate_upper_bound(behind)
        cursor = self._families[family].iter(options)
        rows: list[tuple[bytes, bytes]] = []
        try:
            if backwards:
                cursor.seek_for_prev(behind)
            else:
                cursor.seek(first)
            # The engine ignores a lower bound, so each key is compared.
            while cursor.valid() and len(rows) < limit and (key := cursor.key()) >= first:
                rows.append((key, cursor.value()))
                if backwards:
                    cursor.prev()
                else:
                    cursor.next()
            # An iterator that meets a corrupt block just becomes invalid; only the status says that it is not the end.
            cursor.status()
        except Exception as exc:
            raise translate(exc, Phase.READ) from exc
        finally:
            del cursor  # a kept traceback would keep the iterator, and with it the store's lock
        return rows

    def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        cursor = self._families[family].iter(_read_options(family))
        found: list[list[tuple[bytes, bytes]]] = []
        try:
            for first, behind in ranges:
                rows: list[tuple[bytes, bytes]] = []
                cursor.seek(first)
                while cursor.valid() and len(rows) < limit and (key := cursor.key()) < behind:
                    rows.append((key, cursor.value()))
                    cursor.next()
                cursor.status()  # as in `scan`
                found.append(rows)
        except Exception as exc:
            raise translate(exc, Phase.READ) from exc
        finally:
            del cursor  # as in `scan`
        return found

    def space(self) -> SpaceReport:
        try:
            found = os.statvfs(self._path)
        except OSError as exc:
            raise DiskFailed(f"free space of {self._path}: {exc.strerror}") from exc
        return SpaceReport(free_bytes=found.f_bavail * found.f_frsize, total_bytes=found.f_blocks * found.f_frsize)

    def give_tables(self) -> None:
        """Each family that has no table gets one, with nothing in it but a deletion.

        Should all manifests be lost, a repair learns names and numbers of families from their tables alone, and the log
        of a young store would be worth nothing (decision 0018).
        """
        try:
            for family in self._families.values():
                if not any(int(family.property_value(name) or 0) for name in _FILES_AT_LEVELS):
                    family.delete(_NOBODYS_KEY)
                    family.flush()
        except Exception as exc:
            raise translate(exc, Phase.OPEN) from exc

    def close(self) -> None:
        """Close families, then the database. After a failure each of them may raise once more: nothing is lost by it.

        Every object that knows the database keeps the lock, so all are dropped.
        """
        self._handles.clear()
        families = list(self._families.values())
        self._families.clear()
        for handle in (*families, self._database):
            try:
                handle.close()
            except Exception as exc:  # noqa: BLE001 # rocksdict raises nothing narrower, and the others must close too
                self._fail(translate(exc, Phase.WRITE))
        del families, handle  # a kept traceback would keep them

    def _put_through(self, batch: Batch) -> None:
        """Write one batch, trying again while the engine is behind."""
        deadline_s = time.monotonic() + STALL_S_MAX
        while not self._took(batch):
            if self.is_closing:
                raise StoreClosed("the store closed while a write waited for the disk")
            if time.monotonic() > deadline_s:
                raise DiskFailed(f"the disk took no write for {STALL_S_MAX:.0f} s")
            time.sleep(STALL_PAUSE_S)

    def _took(self, batch: Batch) -> bool:
        """Write one batch; false, with nothing written, when the engine is behind."""
        options = WriteOptions()
        options.no_slowdown = True
        try:
            self._database.write(self._assembled(batch), options)  # assembled anew each time: a refused write spends it
        except Exception as exc:  # noqa: BLE001 # rocksdict raises nothing narrower
            if not is_stall(exc):
                self._fail_write(exc)
            return False
        return True

    def _assembled(self, batch: Batch) -> WriteBatch:
        """The engine's form of a batch: ranges go first, then keys, then puts, so that a put of the batch wins."""
        assembled = WriteBatch(raw_mode=True)
        for family, first, behind in batch.deletes_range:
            if first < behind:
                assembled.delete_range(first, behind, self._handles[family])
        for family, key in batch.deletes:
            assembled.delete(key, self._handles[family])
        put, handles = assembled.put, self._handles
        for family, key, value in batch.puts:
            put(key, value, handles[family])
        return assembled

    def _fail_write(self, exc: Exception) -> NoReturn:
        """A failed write is final too: a log that has had an error takes nothing more until it is opened again."""
        error = translate(exc, Phase.WRITE)
        self._fail(error)
        if isinstance(error, DiskFull | StoreDamaged):
            raise error from exc
        raise OutcomeUnknown(f"write failed: {exc}") from error

    def _fail(self, error: LumbungError) -> None:
        self._failure = self._failure or error

    def _check_writable(self) -> None:
        match self._failure:
            case None:
                return
            case DiskFull():
                raise DiskFull("the disk was full before: reopen the store once there is space") from self._failure
            case StoreDamaged():
                raise StoreDamaged("the store was found damaged before: set it aside") from self._failure
            case _:
                raise DiskFailed("a write or a sync failed before: reopen the store") from self._failure


def parts(rows: Sequence[tuple[bytes, bytes]], size_bytes_max: int) -> Iterator[list[tuple[bytes, bytes]]]:
    """Runs of rows of at most `size_bytes_max` of values, at least one row each."""
    part: list[tuple[bytes, bytes]] = []
    size_bytes = 0
    for row in rows:
        if part and size_bytes + len(row[1]) > size_bytes_max:
            yield part
            part, size_bytes = [], 0
        part.append(row)
        size_bytes += len(row[1])
    if part:
        yield part


def _read_options(family: Family) -> ReadOptions:
    options = ReadOptions()
    if family is Family.CHUNKS:
        # One pass over the blobs would throw every index block out of the small cache.
        options.fill_cache(False)  # type: ignore[call-arg] # rocksdict's stub forgets the argument
    return options
