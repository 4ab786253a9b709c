"""A real node on a disk of its own that is really full: who is refused when, and that everything comes back."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from lumbung_testing.real_clusters import Done, found, lumbung, real_cluster
from lumbung_tools.localcluster.founding import Founded

OFFICE, PEER = "36.02", "73.71"
MIB = 1 << 20
DISK_BYTES = 640 * MIB
FOREIGN_MARK, OWN_MARK = 320 * MIB, 256 * MIB
_PATIENCE_S = 60.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 640 MiB: full is full, at once and for every program."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "lumbung-test", str(folder)]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode:
        pytest.skip(f"no small disk here: {mounted.stderr.strip() if mounted is not None else 'no mount command'}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def on_small_disk(founded: Founded, name: str, disk: Path) -> None:
    """The node's data there, with marks that fit the disk."""
    file = founded.folder / "nodes" / name / "config.toml"
    text = file.read_text(encoding="utf-8").replace('data = "data"', f'data = "{disk / "data"}"')
    for key, mark in (("disk_foreign_free_bytes", FOREIGN_MARK), ("disk_own_free_bytes", OWN_MARK)):
        lines = [f"{key} = {mark}" if line.startswith(f"{key} =") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    assert str(disk) in text
    file.write_text(text, encoding="utf-8")


def fill_to(disk: Path, free_bytes: int) -> Path:
    """Somebody else's file, so large that only so much is free."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    with filler.open("wb") as target:
        while True:
            found = os.statvfs(disk)
            try:
                os.posix_fallocate(target.fileno(), 0, found.f_bavail * found.f_frsize - free_bytes)
                return filler
            except OSError as exc:
                if exc.errno != errno.ENOSPC:
                    raise  # else the node has written something meanwhile


def put(founded: Founded, office: str, folder: Path, name: str, *, copies: int = 1) -> Done:
    file = folder / name
    file.write_bytes(name.encode() * 1000)
    return lumbung("--json", "put", "--copies", str(copies), "--timeout", "1", file, home=founded.client_home(office))


def id_of(done: Done) -> str:
    return str(next(json.loads(line)["id"] for line in done.stdout.splitlines() if '"id"' in line))


async def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not await trio.to_thread.run_sync(check):
        assert time.monotonic() < deadline, "waited too long"
        await trio.sleep(0.5)


async def test_foreign_copies_stop_first_then_own_puts_and_all_comes_back_by_itself(
    small_disk: Path, tmp_path: Path
) -> None:
    founded = found(tmp_path, offices=(OFFICE, PEER))
    on_small_disk(founded, OFFICE, small_disk)

    def disk_of() -> dict[str, bool]:
        status = json.loads(lumbung("--json", "status", home=founded.client_home(OFFICE)).stdout)
        return dict(status["disk"])

    def puts(name: str, office: str = OFFICE) -> Done:
        return put(founded, office, tmp_path, name)

    async with real_cluster(founded) as cluster:
        pid = cluster.pid(OFFICE)
        first = await trio.to_thread.run_sync(puts, "first")
        assert first.returncode == 0, first.stdout + first.stderr

        fill_to(small_disk, (FOREIGN_MARK + OWN_MARK) // 2)
        await until(lambda: disk_of()["refuses_foreign"])
        assert (await trio.to_thread.run_sync(puts, "between the marks")).returncode == 0
        foreign = await trio.to_thread.run_sync(partial(put, founded, PEER, tmp_path, "foreign", copies=3))
        assert foreign.returncode == 3, foreign.stdout + foreign.stderr

        filler = fill_to(small_disk, OWN_MARK // 2)
        await until(lambda: disk_of()["refuses_own"])
        refused = await trio.to_thread.run_sync(puts, "below both")
        assert refused.returncode == 6, refused.stdout + refused.stderr
        words = ("get", id_of(first), "--sealed", "-o", tmp_path / "read", "--from", OFFICE)
        read = await trio.to_thread.run_sync(partial(lumbung, *words, home=founded.client_home(OFFICE)))
        assert read.returncode == 0, read.stderr

        await trio.to_thread.run_sync(filler.unlink)
        await until(lambda: not disk_of()["refuses_foreign"])
        again = await trio.to_thread.run_sync(puts, "below both")
        assert again.returncode == 0, again.stdout + again.stderr

        def foreign_is_safe() -> bool:
            peer = json.loads(lumbung("--json", "status", home=founded.client_home(PEER)).stdout)
            return bool(peer["own"]["by_copies"][2] == 1)

        await until(foreign_is_safe)
        assert cluster.pid(OFFICE) == pid


async def test_a_disk_without_a_byte_left_opens_again_reads_and_takes_puts_once_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    founded = found(tmp_path, offices=(OFFICE, PEER))
    on_small_disk(founded, OFFICE, small_disk)
    home = founded.client_home(OFFICE)
    async with real_cluster(founded) as cluster:
        first = await trio.to_thread.run_sync(partial(put, founded, OFFICE, tmp_path, "first"))
        filler = fill_to(small_disk, 0)
        await cluster.kill(OFFICE)
        await cluster.start([OFFICE])
        words = ("get", id_of(first), "--sealed", "-o", tmp_path / "read", "--from", OFFICE)
        read = await trio.to_thread.run_sync(partial(lumbung, *words, home=home))
        assert read.returncode == 0, read.stderr
        refused = await trio.to_thread.run_sync(partial(put, founded, OFFICE, tmp_path, "second"))
        assert refused.returncode == 6, refused.stdout + refused.stderr

        await trio.to_thread.run_sync(filler.unlink)

        def is_taken() -> bool:
            return put(founded, OFFICE, tmp_path, "second").returncode == 0

        await until(is_taken)
