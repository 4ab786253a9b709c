"""Join requests and packs: bytes, proofs of possession, and what a roster lets in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.enrolment_pack import EnrolmentPack, Welcome, judge_pack
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.join_request import FirstOperator, JoinRequest
from lumbung_cluster.joining import JoinRefused, admit, van_numbers
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_checks import check
from lumbung_cluster.roster_history import contradictions
from lumbung_cluster.roster_node import Departure, KeyUse, LinkClass, NodeState, NumberRange, Reach, Role
from lumbung_cluster.roster_rules import Refuse
from lumbung_cluster.signed import Signature
from lumbung_cluster.signed_join import SignedJoin, possession_objection
from lumbung_testing.joining import TLS_VERIFIER, join_request, signed_join
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, office, signed, successor

GOLDEN = Path(__file__).parents[1] / "golden" / "joining_v0.json"
BOUND = Mark(Generation(3), 1200, b"\7" * 32)
HELD = signed(founding(), "a", "b")
NEW = "73.71"


def draft() -> Roster:
    return successor(HELD)


def objection(found: SignedJoin) -> str | None:
    return possession_objection(found, TestVerifier(), TLS_VERIFIER)


# --- bytes and proofs ------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=20)
requests = st.builds(
    lambda **changes: join_request(NEW, **changes),
    role=st.sampled_from(Role),
    replaces=st.none() | st.integers(1, 2**32 - 1).map(NodeNumber),
    created_ms=st.integers(0, 2**63),
    nonce=st.binary(min_size=16, max_size=16),
    province=texts,
    hazard_zone=texts,
    addresses=st.lists(texts, min_size=1, max_size=8).map(tuple),
    reach=st.sampled_from(["public", "dial-only", "vpn:dukcapil"]).map(Reach),
    link=st.sampled_from(LinkClass),
    capacity_bytes=st.integers(0, 2**63),
    access_key=st.none() | st.just(SeededSigner(f"access {NEW}").public_key),
    recipients=st.sets(texts, max_size=4).map(lambda found: tuple(sorted(found))),
    operator=st.none() | st.just(FirstOperator("operator", SeededSigner(f"operator {NEW}").public_key)),
)


@given(requests)
def test_a_request_is_read_as_it_was_written_and_proves_its_keys(request: JoinRequest) -> None:
    found = SignedJoin.decode(signed_join(request).encode())

    assert found.request == request
    assert found.encode() == signed_join(request).encode()
    assert objection(found) is None


@given(st.data())
def test_any_changed_bit_is_refused(data: st.DataObject) -> None:
    raw = bytearray(signed_join(join_request(NEW)).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    try:
        found = SignedJoin.decode(bytes(raw))
    except Malformed:
        return
    assert objection(found) is not None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_key_that_somebody_else_has_proves_nothing(place: int) -> None:
    honest = signed_join(join_request(NEW))
    stolen = SeededSigner("thief")
    signatures = list(honest.signatures)
    signatures[place] = Signature(signatures[place].key_public, stolen.sign(honest.body))

    assert "altered" in (objection(replace(honest, signatures=tuple(signatures))) or "")


def test_signatures_by_other_keys_than_those_of_the_request_prove_nothing() -> None:
    honest, other = signed_join(join_request(NEW)), signed_join(join_request("51.72"))

    assert objection(replace(honest, signatures=other.signatures)) is not None
    assert objection(replace(honest, signatures=honest.signatures[:2])) is not None
    assert objection(replace(honest, tls_signature=other.tls_signature)) is not None
    assert objection(replace(honest, operator_signature=None)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"addresses": ()},
        {"recipients": ("b", "a")},
        {"entry_key": SeededSigner(f"receipt {NEW}").public_key},
        {"operator": FirstOperator("Bu Sari", b"key")},
        {"replaces": 0},
        {"province": "x" * 65},
    ],
)
def test_a_request_that_cannot_be_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        join_request(NEW, **changes).encode()


def test_files_of_another_kind_or_version_are_told_apart() -> None:
    raw = signed_join(join_request(NEW)).encode()

    with pytest.raises(Malformed, match="got a file of the kind 'pack'"):
        SignedJoin.decode(b"lumbung/pack/0\0" + raw[15:])
    with pytest.raises(Malformed, match="update this lumbung for later ones"):
        SignedJoin.decode(b"lumbung/join/1\0" + raw[15:])
    with pytest.raises(Malformed, match="got something else"):
        SignedJoin.decode(raw[1:])


def test_bytes_that_were_written_once_are_read_for_ever() -> None:
    expected = {key: bytes.fromhex(text) for key, text in json.loads(GOLDEN.read_text()).items()}
    found = signed_join(join_request())

    assert (found.body, found.hash, found.encode()) == (expected["body"], expected["hash"], expected["file"])
    assert SignedJoin.decode(expected["file"]).request == join_request()
    pack = EnrolmentPack.decode(expected["pack"])
    assert (pack.node, pack.request_hash, pack.encode()) == (5, found.hash, expected["pack"])


# --- what a roster lets in -------------------------------------------------------------------------------------


def test_a_newcomer_gets_the_next_number_and_the_epoch_of_the_draft() -> None:
    admitted = admit(draft(), join_request(NEW), number=None, bound=None)

    assert (admitted.node.number, admitted.node.office, admitted.is_new) == (5, 5, True)
    assert {key.first_epoch for key in admitted.node.keys} == {2}
    assert admitted.node.vans == van_numbers(NodeNumber(5))
    assert list(contradictions(HELD.parse(), admitted.roster, is_direct_successor=True)) == []


@given(st.sets(st.integers(1, 40), min_size=1, max_size=12), st.data())
def test_a_number_is_never_used_twice(numbers: set[int], data: st.DataObject) -> None:
    """Not even that of a node that is gone, and none that an office may give to its vans."""
    nodes = [office(number, f"{10 + number}.01") for number in sorted(numbers)]
    gone = data.draw(st.sets(st.sampled_from(sorted(numbers))))
    departure = Departure(1, None, "Direktur", "closed")
    nodes = [
        replace(node, state=NodeState.GONE, departure=departure) if node.number in gone else node for node in nodes
    ]
    first = data.draw(st.integers(max(numbers) + 1, 60))
    if nodes[0].number not in gone:
        nodes[0] = replace(nodes[0], vans=NumberRange(NodeNumber(first), data.draw(st.integers(1, 9))))
    roster = founding(nodes, assignments=())
    vans = nodes[0].vans

    given_number = admit(roster, join_request("99.01"), number=None, bound=None).node.number

    assert given_number > max(numbers)
    assert vans is None or given_number not in vans


@pytest.mark.parametrize("number", [1, 4, 2**24, van_numbers(NodeNumber(9)).first])
def test_a_number_that_is_taken_or_kept_for_vans_is_refused(number: int) -> None:
    with pytest.raises(JoinRefused, match=f"number {number}: expected one"):
        admit(draft(), join_request(NEW), number=NodeNumber(number), bound=None)


def test_a_code_in_use_is_refused_with_the_way_for_new_hardware() -> None:
    with pytest.raises(JoinRefused, match=r"got that of node 1; .* --replaces 1"):
        admit(draft(), join_request("36.02"), number=None, bound=None)


def test_a_key_or_recipient_of_another_node_is_refused() -> None:
    stolen = SeededSigner("receipt 2").public_key
    with pytest.raises(JoinRefused, match=r"is a key of node 2 \(34.04\)"):
        admit(draft(), join_request(NEW, receipt_key=stolen), number=None, bound=None)
    with pytest.raises(JoinRefused, match=r"got one of node 2"):
        admit(draft(), join_request(NEW, recipients=("age1office2",)), number=None, bound=None)


def test_a_request_for_another_cluster_is_refused() -> None:
    with pytest.raises(JoinRefused, match="for another cluster"):
        admit(draft(), join_request(NEW, cluster=ClusterId(b"x" * 16)), number=None, bound=None)


def test_the_same_request_twice_in_one_draft_changes_nothing() -> None:
    once = admit(draft(), join_request(NEW), number=None, bound=None)
    twice = admit(once.roster, join_request(NEW), number=None, bound=None)

    assert (twice.is_new, twice.roster, twice.node) == (False, once.roster, once.node)
    with pytest.raises(JoinRefused, match="it has number 5 in this draft, got 9"):
        admit(once.roster, join_request(NEW), number=NodeNumber(9), bound=None)


def test_a_request_that_was_used_is_refused_for_ever() -> None:
    once = admit(draft(), join_request(NEW), number=None, bound=None)
    later = successor(signed(once.roster, "a", "b"))
    with pytest.raises(JoinRefused, match="made node 5 in epoch 2"):
        admit(later, join_request(NEW), number=None, bound=None)


def test_a_van_belongs_to_the_office_of_its_name() -> None:
    van = join_request("36.02-van1", role=Role.VAN, recipients=())
    assert admit(draft(), van, number=None, bound=None).node.office == 1
    with pytest.raises(JoinRefused, match="the van of an office in this roster"):
        admit(draft(), join_request("99.01-van1", role=Role.VAN), number=None, bound=None)


def test_a_name_that_is_none_breaks_the_rules_of_rosters() -> None:
    with pytest.raises(Malformed, match="name of node 5"):
        admit(draft(), join_request("lebak"), number=None, bound=None)


# --- new hardware ----------------------------------------------------------------------------------------------


def replacing(**changes: object) -> JoinRequest:
    """New keys for 36.02 (node 1); the office kept its access key and age identity."""
    fields: dict[str, object] = {"replaces": NodeNumber(1), "access_key": None, "recipients": (), "operator": None}
    return join_request("36.02", **{**fields, **changes})


def test_new_hardware_keeps_number_and_history_and_ends_the_old_keys() -> None:
    admitted = admit(draft(), replacing(), number=None, bound=BOUND)
    node = admitted.node

    assert (node.number, node.labels) == (1, draft().nodes[0].labels)
    for use in (KeyUse.TLS, KeyUse.ENTRY, KeyUse.RECEIPT):
        old, new = node.keys_of(use)
        assert (old.last_epoch, new.first_epoch, new.last_epoch) == (1, 2, None)
        assert old.bound == (BOUND if use is KeyUse.ENTRY else None)
    assert node.open_keys(KeyUse.ACCESS) == (SeededSigner("access 1").public_key,)
    assert node.recipients == draft().nodes[0].recipients
    check(admitted.roster)
    assert list(contradictions(HELD.parse(), admitted.roster, is_direct_successor=True)) == []


def test_new_hardware_with_new_office_keys_ends_those_as_well() -> None:
    fresh = SeededSigner("access 36.02").public_key
    node = admit(draft(), replacing(access_key=fresh, recipients=("age1new",)), number=None, bound=BOUND).node

    assert node.open_keys(KeyUse.ACCESS) == (fresh,)
    assert [(entry.recipient, entry.last_epoch) for entry in node.recipients] == [("age1office1", 1), ("age1new", None)]


def test_an_office_may_keep_its_access_key_on_new_hardware() -> None:
    held = SeededSigner("access 1").public_key
    node = admit(draft(), replacing(access_key=held), number=None, bound=BOUND).node

    assert node.open_keys(KeyUse.ACCESS) == (held,)


@pytest.mark.parametrize(
    ("changes", "number", "bound", "said"),
    [
        ({}, None, None, "expected how far entries"),
        ({"replaces": NodeNumber(2)}, None, BOUND, r"expected the name of node 2 \(34.04\)"),
        ({"replaces": NodeNumber(77)}, None, BOUND, "expected to replace a node that is present, got 77"),
        ({}, NodeNumber(9), BOUND, "keeps the number 1, got 9"),
    ],
)
def test_new_hardware_that_is_not_its_nodes_is_refused(
    changes: dict[str, object], number: NodeNumber | None, bound: Mark | None, said: str
) -> None:
    with pytest.raises(JoinRefused, match=said):
        admit(draft(), replacing(**changes), number=number, bound=bound)


# --- packs -----------------------------------------------------------------------------------------------------


def answer(asked: SignedJoin, *custodians: str) -> EnrolmentPack:
    roster = admit(draft(), asked.request, number=None, bound=None).roster
    rosters = (signed(roster, *custodians).encode(),)
    return EnrolmentPack(CLUSTER, NodeNumber(5), asked.hash, 1, rosters, "chain", "chain", b"sealed", ())


def test_a_pack_welcomes_whoever_asked() -> None:
    asked = signed_join(join_request(NEW))
    verdict = judge_pack(EnrolmentPack.decode(answer(asked, "a", "b").encode()), asked, TestVerifier())

    assert isinstance(verdict, Welcome)
    assert verdict.node.name == NEW


def test_a_pack_with_a_chain_leads_from_the_roster_that_is_vouched_for() -> None:
    asked = signed_join(join_request(NEW))
    pack = answer(asked, "a", "b")

    verdict = judge_pack(replace(pack, rosters=(HELD.encode(), *pack.rosters)), asked, TestVerifier())

    assert isinstance(verdict, Welcome)
    assert verdict.roster.epoch == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cluster": ClusterId(b"y" * 16)}, "pack of another cluster"),
        ({"request_hash": b"z" * 32}, "pack for another machine"),
        ({"node": NodeNumber(1)}, "expected node 1 of the roster to be 73.71, got 36.02"),
        ({"node": NodeNumber(77)}, "got none"),
        ({"rosters": (HELD.encode(),)}, "expected node 5 of the roster"),
        ({"rosters": (b"junk",)}, "not understood"),
        ({"access_lists": (b"junk",)}, "not understood"),
    ],
)
def test_a_pack_that_is_not_ours_is_refused(changes: dict[str, object], said: str) -> None:
    asked = signed_join(join_request(NEW))
    verdict = judge_pack(replace(answer(asked, "a", "b"), **changes), asked, TestVerifier())  # type: ignore[arg-type]

    assert isinstance(verdict, Refuse)
    assert said in verdict.reason


def test_a_pack_whose_roster_too_few_have_signed_is_refused() -> None:
    asked = signed_join(join_request(NEW))
    verdict = judge_pack(answer(asked, "a"), asked, TestVerifier())

    assert isinstance(verdict, Refuse)
    assert "expected signatures of 2 of 3 custodians" in verdict.reason


def test_a_pack_whose_roster_has_other_keys_under_our_name_is_refused() -> None:
    asked = signed_join(join_request(NEW))
    other = signed_join(join_request(NEW, entry_key=SeededSigner("entry thief").public_key))
    pack = replace(answer(other, "a", "b"), request_hash=asked.hash)

    verdict = judge_pack(pack, asked, TestVerifier())

    assert isinstance(verdict, Refuse)
    assert "expected our entry key" in verdict.reason
