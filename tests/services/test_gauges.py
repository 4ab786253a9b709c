"""What a node counts and tells of itself in metrics, on virtual disks and a virtual network."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.health import HealthCode
from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.mute import Mute
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.metrics import Metric, Sample
from lumbung_node.services.core import Core
from lumbung_node.services.gauges import Gauges
from lumbung_node.services.operations import Operations
from lumbung_node.services.rebuild import Rebuild
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.services.scrub.view import ScrubDesk
from lumbung_node.services.session import session
from lumbung_node.services.session.greeting import make_hello
from lumbung_node.services.takeover import Takeover
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.linked_nodes import LinkedNode, until_up
from lumbung_testing.rosters import founding, signed, successor
from lumbung_testing.session_pair import (
    CENTRE,
    OFFICE,
    PEER,
    Box,
    box,
    connected,
    living,
    put,
    ring_of,
    until_proven,
)
from lumbung_testing.simulation.patching import patched
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_disk import Pace
from lumbung_testing.virtual_network import VirtualNetwork

Told = dict[tuple[str, ...], float]


def _gauges(box: Box, core: Core, node: LinkedNode) -> Gauges:
    replicator = node.replicator
    scrubber = Scrubber(core, ScrubSettings(), replicator.doubt_own_history)
    operations = Operations(
        core,
        replicator,
        Takeover(core, VirtualAside(box.disk), replicator.arrivals),
        Rebuild(core, replicator),
        ScrubDesk(core, scrubber),
        keys=ring_of(core),
        keys_together=True,
        certificate_expires_ms=lambda: core.clock.now_ms() + 1000,
    )
    return Gauges(core, operations, replicator)


def _told(samples: list[Sample]) -> Told:
    told: Told = {}
    for sample in samples:
        key = (sample.metric.name, *sample.labels)
        assert len(sample.labels) == len(sample.metric.value.labels), key
        assert key not in told, "Prometheus takes no series twice"
        told[key] = sample.value
    return told


@asynccontextmanager
async def _linked() -> AsyncIterator[tuple[Core, Gauges]]:
    """An office that has a session with its peer, and none with the centre."""
    network, office_box = VirtualNetwork(random.Random(5)), box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        here, there = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(here.serve)
        await nursery.start(there.serve)
        nursery.start_soon(here.replicator.run)
        nursery.start_soon(there.replicator.run)
        await until_up(here, PEER)
        yield office, _gauges(office_box, office, here)
        nursery.cancel_scope.cancel()


async def test_copies_links_and_health_are_told_as_status_tells_them(autojump_clock: trio.testing.MockClock) -> None:
    async with _linked() as (office, gauges):
        await put(office, [b"recording"])
        await until_proven(office, PEER, 1)
        told = _told(list(await gauges.read()))
        peer, centre = (office.rosters.roster.node(number) for number in (PEER, CENTRE))
        assert peer is not None
        assert centre is not None
        assert [told["OWN_BLOBS", copies] for copies in "123"] == [0, 1, 0]
        assert told["LINK_PROVEN", peer.name] == 1
        assert told["LINK_LAG", centre.name] == 1
        assert told["LINK_STATE", centre.name, "down"] == 1
        assert sum(told["LINK_STATE", peer.name, state] for state in ("up", "behind", "down", "refused")) == 1
        assert told["LINK_SENT", peer.name] == len(b"recording")
        assert told["HEALTH", "KEYS_TOGETHER"] == 2
        assert told["HEALTH", "TWO_LIVES"] == 0
        assert {key[1] for key in told if key[0] == "HEALTH"} == {code.name for code in HealthCode}


async def test_what_a_partner_says_of_its_clock_and_its_blobs_ends_no_status(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A number that no message could tell on was an error in the node's own report, which ended the node, again at
    every start: one hello of one partner."""

    def boasting(core: Core, peer: NodeNumber) -> peer_pb2.Hello:
        hello = make_hello(core, peer)
        if core.number == PEER:
            hello.clock_ms = 2**64 - 1
            for held in hello.held:
                held.blobs = held.size_bytes = 2**64 - 1
        return hello

    with patched(session, "make_hello", boasting):
        async with _linked() as (office, gauges):
            told = _told(list(await gauges.read()))
            peer = office.rosters.roster.node(PEER)
            assert peer is not None
            assert ("LINK_STATE", peer.name, "up") in told


async def _take_after_s(core: Core, roster: bytes, after_s: float) -> None:
    await trio.sleep(after_s)
    await core.rosters.offer([roster])


async def test_a_partner_that_a_roster_takes_away_meanwhile_ends_no_status(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The links were looked up again by what was read of them a moment before: the node's own report ended the node."""
    stays, leaves = (Share(CENTRE, all_units()),), (Share(PEER, all_units()),)
    office_box = box(OFFICE)
    office_box.roster = founding(assignments=[HolderAssignment(OFFICE, stays, leaves)])
    held = signed(office_box.roster, "a", "b")
    later = signed(successor(held, assignments=(HolderAssignment(OFFICE, stays),)), "a", "b")
    async with living(office_box) as office, trio.open_nursery() as nursery:
        node = LinkedNode(VirtualNetwork(random.Random(5)), office)
        gauges = _gauges(office_box, office, node)
        await put(office, [b"recording"])
        nursery.start_soon(node.replicator.run)
        await trio.sleep(5)
        assert PEER in node.replicator.links
        office_box.disk.pace = Pace(read_s=1)
        nursery.start_soon(_take_after_s, office, later.encode(), 4.0)
        told = _told(list(await gauges.read()))
        assert PEER not in node.replicator.links
        assert ("LINK_STATE", "drc-batam", "down") in told
        nursery.cancel_scope.cancel()


async def test_what_an_operator_has_muted_alerts_nobody_and_still_shows(autojump_clock: trio.testing.MockClock) -> None:
    async with _linked() as (office, gauges):
        office.mutes = [Mute("KEYS_TOGETHER", NodeNumber(0), office.clock.now_ms() + 60_000)]
        told = _told(list(await gauges.read()))
        of_code = ("HEALTH", "HEALTH_UNMUTED", "HEALTH_MUTED")
        assert [told[metric, "KEYS_TOGETHER"] for metric in of_code] == [2, 0, 1]
        await trio.sleep(61)
        told = _told(list(await gauges.read()))
        assert [told[metric, "KEYS_TOGETHER"] for metric in of_code] == [2, 2, 0]


async def test_a_drc_node_counts_those_that_do_not_report_and_an_office_tells_nothing_of_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    centre_box = box(CENTRE)
    async with _linked() as (_, office_gauges):
        assert not [sample for sample in await office_gauges.read() if sample.metric is Metric.REPORTERS]
    async with living(centre_box) as centre:
        gauges = _gauges(centre_box, centre, LinkedNode(VirtualNetwork(random.Random(6)), centre))
        reporting = len(centre.rosters.roster.partners_of(CENTRE))

        async def counts() -> list[float]:
            told = _told(list(await gauges.read()))
            return [told["REPORTERS", state] for state in ("heard", "late", "muted")]

        assert await counts() == [reporting, 0, 0]
        await trio.sleep(limits.REPORT_LATE_S + 1)
        assert await counts() == [0, reporting, 0]
        centre.mutes = [Mute("REPORT_LATE", OFFICE, centre.clock.now_ms() + 60_000)]
        assert await counts() == [0, reporting - 1, 1]


async def test_times_are_seconds_and_absent_where_there_is_none(autojump_clock: trio.testing.MockClock) -> None:
    async with _linked() as (office, gauges):
        before = _told(list(await gauges.read()))
        await put(office, [b"recording"])
        after = _told(list(await gauges.read()))
        assert ("OLDEST_UNSAFE",) not in before
        assert abs(after["OLDEST_UNSAFE",] - office.clock.now_ms() / 1000) < 60
        assert after["CERTIFICATE_END",] > after["CLOCK",] - 60


async def test_commits_syncs_and_receipts_are_counted_where_they_happen(autojump_clock: trio.testing.MockClock) -> None:
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer, connected(office, peer):
        await put(office, [b"recording"])
        await until_proven(office, PEER, 1)
        metrics = office_box.metrics
        assert metrics.count(Metric.COMMITTED_BLOBS) == 1
        assert metrics.count(Metric.RECEIPTS, "commit_receipt") == 1
        assert metrics.observed(Metric.SYNC)
