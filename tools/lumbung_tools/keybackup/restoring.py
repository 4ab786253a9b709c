"""Writing keys back: nothing is written before everything is known to be writable, and no other key is overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from blake3 import blake3

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.key_files import read_secret, write_secret
from lumbung_tools.keybackup.archive import KeyFile, read_key

__all__ = ["Fate", "Restored", "plan_restore", "restore_all"]

_DIGITS = 8


class Fate(Enum):
    WRITTEN = "written"
    PRESENT = "present"  # the same key lies there
    REPLACED = "replaced"  # another one did; it was moved aside


@dataclass(frozen=True, slots=True)
class Restored:
    """One file; `aside` is where the other key that lay there is now."""

    path: Path
    fate: Fate
    aside: Path | None = None


def restore_all(files: Sequence[KeyFile], folder: Path, *, replaces: bool) -> list[Restored]:
    """Every file below `folder`, mode 0600, read back and compared. Raises KeyRefused; OSError.

    Unless `replaces`, a name under which another key lies refuses everything before anything is written.
    """
    planned = plan_restore(files, folder, replaces=replaces)
    for file, restored in zip(files, planned, strict=True):
        if restored.fate is Fate.PRESENT:
            continue
        restored.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if restored.aside is not None:
            restored.path.rename(restored.aside)
        write_secret(restored.path, file.content)
        if read_secret(restored.path) != file.content:
            raise KeyRefused(f"key file {restored.path}: expected what was written, got other bytes back")
    return planned


def plan_restore(files: Sequence[KeyFile], folder: Path, *, replaces: bool) -> list[Restored]:
    """What `restore_all` would do. Raises as it."""
    return [_plan(file, folder, replaces=replaces) for file in files]


def _plan(file: KeyFile, folder: Path, *, replaces: bool) -> Restored:
    path = folder / file.name
    if not path.exists():
        return Restored(path, Fate.WRITTEN)
    held = read_key(path)
    if held == file.content:
        return Restored(path, Fate.PRESENT)
    if not replaces:
        raise KeyRefused(
            f"key file {path}: expected none or the one of the backup, got another key; nothing was written. To move "
            "it aside and restore: --replace"
        )
    return Restored(path, Fate.REPLACED, path.with_name(f"{path.name}.replaced-{blake3(held).hexdigest()[:_DIGITS]}"))
