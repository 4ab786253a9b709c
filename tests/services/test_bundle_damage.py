"""Disks that were pulled out, cut, edited or lost, and recordings that rotted before the export."""

from __future__ import annotations

import errno
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster import limits
from lumbung_cluster.bundle_manifest import SignedManifest, sign_manifest
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import feed_key
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.bundle_trips import keys_of, recordings, trip
from lumbung_testing.rosters import SeededSigner, founding, signed, successor
from lumbung_testing.session_pair import CENTRE, OFFICE, box, living, put
from lumbung_tools.bundles.export import ExportOrder
from lumbung_tools.bundles.folder import find_bundles
from lumbung_tools.bundles.foresee import foresee
from lumbung_tools.output.exit_codes import ExitCode


@pytest.mark.parametrize("seed", range(20))
async def test_a_disk_pulled_out_anywhere_gives_what_is_whole_and_loses_nothing(tmp_path: Path, seed: int) -> None:
    luck = random.Random(seed)
    async with trip(tmp_path, recordings(120, 3000)) as there:
        await there.home.export(CENTRE, there.disk, part_bytes_max=100_000)
        files = sorted(path for path in there.folder.iterdir() if path.name != "README.txt")
        whole = {path: path.read_bytes() for path in files}
        for _ in range(10):
            # Everything behind a random place is gone, as when the disk was pulled out there.
            left = luck.randrange(sum(map(len, whole.values())) + 1)
            for path, raw in whole.items():
                kept, left = raw[: max(0, left)], left - len(raw)
                path.unlink(missing_ok=True)
                if kept:
                    path.write_bytes(kept)
            if not find_bundles(there.disk):
                continue
            try:
                done = await there.away.take_in(there.disk)
            except ValueError:  # neither a manifest nor a part is left: nobody can say whose it is
                continue
            assert done.stored + done.present + done.broken <= 120
            assert there.held() == there.centre.store.state.end(OFFICE).number
        for path, raw in whole.items():
            path.write_bytes(raw)
        again = await there.away.take_in(there.disk)
        assert (again.stored + again.present, again.problems.found, there.held()) == (120, [], 120)
        assert (await there.home.receipts(there.disk)).refused == 0
        assert there.proven() == 120


async def test_rows_that_are_lost_at_home_hide_nothing_behind_them(tmp_path: Path) -> None:
    """A whole page of them was once taken for the end, and the disk called complete."""
    office = box(OFFICE)
    lost = limits.OFFER_ENTRIES_MAX + 10
    async with living(office) as core:
        await put(core, recordings(lost + 30))
        for number in range(1, lost + 1):
            office.disk.lose(Family.FEEDS, feed_key(OFFICE, number))
        desk, disk = Desk(core, tmp_path), tmp_path / "disk"
        disk.mkdir()
        assert (await foresee(desk.session, ExportOrder(CENTRE, (), False, 0, False, None), disk)).entries == 30
        done = await desk.export(CENTRE, disk)
        assert (done.entries, done.is_complete) == (30, True)


async def test_an_edited_blob_is_named_and_all_others_are_stored(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(50, 2000)) as there:
        await there.home.export(CENTRE, there.disk)
        part = there.folder / "part-00001.lumbung"
        raw = bytearray(part.read_bytes())
        raw[-5000] ^= 1
        part.write_bytes(raw)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.broken, done.receipt_blobs, keys_of(done)) == (49, 1, 49, {"blob"})
        assert done.problems.codes == {ExitCode.DAMAGED}
        await there.home.receipts(there.disk)
        assert there.proven() == 49


async def test_a_sector_that_cannot_be_read_costs_the_batch_that_it_lies_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the head of a batch it once cost everything behind it in its part, up to 1 GiB."""
    async with trip(tmp_path, recordings(3 * limits.OFFER_ENTRIES_MAX)) as there:
        await there.home.export(CENTRE, there.disk)
        raw, mark = (there.folder / "part-00001.lumbung").read_bytes(), b"LB-BATCH"
        second = raw.index(mark, raw.index(mark) + 1)
        pread = os.pread

        def read(handle: int, size: int, offset: int) -> bytes:
            if offset <= second < offset + size and os.fstat(handle).st_size == len(raw):
                raise OSError(errno.EIO, "Input/output error")
            return pread(handle, size, offset)

        monkeypatch.setattr(os, "pread", read)
        done = await there.away.take_in(there.disk)
        assert (done.stored, keys_of(done)) == (2 * limits.OFFER_ENTRIES_MAX, {"part_damaged"})


async def test_a_part_of_which_a_sync_has_failed_is_never_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that met a full disk was once taken for a write that did, and the batches before it for durable."""
    syncs = []

    def sync(handle: int) -> None:
        syncs.append(handle)
        if len(syncs) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    async with trip(tmp_path, recordings(3 * limits.OFFER_ENTRIES_MAX)) as there:
        monkeypatch.setattr(limits, "BUNDLE_SYNC_BYTES", 1)
        monkeypatch.setattr(os, "fdatasync", sync)
        with pytest.raises(ExceptionGroup) as failed:
            await there.home.export(CENTRE, there.disk)
        assert failed.group_contains(OSError)
        assert SignedManifest.from_bytes((there.folder / "manifest.lumbung").read_bytes()).content.parts == ()


async def test_a_missing_file_is_named_with_what_it_held(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(400, 50_000)) as there:
        await there.home.export(CENTRE, there.disk, part_bytes_max=5 << 20)
        (there.folder / "part-00002.lumbung").unlink()
        done = await there.away.take_in(there.disk)
        (problem,) = done.problems.found
        assert problem.key == "bundle.bad.part_missing"
        assert done.stored + int(str(problem.values["entries"])) == 400


async def test_a_disk_without_a_manifest_is_stored_without_receipts(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        (there.folder / "manifest.lumbung").unlink()
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.receipts, keys_of(done)) == (20, 0, {"no_manifest"})


@pytest.mark.parametrize(("ahead", "is_known", "receipts"), [(0, True, 1), (0, False, 0), (1, True, 0)])
async def test_a_manifest_under_a_retired_key_raises_no_nonce(
    tmp_path: Path, ahead: int, is_known: bool, receipts: int
) -> None:
    """What the holder takes back is signed behind every nonce it met: the key's thief must not choose one."""
    async with trip(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        file = there.folder / "manifest.lumbung"
        held = SignedManifest.from_bytes(file.read_bytes())
        nonce = held.content.origins[0].nonce
        if is_known:  # as by a line, or by the same disk before
            await there.centre.store.nonces.keep(OFFICE, nonce)
        spans = (replace(held.content.origins[0], nonce=nonce + ahead),)
        dated_back = sign_manifest(replace(held.content, origins=spans), SeededSigner(f"receipt {OFFICE}"))
        file.write_bytes(dated_back.to_bytes())
        draft = pin_key(successor(signed(founding(), "a", "b")), OFFICE, KeyUse.RECEIPT, b"n" * 32)
        roster = signed(retire_key(draft, OFFICE, KeyUse.RECEIPT, None, None), "a", "b")
        await there.centre.rosters.offer([roster.encode()])

        done = await there.away.take_in(there.disk)

        assert (done.stored, done.receipts) == (20, receipts)
        assert there.centre.store.nonces.highest(OFFICE) == (nonce if is_known else 0)


async def test_an_edited_manifest_costs_the_receipts_only(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        file = there.folder / "manifest.lumbung"
        held = SignedManifest.from_bytes(file.read_bytes())
        span = replace(held.content.origins[0], nonce=held.content.origins[0].nonce + 5)
        forged = sign_manifest(replace(held.content, origins=(span,)), SeededSigner("a stranger"))
        file.write_bytes(forged.to_bytes())
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.receipts, keys_of(done)) == (20, 0, {"manifest"})


@pytest.mark.parametrize("name", ["manifest.lumbung", "part-00001.lumbung"])
async def test_a_link_in_a_files_place_is_not_followed(tmp_path: Path, name: str) -> None:
    async with trip(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        file = there.folder / name
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
        if name == "manifest.lumbung":
            with pytest.raises(OSError, match=r"symbolic|Too many"):
                await there.away.take_in(there.disk)
        else:
            done = await there.away.take_in(there.disk)
            assert (done.stored, keys_of(done)) == (0, {"part_unreadable"})
