"""A virtual disk with a real RocksDB beside it: whatever the one does the other must do too.

Every write goes to both, every read is compared, and a power cut is made on the real one: its folder is copied with the
log cut at some byte behind what the last sync covered, and opened again. What RocksDB shows then must be one of the
states that the virtual disk allows; the run goes on from that one. So a seed on real RocksDB holds the double to
account with the writes of whole histories. The engine runs inline, without threads of ours.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from lumbung_cluster.limits import MIB
from lumbung_node.adapters.rocks.engine import RocksEngine, open_engine
from lumbung_node.adapters.rocks.options import RocksLimits
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_testing.virtual_disk import VirtualDisk, VirtualKeyValue
from lumbung_testing.virtual_tables import Tables

__all__ = ["RocksDisk"]

_LIMITS = RocksLimits(
    cache_size_bytes=4 * MIB, chunk_memtable_size_bytes=16 * MIB, memtables_size_bytes=32 * MIB, wal_size_bytes=64 * MIB
)
_NO_END = b"\xff" * 80
_ROWS_MAX = 1_000_000

Rows = dict[tuple[Family, bytes], bytes]


class RocksDisk(VirtualDisk):
    """`folder` lies on a RAM disk; `on_difference` is told what the engine has and the double has not, or otherwise."""

    def __init__(self, folder: Path, on_difference: Callable[[str], None], *, capacity_bytes: int) -> None:
        super().__init__(capacity_bytes=capacity_bytes)
        self._root = folder
        self._opened = 0
        self._on_difference = on_difference
        self._sizes: dict[int, tuple[str, int]] = {}
        self._hurt: set[tuple[Family, bytes]] = set()
        self._folder, self._engine = self._open_new()

    def hurt_chunk(self, key: bytes, luck: random.Random, *, damaged: bool) -> None:
        self._hurt.add((Family.CHUNKS, key))
        super().hurt_chunk(key, luck, damaged=damaged)

    def replace_chunk(self, key: bytes, value: bytes) -> None:
        self._hurt.add((Family.CHUNKS, key))
        super().replace_chunk(key, value)

    def lose(self, family: Family, key: bytes) -> None:
        self._hurt.add((family, key))
        super().lose(family, key)

    def leave(self) -> None:
        """Close the engine and take its folders away."""
        self._engine.close()
        shutil.rmtree(self._root)

    def compare(self, family: Family, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        for key, value, real in zip(keys, values, self._engine.get(family, keys), strict=True):
            if value != real and (family, key) not in self._hurt:
                self._on_difference(f"{family.value} {key.hex()}: the double has {_tell(value)}, RocksDB {_tell(real)}")

    def compare_scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, rows: list[tuple[bytes, bytes]], backwards: bool
    ) -> None:
        real = self._engine.scan(family, first, behind, limit, backwards=backwards)
        if any((family, key) in self._hurt for key, _ in (*real, *rows)):
            return
        if real != rows:
            self._on_difference(
                f"{family.value}: a scan of {len(rows)} rows of the double gives {len(real)} of RocksDB"
            )

    def _make_handle(self) -> VirtualKeyValue:
        return _RocksHandle(self)

    def _write(self, step: Batch) -> None:
        super()._write(step)
        self._engine.write(step)
        self._sizes[self.written_number] = self._log_end()

    def _keep_prefix(self, luck: random.Random) -> None:
        """A power cut, or a failed sync: what is really there after it decides what the double keeps."""
        folder = self._next_folder()
        shutil.copytree(self._folder / "rocks", folder / "rocks")
        self._cut_log(folder / "rocks", luck)
        self._engine.close()
        shutil.rmtree(self._folder)
        self._folder, self._engine = folder, open_engine(folder, _LIMITS, create=False)
        self._sizes = {}
        self._follow(self._all_rows())

    def _follow(self, real: Rows) -> None:
        """Take on the state that the engine shows: synced steps and a beginning of the others."""
        kept = self._durable.copy()
        for step in (None, *self._unsynced):
            if step is not None:
                kept.apply(step)
            if _rows_of(kept, self._hurt) == real:
                self._durable, self._visible, self._unsynced = kept, kept.copy(), []
                return
        self._on_difference(f"after a crash RocksDB shows none of the {len(self._unsynced) + 1} states allowed")
        self._visible, self._unsynced = self._durable.copy(), []

    def _cut_log(self, copied: Path, luck: random.Random) -> None:
        """Cut the newest log somewhere behind what the last sync covered."""
        name, size = self._log_end()
        synced_name, synced_size = self._sizes.get(self.durable_number, (name, size if not self._unsynced else 0))
        least = synced_size if synced_name == name else 0
        with (copied / name).open("r+b") as log:
            log.truncate(luck.randint(least, size))

    def _log_end(self) -> tuple[str, int]:
        newest = max((self._folder / "rocks").glob("*.log"), key=lambda path: path.name)
        return newest.name, newest.stat().st_size

    def _replace(self, tables: Tables) -> None:
        super()._replace(tables)
        self._engine.close()
        shutil.rmtree(self._folder)
        self._folder, self._engine = self._open_new()
        self._hurt = set()
        self._sizes = {}
        for family in Family:
            for key in tables.all_keys(family):
                self._engine.write(Batch(puts=[(family, key, tables.get(family, key) or b"")]))
        self._sizes[self.written_number] = self._log_end()

    def _open_new(self) -> tuple[Path, RocksEngine]:
        folder = self._next_folder()
        return folder, open_engine(folder, _LIMITS, create=True)

    def _next_folder(self) -> Path:
        self._opened += 1
        return self._root / str(self._opened)

    def _all_rows(self) -> Rows:
        return {
            (family, key): value
            for family in Family
            for key, value in self._engine.scan(family, b"", _NO_END, _ROWS_MAX, backwards=False)
            if (family, key) not in self._hurt
        }


class _RocksHandle(VirtualKeyValue):
    """An open one: reads are those of the double, held against the engine's."""

    def __init__(self, disk: RocksDisk) -> None:
        super().__init__(disk)
        self._rocks = disk

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        values = await super().get(family, keys)
        self._rocks.compare(family, keys, values)
        return values

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        rows = await super().scan(family, first, behind, limit, backwards=backwards)
        self._rocks.compare_scan(family, first, behind, limit, rows, backwards)
        return rows


def _rows_of(tables: Tables, hurt: set[tuple[Family, bytes]]) -> Rows:
    found = ((family, key) for family in Family for key in tables.all_keys(family) if (family, key) not in hurt)
    return {(family, key): tables.get(family, key) or b"" for family, key in found}


def _tell(value: bytes | None) -> str:
    return "nothing" if value is None else f"{len(value)} bytes {value[:8].hex()}"
