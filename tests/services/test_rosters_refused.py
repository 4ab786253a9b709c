"""Rosters and access lists that must not be obeyed: refused with the reason, and nothing is changed anywhere.

Where an operator has to act, health says so: two signed rosters of one epoch are ROSTER_FORK.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits, roster_codec
from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.life import Life, sign_life
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import Extension
from lumbung_node.services.rosters import RosterKeeper, open_rosters
from lumbung_node.services.session.greeting import make_hello
from lumbung_node.services.session.lives import life_message
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.peer_faces import facing
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed, successor
from lumbung_testing.session_pair import PEER, box, living
from lumbung_testing.world import ListLog, MemoryDocuments

OFFICE = NodeNumber(1)
FIRST = signed(founding(), "a", "b")
HELD = signed(successor(FIRST), "a", "b")


def with_unknown_field(*, is_critical: bool) -> SignedRoster:
    """A field of a later lumbung, which this one would not write itself as critical."""
    roster = successor(HELD, extensions=(Extension("zz-tomorrow", critical=False, value=b"v"),))
    body = encode_roster(roster)
    if is_critical:
        body = body.replace(b"zz-tomorrow\0", b"zz-tomorrow\1")
    result = SignedRoster(body, ())
    for name in ("a", "b"):
        result = result.signed_by(SeededSigner(name))
    return result


REFUSED = {
    "too few signatures": (signed(successor(HELD), "a"), "expected signatures of 2 of 3 custodians"),
    "signatures of strangers": (signed(successor(HELD), "x", "y"), "got 0 and 0"),
    "a lower epoch": (FIRST, "expected an epoch above 2, got 1"),
    "a fork": (signed(successor(FIRST, created_ms=5), "a", "b"), "two rosters of epoch 2 are signed"),
    "a fork without signatures": (signed(successor(FIRST, created_ms=5), "a"), "expected signatures"),
    "a critical unknown field": (with_unknown_field(is_critical=True), "critical fields that this lumbung knows"),
    "another cluster": (signed(replace(successor(HELD), cluster=ClusterId(bytes(16))), "a", "b"), "another cluster"),
    "a level beyond ours": (None, "this lumbung is too old: update it"),
    "history denied": (signed(successor(HELD, escrow=()), "a", "b"), "expected to be kept for ever"),
}


async def keeper(documents: MemoryDocuments) -> RosterKeeper:
    return await open_rosters(documents, CLUSTER, TestVerifier(), ListLog())


def too_high_a_level() -> SignedRoster:
    body = encode_roster(successor(HELD, format_level=1)).replace(
        (1).to_bytes(4, "big") + (2).to_bytes(4, "big"), (9).to_bytes(4, "big") + (2).to_bytes(4, "big"), 1
    )
    result = SignedRoster(body, ())
    for name in ("a", "b"):
        result = result.signed_by(SeededSigner(name))
    return result


@pytest.mark.parametrize("what", REFUSED)
async def test_a_roster_that_may_not_follow_is_refused_with_the_reason_and_changes_nothing(what: str) -> None:
    offered, reason = REFUSED[what]
    raw = (offered or too_high_a_level()).encode()
    documents = MemoryDocuments([FIRST.encode(), HELD.encode()])
    rosters = await keeper(documents)

    with pytest.raises(Rejected, match=reason) as refused:
        await rosters.offer([raw])

    assert refused.value.code is StatusCode.FAILED_PRECONDITION
    assert rosters.signed.hash == HELD.hash
    assert documents.rosters == [FIRST.encode(), HELD.encode()]
    assert rosters.fork_seen is (what == "a fork"), "ROSTER_FORK, and only for what custodians have signed"


async def test_bytes_that_are_no_roster_are_an_offence_and_change_nothing() -> None:
    rosters = await keeper(MemoryDocuments([HELD.encode()]))

    with pytest.raises(Rejected) as refused:
        await rosters.offer([b"no roster"])

    assert refused.value.code is StatusCode.INVALID_ARGUMENT
    assert rosters.signed.hash == HELD.hash


async def test_an_unknown_field_that_may_be_ignored_is_obeyed_and_kept_as_it_came() -> None:
    documents = MemoryDocuments([HELD.encode()])
    rosters = await keeper(documents)
    offered = with_unknown_field(is_critical=False)

    assert await rosters.offer([offered.encode()])
    assert rosters.signed.body == offered.body
    assert documents.rosters[-1] == offered.encode()


async def test_a_higher_epoch_heals_a_fork() -> None:
    rosters = await keeper(MemoryDocuments([FIRST.encode(), HELD.encode()]))
    with pytest.raises(Rejected):
        await rosters.offer([signed(successor(FIRST, created_ms=5), "a", "b").encode()])
    assert rosters.fork_seen

    assert await rosters.offer([signed(successor(HELD), "a", "b").encode()])
    assert not rosters.fork_seen


def access_list(version: int, key: str = "access 1", created_ms: int = 0) -> bytes:
    entry = AccessEntry("ani", Duty.STATION, (b"p" * 32,), 0, 1 << 50)
    return sign_access(AccessList(CLUSTER, OFFICE, version, created_ms, (entry,)), SeededSigner(key)).encode()


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        (access_list(2), "expected a version above 3, got 2"),
        (access_list(3, created_ms=1), "expected a version above 3, got 3"),
        (access_list(4, "access 2"), "expected an access-list key in force"),
        (b"no list", "access list"),
    ],
)
async def test_an_access_list_that_may_not_follow_is_refused_and_the_held_one_stays(
    offered: bytes, reason: str
) -> None:
    documents = MemoryDocuments([HELD.encode()])
    rosters = await keeper(documents)
    await rosters.offer_access([access_list(3)])

    with pytest.raises(Rejected, match=reason):
        await rosters.offer_access([offered])

    assert rosters.access_versions() == [(OFFICE, 3)]
    assert documents.access_lists == {OFFICE: access_list(3)}


async def test_rosters_that_are_refused_are_judged_at_a_pace_also_while_a_newer_one_is_waited_for(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes tens of ms of the loop on which recording waits, and costs the partner some bytes."""
    judged: list[float] = []

    async def judge(_: object, __: object) -> bool:
        await trio.lowlevel.checkpoint()
        judged.append(trio.current_time())
        raise Rejected(StatusCode.FAILED_PRECONDITION, "not signed")

    monkeypatch.setattr(RosterKeeper, "offer", judge)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        for _ in range(3):
            async with facing(office, peer, greet=False) as face:
                hello = make_hello(peer, OFFICE)
                life = Life(CLUSTER, PEER, Generation(hello.generation), bytes(16), 1)
                hello.life.CopyFrom(life_message(sign_life(life, SeededSigner("a key of another roster"))))
                hello.roster_epoch = 99
                await face.say(hello=hello)
                with trio.move_on_after(15):
                    while True:
                        await face.say(b"\1" * 100, roster=peer_pb2.RosterGossip())
                        await trio.sleep(0.01)
    assert limits.ROSTERS_BURST <= len(judged) <= limits.ROSTERS_BURST + 60 * limits.ROSTERS_PER_S


async def test_a_roster_that_no_custodian_has_signed_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 600 nodes it took a quarter of a second of the loop, in which nobody's put was answered."""
    keeper = await open_rosters(MemoryDocuments([FIRST.encode(), HELD.encode()]), CLUSTER, TestVerifier(), ListLog())
    before = (FIRST, HELD, signed(successor(HELD), "x"))
    offers = [[signed(successor(each, created_ms=at), "x", "y")] for at in range(20) for each in before]
    links = [signed(successor(HELD, created_ms=1), "x", "y")]
    for _ in range(7):
        links.append(signed(successor(links[-1]), "x", "y"))
    read: set[bytes] = set()
    decode = roster_codec.decode_roster

    def noted(body: bytes) -> Roster:
        read.add(body)
        return decode(body)

    monkeypatch.setattr(roster_codec, "decode_roster", noted)
    for offered in (*offers, links):
        with pytest.raises(Rejected):
            await keeper.offer([each.encode() for each in offered])
    assert read <= {FIRST.body, HELD.body}


async def test_access_lists_that_are_refused_are_read_at_a_pace(autojump_clock: trio.testing.MockClock) -> None:
    strangers = sign_access(AccessList(CLUSTER, OFFICE, 7, 1, ()), SeededSigner("nobody's key")).encode()
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer, facing(office, peer) as face:
        with trio.move_on_after(30):
            while True:
                await face.say(access=peer_pb2.AccessGossip(lists=[strangers]))
                await trio.sleep(0.01)
    refused = office_box.log.said("access list refused")
    assert limits.ROSTERS_BURST <= len(refused) <= limits.ROSTERS_BURST + 40 * limits.ROSTERS_PER_S
