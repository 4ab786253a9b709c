"""Stores that were set aside: renamed beside the data, opened for reading through a working copy of hard links.

    DATA/rocks                          the present store
    DATA/aside-20261125T215921Z/rocks   one that was set aside then, never written again
    DATA/aside-20261125T215921Z/work    while it is read: links to its tables, copies of the small files

RocksDB writes into whatever folder it opens, even read-only; so it gets the working copy. Its tables are links, which
cost nothing, because RocksDB never writes a table twice. Three ways are tried, each on a fresh copy: as it is; with
the newest manifest and without the damaged records of the log; and RocksDB's repair, which knows families by their
tables (each has one from its first opening on). Whatever comes out is believed by nobody: the reader checks signature
and hash of each entry.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import trio
from rocksdict import Rdict

from lumbung_cluster.errors import DiskFailed, DiskFull, LumbungError, StoreDamaged
from lumbung_cluster.limits import KIB, MIB
from lumbung_node.adapters.rocks.engine import RocksEngine, open_engine, sync_folder
from lumbung_node.adapters.rocks.error_table import Phase, translate
from lumbung_node.adapters.rocks.keyvalue import RocksKeyValue
from lumbung_node.adapters.rocks.options import RocksLimits, database_options
from lumbung_node.ports.keyvalue import Family

__all__ = ["AsideFolders"]

_PREFIX = "aside-"
_STORE = "rocks"
_WORK = "work"
_SAME_SECOND_MAX = 100
_UNREADABLE = (errno.EIO, errno.EUCLEAN, errno.EBADMSG)
_BLOCK_BYTES = 32 * KIB  # of the log: of one with a bad sector the engine would take nothing anyway
_SOURCE_LIMITS = RocksLimits(
    cache_size_bytes=8 * MIB, chunk_memtable_size_bytes=8 * MIB, memtables_size_bytes=16 * MIB, open_files=128
)


class AsideFolders:
    """Implements ports.AsideStores. `present` holds the store in use; other folders may have stores aside too."""

    def __init__(self, present: Path, others: Sequence[Path] = ()) -> None:
        self._present = present
        self._folders = (present, *others)

    async def set_aside(self, now_ms: int) -> str:
        return await trio.to_thread.run_sync(_set_aside, self._present, now_ms)

    async def gather(self, now_ms: int) -> None:
        """A store that lies in one of the other folders is set aside there: it is to be taken over, not opened."""
        for folder in self._folders[1:]:
            if await trio.Path(folder / _STORE).is_dir():
                await trio.to_thread.run_sync(_set_aside, folder, now_ms)

    async def names(self) -> list[str]:
        return [name for name, _ in await trio.to_thread.run_sync(_found, self._folders)]

    async def open(self, name: str) -> _AsideStore:
        folders = dict(await trio.to_thread.run_sync(_found, self._folders))
        if name not in folders:
            raise StoreDamaged(f"{name}: expected a folder that was set aside, got none")
        engine = await trio.to_thread.run_sync(_open_some_way, folders[name])
        return _AsideStore(RocksKeyValue(engine), folders[name] / _WORK)


class _AsideStore:
    """An open one; `close` takes the working copy away."""

    def __init__(self, inner: RocksKeyValue, work: Path) -> None:
        self._inner = inner
        self._work = work

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        return await self._inner.get(family, keys)

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        return await self._inner.scan(family, first, behind, limit, backwards=backwards)

    async def close(self) -> None:
        await self._inner.close()
        await trio.to_thread.run_sync(_remove_work, self._work)


def set_aside_name(now_ms: int) -> str:
    return _PREFIX + datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _set_aside(data: Path, now_ms: int) -> str:
    base = set_aside_name(now_ms)
    try:
        for number in range(_SAME_SECOND_MAX):
            name = f"{base}-{number}" if number else base
            target = data / name
            if target.exists():
                continue
            target.mkdir(mode=0o700)
            sync_folder(data)
            (data / _STORE).rename(target / _STORE)
            sync_folder(target)
            sync_folder(data)
            return name
    except OSError as exc:
        raise DiskFailed(f"set aside {data / _STORE}: {exc.strerror}") from exc
    raise DiskFailed(f"set aside {data / _STORE}: {_SAME_SECOND_MAX} folders named {base}")


def _found(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Name and folder, oldest first; a folder without a store in it (a crash came before the rename) is none."""
    found = [
        (entry.name, entry)
        for folder in folders
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.name.startswith(_PREFIX) and (entry / _STORE).is_dir()
    ]
    return sorted(found)


def _open_some_way(folder: Path) -> RocksEngine:
    reasons, is_damaged = [], False
    ways: tuple[Callable[[Path], None], ...] = (_as_it_is, _with_newest_manifest, _repaired)
    for way in ways:
        work = folder / _WORK
        try:
            _link_copy(folder / _STORE, work / _STORE)
            way(work / _STORE)
            return open_engine(work, _SOURCE_LIMITS, create=False, salvages=True)
        except DiskFull:
            _remove_work(work)
            raise
        except LumbungError as exc:
            reasons.append(str(exc))
            is_damaged |= isinstance(exc, StoreDamaged)
        except OSError as exc:
            reasons.append(f"{exc.filename}: {exc.strerror}")
    _remove_work(folder / _WORK)
    sentence = f"{folder.name} cannot be read in any way: {'; '.join(reasons)}"
    # It is given up for good only for what it is: it may be that no file could be opened, or linked.
    raise StoreDamaged(sentence) if is_damaged else DiskFailed(sentence)


def _as_it_is(store: Path) -> None:
    """Nothing to mend: it was set aside because of what it says, not because it does not open."""


def _with_newest_manifest(store: Path) -> None:
    """CURRENT names the newest manifest again."""
    numbered = [path for path in store.glob("MANIFEST-*") if path.name.removeprefix("MANIFEST-").isdigit()]
    newest = max(numbered, key=lambda path: int(path.name.removeprefix("MANIFEST-")), default=None)
    if newest is None:
        raise StoreDamaged(f"{store} has no manifest")
    (store / "CURRENT").write_text(f"{newest.name}\n")


def _repaired(store: Path) -> None:
    """RocksDB's repair learns of families from their tables: the rows of one that has none stay in the old log."""
    try:
        Rdict.repair(str(store), database_options(_SOURCE_LIMITS, create=False, salvages=True))
    except Exception as exc:
        raise translate(exc, Phase.OPEN) from exc


def _link_copy(store: Path, target: Path) -> None:
    """Tables are linked, everything else is copied: the log, which is at most 192 MiB, and small files."""
    _remove_work(target.parent)
    target.mkdir(parents=True, mode=0o700)
    try:
        for path in sorted(store.iterdir()):
            _give(path, target / path.name)
    except OSError as exc:
        raise translate(exc, Phase.OPEN) from exc


def _give(path: Path, target: Path) -> None:
    """One whose inode cannot be read is as lost as one that is gone: the others are worth looking at all the same."""
    try:
        if path.name == "LOCK" or path.name.startswith("LOG") or not path.is_file():
            return
        if path.suffix == ".sst":
            os.link(path, target)
        else:
            _copy_readable(path, target)
    except OSError as exc:
        if exc.errno not in _UNREADABLE:
            raise


def _copy_readable(path: Path, target: Path) -> None:
    """A copy with zeros where the disk gives nothing: the engine passes over what makes no sense, and reads the rest.

    A sector of the log that cannot be read may be the very reason why the store lies aside.
    """
    with path.open("rb", buffering=0) as source, target.open("wb") as copy:
        at, size_bytes = 0, os.fstat(source.fileno()).st_size
        while at < size_bytes:
            block = _block(source.fileno(), at, min(_BLOCK_BYTES - at % _BLOCK_BYTES, size_bytes - at))
            copy.write(block)
            at += len(block)


def _block(handle: int, at: int, count: int) -> bytes:
    try:
        return os.pread(handle, count, at) or bytes(count)
    except OSError as exc:
        if exc.errno not in _UNREADABLE:
            raise
        return bytes(count)


def _remove_work(work: Path) -> None:
    if work.exists():
        shutil.rmtree(work)
