"""Which file system a folder lies on, from the kernel's own table."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_tools.localcluster.disk import Place, file_system_of, look_at

_MOUNTS = (
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "30 22 0:26 / /tmp rw,nosuid shared:9 - tmpfs tmpfs rw",
    "31 22 8:1 / /mnt/usb\\040disk rw - xfs /dev/sdb1 rw",
    "32 30 8:2 / /tmp/disk rw - btrfs /dev/sdc1 rw",
)


@pytest.mark.parametrize(
    ("folder", "file_system"),
    [
        ("/var/tmp", "ext4"),
        ("/tmp", "tmpfs"),
        ("/tmpfiles", "ext4"),
        ("/tmp/disk/deep", "btrfs"),
        ("/mnt/usb disk/x", "xfs"),
    ],
)
def test_the_longest_mount_point_above_a_folder_decides(folder: str, file_system: str) -> None:
    assert file_system_of(Path(folder), _MOUNTS) == file_system


def test_a_later_mount_on_the_same_point_lies_on_top() -> None:
    assert file_system_of(Path("/"), [*_MOUNTS, "40 22 0:1 / / rw - overlay overlay rw"]) == "overlay"


def test_memory_is_not_a_disk() -> None:
    assert not Place(Path("/tmp"), "tmpfs").is_disk
    assert Place(Path("/tmp"), "ext4").is_disk


def test_this_machine_answers_for_its_own_folders(tmp_path: Path) -> None:
    assert look_at(tmp_path).folder == tmp_path
    assert look_at(tmp_path).file_system
