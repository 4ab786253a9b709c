"""Vans that an office names in its access list: what the list may say, and what a node then obeys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, access_objection, sign_access
from lumbung_cluster.caller_role import NodeRole, Refused, role_of
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.copies import proven_copies
from lumbung_cluster.feed import Mark
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.joining import JoinRefused, van_numbers
from lumbung_cluster.naming_vans import name_van
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import KeyUse, Label, LinkClass, NodeState, NumberRange, Reach, Role
from lumbung_cluster.van import VanRecord
from lumbung_cluster.with_vans import with_vans
from lumbung_testing.joining import join_request, van_record
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, drc, founding, node_record, office
from lumbung_tools.access_toml import parse_access_toml, render_access_toml

N1 = NodeNumber(1)
FIRST = van_numbers(N1).first
G3 = Generation(3)
STATION = AccessEntry("loket-1", Duty.STATION, (b"\1" * 32,), 1, 1000)


def roster(reach: str = "public") -> Roster:
    """36.02 (1) may name vans; 34.04 (2) and drc-batam (4) keep its copies."""
    own = replace(office(1, "36.02"), vans=van_numbers(N1), reach=Reach(reach))
    return founding((own, office(2, "34.04"), office(3, "51.71"), drc(4)))


def signed(*vans: VanRecord, version: int = 1, key: str = "access 1", number: NodeNumber = N1) -> SignedAccess:
    return sign_access(AccessList(CLUSTER, number, version, 1, (STATION,), vans), SeededSigner(key))


def obeyed(found: SignedAccess, held: Roster | None = None) -> Roster:
    return with_vans(held or roster(), {found.content.office: found})


vans = st.builds(
    van_record,
    st.integers(1, 200),
    is_gone=st.booleans(),
    addresses=st.lists(st.sampled_from(["10.0.0.1:7443", "van.example:1"]), max_size=3).map(tuple),
    reach=st.sampled_from(["public", "dial-only", "vpn:dukcapil"]).map(Reach),
    link=st.sampled_from(LinkClass),
    load_bytes=st.integers(0, 2**63),
).flatmap(
    lambda van: st.just(van) if not van.is_gone else st.sampled_from([van, replace(van, bound=Mark(G3, 7, b"h" * 32))])
)
lists = st.lists(vans, max_size=5, unique_by=lambda van: van.number).map(
    lambda found: signed(*sorted(found, key=lambda van: van.number))
)


@given(lists)
def test_a_list_with_vans_is_read_as_it_was_written(found: SignedAccess) -> None:
    assert SignedAccess.decode(found.encode()) == found
    assert parse_access_toml(render_access_toml(found.content)) == found.content


def test_a_list_without_vans_has_the_bytes_that_it_always_had() -> None:
    body = signed().body
    with pytest.raises(Malformed, match="nothing for no vans"):
        AccessList.decode(body + bytes(4))


def test_vans_out_of_order_or_with_a_key_twice_are_refused() -> None:
    one, two = van_record(1), van_record(2)
    for bad in ((two, one), (one, replace(two, name=one.name)), (one, replace(two, entry_key=one.entry_key))):
        with pytest.raises(Malformed):
            signed(*bad)


def test_a_van_outside_of_the_offices_numbers_is_refused() -> None:
    stray = van_record(1, number=NodeNumber(FIRST + 256))
    assert "expected vans in its own numbers" in (access_objection(roster(), None, signed(stray), TestVerifier()) or "")
    none = founding()
    assert access_objection(none, None, signed(van_record(1)), TestVerifier()) is not None
    assert access_objection(roster(), None, signed(van_record(1)), TestVerifier()) is None


@pytest.mark.parametrize(
    "later",
    [
        (),
        (van_record(2),),
        (van_record(1, entry_key=b"\7" * 32),),
        (van_record(1, name="36.02-van9"),),
    ],
)
def test_a_van_its_keys_and_its_name_stay_for_ever(later: tuple[VanRecord, ...]) -> None:
    held = signed(van_record(1))
    found = access_objection(roster(), held, signed(*later, version=2), TestVerifier())
    assert "expected 36.02-van1 to stay as it was" in (found or "")


def test_a_van_that_is_gone_does_not_come_back_and_may_move_while_it_is_here() -> None:
    here, moved = van_record(1), van_record(1, addresses=("10.9.9.9:1",), reach=Reach("public"))
    gone = van_record(1, is_gone=True)
    assert access_objection(roster(), signed(here), signed(moved, version=2), TestVerifier()) is None
    assert access_objection(roster(), signed(here), signed(gone, version=2), TestVerifier()) is None
    assert access_objection(roster(), signed(gone), signed(here, version=2), TestVerifier()) is not None


def test_a_lost_van_ends_with_a_bound_that_stays() -> None:
    here, gone = van_record(1), van_record(1, is_gone=True)
    bounded = replace(gone, bound=Mark(G3, 7, b"h" * 32))
    for before, later in ((here, bounded), (gone, bounded), (bounded, bounded)):
        assert access_objection(roster(), signed(before), signed(later, version=2), TestVerifier()) is None
    for later in (gone, replace(bounded, bound=Mark(G3, 9, b"h" * 32))):
        found = access_objection(roster(), signed(bounded), signed(later, version=2), TestVerifier())
        assert "to stay as it was" in (found or "")
    with pytest.raises(Malformed, match="one for a van that is gone"):
        signed(replace(here, bound=bounded.bound))


def test_an_ending_of_a_later_lumbung_is_refused_with_a_sentence() -> None:
    body = signed(van_record(1, is_gone=True)).body
    at = body.index(b"36.02-van1") + len("36.02-van1")
    with pytest.raises(Malformed, match="gone: expected 0, 1, or 2"):
        AccessList.decode(body[:at] + b"\3" + body[at + 1 :])


def test_a_van_that_is_named_like_another_offices_is_refused() -> None:
    """People give a van by its name."""
    found = access_objection(roster(), None, signed(van_record(1, name="34.04-van1")), TestVerifier())
    assert "expected vans that are named after it, got 34.04-van1" in (found or "")


def test_a_van_keeps_its_name_when_its_region_is_renamed() -> None:
    first, *others = roster().nodes
    renamed = replace(first, labels=(Label("36.02", 1, 1), Label("37.01", 2)))
    later = replace(roster(), epoch=2, nodes=(renamed, *others))
    both = signed(van_record(1), van_record(2, name="37.01-van2"))
    assert access_objection(later, None, both, TestVerifier()) is None


# --- what nodes obey -------------------------------------------------------------------------------------------


def test_a_named_van_is_a_node_whose_copies_lie_at_its_office_and_the_centre() -> None:
    found = obeyed(signed(van_record(1)))
    van = found.node(FIRST)

    assert van is not None
    assert (van.role, van.office, van.province, van.state) == (Role.VAN, 1, "36", NodeState.ACTIVE)
    assert found.holders_of(FIRST, 0) == (FIRST, 1, 4)
    assert FIRST in found.partners_of(N1)
    assert found.seal_recipients(FIRST) == roster().seal_recipients(N1)
    assert proven_copies(found, FIRST, [FIRST, N1, NodeNumber(4)]).count == 3


def test_a_roster_without_named_vans_is_obeyed_as_it_was_signed() -> None:
    held = roster()
    assert obeyed(signed(), held) is held


def test_a_van_that_cannot_meet_its_office_gets_holders_that_it_can_dial() -> None:
    held = roster(reach="dial-only")
    assert obeyed(signed(van_record(1)), held).holders_of(FIRST, 0) == (FIRST, 2, 4)


def test_a_van_counts_only_while_the_key_that_signed_it_is_in_force() -> None:
    assert obeyed(signed(van_record(1), key="thief")).node(FIRST) is None


def test_a_van_may_speak_with_its_own_key_and_no_longer_once_it_is_gone() -> None:
    van = van_record(1)
    uri = NodeIdentity(CLUSTER, FIRST).uri
    assert isinstance(role_of(uri, van.tls_pin, obeyed(signed(van)), {}, now_ms=0), NodeRole)
    assert isinstance(role_of(uri, b"\0" * 32, obeyed(signed(van)), {}, now_ms=0), Refused)
    gone = obeyed(signed(replace(van, is_gone=True)))
    assert isinstance(role_of(uri, van.tls_pin, gone, {}, now_ms=0), Refused)
    assert gone.entry_keys(FIRST)[0].covers(1, 1), "what it recorded stays valid"


def test_whoever_has_a_lost_van_adds_nothing_behind_its_bound() -> None:
    lost = obeyed(signed(van_record(1, is_gone=True, bound=Mark(G3, 7, b"h" * 32))))
    (key,) = lost.entry_keys(FIRST)
    assert (key.covers(3, 7), key.covers(3, 8), key.covers(4, 1), key.is_open) == (True, False, False, False)


def test_an_office_cannot_take_another_nodes_key_or_number_for_its_van() -> None:
    stolen = SeededSigner("receipt 2").public_key
    assert obeyed(signed(van_record(1, receipt_key=stolen))).node(FIRST) is None
    other = signed(van_record(1, number=NodeNumber(3)))
    assert obeyed(other) == roster()
    # A van that custodians have put into the roster, in the office's own numbers and with its name.
    of_roster = replace(node_record(FIRST, "36.02-van1", Role.VAN, "36", "z"), office=N1, recipients=())
    held = replace(roster(), nodes=(*roster().nodes, of_roster))
    assert obeyed(signed(van_record(1, name="36.02-van7")), held) is held, "its number is taken"
    assert obeyed(signed(van_record(2, name="36.02-van1")), held) is held, "its name is taken"


def test_receipts_of_a_van_hold_in_every_epoch() -> None:
    keys = obeyed(signed(van_record(1))).receipt_keys(FIRST)
    assert [key.holds_in(epoch) for key in keys for epoch in (1, 7)] == [True, True]
    assert obeyed(signed(van_record(1))).entry_keys(FIRST)[0].use is KeyUse.ENTRY


# --- naming one ------------------------------------------------------------------------------------------------


def van_request(name: str = "36.02-van1", **changes: object) -> VanRecord:
    own = roster().nodes[0]
    fields = {"role": Role.VAN, "recipients": (), **changes}
    return name_van(own, roster(), (), join_request(name, **fields))[0]


def test_a_van_gets_the_next_number_of_its_office_and_keeps_it() -> None:
    own = roster().nodes[0]
    first = van_request()
    assert first.number == FIRST
    request = join_request("36.02-van2", role=Role.VAN)
    second, is_new = name_van(own, roster(), (replace(first, is_gone=True),), request)
    assert (second.number, is_new) == (FIRST + 1, True)
    assert name_van(own, roster(), (first, second), request) == (second, False)


def test_what_is_no_van_of_this_office_is_refused() -> None:
    for name, changes in (("34.04-van1", {}), ("36.02-van1", {"role": Role.OFFICE})):
        with pytest.raises(JoinRefused, match=r"expected a van of 36\.02"):
            van_request(name, **changes)
    with pytest.raises(JoinRefused, match="one that is in use"):
        van_request(entry_key=SeededSigner("entry 2").public_key)


def test_an_office_without_numbers_for_vans_or_with_none_left_is_refused() -> None:
    plain, few = founding().nodes[0], replace(roster().nodes[0], vans=NumberRange(FIRST, 1))
    request = join_request("36.02-van7", role=Role.VAN)
    with pytest.raises(JoinRefused, match="expected a range of numbers"):
        name_van(plain, founding(), (), request)
    with pytest.raises(JoinRefused, match="at most 1 for ever"):
        name_van(few, roster(), (van_record(1),), request)
    with pytest.raises(JoinRefused, match="a name that no van had"):
        name_van(
            roster().nodes[0],
            roster(),
            (van_record(7),),
            replace(request, entry_key=b"\5" * 32, tls_key=b"k", receipt_key=b"\6" * 32),
        )
