"""Reconcile between two nodes' insides: what is missing is found and moved, and nothing else is said to be equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId, Generation, NodeNumber, all_units
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.inventory.symbols import Symbols
from lumbung_cluster.reconcile.messages import Answer, ToldSymbols
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Order, Outcome, Reason, Result
from lumbung_node.services.session import reconcile_mending, reconcile_moments
from lumbung_node.services.session.feed_lanes import FeedLanes
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.offers import Offers, OpenOffer, OutLane
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_wire import pack_answer
from lumbung_node.services.session.session import Session
from lumbung_node.store.events import FoundBy
from lumbung_node.store.inventory_rows import sums_key, table_key
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.layout import feed_key
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb
from lumbung_testing.rosters import founding
from lumbung_testing.session_pair import (
    CENTRE,
    OFFICE,
    PEER,
    box,
    connected,
    living,
    put,
    until_marked,
    until_proven,
)


def blobs(name: str, count: int) -> list[bytes]:
    return [f"{name} {i}".encode() for i in range(count)]


async def until(condition: Callable[[], bool], step_s: float = 0.5) -> None:
    with trio.fail_after(600):
        while not condition():  # noqa: ASYNC110 (what is waited for has no event; the clock jumps)
            await trio.sleep(step_s)


async def until_equal(a: Session, b: Session) -> None:
    await until(lambda: not a.is_behind() and not b.is_behind())


def holds(core: Core, origin: NodeNumber) -> int:
    return core.store.state.count(origin).blobs


async def ask(session: Session, report: Callable[[Result], None] = lambda _: None) -> list[Result]:
    assert session.reconciling is not None
    return await session.reconciling.request(Order((OFFICE,), report))


async def ready(session: Session) -> None:
    await until(lambda: session.reconciling is not None, 0.01)


@contextmanager
def frames_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Kind and size of every frame that is sent meanwhile."""
    seen: list[tuple[str, int]] = []
    send = FrameLink.send

    async def note(self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        parts = list(payload)
        size = len(self._outgoing(frame=frame).SerializeToString()) + sum(len(part) for part in parts)
        seen.append((frame.WhichOneof("kind") or "", size))
        await send(self, frame, parts)

    with monkeypatch.context() as patch:
        patch.setattr(FrameLink, "send", note)
        yield seen


def of_reconcile(frames: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [frame for frame in frames if frame[0].startswith("reconcile_")]


async def test_equal_sets_are_seen_in_one_round_trip_of_180_bytes(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 50))
        async with connected(office, centre) as (session, other):
            await until_proven(office, CENTRE, 50)
            await until_equal(session, other)
            with frames_of(monkeypatch) as frames:
                (result,) = await ask(session)
            said = of_reconcile(frames)
            assert result.outcome is Outcome.EQUAL
            assert [kind for kind, _ in said] == ["reconcile_compare", "reconcile_compared"]
            assert sum(size for _, size in said) <= 180


async def test_nobody_is_called_up_to_date_before_the_sets_were_seen_to_be_equal(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 10))
        async with connected(office, centre):
            await until_proven(office, CENTRE, 10)
            await until_marked(centre, OFFICE, OFFICE, 10)
            await until_marked(office, CENTRE, OFFICE, 10)
        async with connected(office, centre) as (session, other):
            await ready(session)
            await ready(other)
            assert session.is_behind()
            assert other.is_behind()
            with frames_of(monkeypatch) as frames:
                await until_equal(session, other)
            assert [kind for kind, _ in of_reconcile(frames)] == ["reconcile_compare", "reconcile_compared"]


async def test_a_wiped_peer_is_filled_newest_first_and_the_feed_goes_on_from_there(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = limits.RECONCILE_REBUILD_SURPLUS + 300
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office:
        await put(office, blobs("blob", count))
        lanes: list[tuple[OutLane, int]] = []
        send = Offers.send

        async def note(self: Offers, offer: OpenOffer) -> None:
            await send(self, offer)
            lanes.append((offer.lane, len(offer.items)))

        monkeypatch.setattr(Offers, "send", note)
        async with living(peer_box) as peer, connected(office, peer) as (session, other):
            await until_equal(session, other)
            assert holds(peer, OFFICE) == count
            newest = await peer.store.reader.row(OFFICE, BlobId.of(f"blob {count - 1}".encode()))
            oldest = await peer.store.reader.row(OFFICE, BlobId.of(b"blob 0"))
            assert newest is not None
            assert oldest is not None
            assert newest.number < oldest.number
            await until_marked(peer, OFFICE, OFFICE, count)
            await put(office, [b"one more"])
            await until_marked(peer, OFFICE, OFFICE, count + 1)
        assert sum(items for lane, items in lanes if lane is OutLane.FEED) == 1
        assert sum(items for lane, items in lanes if lane is OutLane.REBUILD) == count


async def test_a_peer_that_lost_some_gets_only_those(autojump_clock: trio.testing.MockClock) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office:
        await put(office, blobs("old", 40))
        async with living(peer_box) as peer, connected(office, peer):
            await until_proven(office, PEER, 40)
        image = peer_box.disk.copy()
        await put(office, blobs("new", 25))
        async with living(peer_box) as peer, connected(office, peer):
            await until_proven(office, PEER, 65)
        peer_box.disk.restore(image)
        await office.store.start_generation(Generation(2))  # so that no mark of ours is believed
        async with living(peer_box) as peer, connected(office, peer) as (session, other):
            assert holds(peer, OFFICE) == 40
            await until_equal(session, other)
            assert holds(peer, OFFICE) == 65
            (said,) = [said for said in office_box.log.said("reconciled") if said["origin"] == OFFICE]
            assert (said["outcome"], said["lacked_there"], said["mended_there"]) == ("mended", 25, 25)
            await until_marked(peer, OFFICE, OFFICE, 65)
            assert peer.store.state.marks[OFFICE, OFFICE].mark.generation == 2
            await until_proven(office, PEER, 65)


async def test_two_that_lost_different_ones_fill_each_other(autojump_clock: trio.testing.MockClock) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office, living(peer_box) as peer:
        await put(office, blobs("old", 30))
        async with connected(office, peer):
            await until_proven(office, PEER, 30)
    office_old, peer_old = office_box.disk.copy(), peer_box.disk.copy()
    async with living(office_box) as office, living(peer_box) as peer:
        await put(office, blobs("of both", 20))
        async with connected(office, peer):
            await until_proven(office, PEER, 50)
    office_box.disk.restore(office_old)
    async with living(office_box) as office, living(peer_box) as peer:
        await put(office, blobs("only at the office", 15))
        async with connected(office, peer) as (session, other):
            await until_equal(session, other)
            assert (holds(office, OFFICE), holds(peer, OFFICE)) == (65, 65)
            await until_proven(office, PEER, 65)
    peer_box.disk.restore(peer_old)
    async with living(office_box) as office, living(peer_box) as peer, connected(office, peer) as (session, other):
        await until_equal(session, other)
        assert (holds(office, OFFICE), holds(peer, OFFICE)) == (65, 65)


async def test_what_a_feed_passed_over_is_found_by_the_next_comparison(autojump_clock: trio.testing.MockClock) -> None:
    """Its bytes were damaged when its turn came, and good again later: no mark tells that."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        contents = blobs("blob", 10)
        await put(office, contents)
        lost = BlobId.of(contents[3])
        await office.store.mark_damaged(OFFICE, lost, FoundBy.READ)
        async with connected(office, peer) as (session, other):
            await until_marked(peer, OFFICE, OFFICE, 10)
            assert holds(peer, OFFICE) == 9
            (result,) = await ask(session)
            assert (result.outcome, result.lacked_there, result.mended_there) == (Outcome.NOT_DELIVERED, 1, 0)
            assert (result.reason, result.damaged_here) == (Reason.NO_GOOD_BYTES, 1)
            assert session.is_behind()
            await put_again(office, contents[3])
            await until_equal(session, other)
            assert holds(peer, OFFICE) == 10


async def test_what_was_mended_is_compared_soon_and_a_bad_day_is_one_comparison(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one by schedule would come in an hour, and the node of the higher number has no schedule at all."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        contents = blobs("blob", 10)
        await put(office, contents)
        async with connected(office, peer) as (session, other):
            await until_equal(session, other)
            with frames_of(monkeypatch) as frames:
                for content in contents[:5]:
                    await peer.found_damage(OFFICE, BlobId.of(content))
                    await trio.sleep(1)
                await trio.sleep(10)
                assert peer.store.state.count(OFFICE).damaged == 0
                assert of_reconcile(frames) == []
                await trio.sleep(2 * limits.RECONCILE_AFTER_MEND_S)
            assert [kind for kind, _ in of_reconcile(frames)] == ["reconcile_compare", "reconcile_compared"]
            assert peer.reconciles.of(OFFICE, [OFFICE])[OFFICE].result.outcome is Outcome.EQUAL


async def test_a_loss_that_shows_when_a_list_is_mended_is_found_before_the_hour(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison behind a mend that does not find the two equal is made again, a few times."""
    monkeypatch.setattr(limits, "RECONCILE_AFTER_MEND_GOES_MAX", 3)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        contents = blobs("blob", 10)
        await put(office, contents)
        async with connected(office, peer) as (session, other):
            await until_equal(session, other)
            key, peer.store.inventories.key = peer.store.inventories.key, InventoryKey(2, bytes(32))
            with frames_of(monkeypatch) as frames:
                await peer.found_damage(OFFICE, BlobId.of(contents[0]))
                await trio.sleep(limits.RECONCILE_AFTER_MEND_S + 10)
                assert len(of_reconcile(frames)) == 2  # refused: another secret
                peer.store.inventories.key = key
                await trio.sleep(limits.RECONCILE_AFTER_MEND_S)
                assert not other.is_behind()
                await trio.sleep(10 * limits.RECONCILE_AFTER_MEND_S)
            assert len(of_reconcile(frames)) == 4


async def test_what_a_former_holder_still_has_comes_too_though_no_comparison_sees_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A settled mark once passed over the units that only the newer holder has to keep."""
    low = (1 << 32) - 1
    office_box, peer_box, centre_box = box(OFFICE), box(PEER), box(CENTRE)
    async with living(office_box) as office, living(peer_box) as peer:
        await put(office, blobs("blob", 40))
        async with connected(office, peer):
            await until_proven(office, PEER, 40)
    moved = founding(assignments=[HolderAssignment(OFFICE, (Share(PEER, low), Share(CENTRE, all_units())))])
    peer_box.roster = centre_box.roster = moved
    async with living(peer_box) as peer, living(centre_box) as centre, connected(peer, centre):
        await until(lambda: holds(centre, OFFICE) == 40)
        assert any(not low >> BlobId.of(content).unit & 1 for content in blobs("blob", 40))
        await until_marked(centre, PEER, OFFICE, 40)


async def test_what_is_fetched_is_offered_in_feed_order_so_that_entries_share_their_lists(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which symbols name them each entry brought a list of 32: 1.8 KB for each blob."""
    send, offered = Offers.send, list[BlobId]()

    async def note(self: Offers, offer: OpenOffer) -> None:
        offered.extend(item.blob for item in offer.items)
        await send(self, offer)

    contents = blobs("more", 60)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 30))
        async with connected(office, centre):
            await until_marked(centre, OFFICE, OFFICE, 30)
            await until_marked(office, CENTRE, OFFICE, 30)
        await put(office, contents)
        monkeypatch.setattr(Offers, "send", note)
        monkeypatch.setattr(FeedLanes, "has_more", lambda *_: False)
        monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1000.0)  # nobody asks by himself meanwhile
        async with connected(office, centre) as (_, other):
            await ready(other)
            assert [result.outcome for result in await ask(other)] == [Outcome.MENDED]
    assert offered == [BlobId.of(content) for content in contents]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (pb.ReconcileFetched(origin=OFFICE, refusal="busy"), Outcome.BUSY),
        (pb.ReconcileFetched(origin=OFFICE, unknown=b"\xff" * 6), Outcome.UNEXPLAINED),
    ],
)
async def test_a_fetch_that_the_peer_refuses_or_answers_wrongly_ends_that_comparison_and_not_the_session(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    answer: pb.ReconcileFetched,
    outcome: Outcome,
) -> None:
    """It once left a group of errors that nobody knew, and the session ended as by a bug of ours."""
    send, spoilt = FrameLink.send, list[str]()

    async def spoil(self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        if frame.WhichOneof("kind") == "reconcile_fetched" and not spoilt:
            spoilt.append("once")
            frame, payload = peer_pb2.SessionFrame(reconcile_fetched=answer), ()
        await send(self, frame, payload)

    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 30))
        async with connected(office, centre):
            await until_marked(centre, OFFICE, OFFICE, 30)
            await until_marked(office, CENTRE, OFFICE, 30)
        await put(office, blobs("more", 5))
        monkeypatch.setattr(FrameLink, "send", spoil)
        monkeypatch.setattr(FeedLanes, "has_more", lambda *_: False)
        monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1000.0)  # nobody asks by himself meanwhile
        async with connected(office, centre) as (_, other):
            await ready(other)
            assert [result.outcome for result in await ask(other)] == [outcome]
            assert [result.is_whole for result in await ask(other)] == [True]
        assert holds(centre, OFFICE) == 35


async def put_again(core: Core, content: bytes) -> None:
    """A repeat whose stored bytes are not intact is their repair."""
    own = OwnBlob(BlobId.of(content), Content(len(content), [content]), 1, 0, b"", b"", repairs=True)
    await core.store.committer.commit(Job(own=[own]))


async def test_many_differences_both_ways_are_mended_on_demand_with_progress(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECONCILE_REBUILD_SURPLUS", 1 << 40)
    monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1e6)
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office, living(peer_box) as peer:
        empty = peer_box.disk.copy()
        await put(office, blobs("blob", 700))
        async with connected(office, peer):
            await until_proven(office, PEER, 700)
    peer_box.disk.restore(empty)
    monkeypatch.setattr(Outgoing, "waiting", lambda self: [])  # so that nothing starts by itself
    async with living(office_box) as office, living(peer_box) as peer, connected(office, peer) as (session, _):
        await ready(session)
        seen: list[tuple[int, int]] = []
        results = await ask(session, lambda result: seen.append((result.lacked_there, result.mended_there)))
        (of_office,) = results
        assert of_office.is_whole
        assert (of_office.lacked_there, of_office.mended_there) == (700, 700)
        assert (700, 0) in seen
        assert holds(peer, OFFICE) == 700


async def test_a_full_disk_is_named_and_nothing_is_called_equal(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        peer.condition.refuses_foreign = True
        await put(office, blobs("blob", 5))
        async with connected(office, peer) as (session, other):
            await ready(session)
            (result,) = await ask(session)
            assert (result.outcome, result.reason) == (Outcome.NOT_DELIVERED, Reason.NOT_TAKEN)
            assert "disk nearly full" in result.sentence
            assert session.is_behind()
            peer.condition.refuses_foreign = False
            await until_equal(session, other)


@pytest.mark.parametrize(
    ("module", "outcome"), [(reconcile_mending, Outcome.REFUSED), (reconcile_moments, Outcome.BUSY)]
)
async def test_a_roster_that_parts_two_holders_amid_a_comparison_ends_it_and_not_the_session(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, module: ModuleType, outcome: Outcome
) -> None:
    """Simulation seed 32: a question about no unit at all was a bug."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        peer.condition.refuses_foreign = True
        await put(office, blobs("blob", 5))
        async with connected(office, peer) as (session, other):
            await ready(session)
            with monkeypatch.context() as patch:
                patch.setattr(module, "common_units", lambda *_: 0)
                (result,) = await ask(session)
                assert result.outcome is outcome
            peer.condition.refuses_foreign = False
            await until_equal(session, other)
            (result,) = await ask(session)
            assert result.outcome is Outcome.EQUAL


async def test_a_peer_with_another_secret_is_refused_with_a_sentence(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        peer.store.inventories.key = InventoryKey(2, bytes(32))
        async with connected(office, peer) as (session, _):
            await ready(session)
            results = await ask(session)
            assert {result.outcome for result in results} == {Outcome.REFUSED}
            assert "version 2, got 1" in results[0].sentence
            assert session.is_behind()


async def test_entries_keep_coming_while_the_sets_are_compared(autojump_clock: trio.testing.MockClock) -> None:
    """A settlement needs no quiet moment: what is in flight is a difference like any other."""
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office:
        await put(office, blobs("old", 50))
        async with living(peer_box) as peer, connected(office, peer):
            await until_proven(office, PEER, 50)
        peer_box.disk.wipe()
        async with living(peer_box) as peer, trio.open_nursery() as nursery:
            nursery.start_soon(keep_putting, office)
            async with connected(office, peer):
                with trio.fail_after(60):
                    while (OFFICE, OFFICE) not in peer.store.state.marks:
                        await peer.store.state.grown.wait()
            nursery.cancel_scope.cancel()


async def keep_putting(core: Core) -> None:
    for number in range(10_000):
        await put(core, [f"while it runs {number}".encode()])
        await trio.sleep(0.02)


def bend_answers(monkeypatch: pytest.MonkeyPatch, bend: Callable[[Answer], Answer]) -> None:
    """Every teller answers with `bend` of the honest answer."""
    monkeypatch.setattr(
        "lumbung_node.services.session.reconcile_teller.pack_answer",
        lambda origin, answer: pack_answer(origin, bend(answer)),
    )


def zero_root(answer: Answer) -> Answer:
    return ToldSymbols(bytes(16), answer.counts, answer.symbols) if isinstance(answer, ToldSymbols) else answer


def endless(answer: Answer) -> Answer:
    if not isinstance(answer, ToldSymbols):
        return answer
    return ToldSymbols(answer.root, answer.counts, tuple(Symbols.none(len(made)) for made in answer.symbols))


@pytest.mark.parametrize("bend", [zero_root, endless])
async def test_a_lying_teller_is_not_believed(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, bend: Callable[[Answer], Answer]
) -> None:
    """What it lacks is moved, because it can be; but that it holds the same is believed from no lie."""
    monkeypatch.setattr(limits, "RECONCILE_EAGER_SYMBOLS", 2)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 60))
        async with connected(office, centre):
            await until_marked(centre, OFFICE, OFFICE, 60)
        await put(office, blobs("more", 40))
        monkeypatch.setattr(FeedLanes, "has_more", lambda *_: False)
        bend_answers(monkeypatch, bend)
        async with connected(office, centre) as (session, _):
            await ready(session)
            assert session.reconciling is not None
            (result,) = await session.reconciling._go(Order((OFFICE,)), [OFFICE], is_patient=False)
            assert holds(centre, OFFICE) == 100 or not result.is_whole
            if bend is zero_root:
                assert result.outcome is Outcome.UNEXPLAINED


@pytest.mark.parametrize("asker", [OFFICE, CENTRE])
async def test_a_feed_that_cannot_be_read_is_not_taken_for_an_empty_one(
    autojump_clock: trio.testing.MockClock, asker: NodeNumber
) -> None:
    """A wiped peer has nothing either: if the two were equal, its mark would pass over all that it lacks."""
    office_box = box(OFFICE)
    async with living(office_box) as office:
        await put(office, blobs("blob", 10))
    kv = await office_box.disk.open()
    (row,) = await kv.get(Family.FEEDS, [feed_key(OFFICE, 4)])
    assert row is not None
    folded = [(Family.INVENTORY, key(OFFICE)) for key in (sums_key, table_key)]
    await kv.write(Batch(deletes=[(Family.FEEDS, feed_key(OFFICE, 4)), *folded]))
    await kv.close()
    async with living(office_box) as office, living(box(CENTRE)) as centre, connected(office, centre) as pair:
        session = pair[0 if asker is OFFICE else 1]
        await ready(session)
        (result,) = await ask(session)
        assert not result.is_whole
        await trio.sleep(5.0)
        assert all(each.is_behind() for each in pair)
        assert (OFFICE, OFFICE) not in centre.store.state.marks
        await office.store.kv.write(Batch(puts=[(Family.FEEDS, feed_key(OFFICE, 4), row)]))
        await until_marked(centre, OFFICE, OFFICE, 10)
        assert holds(centre, OFFICE) == 10


async def test_a_settlement_with_another_root_moves_no_mark(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker lies: what it says that it has is not what our set and its words make of it."""
    send = FrameLink.send

    async def lie(self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        if frame.WhichOneof("kind") == "reconcile_settle":
            frame.reconcile_settle.root = bytes(16)
        await send(self, frame, payload)

    monkeypatch.setattr(FrameLink, "send", lie)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 60))
        async with connected(office, centre):
            await trio.sleep(30)
            assert holds(centre, OFFICE) == 60
            assert (OFFICE, OFFICE) not in centre.store.state.marks
            await put(office, [b"new ones come all the same"])
            await until(lambda: holds(centre, OFFICE) == 61)


@pytest.mark.parametrize(
    "frame",
    [
        peer_pb2.SessionFrame(reconcile_compare=pb.ReconcileCompare(serial=1, nonce=bytes(7), key_version=1)),
        peer_pb2.SessionFrame(
            reconcile_compare=pb.ReconcileCompare(serial=1, nonce=bytes(8), key_version=1, origins=[2, 1])
        ),
        peer_pb2.SessionFrame(
            reconcile_compare=pb.ReconcileCompare(serial=1, nonce=bytes(8), key_version=1, fingerprints=bytes(9))
        ),
    ],
)
async def test_a_question_that_breaks_the_protocol_ends_the_session(
    autojump_clock: trio.testing.MockClock, frame: peer_pb2.SessionFrame
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        with trio.fail_after(60), pytest.RaisesGroup(Rejected, flatten_subgroups=True, allow_unwrapped=True):
            async with connected(office, centre) as (session, _):
                await ready(session)
                await session._link.send(frame)
                await trio.sleep_forever()


@pytest.mark.parametrize(
    "question",
    [
        pb.ReconcileCompare(nonce=bytes(8), key_version=1, origins=[9]),
        pb.ReconcileCompare(nonce=bytes(8), key_version=1, fingerprints=bytes(8 * 7)),
    ],
)
async def test_a_question_by_another_roster_is_refused_and_the_session_lives(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, question: pb.ReconcileCompare
) -> None:
    """Which origins two nodes share is told by the roster, and a new one is not at both at once."""
    said: list[pb.ReconcileCompared] = []
    send = FrameLink.send

    async def note(self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        if frame.WhichOneof("kind") == "reconcile_compared" and frame.reconcile_compared.serial == 1000:
            said.append(frame.reconcile_compared)
            return  # nobody of ours has asked
        await send(self, frame, payload)

    monkeypatch.setattr(FrameLink, "send", note)
    question.serial = 1000
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, blobs("blob", 3))
        async with connected(office, centre) as (session, _):
            await ready(session)
            await session._link.send(peer_pb2.SessionFrame(reconcile_compare=question))
            await put(office, [b"and one more"])
            await until(lambda: holds(centre, OFFICE) == 4)
    assert [answer.refusal for answer in said] == ["expected origins that both hold: the rosters of the two differ"]
