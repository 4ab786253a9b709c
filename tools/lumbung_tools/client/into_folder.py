"""A folder that takes recordings under the first digits of their ids, each whole or not at all, never over a file."""

from __future__ import annotations

import os
from pathlib import Path

from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.keys.key_files import name_new
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.opened import is_sealed, open_into
from lumbung_tools.client.part_file import PartFile, sync_folder
from lumbung_tools.sealing import Identities

__all__ = ["FolderFailed", "IntoFolder", "TargetThere", "default_name"]

_DIGITS = 16


class TargetThere(LumbungError):
    """A file has that name already; it stays as it is."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"target {target}: expected no file there, got one")
        self.target = target


class FolderFailed(LumbungError):
    """The folder or its disk takes nothing more: full, gone, read-only. The cause is the system's OSError."""


def default_name(digits: str, *, is_left_sealed: bool) -> str:
    return f"{digits[:_DIGITS]}{'.age' if is_left_sealed else ''}"


class IntoFolder:
    """`workroom` is a folder in `folder`, of this object alone: what is not complete grows there, one at a time.

    `identities` None leaves recordings sealed. All of it blocks on the disk and raises OSError.
    """

    def __init__(self, folder: Path, workroom: Path, identities: Identities | None) -> None:
        self._folder = folder
        self._part = workroom / "sealed"
        self._opened = workroom / "opened"
        self._identities = identities

    def check_free(self, digits: str) -> None:
        """Raises TargetThere when a file has the name that a recording of these digits would get.

        Fewer digits than a name has say nothing; nor does what is not sealed there, which shows in its bytes only.
        """
        target = self._folder / default_name(digits, is_left_sealed=self._identities is None)
        if len(digits) >= _DIGITS and os.path.lexists(target):
            raise TargetThere(target)

    def open_part(self) -> PartFile:
        return PartFile(self._part)

    def keep(self, part: PartFile, start: wire.GetStart) -> Path:
        """The file's name, durable with its bytes. Raises BlobDamaged, CannotOpen, TargetThere."""
        part.check(start)
        sealed = is_sealed(part.path)
        target = self._folder / default_name(start.id.hex(), is_left_sealed=sealed and self._identities is None)
        try:
            self._name(self._content(part, self._identities if sealed else None), target)
        finally:
            self._opened.unlink(missing_ok=True)
        sync_folder(self._folder)
        return target

    def _name(self, content: Path, target: Path) -> None:
        try:
            name_new(content, target)
        except FileExistsError as exc:
            raise TargetThere(target) from exc

    def _content(self, part: PartFile, identities: Identities | None) -> Path:
        if identities is None:
            part.sync()
            return part.path
        open_into(part.path, self._opened, identities)
        return self._opened
