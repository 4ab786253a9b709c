"""A start reads what is proven by name as it was saved, and the receipts since: not a row for every blob."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.ledger import Cover
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, sign_statement
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.layout import blob_key, copy_key, receipt_key
from lumbung_node.store.named_rows import named_key
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import OFFICE, PEER, box, living, put
from lumbung_testing.virtual_disk import Pace

BLOBS = 20


@pytest.fixture(autouse=True)
def _saved_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROOFS_SAVED_NUMBERS", 8)


def _content(number: int) -> bytes:
    return f"blob {number}".encode()


def _word(
    numbers: range, nonce: int, kind: StatementKind = StatementKind.COMMIT_RECEIPT, generation: int = 1
) -> SignedStatement:
    blobs = tuple(sorted((BlobId.of(_content(number)) for number in numbers), key=lambda blob: blob.raw))
    content = Statement(kind, CLUSTER, PEER, Generation(generation), 1, OFFICE, nonce, 9, 5_000, blobs, ())
    return sign_statement(content, SeededSigner("receipt 2"))


async def _filled(core: Core) -> None:
    await put(core, [_content(number) for number in range(1, BLOBS + 1)])
    await core.store.see_generation(PEER, Generation(1))


async def _numbers(core: Core, contents: range) -> list[int]:
    rows = await core.store.reader.rows(OFFICE, [BlobId.of(_content(number)) for number in contents])
    return [row.number for row in rows if row is not None]


def _count(core: Core) -> int:
    return core.store.proofs.ledger.account(PEER).count_proven(BLOBS)


async def _is_saved(core: Core) -> bool:
    (row,) = await core.store.kv.get(Family.PROOFS, [named_key(PEER)])
    return row is not None


async def test_a_start_reads_no_row_of_a_blob_that_was_proven_before_the_saving(
    autojump_clock: trio.testing.MockClock,
) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
        assert await _is_saved(core)
        for number in await _numbers(core, range(1, 13)):
            at.disk.lose(Family.PROOFS, copy_key(number, PEER))
    async with living(at) as core:
        assert _count(core) == 12


async def test_words_since_the_saving_count_at_the_next_start(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
        await core.store.proofs.record(_word(range(13, 16), 2), 2)
        await core.store.proofs.record(_word(range(3, 5), 3, StatementKind.WITHDRAWAL), 3)
        assert _count(core) == 13
        gone = await _numbers(core, range(3, 5))
    async with living(at) as core:
        assert _count(core) == 13
        assert [core.store.proofs.ledger.proven(number, [PEER]) for number in gone] == [(), ()]
        assert core.store.proofs.ledger.account(PEER).nonce_withdrawn == dict.fromkeys(gone, 3)


async def test_a_store_of_a_build_that_saved_nothing_is_read_row_by_row_and_saved(
    autojump_clock: trio.testing.MockClock,
) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
        at.disk.lose(Family.PROOFS, named_key(PEER))
    async with living(at) as core:
        assert _count(core) == 12
        assert await _is_saved(core)


async def test_receipts_of_a_build_that_saves_nothing_count_too(autojump_clock: trio.testing.MockClock) -> None:
    """Such a build leaves the row as it was, and its serials go on."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
        (old,) = await core.store.kv.get(Family.PROOFS, [named_key(PEER)])
        assert old is not None
        await core.store.proofs.record(_word(range(1, 3), 2, StatementKind.WITHDRAWAL), 2)
        await core.store.proofs.record(_word(range(13, 21), 3), 3)
        at.disk._visible.overwrite(Family.PROOFS, named_key(PEER), old, damaged=False)
        at.disk._durable.overwrite(Family.PROOFS, named_key(PEER), old, damaged=False)
    async with living(at) as core:
        assert _count(core) == 18


async def test_a_word_on_a_blob_whose_row_cannot_be_read_counts_and_writes_it_anew(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It once ended each session in which the holder proved the blob again."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 4), 1), 1)
        at.disk.spoil_row(Family.PROOFS, copy_key(2, PEER))
        await core.store.see_generation(PEER, Generation(2))
        await core.store.proofs.record(_word(range(1, 4), 2, generation=2), 2)
        assert _count(core) == 3
        assert None not in await core.store.proofs.copy_rows(2, [PEER])


async def test_a_new_life_of_the_holder_voids_what_was_saved(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
        await core.store.see_generation(PEER, Generation(2))
        await core.store.proofs.record(_word(range(5, 8), 1, generation=2), 2)
        assert _count(core) == 3
    async with living(at) as core:
        assert _count(core) == 3


async def test_a_receipt_whose_writer_was_cancelled_counts_when_the_ledger_is_made_anew(
    autojump_clock: trio.testing.MockClock,
) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        at.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(0.5):
            await core.store.proofs.record(_word(range(1, 4), 1), 1)
        assert _count(core) == 0
        await trio.sleep(5)
        await core.store.proofs.record(_word(range(4, 13), 2), 2)  # saves, and must not call the first one counted
        assert await _is_saved(core)
    async with living(at) as core:
        assert _count(core) == 12
        await core.store.proofs.load()
        assert _count(core) == 12


async def test_a_withdrawal_whose_writer_was_cancelled_takes_the_copies_back_all_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The line broke while it was written: until the holder comes back it would be counted, and said to be safe."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 4), 1), 1)
        at.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(0.5):
            await core.store.proofs.record(_word(range(1, 3), 2, StatementKind.WITHDRAWAL), 2)
        assert _count(core) == 1


@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_ledger_that_is_made_anew_counts_nothing_whose_withdrawal_is_being_written(
    autojump_clock: trio.testing.MockClock, is_whole: bool
) -> None:
    """A disk brings the withdrawal; another roster comes into force just then, or an inventory receipt says less."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        proofs = core.store.proofs
        await proofs.record(_word(range(1, 4), 1), 1)
        at.disk.pace = Pace(sync_s=1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(proofs.record, _word(range(1, 3), 2, StatementKind.WITHDRAWAL), 2)
            await trio.sleep(0.1)
            if is_whole:
                await proofs.load()
            else:
                proofs.reload(PEER)
            assert _count(core) == 1
        assert _count(core) == 1


async def test_a_ledger_that_is_made_anew_counts_nothing_whose_withdrawals_writer_was_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 4), 1), 1)
        at.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(0.5):
            await core.store.proofs.record(_word(range(1, 3), 2, StatementKind.WITHDRAWAL), 2)
        core.store.proofs.reload(PEER)
        assert _count(core) == 1
        await trio.sleep(5)
        await core.store.proofs.record(_word(range(1, 2), 3), 3)
        await core.store.proofs.load()
        assert _count(core) == 2, "the receipt is the later word"


async def test_a_withdrawal_counts_while_the_origins_own_row_is_being_written_anew(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Simulation seed 108: the holder says it once a session, and the origin was mending the same blob just then."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 4), 1), 1)
        core.store.state.repairing.add(blob_key(OFFICE, BlobId.of(_content(2))))
        await core.store.proofs.record(_word(range(2, 3), 1, StatementKind.WITHDRAWAL), 2)
        assert _count(core) == 2
    async with living(at) as core:
        assert _count(core) == 2


async def test_what_a_cancelled_writer_left_uncounted_is_counted_with_the_next_receipt_for_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Else the origin asks for the proof every half minute, and no answer says anything new to it."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        at.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(0.5):
            await core.store.proofs.record(_word(range(1, 4), 1), 1)
        await trio.sleep(5)
        await core.store.proofs.record(_word(range(1, 4), 2), 2)
        assert _count(core) == 3


@pytest.mark.parametrize("seed", range(8))
async def test_a_crash_takes_no_proof_whether_or_not_it_takes_the_saved_row(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
    at.disk.crash(random.Random(seed))
    async with living(at) as core:
        assert _count(core) == 12


@pytest.mark.parametrize("steps", range(5))
async def test_an_older_receipt_takes_nothing_from_a_withdrawal_that_is_not_written_yet(
    autojump_clock: trio.testing.MockClock, steps: int
) -> None:
    """From a disk, while the withdrawal comes by the line: the next start believed the receipt."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 4), 1), 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(core.store.proofs.record, _word(range(1, 2), 3, StatementKind.WITHDRAWAL), 3)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            nursery.start_soon(core.store.proofs.record, _word(range(1, 2), 2), 2)
        assert _count(core) == 2
    async with living(at) as core:
        assert _count(core) == 2


async def test_a_word_that_a_later_one_outdates_is_taken_once_that_one_is_durable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """An answer to a disk's receipt once left before the sync of the withdrawal that had outdated it."""
    at = box(OFFICE)
    async with living(at) as core, trio.open_nursery() as nursery:
        await _filled(core)
        (number,) = await _numbers(core, range(1, 2))
        at.disk.pace = Pace(sync_s=1.0)
        nursery.start_soon(core.store.proofs.record, _word(range(1, 2), 3, StatementKind.WITHDRAWAL), 3)
        await trio.sleep(0.1)
        await core.store.proofs.record(_word(range(1, 2), 2), 2)
        assert at.disk.durable.get(Family.PROOFS, copy_key(number, PEER)) is not None


def _covered(core: Core, nonce: int) -> int:
    """How many count once an inventory receipt over everything has come as well."""
    core.store.proofs.ledger.cover(PEER, Generation(1), Cover(nonce, BLOBS, 5_000), (), ())
    return _count(core)


@pytest.mark.parametrize("kind", ["saved", "receipt"])
async def test_proofs_that_were_saved_in_a_corrupt_block_are_read_from_the_rows_of_copies(
    autojump_clock: trio.testing.MockClock, kind: str
) -> None:
    """The store was set aside for them, with everything else in it."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 13), 1), 1)
        serial = core.store.state.next_serial
        await core.store.proofs.record(_word(range(1, 3), 2, StatementKind.WITHDRAWAL), 2)
    at.disk.spoil_row(Family.PROOFS, named_key(PEER) if kind == "saved" else receipt_key(serial))
    for _ in range(2):
        async with living(at) as core:
            assert (core.store.proofs.lost, _count(core)) == (0, 10)
            assert core.store.state.generation == 1


async def test_rows_of_copies_in_a_corrupt_block_count_as_taken_back_until_the_holder_proves_them_anew(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One of them was a withdrawal: an older receipt over everything would make a copy of what is damaged there."""
    at = box(OFFICE)
    async with living(at) as core:
        await _filled(core)
        await core.store.proofs.record(_word(range(1, 4), 1), 1)
        proven, taken_back = await _numbers(core, range(1, 3))
        await core.store.proofs.record(_word(range(2, 3), 9, StatementKind.WITHDRAWAL), 2)
    for number in (proven, taken_back):
        at.disk.spoil_row(Family.PROOFS, copy_key(number, PEER))
    async with living(at) as core:
        assert (core.store.proofs.lost, _count(core)) == (2, 1)
        assert at.log.said("proofs damaged, asked for again")
        assert _covered(core, 8) == BLOBS - 2
    async with living(at) as core:
        assert _covered(core, 8) == BLOBS - 2, "it was saved what counts as taken back"
        await core.store.proofs.record(_word(range(1, 3), core.store.state.take_nonce()), 3)
        assert _count(core) == BLOBS
    async with living(at) as core:
        assert _count(core) == 3
        at.disk.lose(Family.PROOFS, named_key(PEER))
    async with living(at) as core:
        assert _count(core) == 3, "the rows were written anew"
