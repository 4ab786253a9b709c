"""Recordings that travel on a disk between real nodes that never meet, and the receipts that come back on it."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import trio

from lumbung_cluster.ids import all_units
from lumbung_cluster.limits import KIB, MIB
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import Role
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.config import Language
from lumbung_testing.bundle_roads import Road, one_at_a_time
from lumbung_testing.real_clusters import DRC, OFFICES, found, now_ms, on_test_path
from lumbung_testing.small_disks import small_disk
from lumbung_tools.localcluster.founding import ROSTER_FILE, Founded, found_cluster
from lumbung_tools.localcluster.sites import choose_sites
from lumbung_tools.output.exit_codes import ExitCode

_OFFICE = OFFICES[0]
_SIZES = [4 * KIB] * 300 + [300 * KIB] * 20 + [5 * MIB, 20 * MIB]
_PATIENCE_S = 60.0


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


# --- there and back ------------------------------------------------------------------------------------------------


async def test_an_office_without_a_line_has_proven_copies_by_a_disk(tmp_path: Path) -> None:
    disk = _new(tmp_path / "disk")
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


async def test_two_full_disks_carry_everything_and_take_their_receipts(tmp_path: Path) -> None:
    with small_disk(tmp_path / "first", 12 * MIB) as first, small_disk(tmp_path / "second", 24 * MIB) as second:
        async with one_at_a_time(found(tmp_path), tmp_path) as road:
            async with road.up(_OFFICE):
                items = await road.put(_OFFICE, [100 * KIB] * 150 + [3 * KIB] * 900, "full")
                one = await road.bundle(_OFFICE, "export", "--for", DRC, first)
                assert (one.code, one["complete"], one["disk"]) == (ExitCode.COPIES_SHORT, False, 1), one.stderr
                assert int(str(one["size_bytes"])) > 9 * MIB, "the disk was filled"
                two = await road.bundle(_OFFICE, "export", "--for", DRC, second)
                assert (two.code, two["complete"], two["disk"]) == (ExitCode.OK, True, 2), two.stderr
            async with road.up(DRC):
                for disk in (second, first):
                    done = await road.bundle(DRC, "import", disk)
                    assert (done.code, done["problems"]) == (ExitCode.OK, []), done.stderr
            async with road.up(_OFFICE):
                for disk in (first, second):
                    assert (await road.bundle(_OFFICE, "receipts", disk)).code == ExitCode.OK
                assert await road.copies(_OFFICE) == (0, len(items), 0)


# --- pulled out, killed, edited ------------------------------------------------------------------------------------


async def test_a_killed_export_a_killed_import_and_a_killed_node_lose_nothing(tmp_path: Path) -> None:
    disk = _new(tmp_path / "disk")
    async with one_at_a_time(found(tmp_path), tmp_path) as road:
        async with road.up(_OFFICE):
            items = await road.put(_OFFICE, [300 * KIB] * 300, "kill")
            await _killed(road, _OFFICE, ["export", "--for", DRC, str(disk)], lambda pid: _has_part(disk, 8 * MIB))
            written = await road.bundle(_OFFICE, "export", "--for", DRC, disk)
            assert (written.code, written["complete"], written["disk"]) == (ExitCode.OK, True, 1), written.stderr
        async with road.up(DRC):
            await _killed(road, DRC, ["import", str(disk)], lambda pid: _read_bytes(pid) > 30 * MIB)
            import_words = ["import", str(disk)]
            process = _start(road, DRC, import_words)
            await _until(lambda: _read_bytes(process.pid) > 20 * MIB or process.poll() is not None)
            await road.cluster.kill(DRC)
            code = await trio.to_thread.run_sync(process.wait)
            assert code in (ExitCode.OK, ExitCode.UNKNOWN, ExitCode.UNREACHABLE)
            await road.cluster.start([DRC])
            done = await road.bundle(DRC, *import_words)
            assert done.code == ExitCode.OK, done.stderr
            assert int(str(done["stored"])) + int(str(done["present"])) == len(items)
        async with road.up(_OFFICE):
            await road.bundle(_OFFICE, "receipts", disk)
            assert await road.copies(_OFFICE) == (0, len(items), 0)


async def test_a_cut_and_edited_disk_gives_what_is_good_and_the_next_one_the_rest(tmp_path: Path) -> None:
    first, second = _new(tmp_path / "first"), _new(tmp_path / "second")
    luck = random.Random(3)
    async with one_at_a_time(found(tmp_path), tmp_path) as road:
        async with road.up(_OFFICE):
            items = await road.put(_OFFICE, [20 * KIB] * 200, "cut")
            await road.bundle(_OFFICE, "export", "--for", DRC, first)
        part = next(first.glob("*/part-00001.lumbung"))
        raw = bytearray(part.read_bytes())
        for _ in range(3):
            raw[luck.randrange(100_000, 2_000_000)] ^= 1
        part.write_bytes(raw[:3_000_000])
        async with road.up(DRC):
            done = await road.bundle(DRC, "import", first)
            assert done.code == ExitCode.DAMAGED
            assert 100 < int(str(done["stored"])) < len(items)
        async with road.up(_OFFICE):
            assert (await road.bundle(_OFFICE, "receipts", first)).code == ExitCode.OK
            rest = await road.bundle(_OFFICE, "export", "--for", DRC, second)
            assert rest["recordings"] == len(items) - int(str(done["stored"]))
        async with road.up(DRC):
            assert (await road.bundle(DRC, "import", second)).code == ExitCode.OK
        async with road.up(_OFFICE):
            await road.bundle(_OFFICE, "receipts", second)
            assert await road.copies(_OFFICE) == (0, len(items), 0)


def _start(road: Road, at: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    home = str(road.founded.client_home(at))
    command = [sys.executable, "-m", "lumbung_tools", "bundle", *words, "--home", home]
    return subprocess.Popen(command, env=on_test_path(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _killed(road: Road, at: str, words: Sequence[str], is_time: Callable[[int], bool]) -> None:
    """Start a command and kill it hard when it is time; one that was quicker has done its work."""
    process = _start(road, at, words)
    await _until(lambda: process.poll() is not None or is_time(process.pid))
    process.send_signal(signal.SIGKILL)
    await trio.to_thread.run_sync(process.wait)


async def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "it never came to that"
        await trio.sleep(0.005)


def _has_part(disk: Path, size_bytes: int) -> bool:
    return any(path.stat().st_size > size_bytes for path in disk.glob("*/part-*.lumbung"))


def _read_bytes(pid: int) -> int:
    """What a process has read so far, of files and sockets; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return int(lines[0].split()[1])


# --- vans and new DRC nodes ----------------------------------------------------------------------------------------


async def test_a_vans_recordings_come_home_on_a_disk(tmp_path: Path) -> None:
    van, disk = f"{_OFFICE}-van1", _new(tmp_path / "disk")
    async with one_at_a_time(_with_van(tmp_path, van), tmp_path) as road:
        async with road.up(van):
            items = await road.put(van, [30 * KIB] * 60, "van")
            assert (await road.bundle(van, "export", "--for", _OFFICE, disk)).code == ExitCode.OK
        async with road.up(_OFFICE):
            done = await road.bundle(_OFFICE, "import", disk)
            assert (done.code, done["stored"], done["exporter"]) == (ExitCode.OK, len(items), van), done.stderr
        async with road.up(van):
            counted = await road.bundle(van, "receipts", disk)
            assert counted["newly_proven"] == {_OFFICE: len(items)}, counted.stderr
            assert await road.copies(van) == (0, len(items), 0)


def _with_van(folder: Path, name: str) -> Founded:
    """Two offices, a DRC and a van of the first office, with a profile of that office's operator at the van."""
    first, second, third, centre = choose_sites(OFFICES, ("batam",), None)
    van = replace(third, name=name, role=Role.VAN, region=first.region)
    founded = found_cluster(folder / "cluster", (first, second, van, centre), Language.ENGLISH, now_ms=now_ms())
    home = founded.client_home(name)
    shutil.rmtree(home)
    shutil.copytree(founded.client_home(first.name), home)
    profile = home / "profile.toml"
    text = profile.read_text()
    assert f"node = {first.number}" in text
    profile.write_text(text.replace(f"node = {first.number}", f"node = {van.number}"))
    return founded


async def test_a_new_drc_node_is_seeded_by_a_disk_and_proves_over_the_line_without_bytes(tmp_path: Path) -> None:
    new, disk, onward = "drc-surabaya", _new(tmp_path / "disk"), _new(tmp_path / "onward")
    async with one_at_a_time(_with_two_centres(tmp_path), tmp_path) as road:
        async with road.up(_OFFICE):
            items = await road.put(_OFFICE, [30 * KIB] * 100, "seed")
            await road.bundle(_OFFICE, "export", "--for", DRC, disk)
        async with road.up(DRC):
            assert (await road.bundle(DRC, "import", disk)).code == ExitCode.OK
            written = await road.bundle(DRC, "export", "--for", new, "--all", onward)
            assert (written.code, written["recordings"]) == (ExitCode.OK, len(items)), written.stderr
        async with road.up(new):
            done = await road.bundle(new, "import", onward)
            assert (done.code, done["stored"], done["receipts"]) == (ExitCode.OK, len(items), 0), done.stderr
        async with road.up(_OFFICE), road.up(new):
            # The origin asks for proof of what the new holder need not be sent; nothing but words travels.
            await _come_to(road, (0, len(items), 0))


async def _come_to(road: Road, copies: tuple[int, ...]) -> None:
    with trio.fail_after(_PATIENCE_S):
        while True:
            if await road.copies(_OFFICE) == copies:
                return
            await trio.sleep(0.2)


def _with_two_centres(folder: Path) -> Founded:
    """An office and a peer; both DRC nodes keep everything of both. No node has read its roster yet."""
    sites = choose_sites(OFFICES[:2], ("batam", "surabaya"), None)
    founded = found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=now_ms())
    office, peer, *centres = (site.number for site in sites)
    assignments = tuple(
        HolderAssignment(origin, tuple(Share(node, all_units()) for node in (other, *centres)))
        for origin, other in ((office, peer), (peer, office))
    )
    roster = tidy(replace(founded.roster, assignments=assignments))
    signed = SignedRoster(encode_roster(roster), ())
    for at in (1, 2):
        signed = signed.signed_by(Ed25519Signer.load(founded.folder / f"custodians-OFFLINE/custodian-{at}.key.pem"))
    for file in founded.folder.rglob(ROSTER_FILE):
        file.write_bytes(signed.encode())
    return replace(founded, roster=roster)
