"""A disk that fails under the identity is told like one that fails under the store, so that the node waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_cluster.errors import DiskFailed, DiskFull
from lumbung_cluster.ids import Generation
from lumbung_node.adapters.identity_folder import DocumentFolder, IdentityFolder
from lumbung_node.ports.identity import IdentityRecord
from lumbung_testing.small_disks import small_disk

_DISK_BYTES, _PAGE_BYTES = 1 << 18, 1 << 12
_RECORD = IdentityRecord(Generation(3), bytes(16), b"a" * 16, b"", "fsid-1", 7)


async def test_identity_that_was_saved_is_loaded_as_it_was(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "identity", tmp_path)
    await folder.save(_RECORD)
    assert await folder.load() == _RECORD


async def test_full_disk_under_the_identity_is_told_as_full_and_the_old_record_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", _DISK_BYTES) as disk:
        folder = IdentityFolder(disk, tmp_path)
        await folder.save(_RECORD)
        (disk / "filler").write_bytes(bytes(_DISK_BYTES - _PAGE_BYTES))
        with pytest.raises(DiskFull, match=r"identity\.json: No space left on device"):
            await folder.save(_RECORD)
        assert await folder.load() == _RECORD


async def test_identity_folder_that_cannot_be_made_is_told_as_a_failed_disk(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskFailed, match=r"identity\.json: Not a directory"):
        await IdentityFolder(tmp_path / "file" / "identity", tmp_path).save(_RECORD)


async def test_rosters_and_access_lists_that_a_disk_does_not_take_are_told_as_the_identity_is(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", _DISK_BYTES) as disk:
        folder = DocumentFolder(disk, tmp_path / "roster", ())
        (disk / "rosters").mkdir()
        (disk / "access").touch()
        (disk / "filler").write_bytes(bytes(_DISK_BYTES - 4 * _PAGE_BYTES))
        with pytest.raises(DiskFull, match="rosters/0000000002: No space left on device"):
            await folder.save_roster(2, bytes(_DISK_BYTES))
        with pytest.raises(DiskFailed, match="access/0000000001: "):
            await folder.save_access_list(1, b"list")
