"""Keys that are lost, and those of the recovery set stolen: what goes on, and how people get on (`keys.md`)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing
from blake3 import blake3

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.errors import Rejected
from lumbung_cluster.feed import FeedEnd
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.ids import BlobId, ClusterId, NodeNumber
from lumbung_cluster.roster import Custodian, Roster
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_keys import pin_authority, pin_key, replace_member, retire_authority, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_cluster.roster_rules import Accept, Alarm, Refuse, judge
from lumbung_node.adapters.keys.certificates import make_authority, make_tls_key, public_key_of
from lumbung_node.adapters.keys.tls_proofs import is_issued_by
from lumbung_node.ports.transport import Caller
from lumbung_node.services.replicator import SESSION
from lumbung_node.services.rosters import RosterKeeper, open_rosters
from lumbung_node.services.server import PUT, AccessGate
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed, successor
from lumbung_testing.session_pair import OFFICE, PEER, box, connected, living, put, until_proven
from lumbung_testing.world import ListLog, MemoryDocuments, VirtualClock
from lumbung_tools.tags import TagSecret

HELD = signed(founding(), "a", "b")
VERIFIER = TestVerifier()
NOW_MS = 1_790_000_000_000


def replaced(number: NodeNumber, use: KeyUse, following: bytes) -> SignedRoster:
    """One roster that pins the new key and retires the lost one."""
    return signed(retire_key(pin_key(successor(HELD), number, use, following), number, use, None, None), "a", "b")


async def keeper() -> RosterKeeper:
    return await open_rosters(MemoryDocuments([HELD.encode()]), CLUSTER, VERIFIER, ListLog())


async def test_a_node_whose_tls_key_is_lost_speaks_again_with_the_roster_that_pins_a_new_one() -> None:
    rosters = await keeper()
    gate = AccessGate(rosters, OFFICE, VirtualClock())
    fresh = Caller(NodeIdentity(CLUSTER, PEER).uri, b"n" * 32)
    with pytest.raises(Rejected, match="expected a TLS key that epoch 1 pins"):
        gate.check(fresh, SESSION)

    await rosters.offer([replaced(PEER, KeyUse.TLS, fresh.key_pin).encode()])
    gate.check(fresh, SESSION)


async def test_a_holder_whose_receipt_key_is_lost_goes_on_proving_under_the_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = box(OFFICE), box(PEER)
    async with living(first) as office, living(second) as peer:
        await put(office, [b"%d" % number for number in range(5)])
        async with connected(office, peer):
            await until_proven(office, PEER, 5)
    second.receipt_key = "made anew"  # the file was lost, and the node starts with another one
    roster = replaced(PEER, KeyUse.RECEIPT, SeededSigner(second.receipt_key).public_key).encode()
    async with living(first) as office, living(second) as peer:
        await office.rosters.offer([roster])
        await peer.rosters.offer([roster])
        await put(office, [b"later"])
        async with connected(office, peer):
            await until_proven(office, PEER, 6)


def list_of(version: int, key: str, *names: str) -> SignedAccess:
    entries = tuple(AccessEntry(name, Duty.STATION, (blake3(name.encode()).digest(),), 0, 1 << 50) for name in names)
    return sign_access(AccessList(CLUSTER, OFFICE, version, 0, entries), SeededSigner(key))


async def test_a_list_stays_in_force_while_its_key_is_lost_and_the_next_key_signs_the_next_version() -> None:
    rosters = await keeper()
    gate = AccessGate(rosters, OFFICE, VirtualClock())
    ani, sari = (
        Caller(AccessIdentity(CLUSTER, OFFICE, name).uri, blake3(name.encode()).digest()) for name in ("ani", "sari")
    )
    await rosters.offer_access([list_of(1, "access 1", "ani").encode()])
    draft = pin_key(successor(HELD), OFFICE, KeyUse.ACCESS, SeededSigner("next access").public_key)
    await rosters.offer([signed(draft, "a", "b").encode()])

    gate.check(ani, PUT)
    await rosters.offer_access([list_of(2, "next access", "ani", "sari").encode()])
    gate.check(sari, PUT)


def with_recovery(draft: Roster, former: str, name: str) -> Roster:
    member = Custodian(name, SeededSigner(name).public_key)
    return tidy(replace(draft, recovery=replace_member(draft.recovery, former, member)))


def test_thieves_of_the_recovery_set_are_seen_as_a_fork_and_put_out_by_that_set_itself() -> None:
    """They can name custodians. The honest half of the set signs a higher epoch, without the stolen key."""
    honest = signed(successor(HELD), "a", "b")
    custodians = founding().custodians
    stolen = replace(
        successor(HELD, created_ms=1), custodians=replace_member(custodians, "a", Custodian("x", b"x" * 32))
    )
    theirs = signed(tidy(stolen), "s")
    assert isinstance(judge(honest, theirs, VERIFIER, [HELD]), Alarm)

    without = with_recovery(successor(honest, abandons=(theirs.hash,)), "s", "t")
    assert isinstance(judge(honest, signed(without, "a", "b"), VERIFIER), Refuse), "custodians alone cannot"
    healing = signed(without, "a", "b", "r")
    assert isinstance(judge(honest, healing, VERIFIER), Accept)
    assert isinstance(judge(theirs, signed(without, "r"), VERIFIER), Accept), "also where the thieves' is in force"
    assert isinstance(judge(healing, signed(successor(healing), "s"), VERIFIER), Refuse)


def test_an_authority_that_is_lost_or_stolen_is_replaced_while_both_are_believed() -> None:
    """Certificates under the former one are believed until it is retired, those under the next one from then on too."""
    cluster, public = ClusterId(bytes(range(16))), public_key_of(make_tls_key())
    former, following = (make_authority(cluster, name, now_ms=NOW_MS) for name in ("ca", "ca-2"))
    identity = NodeIdentity(cluster, PEER)
    old, new = (authority.issue(identity, public, now_ms=NOW_MS) for authority in (former, following))
    first = signed(pin_authority(successor(HELD), "ca", former.certificate_pem.decode()), "a", "b")
    both = signed(pin_authority(successor(first), "ca-2", following.certificate_pem.decode()), "a", "b")
    last = signed(retire_authority(successor(both), "ca"), "a", "b")

    def believed(roster: SignedRoster) -> list[bool]:
        roots = roster.parse().trust_roots_pem().encode()
        return [is_issued_by(chain, roots) for chain in (old, new)]

    assert [believed(roster) for roster in (first, both, last)] == [[True, False], [True, True], [False, True]]
    for before, after in ((HELD, first), (first, both), (both, last)):
        assert isinstance(judge(before, after, VERIFIER), Accept)


async def test_under_another_tag_secret_a_record_comes_twice_and_nothing_is_lost() -> None:
    former, following = TagSecret(bytes(range(32))), TagSecret(bytes(32))
    async with living(box(OFFICE)) as office:
        for at, secret in enumerate((former, following)):
            content = b"sealed %d" % at
            tag = secret.record_tag("R-1")
            own = OwnBlob(BlobId.of(content), Content(len(content), [content]), 1, 0, tag, tag)
            await office.store.committer.commit(Job(own=[own]))
        end: FeedEnd = office.store.state.end(OFFICE)
        assert end.number == 2
        versions = await office.store.reader.versions([each.record_tag("R-1") for each in (former, following)])
        assert [len(found) for found in versions] == [1, 1]
