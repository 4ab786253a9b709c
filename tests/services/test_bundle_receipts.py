"""What a receipt counts for that came home on a disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from lumbung_cluster.bundle_receipts import ReceiptsFile
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.life import GENERATION_MAX
from lumbung_cluster.receipt import StatementKind, sign_statement
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import copy_key
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.bundle_trips import Trip, carried_home, recordings, trip
from lumbung_testing.rosters import SeededSigner, founding, signed, successor
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, living, put
from lumbung_testing.virtual_disk import Pace


async def test_a_receipt_of_an_older_life_counts_for_nothing(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        await carried_home(there)
        await there.office.store.see_generation(CENTRE, Generation(2))
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.refused, there.proven()) == (0, 1, 0)
        assert "of an older life" in str(carried.problems.found[0].values["why"])


async def test_a_receipt_of_a_newer_life_makes_the_older_proofs_void(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        file = await carried_home(there)
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
    ],
)
async def test_an_invented_receipt_counts_for_nothing(tmp_path: Path, change: dict[str, object], why: str) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        file = await carried_home(there)
        held = ReceiptsFile.decode(file.read_bytes())
        content = replace(held.receipts[0].content, **change)  # type: ignore[arg-type]
        signer = SeededSigner(f"receipt {content.holder}")
        file.write_bytes(replace(held, receipts=(sign_statement(content, signer),)).encode())
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.refused, there.proven()) == (0, 1, 0)
        assert why in str(carried.problems.found[0].values["why"])


async def test_a_receipt_signed_by_another_counts_for_nothing(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        file = await carried_home(there)
        held = ReceiptsFile.decode(file.read_bytes())
        forged = sign_statement(held.receipts[0].content, SeededSigner(f"receipt {PEER}"))
        file.write_bytes(replace(held, receipts=(forged,)).encode())
        carried = await there.home.receipts(there.disk)
        assert (carried.refused, there.proven()) == (1, 0)


@pytest.mark.parametrize(
    ("generation", "is_ours", "is_retired", "why"),
    [
        (2, True, True, "is retired, and of generation 2"),
        (GENERATION_MAX + 1, True, False, f"expected a generation up to {GENERATION_MAX}"),
        (2, False, False, "it names no recording of ours"),
    ],
)
async def test_a_word_that_counts_for_nothing_makes_nothing_void_and_silences_nobody(
    tmp_path: Path, generation: int, is_ours: bool, is_retired: bool, why: str
) -> None:
    """A withdrawal needs no bundle: whoever lays it on a disk would end the proofs of the true holder's life."""
    async with trip(tmp_path, recordings(5)) as there:
        file = await carried_home(there)
        await there.home.receipts(there.disk)
        if is_retired:
            await there.office.rosters.offer([without_former_receipt_key(CENTRE).encode()])
        held = ReceiptsFile.decode(file.read_bytes())
        content = replace(
            held.receipts[0].content,
            kind=StatementKind.WITHDRAWAL,
            generation=Generation(generation),
            blobs=held.receipts[0].content.blobs[:1] if is_ours else (BlobId(bytes(32)),),
        )
        word = sign_statement(content, SeededSigner(f"receipt {CENTRE}"))
        file.write_bytes(replace(held, receipts=(word,)).encode())

        carried = await there.home.receipts(there.disk)

        assert (carried.refused, there.proven()) == (1, 5)
        assert there.office.store.state.generations_seen[CENTRE] == 1
        assert why in str(carried.problems.found[0].values["why"])


@pytest.mark.parametrize("has_met", [False, True])
async def test_a_disk_that_was_on_its_way_while_the_holders_key_changed_still_counts(
    tmp_path: Path, has_met: bool
) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        await carried_home(there)
        if has_met:
            await there.office.store.see_generation(CENTRE, Generation(1))
        await there.office.rosters.offer([without_former_receipt_key(CENTRE).encode()])

        await there.home.receipts(there.disk)

        assert there.proven() == 5


def without_former_receipt_key(number: NodeNumber) -> SignedRoster:
    """Epoch 2: the node's receipt key is retired, and another is in force."""
    draft = pin_key(successor(signed(founding(), "a", "b")), number, KeyUse.RECEIPT, b"n" * 32)
    return signed(retire_key(draft, number, KeyUse.RECEIPT, None, None), "a", "b")


async def test_a_withdrawal_after_the_import_outlives_the_carried_receipt(tmp_path: Path) -> None:
    """The disk was on the road while the holder found damage and said so over a line: the later word wins."""
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        file = await carried_home(there)
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
    async with trip(tmp_path, recordings(5)) as there:
        await carried_home(there)
        await there.home.receipts(there.disk)
        serial = there.office.store.state.next_serial
        carried = await there.home.receipts(there.disk)
        assert (carried.counted, carried.known, there.office.store.state.next_serial) == (0, 1, serial)


async def test_receipts_whose_reader_hung_up_count_when_they_are_read_again(tmp_path: Path) -> None:
    """They were on the disk of the node and nowhere else: each later reading was answered "known", and none counted."""
    home = box(OFFICE)
    async with living(home) as office, living(box(CENTRE)) as centre:
        await put(office, recordings(5))
        there = Trip(office, centre, Desk(office, tmp_path), Desk(centre, tmp_path), tmp_path / "disk")
        await carried_home(there)
        await office.store.see_generation(CENTRE, Generation(1))
        home.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(0.5) as hung_up:
            await there.home.receipts(there.disk)
        assert hung_up.cancelled_caught
        home.disk.pace = Pace()
        await trio.sleep(1)
        assert there.proven() == 0
        assert (await there.home.receipts(there.disk)).known == 1
        assert there.proven() == 5


async def test_a_word_that_came_by_the_line_just_now_is_known_once_it_is_synced(tmp_path: Path) -> None:
    at_office = box(OFFICE)
    async with living(at_office) as office, living(box(CENTRE)) as centre:
        await put(office, recordings(5))
        there = Trip(office, centre, Desk(office, tmp_path), Desk(centre, tmp_path), tmp_path / "disk")
        held = ReceiptsFile.decode((await carried_home(there)).read_bytes())
        await office.store.see_generation(CENTRE, Generation(1))
        at_office.disk.pace = Pace(sync_s=0.5)
        row = (Family.PROOFS, copy_key(1, CENTRE))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.store.proofs.record, held.receipts[0], 0)
            while at_office.disk.visible.get(*row) is None:  # noqa: ASYNC110 (polled)
                await trio.sleep(0.01)
            assert (await there.home.receipts(there.disk)).known == 1
            assert at_office.disk.durable.get(*row) is not None


async def test_a_damaged_receipts_file_is_named(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        file = await carried_home(there)
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
