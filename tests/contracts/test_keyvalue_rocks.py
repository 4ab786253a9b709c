"""RocksDB's own part of the port: which damage is found when, what it is called, and what it holds on to."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rocksdict import DbClosedError, Options, Rdict

from lumbung_cluster.errors import (
    BlobDamaged,
    DiskFailed,
    DiskFull,
    LumbungError,
    OutcomeUnknown,
    StoreClosed,
    StoreDamaged,
    StoreLocked,
    StoreMisconfigured,
)
from lumbung_cluster.limits import KIB, MIB
from lumbung_node.adapters.ballast import ensure_ballast, release_ballast
from lumbung_node.adapters.rocks import RocksKeyValue, RocksLimits, open_rocks
from lumbung_node.adapters.rocks.error_table import Phase, translate
from lumbung_node.main import _open_store
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_testing.world import ListLog

LAST = b"\xff" * 40
MARKER = b"the bytes of this very chunk "


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def row(key: bytes, value: bytes) -> Batch:
    batch = Batch()
    batch.put(Family.BLOBS, key, value)
    return batch


def flip_byte(path: Path, offset: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[offset] ^= 0x01
    path.write_bytes(raw)


def file_with(folder: Path, suffix: str, content: bytes) -> tuple[Path, int]:
    """The file of that kind that holds `content`, and where."""
    for path in sorted((folder / "rocks").glob(f"*{suffix}")):
        offset = path.read_bytes().find(content)
        if offset >= 0:
            return path, offset
    raise AssertionError(f"no {suffix} file holds {content!r}")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def other_process(folder: Path) -> Iterator[None]:
    """A process that has the store open; killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "lumbung_testing.store_child", folder],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    with child.stdout as output:
        output.readline()
        yield
        child.kill()
    child.wait()


async def closed_store(folder: Path) -> None:
    """A closed store of five chunks and their rows, all in tables."""
    store = await open_rocks(folder, create=True)
    luck = random.Random(1)
    for value in range(5):
        filler = luck.randbytes(100 * KIB)  # each chunk in a block of its own
        await store.write_chunks([(number(value), MARKER + number(value) + filler)])
        await store.write(row(number(value), b"row of chunk %d" % value))
    await store.sync()
    await store.close()


async def unclosed_copy(folder: Path, target: Path) -> None:
    """A copy of a store's folder taken while it was open: its synced rows stand in the log alone."""
    store = await open_rocks(folder, create=True)
    for value in range(5):
        await store.write(row(number(value), MARKER + number(value)))
    await store.sync()
    shutil.copytree(folder, target)
    await store.close()


async def test_flipped_byte_of_a_chunk_is_found_by_get_and_harms_no_other(tmp_path: Path) -> None:
    await closed_store(tmp_path)
    flip_byte(*file_with(tmp_path, ".sst", MARKER + number(2)))
    store = await open_rocks(tmp_path, create=False)
    with pytest.raises(BlobDamaged, match="checksum"):
        await store.get(Family.CHUNKS, [number(2)])
    for value in (0, 1, 3, 4):
        assert await store.get(Family.CHUNKS, [number(value)]) != [None]
    assert not store.is_failed  # reads that fail do not end writing
    await store.write(row(b"more", b"row"))
    await store.sync()
    await store.close()


@pytest.mark.parametrize("backwards", [False, True])
async def test_scan_over_a_flipped_byte_raises_instead_of_ending_early(tmp_path: Path, backwards: bool) -> None:
    await closed_store(tmp_path)
    flip_byte(*file_with(tmp_path, ".sst", MARKER + number(2)))
    store = await open_rocks(tmp_path, create=False)
    with pytest.raises(BlobDamaged):
        await store.scan(Family.CHUNKS, b"", LAST, 100, backwards=backwards)
    await store.close()


async def test_store_reopens_while_the_error_of_a_damaged_scan_is_kept(tmp_path: Path) -> None:
    await closed_store(tmp_path)
    flip_byte(*file_with(tmp_path, ".sst", MARKER + number(2)))
    store = await open_rocks(tmp_path, create=False)
    with pytest.raises(BlobDamaged) as kept:
        await store.scan(Family.CHUNKS, b"", LAST, 100)
    await store.close()
    again = await open_rocks(tmp_path, create=False)
    await again.close()
    assert kept.value.__cause__ is not None


async def test_synced_rows_in_the_log_come_back_without_an_orderly_close(tmp_path: Path) -> None:
    await unclosed_copy(tmp_path / "live", tmp_path / "copy")
    store = await open_rocks(tmp_path / "copy", create=False)
    assert len(await store.scan(Family.BLOBS, b"", LAST, 10)) == 5
    await store.close()


async def test_flipped_byte_in_the_log_refuses_to_open_instead_of_losing_rows(tmp_path: Path) -> None:
    await unclosed_copy(tmp_path / "live", tmp_path / "copy")
    flip_byte(*file_with(tmp_path / "copy", ".log", MARKER + number(1)))
    with pytest.raises(StoreDamaged, match="Corruption"):
        await open_rocks(tmp_path / "copy", create=False)


async def test_torn_tail_of_the_log_opens_without_its_last_row(tmp_path: Path) -> None:
    """A power cut leaves such a tail; what a sync covered cannot be in it."""
    await unclosed_copy(tmp_path / "live", tmp_path / "copy")
    path, _ = file_with(tmp_path / "copy", ".log", MARKER + number(4))
    os.truncate(path, path.stat().st_size - 3)
    store = await open_rocks(tmp_path / "copy", create=False)
    assert [key for key, _ in await store.scan(Family.BLOBS, b"", LAST, 10)] == [number(value) for value in range(4)]
    await store.close()


async def test_lost_current_file_is_damage_even_when_a_new_store_might_be_made(tmp_path: Path) -> None:
    await closed_store(tmp_path)
    (tmp_path / "rocks" / "CURRENT").unlink()
    before = names_in(tmp_path / "rocks")
    for create in (False, True):
        with pytest.raises(StoreDamaged, match="CURRENT"):
            await open_rocks(tmp_path, create=create)
    assert names_in(tmp_path / "rocks") == before  # nothing was started over the remains


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"MANIFEST-999999\n"])
async def test_wrong_current_file_is_damage(tmp_path: Path, content: bytes) -> None:
    await closed_store(tmp_path)
    (tmp_path / "rocks" / "CURRENT").write_bytes(content)
    with pytest.raises(StoreDamaged):
        await open_rocks(tmp_path, create=False)


async def test_missing_table_is_damage(tmp_path: Path) -> None:
    await closed_store(tmp_path)
    path, _ = file_with(tmp_path, ".sst", MARKER)
    path.unlink()
    with pytest.raises(StoreDamaged):
        await open_rocks(tmp_path, create=False)


async def test_flipped_byte_in_the_manifest_is_damage(tmp_path: Path) -> None:
    await closed_store(tmp_path)
    (manifest,) = (tmp_path / "rocks").glob("MANIFEST-*")
    flip_byte(manifest, manifest.stat().st_size // 2)
    with pytest.raises(StoreDamaged):
        await open_rocks(tmp_path, create=False)


async def test_absent_store_is_not_made_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match="holds no store"):
        await open_rocks(tmp_path, create=False)
    assert names_in(tmp_path) == []


async def test_store_with_a_family_of_a_newer_version_is_refused_with_its_name(tmp_path: Path) -> None:
    await closed_store(tmp_path)
    options = Options(raw_mode=True)
    options.create_missing_column_families(True)
    names = ["default", *(family.value for family in Family), "future"]
    newer = Rdict(str(tmp_path / "rocks"), options, column_families={name: Options(raw_mode=True) for name in names})
    newer.close()
    with pytest.raises(StoreMisconfigured, match="future"):
        await open_rocks(tmp_path, create=False)


async def test_store_that_another_process_has_open_is_locked(tmp_path: Path) -> None:
    with other_process(tmp_path), pytest.raises(StoreLocked):
        await open_rocks(tmp_path, create=False)
    store = await open_rocks(tmp_path, create=False)  # its death let go of the lock
    await store.close()


async def test_writes_faster_than_the_disk_all_arrive(tmp_path: Path) -> None:
    """Tiny memtables make the engine refuse writes for a while; each is tried again until it is taken."""
    limits = RocksLimits(chunk_memtable_size_bytes=64 * KIB)
    store = await open_rocks(tmp_path, create=True, limits=limits)
    for value in range(200):
        await store.write_chunks([(number(value), number(value) * 8 * KIB)])
    await store.sync()
    assert len(await store.scan(Family.CHUNKS, b"", LAST, 1000)) == 200
    await store.close()


@pytest.mark.parametrize(
    ("error", "phase", "expected"),
    [
        (DbClosedError("DB instance already closed"), Phase.READ, StoreClosed),
        (RuntimeError("Already mutably borrowed"), Phase.WRITE, StoreClosed),
        (Exception("IO error: Disk quota exceeded: While appending to file: 000004.log"), Phase.WRITE, DiskFull),
        (Exception("IO error: While pread offset 0 len 9: 000008.sst: Input/output error"), Phase.READ, BlobDamaged),
        (
            Exception("IO error: While pread offset 0 len 9: 000008.sst: Structure needs cleaning"),
            Phase.READ,
            BlobDamaged,
        ),
        (Exception("IO error: While pread offset 0 len 9: 000008.sst: Bad message"), Phase.OPEN, StoreDamaged),
        (
            Exception("IO error: While opening a file for sequentially reading: MANIFEST-000005: Input/output error"),
            Phase.OPEN,
            StoreDamaged,
        ),
        (Exception("IO error: While pread offset 0 len 9: 000008.sst: Input/output error"), Phase.WRITE, StoreDamaged),
        (Exception("IO error: While appending to file: 000009.log: Input/output error"), Phase.WRITE, DiskFailed),
        (Exception("IO error: While open a file: 000008.sst: Too many open files"), Phase.READ, DiskFailed),
        (Exception("Corruption: block checksum mismatch"), Phase.WRITE, StoreDamaged),
        (Exception("words that nobody has seen"), Phase.READ, DiskFailed),
    ],
    ids=[
        "closed",
        "borrowed",
        "quota",
        "sector",
        "file system",
        "checksum of the file system",
        "inode",
        "sector under a compaction",
        "write",
        "descriptors",
        "compaction",
        "unknown",
    ],
)
def test_rare_words_of_the_engine_get_their_meaning(
    error: Exception, phase: Phase, expected: type[LumbungError]
) -> None:
    assert type(translate(error, phase)) is expected


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB in memory."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def fill(store: RocksKeyValue) -> int:
    """Store chunks until the disk is full; gives how many were synced."""
    for value in range(1000):
        try:
            await store.write_chunks([(number(value), bytes(MIB))])
            await store.sync()
        except (DiskFull, OutcomeUnknown):
            return value
    raise AssertionError("the disk did not become full")


async def test_full_disk_keeps_reading_and_goes_on_once_the_ballast_is_gone(small_disk: Path) -> None:
    """The ballast has to hold what the memtables may hold: reopening writes them into tables before anything else."""
    limits = RocksLimits(chunk_memtable_size_bytes=4 * MIB)
    assert ensure_ballast(small_disk, size_bytes=20 * MIB)
    store = await open_rocks(small_disk, create=True, limits=limits)
    synced = await fill(store)
    assert store.is_failed
    with pytest.raises(DiskFull):
        await store.write(row(b"more", b"row"))
    assert await store.get(Family.CHUNKS, [number(0)]) == [bytes(MIB)]
    await store.close()

    assert release_ballast(small_disk)
    assert not release_ballast(small_disk)
    again = await open_rocks(small_disk, create=False, limits=limits)
    keys = [key for key, _ in await again.scan(Family.CHUNKS, b"", LAST, 1000)]
    assert keys[:synced] == [number(value) for value in range(synced)]
    await again.write(row(b"more", b"row"))
    await again.sync()
    await again.close()


def test_ballast_takes_blocks_and_not_a_hole(tmp_path: Path) -> None:
    assert ensure_ballast(tmp_path, size_bytes=MIB)
    assert ensure_ballast(tmp_path, size_bytes=MIB)  # again at every start
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= MIB


def test_ballast_without_room_leaves_nothing_behind(small_disk: Path) -> None:
    assert not ensure_ballast(small_disk, size_bytes=100 * MIB)
    assert list(small_disk.iterdir()) == []


async def test_a_ballast_that_the_disk_does_not_take_is_no_reason_not_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was left open and locked by its own process, which ended the node at the next try."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "posix_fallocate", fails)
    monkeypatch.setattr(Path, "unlink", fails)
    log = ListLog()
    store = await _open_store(tmp_path, log)
    await store.close()
    assert log.said("ballast not laid down")
