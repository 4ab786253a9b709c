"""Bundles between two nodes' real services: every disk that a road can make of one, and what its receipts count for."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lumbung_cluster.bundle_manifest import SignedManifest, sign_manifest
from lumbung_cluster.bundle_receipts import ReceiptsFile
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.receipt import StatementKind, sign_statement
from lumbung_node.services.core import Core
from lumbung_node.store.events import FoundBy
from lumbung_node.store.layout import place_key
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import bundles_pb2
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, living, put
from lumbung_tools.bundles.folder import find_bundles
from lumbung_tools.bundles.importing import Imported
from lumbung_tools.client.methods import EXPORT, IMPORT
from lumbung_tools.output.exit_codes import ExitCode

LUCK = random.Random(11)


def recordings(count: int, size: int = 500) -> list[bytes]:
    return [LUCK.randbytes(size) for _ in range(count)]


@dataclass(slots=True)
class Road:
    """An office that recorded, its holder, and a folder for disks."""

    office: Core
    centre: Core
    home: Desk
    away: Desk
    disk: Path

    def proven(self) -> int:
        account = self.office.store.proofs.ledger.account(CENTRE)
        return sum(account.has(n) for n in range(1, self.office.store.state.end(OFFICE).number + 1))

    def held(self) -> int:
        return self.centre.store.state.count(OFFICE).blobs

    @property
    def folder(self) -> Path:
        (found,) = find_bundles(self.disk)
        return found


@asynccontextmanager
async def road(tmp_path: Path, contents: list[bytes], centre: Box | None = None) -> AsyncIterator[Road]:
    async with living(box(OFFICE)) as office, living(centre or box(CENTRE)) as holder:
        await put(office, contents)
        yield Road(office, holder, Desk(office, tmp_path), Desk(holder, tmp_path), tmp_path / "disk")


def keys_of(done: Imported) -> set[str]:
    return {problem.key.removeprefix("bundle.bad.") for problem in done.problems.found}


# --- the way there and back ----------------------------------------------------------------------------------------


async def test_recordings_count_only_when_their_receipts_are_back(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(600)) as there:
        written = await there.home.export(CENTRE, there.disk)
        assert (written.entries, written.is_complete, there.proven()) == (600, True, 0)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.receipt_blobs, keys_of(done)) == (600, 600, set())
        assert (there.held(), there.proven()) == (600, 0)
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.blobs[CENTRE], there.proven()) == (3, 600, 600)


async def test_a_disk_moves_no_mark_and_is_learnt_from_nobody(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(10)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        assert there.centre.store.state.marks == {}
        rows = await there.centre.store.reader.feed(OFFICE, 0, 100)
        assert {row.source for _, row in rows} == {CENTRE}


async def test_a_large_blob_travels_whole_and_is_resumed_where_the_disk_was_pulled_out(tmp_path: Path) -> None:
    large = LUCK.randbytes((20 << 20) + 17)
    async with road(tmp_path, [b"small" * 100, large, b"last" * 50]) as there:
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
    async with road(tmp_path, recordings(5)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await there.home.receipts(there.disk)
        await put(there.office, recordings(3))
        again = await there.home.export(CENTRE, tmp_path / "next")
        assert (again.entries, again.is_complete) == (3, True)


async def test_nothing_lacking_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    async with road(tmp_path, []) as there:
        done = await there.home.export(CENTRE, there.disk)
        assert (done.folder, done.is_complete, find_bundles(there.disk)) == (None, True, [])


async def test_a_completed_bundle_that_was_lost_goes_out_again(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        first = await there.home.export(CENTRE, there.disk)
        shutil.rmtree(there.disk)
        second = await there.home.export(CENTRE, tmp_path / "second")
        assert (second.entries, second.resumed) == (5, False)
        assert second.bundle != first.bundle


async def test_receipts_of_an_older_bundle_still_count(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.home.export(CENTRE, tmp_path / "second")
        await there.away.take_in(there.disk)
        await there.home.receipts(there.disk)
        assert there.proven() == 5


# --- several disks -------------------------------------------------------------------------------------------------


async def test_two_disks_carry_what_one_cannot_and_come_in_any_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with road(tmp_path, recordings(40, 100_000)) as there:
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
    async with road(tmp_path, recordings(40, 100_000)) as there:
        one = await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        two = await there.home.export(CENTRE, there.disk)
        assert (two.disk, two.folder, two.is_complete) == (1, one.folder, True)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.problems.found) == (40, [])


async def test_many_small_parts_are_all_sealed(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(400, 50_000)) as there:
        done = await there.home.export(CENTRE, there.disk, part_bytes_max=5 << 20)
        assert done.parts >= 4
        assert (await there.away.take_in(there.disk)).stored == 400


async def test_an_unsealed_part_goes_out_again_and_a_sealed_one_without_its_manifest_is_adopted(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(120, 100_000)) as there:
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


async def test_another_export_that_goes_on_meanwhile_is_noticed(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(60, 100_000)) as there:
        await there.home.export(CENTRE, there.disk, limit_bytes=4 << 20)
        stale = SignedManifest.from_bytes((there.folder / "manifest.lumbung").read_bytes()).content
        await there.home.export(CENTRE, tmp_path / "second")
        with pytest.raises(Rejected, match="another export goes on"):
            await there.home.seal(stale)


# --- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
async def test_a_disk_pulled_out_anywhere_gives_what_is_whole_and_loses_nothing(tmp_path: Path, seed: int) -> None:
    luck = random.Random(seed)
    async with road(tmp_path, recordings(120, 3000)) as there:
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


async def test_an_edited_blob_is_named_and_all_others_are_stored(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(50, 2000)) as there:
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


async def test_a_missing_file_is_named_with_what_it_held(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(400, 50_000)) as there:
        await there.home.export(CENTRE, there.disk, part_bytes_max=5 << 20)
        (there.folder / "part-00002.lumbung").unlink()
        done = await there.away.take_in(there.disk)
        (problem,) = done.problems.found
        assert problem.key == "bundle.bad.part_missing"
        assert done.stored + int(str(problem.values["entries"])) == 400


async def test_a_disk_without_a_manifest_is_stored_without_receipts(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        (there.folder / "manifest.lumbung").unlink()
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.receipts, keys_of(done)) == (20, 0, {"no_manifest"})


async def test_an_edited_manifest_costs_the_receipts_only(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(20)) as there:
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
    async with road(tmp_path, recordings(20)) as there:
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


# --- whose disk ----------------------------------------------------------------------------------------------------


async def test_a_disk_for_another_node_is_told_by_name(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        await there.home.export(PEER, there.disk)
        done = await there.away.take_in(there.disk)
        (problem,) = done.problems.found
        assert (problem.key, problem.code) == ("bundle.bad.holder", ExitCode.REFUSED)
        assert (problem.values["holder"], problem.values["own"], there.held()) == ("34.04", "drc-batam", 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"holder": PEER}, "disk for another node: expected 4, got 2"), ({"cluster_id": bytes(16)}, "another cluster")],
)
async def test_a_node_refuses_a_disk_that_is_not_for_it(tmp_path: Path, change: dict[str, object], why: str) -> None:
    fields = {"cluster_id": CLUSTER.raw, "bundle_id": bytes(16), "exporter": OFFICE, "holder": CENTRE, **change}
    begin = bundles_pb2.ImportRequest(begin=bundles_pb2.ImportBegin(**fields))  # type: ignore[arg-type]
    async with living(box(CENTRE)) as centre:
        async with Desk(centre, tmp_path).channel.stream(IMPORT) as stream:
            await stream.send(encode_frame(begin))
            with pytest.raises(Rejected, match=why) as refused:
                await stream.receive()
        assert refused.value.code is StatusCode.FAILED_PRECONDITION


async def test_an_export_for_a_node_that_keeps_nothing_of_it_is_refused(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        with pytest.raises(Rejected, match="keeps nothing of origin 1"):
            await there.home.export(3, there.disk)
        with pytest.raises(Rejected, match="another present node"):
            await there.home.export(OFFICE, there.disk)


async def test_exports_are_bounded_and_one_that_ends_makes_room(tmp_path: Path) -> None:
    request = bundles_pb2.ExportRequest(holder=CENTRE).SerializeToString()
    async with road(tmp_path, recordings(80, 100_000)) as there:
        channel = there.home.channel
        async with channel.stream(EXPORT) as first, channel.stream(EXPORT) as second:
            for stream in (first, second):
                await stream.send(request)
                assert await stream.receive() is not None
            with pytest.raises(Rejected) as refused:
                await there.home.export(CENTRE, there.disk)
        assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        assert (await there.home.export(CENTRE, there.disk)).entries == 80


async def test_foreign_copies_are_refused_while_the_nodes_disk_is_full_and_taken_later(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        there.centre.condition.refuses_foreign = True
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.refused, keys_of(done)) == (0, 20, {"node_full"})
        assert done.problems.codes == {ExitCode.COPIES_SHORT}
        there.centre.condition.refuses_foreign = False
        assert (await there.away.take_in(there.disk)).stored == 20


async def test_a_holder_fills_another_origins_node_with_everything(tmp_path: Path) -> None:
    """As a new DRC node is seeded: from a holder, which is not the origin."""
    async with road(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await put(there.office, recordings(1))
        onward = tmp_path / "onward"
        written = await there.away.export(PEER, onward, origins=(OFFICE,))
        assert (written.entries, written.is_complete) == (20, True)
        async with living(box(PEER)) as peer:
            done = await Desk(peer, tmp_path).take_in(onward)
            assert (done.stored, done.receipts) == (20, 0), "only the origin counts receipts"
            assert peer.store.state.count(OFFICE).blobs == 20


async def test_own_recordings_come_home_on_a_disk(tmp_path: Path) -> None:
    contents = recordings(20)
    async with road(tmp_path, contents) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await there.away.export(OFFICE, tmp_path / "back", origins=(OFFICE,))
        async with living(box(OFFICE)) as wiped:
            done = await Desk(wiped, tmp_path).take_in(tmp_path / "back")
            assert (done.stored, wiped.store.state.end(OFFICE).number) == (20, 20)


async def test_damaged_recordings_are_left_out_and_named(tmp_path: Path) -> None:
    contents = recordings(5)
    async with road(tmp_path, contents) as there:
        assert await there.office.store.mark_damaged(OFFICE, BlobId.of(contents[2]), FoundBy.READ)
        written = await there.home.export(CENTRE, there.disk)
        assert (written.entries, written.unreadable) == (4, [BlobId.of(contents[2])])


@pytest.mark.parametrize("size", [700, 3 << 20, 20 << 20])
async def test_a_recording_that_rots_unseen_is_found_at_the_export_and_leaves_no_trace_on_the_disk(
    tmp_path: Path, size: int
) -> None:
    rotten = LUCK.randbytes(size)
    async with road(tmp_path, [b"before" * 50, rotten, b"behind" * 50]) as there:
        row = await there.office.store.reader.row(OFFICE, BlobId.of(rotten))
        assert row is not None
        last = row.place + row.chunks - 1
        await there.office.store.kv.write_chunks([(place_key(last), b"others")])
        written = await there.home.export(CENTRE, there.disk)
        assert (written.entries, written.unreadable, written.is_complete) == (2, [BlobId.of(rotten)], True)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.problems.found) == (2, [])
        assert (OFFICE, BlobId.of(rotten)) in there.office.store.state.damaged


# --- what a carried receipt counts for -----------------------------------------------------------------------------


async def _carried(there: Road) -> Path:
    """A disk with good receipts."""
    await there.home.export(CENTRE, there.disk)
    await there.away.take_in(there.disk)
    return there.folder / "receipts" / "receipts-00001.lumbung"


async def test_a_receipt_of_an_older_life_counts_for_nothing(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        await _carried(there)
        await there.office.store.see_generation(CENTRE, Generation(2))
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.refused, there.proven()) == (0, 1, 0)
        assert "of an older life" in str(carried.problems.found[0].values["why"])


async def test_a_receipt_of_a_newer_life_makes_the_older_proofs_void(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        file = await _carried(there)
        await there.home.receipts(there.disk)
        held = ReceiptsFile.decode(file.read_bytes())
        content = replace(held.receipts[0].content, generation=Generation(2), blobs=held.receipts[0].content.blobs[:2])
        newer = replace(held, receipts=(sign_statement(content, SeededSigner(f"receipt {CENTRE}")),))
        file.write_bytes(newer.encode())
        carried = await there.home.receipts(there.disk)
        assert (carried.blobs[CENTRE], there.proven()) == (2, 2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"nonce": 99}, "expected the nonce of a bundle that we exported"),
        ({"holder": PEER}, "by 2 in generation"),
        ({"origin": PEER}, "for origin 2"),
        ({"kind": StatementKind.WITHDRAWAL}, "WITHDRAWAL"),
    ],
)
async def test_an_invented_receipt_counts_for_nothing(tmp_path: Path, change: dict[str, object], why: str) -> None:
    async with road(tmp_path, recordings(5)) as there:
        file = await _carried(there)
        held = ReceiptsFile.decode(file.read_bytes())
        content = replace(held.receipts[0].content, **change)  # type: ignore[arg-type]
        signer = SeededSigner(f"receipt {content.holder}")
        file.write_bytes(replace(held, receipts=(sign_statement(content, signer),)).encode())
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.refused, there.proven()) == (0, 1, 0)
        assert why in str(carried.problems.found[0].values["why"])


async def test_a_receipt_signed_by_another_counts_for_nothing(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        file = await _carried(there)
        held = ReceiptsFile.decode(file.read_bytes())
        forged = sign_statement(held.receipts[0].content, SeededSigner(f"receipt {PEER}"))
        file.write_bytes(replace(held, receipts=(forged,)).encode())
        carried = await there.home.receipts(there.disk)
        assert (carried.refused, there.proven()) == (1, 0)


async def test_a_withdrawal_after_the_import_outlives_the_carried_receipt(tmp_path: Path) -> None:
    """The disk was on the road while the holder found damage and said so over a line: the later word wins."""
    contents = recordings(5)
    async with road(tmp_path, contents) as there:
        file = await _carried(there)
        receipt = ReceiptsFile.decode(file.read_bytes()).receipts[0].content
        later = replace(
            receipt,
            kind=StatementKind.WITHDRAWAL,
            nonce=there.office.store.state.take_nonce(),
            blobs=(BlobId.of(contents[1]),),
        )
        await there.office.store.proofs.record(sign_statement(later, SeededSigner(f"receipt {CENTRE}")), 0)
        await there.home.receipts(there.disk)
        assert there.proven() == 4


async def test_receipts_that_are_read_twice_count_once_and_fill_no_disk(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        await _carried(there)
        await there.home.receipts(there.disk)
        serial = there.office.store.state.next_serial
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.known, there.office.store.state.next_serial) == (0, 1, serial)


async def test_a_damaged_receipts_file_is_named(tmp_path: Path) -> None:
    async with road(tmp_path, recordings(5)) as there:
        file = await _carried(there)
        raw = bytearray(file.read_bytes())
        raw[60] ^= 1
        file.write_bytes(raw)
        carried = await there.home.receipts(there.disk)
        assert (carried.receipts, [problem.key for problem in carried.problems.found]) == (
            0,
            ["bundle.bad.receipts_file"],
        )


async def test_nonces_and_places_outlive_a_restart(tmp_path: Path) -> None:
    at_office, at_centre = box(OFFICE), box(CENTRE)
    contents = recordings(40, 100_000)
    async with living(at_office) as office:
        await put(office, contents)
        first = await Desk(office, tmp_path).export(CENTRE, tmp_path / "first", limit_bytes=4 << 20)
    async with living(at_centre) as centre:
        await Desk(centre, tmp_path).take_in(tmp_path / "first")
    async with living(at_office) as office:
        desk = Desk(office, tmp_path)
        carried = await desk.receipts(tmp_path / "first")
        assert carried.blobs[CENTRE] == first.entries
        rest = await desk.export(CENTRE, tmp_path / "second")
        assert (rest.entries, rest.disk) == (40 - first.entries, 2)
