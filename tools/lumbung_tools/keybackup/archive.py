"""Keys in one archive: a gzipped tar, sealed with age under a passphrase. Stock programs open it:

age --decrypt keys.backup | tar -tz
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_tools.keybackup.passphrase import LOG2_N, open_with_passphrase, seal_with_passphrase

__all__ = ["PASSPHRASE_SIZE_MIN", "KeyFile", "collect", "open_archive", "read_key", "seal_archive"]

PASSPHRASE_SIZE_MIN = 12  # characters: scrypt takes a second for each guess
_FILES_MAX = 200
_ARCHIVE_BYTES_MAX = 4 << 20
_MODE = 0o600
_PUBLIC_MARKS = (b"-----BEGIN CERTIFICATE", b"-----BEGIN PUBLIC KEY")
_PUBLIC_BYTES_MAX = 64 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key by its name in the archive: a relative path without `..`."""

    name: str
    content: bytes


def collect(sources: Sequence[Path]) -> tuple[KeyFile, ...]:
    """The files named, and all below the folders named, by name. Raises KeyRefused, also for one open to others."""
    found: dict[str, KeyFile] = {}
    for source in sources:
        base = source.absolute().parent
        for path in _files_of(source):
            name = path.absolute().relative_to(base).as_posix()
            if name in found:
                raise KeyRefused(f"backup: expected each name once, got {name} twice")
            found[name] = KeyFile(name, read_key(path))
            if len(found) > _FILES_MAX:
                raise KeyRefused(f"backup: expected at most {_FILES_MAX} files, got more: name the keys' folder alone")
    if not found:
        raise KeyRefused("backup: expected at least one key, got none")
    return tuple(found[name] for name in sorted(found))


def seal_archive(files: Sequence[KeyFile], passphrase: str, log2_n: int = LOG2_N) -> bytes:
    """Raises KeyRefused for a passphrase that is too short."""
    _check_passphrase(passphrase)
    return seal_with_passphrase(gzip.compress(_pack(files), mtime=0), passphrase, log2_n)


def open_archive(sealed: bytes, passphrase: str) -> tuple[KeyFile, ...]:
    """Raises KeyRefused for another passphrase, a damaged backup, or one that lumbung would not have made."""
    packed = open_with_passphrase(sealed, passphrase)
    try:
        with gzip.open(io.BytesIO(packed)) as unzipped:
            raw = unzipped.read(_ARCHIVE_BYTES_MAX + 1)
        if len(raw) > _ARCHIVE_BYTES_MAX:
            raise KeyRefused(f"backup: expected at most {_ARCHIVE_BYTES_MAX} bytes of keys, got more")
        files = tuple(_unpack(raw))
    except (OSError, EOFError, zlib.error, tarfile.TarError) as exc:
        raise KeyRefused(f"backup: expected a gzipped tar inside, got: {exc}") from exc
    _check_names([file.name for file in files])
    return files


def _check_passphrase(passphrase: str) -> None:
    if len(passphrase) < PASSPHRASE_SIZE_MIN:
        raise KeyRefused(f"passphrase: expected at least {PASSPHRASE_SIZE_MIN} characters, got {len(passphrase)}")


def read_key(path: Path) -> bytes:
    """Certificates lie beside keys and may be open to all; a key may not. Raises KeyRefused, OSError."""
    with path.open("rb") as file:
        first = file.read(_PUBLIC_BYTES_MAX)
    is_public = first.startswith(_PUBLIC_MARKS) and b"PRIVATE" not in first and len(first) < _PUBLIC_BYTES_MAX
    return first if is_public else read_secret(path)


def _files_of(source: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from (path for path in sorted(source.rglob("*")) if path.is_file() and not path.is_symlink())
    else:
        yield source


def _pack(files: Sequence[KeyFile]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mode = len(file.content), _MODE
            tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def _unpack(raw: bytes) -> Iterator[KeyFile]:
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
        for entry in tar:
            path = PurePosixPath(entry.name)
            # A sparse file of some bytes would be read as gigabytes of zeros; no backup of ours has one.
            is_plain = entry.isfile() and not entry.issparse() and entry.size <= len(raw)
            if not is_plain or path.is_absolute() or ".." in path.parts or not path.parts:
                raise KeyRefused(f"backup: expected plain files under relative names, got {entry.name!r}")
            content = tar.extractfile(entry)
            assert content is not None
            yield KeyFile(path.as_posix(), content.read())


def _check_names(names: Sequence[str]) -> None:
    """Each file has a place of its own, or the second one would be refused when the first is written already."""
    if len(names) > _FILES_MAX:
        raise KeyRefused(f"backup: expected at most {_FILES_MAX} files, got {len(names)}")
    folders = {folder.as_posix() for name in names for folder in PurePosixPath(name).parents}
    for name in names:
        if _CONTROL.search(name) or name in folders or names.count(name) > 1:
            raise KeyRefused(f"backup: expected each name once, in letters, and no file where a folder is: {name!r}")
