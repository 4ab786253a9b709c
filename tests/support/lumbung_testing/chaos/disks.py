"""Disks of our own for nodes: ext4 on a loop device, whose power can be cut, and that can be filled to the brim.

A cut is ext4's shutdown without a flush of its journal: whatever no returned sync covers is gone, as when the mains
fail. The processes that write must be stopped first: a cut under a running writer shows losses that are the harness's
own race, between the last answer and the last page.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lumbung_testing.chaos.machine import Refused, call

__all__ = ["LoopDisk", "freeze", "loop_disk"]

_EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
_NO_LOG_FLUSH = 2
_FILLER = "filler"
_STOP_PATIENCE_S = 60.0
_UNMOUNT_TRIES = 50


class LoopDisk:
    """A mounted ext4 of `size_bytes` that begins with a copy of `content`. Made by `loop_disk`. All calls block."""

    def __init__(self, image: Path, mount: Path, content: Path, size_bytes: int) -> None:
        self._image = image
        self.mount = mount
        self._content = content
        self._size_bytes = size_bytes

    def renew(self) -> None:
        """A fresh file system in place of one that is not mounted, with the first content durable on it."""
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as file:
            file.truncate(self._size_bytes)
        call("mkfs.ext4", "-q", "-F", "-m", "0", self._image)
        self.attach()
        shutil.copytree(self._content, self.mount, dirs_exist_ok=True)
        call("sync", "--file-system", self.mount)

    def attach(self) -> None:
        """Mount; after a cut this replays the journal."""
        call("mount", "-o", "loop", self._image, self.mount)

    def detach(self) -> None:
        """Unmount. What a killed process still held open may need a moment."""
        for _ in range(_UNMOUNT_TRIES):
            try:
                call("umount", self.mount)
            except Refused:
                time.sleep(0.1)
            else:
                return
        raise Refused(f"umount: {self.mount} stays busy")

    def cut(self) -> None:
        """Power off: every later access fails, and nothing more reaches the image."""
        handle = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def free_bytes(self) -> int:
        found = os.statvfs(self.mount)
        return found.f_bavail * found.f_frsize

    def fill(self, left_bytes: int) -> None:
        """Take all space but about `left_bytes` (0: to the last block)."""
        handle = os.open(self.mount / _FILLER, os.O_WRONLY | os.O_CREAT, 0o600)
        step = 64 << 20
        try:
            while step >= 4096:
                taken = os.fstat(handle).st_blocks * 512
                room = self.free_bytes() - left_bytes
                if room < step or not _allocate(handle, taken, step):
                    step //= 2
        finally:
            os.close(handle)

    def give_back(self) -> None:
        (self.mount / _FILLER).unlink(missing_ok=True)


def _allocate(handle: int, offset: int, size: int) -> bool:
    try:
        os.posix_fallocate(handle, offset, size)
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
        return False
    return True


@contextmanager
def loop_disk(folder: Path, size_bytes: int) -> Iterator[LoopDisk]:
    """Put what is in `folder` (NODES/NAME) on a disk of its own, mounted there until the end."""
    beside = folder.parent.with_name("disks")
    beside.mkdir(exist_ok=True)
    kept = beside / folder.name
    folder.rename(kept)
    folder.mkdir()
    disk = LoopDisk(beside / f"{folder.name}.image", folder, kept, size_bytes)
    disk.renew()
    try:
        yield disk
    finally:
        disk.detach()


def freeze(pids: Iterable[int]) -> None:
    """SIGSTOP, and wait until every thread stands still: one in the middle of a sync stops only behind it."""
    stopping = list(pids)
    for pid in stopping:
        os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + _STOP_PATIENCE_S
    for pid in stopping:
        while any(state not in "TtZX" for state in _thread_states(pid)):
            if time.monotonic() > until:
                raise Refused(f"process {pid} does not stop")
            time.sleep(0.005)


def _thread_states(pid: int) -> list[str]:
    states = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return states
