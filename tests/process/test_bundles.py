"""Recordings that travel on a disk between real nodes that never meet, and the receipts that come back on it."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.limits import KIB, MIB
from lumbung_testing.bundle_roads import one_at_a_time
from lumbung_testing.real_clusters import DRC, OFFICES, found
from lumbung_tools.output.exit_codes import ExitCode

_OFFICE = OFFICES[0]
_SIZES = [4 * KIB] * 300 + [300 * KIB] * 20 + [5 * MIB, 20 * MIB]


async def test_an_office_without_a_line_has_proven_copies_by_a_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    async with one_at_a_time(found(tmp_path), tmp_path) as road:
        async with road.up(_OFFICE):
            items = await road.put(_OFFICE, _SIZES, "a")
            written = await road.bundle(_OFFICE, "export", "--for", DRC, disk)
            assert (written.code, written["recordings"], written["complete"]) == (ExitCode.OK, len(items), True)
            assert await road.copies(_OFFICE) == (len(items), 0, 0), "nothing counts while it is on the road"
        async with road.up(DRC):
            first = await road.bundle(DRC, "import", disk)
            assert (first.code, first["stored"], first["present"]) == (ExitCode.OK, len(items), 0), first.stderr
            again = await road.bundle(DRC, "import", disk)
            assert (again.code, again["stored"], again["present"]) == (ExitCode.OK, 0, len(items))
            assert again["receipt_recordings"] == first["receipt_recordings"] == len(items)
        looked = await road.bundle(_OFFICE, "inspect", disk)
        assert (looked.code, looked["whole"], looked["signatures_checked"]) == (ExitCode.OK, True, True), looked.stderr
        async with road.up(_OFFICE):
            counted = await road.bundle(_OFFICE, "receipts", disk)
            assert (counted.code, counted["newly_proven"]) == (ExitCode.OK, {DRC: len(items)})
            assert await road.copies(_OFFICE) == (0, len(items), 0)
            repeated = await road.bundle(_OFFICE, "receipts", disk)
            assert (repeated.code, repeated["counted"]) == (ExitCode.OK, 0)
            nothing = await road.bundle(_OFFICE, "export", "--for", DRC, disk)
            assert (nothing.code, nothing["folder"]) == (ExitCode.OK, None)
