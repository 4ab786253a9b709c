"""Recordings by disk, there and back: one disk, several, and what travels again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.bundle_manifest import SignedManifest, sign_manifest
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.exports import ExportRow, Exports
from lumbung_testing.bundle_trips import LUCK, keys_of, recordings, trip
from lumbung_testing.rosters import SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, put
from lumbung_tools.bundles.export import ExportOrder
from lumbung_tools.bundles.folder import find_bundles
from lumbung_tools.bundles.foresee import foresee


async def test_recordings_count_only_when_their_receipts_are_back(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(600)) as there:
        written = await there.home.export(CENTRE, there.disk)
        assert (written.entries, written.is_complete, there.proven()) == (600, True, 0)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.receipt_blobs, keys_of(done)) == (600, 600, set())
        assert (there.held(), there.proven()) == (600, 0)
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.blobs[CENTRE], there.proven()) == (3, 600, 600)


async def test_what_an_export_would_write_is_told_without_beginning_a_bundle(tmp_path: Path) -> None:
    async with trip(tmp_path, [*recordings(3, 1 << 20), *recordings(9, 1000)]) as there:
        there.disk.mkdir()
        small = ExportOrder(CENTRE, (), False, 0, False, 4 << 20)
        nonce = there.office.store.state.next_nonce
        seen = await foresee(there.home.session, small, there.disk)
        assert (seen.entries, seen.size_bytes, seen.disk, seen.resumed) == (12, (3 << 20) + 9000, 1, False)
        assert (seen.room_bytes, seen.fits) == (2 << 20, False)
        assert (await foresee(there.home.session, replace(small, limit_bytes=None), there.disk)).fits
        assert there.office.store.state.next_nonce == nonce
        assert await there.office.store.kv.scan(Family.SYSTEM, b"x", b"y", 10) == []
        assert find_bundles(there.disk) == []
        one = await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        another = tmp_path / "another"
        another.mkdir()
        seen = await foresee(there.home.session, small, another)
        assert (seen.bundle, seen.disk, seen.resumed) == (one.bundle, 2, True)


async def test_a_disk_moves_no_mark_and_is_learnt_from_nobody(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(10)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        assert there.centre.store.state.marks == {}
        rows = await there.centre.store.reader.feed(OFFICE, 0, 100)
        assert {row.source for _, row in rows} == {CENTRE}


async def test_a_large_blob_travels_whole_and_is_resumed_where_the_disk_was_pulled_out(tmp_path: Path) -> None:
    large = LUCK.randbytes((20 << 20) + 17)
    async with trip(tmp_path, [b"small" * 100, large, b"last" * 50]) as there:
        await there.home.export(CENTRE, there.disk)
        part = there.folder / "part-00001.lumbung"
        whole = part.read_bytes()
        part.write_bytes(whole[: 15 << 20])
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.broken, keys_of(done)) == (1, 1, {"blob", "part_cut"})
        part.write_bytes(whole)
        again = await there.away.take_in(there.disk)
        assert (again.stored, again.present, again.broken) == (2, 1, 0)
        row = await there.centre.store.reader.row(OFFICE, BlobId.of(large))
        assert row is not None
        await there.centre.store.reader.verify(BlobId.of(large), row)


async def test_what_is_proven_does_not_travel_again(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await there.home.receipts(there.disk)
        await put(there.office, recordings(3))
        again = await there.home.export(CENTRE, tmp_path / "next")
        assert (again.entries, again.is_complete) == (3, True)


async def test_nothing_lacking_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    async with trip(tmp_path, []) as there:
        done = await there.home.export(CENTRE, there.disk)
        assert (done.folder, done.is_complete, find_bundles(there.disk)) == (None, True, [])


async def test_a_completed_bundle_that_was_lost_goes_out_again(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        first = await there.home.export(CENTRE, there.disk)
        shutil.rmtree(there.disk)
        second = await there.home.export(CENTRE, tmp_path / "second")
        assert (second.entries, second.resumed) == (5, False)
        assert second.bundle != first.bundle


async def test_receipts_of_an_older_bundle_still_count(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.home.export(CENTRE, tmp_path / "second")
        await there.away.take_in(there.disk)
        await there.home.receipts(there.disk)
        assert there.proven() == 5


async def test_two_disks_carry_what_one_cannot_and_come_in_any_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with trip(tmp_path, recordings(40, 100_000)) as there:
        one = await there.home.export(CENTRE, first, limit_bytes=4 << 20)
        assert (one.is_complete, one.disk) == (False, 1)
        assert one.entries == 20, "filled to within one recording of what its reserve leaves"
        assert one.entries + one.entries_left == 40
        two = await there.home.export(CENTRE, second)
        assert (two.is_complete, two.disk, two.resumed, two.bundle) == (True, 2, True, one.bundle)
        assert one.entries + two.entries == 40
        for disk in (second, first):
            assert (await there.away.take_in(disk)).problems.found == []
        for disk in (first, second):
            await there.home.receipts(disk)
        assert (there.held(), there.proven()) == (40, 40)


async def test_the_same_disk_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(40, 100_000)) as there:
        one = await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        two = await there.home.export(CENTRE, there.disk)
        assert (two.disk, two.folder, two.is_complete) == (1, one.folder, True)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.problems.found) == (40, [])


async def test_many_small_parts_are_all_sealed(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(400, 50_000)) as there:
        done = await there.home.export(CENTRE, there.disk, part_bytes_max=5 << 20)
        assert done.parts >= 4
        assert (await there.away.take_in(there.disk)).stored == 400


async def test_an_unsealed_part_goes_out_again_and_a_sealed_one_without_its_manifest_is_adopted(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(120, 100_000)) as there:
        await there.home.export(CENTRE, there.disk, limit_bytes=11 << 20, part_bytes_max=1 << 20)
        manifest = there.folder / "manifest.lumbung"
        before = SignedManifest.from_bytes(manifest.read_bytes()).content
        assert len(before.parts) > 1
        # Pulled out between the seal and the manifest: the node knows one part more than the disk says.
        older = sign_manifest(replace(before, parts=before.parts[:-1]), SeededSigner(f"receipt {OFFICE}"))
        manifest.write_bytes(older.to_bytes())
        (there.folder / f"part-{before.parts[-1].part + 1:05d}.lumbung").write_bytes(b"half a part")
        done = await there.home.export(CENTRE, there.disk)
        assert done.is_complete
        taken = await there.away.take_in(there.disk)
        assert (taken.stored, taken.problems.found) == (120, [])


async def test_a_machine_that_another_one_has_stopped_seals_nothing(tmp_path: Path) -> None:
    """Under its key a manifest says what the other machine never said: nonces, and how far a disk has come."""
    async with trip(tmp_path, recordings(60, 100_000)) as there:
        await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        begun = SignedManifest.from_bytes((there.folder / "manifest.lumbung").read_bytes()).content
        there.office.condition.stopped = True
        with pytest.raises(Rejected, match="signs nothing"):
            await there.home.seal(begun)
        with pytest.raises(Rejected, match="signs nothing"):
            await there.home.export(CENTRE, tmp_path / "second")
        assert find_bundles(tmp_path / "second") == []


async def test_one_that_is_stopped_while_its_seal_is_being_kept_signs_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trip(tmp_path, recordings(60, 100_000)) as there:
        await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        begun = SignedManifest.from_bytes((there.folder / "manifest.lumbung").read_bytes()).content
        kept = Exports.save

        async def save(self: Exports, row: ExportRow) -> None:
            await kept(self, row)
            there.office.condition.stopped = True

        monkeypatch.setattr(Exports, "save", save)
        with pytest.raises(Rejected, match="signs nothing"):
            await there.home.seal(replace(begun, is_complete=True))


async def test_another_export_that_goes_on_meanwhile_is_noticed(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(60, 100_000)) as there:
        await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        stale = SignedManifest.from_bytes((there.folder / "manifest.lumbung").read_bytes()).content
        await there.home.export(CENTRE, tmp_path / "second")
        with pytest.raises(Rejected, match="another export goes on"):
            await there.home.seal(stale)
