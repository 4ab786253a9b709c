"""What the store says and does when the disk under a real process fails: the texts of RocksDB, provoked."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from lumbung_testing import iorecord
from lumbung_testing.iorecord import Fault, IoCall

# Writes and syncs two blobs one after the other, saying how each call ended; then tries once more, reopens in the same
# process while an error of the first handle is kept, and says what is there.
PROGRAM = """
import pathlib, sys, trio
from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_testing.iorecord import mark

kept = []

async def attempt(name, call):
    try:
        await call
    except LumbungError as exc:
        kept.append(exc)
        print(name, type(exc).__name__)
    else:
        print(name, "ok")

async def put(store, key):
    batch = Batch()
    batch.put(Family.BLOBS, key, b"row")
    await attempt("chunks", store.write_chunks([(key, key * 1000)]))
    await attempt("row", store.write(batch))
    mark("before sync")
    await attempt("sync", store.sync())
    mark("after sync")

async def main():
    folder = pathlib.Path(sys.argv[1])
    store = await open_rocks(folder, create=False)
    for key in (b"1", b"2", b"3"):
        await put(store, key)
        print("failed" if store.is_failed else "sound")
    print("readable", await store.get(Family.BLOBS, [b"1"]) == [b"row"])
    await store.close()
    mark("closed")
    again = await open_rocks(folder, create=False)
    print("reopened", b"".join(key for key, _ in await again.scan(Family.BLOBS, b"", b"z", 9)).decode())
    await put(again, b"4")
    await again.close()

trio.run(main)
"""

# The first opening of a store writes a table for each family: it has happened before any fault is counted.
FIRST_OPENING = """
import pathlib, sys, trio
from lumbung_node.adapters.rocks import open_rocks

async def main():
    await (await open_rocks(pathlib.Path(sys.argv[1]), create=True)).close()

trio.run(main)
"""


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return iorecord.build(tmp_path_factory.mktemp("iorecord"))


def run(layer: Path, folder: Path, faults: Iterable[Fault]) -> tuple[list[str], list[IoCall]]:
    log = folder / "io.txt"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", FIRST_OPENING, folder], env={**os.environ, **paths}, check=True)
    environment = iorecord.environment(layer, log, str(folder / "rocks"), faults=faults)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder],
        env={**environment, **paths},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), iorecord.read_log(log)


GOOD_PUT = ["chunks ok", "row ok", "sync ok"]
REFUSED_PUT = ["chunks DiskFailed", "row DiskFailed", "sync OutcomeUnknown", "failed"]
SYNCS_OF_LOG = ("fdatasync", "fsync")


def test_sound_disk_lets_everything_through(layer: Path, tmp_path: Path) -> None:
    said, _ = run(layer, tmp_path, [])
    assert said == 3 * [*GOOD_PUT, "sound"] + ["readable True", "reopened 123", *GOOD_PUT]


def test_failed_fsync_means_unknown_and_nothing_more_is_written(layer: Path, tmp_path: Path) -> None:
    said, _ = run(layer, tmp_path, [Fault("fdatasync", ".log", 2, errno.EIO)])
    assert said[:8] == [*GOOD_PUT, "sound", "chunks ok", "row ok", "sync OutcomeUnknown", "failed"]
    assert said[8:13] == [*REFUSED_PUT, "readable True"]
    assert said[13] in {"reopened 1", "reopened 12"}
    assert said[14:] == GOOD_PUT


def test_failed_fsync_is_never_tried_again(layer: Path, tmp_path: Path) -> None:
    """The kernel drops the pages of a failed fsync, so that a second one succeeds and proves nothing."""
    _, calls = run(layer, tmp_path, [Fault("fdatasync", ".log", 2, errno.EIO)])
    failed = next(call for call in calls if call.op == "fdatasync" and call.errno == errno.EIO)
    closed = next(call for call in calls if call.path == "closed")
    assert not [
        call
        for call in calls
        if call.op in SYNCS_OF_LOG and call.path == failed.path and failed.begin < call.begin < closed.begin
    ]


def test_write_that_fails_with_an_input_output_error_means_unknown(layer: Path, tmp_path: Path) -> None:
    said, _ = run(layer, tmp_path, [Fault("write", ".log", 3, errno.EIO)])
    assert said[:4] == [*GOOD_PUT, "sound"]
    assert said[4:8] == ["chunks OutcomeUnknown", "row DiskFailed", "sync OutcomeUnknown", "failed"]
    assert said[8:] == [*REFUSED_PUT, "readable True", "reopened 1", *GOOD_PUT]


def test_full_disk_is_told_as_full_until_the_store_is_reopened(layer: Path, tmp_path: Path) -> None:
    said, _ = run(layer, tmp_path, [Fault("write", ".log", 3, errno.ENOSPC)])
    refused = ["chunks DiskFull", "row DiskFull", "sync OutcomeUnknown", "failed"]
    assert said == [*GOOD_PUT, "sound", *refused, *refused, "readable True", "reopened 1", *GOOD_PUT]


def test_short_write_is_completed(layer: Path, tmp_path: Path) -> None:
    said, calls = run(layer, tmp_path, [Fault("short", ".log", 3)])
    assert said == 3 * [*GOOD_PUT, "sound"] + ["readable True", "reopened 123", *GOOD_PUT]
    sizes = [call.result for call in calls if call.op == "write" and call.path.endswith(".log")]
    assert len(sizes) > 8  # the cut write was followed by one for its rest


def test_lying_fsync_looks_right_to_the_store(layer: Path, tmp_path: Path) -> None:
    """The control of the layer: nothing but the layer knows that these syncs did nothing."""
    said, calls = run(layer, tmp_path, [Fault("lie", ".log", 0)])
    assert said == 3 * [*GOOD_PUT, "sound"] + ["readable True", "reopened 123", *GOOD_PUT]
    assert [call for call in calls if call.op == "fdatasync" and call.path.endswith(".log") and call.result == 0]


OPENING_TWICE = """
import pathlib, sys, trio
from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.rocks import open_rocks

async def main():
    kept = []  # as by whoever logs why, or tries again while it is handled
    for _ in range(2):
        try:
            await (await open_rocks(pathlib.Path(sys.argv[1]), create=True)).close()
        except LumbungError as exc:
            kept.append(exc)
            print(type(exc).__name__)
        else:
            print("opened")

trio.run(main)
"""


@pytest.mark.parametrize(
    ("op", "code", "said"), [("write", errno.ENOSPC, "DiskFull"), ("fdatasync", errno.EIO, "DiskFailed")]
)
def test_a_first_opening_that_fails_in_its_middle_lets_the_next_one_open(
    layer: Path, tmp_path: Path, op: str, code: int, said: str
) -> None:
    """The store stayed locked by its own process, and a lock ends a node: also where the ballast had just made room."""
    faults = iorecord.faults_only(layer, [Fault(op, ".sst", 1, code)])
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", OPENING_TWICE, tmp_path],
        env={**paths, **faults},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [said, "opened"], done.stderr


# As a node does it at its start: a store that is damaged is set aside, and read. The second half of its chunks lies in
# the log alone.
OPENING = """
import pathlib, sys, trio
from lumbung_cluster.errors import BlobDamaged, LumbungError, StoreDamaged
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.adapters.rocks.aside import AsideFolders
from lumbung_node.ports.keyvalue import Family

async def is_there(source, key):
    try:
        return await source.get(Family.CHUNKS, [key]) != [None]
    except BlobDamaged:
        return False

async def main():
    folder = pathlib.Path(sys.argv[1])
    try:
        await (await open_rocks(folder, create=False)).close()
    except StoreDamaged:
        aside = AsideFolders(folder)
        source = await aside.open(await aside.set_aside(0))
        keys = [f"{letter}{number:02}".encode() for letter in "ab" for number in range(20)]
        print("damaged", sum([await is_there(source, key) for key in keys]))
        await source.close()
    except LumbungError as exc:
        print(type(exc).__name__)
    else:
        print("opened")

trio.run(main)
"""

FILLED = """
import os, pathlib, sys, trio
from lumbung_node.adapters.rocks import open_rocks

async def main():
    folder = pathlib.Path(sys.argv[1])
    for letter in "ab":
        store = await open_rocks(folder, create=True)
        await store.write_chunks([(f"{letter}{number:02}".encode(), bytes(20_000)) for number in range(20)])
        await store.sync()
        if letter == "a":
            await store.close()
    os._exit(0)

trio.run(main)
"""


@pytest.mark.parametrize(("file", "rows"), [(".log", 20), ("MANIFEST", 40), (".sst", 20)])
def test_a_store_of_which_a_file_cannot_be_read_is_set_aside_and_gives_the_others(
    layer: Path, tmp_path: Path, file: str, rows: int
) -> None:
    """Who only tries again does not record until somebody comes."""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", FILLED, tmp_path], env=paths, check=True)
    hurt = max((tmp_path / "rocks").glob(f"{file}*" if file == "MANIFEST" else f"*{file}"), key=_size).name
    # In its place, before and after the renaming; a table also in the working copy, which is a link to it.
    folders = [f"{tmp_path}/rocks", "Z/rocks", *(["work/rocks"] if file == ".sst" else [])]
    faults = iorecord.faults_only(layer, [Fault("read", f"{folder}/{hurt}", 0, errno.EIO) for folder in folders])
    done = subprocess.run(
        [sys.executable, "-c", OPENING, tmp_path], env={**paths, **faults}, check=False, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == (f"damaged {rows}\n", 0), done.stderr


def _size(path: Path) -> int:
    return path.stat().st_size
