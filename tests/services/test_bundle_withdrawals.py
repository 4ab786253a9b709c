"""Withdrawals on disks: a copy that its holder found damaged counts no more, in whatever order disks and lines tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from lumbung_cluster.bundle_receipts import ReceiptsFile
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.receipt import StatementKind, sign_statement
from lumbung_node.store.events import FoundBy
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.bundle_trips import Trip, carried_home, recordings, trip
from lumbung_testing.rosters import SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living, put, until_proven


async def damage(there: Trip, content: bytes) -> None:
    """The holder finds its copy damaged."""
    blob = BlobId.of(content)
    assert await there.centre.store.mark_damaged(OFFICE, blob, FoundBy.SCRUB)
    there.centre.tell_damage([(OFFICE, blob)])


async def test_what_a_holder_found_damaged_is_taken_back_on_the_next_disk(tmp_path: Path) -> None:
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        await carried_home(there)
        await there.home.receipts(there.disk)
        assert there.proven() == 5
        await put(there.office, recordings(1))
        await there.home.export(CENTRE, tmp_path / "next")
        await damage(there, contents[1])
        done = await there.away.take_in(tmp_path / "next")
        assert (done.stored, done.receipt_blobs, done.withdrawn) == (1, 1, 1)
        carried = await there.home.receipts(tmp_path / "next")
        assert (carried.blobs[CENTRE], carried.withdrawn[CENTRE], there.proven()) == (1, 1, 5)
        again = await there.home.export(CENTRE, tmp_path / "again")
        assert again.entries == 1, "what counts no more travels again"
        await there.away.take_in(tmp_path / "again")
        await there.home.receipts(tmp_path / "again")
        assert there.proven() == 6


async def test_what_the_disk_itself_has_mended_is_not_taken_back(tmp_path: Path) -> None:
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        await carried_home(there)
        await damage(there, contents[1])
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.withdrawn) == (1, 0)
        await there.home.receipts(there.disk)
        assert there.proven() == 5


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
async def test_an_older_disk_that_is_taken_in_last_takes_back_what_a_newer_one_brought(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    """Taken in: the new disk, then damage, then the old one. The old disk's nonce is below the receipt's."""
    contents, disks = recordings(5), {"old": tmp_path / "old", "new": tmp_path / "new"}
    async with trip(tmp_path, recordings(1)) as there:
        await there.home.export(CENTRE, disks["old"])
        await put(there.office, contents)
        await there.home.export(CENTRE, disks["new"])
        await there.away.take_in(disks["new"])
        await damage(there, contents[1])
        assert (await there.away.take_in(disks["old"])).withdrawn == 1
        for name in order:
            assert (await there.home.receipts(disks[name])).refused == 0
        assert there.proven() == 5


async def test_a_withdrawal_over_a_line_outlives_receipts_of_a_disk_that_was_exported_since(tmp_path: Path) -> None:
    """The session asked its last question before the disk was exported: its own nonces are all below the disk's."""
    contents = recordings(1)
    async with trip(tmp_path, contents) as there:
        async with connected(there.office, there.centre):
            await until_proven(there.office, CENTRE, 1)
            await trio.sleep(1.0)
            await carry_once_more(there)
            # It cannot be mended: the office's own bytes are damaged as well.
            assert await there.office.store.mark_damaged(OFFICE, BlobId.of(contents[0]), FoundBy.SCRUB)
            await damage(there, contents[0])
            await trio.sleep(1.0)
        assert there.proven() == 0
        await there.home.receipts(there.disk)
        assert there.proven() == 0


async def carry_once_more(there: Trip) -> None:
    """The proof of number 1 is away for a moment, so that the bundle has it although the session proved it."""
    account = there.office.store.proofs.ledger.account(CENTRE)
    account.remove(1)
    await there.home.export(CENTRE, there.disk)
    account.add(1)
    await there.away.take_in(there.disk)


async def test_the_highest_nonce_outlives_a_restart_of_the_holder(tmp_path: Path) -> None:
    contents, at_centre = recordings(5), box(CENTRE)
    async with living(box(OFFICE)) as office:
        home = Desk(office, tmp_path)
        await put(office, recordings(1))
        await home.export(CENTRE, tmp_path / "old")
        await put(office, contents)
        await home.export(CENTRE, tmp_path / "new")
        async with living(at_centre) as centre:
            await Desk(centre, tmp_path).take_in(tmp_path / "new")
            assert await centre.store.mark_damaged(OFFICE, BlobId.of(contents[1]), FoundBy.SCRUB)
        async with living(at_centre) as centre:
            await Desk(centre, tmp_path).take_in(tmp_path / "old")
        for name in ("old", "new"):
            await home.receipts(tmp_path / name)
        account = office.store.proofs.ledger.account(CENTRE)
        assert [number for number in range(1, 7) if not account.has(number)] == [3]


async def test_an_old_disk_that_is_read_again_takes_nothing_back_that_was_proven_since(tmp_path: Path) -> None:
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        await carried_home(there)
        await put(there.office, recordings(1))
        await there.home.export(CENTRE, tmp_path / "second", anew=True)
        await damage(there, contents[1])
        # On this disk the damaged recording's own bytes are bad as well: nothing mends it.
        part = next((tmp_path / "second").rglob("part-00001.lumbung"))
        raw = part.read_bytes()
        at = raw.index(contents[1])
        part.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert (await there.away.take_in(tmp_path / "second")).withdrawn == 1
        await there.home.receipts(tmp_path / "second")
        assert there.proven() == 5
        await there.home.export(CENTRE, tmp_path / "third", anew=True)
        await there.away.take_in(tmp_path / "third")
        await there.home.receipts(tmp_path / "third")
        assert there.proven() == 6
        carried = await there.home.receipts(tmp_path / "second")
        assert (carried.withdrawn[CENTRE], carried.counted, there.proven()) == (0, 0, 6)


async def test_an_inventory_receipt_since_then_is_the_later_word(tmp_path: Path) -> None:
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await damage(there, contents[1])
        await there.home.export(CENTRE, tmp_path / "empty")
        next((tmp_path / "empty").rglob("part-00001.lumbung")).unlink()
        assert (await there.away.take_in(tmp_path / "empty")).withdrawn == 1
        # It is mended without a receipt by name: a disk without a manifest.
        (there.folder / "manifest.lumbung").unlink()
        assert (await there.away.take_in(there.disk)).stored == 1
        async with connected(there.office, there.centre):
            await until_proven(there.office, CENTRE, 5)
        cover = there.office.store.covers.newest(CENTRE)
        assert cover is not None
        assert cover.number == 5
        carried = await there.home.receipts(tmp_path / "empty")
        assert (carried.withdrawn[CENTRE], there.proven()) == (0, 5)
        await there.office.store.proofs.load()
        await there.office.load_covers()
        assert there.proven() == 5, "and it is the same after a restart"


@pytest.mark.parametrize(
    ("change", "signer", "why"),
    [
        ({"nonce": 1 << 60}, CENTRE, "a nonce that we have drawn"),
        ({"origin": PEER}, CENTRE, "for origin 2"),
        ({"generation": Generation(0)}, CENTRE, "older life"),
        ({}, PEER, "not a receipt key of node 4"),
    ],
)
async def test_an_invented_withdrawal_takes_nothing_back(
    tmp_path: Path, change: dict[str, object], signer: int, why: str
) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        file = await carried_home(there)
        await there.home.receipts(there.disk)
        held = ReceiptsFile.decode(file.read_bytes())
        content = replace(held.receipts[0].content, kind=StatementKind.WITHDRAWAL, **change)  # type: ignore[arg-type]
        forged = sign_statement(content, SeededSigner(f"receipt {signer}"))
        file.write_bytes(replace(held, receipts=(forged,)).encode())
        carried = await there.home.receipts(there.disk)
        assert (carried.refused, carried.withdrawn[CENTRE], there.proven()) == (1, 0, 5)
        assert why in str(carried.problems.found[0].values["why"])


async def test_a_machine_that_another_life_has_stopped_takes_nothing_back(tmp_path: Path) -> None:
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        await carried_home(there)
        await put(there.office, recordings(1))
        await there.home.export(CENTRE, tmp_path / "next", anew=True)
        next((tmp_path / "next").rglob("part-00001.lumbung")).unlink()
        await damage(there, contents[1])
        there.centre.condition.stopped = True
        done = await there.away.take_in(tmp_path / "next")
        assert (done.receipts, done.withdrawn) == (0, 0)
