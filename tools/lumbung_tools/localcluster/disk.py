"""Where on this machine a real disk is: figures and promises about fsync mean nothing in memory."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Place", "choose_place", "file_system_of", "look_at"]

_IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_ESCAPED = re.compile(r"\\([0-7]{3})")  # how the kernel writes blanks in mount points
_MOUNT_TABLE = Path("/proc/self/mountinfo")
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with the type of its file system, such as ext4; `unknown` where the kernel does not tell."""

    folder: Path
    file_system: str

    @property
    def is_disk(self) -> bool:
        return self.file_system not in _IN_MEMORY


def choose_place() -> Place:
    """The first of the usual temporary folders, this folder and the home that we may write to and that is a disk.

    When all are in memory, the first one: the caller says so.
    """
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd(), Path.home()]
    places = [look_at(folder) for folder in candidates if os.access(folder, os.W_OK)]
    return next((place for place in places if place.is_disk), places[0])


def look_at(folder: Path) -> Place:
    """The file system under `folder`: that of the longest mount point above it."""
    real = folder.resolve()
    try:
        lines = _MOUNT_TABLE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Place(folder, _UNKNOWN)
    return Place(folder, file_system_of(real, lines))


def file_system_of(folder: Path, mount_lines: Iterable[str]) -> str:
    """From lines of /proc/self/mountinfo (proc(5)): the mount point is field 5, the type the first after a dash."""
    best, found = -1, _UNKNOWN
    for line in mount_lines:
        before, _, after = line.partition(" - ")
        mount = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), before.split()[4]))
        # `>=`: of two mounts on one point the later one lies on top.
        if folder.is_relative_to(mount) and len(mount.parts) >= best:
            best, found = len(mount.parts), after.split()[0]
    return found
