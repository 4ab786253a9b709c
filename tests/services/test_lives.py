"""Two machines with one identity: only the node's own signature stops it, and exactly one of the two goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import DiskFull, Rejected, StatusCode
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.life import GENERATION_MAX, Life, SignedLife, sign_life
from lumbung_cluster.limits import KEY_LIVES_MAX
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyRecord, KeyUse, NodeRecord
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.recovery import believed_lives
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.session.greeting import judge_greeting, make_hello, read_hello
from lumbung_node.services.session.lives import LifeUnknown, life_message
from lumbung_node.store.own_lives import recovered_record
from lumbung_proto.v1 import lives_pb2, peer_pb2
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed, successor
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living, put, until_proven
from lumbung_testing.virtual_disk import Pace
from lumbung_testing.world import MemoryIdentity

FAR = Generation(7)


def life_of_office(generation: int, life_id: bytes = b"x" * 16, key: str = "receipt 1") -> SignedLife:
    return sign_life(Life(CLUSTER, OFFICE, Generation(generation), life_id, 0), SeededSigner(key))


async def greet(speaker: Core, judge: Core, *, seen: SignedLife | None = None) -> None:
    """`judge` hears the speaker's Hello, with another word about itself than the speaker's own memory when given."""
    hello = make_hello(speaker, judge.number)
    if seen is not None:
        signature = seen.signature
        hello.life_seen.CopyFrom(
            peer_pb2.SignedBytes(body=seen.body, public_key=signature.key_public, signature=signature.signature)
        )
    await judge_greeting(judge, speaker.number, read_hello(peer_pb2.SessionFrame(hello=hello)))


@pytest.mark.parametrize("key", ["receipt 2", "entry 1", "receipt 4"])
async def test_a_partners_word_alone_stops_nobody(key: str) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await greet(peer, office, seen=life_of_office(FAR, key=key))

        assert not office.condition.stopped


async def test_a_life_of_another_node_or_cluster_stops_nobody() -> None:
    signer = SeededSigner("receipt 1")
    own = life_of_office(FAR).content
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await greet(peer, office, seen=sign_life(replace(own, node=PEER), signer))
        await greet(peer, office, seen=sign_life(replace(own, cluster=type(CLUSTER)(b"o" * 16)), signer))

        assert not office.condition.stopped


async def test_a_higher_life_under_the_own_signature_stops_the_node_for_ever_until_an_operator_recovers_it() -> None:
    office_box = box(OFFICE)
    async with living(box(PEER)) as peer:
        async with living(office_box) as office:
            await greet(peer, office, seen=life_of_office(FAR))
            assert office.condition.stopped
        async with living(office_box) as office:
            assert office.condition.stopped
            assert office.store.state.generation == 1
        office_box.identity.record = recovered_record(office_box.identity.record, (), 0)
        async with living(office_box) as office:
            assert not office.condition.stopped
            assert office.store.state.generation == FAR + 1


@pytest.mark.parametrize("cut_s", [0.5, 1.5, 2.5])
async def test_a_session_cut_while_a_new_life_is_met_leaves_no_older_proof_that_counts(
    autojump_clock: trio.testing.MockClock, cut_s: float
) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office, living(peer_box) as peer:
        await put(office, [b"a recording"])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
        await peer.store.start_generation(Generation(2))
        office_box.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(cut_s):
            await greet(peer, office)
        await greet(peer, office)

        assert office.store.state.generations_seen[PEER] == 2
        assert office.store.proofs.ledger.account(PEER).upto == 0


async def test_a_stopped_machine_begins_no_life_whatever_the_marks_say() -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await greet(peer, office, seen=life_of_office(FAR))

        assert not office.may_doubt(PEER)


async def test_our_own_life_under_our_former_receipt_key_is_no_doubt() -> None:
    """Partners go on showing what they met: a change of the receipt key must not void what was proven."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        shown = office.store.life  # signed with the key that is retired now
        await office.rosters.offer([with_new_receipt_key(OFFICE).encode()])

        await greet(peer, office, seen=shown)

        assert not office.condition.stopped
        assert office.store.state.generation == 1, "and nobody made it doubt"


async def test_a_machine_that_slept_through_a_change_of_its_keys_learns_the_roster_before_it_judges_its_life() -> None:
    """Else it would doubt its history, for the marks say so, and go on above the machine that took its place."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await peer.rosters.offer([with_new_receipt_key(OFFICE).encode()])
        successor_life = life_of_office(FAR, key="new receipt")

        with pytest.raises(LifeUnknown):
            await greet(peer, office, seen=successor_life)
        await office.rosters.offer([with_new_receipt_key(OFFICE).encode()])
        await greet(peer, office, seen=successor_life)

        assert office.condition.stopped


async def test_a_life_under_nobodys_key_is_not_waited_for_once_the_rosters_are_equal() -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await greet(peer, office, seen=life_of_office(FAR, key="nobody's"))

        assert not office.condition.stopped


async def test_older_lives_change_nothing() -> None:
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer:
        await office.store.start_generation(Generation(3))
        await greet(peer, office, seen=life_of_office(2))
        await greet(peer, office, seen=office.store.life)

        assert not office.condition.stopped


async def test_a_rival_with_a_higher_life_id_stops_the_node() -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await greet(peer, office, seen=life_of_office(1, b"\xff" * 16))

        assert office.condition.stopped


async def test_a_rival_with_a_lower_life_id_makes_the_node_doubt_its_generation() -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        with pytest.raises(DoubtAboutOurselves):
            await greet(peer, office, seen=life_of_office(1, bytes(16)))

        assert not office.condition.stopped


async def test_a_peer_refuses_both_an_older_life_and_a_rival_of_the_one_it_knows() -> None:
    async with living(box(PEER)) as peer:
        async with living(box(OFFICE)) as first:
            await first.store.start_generation(Generation(2))
            await greet(first, peer)
        for generation in (1, 2):
            async with living(box(OFFICE)) as second:
                await second.store.start_generation(Generation(generation))
                with pytest.raises(Rejected, match="another machine lives as node 1 in generation 2") as refused:
                    await greet(second, peer)
                assert refused.value.code is StatusCode.FAILED_PRECONDITION


async def test_a_peer_shows_the_newest_life_after_its_own_restart() -> None:
    peer_box = box(PEER)
    async with living(box(OFFICE)) as office:
        await office.store.start_generation(FAR)
        async with living(peer_box) as peer:
            await greet(office, peer)
        async with living(peer_box) as peer, living(box(OFFICE)) as old:
            await greet(peer, old)
            assert old.condition.stopped


async def test_of_two_machines_in_one_generation_one_stops_and_the_other_goes_on_in_the_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The one that moved on is in a generation in which nobody else has lived, so its proofs are its own."""
    async with living(box(PEER)) as peer, living(box(CENTRE)) as centre, living(box(OFFICE)) as old:
        await old.store.start_generation(Generation(2))
        await put(old, [b"before"])
        async with connected(old, peer):
            await until_proven(old, PEER, 1)
        async with living(box(OFFICE)) as present:
            await present.store.start_generation(Generation(2))
            await greet(present, centre)
            for core in (old, present):
                shown_by = centre if core is old else peer
                try:
                    await greet(shown_by, core)
                except DoubtAboutOurselves:
                    await core.store.start_generation(Generation(3))
            assert sorted([old.condition.stopped, present.condition.stopped]) == [False, True]
            survivor = present if old.condition.stopped else old
            assert survivor.store.state.generation == 3


async def test_new_hardware_under_new_keys_begins_a_life_above_the_machine_before_it() -> None:
    """Else partners, who know that machine in a generation not yet passed, would refuse the new one for ever."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await office.rosters.offer([with_new_receipt_key(OFFICE).encode()])
        with pytest.raises(DoubtAboutOurselves) as doubted:
            await greet(peer, office, seen=life_of_office(5))  # signed with the key that is retired now
        assert doubted.value.beyond == 5
        office.has_doubted(PEER)  # as whoever begins the new life says
        await greet(peer, office, seen=life_of_office(6))
        assert not office.condition.stopped, "a retired key stops nobody"


@pytest.mark.parametrize("retired", [1, 2])
async def test_the_thief_of_a_retired_key_uses_no_generations_up(retired: int) -> None:
    """In the last generation the next lost disk would find none to begin, and recording would not go on."""
    held, highest = signed(founding(), "a", "b"), retired * KEY_LIVES_MAX
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        for number in range(retired):
            following = SeededSigner(f"receipt after {number}").public_key
            draft = pin_key(successor(held), OFFICE, KeyUse.RECEIPT, following)
            held = signed(retire_key(draft, OFFICE, KeyUse.RECEIPT, None, None), "a", "b")
            await office.rosters.offer([held.encode()])
        for generation in (highest + 1, GENERATION_MAX - 1):
            await greet(peer, office, seen=life_of_office(generation))
        with pytest.raises(DoubtAboutOurselves) as doubted:
            await greet(peer, office, seen=life_of_office(highest))
        assert doubted.value.beyond == highest


@pytest.mark.parametrize(
    ("generation", "key", "is_believed"),
    [
        (KEY_LIVES_MAX, "receipt 1", True),
        (KEY_LIVES_MAX + 1, "receipt 1", False),
        (KEY_LIVES_MAX + 1, "new receipt", True),
        (1, "receipt 2", False),
    ],
)
def test_a_node_that_is_recovered_goes_above_what_its_keys_may_speak_for(
    generation: int, key: str, is_believed: bool
) -> None:
    roster = with_new_receipt_key(OFFICE).parse()
    response = lives_pb2.SeenLifeResponse(life=life_message(life_of_office(generation, key=key)))

    lives = believed_lives(response, roster, OFFICE, CLUSTER, TestVerifier())

    assert [life.generation for life in lives] == ([generation] if is_believed else [])


async def test_a_life_signed_again_for_a_new_key_is_the_one_that_began_meanwhile(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Else every partner would refuse our Hello, which shows an older life than the generation that we speak for."""
    office_box = box(OFFICE)
    office_box.identity = SlowIdentity()
    async with living(office_box) as office, trio.open_nursery() as nursery:
        nursery.start_soon(office.store.start_generation, Generation(2))
        await trio.sleep(SlowIdentity.late_s / 2)
        await office.store.sign_life_again()

        assert office.store.life.content.generation == office.store.state.generation == 2


class SlowIdentity(MemoryIdentity):
    """What it has read comes late."""

    late_s = 1.0

    async def load(self) -> IdentityRecord | None:
        record = await super().load()
        await trio.sleep(self.late_s)
        return record


def with_new_receipt_key(number: NodeNumber) -> SignedRoster:
    """Epoch 2, in which this node's receipt key is retired and a new one is in force."""
    held = signed(founding(), "a", "b")

    def renewed(record: NodeRecord) -> NodeRecord:
        if record.number != number:
            return record
        kept = [replace(key, last_epoch=1) if key.use is KeyUse.RECEIPT else key for key in record.keys]
        fresh = KeyRecord(KeyUse.RECEIPT, SeededSigner("new receipt").public_key, 2)
        return replace(record, keys=(*kept, fresh))

    return signed(successor(held, nodes=tuple(renewed(record) for record in held.parse().nodes)), "a", "b")


class WornIdentity(MemoryIdentity):
    """An identity folder on a system disk that is slow, or full."""

    load_s = 0.0
    is_full = False

    async def load(self) -> IdentityRecord | None:
        await trio.sleep(self.load_s)
        return await super().load()

    async def save(self, record: IdentityRecord) -> None:
        if self.is_full:
            raise DiskFull("no space left on device")
        await super().save(record)


async def test_a_stop_is_remembered_although_the_partner_hung_up_as_soon_as_he_had_told_of_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """He refuses the older life that we greet him with and ends the call, while our disk looks the identity up."""
    office_box = box(OFFICE)
    office_box.identity = identity = WornIdentity()
    async with living(box(PEER)) as peer:
        async with living(office_box) as office:
            identity.load_s = 1.0
            with trio.move_on_after(0.5):
                await greet(peer, office, seen=life_of_office(FAR))
            assert office.condition.stopped
            await greet(peer, office, seen=life_of_office(FAR))
        async with living(office_box) as office:
            assert office.condition.stopped, "over restarts, until an operator recovers it"


async def test_a_stop_that_a_full_disk_did_not_take_is_remembered_when_the_next_partner_shows_it() -> None:
    office_box = box(OFFICE)
    office_box.identity = identity = WornIdentity()
    async with living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        async with living(office_box) as office:
            identity.is_full = True
            await greet(peer, office, seen=life_of_office(FAR))
            assert office.condition.stopped
            identity.is_full = False
            await greet(centre, office, seen=life_of_office(FAR))
        async with living(office_box) as office:
            assert office.condition.stopped


async def test_an_older_generation_that_comes_while_a_newer_one_is_on_its_way_to_the_disk_does_not_replace_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A carried disk tells of one, a hello of the other. What was proven in between counted again after a restart."""
    office_box = box(OFFICE)
    async with living(office_box) as office:
        office_box.disk.pace = Pace(sync_s=1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.store.see_generation, PEER, Generation(3))
            await trio.sleep(0.5)
            nursery.start_soon(office.store.see_generation, PEER, Generation(2))
        office_box.disk.pace = Pace()
        assert office.store.state.generations_seen[PEER] == 3
    async with living(office_box) as office:
        assert office.store.state.generations_seen[PEER] == 3


async def test_lives_of_many_peers_that_are_met_at_once_share_an_fsync(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A DRC whose disk is new meets 514 partners within seconds, and takes all that they have at the same time."""
    office_box = box(OFFICE)
    async with living(office_box) as office:
        office_box.disk.pace = Pace(sync_s=1.0)
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(100, 120):
                nursery.start_soon(office.store.see_generation, NodeNumber(number), Generation(2))
        assert trio.current_time() - begun < 5
        office_box.disk.pace = Pace()


async def test_a_stop_that_a_full_disk_does_not_take_is_said_once() -> None:
    """Every partner shows it at each of his dials, 514 of them once a minute, and the log may lie on the same disk."""
    office_box = box(OFFICE)
    office_box.identity = identity = WornIdentity()
    async with living(box(PEER)) as peer, living(office_box) as office:
        identity.is_full = True
        for _ in range(5):
            await greet(peer, office, seen=life_of_office(FAR))
        assert len(office_box.log.said("stop not remembered")) == 1
