"""Each key stolen and each key lost: what the thief can do, what ends with the next roster, and what is never lost."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial

import pyrage
import pytest
import trio
import trio.testing
from blake3 import blake3

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.entry import Entry, EntryList, SignedList, sign_list
from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_cluster.feed import Mark
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.receipt import Statement, StatementKind, sign_statement
from lumbung_cluster.roster import Custodian, Roster
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_keys import (
    pin_escrow,
    pin_key,
    pin_recipient,
    replace_member,
    retire_escrow,
    retire_key,
    retire_recipient,
)
from lumbung_cluster.roster_node import AgeRecipient, KeyUse
from lumbung_cluster.roster_rules import Accept, Alarm, Refuse, judge
from lumbung_node.ports.transport import Caller
from lumbung_node.services.core import Core
from lumbung_node.services.key_report import list_ends
from lumbung_node.services.replicator import SESSION
from lumbung_node.services.roster_asking import GET_ROSTER
from lumbung_node.services.rosters import RosterKeeper, open_rosters
from lumbung_node.services.server import GET, IMPORT, PUT, AccessGate
from lumbung_node.services.session.lists import is_of_origin
from lumbung_node.services.statements import check_statement
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed, successor
from lumbung_testing.session_pair import OFFICE, PEER, box, connected, living, put, until_proven
from lumbung_testing.world import ListLog, MemoryDocuments, VirtualClock
from lumbung_tools.sealing import CannotOpen, Identities, SealRecipients, open_sealed, seal

HELD = signed(founding(), "a", "b")
VERIFIER = TestVerifier()
G1 = Generation(1)
NOTHING = bytes(32)


def signed_as_usual(roster: Roster) -> SignedRoster:
    return signed(roster, "a", "b")


def replaced(number: NodeNumber, use: KeyUse, following: bytes, bound: Mark | None = None) -> SignedRoster:
    """One roster that pins the next key and retires the stolen one."""
    draft = pin_key(successor(HELD), number, use, following)
    return signed_as_usual(retire_key(draft, number, use, None, bound))


async def keeper() -> RosterKeeper:
    return await open_rosters(MemoryDocuments([HELD.encode()]), CLUSTER, VERIFIER, ListLog())


# --- TLS -------------------------------------------------------------------------------------------------------


async def test_the_thief_of_a_tls_key_speaks_as_that_node_until_the_pin_is_dropped() -> None:
    rosters = await keeper()
    gate = AccessGate(rosters, OFFICE, VirtualClock())
    stolen = Caller(NodeIdentity(CLUSTER, PEER).uri, blake3(b"tls 2").digest())
    fresh = Caller(stolen.uri, b"n" * 32)
    gate.check(stolen, SESSION)

    await rosters.offer([replaced(PEER, KeyUse.TLS, fresh.key_pin).encode()])

    assert not gate.may_stay(stolen, SESSION), "his open calls end at once"
    for method in (SESSION, GET, GET_ROSTER):
        with pytest.raises(Rejected, match="expected a TLS key that epoch 2 pins") as refused:
            gate.check(stolen, method)
        assert refused.value.code is StatusCode.PERMISSION_DENIED
    gate.check(fresh, SESSION)


async def test_a_certificate_from_a_stolen_authority_key_lets_nobody_in() -> None:
    """Whatever it says, the key behind it is not pinned."""
    gate = AccessGate(await keeper(), OFFICE, VirtualClock())

    for uri in (NodeIdentity(CLUSTER, PEER).uri, AccessIdentity(CLUSTER, OFFICE, "operator").uri):
        with pytest.raises(Rejected) as refused:
            gate.check(Caller(uri, b"thief's own key".ljust(32)), GET)
        assert refused.value.code is StatusCode.PERMISSION_DENIED


# --- entry key -------------------------------------------------------------------------------------------------


def forged(number: int, generation: Generation = G1) -> SignedList:
    """What the thief of the entry key signs."""
    entry = Entry(BlobId.of(b"forged %d" % number), 9, 0, 0)
    content = EntryList(CLUSTER, OFFICE, generation, number, NOTHING, (entry,))
    return sign_list(content, SeededSigner("entry 1"))


async def test_a_stolen_entry_key_adds_nothing_behind_its_bound_and_honest_entries_stay() -> None:
    async with living(box(PEER)) as peer:
        assert is_of_origin(peer, forged(13), OFFICE), "until the roster retires it the thief's word is the office's"
        roster = replaced(OFFICE, KeyUse.ENTRY, b"e" * 32, Mark(G1, 12, NOTHING))
        await peer.rosters.offer([roster.encode()])

        assert not is_of_origin(peer, forged(13), OFFICE)
        assert not is_of_origin(peer, forged(1, Generation(2)), OFFICE), "nor in a later life"
        assert is_of_origin(peer, forged(12), OFFICE), "what lies below the bound was signed in the key's time"


async def test_a_lost_entry_key_stops_no_recording_and_copies_come_with_the_roster(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lost = box(OFFICE)
    lost.entry_key = "made anew"
    bound = Mark(G1, 0, NOTHING)
    roster = replaced(OFFICE, KeyUse.ENTRY, SeededSigner("made anew").public_key, bound)
    async with living(lost) as office, living(box(PEER)) as peer:
        await put(office, [b"recorded at once"])
        async with connected(office, peer):
            await trio.sleep(60)
            assert office.store.proofs.ledger.account(PEER).upto == 0, "nobody takes a key that the roster lacks"
        for core in (office, peer):
            await core.rosters.offer([roster.encode()])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)


# --- receipt key -----------------------------------------------------------------------------------------------


def claim(core: Core, epoch: int, generation: Generation = G1) -> peer_pb2.SignedBytes:
    """What the thief of node 2's receipt key signs: that it holds a blob of the office."""
    blobs = (BlobId.of(b"never sent"),)
    statement = Statement(StatementKind.COMMIT_RECEIPT, CLUSTER, PEER, generation, epoch, core.number, 7, 1, 0, blobs)
    word = sign_statement(statement, SeededSigner("receipt 2"))
    return peer_pb2.SignedBytes(
        body=word.body, public_key=word.signature.key_public, signature=word.signature.signature
    )


async def test_a_stolen_receipt_key_proves_nothing_on_a_line_after_its_retirement_whatever_epoch_it_names() -> None:
    async with living(box(OFFICE)) as office:
        hear = partial(check_statement, office, kind=StatementKind.COMMIT_RECEIPT, holder=PEER, generation=1, nonce=7)
        hear(claim(office, 1), is_carried=False)

        await office.rosters.offer([replaced(PEER, KeyUse.RECEIPT, b"r" * 32).encode()])

        with pytest.raises(KeyRefused, match="retired since epoch 1"):
            hear(claim(office, 1), is_carried=False)
        with pytest.raises(KeyRefused, match="not a receipt key of node 2 in epoch 2"):
            hear(claim(office, 2), is_carried=True)
        hear(claim(office, 1), is_carried=True)  # a disk may have been on its way for weeks


async def test_what_the_thief_of_a_receipt_key_claimed_is_void_in_the_holders_next_life(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"claimed"])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
        await peer.store.start_generation(Generation(2))  # lumbung node recover
        await office.store.see_life(peer.store.life)
        assert office.store.proofs.ledger.account(PEER).upto == 0
        async with connected(office, peer):
            await until_proven(office, PEER, 1)


# --- access list -----------------------------------------------------------------------------------------------


def list_of(version: int, key: str, names: tuple[str, ...]) -> SignedAccess:
    entries = tuple(
        AccessEntry(name, Duty.OPERATOR, (blake3(name.encode()).digest(),), 0, 1 << 50) for name in sorted(names)
    )
    return sign_access(AccessList(CLUSTER, OFFICE, version, 0, entries), SeededSigner(key))


def operator(name: str) -> Caller:
    return Caller(AccessIdentity(CLUSTER, OFFICE, name).uri, blake3(name.encode()).digest())


async def test_whom_the_thief_of_an_access_key_admitted_is_out_with_the_roster_and_the_office_is_in_again() -> None:
    rosters = await keeper()
    gate = AccessGate(rosters, OFFICE, VirtualClock())
    await rosters.offer_access([list_of(1, "access 1", ("ani",)).encode()])
    await rosters.offer_access([list_of(99, "access 1", ("thief",)).encode()])
    gate.check(operator("thief"), PUT)

    fresh = SeededSigner("access 1 next")
    await rosters.offer([replaced(OFFICE, KeyUse.ACCESS, fresh.public_key).encode()])
    assert not gate.may_stay(operator("thief"), PUT)
    await rosters.offer_access([list_of(2, "access 1 next", ("ani",)).encode()])

    gate.check(operator("ani"), PUT)
    with pytest.raises(Rejected):
        gate.check(operator("thief"), PUT)
    with pytest.raises(Rejected, match="expected an access-list key in force"):
        await rosters.offer_access([list_of(100, "access 1", ("thief",)).encode()])


# --- age: the office's and the escrow's ------------------------------------------------------------------------


def sealed_for(roster: Roster, plain: bytes) -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(plain), target, SealRecipients(roster.seal_recipients(OFFICE), roster.epoch), blake3())
    return target.getvalue()


def opens(sealed: bytes, identity: pyrage.x25519.Identity) -> bytes:
    target = io.BytesIO()
    open_sealed(io.BytesIO(sealed), target, Identities([str(identity)]))
    return target.getvalue()


@pytest.mark.parametrize("is_escrow", [False, True])
def test_old_recordings_open_with_the_old_identity_and_new_ones_with_the_new_one_alone(is_escrow: bool) -> None:
    former, following, other = (pyrage.x25519.Identity.generate() for _ in range(3))
    before = held_by(office=other if is_escrow else former, escrow=former if is_escrow else other)
    recipient, old = str(following.to_public()), str(former.to_public())
    draft = successor(signed_as_usual(before))
    if is_escrow:
        after = retire_escrow(pin_escrow(draft, recipient), old)
    else:
        after = retire_recipient(pin_recipient(draft, OFFICE, recipient), OFFICE, old)
    assert isinstance(judge(signed_as_usual(before), signed_as_usual(after), VERIFIER), Accept)
    earlier, later = sealed_for(before, b"earlier"), sealed_for(after, b"later")

    assert opens(earlier, former) == b"earlier", "the id covers the age header: no blob is sealed anew"
    assert opens(later, following) == b"later"
    assert opens(earlier, other) == b"earlier"
    assert opens(later, other) == b"later", "with one of the two keys lost the other opens everything"
    for sealed, identity in ((later, former), (earlier, following)):
        with pytest.raises(CannotOpen):
            opens(sealed, identity)


def held_by(office: pyrage.x25519.Identity, escrow: pyrage.x25519.Identity) -> Roster:
    roster = founding()
    first = replace(roster.nodes[0], recipients=(AgeRecipient(str(office.to_public()), 1),))
    escrows = (AgeRecipient(str(escrow.to_public()), 1),)
    return replace(roster, nodes=(first, *roster.nodes[1:]), escrow=escrows)


# --- custodians and the recovery set ---------------------------------------------------------------------------


def with_custodian(draft: Roster, former: str, name: str) -> Roster:
    member = Custodian(name, SeededSigner(name).public_key)
    return tidy(replace(draft, custodians=replace_member(draft.custodians, former, member)))


def test_fewer_than_m_stolen_custodian_keys_decide_nothing() -> None:
    assert isinstance(judge(HELD, signed(successor(HELD), "a"), VERIFIER), Refuse)


def test_with_custodians_lost_down_to_one_the_recovery_set_names_others_and_nobody_else_can() -> None:
    first = with_custodian(with_custodian(successor(HELD), "b", "d"), "c", "e")
    draft = successor(HELD, custodians=first.custodians)

    assert isinstance(judge(HELD, signed(draft, "a", "d", "e"), VERIFIER), Refuse), "newcomers do not admit themselves"
    second = signed(draft, "r")
    assert isinstance(judge(HELD, second, VERIFIER), Accept)
    assert isinstance(judge(second, signed(successor(second), "d", "e"), VERIFIER), Accept)
    assert isinstance(judge(second, signed(successor(second), "b", "c"), VERIFIER), Refuse), "found again: too late"


def test_what_thieves_of_m_custodian_keys_signed_is_seen_as_a_fork_and_healed_by_the_recovery_set() -> None:
    honest = signed(successor(HELD), "a", "b")
    theirs = signed(with_custodian(successor(HELD, created_ms=1), "a", "x"), "b", "c")
    first = with_custodian(with_custodian(successor(honest), "b", "d"), "c", "e")
    healing = signed(successor(honest, custodians=first.custodians, abandons=(theirs.hash,)), "r")

    assert isinstance(judge(honest, theirs, VERIFIER, [HELD]), Alarm)
    assert isinstance(judge(honest, healing, VERIFIER), Accept)
    assert isinstance(judge(theirs, healing, VERIFIER), Accept), "also where their roster was in force"
    assert isinstance(judge(healing, signed(successor(healing), "b", "c"), VERIFIER), Refuse)


# --- cluster secret --------------------------------------------------------------------------------------------


async def test_a_new_cluster_secret_comes_node_by_node_and_copies_are_proven_all_the_while(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = box(OFFICE), box(PEER)
    following = InventoryKey(2, b"s" * 32)
    contents = [b"%d" % number for number in range(9)]
    for step, (of_office, of_peer) in enumerate(((False, False), (True, False), (True, True))):
        first.secret = following if of_office else first.secret
        second.secret = following if of_peer else second.secret
        async with living(first) as office, living(second) as peer:
            peer.store.state.marks.clear()  # so the feed waits for a comparison, which is refused in between
            await put(office, contents[3 * step : 3 * step + 3])
            async with connected(office, peer):
                await until_proven(office, PEER, 3 * step + 3)


# --- where a feed ends, for whoever retires the key of a machine that is gone ---------------------------------------


async def test_a_holder_tells_how_far_an_offices_lists_reach_there(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        assert await list_ends(peer) == []
        await put(office, [b"%d" % number for number in range(40)])  # two lists
        await office.store.start_generation(Generation(2))
        await put(office, [b"in a later life"])
        async with connected(office, peer):
            await until_proven(office, PEER, 41)
        (end,) = await list_ends(peer)
        own = office.store.state.end(OFFICE)

        assert (end.origin, end.generation, end.number) == (OFFICE, 2, 41)
        assert end.running_hash == own.running_hash
        assert end.public_key == SeededSigner("entry 1").public_key


async def test_a_bound_of_a_holders_word_makes_nothing_void_that_it_has(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"one", b"two"])
        async with connected(office, peer):
            await until_proven(office, PEER, 2)
        (end,) = await list_ends(peer)
        bound = Mark(Generation(end.generation), end.number, end.running_hash)
        await peer.rosters.offer([replaced(OFFICE, KeyUse.ENTRY, b"e" * 32, bound).encode()])
        feed = await peer.store.reader.feed(OFFICE, 0, 10)
        lists = await peer.store.reader.lists(OFFICE, [row.signed for _, row in feed])

        assert len(lists) == 2
        assert all(found is not None and is_of_origin(peer, found, OFFICE) for found in lists)


async def test_an_operator_who_is_a_station_from_now_on_keeps_what_a_station_may_do() -> None:
    rosters = await keeper()
    gate = AccessGate(rosters, OFFICE, VirtualClock())
    await rosters.offer_access([list_of(1, "access 1", ("ani",)).encode()])
    assert gate.may_stay(operator("ani"), GET)

    (entry,) = list_of(2, "access 1", ("ani",)).content.entries
    lower = AccessList(CLUSTER, OFFICE, 2, 0, (replace(entry, duty=Duty.STATION),))
    await rosters.offer_access([sign_access(lower, SeededSigner("access 1")).encode()])

    assert gate.may_stay(operator("ani"), PUT)
    assert not gate.may_stay(operator("ani"), IMPORT), "his open calls of an operator end at once"
