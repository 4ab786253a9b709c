"""A roster: its bytes, what it must fulfil, and the questions that services ask of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.copies import Missing, proven_copies
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_checks import FORMAT_LEVEL_MAX
from lumbung_cluster.roster_codec import SignedRoster, decode_roster, encode_roster
from lumbung_cluster.roster_node import (
    AgeRecipient,
    Departure,
    Extension,
    KeyRecord,
    KeyUse,
    Label,
    LinkClass,
    NodeRecord,
    NodeState,
    NumberRange,
    Reach,
    Role,
)
from lumbung_testing.rosters import SeededSigner, drc, founding, node_record, office, signed

N1, N2, N3, N4, N5 = (NodeNumber(number) for number in range(1, 6))
LOWER_HALF, UPPER_HALF = (1 << 32) - 1, all_units() ^ ((1 << 32) - 1)


def with_node(roster: Roster, number: int, **changes: object) -> Roster:
    """The roster with these fields of one node changed."""
    nodes = (replace(node, **changes) if node.number == number else node for node in roster.nodes)  # type: ignore[arg-type]
    return replace(roster, nodes=tuple(nodes))


def spread() -> Roster:
    """Origin 1 is split over offices 2 and 3; 3's half is leaving for 5. All of it at drc 4."""
    nodes = (office(1, "36.02"), office(2, "34.04"), office(3, "51.71"), drc(4), office(5, "61.01"))
    shares = (Share(N2, LOWER_HALF), Share(N4, all_units()), Share(N5, UPPER_HALF))
    return founding(nodes, assignments=[HolderAssignment(N1, shares, (Share(N3, UPPER_HALF),))])


# --- bytes ---


def test_a_roster_with_every_field_survives_its_bytes() -> None:
    roster = with_node(
        spread(),
        2,
        state=NodeState.DRAINING,
        reach=Reach("vpn:kemendagri"),
        link=LinkClass.SATELLITE,
        vans=NumberRange(NodeNumber(1000), 10),
        extensions=(Extension("colour", False, b"\1\2"),),
    )

    assert decode_roster(encode_roster(roster)) == roster
    assert SignedRoster.decode(signed(roster, "a", "b").encode()) == signed(roster, "a", "b")


@settings(max_examples=150)
@given(at=st.integers(0, 4000), flip=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_is_another_roster(at: int, flip: int) -> None:
    body = bytearray(encode_roster(founding()))
    body[at % len(body)] ^= flip
    try:
        roster = decode_roster(bytes(body))
    except Malformed:
        return
    assert encode_roster(roster) == bytes(body)


def test_a_cut_roster_is_refused() -> None:
    body = encode_roster(founding())

    for size in range(0, len(body), 97):
        with pytest.raises(Malformed):
            decode_roster(body[:size])


def test_bytes_behind_a_roster_are_refused() -> None:
    with pytest.raises(Malformed, match="no bytes behind the last field"):
        decode_roster(encode_roster(founding()) + b"\0")


def test_an_unknown_critical_field_is_refused_with_what_to_do() -> None:
    body = encode_roster(replace(founding(), extensions=(Extension("zz", False, b"v"),)))
    critical = body.replace(b"zz\0", b"zz\1")

    with pytest.raises(Malformed, match=r"critical fields that this lumbung knows \(update it\), got .*'zz'"):
        decode_roster(critical)


def test_a_roster_of_a_newer_format_level_is_refused_with_what_to_do() -> None:
    with pytest.raises(Malformed, match="this lumbung is too old: update it"):
        encode_roster(replace(founding(), format_level=FORMAT_LEVEL_MAX + 1))


def test_signing_twice_with_one_key_leaves_one_signature() -> None:
    once = signed(founding(), "a")

    assert once.signed_by(SeededSigner("a")) == once


# --- rules ---


def test_numbers_stand_once_and_in_order() -> None:
    roster = founding()

    with pytest.raises(Malformed, match="nodes by number: expected rising order without repeats, got 1 after 1"):
        encode_roster(replace(roster, nodes=(roster.nodes[0], *roster.nodes)))


def test_a_name_belongs_to_one_present_node() -> None:
    with pytest.raises(Malformed, match=r"34\.04 twice"):
        encode_roster(with_node(founding(), 1, labels=(Label("34.04", 1),)))


def test_a_gone_nodes_name_may_be_given_again() -> None:
    gone = Departure(1, None, "Sri", "kebakaran")
    roster = with_node(
        founding((office(1, "36.02"), office(2, "34.04")), assignments=()), 1, state=NodeState.GONE, departure=gone
    )
    again = replace(roster, nodes=(*roster.nodes, replace(office(3, "36.02"), addresses=())))

    found = decode_roster(encode_roster(again)).by_name("36.02")
    assert found is not None
    assert found.number == N3


@pytest.mark.parametrize("name", ["3602", "36.2", "drc-medan", "\u0663\u0666.02", "36.02 "])
def test_an_office_is_named_by_its_region_code(name: str) -> None:
    with pytest.raises(Malformed, match="name of node 1"):
        encode_roster(with_node(founding(), 1, labels=(Label(name, 1),)))


def test_a_node_is_held_by_others_than_itself() -> None:
    with pytest.raises(Malformed, match="others than the origin"):
        encode_roster(founding(assignments=[HolderAssignment(N1, (Share(N1, 1),))]))


def test_a_unit_does_not_stay_and_leave_at_one_node() -> None:
    both = HolderAssignment(N1, (Share(N2, 3),), (Share(N2, 1),))

    with pytest.raises(Malformed, match="node 2 in both"):
        encode_roster(founding(assignments=[both]))


@pytest.mark.parametrize("units", [0, 1 << 64, -1])
def test_a_mask_has_between_1_and_64_units(units: int) -> None:
    with pytest.raises(Malformed, match="a mask of 1 to 64 units"):
        encode_roster(founding(assignments=[HolderAssignment(N1, (Share(N2, units),))]))


def test_a_key_speaks_for_one_node_and_one_use() -> None:
    roster = founding()
    stolen = replace(roster.nodes[1].keys[1], use=KeyUse.RECEIPT)
    keys = (*roster.nodes[0].keys[:2], stolen, roster.nodes[0].keys[3])

    with pytest.raises(Malformed, match="key: expected each one only once"):
        encode_roster(with_node(roster, 1, keys=keys))


def test_a_present_node_has_keys_in_force() -> None:
    keys = tuple(key for key in founding().nodes[0].keys if key.use is not KeyUse.RECEIPT)

    with pytest.raises(Malformed, match="at least one receipt key in force, got none"):
        encode_roster(with_node(founding(), 1, keys=keys))


def test_a_retired_entry_key_needs_its_bound() -> None:
    tls, entry, *others = founding().nodes[0].keys
    following = KeyRecord(KeyUse.ENTRY, bytes(32), 1)
    retired = (tls, following, replace(entry, last_epoch=1), *others)

    with pytest.raises(Malformed, match="a bound at each retired entry key"):
        encode_roster(with_node(founding(), 1, keys=tuple(sorted(retired, key=lambda k: (k.use, k.key)))))


def test_a_node_goes_with_proof_or_with_a_name_and_a_reason() -> None:
    roster = founding(assignments=())

    with pytest.raises(Malformed, match="one for a node that is gone"):
        encode_roster(with_node(roster, 1, state=NodeState.GONE))
    with pytest.raises(Malformed, match="a drain proof, or a name and a reason"):
        encode_roster(with_node(roster, 1, state=NodeState.GONE, departure=Departure(1, None, "Sri", "")))
    encode_roster(with_node(roster, 1, state=NodeState.GONE, departure=Departure(1, bytes(32), "", "")))


def test_a_gone_node_holds_for_nobody() -> None:
    with pytest.raises(Malformed, match=r"nodes that are present, got 34\.04, which is gone"):
        encode_roster(with_node(founding(), 2, state=NodeState.GONE, departure=Departure(1, bytes(32), "", "")))


def test_a_threshold_can_be_met_and_recovery_keys_are_separate() -> None:
    roster = founding()

    with pytest.raises(Malformed, match="custodians threshold: expected 1 to 3"):
        encode_roster(replace(roster, custodians=replace(roster.custodians, threshold=4)))
    with pytest.raises(Malformed, match="custodian or recovery key: expected each one only once"):
        encode_roster(replace(roster, recovery=roster.custodians))


def test_only_the_first_epoch_has_no_predecessor() -> None:
    for changes in ({"epoch": 2}, {"predecessor_hash": b"\1" * 32}):
        with pytest.raises(Malformed, match="zeros in epoch 1 and only there"):
            encode_roster(replace(founding(), **changes))


def test_a_node_has_one_name_at_a_time() -> None:
    later = replace(founding(), epoch=3, predecessor_hash=b"\1" * 32)

    with pytest.raises(Malformed, match="only the newest open"):
        encode_roster(with_node(later, 1, labels=(Label("36.02", 1), Label("37.01", 2))))
    with pytest.raises(Malformed, match="open while the node is present"):
        encode_roster(with_node(later, 1, labels=(Label("36.02", 1, 2),)))


def test_a_van_belongs_to_an_office() -> None:
    van = node_record(5, "36.02-van1", Role.VAN, "36", "zone 36")
    roster = founding()

    with pytest.raises(Malformed, match=r"office of 36\.02-van1: expected an office, got drc-batam"):
        encode_roster(replace(roster, nodes=(*roster.nodes, replace(van, office=N4))))
    with pytest.raises(Malformed, match="an office, DRC or central node"):
        encode_roster(replace(roster, nodes=(*roster.nodes, replace(van, office=N5))))


def test_a_unit_has_no_more_holders_than_an_answer_can_name() -> None:
    nodes = [office(number, f"36.{number:02d}") for number in range(1, 18)]
    shares = tuple(Share(NodeNumber(number), 1) for number in range(2, 18))

    with pytest.raises(Malformed, match=r"holders of 36\.01: expected at most 16 for a unit, got 17"):
        encode_roster(founding(nodes, assignments=[HolderAssignment(N1, shares)]))


@pytest.mark.parametrize("address", ["127.0.0.1", "host:0", "host:99999", "http://host:1", "ho st:1"])
def test_addresses_are_host_and_port(address: str) -> None:
    with pytest.raises(Malformed, match=r"address of 36\.02: expected host:port"):
        encode_roster(with_node(founding(), 1, addresses=(address,)))


def test_van_numbers_of_two_offices_do_not_overlap() -> None:
    roster = with_node(founding(), 1, vans=NumberRange(NodeNumber(100), 10))

    with pytest.raises(Malformed, match=r"van numbers of 34\.04: expected a range of u32 of its own"):
        encode_roster(with_node(roster, 2, vans=NumberRange(NodeNumber(109), 10)))
    with pytest.raises(Malformed, match=r"number of 51\.71: expected one outside"):
        encode_roster(with_node(roster, 1, vans=NumberRange(N3, 1)))


def test_reach_is_one_of_three() -> None:
    for text in ("", "vpn:", "nat", "PUBLIC"):
        with pytest.raises(Malformed, match="public, dial-only or vpn:NAME"):
            Reach(text)


# --- questions ---


def test_holders_come_with_the_origin_first_and_without_those_that_leave() -> None:
    roster = spread()

    assert roster.holders_of(N1, 0) == (N1, N2, N4)
    assert roster.holders_of(N1, 63) == (N1, N4, N5)
    assert roster.receivers_of(N1, 63) == (N1, N4, N5, N3)
    assert roster.holders_of(N2, 0) == (N2,)
    assert roster.holders_of(NodeNumber(99), 0) == ()


def test_units_held_counts_holders_and_those_that_leave() -> None:
    roster = spread()

    assert roster.units_held(N1, N1) == all_units()
    assert roster.units_held(N2, N1) == LOWER_HALF
    assert roster.units_held(N3, N1) == UPPER_HALF
    assert roster.units_held(N3, N2) == 0


def test_partners_share_a_unit() -> None:
    roster = spread()

    assert roster.partners_of(N1) == (N2, N3, N4, N5)
    assert roster.partners_of(N2) == (N1, N4)
    assert roster.origins_shared(N2, N4) == (N1,)
    assert roster.origins_shared(N2, N5) == ()


def test_a_gone_node_is_nobodys_partner_and_its_blobs_still_bind_its_holders() -> None:
    departed = {"state": NodeState.GONE, "departure": Departure(1, None, "Sri", "banjir")}
    roster = with_node(spread(), 1, **departed)

    assert roster.partners_of(N1) == ()
    assert roster.partners_of(N2) == (N4,)
    assert not roster.is_present(N1)


def test_sealing_goes_to_the_office_and_the_escrow_in_force() -> None:
    van = replace(node_record(5, "36.02-van1", Role.VAN, "36", "zone 36"), office=N1, recipients=())
    roster = founding((office(1, "36.02"), van), assignments=())
    old = (AgeRecipient("age1escrow", 1, 1), AgeRecipient("age1new", 1))

    assert roster.seal_recipients(N5) == ("age1office1", "age1escrow")
    assert replace(roster, escrow=old).seal_recipients(N1) == ("age1office1", "age1new")


def test_a_retired_entry_key_covers_entries_up_to_its_bound() -> None:
    bound = Mark(Generation(2), 100, bytes(32))
    key = KeyRecord(KeyUse.ENTRY, bytes(32), 1, 3, bound)

    assert key.covers(1, 5000)
    assert key.covers(2, 100)
    assert not key.covers(2, 101)
    assert not key.covers(3, 1)
    assert [epoch for epoch in range(6) if key.holds_in(epoch)] == [1, 2, 3]


def test_dialling_needs_a_public_side_or_the_same_vpn() -> None:
    public, dial_only, one, other = (Reach(text) for text in ("public", "dial-only", "vpn:a", "vpn:b"))

    assert public.can_meet(dial_only)
    assert one.can_dial(one)
    assert not dial_only.can_meet(dial_only)
    assert not one.can_meet(other)
    assert not one.can_meet(dial_only)


# --- copies ---


@pytest.mark.parametrize(
    ("proven", "count", "missing"),
    [
        ([], 0, (Missing.DRC, Missing.SECOND_PROVINCE)),
        ([1], 1, (Missing.DRC, Missing.SECOND_PROVINCE)),
        ([1, 2], 2, (Missing.DRC,)),
        ([1, 2, 3], 2, (Missing.DRC,)),
        ([1, 4], 2, (Missing.COPY,)),
        ([1, 2, 4], 3, ()),
        ([1, 2, 3, 4], 3, ()),
        ([2, 3, 4], 3, ()),
        ([1, 1, 1, 99], 1, (Missing.DRC, Missing.SECOND_PROVINCE)),
    ],
)
def test_copies_count_by_proof_and_constraint(proven: list[int], count: int, missing: tuple[Missing, ...]) -> None:
    copies = proven_copies(founding(), N1, [NodeNumber(number) for number in proven])

    assert (copies.count, copies.safe, copies.missing) == (count, count == 3, missing)


def test_drc_nodes_in_one_zone_are_one_copy_and_in_two_zones_two() -> None:
    together = founding((office(1, "36.02"), drc(2, "drc-a"), drc(3, "drc-b")))
    apart = founding((office(1, "36.02"), drc(2, "drc-a"), drc(3, "drc-b", province="35", zone="zone surabaya")))

    assert proven_copies(together, N1, [N1, N2, N3]).count == 2
    assert proven_copies(apart, N1, [N1, N2, N3]).safe


def test_three_copies_in_one_province_count_as_two() -> None:
    roster = founding((office(1, "21.71"), office(2, "21.01"), drc(3, province="21")))
    copies = proven_copies(roster, N1, [N1, N2, N3])

    assert (copies.count, copies.missing) == (2, (Missing.SECOND_PROVINCE,))


def test_a_node_that_only_watches_is_no_copy() -> None:
    ops = replace(node_record(5, "central-ops", Role.OPS, "31", "zone 31"), office=N4)
    roster = founding((office(1, "36.02"), drc(4), ops))

    assert proven_copies(roster, N1, [N1, N4, N5]).count == 2


def test_a_gone_holders_copy_does_not_count() -> None:
    nodes: list[NodeRecord] = [office(1, "36.02"), office(2, "34.04"), drc(4)]
    gone = replace(nodes[1], state=NodeState.GONE, departure=Departure(1, None, "Sri", "kebakaran"))
    roster = founding([nodes[0], gone, nodes[2]], assignments=())

    assert proven_copies(roster, N1, [N1, N2, N4]).count == 2
