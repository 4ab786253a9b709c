"""Files that hold secrets: made whole or not at all, never overwritten, and readable by their owner only."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from lumbung_cluster.errors import KeyRefused

__all__ = ["name_new", "read_secret", "write_public", "write_secret"]

_SECRET_MODE = 0o600
_PUBLIC_MODE = 0o644
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)  # as file systems say it that have none
_SIZE_BYTES_MAX = 64 * 1024  # no key or certificate chain comes near; a wrong path to a big file stops here


def write_secret(path: Path, content: bytes) -> None:
    """Create the file with mode 0600, durable when this returns. Raises KeyRefused if something is there already.

    A key that is overwritten is lost for ever, so there is no way to say "replace" here.
    """
    _write_new(path, content, _SECRET_MODE)


def write_public(path: Path, content: bytes) -> None:
    """As `write_secret`, for certificates and public keys that anybody may read."""
    _write_new(path, content, _PUBLIC_MODE)


def read_secret(path: Path) -> bytes:
    """The content of a secret file. Raises KeyRefused, with the cure, when it is missing or others may read it."""
    try:
        # Not blocking, so that a named pipe in the wrong place cannot hold the start up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise KeyRefused(f"key file {path}: expected a readable file, got {exc.strerror}") from exc
    try:
        # The mode of what was opened, not of what the path names by now.
        _check_mode(path, os.fstat(descriptor).st_mode)
        content = os.read(descriptor, _SIZE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if len(content) > _SIZE_BYTES_MAX:
        raise KeyRefused(f"key file {path}: expected at most {_SIZE_BYTES_MAX} bytes, got more")
    return content


def name_new(part: Path, path: Path) -> None:
    """Give a complete file its name, never that of a file that is there. Raises FileExistsError.

    `part` may be there afterwards.
    """
    try:
        os.link(part, path)  # unlike a rename, a link never takes the place of a key that is there
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        # Memory sticks (FAT, exFAT) have no second names: the name is taken first, and only what we made is replaced.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _SECRET_MODE))
        try:
            os.replace(part, path)
        except OSError:
            path.unlink(missing_ok=True)  # empty, and ours: whoever tries again would find a file there
            raise


def _check_mode(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise KeyRefused(f"key file {path}: expected a plain file, got something else")
    if mode & _OTHERS:
        found = f"{stat.S_IMODE(mode):04o}"
        raise KeyRefused(f"key file {path}: expected mode 0600, got {found}; mend it with: chmod 600 {path}")


def _write_new(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    part.unlink(missing_ok=True)  # of an earlier life with our process id, cut off in between
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)  # whatever the umask took away or left
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        name_new(part, path)
    except FileExistsError as exc:
        raise KeyRefused(f"key file {path}: expected no file there, got one; move it away first") from exc
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
