"""Set-aside stores on real RocksDB: renamed whole, read in whatever way works, and never changed by reading."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from lumbung_cluster.errors import BlobDamaged, DiskFailed, StoreDamaged
from lumbung_node.adapters.rocks.aside import AsideFolders
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.ports.aside import Source
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.layout import place_key

_ROWS = 300
_NOW_MS = 1_795_643_961_000  # 2026-11-25 21:59:21 UTC


def chunk(place: int) -> bytes:
    return random.Random(place).randbytes(20_000)


async def write_store(data: Path) -> None:
    """Half of the rows in tables, half in the log, as a power cut would leave them."""
    store, cut = data / "rocks", data / "cut"
    for rows in (range(_ROWS // 2), range(_ROWS // 2, _ROWS)):
        kv = await open_rocks(data, create=True)
        for place in rows:
            await kv.write_chunks([(place_key(place), chunk(place))])
            batch = Batch()
            batch.put(Family.BLOBS, place_key(place), b"row")
            await kv.write(batch)
        await kv.sync()
        shutil.copytree(store, cut)
        await kv.close()
        shutil.rmtree(store)
        cut.rename(store)


async def readable(source: Source) -> set[int]:
    found = set()
    for place in range(_ROWS):
        try:
            (value,) = await source.get(Family.CHUNKS, [place_key(place)])
        except BlobDamaged:
            continue
        if value is not None:
            assert value == chunk(place)
            found.add(place)
    return found


def prints(folder: Path) -> dict[str, str]:
    return {path.name: blake3(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def newest(store: Path, pattern: str) -> Path:
    return max(store.glob(pattern), key=lambda path: path.stat().st_mtime_ns)


def lose_current(store: Path) -> None:
    (store / "CURRENT").unlink()


def garble_current(store: Path) -> None:
    (store / "CURRENT").write_bytes(b"garbage\n")


def lose_manifest(store: Path) -> None:
    for path in store.glob("MANIFEST-*"):
        path.unlink()


def flip_manifest(store: Path) -> None:
    flip(newest(store, "MANIFEST-*"))


def flip_log(store: Path) -> None:
    flip(max(store.glob("*.log"), key=lambda path: path.stat().st_size))


def lose_a_table(store: Path) -> None:
    max(store.glob("*.sst"), key=lambda path: path.stat().st_size).unlink()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("hurt", "least"),
    [
        (lambda store: None, _ROWS),
        (lose_current, _ROWS),
        (garble_current, _ROWS),
        (lose_manifest, _ROWS),
        (flip_manifest, _ROWS // 2),
        (flip_log, _ROWS - 60),
        (lose_a_table, 1),
    ],
    ids=["nothing", "no CURRENT", "CURRENT garbled", "no manifest", "manifest flipped", "log flipped", "a table lost"],
)
async def test_a_hurt_store_gives_what_it_still_has_and_is_left_as_it_was(
    tmp_path: Path, hurt: Callable[[Path], None], least: int
) -> None:
    await write_store(tmp_path)
    hurt(tmp_path / "rocks")
    aside = AsideFolders(tmp_path)
    name = await aside.set_aside(_NOW_MS)
    assert name == "aside-20261125T215921Z"
    assert await aside.names() == [name]
    before = prints(tmp_path / name / "rocks")

    source = await aside.open(name)
    found = await readable(source)
    await source.close()

    assert len(found) >= least
    assert prints(tmp_path / name / "rocks") == before
    assert [path.name for path in (tmp_path / name).iterdir()] == ["rocks"]


async def test_a_young_store_without_manifests_gives_all_rows_of_all_families(tmp_path: Path) -> None:
    """Nothing of it is in a table yet, and the log knows families by their numbers only."""
    keys = [place_key(place) for place in range(50)]
    kv = await open_rocks(tmp_path, create=True)
    for key in keys:
        await kv.write(Batch(puts=[(family, key, family.value.encode() + key) for family in Family]))
    await kv.sync()
    shutil.copytree(tmp_path / "rocks", tmp_path / "cut")
    await kv.close()
    shutil.rmtree(tmp_path / "rocks")
    (tmp_path / "cut").rename(tmp_path / "rocks")
    lose_manifest(tmp_path / "rocks")

    aside = AsideFolders(tmp_path)
    name = await aside.set_aside(_NOW_MS)
    source = await aside.open(name)
    for family in Family:
        assert await source.get(family, keys) == [family.value.encode() + key for key in keys]
        assert await source.scan(family, b"\xff" * 60, b"\xff" * 70, 10) == []
    await source.close()
    assert [path.name for path in (tmp_path / name).iterdir()] == ["rocks"]


async def test_a_fresh_store_opens_beside_it_at_once(tmp_path: Path) -> None:
    await write_store(tmp_path)
    await AsideFolders(tmp_path).set_aside(_NOW_MS)
    kv = await open_rocks(tmp_path, create=True)
    assert await kv.get(Family.BLOBS, [place_key(1)]) == [None]
    await kv.close()


async def test_two_in_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    aside = AsideFolders(tmp_path)
    for _ in range(2):
        kv = await open_rocks(tmp_path, create=True)
        await kv.close()
        await aside.set_aside(_NOW_MS)
    assert await aside.names() == ["aside-20261125T215921Z", "aside-20261125T215921Z-1"]


async def test_a_folder_that_repair_makes_an_empty_store_of_gives_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "aside-20261125T215921Z" / "rocks"
    folder.mkdir(parents=True)
    (folder / "CURRENT").write_bytes(b"MANIFEST-000001\n")
    source = await AsideFolders(tmp_path).open("aside-20261125T215921Z")
    assert await readable(source) == set()
    await source.close()


async def test_a_machine_that_cannot_open_files_now_gives_no_store_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who tries again later reads it; what is called unreadable is never looked at again."""
    await write_store(tmp_path)
    aside = AsideFolders(tmp_path)
    name = await aside.set_aside(_NOW_MS)

    def fails(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", fails)
        with pytest.raises(DiskFailed, match="Too many open files"):
            await aside.open(name)
    source = await aside.open(name)
    assert len(await readable(source)) == _ROWS
    await source.close()


async def test_a_table_whose_inode_cannot_be_read_is_a_table_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be why the store lies aside; and what was called a disk that fails now was tried again for ever, and all
    other stores that lie aside waited behind it."""
    await write_store(tmp_path)
    unreadable = max((tmp_path / "rocks").glob("*.sst"), key=lambda path: path.stat().st_size).name
    aside, link = AsideFolders(tmp_path), os.link
    name = await aside.set_aside(_NOW_MS)

    def link_readable(source: Path, target: Path) -> None:
        if source.name == unreadable:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(source), None, str(target))
        link(source, target)

    monkeypatch.setattr(os, "link", link_readable)
    source = await aside.open(name)
    assert await readable(source)
    await source.close()


async def test_a_name_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match="expected a folder that was set aside"):
        await AsideFolders(tmp_path).open("aside-20261125T215921Z")
