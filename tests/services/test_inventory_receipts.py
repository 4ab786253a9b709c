"""One signed word over everything: when an origin asks for it, what it believes of it, and what it makes count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId, Generation, NodeNumber, all_units
from lumbung_cluster.receipt import StatementKind
from lumbung_node.services.core import Core
from lumbung_node.services.session.proving import Proving
from lumbung_node.store.covers import CoverRow
from lumbung_node.store.inventories import Inventories
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living, put, until_marked, until_proven
from lumbung_testing.world import INVENTORY_KEY


def contents(count: int, name: str = "blob") -> list[bytes]:
    return [f"{name} {number}".encode() for number in range(1, count + 1)]


def blob(number: int, name: str = "blob") -> BlobId:
    return BlobId.of(f"{name} {number}".encode())


@pytest.fixture
def asked_by_name(monkeypatch: pytest.MonkeyPatch) -> list[BlobId]:
    """What any origin asks proof of by name, from now on."""
    asked: list[BlobId] = []
    ask = Proving._ask

    async def noted(self: Proving, blobs: list[BlobId]) -> None:
        asked.extend(blobs)
        await ask(self, blobs)

    monkeypatch.setattr(Proving, "_ask", noted)
    return asked


async def until(core: Core, is_so: Callable[[], bool]) -> None:
    with trio.fail_after(300):
        while not is_so():
            await core.store.proofs.changed.wait()


async def until_covered(core: Core, holder: NodeNumber, number: int, generation: int = 1) -> CoverRow:
    def is_covered() -> bool:
        row = core.store.covers.newest(holder)
        return row is not None and row.number >= number and row.generation == generation

    await until(core, is_covered)
    row = core.store.covers.newest(holder)
    assert row is not None
    return row


async def test_a_holders_new_life_proves_everything_in_one_word(
    autojump_clock: trio.testing.MockClock, asked_by_name: list[BlobId]
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(600))
        async with connected(office, peer):
            await until_proven(office, PEER, 600)
        await peer.store.start_generation(Generation(2))
        async with connected(office, peer):
            row = await until_covered(office, PEER, 600, generation=2)
            assert office.store.proofs.ledger.account(PEER).count_proven(600) == 600
        assert (row.units, row.number) == (all_units(), 600)
        assert asked_by_name == []


async def test_what_a_cover_proved_is_proven_after_a_restart(autojump_clock: trio.testing.MockClock) -> None:
    office_box = box(OFFICE)
    async with living(box(PEER)) as peer:
        async with living(office_box) as office:
            await put(office, contents(40))
            async with connected(office, peer):
                await until_proven(office, PEER, 40)
            await peer.store.start_generation(Generation(2))
            async with connected(office, peer):
                await until_covered(office, PEER, 40, generation=2)
        async with living(office_box) as office:
            account = office.store.proofs.ledger.account(PEER)
            assert (account.generation, account.count_proven(40)) == (2, 40)
            assert await office.store.proofs.copy_rows(7, [PEER]) != [None]  # of the life before: void


async def test_the_holders_word_is_asked_for_again_every_hour(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(5))
        async with connected(office, peer):
            first = await until_covered(office, PEER, 5)
            await put(office, contents(5, "later"))
            with trio.fail_after(limits.INVENTORY_RECEIPT_INTERVAL_S + 60):
                while (row := office.store.covers.newest(PEER)) is None or row.nonce == first.nonce:
                    await office.store.proofs.changed.wait()
        assert row.received_ms - first.received_ms >= limits.INVENTORY_RECEIPT_INTERVAL_S * 1000
        assert row.number == 10


async def test_a_second_session_within_the_hour_does_not_ask_again(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(5))
        async with connected(office, peer):
            first = await until_covered(office, PEER, 5)
        async with connected(office, peer):
            await trio.sleep(600)
        assert office.store.covers.newest(PEER) == first


async def test_a_unit_whose_set_differs_is_not_believed(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1e6)  # or the sets are equal before anybody looks
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(100))
        async with connected(office, peer):
            await until_proven(office, PEER, 100)
            await until_marked(peer, OFFICE, OFFICE, 100)
        units = [blob(number).unit for number in range(1, 101)]
        number = next(n for n in range(1, 101) if units[n - 1] in units[n:])  # not the newest of its unit
        gone = blob(number)
        held = (await peer.store.inventories.snapshot(OFFICE)).inventory
        without = held.digest(gone.unit).minus(INVENTORY_KEY.digest_of([gone.raw]))
        peer.store.inventories._kept[OFFICE].inventory.replace_unit(gone.unit, without, held.symbols(1 << gone.unit))
        await peer.store.start_generation(Generation(2))
        async with connected(office, peer):
            row = await until_covered(office, PEER, 1, generation=2)
            assert not row.covers(number, gone.unit)
            assert row.units.bit_count() == 63
            account = office.store.proofs.ledger.account(PEER)
            await until(office, lambda: account.count_proven(100) == 100)  # the others of that unit by name


async def test_a_unit_with_a_damaged_blob_is_left_out_and_its_others_proven_by_name(
    autojump_clock: trio.testing.MockClock, asked_by_name: list[BlobId]
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(200))
        async with connected(office, peer):
            await until_proven(office, PEER, 200)
            bad = blob(50)
            await office.found_damage(OFFICE, bad)  # so that nobody can mend the peer's copy
            await peer.found_damage(OFFICE, bad)
            await until(office, lambda: not office.store.proofs.ledger.proven(50, [PEER]))
        await peer.store.start_generation(Generation(2))
        async with connected(office, peer):
            row = await until_covered(office, PEER, 200, generation=2)
            assert row.units == all_units() & ~(1 << bad.unit)
            await until(office, lambda: office.store.proofs.ledger.account(PEER).unproven(200, 9) == [50])
        assert {found.unit for found in asked_by_name} == {bad.unit}


async def test_a_unit_that_the_origin_doubts_itself_is_not_believed(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Inventories, "_rebuild_doubted", _stays_doubted)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(100))
        async with connected(office, peer):
            await until_marked(peer, OFFICE, OFFICE, 100)
        await peer.store.start_generation(Generation(2))
        office.store.inventories.doubt(OFFICE, 0b1000)
        async with connected(office, peer):
            row = await until_covered(office, PEER, 100, generation=2)
        assert row.units == all_units() & ~0b1000


async def _stays_doubted(self: Inventories, log: object) -> None:
    self._has_new_doubts = False


async def test_a_smaller_word_takes_back_what_only_the_one_before_has_proven(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Inventories, "_rebuild_doubted", _stays_doubted)
    office_box = box(OFFICE)
    async with living(box(PEER)) as peer:
        async with living(office_box) as office:
            await put(office, contents(100))
            async with connected(office, peer):
                await until_proven(office, PEER, 100)
            await peer.store.start_generation(Generation(2))
            async with connected(office, peer):
                await until_covered(office, PEER, 100, generation=2)
                doubted = blob(7)
                peer.store.inventories.doubt(OFFICE, 1 << doubted.unit)
                monkeypatch.setattr(Proving, "answer", _says_nothing)
                await trio.sleep(limits.INVENTORY_RECEIPT_INTERVAL_S + 60)
                same = [n for n in range(1, 101) if blob(n).unit == doubted.unit]
                assert office.store.proofs.ledger.account(PEER).unproven(100, 100) == same
        async with living(office_box) as office:
            assert office.store.proofs.ledger.account(PEER).unproven(100, 100) == same


async def _says_nothing(self: Proving, prove: peer_pb2.Prove) -> None:
    """As a holder whose answers are lost."""
    await trio.lowlevel.checkpoint()


async def test_a_withdrawal_after_a_cover_counts_and_is_remembered(autojump_clock: trio.testing.MockClock) -> None:
    office_box = box(OFFICE)
    async with living(box(PEER)) as peer:
        async with living(office_box) as office:
            await put(office, contents(20))
            async with connected(office, peer):
                await until_proven(office, PEER, 20)
            await peer.store.start_generation(Generation(2))
            async with connected(office, peer):
                await until_covered(office, PEER, 20, generation=2)
                await office.found_damage(OFFICE, blob(5))  # so that nobody can mend it
                await peer.found_damage(OFFICE, blob(5))
                await until(office, lambda: not office.store.proofs.ledger.proven(5, [PEER]))
        async with living(office_box) as office:
            assert office.store.proofs.ledger.account(PEER).unproven(20, 20) == [5]


async def test_a_receipt_of_the_life_before_counts_for_nothing(autojump_clock: trio.testing.MockClock) -> None:
    office_box = box(OFFICE)
    async with living(box(PEER)) as peer:
        async with living(office_box) as office:
            await put(office, contents(20))
            async with connected(office, peer):
                await until_covered(office, PEER, 20)
            await office.store.see_generation(PEER, Generation(2))
            assert office.store.covers.newest(PEER) is None
            assert office.store.proofs.ledger.account(PEER).count_proven(20) == 0
        async with living(office_box) as office:
            assert office.store.covers.newest(PEER) is None
            assert office.store.proofs.ledger.account(PEER).count_proven(20) == 0


async def test_a_node_that_another_machine_replaced_signs_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents(5))
        peer.condition.stopped = True
        async with connected(office, peer):
            await trio.sleep(120)
        assert office.store.covers.newest(PEER) is None


async def test_a_receipt_names_the_oldest_reading_under_it(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        begun_ms = peer.clock.now_ms()
        await put(office, contents(3))
        async with connected(office, peer):
            await until_covered(office, PEER, 3)
            await trio.sleep(50)
            await put(office, contents(3, "later"))
            await trio.sleep(limits.INVENTORY_RECEIPT_INTERVAL_S)
        row = office.store.covers.newest(PEER)
        assert row is not None
        assert row.number == 6
        assert begun_ms <= row.verified_since_ms < begun_ms + 50_000
        assert office.store.proofs.ledger.account(PEER).verified_since_ms == row.verified_since_ms
        receipt = await office.store.proofs.receipt(row.receipt_serial)
        assert receipt is not None
        assert receipt.content.kind is StatementKind.INVENTORY_RECEIPT
        assert receipt.content.verified_since_ms == row.verified_since_ms


async def test_only_the_origin_may_ask_and_only_what_was_asked_is_taken(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        with pytest.RaisesGroup(pytest.RaisesExc(Rejected, match="only node 4 may ask"), flatten_subgroups=True):
            async with connected(office, peer) as (session, _):
                await trio.sleep(1)
                ask = peer_pb2.InventoryAsk(question=1, origin=CENTRE, nonce=9)
                await session._link.send(peer_pb2.SessionFrame(inventory_ask=ask))
                await trio.sleep_forever()
        with pytest.RaisesGroup(pytest.RaisesExc(Rejected, match="which was not asked"), flatten_subgroups=True):
            async with connected(office, peer) as (session, _):
                await trio.sleep(1)
                await session._link.send(peer_pb2.SessionFrame(inventory_word=peer_pb2.InventoryWord(question=7)))
                await trio.sleep_forever()
