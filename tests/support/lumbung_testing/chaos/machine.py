"""What this machine lets a test do: each right is tried, not concluded from the uid, and nothing of it outlives us.

Mounts are made in a mount namespace of our own and networks in namespaces without a name: the kernel takes both away
with the last process in them, also after SIGKILL. Loop devices are made by `mount -o loop`, which frees them likewise.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = [
    "Refused",
    "call",
    "enter_own_mounts",
    "enter_own_network",
    "need_programs",
    "try_loop_disk",
    "waited_for_processor_s",
]

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_PATIENCE_S = 60.0


class Refused(Exception):
    """This machine does not let us; the sentence is the reason of a skip."""


def call(*words: str | Path) -> str:
    """Run a program of the system to its end. Raises Refused with its last line, or when it is not installed."""
    try:
        done = subprocess.run(
            [str(word) for word in words], check=False, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except FileNotFoundError as exc:
        raise Refused(f"no program {words[0]}") from exc
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise Refused(f"{words[0]}: {said[-1]}")
    return done.stdout


def need_programs(*names: str) -> None:
    """Raises Refused for the first that is not installed."""
    for name in names:
        if shutil.which(name) is None:
            raise Refused(f"no program {name}")


def enter_own_mounts() -> None:
    """From now on this process and its children mount where nobody else sees it. Raises Refused.

    Call it before any other thread exists: a namespace belongs to the thread that enters it.
    """
    _unshare(_CLONE_NEWNS, "a mount namespace")
    call("mount", "--make-rprivate", "/")


def enter_own_network() -> None:
    """From now on this process and its children have a network of their own, with nothing but loopback in it."""
    _unshare(_CLONE_NEWNET, "a network namespace")
    call("ip", "link", "set", "lo", "up")


def try_loop_disk() -> None:
    """Make, mount and unmount a small ext4 on a loop device. Raises Refused."""
    with tempfile.TemporaryDirectory(prefix="lumbung-chaos-") as folder:
        image, mount = Path(folder) / "image", Path(folder) / "mount"
        mount.mkdir()
        with image.open("wb") as file:
            file.truncate(16 << 20)
        call("mkfs.ext4", "-q", "-F", image)
        call("mount", "-o", "loop", image, mount)
        call("umount", mount)


def waited_for_processor_s(pid: int) -> float:
    """How long the main thread of a process stood ready in the queue of a processor until now; 0 where none counts."""
    try:
        text = Path(f"/proc/{pid}/schedstat").read_text()
    except FileNotFoundError:
        return 0.0
    return int(text.split()[1]) / 1e9


def _unshare(flag: int, what: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flag):
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")
