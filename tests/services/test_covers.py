"""Covers on disk: which receipts are kept, which replace which, and what survives a crash."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.inventory.claims import Believed
from lumbung_cluster.ledger import Cover
from lumbung_cluster.limits import INVENTORY_FOLD_ROWS_MAX
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, UnitClaim, sign_statement
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.covers import CoverRow, cover_key
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, living, put
from lumbung_testing.virtual_disk import Pace

HOUR_MS, DAY_MS = 3_600_000, 24 * 3_600_000
NOON_MS = 20_000 * DAY_MS + 12 * HOUR_MS
ALL = all_units()


def receipt(
    nonce: int, *, counts: int = 3, units: int = ALL, generation: int = 1, holder: NodeNumber = PEER
) -> SignedStatement:
    """The holder's word: `counts` ids in each of these units. What is believed of it the test says."""
    claims = tuple(UnitClaim(unit, counts, bytes(32)) for unit in range(64) if units >> unit & 1)
    content = Statement(
        StatementKind.INVENTORY_RECEIPT, CLUSTER, holder, Generation(generation), 1, OFFICE, nonce, 9, 5_000, (), claims
    )
    return sign_statement(content, SeededSigner("receipt 2"))


async def record(
    core: Core,
    nonce: int,
    *,
    counts: int = 3,
    units: int = ALL,
    believed: int = ALL,
    number: int = 20,
    now_ms: int = NOON_MS,
    generation: int = 1,
    holder: NodeNumber = PEER,
) -> bool:
    word = receipt(nonce, counts=counts, units=units, generation=generation, holder=holder)
    return await core.store.covers.record(word, Believed(believed, number), ALL, now_ms)


async def filled(core: Core) -> None:
    await put(core, [f"blob {number}".encode() for number in range(20)])
    await core.store.see_generation(PEER, Generation(1))


async def nonces_kept(core: Core) -> list[int]:
    rows = await core.store.kv.scan(Family.PROOFS, b"r", b"s", 1000)
    return [SignedStatement.from_bytes(value).content.nonce for _, value in rows]


def proven(core: Core) -> int:
    return core.store.proofs.ledger.account(PEER).count_proven(20)


async def reopened(at: Box) -> tuple[CoverRow | None, int]:
    async with living(at) as core:
        return core.store.covers.newest(PEER), proven(core)


async def test_of_hourly_receipts_the_first_of_each_day_and_the_newest_are_kept(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as core:
        await filled(core)
        for hour in range(60):  # from noon on: 12 hours, two whole days
            assert await record(core, 100 + hour, now_ms=NOON_MS + hour * HOUR_MS)
        assert await nonces_kept(core) == [100, 112, 136, 159]


async def test_every_change_downwards_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as core:
        await filled(core)
        for nonce, units in enumerate((ALL, ALL, ALL >> 1, ALL >> 1, ALL >> 1, ALL), start=100):
            assert await record(core, nonce, units=units, believed=units)
        assert await nonces_kept(core) == [100, 102, 105]


async def test_a_smaller_receipt_ends_the_cover_of_what_it_leaves_out(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await filled(core)
        await record(core, 100)
        assert proven(core) == 20
        rows = await core.store.reader.feed(OFFICE, 0, 20)
        left_out = 1 << rows[4][1].blob.unit
        same = [number for number, row in rows if row.blob.unit == rows[4][1].blob.unit]
        assert await record(core, 101, units=ALL & ~left_out, believed=ALL & ~left_out)
        assert core.store.proofs.ledger.account(PEER).unproven(20, 20) == same
    cover, count = await reopened(at)
    assert cover is not None
    assert (cover.nonce, count) == (101, 20 - len(same))


async def test_a_receipt_that_counts_fewer_in_a_unit_ends_its_cover(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as core:
        await filled(core)
        await record(core, 100, counts=3)
        assert await record(core, 101, counts=2, believed=0)
        assert proven(core) == 0


async def test_a_receipt_of_which_less_is_seen_equal_for_the_moment_changes_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The holder has taken a new entry out of order: it counts as many ids as before, or more."""
    async with living(box(OFFICE)) as core:
        await filled(core)
        await record(core, 100)
        before = core.store.covers.newest(PEER)
        assert not await record(core, 101, counts=4, believed=ALL >> 1)
        assert (core.store.covers.newest(PEER), proven(core)) == (before, 20)
        assert await nonces_kept(core) == [100]


async def test_an_earlier_word_does_not_replace_a_later_one(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as core:
        await filled(core)
        await record(core, 100, number=20)
        assert not await record(core, 100, number=10)
        assert not await record(core, 99, number=10)
        assert not await record(core, 999, number=10, generation=0)
        assert proven(core) == 20


async def test_a_new_life_covers_anew_and_the_old_cover_is_void(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await filled(core)
        await record(core, 100, number=20)
        await core.store.see_generation(PEER, Generation(2))
        assert proven(core) == 0
        assert await record(core, 50, number=5, generation=2)
        assert proven(core) == 5
    cover, count = await reopened(at)
    assert cover is not None
    assert (cover.generation, cover.nonce, count) == (2, 50, 5)


async def test_a_cover_that_shares_an_origin_passes_over_what_is_not_the_holders(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as core:
        await filled(core)
        rows = await core.store.reader.feed(OFFICE, 0, 20)
        held = (1 << 32) - 1
        inside = sum(row.blob.unit < 32 for _, row in rows)
        word = receipt(100, units=held)
        assert await core.store.covers.record(word, Believed(held, 20), held, NOON_MS)
        account = core.store.proofs.ledger.account(PEER)
        assert (account.count_proven(20), account.count_unproven(20)) == (inside, 0)
        assert account.cover == Cover(100, 20, 5_000)


async def test_a_receipt_counts_only_once_it_is_durable(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as core:
        await filled(core)
        at.disk.pace = Pace(sync_s=5.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(record, core, 100)
            await trio.sleep(1.0)
            assert (core.store.covers.newest(PEER), proven(core)) == (None, 0)
        assert proven(core) == 20


@pytest.mark.parametrize("cut_s", [0.5, 1.5, 2.5])
async def test_a_session_cut_while_a_smaller_receipt_is_recorded_leaves_what_a_start_would_count(
    autojump_clock: trio.testing.MockClock, cut_s: float
) -> None:
    """All that it takes back was counted on, or all that it still proves no longer: for an hour, until the next one."""
    at, many = box(OFFICE), 2 * INVENTORY_FOLD_ROWS_MAX
    async with living(at) as core:
        await put(core, [b"blob %d" % number for number in range(many)])
        await core.store.see_generation(PEER, Generation(1))
        await record(core, 100, number=many)
        rows = await core.store.reader.feed(OFFICE, 0, 20)
        left_out = 1 << rows[4][1].blob.unit
        at.disk.pace = Pace(sync_s=1.0, read_s=1.0)
        with trio.move_on_after(cut_s):
            await record(core, 101, units=ALL & ~left_out, believed=ALL & ~left_out, number=many)
        await trio.sleep(10)
        at.disk.pace = Pace()
        cover = core.store.covers.newest(PEER)
        found = cover and cover.nonce, proven(core)
    cover, count = await reopened(at)
    assert found == (cover and cover.nonce, count)


async def test_a_cover_in_a_corrupt_block_is_asked_for_again_and_takes_no_store_away(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It ended each start, and after two of them the whole store was set aside for a word that is asked for anew."""
    at = box(OFFICE)
    async with living(at) as core:
        await filled(core)
        await core.store.see_generation(CENTRE, Generation(1))
        await record(core, 100)
        await record(core, 100, holder=CENTRE)
    at.disk.spoil_row(Family.PROOFS, cover_key(PEER))
    async with living(at) as core:
        assert (core.store.covers.newest(PEER), proven(core)) == (None, 0)
        assert core.store.covers.newest(CENTRE) is not None, "the others are left alone"
        assert at.log.said("proofs damaged, asked for again")
        assert await record(core, 101)
    cover, count = await reopened(at)
    assert cover is not None
    assert (cover.nonce, count) == (101, 20)
