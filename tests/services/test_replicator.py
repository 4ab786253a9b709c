"""Links between nodes on a virtual network: how long they are down, and what ends a session."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.feed import Mark
from lumbung_cluster.flow import SHORT_FLIGHT_S
from lumbung_cluster.health import LINK_DOWN_WARNING_S
from lumbung_cluster.ids import Generation, all_units
from lumbung_cluster.life import Life, sign_life
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.transport import Endpoint
from lumbung_node.services.core import Core
from lumbung_node.services.links import LinkState
from lumbung_node.services.replicator import SESSION
from lumbung_node.services.session.greeting import make_hello
from lumbung_node.services.session.link import dialled_link
from lumbung_node.store.layout import MarkRow
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.linked_nodes import LinkedNode, host, until_up
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed, successor
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, living, put
from lumbung_testing.simulation.node import node_caller
from lumbung_testing.virtual_disk import Pace
from lumbung_testing.virtual_network import LineShape, VirtualNetwork
from lumbung_testing.world import MemoryIdentity

_PATIENCE_S = 60.0


def _list(version: int) -> SignedAccess:
    """What the office signs for its own stations."""
    station = AccessEntry("loket-1", Duty.STATION, (b"\1" * 32,), 0, 2**60)
    return sign_access(AccessList(CLUSTER, OFFICE, version, 900, (station,)), SeededSigner(f"access {OFFICE}"))


async def test_a_partner_that_is_never_there_is_down_for_all_that_time(autojump_clock: trio.testing.MockClock) -> None:
    """Each dial once counted as a link that was up until it failed, so that LINK_DOWN was never told."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, trio.open_nursery() as nursery:
        node = LinkedNode(network, office)
        nursery.start_soon(node.replicator.run)
        await trio.sleep(2 * LINK_DOWN_WARNING_S)
        link = node.replicator.links[PEER]
        assert link.state is LinkState.DOWN
        assert trio.current_time() - link.since > LINK_DOWN_WARNING_S
        nursery.cancel_scope.cancel()


async def test_a_call_of_ours_that_nobody_greets_gives_way_to_the_partners(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The lower number's call stays, but only one that was answered: else a partner that hears nothing is kept out."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        lower, higher = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(lower.serve)
        await nursery.start(higher.hang)
        nursery.start_soon(lower.replicator.run)
        await trio.sleep(1)
        assert lower.replicator.links[PEER].is_dialled
        nursery.start_soon(higher.replicator.run)
        await until_up(lower, PEER)
        assert not lower.replicator.links[PEER].is_dialled
        nursery.cancel_scope.cancel()


async def test_a_link_that_breaks_again_and_again_is_given_more_patience(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A slow line of class lan: bytes stand for four seconds every so often, which its keepalive does not bear."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        node, partner = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(partner.serve)
        nursery.start_soon(node.replicator.run)
        nursery.start_soon(partner.replicator.run)
        sessions = []
        for _ in range(8):
            await until_up(node, PEER)
            sessions.append(node.replicator.links[PEER].session)
            for source, target in ((OFFICE, PEER), (PEER, OFFICE)):
                network.stall(host(source), host(target), 4.0)
            await trio.sleep(10.0)
        assert len(set(map(id, sessions[:4]))) == 4
        assert sessions[4:] == [sessions[3]] * 4
        assert node.replicator.links[PEER].patience.is_raised
        ends = node.replicator.links[PEER].session, partner.replicator.links[OFFICE].session
        assert [end and end.flight_s for end in ends] == [SHORT_FLIGHT_S] * 2, "both keep less under way"
        nursery.cancel_scope.cancel()


async def test_an_access_list_travels_over_the_open_session_and_ends_none(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each list once ended every session of every node that it came to."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        node, partner = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(partner.serve)
        nursery.start_soon(node.replicator.run)
        nursery.start_soon(partner.replicator.run)
        await until_up(partner, OFFICE)
        sessions = [node.replicator.links[PEER].session, partner.replicator.links[OFFICE].session]
        for version in (1, 2):
            await office.rosters.offer_access([_list(version).encode()])
            with trio.fail_after(_PATIENCE_S):
                while peer.rosters.access_versions() != [(OFFICE, version)]:
                    await peer.rosters.changed.wait()
        assert [node.replicator.links[PEER].session, partner.replicator.links[OFFICE].session] == sessions
        nursery.cancel_scope.cancel()


async def test_a_partner_that_dials_while_the_ledger_is_read_anew_is_taken_behind_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A word that came meanwhile would be read, and counted, before the sync that covers it has returned."""
    network = VirtualNetwork(random.Random(1))
    place = box(PEER)
    async with living(box(OFFICE)) as office, living(place) as peer, trio.open_nursery() as nursery:
        caller, called = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(called.serve)
        nursery.start_soon(called.replicator.run)
        nursery.start_soon(caller.replicator.run)
        await until_up(called, OFFICE)
        place.disk.pace = Pace(sync_s=20.0)
        held = signed(founding(), "a", "b")
        await peer.rosters.offer([signed(successor(held), "a", "b").encode()])
        await trio.sleep(1)
        await until_up(called, OFFICE)
        assert peer.ledger_roster.epoch == 2
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("after_s", range(1, 12))
async def test_a_roster_that_comes_while_the_ledger_is_read_anew_is_not_missed(
    autojump_clock: trio.testing.MockClock, after_s: int
) -> None:
    network = VirtualNetwork(random.Random(1))
    place = box(OFFICE)
    async with living(place) as office, trio.open_nursery() as nursery:
        nursery.start_soon(LinkedNode(network, office).replicator.run)
        await trio.sleep(1)
        place.disk.pace = Pace(read_s=1.6)
        second = signed(successor(signed(founding(), "a", "b")), "a", "b")
        await office.rosters.offer([second.encode()])
        await trio.sleep(after_s)
        await office.rosters.offer([signed(successor(second), "a", "b").encode()])
        await trio.sleep(60)
        assert office.ledger_roster.epoch == 3
        nursery.cancel_scope.cancel()


async def test_a_node_that_stops_says_goodbye(autojump_clock: trio.testing.MockClock) -> None:
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        node, partner = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(partner.serve)
        nursery.start_soon(partner.replicator.run)
        async with trio.open_nursery() as stopping:
            stopping.start_soon(node.replicator.run)
            await until_up(partner, OFFICE)
            session = partner.replicator.links[OFFICE].session
            assert session is not None
            stopping.cancel_scope.cancel()
        with trio.fail_after(_PATIENCE_S):
            await session.ended.wait()
        assert session.goodbye == "it ended the session"
        nursery.cancel_scope.cancel()


async def test_one_new_life_answers_two_partners_that_make_the_node_doubt_itself_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each of the two told sessions once waited for the other to end, and the node spoke to nobody any more."""
    network = VirtualNetwork(random.Random(1))
    rival = sign_life(Life(CLUSTER, OFFICE, Generation(1), bytes(16), 0), SeededSigner(f"receipt {OFFICE}"))
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        trio.open_nursery() as nursery,
    ):
        nodes = [LinkedNode(network, core) for core in (office, peer, centre)]
        for partner in (peer, centre):
            await partner.store.see_life(rival)
        async with office.store.identity_turn:  # as a slow disk: no life begins before both have spoken
            for node in nodes:
                await nursery.start(node.serve)
                nursery.start_soon(node.replicator.run)
            await trio.sleep(5)
        for number in (PEER, CENTRE):
            await until_up(nodes[0], number)
        assert office.store.state.generation == 2
        nursery.cancel_scope.cancel()


async def test_a_partner_under_a_key_that_our_roster_does_not_pin_is_asked_for_its_roster_and_then_trusted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was given a new TLS key while we were away; else only a person with a roster could bring us together."""
    network, fresh = VirtualNetwork(random.Random(1)), b"n" * 32
    held = signed(founding(), "a", "b")
    renewed = retire_key(pin_key(successor(held), PEER, KeyUse.TLS, fresh), PEER, KeyUse.TLS, None, None)
    roster = signed(renewed, "a", "b").encode()
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        await peer.rosters.offer([roster])
        node, partner = LinkedNode(network, office), LinkedNode(network, peer, key_pin=fresh)
        await nursery.start(partner.serve)
        nursery.start_soon(partner.replicator.run)
        nursery.start_soon(node.replicator.run)
        await until_up(node, PEER)
        assert office.rosters.signed.encode() == roster
        nursery.cancel_scope.cancel()


async def test_a_thief_who_shows_an_unsigned_roster_stays_refused(autojump_clock: trio.testing.MockClock) -> None:
    network, stolen = VirtualNetwork(random.Random(1)), b"t" * 32
    held = signed(founding(), "a", "b")
    forged = retire_key(pin_key(successor(held), PEER, KeyUse.TLS, stolen), PEER, KeyUse.TLS, None, None)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        node = LinkedNode(network, office)
        thief = LinkedNode(network, peer, key_pin=stolen, shown_roster=signed(forged, "a").encode())
        await nursery.start(thief.serve)
        nursery.start_soon(node.replicator.run)
        await trio.sleep(300)
        assert node.replicator.links[PEER].state is LinkState.REFUSED
        assert office.rosters.roster.epoch == 1
        nursery.cancel_scope.cancel()


async def test_a_doubt_about_ourselves_that_a_new_roster_cut_short_comes_again_in_the_next_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It counted as one of this hour although nothing came of it: we went on in a life that he knows more of."""
    network = VirtualNetwork(random.Random(1))
    second = signed(successor(signed(founding(), "a", "b")), "a", "b").encode()
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        await put(office, [b"all that is left"])
        peer.store.state.marks[OFFICE, OFFICE] = MarkRow(Mark(Generation(1), 5, bytes(32)), all_units())
        node, partner = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(partner.serve)
        nursery.start_soon(partner.replicator.run)
        async with office.store.identity_turn:  # as a slow disk: the new life has not begun when the roster comes
            nursery.start_soon(node.replicator.run)
            await trio.sleep(5)
            for core in (peer, office):
                await core.rosters.offer([second])
            await trio.sleep(5)
        await until_up(node, PEER)
        await trio.sleep(60)
        assert office.store.state.generation == 2
        nursery.cancel_scope.cancel()


class SlowIdentity(MemoryIdentity):
    """An identity folder on a disk that needs a while for an fsync."""

    async def save(self, record: IdentityRecord) -> None:
        await trio.sleep(0.1)
        await super().save(record)


@asynccontextmanager
async def lied_to(
    network: VirtualNetwork, office_box: Box
) -> AsyncIterator[tuple[Core, LinkedNode, Callable[[float], Awaitable[None]]]]:
    """An office in session with an honest partner, and the lie: a mark past its end, by one who then stays so long."""
    async with (
        living(office_box) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        trio.open_nursery() as nursery,
    ):
        await put(office, [b"all that there is"])
        node, honest = LinkedNode(network, office), LinkedNode(network, centre)
        await nursery.start(node.serve)
        await nursery.start(honest.serve)
        nursery.start_soon(node.replicator.run)
        nursery.start_soon(honest.replicator.run)
        await until_up(node, CENTRE)
        caller, liar = node_caller(OFFICE), network.transport(host(PEER), node_caller(PEER))

        async def lie(stays_s: float) -> None:
            generation = office.store.state.generation  # as our hello tells it
            peer.store.state.marks[OFFICE, OFFICE] = MarkRow(Mark(generation, 5, bytes(32)), all_units())
            channel = liar.dial(Endpoint(f"127.0.0.1:{7000 + OFFICE}", caller.uri, (caller.key_pin,)))
            async with channel.stream(SESSION) as stream:
                await dialled_link(stream).send(peer_pb2.SessionFrame(hello=make_hello(peer, OFFICE)))
                await trio.sleep(stays_s)
            await channel.close()

        yield office, node, lie
        nursery.cancel_scope.cancel()


async def test_a_liar_who_hangs_up_at_once_makes_us_doubt_no_more_than_once_an_hour(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The new life is written although he is gone, and the end of the other sessions is what we were waiting for when
    his going reached us: his lie must have been noted by then."""
    office_box = box(OFFICE)
    office_box.identity = SlowIdentity()
    async with lied_to(VirtualNetwork(random.Random(1)), office_box) as (office, node, lie):
        for _ in range(5):
            await lie(0.05)
            await until_up(node, CENTRE)
            await trio.sleep(30)
        assert len(office_box.log.said("own history doubted")) == 1
        assert office.store.state.generation == 2


async def test_a_liar_who_calls_again_while_the_other_sessions_end_makes_us_doubt_no_more_than_once_an_hour(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A partner on a satellite line takes a second to hang up, and the new life is there all that time."""
    network, office_box = VirtualNetwork(random.Random(1)), box(OFFICE)
    async with lied_to(network, office_box) as (_, _, lie), trio.open_nursery() as nursery:
        for one, other in ((OFFICE, CENTRE), (CENTRE, OFFICE)):
            network.shape(host(one), host(other), LineShape(latency_s=0.4))
        for _ in range(5):
            nursery.start_soon(lie, 30.0)
            await trio.sleep(0.1)
        await trio.sleep(5)
        assert len(office_box.log.said("own history doubted")) == 1
        nursery.cancel_scope.cancel()
