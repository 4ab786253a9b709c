"""Reconcile on demand at a node: what an operator asks, what he hears meanwhile, and how honestly it ends."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Outcome, Reason, Result
from lumbung_node.services.reconcile_run import RECONCILE, ReconcileDesk, _Run
from lumbung_node.services.reconcile_words import partner_messages
from lumbung_node.services.replicator import Replicator
from lumbung_node.services.session.feed_lanes import FeedLanes
from lumbung_node.services.session.session import Session
from lumbung_node.store.events import FoundBy
from lumbung_proto.v1 import reconcile_pb2 as pb
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.linked_nodes import LinkedNode, until_up
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, living, put
from lumbung_testing.virtual_network import VirtualNetwork


@asynccontextmanager
async def linked(*cores: Core) -> AsyncIterator[DirectChannel]:
    """The nodes with sessions among them; the channel reaches the first one's desk."""
    network = VirtualNetwork(random.Random(1))
    nodes = [LinkedNode(network, core) for core in cores]
    desk = ReconcileDesk(cores[0], nodes[0].replicator)
    async with trio.open_nursery() as nursery:
        for node in nodes:
            await nursery.start(node.serve)
            nursery.start_soon(node.replicator.run)
        for core in cores[1:]:
            await until_up(nodes[0], core.number)
        yield DirectChannel({RECONCILE: desk.reconcile})
        nursery.cancel_scope.cancel()


async def hear(channel: DirectChannel, request: pb.ReconcileRequest) -> list[pb.ReconcileResponse]:
    """All that a run says, to its end."""
    said = []
    async with channel.stream(RECONCILE) as stream:
        await stream.send(request.SerializeToString())
        await stream.finish_sending()
        while (message := await stream.receive()) is not None:
            said.append(pb.ReconcileResponse.FromString(message))
    return said


def last_results(said: list[pb.ReconcileResponse]) -> dict[tuple[int, int], pb.ReconcileResult]:
    found = {}
    for response in said:
        if response.WhichOneof("kind") == "result":
            found[response.result.partner, response.result.origin] = response.result
    return found


async def until_held(core: Core, count: int) -> None:
    with trio.fail_after(300):
        while core.store.state.count(OFFICE).blobs < count:
            await core.store.state.grown.wait()


async def test_each_partner_and_origin_gets_an_end_also_one_that_is_not_connected(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, linked(office, centre) as channel:
        await put(office, [b"one", b"two"])
        await until_held(centre, 2)
        said = await hear(channel, pb.ReconcileRequest())
        results = last_results(said)
        assert [said[0].WhichOneof("kind"), said[-1].WhichOneof("kind")] == ["begun", "ended"]
        assert said[0].begun.pairs == len(results) == 2
        assert results[CENTRE, OFFICE].outcome == pb.RECONCILE_OUTCOME_EQUAL
        missing = results[PEER, OFFICE]
        assert (missing.outcome, missing.reason) == (pb.RECONCILE_OUTCOME_NOT_CONNECTED, "no_session")
        assert said[-1].ended.questions == 1
        assert 0 < said[-1].ended.protocol_bytes <= 180


async def test_what_was_missing_where_is_counted_and_mended(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeedLanes, "has_more", lambda *_: False)  # the feed brings nothing
    monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1e6)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, linked(office, centre) as channel:
        await put(office, [f"blob {i}".encode() for i in range(40)])
        said = await hear(channel, pb.ReconcileRequest(partner=CENTRE, origin=OFFICE))
        (result,) = last_results(said).values()
        assert result.outcome == pb.RECONCILE_OUTCOME_MENDED
        assert (result.lacked_there, result.mended_there, result.lacked_here) == (40, 40, 0)
        assert centre.store.state.count(OFFICE).blobs == 40


async def test_what_nobody_of_the_two_has_good_bytes_of_is_said(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, [b"one", b"two", b"three"])
        await office.store.mark_damaged(OFFICE, BlobId.of(b"two"), FoundBy.READ)
        async with linked(office, centre) as channel:
            await until_held(centre, 2)
            said = await hear(channel, pb.ReconcileRequest(partner=CENTRE))
            (result,) = last_results(said).values()
            assert (result.outcome, result.reason) == (pb.RECONCILE_OUTCOME_NOT_DELIVERED, "no_good_bytes")
            assert (result.damaged_here, result.lacked_there, result.mended_there) == (1, 1, 0)


async def test_one_run_goes_at_a_time_and_the_others_wait_or_are_refused(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECONCILE_RUNS_WAITING_MAX", 1)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, linked(office, centre) as channel:
        await put(office, [b"one"])
        await until_held(centre, 1)
        heard: dict[str, list[pb.ReconcileResponse]] = {}
        refused: list[str] = []

        async def ask(name: str) -> None:
            try:
                heard[name] = await hear(channel, pb.ReconcileRequest())
            except Rejected as exc:
                refused.append(exc.sentence)

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(ask, f"run {number}")
        kinds = sorted(str(said[0].WhichOneof("kind")) for said in heard.values())
        assert kinds == ["begun", "waits"]
        assert [len(last_results(said)) for said in heard.values()] == [2, 2]
        assert refused == ["expected at most 1 reconciles that wait, try again later"]


async def test_a_run_ends_when_its_caller_goes_and_the_next_one_is_right(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He goes while the partner has no memory for what is offered; the next run begins at once."""
    monkeypatch.setattr(FeedLanes, "has_more", lambda *_: False)  # the feed brings nothing
    monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1e6)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, linked(office, centre) as channel:
        await put(office, [f"blob {i}".encode() for i in range(5)])
        heard: list[pb.ReconcileResponse] = []

        async def ask_again() -> None:
            heard.extend(await hear(channel, pb.ReconcileRequest(partner=CENTRE)))

        async with trio.open_nursery() as nursery, centre.foreign_memory.hold(24 << 20):
            with trio.move_on_after(5) as gone:
                await hear(channel, pb.ReconcileRequest(partner=CENTRE))
            assert gone.cancelled_caught
            nursery.start_soon(ask_again)
            await trio.sleep(5)
            assert centre.store.state.count(OFFICE).blobs == 0
        (result,) = last_results(heard).values()
        assert heard[0].WhichOneof("kind") == "begun"
        assert result.outcome in (pb.RECONCILE_OUTCOME_EQUAL, pb.RECONCILE_OUTCOME_MENDED)
        assert centre.store.state.count(OFFICE).blobs == 5


async def test_a_run_whose_session_ends_says_so(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeedLanes, "has_more", lambda *_: False)
    monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1e6)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        network = VirtualNetwork(random.Random(1))
        nodes = [LinkedNode(network, office), LinkedNode(network, centre)]
        await put(office, [b"one"])
        async with trio.open_nursery() as nursery, centre.foreign_memory.hold(24 << 20):
            for node in nodes:
                await nursery.start(node.serve)
                nursery.start_soon(node.replicator.run)
            await until_up(nodes[0], CENTRE)
            session = nodes[0].replicator.links[CENTRE].session
            assert session is not None
            nursery.start_soon(end_after, session, 5)
            channel = DirectChannel({RECONCILE: ReconcileDesk(office, nodes[0].replicator).reconcile})
            said = await hear(channel, pb.ReconcileRequest(partner=CENTRE))
            (result,) = last_results(said).values()
            assert (result.outcome, result.reason) == (pb.RECONCILE_OUTCOME_NOT_CONNECTED, "session_ended")
            nursery.cancel_scope.cancel()


async def end_after(session: Session, seconds: float) -> None:
    await trio.sleep(seconds)
    session.close()


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (pb.ReconcileRequest(partner=9), "9 shares no origin with this node"),
        (pb.ReconcileRequest(origin=4), "no partner holds origin drc-batam beside this node"),
        (pb.ReconcileRequest(partner=2, origin=3), "34.04 and this node share nothing of origin 51.71"),
        (pb.ReconcileRequest(origin=1, all_origins=True), "expected one origin or all, got both"),
    ],
)
async def test_a_run_over_nothing_is_refused_with_a_sentence(
    autojump_clock: trio.testing.MockClock, request_: pb.ReconcileRequest, sentence: str
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, linked(office, centre) as channel:
        with pytest.raises(Rejected, match=sentence):
            await hear(channel, request_)


async def test_status_knows_how_the_last_comparison_with_each_partner_ended(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, linked(office, centre) as channel:
        await put(office, [b"one"])
        await until_held(centre, 1)
        await hear(channel, pb.ReconcileRequest(partner=CENTRE))
        await trio.sleep(100)
        of = {message.partner: message for message in partner_messages(office)}
        assert (of[CENTRE].origins, len(of[CENTRE].last), len(of[PEER].last)) == (2, 2, 0)
        last = of[CENTRE].last[0]
        assert (last.origin, last.outcome) == (OFFICE, pb.RECONCILE_OUTCOME_EQUAL)
        assert 90 < last.age_s < 110
        (seen_there,) = [message for message in partner_messages(centre) if message.partner == OFFICE]
        assert [last.outcome for last in seen_there.last] == [pb.RECONCILE_OUTCOME_EQUAL] * 2


async def test_a_word_that_is_cut_off_while_it_is_told_is_told_at_the_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The run ends while its telling task stands in a send."""
    told: list[pb.ReconcileResponse] = []
    is_slow = True

    class SlowCall:
        async def send(self, message: bytes) -> None:
            await trio.sleep(60.0 if is_slow else 0.0)
            told.append(pb.ReconcileResponse.FromString(message))

    run = _Run(cast(Core, None), cast(Replicator, None), cast(ServerCall, SlowCall()), {})
    run._note(Result(PEER, OFFICE).end(Outcome.NOT_CONNECTED, Reason.NO_SESSION, ""))
    with trio.move_on_after(0.01):
        await run._tell()
    is_slow = False
    await run._tell()
    assert [(response.result.partner, response.result.origin) for response in told] == [(PEER, OFFICE)]
