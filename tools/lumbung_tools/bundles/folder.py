"""A bundle's folder on a disk that strangers may have held: nothing in it is opened but by a name of the format.

    lumbung-bundle-36.02-for-drc-batam-1a2b3c4d-disk1/
        README.txt               for people
        manifest.lumbung
        part-00001.lumbung ...
        receipts/receipts-00001.lumbung ...

Files are opened relative to the folder's own descriptor, never through a symbolic link, only when they are plain files,
and read only up to the size that the format allows. What is written is synced, and the folder with it, before anybody
is told.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumbung_cluster.bundle_manifest import MANIFEST_SIZE_BYTES_MAX, SignedManifest
from lumbung_cluster.bundle_receipts import RECEIPTS_SIZE_BYTES_MAX, ReceiptsFile
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.limits import BUNDLE_PARTS_MAX

__all__ = ["BundleFolder", "PartFile", "find_bundles", "folder_name"]

MANIFEST = "manifest.lumbung"
READ_ME = "README.txt"
RECEIPTS = "receipts"
_FOLDER_NAME = re.compile(r"lumbung-bundle-[0-9a-z.-]{1,80}-for-[0-9a-z.-]{1,80}-[0-9a-f]{8}-disk[0-9]{1,6}")
_PART_NAME = re.compile(r"part-([0-9]{5})\.lumbung")
_RECEIPTS_NAME = re.compile(r"receipts-([0-9]{5})\.lumbung")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe in a file's place must not hold us
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_SECTOR_BYTES = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def folder_name(exporter: str, holder: str, bundle: bytes, disk: int) -> str:
    return f"lumbung-bundle-{exporter}-for-{holder}-{bundle.hex()[:8]}-disk{disk}"


def find_bundles(path: Path) -> list[Path]:
    """The bundle folders that `path` is or holds, by name. Raises OSError when it cannot be listed."""
    with os.scandir(path) as entries:
        found = list(entries)
    if any(entry.name == MANIFEST or _PART_NAME.fullmatch(entry.name) for entry in found):
        return [path]
    return sorted(
        path / entry.name
        for entry in found
        if _FOLDER_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
    )


class PartFile:
    """One open part. Reads raise OSError: a disk may be pulled out at any time."""

    def __init__(self, handle: int, size_bytes: int) -> None:
        self._handle = handle
        self.size_bytes = size_bytes

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size > 0 and (piece := os.pread(self._handle, size, offset)):
            parts.append(piece)
            offset, size = offset + len(piece), size - len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_past_damage(self, offset: int, size: int) -> bytes:
        """As `read`, with zeros for sectors that cannot be read: one of them must not hide what lies behind it."""
        try:
            return self.read(offset, size)
        except OSError as exc:
            if exc.errno != errno.EIO:
                raise
        return b"".join(self._sectors(offset, min(offset + size, self.size_bytes)))

    def _sectors(self, offset: int, behind: int) -> Iterator[bytes]:
        while offset < behind:
            count = min(_SECTOR_BYTES - offset % _SECTOR_BYTES, behind - offset)
            try:
                yield self.read(offset, count)
            except OSError as exc:
                if exc.errno != errno.EIO:
                    raise
                yield bytes(count)
            offset += count


class BundleFolder:
    """An open folder; `close` it."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, also for a symbolic link."""
        self.path = path
        self._folder = os.open(path, _FOLDER)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def handle(self) -> int:
        """The folder's descriptor."""
        return self._folder

    def close(self) -> None:
        os.close(self._folder)

    def manifest(self) -> SignedManifest | None:
        """None when there is none. Raises Malformed, OSError. The signature is not checked here."""
        try:
            raw = _read_file(self._folder, MANIFEST, MANIFEST_SIZE_BYTES_MAX)
        except FileNotFoundError:
            return None
        return SignedManifest.from_bytes(raw)

    def parts(self) -> list[int]:
        """Numbers of the part files that are there, rising."""
        numbers = sorted(int(found[1]) for name in os.listdir(self._folder) if (found := _PART_NAME.fullmatch(name)))
        return [number for number in numbers if number][:BUNDLE_PARTS_MAX]

    @contextmanager
    def open_part(self, number: int) -> Iterator[PartFile]:
        """Raises Malformed for what is no plain file, OSError."""
        handle, size_bytes = _open_plain(self._folder, part_name(number))
        try:
            yield PartFile(handle, size_bytes)
        finally:
            os.close(handle)

    def create_part(self, number: int) -> int:
        """A descriptor of an empty file; what lay there under this name was never sealed."""
        return os.open(part_name(number), _WRITE | os.O_TRUNC, 0o644, dir_fd=self._folder)

    def remove_part(self, number: int) -> None:
        os.unlink(part_name(number), dir_fd=self._folder)

    def write_manifest(self, signed: SignedManifest) -> None:
        _write_durable(self._folder, MANIFEST, signed.to_bytes())

    def write_read_me(self, text: str) -> None:
        _write_durable(self._folder, READ_ME, text.encode())

    def sync(self) -> None:
        os.fsync(self._folder)

    def receipts(self) -> list[str]:
        """Names of the receipts files, rising; none when there is no such folder."""
        try:
            folder = os.open(RECEIPTS, _FOLDER, dir_fd=self._folder)
        except OSError:
            return []
        try:
            return sorted(name for name in os.listdir(folder) if _RECEIPTS_NAME.fullmatch(name))[:BUNDLE_PARTS_MAX]
        finally:
            os.close(folder)

    def read_receipts(self, name: str) -> ReceiptsFile:
        """Raises Malformed, OSError."""
        folder = os.open(RECEIPTS, _FOLDER, dir_fd=self._folder)
        try:
            return ReceiptsFile.decode(_read_file(folder, name, RECEIPTS_SIZE_BYTES_MAX))
        finally:
            os.close(folder)

    def write_receipts(self, number: int, content: ReceiptsFile) -> None:
        """Durable when it returns. Raises OSError (a full or write-protected disk)."""
        try:
            os.mkdir(RECEIPTS, 0o755, dir_fd=self._folder)
            os.fsync(self._folder)
        except FileExistsError:
            pass
        folder = os.open(RECEIPTS, _FOLDER, dir_fd=self._folder)
        try:
            _write_durable(folder, f"receipts-{number:05d}.lumbung", content.encode())
        finally:
            os.close(folder)


def part_name(number: int) -> str:
    return f"part-{number:05d}.lumbung"


def _open_plain(folder: int, name: str) -> tuple[int, int]:
    """A descriptor and the size of a plain file."""
    try:
        handle = os.open(name, _READ, dir_fd=folder)
    except OSError as exc:
        if exc.filename is None:
            exc.filename = name
        raise
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise Malformed(name, "a plain file", stat.filemode(found.st_mode))
    return handle, found.st_size


def _read_file(folder: int, name: str, size_max: int) -> bytes:
    handle, size_bytes = _open_plain(folder, name)
    try:
        if size_bytes > size_max:
            raise Malformed(name, f"at most {size_max} bytes", str(size_bytes))
        return PartFile(handle, size_bytes).read(0, size_bytes)
    finally:
        os.close(handle)


def _write_durable(folder: int, name: str, raw: bytes) -> None:
    """Whole or not at all under its name, on the disk when it returns."""
    part = f".{name}.part"
    handle = os.open(part, _WRITE | os.O_TRUNC, 0o644, dir_fd=folder)
    try:
        view = memoryview(raw)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
