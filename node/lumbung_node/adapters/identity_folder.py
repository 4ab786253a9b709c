"""The identity folder: what must not be restored together with the data. Small files, each replaced atomically.

identity.json        generation and life, store uuid, tokens, file system, last wall time seen (format 0)
rosters/NNNNNNNNNN   signed rosters that were ever obeyed, by epoch
access/NNNNNNNNNN    the newest signed access list of each office, by node number
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import trio

from lumbung_cluster.errors import DiskFailed, DiskFull, KeyRefused
from lumbung_cluster.ids import Generation
from lumbung_cluster.place import Place
from lumbung_node.ports.identity import IdentityRecord

__all__ = ["DocumentFolder", "IdentityFolder", "replace_file"]

_FORMAT = 0
_MODE = 0o644  # nothing secret is replaced; the folder itself is closed
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class IdentityFolder:
    """Implements ports.IdentityState on files. `save` raises DiskFull and DiskFailed."""

    def __init__(self, folder: Path, data: Path, place: Place = Place.DATA) -> None:
        self._file = folder / "identity.json"
        self._data = data
        self._place = place

    async def load(self) -> IdentityRecord | None:
        return await trio.to_thread.run_sync(self._load)

    async def save(self, record: IdentityRecord) -> None:
        text = json.dumps(
            {
                "format": _FORMAT,
                "generation": record.generation,
                "store_uuid": record.store_uuid.hex(),
                "token": record.token.hex(),
                "token_next": record.token_next.hex(),
                "file_system": record.file_system,
                "clock_seen_ms": record.clock_seen_ms,
                "life_id": record.life_id.hex(),
                "life_started_ms": record.life_started_ms,
                "stopped_by": record.stopped_by.hex(),
            },
            indent=2,
        )
        await trio.to_thread.run_sync(_save, self._file, text.encode())

    async def file_system(self) -> str:
        """In the fallback folder the one that is remembered: the disk that is not mounted stays the data's home."""
        record = await self.load() if self._place is Place.FALLBACK else None
        return record.file_system if record is not None else await self.file_system_found()

    async def file_system_found(self) -> str:
        """The one under the data folder now."""
        return await trio.to_thread.run_sync(_file_system, self._data)

    def _load(self) -> IdentityRecord | None:
        try:
            fields = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as exc:
            raise KeyRefused(f"{self._file}: expected JSON, got {exc}; give the file back from a backup") from exc
        if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
            raise KeyRefused(f"{self._file}: this lumbung reads format {_FORMAT}")
        try:
            return IdentityRecord(
                Generation(int(fields["generation"])),
                bytes.fromhex(fields["store_uuid"]),
                bytes.fromhex(fields["token"]),
                bytes.fromhex(fields["token_next"]),
                str(fields["file_system"]),
                int(fields["clock_seen_ms"]),
                bytes.fromhex(fields["life_id"]),
                int(fields["life_started_ms"]),
                bytes.fromhex(fields["stopped_by"]),
            )
        except (KeyError, ValueError, TypeError) as exc:
            raise KeyRefused(f"{self._file}: {exc!r}; give the file back from a backup") from exc


class DocumentFolder:
    """Implements ports.Documents on files; `given` are the roster and lists that came with the enrolment."""

    def __init__(self, folder: Path, given_roster: Path, given_access: Sequence[Path]) -> None:
        self._rosters = folder / "rosters"
        self._access = folder / "access"
        self._given_roster = given_roster
        self._given_access = tuple(given_access)

    async def load_rosters(self) -> list[bytes]:
        return await trio.to_thread.run_sync(lambda: [self._given_roster.read_bytes(), *_read_all(self._rosters)])

    async def save_roster(self, epoch: int, raw: bytes) -> None:
        await trio.to_thread.run_sync(_save, self._rosters / f"{epoch:010d}", raw)

    async def load_access_lists(self) -> list[bytes]:
        def load() -> list[bytes]:
            return [*(path.read_bytes() for path in self._given_access), *_read_all(self._access)]

        return await trio.to_thread.run_sync(load)

    async def save_access_list(self, office: int, raw: bytes) -> None:
        await trio.to_thread.run_sync(_save, self._access / f"{office:010d}", raw)


def replace_file(path: Path, content: bytes) -> None:
    """Write, sync, rename, sync the folder: afterwards the file is the old or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    # Never through a link that lies there: root renews certificates in folders that the node's account may write to.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _MODE)  # whatever the umask took away: a certificate that root wrote must stay readable
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _save(path: Path, content: bytes) -> None:
    """A disk that fails here is told like one that fails under the store: the node must not end by it."""
    try:
        replace_file(path, content)
    except OSError as exc:
        kind = DiskFull if exc.errno in _NO_ROOM else DiskFailed
        raise kind(f"{path}: {exc.strerror}") from exc


def _read_all(folder: Path) -> list[bytes]:
    if not folder.is_dir():
        return []
    return [path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def _file_system(data: Path) -> str:
    """The file system id of the nearest existing folder (on ext4 made of its UUID): a disk not mounted has another."""
    folder = data
    while not folder.exists():
        folder = folder.parent
    return f"fsid-{os.statvfs(folder).f_fsid:016x}"
