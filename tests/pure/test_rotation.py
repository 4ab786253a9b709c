"""Which key is in use while one takes the other's place, and the roster changes that make it so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.roster import Custodian, HolderAssignment, Share
from lumbung_cluster.roster_checks import check
from lumbung_cluster.roster_keys import (
    pin_authority,
    pin_escrow,
    pin_key,
    pin_recipient,
    replace_member,
    retire_authority,
    retire_escrow,
    retire_key,
    retire_recipient,
)
from lumbung_cluster.roster_node import Departure, KeyRecord, KeyUse, NodeState
from lumbung_cluster.roster_rules import Accept, judge
from lumbung_cluster.rotation import choose_key, epoch_known_to_all
from lumbung_testing.rosters import SeededSigner, TestVerifier, founding, signed, successor

A, B, C = (bytes([letter]) * 32 for letter in b"abc")
OFFICE = NodeNumber(1)
BOUND = Mark(Generation(1), 12, bytes(32))
HELD = signed(founding(), "a", "b")
HELD_NODES = HELD.parse().nodes


def receipt_key(key: bytes, first: int, last: int | None = None) -> KeyRecord:
    return KeyRecord(KeyUse.RECEIPT, key, first, last)


def test_the_next_key_waits_until_every_partner_knows_it() -> None:
    both = (receipt_key(A, 1), receipt_key(B, 4))

    assert choose_key(both, (A, B), A, 3) == A
    assert choose_key(both, (A, B), A, 4) == B


def test_there_is_no_way_back_to_an_older_key_that_is_still_in_force() -> None:
    both = (receipt_key(A, 1), receipt_key(B, 4))

    assert choose_key(both, (A, B), B, 0) == B


def test_a_retired_key_gives_way_at_once_known_or_not() -> None:
    assert choose_key((receipt_key(A, 1, 3), receipt_key(B, 4)), (A, B), A, 0) == B


def test_a_key_whose_secret_half_is_not_here_is_never_chosen() -> None:
    assert choose_key((receipt_key(A, 1), receipt_key(B, 4)), (A,), A, 9) == A
    assert choose_key((receipt_key(A, 1), receipt_key(B, 4)), (C, A), B, 9) == A


def test_without_any_key_in_force_recording_goes_on_with_the_one_at_hand() -> None:
    retired = (receipt_key(A, 1, 3),)

    assert choose_key(retired, (A,), A, 9) == A
    assert choose_key(retired, (C,), A, 9) == C
    assert choose_key(retired, (C,), b"", 9) == C


def test_an_epoch_is_known_when_the_last_partner_has_shown_it_or_is_away_for_long() -> None:
    two, three = NodeNumber(2), NodeNumber(3)

    assert epoch_known_to_all((two, three), {two: 4}, 4, is_long_ago=False) == 0
    assert epoch_known_to_all((two, three), {two: 4, three: 3}, 4, is_long_ago=False) == 3
    assert epoch_known_to_all((two, three), {two: 5, three: 9}, 4, is_long_ago=False) == 4
    assert epoch_known_to_all((two, three), {}, 4, is_long_ago=True) == 4
    assert epoch_known_to_all((), {}, 4, is_long_ago=False) == 4


@pytest.mark.parametrize("use", [KeyUse.TLS, KeyUse.ENTRY, KeyUse.RECEIPT])
def test_a_key_is_pinned_in_one_roster_and_the_former_retired_in_the_next(use: KeyUse) -> None:
    second = signed(pin_key(successor(HELD), OFFICE, use, A), "a", "b")
    bound = BOUND if use is KeyUse.ENTRY else None
    third = signed(retire_key(successor(second), OFFICE, use, None, bound), "a", "b")

    assert isinstance(judge(HELD, second, TestVerifier()), Accept)
    assert isinstance(judge(second, third, TestVerifier()), Accept)
    node = third.parse().node(OFFICE)
    assert node is not None
    former, following = node.keys_of(use)
    assert (former.first_epoch, former.last_epoch, former.bound) == (1, 2, bound)
    assert (following.key, following.first_epoch, following.last_epoch) == (A, 2, None)


def test_a_stolen_key_is_retired_and_the_next_pinned_in_one_roster() -> None:
    draft = pin_key(successor(HELD), OFFICE, KeyUse.RECEIPT, A)
    both = retire_key(draft, OFFICE, KeyUse.RECEIPT, None, None)

    assert isinstance(judge(HELD, signed(both, "a", "b"), TestVerifier()), Accept)
    node = both.node(OFFICE)
    assert node is not None
    assert node.open_keys(KeyUse.RECEIPT) == (A,)


def test_a_third_key_a_known_key_and_the_last_key_are_refused_with_the_reason() -> None:
    draft = pin_key(successor(HELD), OFFICE, KeyUse.RECEIPT, A)

    with pytest.raises(Malformed, match="at most two in force"):
        pin_key(draft, OFFICE, KeyUse.RECEIPT, B)
    with pytest.raises(Malformed, match="which is known"):
        pin_key(draft, NodeNumber(2), KeyUse.TLS, A)
    with pytest.raises(Malformed, match="the next one pinned before"):
        retire_key(successor(HELD), OFFICE, KeyUse.RECEIPT, None, None)
    with pytest.raises(Malformed, match="one that is in force before this epoch"):
        retire_key(draft, OFFICE, KeyUse.RECEIPT, A, None)


def test_keys_of_a_node_that_is_gone_are_retired_without_others() -> None:
    """Whoever finds its machine shall add nothing under its name."""
    gone = Departure(2, None, "Sri", "burnt down")
    nodes = [replace(node, state=NodeState.GONE, departure=gone) if node.number == 3 else node for node in HELD_NODES]
    kept = [replace(each, holders=_without(each)) for each in HELD.parse().assignments]
    second = signed(successor(HELD, nodes=tuple(nodes), assignments=tuple(kept)), "a", "b")
    draft = retire_key(successor(second), NodeNumber(3), KeyUse.ENTRY, None, BOUND)
    draft = retire_key(draft, NodeNumber(3), KeyUse.TLS, None, None)

    check(draft)
    assert isinstance(judge(second, signed(draft, "a", "b"), TestVerifier()), Accept)
    (entry,) = draft.entry_keys(NodeNumber(3))
    assert not entry.covers(BOUND.generation, BOUND.number + 1)


def _without(assignment: HolderAssignment) -> tuple[Share, ...]:
    return tuple(share for share in assignment.holders if share.node != 3)


def test_an_entry_key_is_retired_with_its_bound_and_the_others_without() -> None:
    entry = pin_key(successor(HELD), OFFICE, KeyUse.ENTRY, A)
    receipt = pin_key(successor(HELD), OFFICE, KeyUse.RECEIPT, A)

    with pytest.raises(Malformed, match="a bound for an entry key"):
        retire_key(entry, OFFICE, KeyUse.ENTRY, None, None)
    with pytest.raises(Malformed, match="a bound for an entry key"):
        retire_key(receipt, OFFICE, KeyUse.RECEIPT, None, BOUND)


def test_recipients_and_authorities_are_kept_with_their_last_epoch() -> None:
    draft = pin_escrow(pin_recipient(successor(HELD), OFFICE, "age1next"), "age1vault")
    draft = pin_authority(draft, "ca-2", "PEM")
    draft = retire_recipient(retire_escrow(draft, "age1escrow"), OFFICE, "age1office1")
    check(draft)

    assert isinstance(judge(HELD, signed(draft, "a", "b"), TestVerifier()), Accept)
    assert draft.seal_recipients(OFFICE) == ("age1next", "age1vault")
    assert [entry.last_epoch for entry in draft.escrow] == [1, None]
    with pytest.raises(Malformed, match="in force before this epoch"):
        retire_authority(draft, "ca-2")
    later = retire_authority(successor(signed(draft, "a", "b")), "ca-2")
    assert later.trust_roots_pem() == ""


def test_a_custodian_is_replaced_and_the_threshold_stays_met() -> None:
    quorum = founding().custodians
    following = Custodian("d", SeededSigner("d").public_key)

    assert sorted(member.name for member in replace_member(quorum, "c", following).members) == ["a", "b", "d"]
    assert sorted(member.name for member in replace_member(quorum, "c", None).members) == ["a", "b"]
    with pytest.raises(Malformed, match="expected one of"):
        replace_member(quorum, "x", None)
    with pytest.raises(Malformed, match="at least 2"):
        replace_member(replace_member(quorum, "c", None), "b", None)


def test_rosters_go_on_for_ever_after_a_key_was_retired() -> None:
    """A retired key ends before the roster that retires it, and stays so in all that follow: they were refused once."""
    second = signed(pin_key(successor(HELD), OFFICE, KeyUse.RECEIPT, A), "a", "b")
    third = signed(retire_key(successor(second), OFFICE, KeyUse.RECEIPT, None, None), "a", "b")
    fourth = signed(successor(third), "a", "b")

    assert isinstance(judge(third, fourth, TestVerifier()), Accept)
    assert isinstance(judge(fourth, signed(successor(fourth), "a", "b"), TestVerifier()), Accept)
